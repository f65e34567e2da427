"""A check of files: shards, their merging, and the results."""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from decontam.items.index import Index
from decontam.items.saved import describe, digest, publish
from decontam.report.accounts import Accounts
from decontam.report.allowlist import Allowlist
from decontam.report.outcome import Summary
from decontam.report.report import Report, Totals
from decontam.report.review import write_review
from decontam.report.tables import MatchWriter
from decontam.rows.files import DataFile, Shard, find_files
from decontam.rows.shards import SHARD, shards
from decontam.rows.unscanned import unscanned_fields
from decontam.run.bad_rows import publish_bad_rows
from decontam.run.clean import clean_files, missing, removals
from decontam.run.local import Scanned, Task, in_processes, in_this_process
from decontam.run.merge import Folders, Merged, merge
from decontam.run.place import RESULTS, Place, claimed
from decontam.run.scan import Scan
from decontam.run.settle import Allows, settle
from decontam.run.shard import Options, published

if TYPE_CHECKING:
    from decontam.similar.request import SimilarRequest


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
    similar: SimilarRequest | None = None
    """The third tier, if it is wanted."""
    clean: bool = False
    """Whether the files are written again, without what was flagged."""
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
        BlockedError: files were to be cleaned, and the policy blocks on what they hold.
    """
    if request.out is None:
        with tempfile.TemporaryDirectory(prefix="decontam-") as folder:
            report = run(replace(request, out=Path(folder, "out")), index)
            return replace(report, found=tuple(report.evidence()))
    files = find_files(request.train)
    _check_apart(request.out, request.train, files)
    allowlist = Allowlist.load(request.allowlist) if request.allowlist else None
    try:
        with claimed(request.out, _key(request, index, files)) as place:
            if place.finished:
                return _finished(request, files, place, Report.read(place.out, index.policy))
            return _run(request, index, files, place, allowlist.allows if allowlist else None)
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, str(request.out)) from error


def _check_apart(out: Path, train: Sequence[str], files: Sequence[DataFile]) -> None:
    """Results among the training files would be taken for rows when the check is resumed."""
    place = out.resolve()
    for name in train:
        if Path(name).is_dir() and place.is_relative_to(Path(name).resolve()):
            raise ValueError(
                f"--out {out} lies in {name}, which is checked; choose a place outside"
            )
    for file in files:
        if file.path.resolve().is_relative_to(place):
            raise ValueError(
                f"{file.path} lies in --out {out}; choose another place, or name training data "
                "that leaves it out"
            )


def _finished(request: Request, files: Sequence[DataFile], place: Place, report: Report) -> Report:
    """The report of a check that was done before, if all that it published is still there."""
    bad = report.totals.rows_unreadable
    beside = ["review.html", *(["bad_rows.jsonl"] if bad else [])]
    gone = next((name for name in beside if not (place.out / name).is_file()), None)
    if gone := gone or (missing(files, place.out) if request.clean else None):
        raise ValueError(
            f"{place.out} holds the results of this request, but {gone} is missing; remove the "
            "folder to do it again, or choose another one"
        )
    if bad > request.allow_bad_rows:
        raise ValueError(
            f"{request.out} holds the results of a check with {bad} unreadable rows; give "
            f"--allow-bad-rows {bad} or choose another folder"
        )
    return report


def _run(
    request: Request, index: Index, files: Sequence[DataFile], place: Place, allows: Allows | None
) -> Report:
    started = time.perf_counter()
    folders = {s: place.work / f"{k:06d}" for k, s in enumerate(shards(files))}
    _scan(request, index, place, folders)
    for file in files:
        file.check_unchanged()
    merged = merge(folders, request.allow_bad_rows, request.fields)
    accounts = _settle(index, merged, place, allows)
    totals = Totals(
        rows_read=sum(merged.rows.values()),
        rows_flagged=accounts.rows_flagged,
        rows_unreadable=len(merged.bad),
        matches=accounts.matches,
        variants=accounts.variants,
        bytes_read=sum(f.size for f in files),
        seconds=time.perf_counter() - started,
        turns_unscanned=merged.unscanned.count,
        bytes_unscanned=merged.unscanned.bytes,
        fields_unscanned=unscanned_fields(files, request.fields),
    )
    report = Report(index.policy, totals, accounts.items(), place.work / "matches.parquet")
    if request.clean:
        totals = replace(totals, rows_kept=_clean(report, merged, files, place))
    return _publish(place, replace(report, totals=totals), merged)


def _key(request: Request, index: Index, files: Sequence[DataFile]) -> str:
    """Digest of everything that decides the results; files by name, size and time of change."""
    allowed = request.allowlist.read_bytes() if request.allowlist else b""
    told = {
        "index": digest(index),
        "files": [(f.name, f.size, f.changed) for f in files],
        "fields": request.fields,
        "allowlist": hashlib.sha256(allowed).hexdigest(),
        "similar": request.similar.describe() if request.similar else None,
        "clean": request.clean,
        "shard": SHARD,
    }
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()


def _scan(request: Request, index: Index, place: Place, folders: Folders) -> None:
    """Scan the shards that have not been published, until too many rows are unreadable."""
    for folder in folders.values():
        found = published(folder)
        if found and found.stopped and len(found.bad) <= request.allow_bad_rows:
            shutil.rmtree(folder)  # more is allowed now
    tasks = [(shard, folder) for shard, folder in folders.items() if published(folder) is None]
    total = sum(_bytes(shard) for shard in folders)
    ready = total - sum(_bytes(shard) for shard, _ in tasks)
    bad = 0
    for shard, done in _scanned(request, index, place, tasks):
        ready += _bytes(shard)
        bad += len(done.bad)
        if request.progress:
            request.progress(ready, total)
        if bad > request.allow_bad_rows:
            break


def _scanned(request: Request, index: Index, place: Place, tasks: Sequence[Task]) -> Scanned:
    options = Options(
        describe(index.policy), request.fields, request.allow_bad_rows, request.similar
    )
    if request.executor == "local" and (request.workers == 1 or len(tasks) < 2):
        return in_this_process(Scan(index), tasks, options)
    folder = (request.index or _saved(index, place.work / "index")).absolute()
    if request.executor == "ray":
        from decontam.run.ray import on_cluster

        return on_cluster(folder, tasks, options)
    return in_processes(folder, place.work, tasks, options, min(request.workers, len(tasks)))


def _saved(index: Index, folder: Path) -> Path:
    if not folder.exists():
        publish(index, folder)
    return folder


def _bytes(shard: Shard) -> int:
    """About how much of its file a shard covers."""
    if shard.file.format != "parquet":
        return shard.end - shard.begin
    return shard.file.size if shard.number == 0 else 0


def _settle(index: Index, merged: Merged, place: Place, allows: Allows | None) -> Accounts:
    """Write the matches below the work folder."""
    accounts = Accounts(index.entries)
    seen = merged.seen(len(index.arrays["grams"]))
    with MatchWriter(place.work / "matches.parquet") as writer:
        for match in settle(index, merged.candidates, seen, allows):
            accounts.add(match)
            writer.add(match)
    return accounts


def _clean(report: Report, merged: Merged, files: Sequence[DataFile], place: Place) -> int:
    """Write the cleaned files below the work folder."""
    left_out = removals(report, merged.bad)
    shutil.rmtree(place.work / "data", ignore_errors=True)
    kept = clean_files(files, merged.rows, left_out, place.work / "data")
    left_out.write(place.work / "removed.jsonl")
    return kept


def _publish(place: Place, report: Report, merged: Merged) -> Report:
    """Move the results where they belong; the summary comes last and says that all is there."""
    publish_bad_rows(merged, place.work)
    report.write(place.work)
    write_review(place.work, Summary.of(report))
    try:
        for name in RESULTS:
            if (place.work / name).exists():
                (place.work / name).rename(place.out / name)
    except BaseException:
        place.clear()
        raise
    place.remove_work()
    return replace(report, found=place.out / "matches.parquet")
