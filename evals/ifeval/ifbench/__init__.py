"""IFBench: 58 kinds of constraints unlike IFEval's (Pyatkin et al. 2025, arXiv 2507.02833).

The checks are ours and need no model, tagger or downloaded data.  They give the verdicts of the
published verifier (allenai/IFBench) but for the differences listed in `docs/ifbench.md`.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from evals.ifeval.constraints import Constraints
from evals.ifeval.following import Following, follow
from evals.ifeval.ifbench import count, custom, formatting, ratio, repeat, sentence, tables, words
from evals.ifeval.ifbench.kind import Kind

KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        **count.KINDS,
        **custom.KINDS,
        **tables.KINDS,
        **formatting.KINDS,
        **ratio.KINDS,
        **repeat.KINDS,
        **sentence.KINDS,
        **words.KINDS,
    }
)
"""Instruction id -> how it is checked."""


def check_ifbench(response: str, wanted: Constraints) -> Following:
    """Which of an IFBench prompt's constraints a response obeys.

    Args:
        response: The model's text.
        wanted: The prompt's constraints.

    Raises:
        ValueError: an instruction is unknown, or its arguments are not the ones it takes.
    """
    unknown = [name for name in wanted.instructions if name not in KINDS]
    if unknown:
        raise ValueError(f"unknown IFBench instruction {unknown[0]!r}; known: {', '.join(KINDS)}")
    pairs = zip(wanted.instructions, wanted.arguments, strict=True)
    return follow(response, [(name, KINDS[name].check(name, given)) for name, given in pairs])
