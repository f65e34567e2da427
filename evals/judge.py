"""A judge: a model that is shown responses and asked for a verdict.

What a judge says is text.  A verdict that cannot be read from it is None, never a number.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml

from evals.engines import Engine, Generation, Request, Sampling

PROMPTS = Path(__file__).parent / "judge_prompts"

Message = Mapping[str, str]

RATING = re.compile(r"\[\[(\d+(?:\.\d+)?)\]\]")
BARE_RATING = re.compile(r"\[(\d+(?:\.\d+)?)\]")
HOLE = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True, slots=True)
class JudgePrompt:
    """What a judge is told; `{name}` in the user's part is a hole."""

    system: str
    user: str

    def messages(self, **texts: str) -> tuple[Message, ...]:
        """The conversation with its holes filled.

        Texts are put in as they are: a brace in a response is no hole.

        Raises:
            ValueError: a text has no hole.
        """
        lost = set(texts) - set(HOLE.findall(self.user))
        if lost:
            raise ValueError(f"the judge's prompt has no place for {', '.join(sorted(lost))}")
        filled = HOLE.sub(lambda hole: texts.get(hole[1], hole[0]), self.user)
        return ({"role": "system", "content": self.system}, {"role": "user", "content": filled})


@functools.cache
def judge_prompt(name: str) -> JudgePrompt:
    """A prompt that ships with the package, by the name of its file.

    Raises:
        ValueError: there is none.
    """
    file = PROMPTS / f"{name}.yaml"
    if not file.is_file():
        known = ", ".join(sorted(f.stem for f in PROMPTS.glob("*.yaml")))
        raise ValueError(f"unknown judge prompt {name!r}; there are {known}")
    return JudgePrompt(**yaml.safe_load(file.read_text(encoding="utf-8")))


def ask(
    judge: Engine, conversations: Sequence[Sequence[Message]], *, max_tokens: int
) -> list[Generation]:
    """What the judge says to each conversation, greedily.

    How many are asked at a time is the engine's bound; asked twice, a cached engine answers once.

    Args:
        judge: The judging model.
        conversations: What it is shown.
        max_tokens: Longest verdict.
    """
    sampling = Sampling(max_tokens)
    requests = [Request(judge.chat(c, add_generation_prompt=True), sampling) for c in conversations]
    said = dict(judge.generate(requests))
    return [said[index] for index in range(len(requests))]


def rating(verdict: str) -> float | None:
    """The grade of a verdict, 1 to 10: the first in double brackets, else the first in single ones
    (as MT-Bench reads it); None where there is none, or one out of range.
    """
    found = RATING.search(verdict) or BARE_RATING.search(verdict)
    grade = float(found[1]) if found else None
    return grade if grade is not None and 1 <= grade <= 10 else None


def choice(verdict: str) -> Literal["m", "M"] | None:
    """Which of the two outputs, `m` or `M`, a verdict names; None where it names neither alone."""
    named = verdict.strip().strip("\"'`*.:").strip()
    return named if named in ("m", "M") else None  # type: ignore[return-value]
