"""What the third tier reports."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from decontam.items.item import Item
from decontam.rows.shapes import Segment
from decontam.similar.language import crosses
from decontam.similar.prompt import Judgement, Verdict
from decontam.similar.windows import Span

SimilarLabel = Literal["similar", "translation", "template_variant"]
Source = Literal["minhash", "embedding", "judge"]

_JUDGED: dict[str, SimilarLabel] = {
    "same": "similar",
    "translation": "translation",
    "variant": "template_variant",
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A segment and an item that signatures or embeddings brought together."""

    segment: Segment
    item: int
    span: Span
    """Characters of the segment's text."""
    jaccard: float | None
    cosine: float | None


@dataclass(frozen=True, slots=True)
class SimilarFinding:
    """One turn of one row seems to say the same as one item.  Reported; never flags the row."""

    row: int
    turn: int
    item: int
    """Place of the item among those looked for."""
    label: SimilarLabel
    """`similar`: other words.  `translation`: another language, by a judge, or by embeddings where
    `decontam.similar.language.crosses`.  `template_variant`: other numbers or facts, by a judge
    only: neither shingles nor embeddings tell 7 from 8."""
    source: Source
    """What the label rests on."""
    span: Span
    """Characters of the turn's text, the end excluded."""
    jaccard: float | None
    """Exact similarity of the shingle sets, where shingles found the pair."""
    cosine: float | None
    """Inner product of the embeddings, where they found it."""
    judged: Verdict | Literal["unjudged"] | None
    """What a judge said; None without one.  `different` leaves the label to the other evidence and
    the finding in the report: the text judged may have asked for it."""
    reason: str | None
    """Why, in the judge's words; escape it where it is shown."""

    @property
    def score(self) -> float:
        """What the source compared with its threshold; for a judge, what brought it the pair."""
        first, second = self.jaccard, self.cosine
        if self.source != "minhash":
            first, second = second, first
        score = first if first is not None else second
        assert score is not None
        return score


def finding(
    candidate: Candidate, item: Item, judgement: Judgement | None, overlap: float
) -> SimilarFinding:
    """Label a candidate by the strongest evidence there is: judge, embeddings, shingles."""
    verdict = judgement.verdict if judgement else None
    label, source = _labelled(candidate, item, verdict, overlap)
    return SimilarFinding(
        row=candidate.segment.row,
        turn=candidate.segment.turn,
        item=candidate.item,
        label=label,
        source=source,
        span=candidate.span,
        jaccard=candidate.jaccard,
        cosine=candidate.cosine,
        judged=verdict,
        reason=judgement.reason if judgement else None,
    )


def excerpt(candidate: Candidate) -> str:
    """The window's text as it stands in the row."""
    return candidate.segment.text[slice(*candidate.span)]


def _labelled(
    candidate: Candidate, item: Item, verdict: str | None, overlap: float
) -> tuple[SimilarLabel, Source]:
    if verdict in _JUDGED:
        return _JUDGED[verdict], "judge"
    if candidate.jaccard is not None:
        return "similar", "minhash"
    crossed = crosses(excerpt(candidate), item.prompt, overlap)
    return ("translation" if crossed else "similar"), "embedding"
