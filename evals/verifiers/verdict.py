"""What a verifier says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a response is right, and on what ground."""

    correct: bool
    extracted: str | None
    """The part of the response that was judged; None where there was nothing to judge."""
    reason: str
