"""Files without the rows that a check flagged, as they were but for those."""

from __future__ import annotations

import io
import json
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from decontam.policy import Policy
from decontam.report.report import Report
from decontam.rows.files import DataFile, Shard, opened
from decontam.rows.lines import BLOCK, is_array
from decontam.rows.parquet import opened_parquet
from decontam.rows.raw import raw_records
from decontam.run.place import sync

if TYPE_CHECKING:
    import pyarrow as pa

Bad = Sequence[tuple[str, int, str]]
"""Unreadable rows: file, row, reason."""


@dataclass(frozen=True, slots=True)
class Removals:
    """What is left out, and why."""

    rows: Mapping[str, Mapping[int, str]]
    """File -> row -> why."""
    files: Mapping[str, str]
    """Whole files -> why."""

    def write(self, path: Path) -> None:
        """Write one JSON object for each row or file that is left out."""
        with path.open("w", encoding="utf-8") as file:
            for name, why in sorted(self.files.items()):
                file.write(json.dumps({"file": name, "row": None, "reason": why}) + "\n")
            for name, rows in sorted(self.rows.items()):
                for row, why in sorted(rows.items()):
                    file.write(json.dumps({"file": name, "row": row, "reason": why}) + "\n")


def removals(report: Report, bad: Bad) -> Removals:
    """What a policy leaves out of the files.

    Args:
        report: Of the check.
        bad: The rows that could not be read; what was not scanned is not clean.

    Raises:
        BlockedError: a match has a label on which the policy blocks.
    """
    rows: dict[str, dict[int, str]] = defaultdict(dict)
    files: dict[str, str] = {}
    for name, row, reason in bad:
        rows[name][row] = f"unreadable: {reason}"
    for m in report.evidence():
        if not m.flagged:
            continue
        why = f"{m.label}: {m.benchmark}/{m.item}"
        if _action(report.policy, m.label) == "block":
            raise BlockedError(f"{m.file}: row {m.row} holds {why}, on which the policy blocks")
        if _action(report.policy, m.label) == "drop_file":
            files.setdefault(m.file, f"row {m.row}: {why}")
        rows[m.file].setdefault(m.row, why)
    return Removals({k: v for k, v in rows.items() if k not in files}, files)


class BlockedError(Exception):
    """A policy forbids that anything is published."""


def clean_files(
    files: Sequence[DataFile], counts: Mapping[str, int], left_out: Removals, folder: Path
) -> int:
    """Write every file without what is left out, below `folder` under its name.

    Args:
        files: The files that were checked.
        counts: How many rows each had then.
        left_out: What is not written.
        folder: Does not exist, or holds an attempt that was cut off.

    Returns:
        The rows kept.

    Raises:
        ValueError: a file is not what was checked.
    """
    kept = 0
    for file in files:
        if file.name in left_out.files:
            continue
        gone = left_out.rows.get(file.name, {})
        target = folder / file.name
        target.parent.mkdir(parents=True, exist_ok=True)
        rows = _WRITERS[file.format](file, gone, target)
        file.check_unchanged()
        if rows + len(gone) != counts[file.name]:
            raise ValueError(f"{file.name} changed since it was scanned; check it again")
        sync(target)
        kept += rows
    return kept


def missing(files: Sequence[DataFile], out: Path) -> str | None:
    """What a cleaning left in a folder and is no longer there: the first by its name, or None.

    Args:
        files: The files that were cleaned.
        out: Where it was published.

    Raises:
        ValueError: the list of what was left out is damaged.
    """
    removed = out / "removed.jsonl"
    if not removed.is_file():
        return removed.name
    try:
        with removed.open(encoding="utf-8") as lines:
            dropped = {told["file"] for told in map(json.loads, lines) if told["row"] is None}
    except (ValueError, LookupError, TypeError) as error:
        raise ValueError(
            f"{removed} is damaged ({error}); choose another folder or remove this one"
        ) from error
    kept = (Path("data", file.name) for file in files if file.name not in dropped)
    return next((str(path) for path in kept if not (out / path).is_file()), None)


def _lines(file: DataFile, gone: Collection[int], target: Path) -> int:
    row = kept = 0
    with _written(file, target) as out:
        for number, line in enumerate(_every_line(file)):
            told = line.removeprefix(b"\xef\xbb\xbf") if number == 0 else line
            if told.isspace() or not told:
                out.write(line)
                continue
            if row not in gone:
                out.write(line)
                kept += 1
            row += 1
    return kept


# What reads a file is apart from what writes another, so that neither is blamed for the other.


def _every_line(file: DataFile) -> Iterator[bytes]:
    with opened(file) as stream, io.BufferedReader(cast(io.RawIOBase, stream), 1 << 20) as lines:
        yield from lines


def _json(file: DataFile, gone: Collection[int], target: Path) -> int:
    with opened(file) as stream:
        array = is_array(file, stream.read(BLOCK))
    if not array:
        return _lines(file, gone, target)
    kept = 0
    with _written(file, target) as out:
        out.write(b"[")
        for row, element in enumerate(raw_records(Shard(file, 0, 0, file.size))):
            if row not in gone:
                out.write((b",\n" if kept else b"\n") + element)
                kept += 1
        out.write(b"\n]\n")
    return kept


def _parquet(file: DataFile, gone: Collection[int], target: Path) -> int:
    import pyarrow as pa
    import pyarrow.parquet as pq

    first = kept = 0
    with opened_parquet(file) as source:
        schema, groups = source.schema_arrow, source.num_row_groups
        codec = source.metadata.row_group(0).column(0).compression if groups else "SNAPPY"
    codec = "NONE" if codec == "UNCOMPRESSED" else codec
    with pq.ParquetWriter(target, schema, compression=codec) as writer:
        for table in _row_groups(file):
            mask = pa.array([first + k not in gone for k in range(table.num_rows)], pa.bool_())
            first += table.num_rows
            left = table.filter(mask)
            kept += left.num_rows
            writer.write_table(left)
    return kept


def _row_groups(file: DataFile) -> Iterator[pa.Table]:
    with opened_parquet(file) as source:
        for group in range(source.num_row_groups):
            yield source.read_row_group(group)


_WRITERS: Mapping[str, Callable[[DataFile, Collection[int], Path], int]] = {
    "jsonl": _lines,
    "json": _json,
    "parquet": _parquet,
}


@contextmanager
def _written(file: DataFile, target: Path) -> Iterator[BinaryIO]:
    """A file to write, compressed as the one it comes from; the same rows give the same bytes."""
    with target.open("wb") as raw, _compressed(file, raw) as out:
        yield out


def _compressed(file: DataFile, raw: BinaryIO) -> BinaryIO:
    match file.compression:
        case None:
            return io.BufferedWriter(raw, 1 << 20)
        case "gz":
            import gzip

            return cast(BinaryIO, gzip.GzipFile("", "wb", fileobj=raw, mtime=0))
        case "bz2":
            import bz2

            return cast(BinaryIO, bz2.open(raw, "wb"))
        case "xz":
            import lzma

            return cast(BinaryIO, lzma.open(raw, "wb"))
        case "zst":
            import pyarrow as pa

            return cast(BinaryIO, pa.CompressedOutputStream(pa.PythonFile(raw, "w"), "zstd"))


def _action(policy: Policy, label: str) -> str:
    return policy.action(label)  # type: ignore[arg-type]
