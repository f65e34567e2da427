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
class Bounds:
    """What was measured for one clause.  Score units."""

    mean: float
    lower: float
    """One-sided lower bound."""
    upper: float
    """One-sided upper bound at the Holm-adjusted level of its rank."""


@dataclass(frozen=True, slots=True)
class Row:
    """One clause and its outcome."""

    clause: Clause
    outcome: Outcome
    bounds: Bounds | None
    """None of a held-out suite: of a look only the outcome leaves."""


@dataclass(frozen=True, slots=True)
class Reason:
    """One sentence for people."""

    outcome: Outcome
    """What the sentence argues for; a `note` argues for nothing."""
    benchmark: str | None
    text: str


@dataclass(frozen=True, slots=True)
class HeldOut:
    """The look that was taken at a held-out suite."""

    suite: str
    look: int
    """Its number, counted from 1 over all looks at the suite."""
    level: float
    """One-sided level that it was judged at."""
    forced: bool
    """Taken although the budget of looks was spent."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer, and why."""

    status: Status
    reasons: tuple[Reason, ...]
    candidate: str | None
    against: str | None
    table: tuple[Row, ...]
    held_out: HeldOut | None = None
    """None where no held-out suite was looked at."""

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
