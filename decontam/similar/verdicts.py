"""Verdicts kept on disk, so that no pair is paid for twice."""

from __future__ import annotations

import hashlib
import json
import threading
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import get_args

from decontam.similar.prompt import Judgement, Verdict


@dataclass(frozen=True, slots=True)
class Key:
    """What a verdict depends on."""

    model: str
    prompt: str
    """Version of the prompt."""
    row: str
    item: str
    """Digests of the two texts."""

    @classmethod
    def of(cls, model: str, prompt: str, row: str, item: str) -> Key:
        """The key of two texts."""
        return cls(model, prompt, _digest(row), _digest(item))


class Verdicts:
    """JSON lines that only grow.

    A line that does not parse was torn by a kill; it is no verdict, and its pair is judged again.
    Several threads may add; so may several processes on a local disk, which then may pay twice.
    """

    def __init__(self, path: Path | None) -> None:
        """Read the verdicts in a file that may not exist yet; None keeps them in memory only."""
        self._path = path
        self._lock = threading.Lock()
        self._known: dict[Key, Judgement] = {}
        if path is not None and path.exists():
            lines = path.read_bytes().split(b"\n")
            self._known = dict(filter(None, map(_read, lines)))

    def get(self, key: Key) -> Judgement | None:
        """What was said of a pair, if anything was."""
        return self._known.get(key)

    def add(self, key: Key, judgement: Judgement) -> None:
        """Keep a verdict; `unjudged` is none and is asked again in the next run."""
        if judgement.verdict == "unjudged":
            return
        with self._lock:
            self._known[key] = judgement
            if self._path is not None:
                _append(self._path, json.dumps(asdict(key) | asdict(judgement)).encode())


def _append(path: Path, line: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab+", buffering=0) as file:
        end = file.seek(0, 2)
        file.seek(max(0, end - 1))
        # a torn line must not swallow this one
        torn = end > 0 and file.read(1) != b"\n"
        file.write((b"\n" if torn else b"") + line + b"\n")


def _read(line: bytes) -> tuple[Key, Judgement] | None:
    try:
        held = json.loads(line)
    except (ValueError, RecursionError):
        return None
    names = ("model", "prompt", "row", "item", "verdict", "reason")
    if not isinstance(held, dict) or set(held) != set(names):
        return None
    values = [held[name] for name in names]
    if not all(isinstance(v, str) for v in values) or held["verdict"] not in get_args(Verdict):
        return None
    return Key(*values[:4]), Judgement(held["verdict"], held["reason"])


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
