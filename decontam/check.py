"""Rows, items, policy -> what the rows hold of the items."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, TypeGuard

import numpy as np

from decontam.items.index import Index
from decontam.items.item import read_items
from decontam.policy import Policy, resolve
from decontam.report.accounts import Accounts
from decontam.report.evidence import Match, match
from decontam.report.report import Report, Totals
from decontam.rows.batch import batches
from decontam.rows.frames import mappings
from decontam.rows.shapes import Doc, asked, read_row
from decontam.rows.unscanned import ROWS, unread
from decontam.rules.rule import prepare
from decontam.run.candidate import Candidate, Seen
from decontam.run.scan import Scan
from decontam.run.settle import settle

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

Paths = str | Path | Sequence[str | Path]


def check(
    rows: Iterable[Mapping[str, object]] | pd.DataFrame | pa.Table | Paths,
    items: Iterable[Mapping[str, object]] | pd.DataFrame | pa.Table,
    policy: str | Policy = "default",
    *,
    out: str | Path | None = None,
    workers: int = 1,
    fields: Sequence[str] = (),
) -> Report:
    """Say which rows hold which benchmark items, on what evidence.

    Args:
        rows: Training rows (`messages`, `prompt`/`response`, `prompt`/`chosen`/`rejected`, Alpaca,
            ShareGPT or plain `text`) as mappings, a pandas data frame or an Arrow table, or the
            files, folders or globs that hold them.  A cell that is null, NaN, NaT or NA is absent,
            as if its row had no such key.
        items: Benchmark items with `benchmark`, `id`, `prompt` and optionally `answer`, `passage`,
            `options`, in any of these kinds.
        policy: A name in `PRESETS`, or a policy.
        out: Folder for the results of a check of files, where it is resumed if it was cut off.
        workers: Processes that scan files.
        fields: The fields of the rows that hold text, where they are none of the usual ones.

    Raises:
        ValueError: no rows, no items, no item that can be indexed, a file, row or item that cannot
            be read, a row without text to scan, or an unknown policy.
    """
    started = time.perf_counter()
    index = prepare(resolve(policy), read_items(mappings(items)))
    if _are_paths(rows):
        from decontam.run.run import Request, run

        given = [rows] if isinstance(rows, (str, Path)) else rows
        place = Path(out) if out else None
        return run(
            Request(tuple(map(str, given)), place, None, tuple(fields), workers=workers), index
        )
    records = list(mappings(rows))
    docs = [read_row(number, row, fields) for number, row in enumerate(records)]
    if not docs:
        raise ValueError("no rows to check; pass at least one training row")
    matches, accounts = _check(index, docs)
    unscanned = [s.text for d in docs for s in d.segments if not asked(index.policy.mode, s.role)]
    totals = Totals(
        rows_read=len(docs),
        rows_flagged=accounts.rows_flagged,
        rows_unreadable=0,  # an unreadable row ends the check with an error
        matches=accounts.matches,
        variants=accounts.variants,
        bytes_read=sum(len(s.text.encode()) for d in docs for s in d.segments),
        seconds=time.perf_counter() - started,
        turns_unscanned=len(unscanned),
        bytes_unscanned=sum(len(text.encode()) for text in unscanned),
        fields_unscanned=unread(records[:ROWS], fields),
    )
    digests = tuple(doc.digest() for doc in docs)
    return Report(index.policy, totals, accounts.items(), matches, digests, tuple(fields))


def _are_paths(rows: object) -> TypeGuard[Paths]:
    several = isinstance(rows, Sequence) and rows and all(isinstance(r, (str, Path)) for r in rows)
    return isinstance(rows, (str, Path)) or bool(several)


def _check(index: Index, docs: Sequence[Doc]) -> tuple[tuple[Match, ...], Accounts]:
    scan = Scan(index)
    candidates = sorted(_candidates(scan, docs), key=lambda c: c.match.order)
    gram_rows = np.frombuffer(scan.scanner.gram_rows(), dtype=np.uint32).astype(np.int64)
    seen = Seen(len(docs), gram_rows, (gram_rows > 0).astype(np.int64))
    accounts, matches = Accounts(index.entries), tuple(settle(index, lambda: candidates, seen))
    for found in matches:
        accounts.add(found)
    return matches, accounts


def _candidates(scan: Scan, docs: Iterable[Doc]) -> Iterator[Candidate]:
    for batch in batches(docs, scan.index.policy.mode):
        for finding in scan.findings(batch):
            made = match(finding, scan.index.policy)
            yield Candidate(made, finding.pair.place, finding.matched)
        if batch.bad:
            place, reason = min(batch.bad.items())
            raise ValueError(f"row {batch.numbers[place]} {reason}")
