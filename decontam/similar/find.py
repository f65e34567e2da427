"""Segments and items -> which segments say the same as an item in other words."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from decontam.items.item import Item
from decontam.rows.shapes import Segment
from decontam.similar.candidates import Shingled
from decontam.similar.embeddings import Embedder, Vectors, embed, nearest
from decontam.similar.finding import Candidate, SimilarFinding, excerpt, finding
from decontam.similar.judge import Judge
from decontam.similar.settings import Settings
from decontam.similar.windows import Span, Text, doublings, halves, read_text

DEFAULTS = Settings()


def find_similar(
    segments: Iterable[Segment],
    items: Sequence[Item],
    settings: Settings = DEFAULTS,
    *,
    embedder: Embedder | None = None,
    judge: Judge | None = None,
) -> Iterator[SimilarFinding]:
    """Say which segments seem to say the same as an item without its n-grams.

    Shingles find light paraphrases; an embedder adds heavy ones and translations; a judge looks at
    what these found and labels it.  Verbatim copies are found as well, being most similar of all.

    Each character is looked at through a window of every size that prompts have: shingles cost 1 to
    5 s of one core for a MB of rows, growing with the number of items.  An embedder sees the rows
    twice for every doubling between the shortest prompt and the longest.

    Args:
        segments: The turns to look at; read in batches, never held whole.
        items: Those whose prompts are looked for; see `unsearchable` for those that are not.
        settings: Thresholds and sizes.
        embedder: Turns texts into unit vectors; None looks at shingles only.
        judge: Looks at the candidates; None leaves the labels to the evidence.

    Yields:
        Findings in the order of the segments, then of the items; one for a segment and an item.

    Raises:
        ValueError: no item can be looked for, or vectors that are not what was asked for.
        AddressError: a server of embeddings or verdicts does not answer.
    """
    missing = unsearchable(items, settings)
    if len(missing) == len(items):
        raise ValueError(f"none of {len(items)} items can be looked for; each prompt needs "
                         f"{settings.min_tokens} tokens")  # fmt: skip
    prompts = {i: read_text(m.prompt) for i, m in enumerate(items) if i not in missing}
    index = Shingled.of(prompts, settings)
    embedded = _embedded(embedder, prompts, settings) if embedder else None
    return _findings(iter(segments), items, settings, index, embedded, judge)


def unsearchable(items: Sequence[Item], settings: Settings = DEFAULTS) -> dict[int, str]:
    """The items that are not looked for, by place, and why."""
    counts = {i: len(read_text(item.prompt)) for i, item in enumerate(items)}
    return {
        i: f"prompt of {count} tokens; at least {settings.min_tokens} are needed"
        for i, count in counts.items()
        if count < settings.min_tokens
    }


@dataclass(frozen=True, slots=True)
class _Embedded:
    """The prompts as vectors."""

    embedder: Embedder
    items: tuple[int, ...]
    vectors: Vectors
    sizes: tuple[int, ...]
    """Characters in a window of a row."""


def _embedded(embedder: Embedder, prompts: Mapping[int, Text], settings: Settings) -> _Embedded:
    vectors = embed(embedder, [p.original for p in prompts.values()], settings.embedded)
    sizes = doublings(len(prompt.line) for prompt in prompts.values())
    return _Embedded(embedder, tuple(prompts), vectors, sizes)


def _findings(
    segments: Iterator[Segment],
    items: Sequence[Item],
    settings: Settings,
    index: Shingled,
    embedded: _Embedded | None,
    judge: Judge | None,
) -> Iterator[SimilarFinding]:
    while batch := list(itertools.islice(segments, settings.batch)):
        found = list(_candidates(batch, settings, index, embedded))
        pairs = [
            (excerpt(c)[: settings.judged], items[c.item].prompt[: settings.judged]) for c in found
        ]
        judged = judge(pairs) if judge and pairs else [None] * len(pairs)
        for candidate, judgement in zip(found, judged, strict=True):
            yield finding(candidate, items[candidate.item], judgement, settings.overlap)


def _candidates(
    segments: Sequence[Segment], settings: Settings, index: Shingled, embedded: _Embedded | None
) -> Iterator[Candidate]:
    texts = [read_text(segment.text) for segment in segments]
    shared = {(s.text, s.item): (s.span, s.jaccard) for s in index.find(texts)}
    near = _near(texts, settings, embedded) if embedded else {}
    for key in sorted(shared.keys() | near.keys()):
        # the span of shingles is exact, that of an embedding only where its window lay
        span = shared[key][0] if key in shared else near[key][0]
        yield Candidate(
            segment=segments[key[0]],
            item=key[1],
            span=texts[key[0]].span(span),
            jaccard=shared[key][1] if key in shared else None,
            cosine=near[key][1] if key in near else None,
        )


def _near(
    texts: Sequence[Text], settings: Settings, embedded: _Embedded
) -> dict[tuple[int, int], tuple[Span, float]]:
    """For each text and item near it, the best window and its cosine."""
    windows = [(k, span) for k, t in enumerate(texts) if t for span in halves(t, embedded.sizes)]
    if not windows:
        return {}
    cut = [texts[k].around(span) for k, span in windows]
    vectors = embed(embedded.embedder, cut, settings.embedded)
    best: dict[tuple[int, int], tuple[Span, float]] = {}
    for near in nearest(vectors, embedded.vectors, settings.cosine, settings.top_k):
        text, span = windows[near.query]
        key = text, embedded.items[near.item]
        if key not in best or near.cosine > best[key][1]:
            best[key] = span, near.cosine
    return best
