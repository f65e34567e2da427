"""A language model that looks at pairs of a window and a prompt."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Protocol

import httpx

from decontam.similar import prompt
from decontam.similar.address import Address, AddressError, post
from decontam.similar.prompt import Judgement
from decontam.similar.verdicts import Key, Verdicts

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

    address: Address
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
            AddressError: the server does not answer; a pair it refuses is `unjudged`.
        """
        distinct = list(dict.fromkeys(pairs))
        with self.address.connect() as client, ThreadPoolExecutor(self.concurrency) as pool:
            judged = list(pool.map(lambda pair: self._judged(client, *pair), distinct))
        known = dict(zip(distinct, judged, strict=True))
        return [known[pair] for pair in pairs]

    def _judged(self, client: httpx.Client, row: str, item: str) -> Judgement:
        key = Key.of(self.model, prompt.VERSION, row, item)
        held = self.verdicts.get(key)
        if held is None:
            held = self._asked(client, row, item)
            self.verdicts.add(key, held)
        return held

    def _asked(self, client: httpx.Client, row: str, item: str) -> Judgement:
        number = prompt.request_number()
        body = {
            "model": self.model,
            "messages": prompt.messages(row, item, number),
            "temperature": 0,
            "max_tokens": self.max_tokens,
        }
        try:
            answer = post(client, self.address, "/chat/completions", body)
        except AddressError as error:
            if error.status not in REFUSED:
                raise
            return Judgement("unjudged", str(error)[:300])
        return prompt.read_judgement(answer, number)
