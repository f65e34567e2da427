"""The error a person can mend."""

from __future__ import annotations


class RequestError(ValueError):
    """The request was wrong: one to three lines naming file, line and remedy.  Exit code 2."""
