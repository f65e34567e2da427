"""What scores.json holds, for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from evals.references import beside, beside_lines


def score_lines(record: Mapping[str, Any], *, shown: bool = True) -> list[str]:
    """Scores in points, for a terminal of 80 columns.

    Args:
        record: What scores.json holds.
        shown: Whether scores are; else only how much was scored and how responses ended.
    """
    if not shown:
        return _lines(
            [("benchmark", "metric", "items", "cut", "tokens")]
            + [
                (_short(name, 32), _short(b["metric"], 24), str(b["items"]),
                 f"{b['truncated']:.0%}", str(b["tokens"]))
                for name, b in record["benchmarks"].items()
            ]
        )  # fmt: skip
    header = ("benchmark", "metric", "items", "score", "95 % interval", "cut", "tokens")
    rows: list[tuple[str, ...]] = [header]
    for name, b in record["benchmarks"].items():
        low = "" if b["low"] is None else f"[{100 * b['low']:.1f}, {100 * b['high']:.1f}]"
        score = "n/a" if b["score"] is None else f"{100 * b['score']:.1f}"
        rows.append(
            (_short(name, 22), _short(b["metric"], 16), str(b["items"]), score, low,
             f"{b['truncated']:.0%}", str(b["tokens"]))
        )  # fmt: skip
    lines = _lines(rows)
    if len(record["benchmarks"]) > 1:
        se = record["mean"]["se"]
        plus = "" if se is None else f" +- {100 * se:.1f} (standard error)"
        lines.append(
            f"mean of {len(record['benchmarks'])}: {100 * record['mean']['score']:.1f}{plus}"
        )
    return lines


def _lines(rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Columns, the first two flush left and the others right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        " ".join(
            c.ljust(w) if i < 2 else c.rjust(w)
            for i, (c, w) in enumerate(zip(row, widths, strict=True))
        )
        for row in rows
    ]


def _short(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}~"


def published_lines(record: Mapping[str, Any]) -> list[str]:
    """Published numbers beside those measured, where there are any."""
    measured = {n: b["score"] for n, b in record["benchmarks"].items() if b["score"] is not None}
    lines = list(beside_lines(beside(measured)))
    return ["", "Published numbers, each under its own settings:", *lines] if lines else []
