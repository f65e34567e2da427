"""The third tier as a check asks for it, and its findings as matches."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from pathlib import Path

from decontam.items.entries import Entries
from decontam.report.evidence import CONTEXT, Match
from decontam.rows.shapes import Segment
from decontam.similar.embeddings import Embedder, HttpEmbedder
from decontam.similar.find import find_similar
from decontam.similar.finding import SimilarFinding
from decontam.similar.folder import folder_embedder
from decontam.similar.judge import HttpJudge
from decontam.similar.settings import Settings
from decontam.similar.verdicts import Verdicts
from decontam.text.tokens import words
from evals.engines.server import Server

TIMEOUT_S, RETRIES = 60.0, 4


@dataclass(frozen=True, slots=True)
class SimilarRequest:
    """What the third tier uses; it only reports."""

    settings: Settings = field(default_factory=Settings)
    embed_folder: str | None = None
    """A local model that embeds texts."""
    embed_url: str | None = None
    """Or the address of an OpenAI-compatible server that does, with the model's name."""
    embed_model: str = ""
    judge_url: str | None = None
    """An OpenAI-compatible server whose model looks at what was found."""
    judge_model: str = ""
    key_variable: str | None = None
    """The environment variable that holds the servers' key."""

    def matches(
        self, segments: Iterable[Segment], entries: Entries, file: str, verdicts: Path
    ) -> Iterator[tuple[Match, int]]:
        """Similar rows as matches, with the place of the item.

        Args:
            segments: The turns to look at.
            entries: What is looked for.
            file: Name of the rows' file.
            verdicts: Where the judge's verdicts are kept.

        Raises:
            ValueError: no item can be looked for, a server does not answer, or the variable named
                for its key is not set.
        """
        held: dict[tuple[int, int], Segment] = {}

        def noted() -> Iterator[Segment]:
            for segment in segments:
                held[segment.row, segment.turn] = segment
                yield segment

        found = find_similar(
            noted(),
            entries.items,
            self.settings,
            embedder=self._embedder(),
            judge=self._judge(verdicts),
        )
        for finding in found:
            text = held[finding.row, finding.turn].text
            yield _match(finding, text, entries, file), finding.item
            for key in [k for k in held if k[0] < finding.row]:
                del held[key]

    def describe(self) -> dict[str, object]:
        """What decides the findings, as plain data."""
        return dataclasses.asdict(self)

    def _embedder(self) -> Embedder | None:
        if self.embed_folder:
            return folder_embedder(Path(self.embed_folder))
        if not self.embed_url:
            return None
        return HttpEmbedder(self._server(self.embed_url), self.embed_model)

    def _judge(self, verdicts: Path) -> HttpJudge | None:
        if not self.judge_url:
            return None
        return HttpJudge(self._server(self.judge_url), self.judge_model, Verdicts(verdicts))

    def _server(self, url: str) -> Server:
        name = self.key_variable
        if name is not None and not os.environ.get(name, "").strip():
            raise ValueError(
                f"the environment variable {name} holds no key; set it, or name no variable for a "
                "server without a key"
            )
        return Server(url, name, timeout=TIMEOUT_S, retries=RETRIES)


def _match(finding: SimilarFinding, text: str, entries: Entries, file: str) -> Match:
    item, (start, end) = entries.items[finding.item], finding.span
    shared, longest = _shared(words(text[start:end]), words(item.prompt))
    return Match(
        file=file,
        row=finding.row,
        turn=finding.turn,
        benchmark=item.benchmark,
        item=item.id,
        label=finding.label,
        flagged=False,
        allowed=False,
        rule=_rule(finding),
        score=finding.score,
        token_match=shared,
        ngram_match=shared,
        longest_match=longest,
        weighted=None,
        train_start=start,
        train_end=end,
        train_text=text[start:end],
        train_before=text[max(start - CONTEXT, 0) : start],
        train_after=text[end : end + CONTEXT],
        item_start=0,
        item_end=len(item.prompt),
        item_text=item.prompt,
        item_before="",
        item_after="",
    )


def _shared(row: list[str], prompt: list[str]) -> tuple[float, float]:
    """Share of the prompt's tokens that the row holds, and its longest shared run."""
    present = set(row)
    run = SequenceMatcher(None, row, prompt, autojunk=False).find_longest_match().size
    return sum(word in present for word in prompt) / len(prompt), run / len(prompt)


def _rule(finding: SimilarFinding) -> str:
    judged = f", judged {finding.judged}" if finding.judged else ""
    return f"{finding.source}{judged}"
