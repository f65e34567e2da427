"""One shard scanned, and what was found published as a folder that is complete or absent."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from decontam.report.evidence import Match, match
from decontam.rows.read import read_shard
from decontam.rows.shards import Shard
from decontam.rules.rule import find
from decontam.run.candidate import Candidate
from decontam.run.scan import Scan

MOST_BAD = 10_000
"""Unreadable rows after which a shard is given up, whatever is allowed."""


@dataclass(frozen=True, slots=True)
class Done:
    """What a published shard says of itself; row numbers begin with the shard."""

    rows: int
    bad: tuple[tuple[int, str], ...]
    """Unreadable rows: number, reason."""
    stopped: bool
    """Whether it was given up for its unreadable rows."""


def scan_shard(scan: Scan, shard: Shard, fields: Sequence[str], folder: Path, allowed: int) -> Done:
    """Scan a shard and publish what it holds.

    Args:
        scan: The index at work.
        shard: Which rows.
        fields: The fields that hold text; none to recognise the usual shapes.
        folder: Where the result is to stand; its parent exists.  If another process has published
            the shard meanwhile, its result stays and is returned.
        allowed: Unreadable rows after which it is given up.

    Raises:
        ValueError: the file cannot be read to its end.
    """
    staging = folder.with_name(f"{folder.name}.{uuid4().hex}")  # processes of two nodes share ids
    staging.mkdir()
    scan.scanner.gram_rows()  # forget what another shard counted
    rows, bad, held = 0, [], []
    for block in read_shard(shard, scan.index.policy.mode, fields):
        for batch in block.batches:
            for finding in find(scan.index, scan.pairs(batch)):
                made = match(finding, scan.index.policy, shard.file.name)
                held.append(Candidate(made, finding.pair.place, finding.matched))
            bad += [(batch.numbers[place], reason) for place, reason in batch.bad.items()]
        rows += block.rows
        if len(bad) > min(allowed, MOST_BAD):
            break
    bad.sort()
    held.sort(key=lambda c: c.match.order)
    _write(staging, held, scan.scanner.gram_rows())
    done = Done(rows, tuple(bad[: MOST_BAD + 1]), len(bad) > min(allowed, MOST_BAD))
    told = {"rows": done.rows, "bad": done.bad, "stopped": done.stopped}
    (staging / "shard.json").write_text(json.dumps(told), encoding="utf-8")
    _sync(staging)
    return _renamed(staging, folder) or done


def _renamed(staging: Path, folder: Path) -> Done | None:
    """Publish a staging folder, or return what another process has published before."""
    try:
        staging.rename(folder)
    except OSError:
        found = published(folder)
        if found is None:
            raise
        shutil.rmtree(staging)
        return found
    return None


def published(folder: Path) -> Done | None:
    """What a shard says of itself, or None if it has not been published."""
    path = folder / "shard.json"
    if not path.is_file():
        return None
    told = json.loads(path.read_text(encoding="utf-8"))
    return Done(told["rows"], tuple((r, why) for r, why in told["bad"]), told["stopped"])


def candidates(folder: Path) -> Iterator[Candidate]:
    """What a published shard found, row by row."""
    with (folder / "candidates.jsonl").open(encoding="utf-8") as lines:
        for line in lines:
            told = json.loads(line)
            yield Candidate(Match(**told["match"]), told["entry"], tuple(told["matched"]))


def gram_rows(folder: Path) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The n-grams that a published shard met, and in how many rows."""
    found = np.load(folder / "grams.npy", allow_pickle=False)
    return found[0], found[1]


def _write(folder: Path, held: Sequence[Candidate], counted: bytes) -> None:
    with (folder / "candidates.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(asdict(candidate)) + "\n" for candidate in held)
    rows = np.frombuffer(counted, dtype=np.uint32)
    met = np.flatnonzero(rows)
    np.save(folder / "grams.npy", np.stack([met, rows[met].astype(np.int64)]))


def _sync(folder: Path) -> None:
    for path in [*folder.iterdir(), folder]:
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
