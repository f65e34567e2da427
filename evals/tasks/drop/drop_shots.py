"""DROP (Dua et al. 2019, arXiv:1903.00161): shots written for the project, and its F1."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

SHOTS = (
    (
        "The ferry to Kelda carried 212 passengers on Friday and 178 on Saturday. On Sunday a "
        "storm kept it in the harbour until noon, and only 64 people crossed. The captain, Ines "
        "Brandt, had asked for a second boat in March.",
        "How many more passengers crossed on Friday than on Sunday?",
        ("148",),
    ),
    (
        "In the final, Lindqvist threw a 14-yard pass to Okafor in the first quarter. The Herons "
        "answered with a 38-yard field goal by Dale Simms, and before half time Okafor ran the "
        "ball in from 3 yards.",
        "Which player scored the longest score of the first half?",
        ("Dale Simms",),
    ),
    (
        "The abbey was founded in 1142 and burned in 1381. Two architects, Guy of Aumont and his "
        "pupil Perrin, rebuilt it; the new choir was blessed on 6 May 1402.",
        "Who rebuilt the abbey?",
        ("Guy of Aumont", "Perrin"),
    ),
)


def shots() -> list[dict[str, Any]]:
    """Three examples in the columns that lm-eval's `process_docs` makes: a number, a span, two."""
    return [{"passage": p, "question": q, "answers": [list(a)]} for p, q, a in SHOTS]


def score(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, float]:
    """Exact match and F1 over bags of words, the best over the accepted answers (lm-eval's)."""
    from lm_eval.tasks.drop.utils import process_results

    metrics = process_results(doc, [results[0].strip()])
    return {name: float(metrics[name]) for name in ("em", "f1")}
