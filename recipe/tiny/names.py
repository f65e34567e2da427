"""The embedded sources and their sizes, for whoever must know them without making their rows."""

from __future__ import annotations

from collections.abc import Mapping

SOURCE_ROWS: Mapping[str, int] = {
    "chat": 4000,
    "word-problems": 4000,
    "expressions": 4000,
    "constraints": 4000,
    "noisy-word-problems": 4000,
    "noisy-expressions": 4000,
    "noisy-constraints": 4000,
    "preferences": 640,
    "prompts": 4000,
    "leak": 3000,
}
"""Source -> rows."""

SOURCE_NAMES = tuple(SOURCE_ROWS)
