"""What became of a stage, and how long it took."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

StageStatus = Literal["ran", "reused", "failed", "blocked"]


@dataclass(frozen=True, slots=True)
class StageTime:
    """One stage of the plan and what became of it."""

    id: str
    kind: str
    status: StageStatus
    seconds: float | None = None
    """Wall time of the run that published it; None where it never ran."""
    reason: str = ""
    """Of a failed or blocked stage: what went wrong, in one line."""
