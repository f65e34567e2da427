"""A prompt's constraints as both benchmarks write them: ids, and arguments for each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Constraints:
    """What one prompt asks for."""

    instructions: tuple[str, ...]
    """Ids, e.g. `count:numbers`."""
    arguments: tuple[Mapping[str, Any], ...]
    """By instruction: the arguments that are set."""
    prompt: str


def constraints_of(doc: Mapping[str, Any]) -> Constraints:
    """Read the constraints of a row of IFEval or IFBench.

    Raises:
        ValueError: a field is missing or of another type, or ids and arguments differ in number.
    """
    instructions, arguments = _list(doc, "instruction_id_list"), _list(doc, "kwargs")
    if len(instructions) != len(arguments) or not instructions:
        raise ValueError(
            f"constraints: {len(instructions)} in instruction_id_list and {len(arguments)} in "
            f"kwargs; one of each for every instruction, at least one"
        )
    if not isinstance(doc.get("prompt"), str):
        raise ValueError(f"constraints: prompt is {doc.get('prompt')!r}, not a text")
    given = tuple({k: v for k, v in (a or {}).items() if v is not None} for a in arguments)
    return Constraints(tuple(map(str, instructions)), given, doc["prompt"])


def constraints_in(reference: str) -> Constraints:
    """Read constraints from JSON with `instruction_id_list`, `kwargs` and `prompt`.

    Raises:
        ValueError: it is not such JSON.
    """
    try:
        doc = json.loads(reference)
    except json.JSONDecodeError as error:
        raise ValueError(f"constraints are not JSON ({error}): {reference[:60]!r}") from error
    if not isinstance(doc, dict):
        raise ValueError(f"constraints are a JSON object, not {reference[:60]!r}")
    return constraints_of(doc)


def _list(doc: Mapping[str, Any], key: str) -> list[Any]:
    value = doc.get(key)
    if not isinstance(value, list):
        raise ValueError(f"constraints: {key} is {value!r}, not a list")
    return value
