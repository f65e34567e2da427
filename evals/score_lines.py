"""What scores.json holds, for a terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evals.references import beside, beside_lines


def score_lines(record: Mapping[str, Any]) -> list[str]:
    """Scores in points, for a terminal of 80 columns."""
    header = ("benchmark", "metric", "items", "score", "95 % interval", "cut", "tokens")
    rows = [header]
    for name, b in record["benchmarks"].items():
        low = "" if b["low"] is None else f"[{100 * b['low']:.1f}, {100 * b['high']:.1f}]"
        score = "n/a" if b["score"] is None else f"{100 * b['score']:.1f}"
        rows.append(
            (_short(name, 22), _short(b["metric"], 16), str(b["items"]), score, low,
             f"{b['truncated']:.0%}", str(b["tokens"]))
        )  # fmt: skip
    widths = [max(len(row[i]) for row in rows) for i in range(len(header))]
    lines = [
        " ".join(
            c.ljust(w) if i < 2 else c.rjust(w)
            for i, (c, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]
    if len(record["benchmarks"]) > 1:
        se = record["mean"]["se"]
        plus = "" if se is None else f" +- {100 * se:.1f} (standard error)"
        lines.append(
            f"mean of {len(record['benchmarks'])}: {100 * record['mean']['score']:.1f}{plus}"
        )
    return lines


def _short(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}~"


def published_lines(record: Mapping[str, Any]) -> list[str]:
    """Published numbers beside those measured, where there are any."""
    measured = {n: b["score"] for n, b in record["benchmarks"].items() if b["score"] is not None}
    lines = list(beside_lines(beside(measured)))
    return ["", "Published numbers, each under its own settings:", *lines] if lines else []
