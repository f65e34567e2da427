"""The held-out ledger: every look at a held-out suite, in a file that only grows.

Each line is one look as JSON and holds the hash of the line before, so that a changed or missing
line shows.  The j-th look at a suite is judged at alpha_j = 6 alpha / (pi^2 j^2): the levels of all
looks that can ever be taken sum to alpha.  To ask the same question again (same checkpoints, same
benchmarks, same policy) is no new look: it gets the level it had.
"""

from __future__ import annotations

import fcntl
import getpass
import json
import math
import os
import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evals.digest import text_digest
from harness.verdict import Reason, Verdict

START = "0" * 64
"""What the first line names as the hash before it."""


class LedgerError(ValueError):
    """The ledger is not what was written to it."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a look is about."""

    suite: str
    sweep: str
    checkpoints: tuple[str, ...]
    """Keys of the candidate's checkpoints, then of the reference's."""
    content: Mapping[str, Any]
    """Whatever else can change the verdict: the suite's benchmarks, the policy."""

    @property
    def digest(self) -> str:
        """SHA-256 of the question."""
        body = {"suite": self.suite, "checkpoints": self.checkpoints, "content": self.content}
        return text_digest(json.dumps(body, sort_keys=True, allow_nan=False))


@dataclass(frozen=True, slots=True)
class Look:
    """One line of the ledger."""

    number: int
    """Of the looks at this suite, counted from 1."""
    suite: str
    sweep: str
    checkpoints: tuple[str, ...]
    question: str
    """Digest of the question."""
    level: float
    who: str
    when: str
    """UTC, ISO 8601."""
    forced: bool
    """Taken although the budget was spent."""
    previous: str
    hash: str
    """SHA-256 of the other fields."""


def level_of(number: int, alpha: float) -> float:
    """alpha_j = 6 alpha / (pi^2 j^2), whose sum over all j is alpha."""
    return 6 * alpha / (math.pi * number) ** 2


def look(
    path: Path,
    question: Question,
    judge: Callable[[float], Verdict],
    *,
    alpha: float,
    budget: int,
    force: bool = False,
) -> Verdict:
    """Record a look, judge at its level, and give back the verdict: nothing else leaves.

    Args:
        path: The ledger.
        question: What is asked.
        judge: From the level to the verdict; called after the look is on disk.
        alpha: Level over all looks at the suite.
        budget: Looks at the suite that are allowed.
        force: Look although the budget is spent; the line says so.

    Returns:
        The verdict; inconclusive where the look was refused.

    Raises:
        LedgerError: the ledger was changed.
    """
    with _locked(path):
        looks = read_ledger(path)
        taken = [entry for entry in looks if entry.suite == question.suite]
        known = next((entry for entry in taken if entry.question == question.digest), None)
        if known is None and len(taken) >= budget and not force:
            return _refused(question, len(taken), budget)
        if known is None:
            known = _entry(question, looks, len(taken) + 1, alpha, len(taken) >= budget)
            _append(path, known)
    return judge(known.level)


def read_ledger(path: Path) -> tuple[Look, ...]:
    """Every look, checked link by link; a last line that was torn off while written is left out.

    Raises:
        LedgerError: a line is damaged or missing, or the chain is broken; names the line.
    """
    if not path.exists():
        return ()
    lines = path.read_bytes().split(b"\n")
    # What follows the last newline is empty, or was never finished.
    looks: list[Look] = []
    for number, line in enumerate(lines[:-1], 1):
        entry = _parsed(path, number, line)
        before = looks[-1].hash if looks else START
        if entry.previous != before or entry.hash != _hash(entry):
            raise LedgerError(
                f"{path}, line {number}: the chain of hashes is broken; a line was changed, "
                f"removed or moved. Restore the file from a copy."
            )
        looks.append(entry)
    return tuple(looks)


def _parsed(path: Path, number: int, line: bytes) -> Look:
    try:
        body = json.loads(line)
        return Look(**{**body, "checkpoints": tuple(body["checkpoints"])})
    except (ValueError, KeyError, TypeError) as error:
        raise LedgerError(f"{path}, line {number}: not a look ({type(error).__name__})") from error


def _entry(
    question: Question, looks: Sequence[Look], number: int, alpha: float, forced: bool
) -> Look:
    draft = Look(
        number=number,
        suite=question.suite,
        sweep=question.sweep,
        checkpoints=question.checkpoints,
        question=question.digest,
        level=level_of(number, alpha),
        who=f"{getpass.getuser()}@{socket.gethostname()}",
        when=datetime.now(UTC).isoformat(timespec="seconds"),
        forced=forced,
        previous=looks[-1].hash if looks else START,
        hash="",
    )
    return Look(**{**_fields(draft), "hash": _hash(draft)})


def _fields(entry: Look) -> dict[str, Any]:
    return {**asdict(entry), "checkpoints": entry.checkpoints}


def _hash(entry: Look) -> str:
    body = {k: v for k, v in asdict(entry).items() if k != "hash"}
    return text_digest(json.dumps(body, sort_keys=True, allow_nan=False))


def _append(path: Path, entry: Look) -> None:
    """Add a line and have it reach the disk; a torn one before it is cut off first."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        whole = path.read_bytes().rfind(b"\n") + 1
        os.truncate(handle, whole)
        os.lseek(handle, 0, os.SEEK_END)
        os.write(handle, json.dumps(asdict(entry), sort_keys=True).encode() + b"\n")
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the ledger; the kernel lets go of it when the holder dies."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _refused(question: Question, taken: int, budget: int) -> Verdict:
    text = (
        f"Not judged: {question.suite} was looked at {taken} times and {budget} looks are allowed. "
        f"Hold out fresh items, or look all the same with --force-look, which is recorded."
    )
    return Verdict("inconclusive", (Reason("inconclusive", None, text),), None, None, ())
