"""What a response says after its thinking."""

from __future__ import annotations

END_OF_THINKING = "</think>"


def final_text(response: str) -> str:
    """The response after its last `</think>`; all of it where there is none."""
    return response.rpartition(END_OF_THINKING)[2]
