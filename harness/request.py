"""What a worker is asked to run: `work/<key>/stage.json`, written before it starts."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from harness.keys import Json
from harness.store import Store


@dataclass(frozen=True, slots=True)
class InputRef:
    """A published input, and what of it entered the consumer's key."""

    kind: str
    key: str
    value: str
    """Key or digest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRequest:
    """A stage whose inputs are all published."""

    key: str
    kind: str
    label: str
    params: Mapping[str, Json]
    inputs: Mapping[str, InputRef]
    seed: int | None
    where: Mapping[str, Json]
    threads: int

    def write(self, store: Store) -> None:
        """Leave the request where the worker looks for it, and drop what an earlier one left.

        Raises:
            OSError: the folder cannot be written.
        """
        folder = store.work(self.key)
        text = json.dumps(asdict(self), indent=1)
        try:
            _replace(folder, text)
        except FileNotFoundError:
            # Another process published the key and swept the folder away in between.
            _replace(folder, text)


def _replace(folder: Path, text: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "error.json").unlink(missing_ok=True)
    # Of its own name: another process may be asking for the same stage.
    draft = folder / f"stage.json.{os.getpid()}"
    draft.write_text(text, encoding="utf-8")
    draft.rename(folder / "stage.json")


def read_request(store: Store, key: str) -> StageRequest | None:
    """The request for a key; None if there is none (any more)."""
    try:
        text = (store.work(key) / "stage.json").read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    body = json.loads(text)
    inputs = {role: InputRef(**ref) for role, ref in body.pop("inputs").items()}
    return StageRequest(**body, inputs=inputs)


@dataclass(frozen=True, slots=True)
class StageError:
    """Why a stage failed: `work/<key>/error.json`."""

    type: str
    message: str

    def write(self, store: Store, key: str) -> None:
        """Leave word for whoever started the stage."""
        text = json.dumps(asdict(self), indent=1)
        (store.work(key) / "error.json").write_text(text, encoding="utf-8")

    def __str__(self) -> str:
        for_people = self.type in ("RequestError", "ValueError")
        return self.message if for_people else f"{self.type}: {self.message}"


def read_error(store: Store, key: str) -> StageError | None:
    """Why a stage failed; None if it left no word."""
    try:
        text = (store.work(key) / "error.json").read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    return StageError(**json.loads(text))
