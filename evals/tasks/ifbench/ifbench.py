"""Scoring of IFBench in lm-eval's shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evals.ifeval import check_ifbench
from evals.ifeval.constraints import constraints_of


def score(doc: Mapping[str, Any], results: Sequence[str]) -> Mapping[str, bool | list[bool]]:
    """One document's four scores; those by instruction are lists."""
    return check_ifbench(results[0], constraints_of(doc)).scores


def mean_by_instruction(items: Sequence[Sequence[bool]]) -> float:
    """The share of instructions obeyed, over all documents.

    Raises:
        ValueError: there are no instructions.
    """
    obeyed = [holds for item in items for holds in item]
    if not obeyed:
        raise ValueError("IFBench: no instructions were scored")
    return sum(obeyed) / len(obeyed)
