"""The verdict of the gate, as data and as `verdict.json`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Literal

Outcome = Literal["pass", "fail", "inconclusive", "note"]
Status = Literal["pass", "fail", "inconclusive"]

EXIT_CODES: Mapping[Status, int] = {"pass": 0, "fail": 1, "inconclusive": 4}


@dataclass(frozen=True, slots=True)
class Clause:
    """One thing the gate asks for: a lower bound at or above `required`."""

    kind: Literal["noninferior", "improve"]
    suite: str
    benchmark: str
    """A benchmark, or `(mean)` of the suite."""
    required: float
    """Minus the margin, or 0 for `improve` (which must be exceeded); in score units."""


@dataclass(frozen=True, slots=True)
class Row:
    """What was measured for one clause.  Score units."""

    clause: Clause
    mean: float
    lower: float
    """One-sided lower bound."""
    upper: float
    """One-sided upper bound at the Holm-adjusted level of its rank."""
    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Reason:
    """One sentence for people."""

    outcome: Outcome
    """What the sentence argues for; a `note` argues for nothing."""
    benchmark: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer, why, and the numbers behind it."""

    status: Status
    reasons: tuple[Reason, ...]
    candidate: str | None
    against: str | None
    table: tuple[Row, ...]

    @property
    def exit_code(self) -> int:
        """0 pass, 1 fail, 4 inconclusive."""
        return EXIT_CODES[self.status]

    def to_json(self) -> str:
        """The text of `verdict.json`."""
        return json.dumps(asdict(self), indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def points(value: float) -> str:
    """A difference in points with its sign: 0.0123 is `+1.2`; a true minus sign."""
    text = f"{100 * value:+.1f}"
    return text.replace("-", "−") if text not in ("+0.0", "-0.0") else "0.0"
