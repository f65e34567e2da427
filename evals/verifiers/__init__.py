"""Is this response right?  The same function scores an evaluation and rewards a rollout.

A verifier takes `(response, reference)` and returns a `Verdict`.  `VERIFIERS` names them all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches

from evals.verifiers.choice import choice
from evals.verifiers.choice_tulu import choice_tulu
from evals.verifiers.code import code
from evals.verifiers.constraints import mini_ifeval
from evals.verifiers.exact import exact
from evals.verifiers.gsm8k import gsm8k, gsm8k_strict, gsm8k_tulu
from evals.verifiers.instructions import ifbench, ifbench_strict, ifeval, ifeval_strict
from evals.verifiers.math import boxed_strict, math
from evals.verifiers.verdict import Verdict

Verifier = Callable[[str, str], Verdict]

VERIFIERS: Mapping[str, Verifier] = {
    "gsm8k": gsm8k,
    "gsm8k_strict": gsm8k_strict,
    "gsm8k_tulu": gsm8k_tulu,
    "math": math,
    "boxed_strict": boxed_strict,
    "choice": choice,
    "choice_tulu": choice_tulu,
    "exact": exact,
    "mini_ifeval": mini_ifeval,
    "ifeval": ifeval,
    "ifeval_strict": ifeval_strict,
    "ifbench": ifbench,
    "ifbench_strict": ifbench_strict,
    "code": code,
}


def verifier(name: str) -> Verifier:
    """The verifier called `name`.

    Raises:
        ValueError: there is none; the message names the nearest.
    """
    if name not in VERIFIERS:
        near = get_close_matches(name, VERIFIERS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(VERIFIERS)}"
        raise ValueError(f"unknown verifier {name!r}; {hint}")
    return VERIFIERS[name]


__all__ = ["VERIFIERS", "Verdict", "Verifier", "verifier"]
