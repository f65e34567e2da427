"""What a published stage says of itself: `manifest.json`."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from harness.keys import Json, file_digest, stage_key, tree_digest

PACKAGES = ("torch", "transformers", "trl", "lm-eval", "datasets")


class RecordError(ValueError):
    """Something in the store is not what was published."""


@dataclass(frozen=True, slots=True)
class OutputFile:
    """One file a stage published."""

    sha256: str
    bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRecord:
    """A stage that ran: what was asked, what came out, what it cost."""

    key: str
    kind: str
    code_version: int
    params: Mapping[str, Json]
    inputs: Mapping[str, str]
    """Role -> key or digest of what was consumed."""
    seed: int | None
    outputs: Mapping[str, OutputFile]
    """Path relative to `out/` -> file."""
    digest: str
    """Over the product files only: what consumers of the data see of it."""
    label: str
    environment: Mapping[str, str]
    """Python and package versions."""
    started: str
    """UTC, ISO 8601."""
    seconds: float
    """Wall time."""
    peak_rss_bytes: int

    def to_json(self) -> str:
        """The text of `manifest.json`."""
        return json.dumps(asdict(self), indent=1, sort_keys=True) + "\n"

    @classmethod
    def from_json(cls, text: str) -> StageRecord:
        """Read what `to_json` wrote.

        Raises:
            RecordError: the text is no record.
        """
        try:
            body = json.loads(text)
        except ValueError as error:
            raise RecordError(f"not JSON ({error})") from error
        names = {f.name for f in fields(cls)}
        if not isinstance(body, dict) or set(body) != names:
            found = set(body) if isinstance(body, dict) else set()
            raise RecordError(f"fields differ from a record's: {sorted(found ^ names)}")
        return cls(**{**body, "outputs": _files(body["outputs"])})

    def expected_key(self) -> str:
        """The key that the recorded fields give."""
        return stage_key(self.kind, self.code_version, self.params, self.inputs, self.seed)


def _files(body: Any) -> dict[str, OutputFile]:
    try:
        return {name: OutputFile(**entry) for name, entry in body.items()}
    except (AttributeError, TypeError) as error:
        raise RecordError(f"outputs are not files ({error})") from error


def read_outputs(out: Path) -> dict[str, OutputFile]:
    """Every file below a folder, hashed.

    Raises:
        ValueError: something below is neither a file nor a folder; a link would publish what lies
            outside the store.
    """
    files = {}
    for path in sorted(out.rglob("*")):
        name = path.relative_to(out).as_posix()
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise ValueError(f"{name}: a stage may only write plain files, this is a link or worse")
        if path.is_file():
            files[name] = OutputFile(file_digest(path), path.stat().st_size)
    return files


def product_digest(outputs: Mapping[str, OutputFile], product: tuple[str, ...] | None) -> str:
    """What consumers of the data see of an output.

    Args:
        outputs: Path relative to `out/` -> file.
        product: The files that count; None for all.

    Raises:
        ValueError: nothing was written, or a file of the product was not.
    """
    names = tuple(outputs) if product is None else product
    missing = [name for name in names if name not in outputs]
    if missing or not names:
        raise ValueError(f"the stage did not write {', '.join(missing) or 'anything'}")
    return tree_digest({name: outputs[name].sha256 for name in names})


@cache
def environment() -> Mapping[str, str]:
    """Versions of Python and of the packages results depend on; none is imported."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
