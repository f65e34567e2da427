"""The held-out ledger: every look at a held-out suite, in a file that only grows.

Each line is one look as JSON and holds the hash of the line before, so that a changed or missing
line shows.  The j-th look at a suite is judged at alpha_j = 6 alpha / (pi^2 j^2): the levels of all
looks that can ever be taken sum to alpha.  To ask the same question again (same checkpoints, same
benchmarks, same policy) is no new look: it gets the level it had.

A look gives back a verdict.  Whoever must see the scores themselves opens them: that is a look like
any other, and its line says so.
"""

from __future__ import annotations

import fcntl
import getpass
import json
import math
import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from evals.digest import text_digest

ALPHA = 0.05
"""Level over all looks at a suite."""

LOOKS = 10
"""Looks at a suite that are allowed where nobody says otherwise."""

LEDGER = "ASSAY_LEDGER"
"""Environment variable that names the ledger of every command."""

START = "0" * 64
"""What the first line names as the hash before it."""


class LedgerError(ValueError):
    """The ledger is not what was written to it."""


class BudgetError(ValueError):
    """More looks than are allowed were asked for, and none was taken."""


@dataclass(frozen=True, slots=True)
class Question:
    """What a look is about."""

    suite: str
    sweep: str
    """The sweep that asks, or the command."""
    checkpoints: tuple[str, ...]
    """What tells the checkpoints apart: those of the candidate, then those of the reference."""
    content: Mapping[str, Any]
    """Whatever else can change the verdict: the suite's benchmarks, the policy."""
    opened: bool = False
    """Whether the scores themselves are asked for."""

    @property
    def digest(self) -> str:
        """SHA-256 of the question."""
        body: dict[str, Any] = {
            "suite": self.suite,
            "checkpoints": self.checkpoints,
            "content": self.content,
        }
        if self.opened:
            body["opened"] = True
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
    opened: bool = False
    """The scores themselves were shown."""


def level_of(number: int, alpha: float) -> float:
    """alpha_j = 6 alpha / (pi^2 j^2), whose sum over all j is alpha."""
    return 6 * alpha / (math.pi * number) ** 2


def ledger_file(beside: Path) -> Path:
    """The ledger that `ASSAY_LEDGER` names, or `ledger.jsonl` in a folder of results."""
    named = os.environ.get(LEDGER)
    return Path(named) if named else beside / "ledger.jsonl"


def enter(
    path: Path,
    question: Question,
    *,
    alpha: float = ALPHA,
    budget: int = LOOKS,
    force: bool = False,
) -> Look:
    """Enter a look; it is on disk when this returns, so nothing is judged that is not on record.

    Args:
        path: The ledger.
        question: What is asked.
        alpha: Level over all looks at the suite.
        budget: Looks at the suite that are allowed.
        force: Look although the budget is spent; the line says so.

    Returns:
        The look, with the level to judge at.  A question that was asked before is the look it was.

    Raises:
        BudgetError: the budget is spent and `force` is not given.
        LedgerError: the ledger was changed.
    """
    with _locked(path):
        looks = read_ledger(path)
        taken = [entry for entry in looks if entry.suite == question.suite]
        known = next((entry for entry in taken if entry.question == question.digest), None)
        if known is not None:
            return known
        if len(taken) >= budget and not force:
            raise BudgetError(
                f"{question.suite} was looked at {len(taken)} times and {budget} looks are "
                f"allowed.\nHold out fresh items, or look all the same with --force-look, which is "
                f"recorded."
            )
        entry = _entry(question, looks, len(taken) + 1, alpha, len(taken) >= budget)
        _append(path, entry)
        return entry


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
        opened=question.opened,
    )
    return replace(draft, hash=_hash(draft))


def _body(entry: Look) -> dict[str, Any]:
    """The line of a look; what it does not say is left out, as in ledgers from before it could."""
    return {k: v for k, v in asdict(entry).items() if k != "opened" or v}


def _hash(entry: Look) -> str:
    body = {k: v for k, v in _body(entry).items() if k != "hash"}
    return text_digest(json.dumps(body, sort_keys=True, allow_nan=False))


def _append(path: Path, entry: Look) -> None:
    """Add a line and have it reach the disk; a torn one before it is cut off first."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        whole = path.read_bytes().rfind(b"\n") + 1
        os.truncate(handle, whole)
        os.lseek(handle, 0, os.SEEK_END)
        os.write(handle, json.dumps(_body(entry), sort_keys=True).encode() + b"\n")
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
