"""Instruction following: every constraint of a prompt must hold."""

from __future__ import annotations

from evals.ifeval import Following, check_ifbench, check_ifeval
from evals.ifeval.constraints import constraints_in
from evals.verifiers.verdict import Verdict


def ifeval(response: str, reference: str) -> Verdict:
    """Every constraint of an IFEval prompt holds loosely, as Tulu 3 and IFEval's tables score.

    Args:
        response: The model's text.
        reference: JSON with `instruction_id_list`, `kwargs` and `prompt`.

    Raises:
        ValueError: the reference is not such JSON, or names an unknown instruction.
    """
    following = check_ifeval(response, constraints_in(reference))
    return _verdict(response, following, following.loose)


def ifeval_strict(response: str, reference: str) -> Verdict:
    """Every constraint of an IFEval prompt holds in the response as it is; else as `ifeval`."""
    following = check_ifeval(response, constraints_in(reference))
    return _verdict(response, following, following.strict)


def ifbench(response: str, reference: str) -> Verdict:
    """Every constraint of an IFBench prompt holds loosely, as published scores have it.

    Args:
        response: The model's text.
        reference: JSON with `instruction_id_list`, `kwargs` and `prompt`.

    Raises:
        ValueError: the reference is not such JSON, or names an unknown instruction.
    """
    following = check_ifbench(response, constraints_in(reference))
    return _verdict(response, following, following.loose)


def ifbench_strict(response: str, reference: str) -> Verdict:
    """Every constraint of an IFBench prompt holds in the response as it is; else as `ifbench`."""
    following = check_ifbench(response, constraints_in(reference))
    return _verdict(response, following, following.strict)


def _verdict(response: str, following: Following, held: tuple[bool, ...]) -> Verdict:
    broken = [name for name, holds in zip(following.instructions, held, strict=True) if not holds]
    reason = f"broken: {', '.join(broken)}" if broken else "all hold"
    return Verdict(not broken, response.strip() or None, reason)
