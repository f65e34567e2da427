"""An engine that looks into a cache first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from evals.cache.keys import generation_key, likelihood_key, normalised, seed_of
from evals.cache.rows import Rows
from evals.engines import Engine, Generation, Likelihood, Request


class CachedEngine:
    """Answers from a cache, asks the engine for the rest, and keeps each answer as it finishes.

    The seed of a request is the number of its replicate: the seed that a response is drawn with
    comes from its key, so that replicates differ, and are the same in every run.
    """

    def __init__(self, engine: Engine, rows: Rows) -> None:
        """Put `rows` before `engine`."""
        self._engine, self._rows = engine, rows
        self._identity = dict(engine.identity)
        self.generated: set[str] = set()
        """Keys of the rows that the engine was asked for."""

    @property
    def identity(self) -> Mapping[str, str]:
        """The engine's."""
        return self._identity

    @property
    def tokenizer_name(self) -> str:
        """The engine's."""
        return self._engine.tokenizer_name

    def chat(self, messages: Sequence[Mapping[str, str]], *, add_generation_prompt: bool) -> str:
        """The engine's."""
        return self._engine.chat(messages, add_generation_prompt=add_generation_prompt)

    def key(self, asked: Request | tuple[str, str]) -> str:
        """The key of a request, or of a context and continuation."""
        if isinstance(asked, Request):
            return generation_key(self._identity, asked)
        return likelihood_key(self._identity, *asked)

    def generate(self, requests: Sequence[Request]) -> Iterator[tuple[int, Generation]]:
        """Answer requests: the index of a request and its response, those of the cache first."""
        known, missing = self._looked_up([self.key(r) for r in requests])
        yield from ((index, Generation(**row)) for index, row in known)
        wanted = list(missing)
        seeded = [_seeded(requests[missing[key][0]], key) for key in wanted]
        for index, generation in self._engine.generate(seeded) if seeded else ():
            self._keep(wanted[index], asdict(generation))
            for same in missing[wanted[index]]:
                yield same, generation

    def loglikelihood(self, pairs: Sequence[tuple[str, str]]) -> Iterator[tuple[int, Likelihood]]:
        """Score pairs: the index of a pair and its likelihood, those of the cache first."""
        known, missing = self._looked_up([self.key(pair) for pair in pairs])
        yield from ((index, Likelihood(**row)) for index, row in known)
        wanted = list(missing)
        asked = [pairs[missing[key][0]] for key in wanted]
        for index, likelihood in self._engine.loglikelihood(asked) if asked else ():
            self._keep(wanted[index], asdict(likelihood))
            for same in missing[wanted[index]]:
                yield same, likelihood

    def _looked_up(
        self, keys: Sequence[str]
    ) -> tuple[list[tuple[int, Mapping[str, Any]]], dict[str, list[int]]]:
        """Rows at hand by index, and the indices that wait for each key that is not."""
        self._rows.refresh()
        known: list[tuple[int, Mapping[str, Any]]] = []
        missing: dict[str, list[int]] = {}
        for index, key in enumerate(keys):
            row = self._rows.get(key)
            if row is None:
                missing.setdefault(key, []).append(index)
            else:
                known.append((index, row))
        return known, missing

    def _keep(self, key: str, row: Mapping[str, object]) -> None:
        self._rows.put(key, row)
        self.generated.add(key)


def _seeded(request: Request, key: str) -> Request:
    sampling = normalised(request.sampling)
    seed = seed_of(key) if sampling.temperature else 0
    # Stop texts as they were asked for: their order is the engine's business.
    return replace(request, sampling=replace(sampling, stop=request.sampling.stop, seed=seed))
