"""Content keys: SHA-256 of canonical JSON."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

Json = str | int | float | bool | None | Sequence["Json"] | Mapping[str, "Json"]


def canonical(value: Any) -> str:
    """The one JSON text of a value: keys sorted, no spaces, equal numbers written alike.

    `1` and `1.0` are the same number and have the same text; `true` is not a number.

    Args:
        value: Strings, numbers, booleans and None in lists, tuples and mappings.

    Raises:
        TypeError: something within has no canonical form (a set, a path, an object, a key that is
            not a string); the message says where.
        ValueError: a number is NaN or infinite.
    """
    return _text(value, "value")


def stage_key(
    kind: str,
    code_version: int,
    params: Mapping[str, Json],
    inputs: Mapping[str, str],
    seed: int | None,
) -> str:
    """The key of a stage: everything that can change its output, nothing that cannot.

    Args:
        kind: Kind of stage.
        code_version: Version of the code of that kind (`harness.stages`).
        params: Settings.
        inputs: Role -> key or digest of what is consumed.
        seed: Seed of the random numbers, if any.

    Returns:
        SHA-256 in hexadecimal.

    Raises:
        TypeError, ValueError: a setting has no canonical form (see `canonical`).
    """
    body = {
        "kind": kind,
        "code_version": code_version,
        "params": params,
        "inputs": inputs,
        "seed": seed,
    }
    return hashlib.sha256(_text(body, kind).encode()).hexdigest()


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes, read now, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tree_digest(files: Mapping[str, str]) -> str:
    """SHA-256 over a folder's files.

    Args:
        files: Path relative to the folder, with forward slashes -> SHA-256 of the file.
    """
    return hashlib.sha256(canonical(files).encode()).hexdigest()


def _text(value: Any, where: str) -> str:
    # Exact types: a subclass (a NumPy float, an enum) prints itself in its own way.
    kind = type(value)
    if value is None or kind is bool or kind is str:
        return json.dumps(value)
    if kind is int:
        return str(value)
    if kind is float:
        return _number(value, where)
    if kind is list or kind is tuple:
        return "[" + ",".join(_text(v, f"{where}[{i}]") for i, v in enumerate(value)) + "]"
    if isinstance(value, Mapping):
        return _object(value, where)
    raise TypeError(f"{where}: {kind.__name__} {value!r} has no canonical form")


def _object(value: Mapping[Any, Any], where: str) -> str:
    for key in value:
        if type(key) is not str:
            raise TypeError(f"{where}: key {key!r} is a {type(key).__name__}, not a string")
    members = (f"{json.dumps(key)}:{_text(value[key], f'{where}.{key}')}" for key in sorted(value))
    return "{" + ",".join(members) + "}"


def _number(value: float, where: str) -> str:
    if not math.isfinite(value):
        raise ValueError(f"{where}: {value!r} has no canonical form")
    return str(int(value)) if value.is_integer() else repr(value)
