"""lm-eval's generation settings as ours."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evals.engines import Sampling

LENGTHS = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens")
"""Names of the length limit in task files; of several the first counts."""
LM_EVALS_LENGTH = 256
"""Where a task names no limit, lm-eval cuts here without a word."""

_NEUTRAL: Mapping[str, Any] = {
    "num_beams": 1,
    "top_k": None,
    "repetition_penalty": 1.0,
    "num_return_sequences": 1,
}
"""Settings that no engine here has, and the value at which they do nothing."""


def length_limit(settings: Mapping[str, Any]) -> int | None:
    """The longest response a task asks for, or None where it names no limit."""
    found = (settings[name] for name in LENGTHS if settings.get(name) is not None)
    return next((int(value) for value in found), None)


def sampling_of(settings: Mapping[str, Any]) -> Sampling:
    """How a prompt is continued under a task's `generation_kwargs`.

    As lm-eval reads them: `do_sample: false` is greedy whatever the temperature, and without
    `do_sample` the temperature decides.

    Raises:
        ValueError: a setting that is not supported, or no length limit.
    """
    known = {"until", "do_sample", "temperature", "top_p", *LENGTHS}
    odd = {k: v for k, v in settings.items() if k not in known and _NEUTRAL.get(k, v) != v}
    unknown = sorted(k for k in settings if k not in known and k not in _NEUTRAL)
    if odd or unknown:
        named = ", ".join([*(f"{k}: {v}" for k, v in odd.items()), *unknown])
        raise ValueError(f"generation settings {named} are not supported")
    limit = length_limit(settings)
    if limit is None:
        raise ValueError("generation settings name no max_gen_toks")
    until: Sequence[str] | str = settings.get("until") or ()
    greedy = settings.get("do_sample") is False
    return Sampling(
        max_tokens=limit,
        temperature=0.0 if greedy else _temperature(settings),
        top_p=float(settings.get("top_p") or 1.0),
        stop=(until,) if isinstance(until, str) else tuple(until),
    )


def _temperature(settings: Mapping[str, Any]) -> float:
    given = settings.get("temperature")
    if given is None:
        # A model's own default is 1 where nobody says otherwise.
        return 1.0 if settings.get("do_sample") else 0.0
    return float(given)
