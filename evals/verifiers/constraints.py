"""Constraints of the embedded instruction-following benchmark."""

from __future__ import annotations

import json

from evals.mini.constraints import satisfied
from evals.verifiers.verdict import Verdict


def mini_ifeval(response: str, reference: str) -> Verdict:
    """Every constraint must hold.

    Args:
        response: The model's text.
        reference: A JSON list of constraints, each a kind and its arguments.
    """
    broken = [str(c[0]) for c in json.loads(reference) if not satisfied(response.strip(), c)]
    reason = f"broken: {', '.join(broken)}" if broken else "all hold"
    return Verdict(not broken, response.strip() or None, reason)
