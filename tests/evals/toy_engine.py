"""An engine without a model: what it answers is a function of its identity and the request."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from evals.digest import text_digest
from evals.engines import Generation, Likelihood, Request

IDENTITY = {
    "engine": "toy",
    "version": "1",
    "dtype": "float32",
    "weights": "w" * 64,
    "tokenizer": "t" * 64,
}


def echo(identity: Mapping[str, str], request: Request) -> Generation:
    """A text that tells apart every model, prompt and seed."""
    body = f"{sorted(identity.items())} {request.prompt} {asdict(request.sampling)}"
    return Generation(text_digest(body)[:16], "stop", 16, len(request.prompt))


@dataclass
class ToyEngine:
    """Answers at once and remembers what it was asked."""

    identity: Mapping[str, str] = field(default_factory=lambda: dict(IDENTITY))
    answer: Callable[[Mapping[str, str], Request], Generation] = echo
    log: Path | None = None
    """Each request is appended to this file before it is answered."""
    asked: list[Request] = field(default_factory=list)
    scored: list[tuple[str, str]] = field(default_factory=list)

    @property
    def tokenizer_name(self) -> str:
        return self.identity["tokenizer"]

    def chat(self, messages: Sequence[Mapping[str, str]], *, add_generation_prompt: bool) -> str:
        text = "".join(f"<{m['role']}>{m['content']}\n" for m in messages)
        return text + ("<assistant>" if add_generation_prompt else "")

    def generate(self, requests: Sequence[Request]) -> Iterator[tuple[int, Generation]]:
        for index, request in enumerate(requests):
            self.asked.append(request)
            self._write(text_digest(f"{request.prompt} {request.sampling.seed}"))
            yield index, self.answer(self.identity, request)

    def loglikelihood(self, pairs: Sequence[tuple[str, str]]) -> Iterator[tuple[int, Likelihood]]:
        for index, (context, continuation) in enumerate(pairs):
            self.scored.append((context, continuation))
            digest = text_digest(f"{sorted(self.identity.items())} {context}|{continuation}")
            value = int(digest[:8], 16) / 2**32
            yield index, Likelihood(-1 - 9 * value, value > 0.9, len(continuation.split()))

    def _write(self, line: str) -> None:
        if self.log:
            file = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
            os.write(file, f"{line}\n".encode())
            os.close(file)
