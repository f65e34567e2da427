"""A language model that looks at pairs of a window and a prompt."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import httpx

from decontam.similar import prompt
from decontam.similar.prompt import Judgement
from decontam.similar.verdicts import Key, Verdicts
from evals.engines.background import Emit, bounded, iterate
from evals.engines.server import Server, ServerError

REFUSED = frozenset({400, 413, 422})
"""Statuses by which a server turns down one request (too long, filtered), not all of them."""


class Judge(Protocol):
    """Says of pairs of a row's text and an item's prompt how they relate, in their order."""

    def __call__(self, pairs: Sequence[tuple[str, str]], /) -> list[Judgement]:
        """Judge pairs (row, item)."""
        ...


@dataclass(frozen=True, slots=True)
class HttpJudge:
    """A model behind an OpenAI-compatible `/chat/completions`, asked at temperature 0."""

    server: Server
    model: str
    verdicts: Verdicts = field(default_factory=lambda: Verdicts(None))
    """Where verdicts are kept; `Verdicts(path)` lets a run resume."""
    concurrency: int = 4
    """Requests under way at a time."""
    max_tokens: int = 300
    """Of an answer; reasoning models need more."""

    def __call__(self, pairs: Sequence[tuple[str, str]], /) -> list[Judgement]:
        """Judge pairs, equal ones once.  Verdicts given are kept even if a later pair fails.

        Raises:
            ServerError: the server does not answer; a pair it refuses is `unjudged`.
        """
        distinct = list(dict.fromkeys(pairs))

        async def produce(emit: Emit[tuple[int, Judgement]]) -> None:
            async with self.server.connect(self.concurrency) as client:
                judge = functools.partial(self._judged, client)
                async for found in bounded(
                    len(distinct), self.concurrency, lambda i: judge(*distinct[i])
                ):
                    emit(found)

        known = {distinct[i]: judgement for i, judgement in iterate(produce)}
        return [known[pair] for pair in pairs]

    async def _judged(self, client: httpx.AsyncClient, row: str, item: str) -> Judgement:
        key = Key.of(self.model, prompt.VERSION, row, item)
        held = self.verdicts.get(key)
        if held is None:
            held = await self._asked(client, row, item)
            self.verdicts.add(key, held)
        return held

    async def _asked(self, client: httpx.AsyncClient, row: str, item: str) -> Judgement:
        number = prompt.request_number()
        body = {
            "model": self.model,
            "messages": prompt.messages(row, item, number),
            "temperature": 0,
            "max_tokens": self.max_tokens,
        }
        try:
            return await self.server.ask(
                client,
                "POST",
                "/chat/completions",
                lambda answer: prompt.read_judgement(answer, number),
                body=body,
            )
        except ServerError as error:
            if error.status not in REFUSED:
                raise
            return Judgement("unjudged", str(error)[:300])
