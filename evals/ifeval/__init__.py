"""Instruction following: constraints that a program can check (IFEval, IFBench)."""

from __future__ import annotations

from evals.ifeval.following import Check, Following, follow
from evals.ifeval.ifbench import check_ifbench
from evals.ifeval.lm_eval_checks import check_ifeval
from evals.ifeval.offline import prepare, sentence_splitter

__all__ = [
    "Check",
    "Following",
    "check_ifbench",
    "check_ifeval",
    "follow",
    "prepare",
    "sentence_splitter",
]
