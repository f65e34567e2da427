"""An index as a folder that every process maps into memory."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import shutil
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any, get_args

import numpy as np

from decontam.items.entries import Entries, Entry, Vocabulary
from decontam.items.index import ARRAYS, Index, Screen
from decontam.items.item import Item
from decontam.policy import Policy, Rule
from decontam.text import scanner, tokens

VERSIONS = {
    "index": 5,
    "tokens": tokens.VERSION,
    "scanner": scanner.VERSION,
    "unicode": unicodedata.unidata_version,
}
"""What an index depends on beside items and policy."""


def save(index: Index, folder: Path) -> None:
    """Write an index into a folder that exists."""
    for name, array in index.arrays.items():
        np.save(folder / f"{name}.npy", array, allow_pickle=False)
    entries = index.entries
    (folder / "words.txt").write_text("\n".join(entries.vocabulary.words), encoding="utf-8")
    items = {item: place for place, item in enumerate(entries.items)}
    with (folder / "items.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(dataclasses.asdict(item)) + "\n" for item in entries.items)
    about = {
        "versions": VERSIONS,
        "policy": describe(index.policy),
        "screen": dataclasses.asdict(index.screen),
        "sizes": index.sizes,
        "entries": [(items[e.item], e.part, e.reason) for e in entries.entries],
    }
    (folder / "index.json").write_text(json.dumps(about), encoding="utf-8")


def publish(index: Index, folder: Path) -> None:
    """Write an index into a folder that does not exist yet; it is whole or absent.

    Raises:
        ValueError: the folder exists.
    """
    if folder.exists() or folder.is_symlink():
        raise ValueError(f"{folder} exists; choose another folder or remove it")
    folder.parent.mkdir(parents=True, exist_ok=True)
    staging = folder.with_name(f".{folder.name}.{os.getpid()}")
    shutil.rmtree(staging, ignore_errors=True)  # of a process that was killed
    staging.mkdir()
    try:
        save(index, staging)
        staging.rename(folder)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def load(folder: Path) -> Index:
    """Open an index that `save` wrote.

    Raises:
        ValueError: it is none, or one of another version; names the folder and the remedy.
    """
    about = _about(folder)
    try:
        return _load(folder, about)
    except (OSError, EOFError, ValueError, LookupError, TypeError) as error:
        raise ValueError(f"{folder} is a damaged index ({error}); make it again") from error


def _load(folder: Path, about: Mapping[str, Any]) -> Index:
    names = [path.stem for path in folder.glob("*.npy")]
    arrays = {n: np.load(folder / f"{n}.npy", mmap_mode="r", allow_pickle=False) for n in names}
    words = tuple((folder / "words.txt").read_text(encoding="utf-8").split("\n"))
    with (folder / "items.jsonl").open(encoding="utf-8") as lines:
        items = tuple(map(_item, lines))
    bounds, flat = arrays["prompt_bounds"].tolist(), arrays["prompt_tokens"].tolist()
    entries = tuple(
        Entry(items[item], part, tuple(flat[bounds[k] : bounds[k + 1]]), reason)
        for k, (item, part, reason) in enumerate(about["entries"])
    )
    vocabulary = Vocabulary(words, arrays["vocabulary"])
    policy, screen = read_policy(about["policy"]), Screen(**about["screen"])
    if missing := sorted({*ARRAYS, "gram_sizes"} - arrays.keys()):
        raise ValueError(f"{missing[0]}.npy is missing")
    return Index(policy, Entries(items, entries, vocabulary), arrays, tuple(about["sizes"]), screen)


def digest(index: Index) -> str:
    """SHA-256 of everything that decides what the index finds."""
    told = hashlib.sha256(json.dumps([VERSIONS, describe(index.policy)], sort_keys=True).encode())
    for item in index.entries.items:
        parts = item.benchmark, item.id, item.prompt, item.answer, item.passage, item.options
        told.update(json.dumps(parts).encode())
    return told.hexdigest()


def describe(policy: Policy) -> dict[str, Any]:
    """A policy as plain data."""
    rule = {"kind": type(policy.rule).__name__, **dataclasses.asdict(policy.rule)}
    actions = dict(sorted(policy.actions.items()))
    return {"name": policy.name, "mode": policy.mode, "actions": actions, "rule": rule}


def read_policy(told: Mapping[str, Any]) -> Policy:
    """The policy that `describe` described."""
    kinds = {kind.__name__: kind for kind in get_args(Rule)}
    rule = {k: v for k, v in told["rule"].items() if k != "kind"}
    kind = kinds[told["rule"]["kind"]]
    return Policy(told["name"], kind(**rule), told["mode"], told["actions"])


def _about(folder: Path) -> dict[str, Any]:
    path = folder / "index.json"
    if not path.is_file():
        raise ValueError(
            f"{folder} is no index; make one with python -m decontam index --out {folder}"
        )
    try:
        about = json.loads(path.read_bytes())
    except ValueError as error:
        raise ValueError(f"{path} is damaged ({error}); make the index again") from error
    if not isinstance(about, dict) or about.get("versions") != VERSIONS:
        raise ValueError(f"{folder} is an index of another version; make it again")
    return about


def _item(line: str) -> Item:
    told = json.loads(line)
    return Item(**{**told, "options": tuple(told["options"])})
