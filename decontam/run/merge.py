"""What shards found, put together as if one process had read every file from its first row."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from decontam.rows.files import Shard
from decontam.rows.read import read_shard
from decontam.rows.unscanned import Turns
from decontam.run import shard as published
from decontam.run.candidate import Candidate, Seen
from decontam.run.shard import MOST_BAD, Done

Folders = Mapping[Shard, Path]
"""Every shard, in order, and the folder where its result stands."""


@dataclass(frozen=True, slots=True)
class Merged:
    """The results of all shards."""

    folders: Folders
    first: Mapping[Shard, int]
    """The number of each shard's first row in its file."""
    rows: Mapping[str, int]
    """File -> its rows."""
    bad: tuple[tuple[str, int, str], ...]
    """Unreadable rows: file, row, reason."""
    unscanned: Turns

    def candidates(self) -> Iterator[Candidate]:
        """What was found, row by row."""
        for shard, folder in self.folders.items():
            for c in published.candidates(folder):
                row = c.match.row + self.first[shard]
                yield replace(c, match=replace(c.match, row=row))

    def seen(self, grams: int) -> Seen:
        """What was counted.

        Args:
            grams: How many n-grams the index has.
        """
        rows, files = np.zeros(grams, dtype=np.int64), np.zeros(grams, dtype=np.int64)
        by_file: dict[str, list[Path]] = defaultdict(list)
        for shard, folder in self.folders.items():
            by_file[shard.file.name].append(folder)
        for folders in by_file.values():
            met = np.zeros(grams, dtype=np.bool_)
            for folder in folders:
                found, counted = published.gram_rows(folder)
                rows[found] += counted
                met[found] = True
            files += met
        return Seen(sum(self.rows.values()), rows, files)


def merge(folders: Folders, allowed: int, fields: Sequence[str]) -> Merged:
    """Put the results of shards together.

    Args:
        folders: Where they stand; those of shards that were not scanned are absent.
        allowed: Unreadable rows that are counted rather than refused.
        fields: The fields that hold text.

    Raises:
        ValueError: there are more unreadable rows, or so many that a shard was given up, or a file
            without rows; names the first.
    """
    done = {shard: published.published(folder) for shard, folder in folders.items()}
    first, rows = _numbered(done, fields)
    bad = tuple(
        (s.file.name, first[s] + row, why) for s, d in done.items() if d for row, why in d.bad
    )
    # A shard that was given up holds rows that nobody has seen, whatever is allowed by now.
    stopped = any(d.stopped for d in done.values() if d)
    if len(bad) > allowed or stopped:
        name, row, why = bad[0]
        more = f" ({len(bad)} such rows so far)" if len(bad) > 1 else ""
        remedy = "--allow-bad-rows N counts such rows instead"
        if len(bad) > MOST_BAD:
            remedy = f"more than {MOST_BAD} are no exceptions: convert the file first"
        raise ValueError(f"{name}: row {row} {why}{more}; {remedy}")
    for name, count in rows.items():
        if not count:
            raise ValueError(f"{name} holds no rows; remove it or fetch it again")
    unscanned = sum((d.unscanned for d in done.values() if d), Turns())
    return Merged(folders, first, rows, bad, unscanned)


def _numbered(
    done: Mapping[Shard, Done | None], fields: Sequence[str]
) -> tuple[dict[Shard, int], dict[str, int]]:
    """The number of each shard's first row, and the rows of each file."""
    first: dict[Shard, int] = {}
    rows: dict[str, int] = defaultdict(int)
    for shard, result in done.items():
        first[shard] = rows[shard.file.name]
        rows[shard.file.name] += result.rows if result else _count(shard, fields)
    return first, dict(rows)


def _count(shard: Shard, fields: Sequence[str]) -> int:
    """The rows of a shard that was not scanned because another one ended the check."""
    return sum(block.rows for block in read_shard(shard, "all", fields))
