"""Names of the embedded sources, for whoever must know them without making their rows."""

from __future__ import annotations

SOURCE_NAMES: tuple[str, ...] = (
    "chat",
    "word-problems",
    "expressions",
    "constraints",
    "noisy-word-problems",
    "noisy-expressions",
    "noisy-constraints",
    "preferences",
    "prompts",
    "leak",
)
