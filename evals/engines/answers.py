"""What an OpenAI-compatible server's JSON says, or that it is broken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeVar

from evals.engines.generation import Generation, Likelihood, Sampling
from evals.engines.server import ServerError, UnusableError

T = TypeVar("T")

FINISH: Mapping[str, Literal["stop", "length"]] = {
    "stop": "stop",
    "stop_sequence": "stop",
    "eos_token": "stop",
    "length": "length",
}
"""How servers say why a response ended, and what it means here."""

REFUSED: Mapping[str, str] = {
    "content_filter": "the server's filter held the response back",
    "tool_calls": "the model called a tool although none was offered",
    "function_call": "the model called a function although none was offered",
}
"""Ends of which another attempt brings nothing better; such a response cannot be scored."""


def field(found: Any, name: str, kind: type[T]) -> T:
    """A member of a JSON object.

    Raises:
        UnusableError: it is missing or of another kind.
    """
    value = found.get(name) if isinstance(found, dict) else None
    # JSON's true is no number, though Python's is.
    if not isinstance(value, kind) or (isinstance(value, bool) and kind is not bool):
        raise UnusableError(f"the answer's {name!r} is missing or no {kind.__name__}", 200)
    return value


def read_generation(answer: Any, sampling: Sampling, *, chat: bool) -> Generation:
    """The response in an answer of `/chat/completions` or `/completions`.

    Stop texts that the server was not told of are applied here.  A response without text that ran
    out of room (all of it spent on reasoning that the server keeps to itself) is an empty one.

    Args:
        answer: The JSON.
        sampling: What was asked for.
        chat: Whether it answers a conversation.

    Raises:
        UnusableError: the answer is broken; another attempt may help.
        ServerError: the response cannot be had, however often it is asked for.
    """
    choice = _choice(answer)
    reason = field(choice, "finish_reason", str)
    if reason in REFUSED:
        raise ServerError(f"finish_reason {reason!r}: {REFUSED[reason]}", 200)
    if reason not in FINISH:
        raise UnusableError(f"finish_reason {reason!r} is none of {sorted(FINISH)}", 200)
    text = _text(choice, chat, reason)
    cut = min((text.find(s) for s in sampling.stop if s and s in text), default=None)
    usage = answer.get("usage")
    if not isinstance(usage, dict):
        raise ServerError("the server does not report its usage, so tokens are unknown", 200)
    return Generation(
        text=text[:cut],
        finish=FINISH[reason] if cut is None else "stop",
        tokens=field(usage, "completion_tokens", int),
        prompt_tokens=field(usage, "prompt_tokens", int),
    )


def read_prompt_logprobs(answer: Any, context: int, target: Sequence[int]) -> Likelihood:
    """A continuation's likelihood from vLLM's `prompt_logprobs`.

    Args:
        answer: The JSON.
        context: Tokens of the context.
        target: Tokens of the continuation.

    Raises:
        UnusableError: the answer is broken.
    """
    steps = field(_choice(answer), "prompt_logprobs", list)[context:]
    if len(steps) != len(target):
        raise UnusableError(f"{len(steps)} of {len(target)} continuation tokens were scored", 200)
    chosen = [_logprob(field(s, str(token), dict)) for s, token in zip(steps, target, strict=True)]
    best = [max(_logprob(choice) for choice in step.values()) for step in steps]
    return Likelihood(sum(chosen), chosen == best, len(target))


def read_echo(answer: Any, context: int, target: Sequence[int]) -> Likelihood:
    """A continuation's likelihood from the prompt repeated with `logprobs`, as OpenAI specified it.

    Args:
        answer: The JSON; one generated token may follow the prompt.
        context: Tokens of the context.
        target: Tokens of the continuation.

    Raises:
        UnusableError: the answer is broken.
    """
    logprobs = field(_choice(answer), "logprobs", dict)
    end = context + len(target)
    chosen = field(logprobs, "token_logprobs", list)
    tops = field(logprobs, "top_logprobs", list)
    if len(chosen) not in (end, end + 1) or len(tops) != len(chosen):
        raise UnusableError(
            f"{len(chosen)} tokens came back where {end} were sent; the server must repeat the "
            "prompt (echo) with logprobs",
            200,
        )
    scores = [_number(value) for value in chosen[context:end]]
    best = [_highest(score, top) for score, top in zip(scores, tops[context:end], strict=True)]
    return Likelihood(sum(scores), scores == best, len(target))


def _choice(answer: Any) -> dict[str, Any]:
    choices = field(answer, "choices", list)
    if not choices or not isinstance(choices[0], dict):
        raise UnusableError("the answer has no choices", 200)
    return choices[0]


def _text(choice: dict[str, Any], chat: bool, reason: str) -> str:
    holder = field(choice, "message", dict) if chat else choice
    name = "content" if chat else "text"
    if name not in holder:
        raise UnusableError(f"the answer's {name!r} is missing", 200)
    text = holder[name]
    if text is None and FINISH[reason] == "length":
        return ""
    if not isinstance(text, str):
        raise ServerError(
            f"the response's {name} is {type(text).__name__}, not text, though it ended with "
            f"{reason!r}; let the server give reasoning and refusals as text",
            200,
        )
    # JSON can hold half a character; no file and no tokenizer can.
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _highest(score: float, top: Any) -> float:
    if not isinstance(top, dict):
        raise UnusableError("the likeliest tokens of a position are missing", 200)
    return max([score, *map(_number, top.values())])


def _logprob(choice: Any) -> float:
    return _number(choice.get("logprob") if isinstance(choice, dict) else None)


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise UnusableError("a log-probability is missing or no number", 200)
    return float(value)
