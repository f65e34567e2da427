"""One shard scanned, and what was found published as a folder that is complete or absent."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from dataclasses import fields as dataclass_fields
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from decontam.items.saved import load, read_policy
from decontam.report.evidence import Match, match
from decontam.rows.batch import Batch
from decontam.rows.files import Shard
from decontam.rows.read import read_shard
from decontam.rows.shapes import QUESTION, Mode, Segment
from decontam.rows.unscanned import Turns, unscanned_turns
from decontam.run.bad_rows import write_bad_rows
from decontam.run.candidate import Candidate
from decontam.run.place import sync
from decontam.run.scan import Scan

if TYPE_CHECKING:
    from decontam.similar.request import SimilarRequest

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
    unscanned: Turns


@dataclass(frozen=True, slots=True)
class Options:
    """How shards are scanned, as it is handed to other processes."""

    policy: Mapping[str, Any]
    """As `decontam.items.saved.describe` tells it."""
    fields: tuple[str, ...] = ()
    """The fields that hold text; none to recognise the usual shapes."""
    allow_bad_rows: int = 0
    similar: SimilarRequest | None = None

    @property
    def most_bad(self) -> int:
        """Unreadable rows after which a shard is given up."""
        return min(self.allow_bad_rows, MOST_BAD)

    def scan(self, index: Path) -> Scan:
        """A saved index at work under this policy."""
        return Scan(load(index).with_policy(read_policy(self.policy)))


def scan_shard(scan: Scan, shard: Shard, folder: Path, options: Options) -> Done:
    """Scan a shard and publish what it holds.

    Args:
        scan: The index at work.
        shard: Which rows.
        folder: Where the result is to stand; its parent exists.  If another process has published
            the shard meanwhile, its result stays and is returned.
        options: How.

    Raises:
        ValueError: the file cannot be read to its end.
    """
    staging = folder.with_name(f"{folder.name}.{uuid4().hex}")  # processes of two nodes share ids
    staging.mkdir()
    scan.scanner.gram_rows()  # forget what another shard counted
    rows, unscanned = 0, Turns()
    bad: list[tuple[int, str]] = []
    held: list[Candidate] = []
    for block in read_shard(shard, scan.index.policy.mode, options.fields):
        for batch in block.batches:
            held += _candidates(scan, batch, shard)
            bad += [(batch.numbers[place], reason) for place, reason in batch.bad.items()]
            unscanned += unscanned_turns(batch)
        rows += block.rows
        if len(bad) > options.most_bad:
            break
    counted, bad = scan.scanner.gram_rows(), sorted(bad)
    stopped = len(bad) > options.most_bad
    done = Done(rows, tuple(bad[: MOST_BAD + 1]), stopped, unscanned)
    if options.similar and not done.stopped:
        held += _similar(scan, shard, held, options, folder.with_suffix(".verdicts"))
    held.sort(key=lambda c: c.match.order)
    _write(staging, held, counted)
    if done.bad and not done.stopped:
        write_bad_rows(staging, shard, done)
    (staging / "shard.json").write_text(json.dumps(asdict(done)), encoding="utf-8")
    for path in [*staging.iterdir(), staging]:
        sync(path)
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


def _candidates(scan: Scan, batch: Batch, shard: Shard) -> Iterator[Candidate]:
    for finding in scan.findings(batch):
        made = match(finding, scan.index.policy, shard.file.name)
        yield Candidate(made, finding.pair.place, finding.matched)


def _similar(
    scan: Scan, shard: Shard, held: Sequence[Candidate], options: Options, verdicts: Path
) -> list[Candidate]:
    """What the third tier adds: rows that share too little of an item for the others."""
    assert options.similar
    known = {(c.match.row, c.match.benchmark, c.match.item) for c in held}
    found = options.similar.matches(
        _segments(shard, scan.index.policy.mode, options),
        scan.index.entries,
        shard.file.name,
        verdicts,
    )
    return [
        Candidate(m, entry, ()) for m, entry in found if (m.row, m.benchmark, m.item) not in known
    ]


def _segments(shard: Shard, mode: Mode, options: Options) -> Iterator[Segment]:
    """The turns that are asked for prompts, of the rows that can be read."""
    for block in read_shard(shard, mode, options.fields):
        for batch in block.batches:
            ends = np.frombuffer(batch.ends, dtype=np.int32)
            for place in np.flatnonzero(np.diff(ends, prepend=0)).tolist():
                doc = batch.doc(place)
                masks = zip(doc.segments, doc.asked(mode), strict=True)
                yield from (s for s, mask in masks if mask & QUESTION)


def published(folder: Path) -> Done | None:
    """What a shard says of itself, or None if it has not been published."""
    path = folder / "shard.json"
    if not path.is_file():
        return None
    told = json.loads(path.read_text(encoding="utf-8"))
    bad = tuple((row, why) for row, why in told["bad"])
    return Done(told["rows"], bad, told["stopped"], Turns(**told["unscanned"]))


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


_FIELDS = tuple(f.name for f in dataclass_fields(Match))


def _write(folder: Path, held: Sequence[Candidate], counted: bytes) -> None:
    with (folder / "candidates.jsonl").open("w", encoding="utf-8") as file:
        for c in held:
            told = {name: getattr(c.match, name) for name in _FIELDS}
            line = {"match": told, "entry": c.entry, "matched": c.matched}
            file.write(json.dumps(line) + "\n")
    rows = np.frombuffer(counted, dtype=np.uint32)
    met = np.flatnonzero(rows)
    np.save(folder / "grams.npy", np.stack([met, rows[met].astype(np.int64)]))
