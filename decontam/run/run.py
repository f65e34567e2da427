"""A check of files: shards, their merging, and the results."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Literal

import numpy as np

from decontam.items.index import Index
from decontam.items.saved import digest, save
from decontam.report.accounts import Accounts
from decontam.report.allowlist import Allowlist
from decontam.report.report import Report, Totals
from decontam.report.tables import MatchWriter
from decontam.rows.files import DataFile, find_files, opened
from decontam.rows.lines import records
from decontam.rows.shards import SHARD, Shard, shards
from decontam.run import shard as published
from decontam.run.candidate import Candidate, Seen
from decontam.run.local import Task, in_processes, in_this_process
from decontam.run.place import Place, claimed, write_atomically
from decontam.run.scan import Scan
from decontam.run.settle import Allows, settle
from decontam.run.shard import Done


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be checked, and how."""

    train: tuple[str, ...]
    """Files, folders or globs."""
    out: Path | None = None
    """Where results go and work is resumed; without it nothing is left behind."""
    index: Path | None = None
    """The folder of the index, if it has one."""
    fields: tuple[str, ...] = ()
    """The fields that hold text; none to recognise the usual shapes."""
    allow_bad_rows: int = 0
    allowlist: Path | None = None
    workers: int = 1
    executor: Literal["local", "ray"] = "local"
    progress: Callable[[int, int], None] | None = None
    """Told bytes done and bytes in all, now and then."""


def run(request: Request, index: Index) -> Report:
    """Check files.

    Args:
        request: What and how.
        index: What is looked for.

    Raises:
        ValueError: a file or row cannot be read, the output folder is taken, or nothing is there to
            check; nothing is published then, and the same request goes on where it was.
    """
    if request.out is None:
        with tempfile.TemporaryDirectory(prefix="decontam-") as folder:
            report = run(replace(request, out=Path(folder, "out")), index)
            return replace(report, found=tuple(report.evidence()))
    files = find_files(request.train)
    allowlist = Allowlist.load(request.allowlist) if request.allowlist else None
    with claimed(request.out, _key(request, index, files)) as place:
        if place.finished:
            return Report.read(place.out, index.policy)
        return _run(request, index, files, place, allowlist.allows if allowlist else None)


def _run(
    request: Request, index: Index, files: Sequence[DataFile], place: Place, allows: Allows | None
) -> Report:
    started = time.perf_counter()
    cut = shards(files)
    folders = {s: place.work / f"{k:06d}" for k, s in enumerate(cut)}
    _scan_all(request, index, place, folders)
    done = {s: published.published(folder) for s, folder in folders.items()}
    first = _first_rows(done)
    bad = _bad_rows(request, done, first)
    accounts = Accounts(index.entries)
    seen = _seen(index, folders, sum(d.rows for d in done.values() if d))
    staged = place.work / "matches.parquet"

    def found() -> Iterator[Candidate]:
        return chain.from_iterable(_candidates(f, first[s]) for s, f in folders.items())

    with MatchWriter(staged) as writer:
        for match in settle(index, found, seen, allows):
            accounts.add(match)
            writer.add(match)
    totals = Totals(
        rows_read=seen.rows,
        rows_flagged=accounts.rows_flagged,
        rows_unreadable=len(bad),
        matches=accounts.matches,
        variants=accounts.variants,
        bytes_read=sum(f.size for f in files),
        seconds=time.perf_counter() - started,
    )
    report = Report(index.policy, totals, accounts.items(), place.out / "matches.parquet")
    _publish(place, report, bad)
    return report


def _key(request: Request, index: Index, files: Sequence[DataFile]) -> str:
    """Digest of everything that decides the results; files by name, size and time of change."""
    allowed = request.allowlist.read_bytes() if request.allowlist else b""
    told = {
        "index": digest(index),
        "files": [(f.name, f.size, f.path.stat().st_mtime_ns) for f in files],
        "fields": request.fields,
        "allowlist": hashlib.sha256(allowed).hexdigest(),
        "shard": SHARD,
    }
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _scan_all(request: Request, index: Index, place: Place, folders: dict[Shard, Path]) -> None:
    """Scan the shards that have not been published."""
    for folder in folders.values():
        found = published.published(folder)
        if found and found.stopped and len(found.bad) <= request.allow_bad_rows:
            shutil.rmtree(folder)  # more is allowed now
    tasks = [(s, f) for s, f in folders.items() if published.published(f) is None]
    total = sum(_bytes(s) for s in folders)
    ready = total - sum(_bytes(s) for s, _ in tasks)
    bad = 0
    for shard, done in _scanned(request, index, place, tasks):
        ready += _bytes(shard)
        bad += len(done.bad)
        if request.progress:
            request.progress(ready, total)
        if bad > request.allow_bad_rows:
            break


def _scanned(
    request: Request, index: Index, place: Place, tasks: Sequence[Task]
) -> Iterator[tuple[Shard, Done]]:
    fields, allowed = request.fields, request.allow_bad_rows
    if request.executor == "local" and (request.workers == 1 or len(tasks) < 2):
        return in_this_process(Scan(index), tasks, fields, allowed)
    folder = request.index or _saved(index, place.work / "index")
    if request.executor == "ray":
        from decontam.run.ray import on_cluster

        return on_cluster(folder.absolute(), tasks, fields, allowed)
    return in_processes(folder, tasks, fields, allowed, request.workers)


def _saved(index: Index, folder: Path) -> Path:
    if not (folder / "index.json").is_file():
        folder.mkdir(exist_ok=True)
        save(index, folder)
    return folder


def _bytes(shard: Shard) -> int:
    return shard.file.size if shard.file.format == "parquet" else shard.end - shard.begin


def _first_rows(done: dict[Shard, Done | None]) -> dict[Shard, int]:
    """The number of each shard's first row in its file, as far as it is known."""
    first: dict[Shard, int] = {}
    rows: dict[str, int] = defaultdict(int)
    for shard, result in done.items():
        first[shard] = rows[shard.file.name]
        rows[shard.file.name] += result.rows if result else _count(shard)
    return first


def _count(shard: Shard) -> int:
    """The rows of a shard that was not scanned because another one ended the check."""
    if shard.file.format == "parquet":
        return 0
    with opened(shard.file) as stream:
        return sum(map(len, records(stream, shard)))


def _bad_rows(
    request: Request, done: dict[Shard, Done | None], first: dict[Shard, int]
) -> list[tuple[str, int, str]]:
    bad = [(s.file.name, first[s] + row, why) for s, d in done.items() if d for row, why in d.bad]
    if len(bad) > request.allow_bad_rows:
        name, row, why = bad[0]
        raise ValueError(
            f"{name}: row {row}: {why}"
            + (f" ({len(bad)} such rows so far)" if len(bad) > 1 else "")
            + "; --allow-bad-rows N counts such rows instead"
        )
    empty = [s.file.name for s, d in done.items() if d and not d.rows and _alone(s, done)]
    if empty:
        raise ValueError(f"{empty[0]} holds no rows; remove it or fetch it again")
    return bad


def _alone(shard: Shard, done: dict[Shard, Done | None]) -> bool:
    return not any(d and d.rows for s, d in done.items() if s.file == shard.file)


def _candidates(folder: Path, first: int) -> Iterator[Candidate]:
    for match, entry, matched in published.candidates(folder):
        yield Candidate(replace(match, row=match.row + first), entry, matched)


def _seen(index: Index, folders: dict[Shard, Path], rows: int) -> Seen:
    count = len(index.arrays["grams"])
    gram_rows, gram_files = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    by_file: dict[str, list[Path]] = defaultdict(list)
    for shard, folder in folders.items():
        by_file[shard.file.name].append(folder)
    for parts in by_file.values():
        met = np.zeros(count, dtype=np.bool_)
        for folder in parts:
            grams, found = published.gram_rows(folder)
            gram_rows[grams] += found
            met[grams] = True
        gram_files += met
    return Seen(rows, gram_rows, gram_files)


def _publish(place: Place, report: Report, bad: Sequence[tuple[str, int, str]]) -> None:
    """Move the results where they belong; the summary comes last and says that all is there."""
    (place.work / "matches.parquet").replace(place.out / "matches.parquet")
    if bad:
        lines = (json.dumps({"file": f, "row": r, "reason": w}) + "\n" for f, r, w in bad)
        write_atomically(place.out / "bad_rows.jsonl", "".join(lines))
    report.write(place.out)
    shutil.rmtree(place.work)
