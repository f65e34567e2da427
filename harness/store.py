"""Publication: a directory in `store/` is complete by construction."""

from __future__ import annotations

import argparse
import fcntl
import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from harness.record import RecordError, StageRecord, read_outputs


@dataclass(frozen=True, slots=True)
class Damage:
    """An entry of the store that is not what was published."""

    kind: str
    key: str
    reason: str
    moved_to: Path


@dataclass(frozen=True, slots=True)
class Store:
    """The folder `results/`: published stages, staging, locks."""

    root: Path

    def entry(self, kind: str, key: str) -> Path:
        """Folder of a published stage."""
        return self.root / "store" / kind / key[:2] / key

    def out(self, kind: str, key: str) -> Path:
        """Folder of what a published stage wrote."""
        return self.entry(kind, key) / "out"

    def work(self, key: str) -> Path:
        """Folder a stage is prepared in before it is published."""
        return self.root / "work" / key

    def has(self, kind: str, key: str) -> bool:
        """Whether a stage is published.  One system call."""
        return self.entry(kind, key).is_dir()

    def find(self, key: str) -> str | None:
        """The kind under which a key is published, if it is."""
        found = next((self.root / "store").glob(f"*/{key[:2]}/{key}"), None)
        return found.parts[-3] if found else None

    def record(self, kind: str, key: str) -> StageRecord | None:
        """What a published stage says of itself; None if it is not published.

        Raises:
            RecordError: its manifest cannot be read.
        """
        path = self.entry(kind, key) / "manifest.json"
        # Asked first: after a look in vain, it may be published before the question.
        if not self.has(kind, key):
            return None
        try:
            return StageRecord.from_json(path.read_text(encoding="utf-8"))
        except FileNotFoundError as error:
            raise RecordError(f"{path} is missing; {self._remedy()}") from error
        except (RecordError, UnicodeDecodeError) as error:
            raise RecordError(f"{path}: {error}; {self._remedy()}") from error

    def _remedy(self) -> str:
        return f"`python -m harness.store verify --results {self.root}` sets it aside"

    def records(self) -> Iterator[StageRecord]:
        """Every published record, in the order of kind and key.

        Raises:
            RecordError: a manifest cannot be read.
        """
        for kind, key in self._entries():
            record = self.record(kind, key)
            if record:
                yield record

    def _entries(self) -> list[tuple[str, str]]:
        folders = sorted((self.root / "store").glob("*/??/*"))
        return [(folder.parts[-3], folder.name) for folder in folders]

    @contextmanager
    def lock(self, key: str, waiting: Callable[[], None] | None = None) -> Iterator[None]:
        """Hold the lock of a key.  The kernel frees it when the holder dies, however it dies.

        Args:
            key: Stage key.
            waiting: Called once if another process holds the lock, before waiting for it; without
                it a held lock is an error.

        Raises:
            BlockingIOError: the lock is held and `waiting` is None.
        """
        path = self.root / "locks" / f"{key}.lock"
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if waiting is None:
                    raise
                waiting()
                fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def publish(self, attempt: Path, record: StageRecord) -> bool:
        """Write a manifest beside what a stage wrote and move both into the store.

        Args:
            attempt: Folder with `out/` and `log.txt`, on the file system of the store.
            record: What the stage says of itself.

        Returns:
            False if somebody had published the key before; theirs is kept, `attempt` stays.
        """
        (attempt / "manifest.json").write_text(record.to_json(), encoding="utf-8")
        sync_tree(attempt)
        target = self.entry(record.kind, record.key)
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            attempt.rename(target)
        except OSError:
            if target.is_dir():
                return False
            raise
        for folder in target.parents[:4]:
            _sync(folder)
        return True

    def tidy(self, key: str) -> None:
        """Remove what a published stage left in `work/`, unless somebody is at it."""
        with suppress(BlockingIOError), self.lock(key):
            shutil.rmtree(self.work(key), ignore_errors=True)

    def verify(self) -> tuple[Damage, ...]:
        """Hash every published file again and move damaged entries to `quarantine/`."""
        found = []
        for kind, key in self._entries():
            reason = self._damage(kind, key)
            if reason:
                found.append(Damage(kind, key, reason, self._quarantine(kind, key)))
        return tuple(found)

    def _damage(self, kind: str, key: str) -> str | None:
        try:
            record = self.record(kind, key)
            found = read_outputs(self.out(kind, key))
        except (RecordError, ValueError) as error:
            return str(error)
        if record is None or (record.kind, record.key, record.expected_key()) != (kind, key, key):
            return "the manifest belongs to another key"
        names = sorted(found.keys() | record.outputs.keys())
        wrong = [name for name in names if found.get(name) != record.outputs.get(name)]
        return f"changed, missing or foreign: {', '.join(wrong)}" if wrong else None

    def _quarantine(self, kind: str, key: str) -> Path:
        folder = self.root / "quarantine"
        folder.mkdir(exist_ok=True)
        number = sum(1 for _ in folder.glob(f"{kind}-{key}-*"))
        return self.entry(kind, key).rename(folder / f"{kind}-{key}-{number}")


def sync_tree(folder: Path) -> None:
    """Have every file and folder below reach the disk, and the folder itself."""
    for path in sorted(folder.rglob("*"), reverse=True):
        _sync(path)
    _sync(folder)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def main(arguments: Sequence[str] | None = None) -> int:
    """`python -m harness.store verify --results DIR`: exit code 1 if anything was damaged."""
    parser = argparse.ArgumentParser(prog="python -m harness.store")
    parser.add_argument("command", choices=["verify"])
    parser.add_argument("--results", type=Path, default=Path("results"))
    store = Store(parser.parse_args(arguments).results)
    total, damaged = len(store._entries()), store.verify()
    for item in damaged:
        sys.stdout.write(f"{item.kind} {item.key}: {item.reason}\n  moved to {item.moved_to}\n")
    sys.stdout.write(f"{total} published stages, {len(damaged)} damaged\n")
    return 1 if damaged else 0


if __name__ == "__main__":
    sys.exit(main())
