"""The folder of one check: its request, its work under way, its lock."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

RESULTS = ("data", "removed.jsonl", "bad_rows.jsonl", "matches.parquet", "items.parquet",
           "review.html", "summary.json")  # fmt: skip
"""What a check publishes, the last of it when all the rest is there."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a check works and publishes."""

    out: Path
    request: str
    """Digest of everything that decides the results."""

    @property
    def work(self) -> Path:
        """What is resumed, by request, so that a straggler of another one writes elsewhere."""
        return self.out / "work" / self.request[:16]

    def clear(self) -> None:
        """Take back results that were not published to the end."""
        for name in RESULTS:
            path = self.out / name
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)

    @property
    def finished(self) -> bool:
        """Whether the results of a check stand here."""
        return (self.out / "summary.json").is_file()

    def remove_work(self) -> None:
        """Remove what is under way."""
        if (self.out / "work").exists():
            shutil.rmtree(self.out / "work")

    def key(self) -> str | None:
        """The request that the folder belongs to, if there is one."""
        path = self.out / "request.json"
        if not path.is_file():
            return None
        try:
            return str(json.loads(path.read_bytes())["key"])
        except (ValueError, LookupError, TypeError) as error:
            raise ValueError(
                f"{path} is damaged ({error}); choose another folder or remove this one"
            ) from error


@contextmanager
def claimed(out: Path, key: str) -> Iterator[Place]:
    """Take a folder for a request.

    Work under way for the same request is kept; for another one it is thrown away.

    Args:
        out: The folder, made if need be.
        key: Digest of everything that decides the results.

    Raises:
        ValueError: it holds something else or another check's results, or another process works in
            it; says what to do.
    """
    place = Place(out, key)
    out.mkdir(parents=True, exist_ok=True)
    with _locked(out):
        known = place.key()
        if known is None and (other := _strangers(out)):
            raise ValueError(f"{out} holds {other[0]}; choose another folder for the results")
        if known not in (None, key) and place.finished:
            raise ValueError(
                f"{out} holds the results of another check; choose another folder or remove it"
            )
        for torn in out.glob(".request.json.*"):
            torn.unlink()
        _wait_for_workers(out / "work")
        if known != key or place.finished:
            place.remove_work()
        if known != key:
            write_atomically(out / "request.json", json.dumps({"key": key}) + "\n")
        if not place.finished:
            place.clear()
            place.work.mkdir(parents=True, exist_ok=True)
        yield place


def lock_work(work: Path) -> None:
    """Keep other checks from a folder until this process ends; it may be one of several that do.

    Args:
        work: What `Place.work` named.
    """
    descriptor = os.open(work.parent, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_SH)


def _wait_for_workers(folder: Path) -> None:
    """Wait until no worker of a process that was killed is left; they end when they notice."""
    if not folder.exists():
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    finally:
        os.close(descriptor)


def write_atomically(path: Path, text: str) -> None:
    """Write a file that is whole or absent, whatever happens."""
    staging = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with staging.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        staging.replace(path)
    finally:
        staging.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Wait until the disk holds a file, or the names in a folder."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _locked(out: Path) -> Iterator[None]:
    descriptor = os.open(out, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise ValueError(f"another process works in {out}; wait for it") from error
        yield
    finally:
        os.close(descriptor)


def _strangers(out: Path) -> list[str]:
    return sorted(p.name for p in out.iterdir() if not p.name.startswith(".request.json"))
