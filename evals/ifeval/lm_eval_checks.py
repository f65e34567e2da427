"""IFEval by lm-eval's own instruction classes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evals.ifeval.constraints import Constraints
from evals.ifeval.following import Check, Following, follow
from evals.ifeval.offline import prepare


def check_ifeval(response: str, wanted: Constraints) -> Following:
    """Which of an IFEval prompt's constraints a response obeys.

    Args:
        response: The model's text.
        wanted: The prompt's constraints.

    Raises:
        ValueError: an instruction is unknown, or its arguments are not the ones it takes.
    """
    prepare()
    pairs = zip(wanted.instructions, wanted.arguments, strict=True)
    checks = [(name, _check(name, arguments, wanted.prompt)) for name, arguments in pairs]
    return follow(response, checks)


def _check(name: str, arguments: Mapping[str, Any], prompt: str) -> Check:
    from lm_eval.tasks.ifeval.instructions_registry import INSTRUCTION_DICT

    if name not in INSTRUCTION_DICT:
        raise ValueError(
            f"unknown IFEval instruction {name!r}; known: {', '.join(INSTRUCTION_DICT)}"
        )
    instruction = INSTRUCTION_DICT[name](name)
    try:
        # lm-eval too passes no argument that is zero or empty.
        instruction.build_description(**{k: v for k, v in arguments.items() if v})
    except TypeError as error:
        raise ValueError(f"IFEval instruction {name}: {error}") from error
    if "prompt" in (instruction.get_instruction_args() or {}):
        instruction.build_description(prompt=prompt)
    check: Check = instruction.check_following
    return check
