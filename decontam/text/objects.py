"""JSON as text that every reader would read alike."""

from __future__ import annotations

import json
from dataclasses import dataclass


def read_json(data: bytes) -> object:
    """Parse UTF-8; what an object gives twice is no value that anything could take for a string.

    Raises:
        ValueError: the bytes are not UTF-8 or not JSON.
        RecursionError: they are nested too deeply.
    """
    return json.loads(data.decode("utf-8-sig"), object_pairs_hook=_members)


@dataclass(frozen=True, slots=True, repr=False)
class _Twice:
    """What an object gives for one key that it has more than once: readers differ in which value
    they take, so none of them is the text of the row."""

    values: list[object]

    def __repr__(self) -> str:
        return "given twice"

    def __str__(self) -> str:
        return str(self.values)


def _members(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) == len(pairs):
        return found
    values: dict[str, list[object]] = {key: [] for key in found}
    for key, value in pairs:
        values[key].append(value)
    return {key: given[0] if len(given) == 1 else _Twice(given) for key, given in values.items()}
