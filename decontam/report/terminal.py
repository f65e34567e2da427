"""A check as a person sees it run and end."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from decontam.report.report import Report, Totals

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table


class Progress:
    """A bar over bytes, on a terminal; silent elsewhere."""

    def __init__(self, stream: TextIO) -> None:
        """Show nothing yet."""
        self._stream = stream
        self._bar: Any = None
        self._task: Any = None

    def __enter__(self) -> Progress:
        """Begin."""
        return self

    def __call__(self, done: int, total: int) -> None:
        """Say how many bytes are done, of how many."""
        if not self._stream.isatty():
            return
        if self._bar is None:
            self._bar = _bar(self._stream)
            self._bar.start()
            self._task = self._bar.add_task("scanning", total=total)
        self._bar.update(self._task, completed=done)

    def __exit__(self, *error: object) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()


def show(report: Report, out: Path | None, cleaned: bool) -> None:
    """Print what was found."""
    from rich.console import Console

    console = Console(soft_wrap=True, highlight=False)
    with console.capture() as printed:  # rich itself ends the program where nobody reads on
        _show(console, report, out, cleaned)
    sys.stdout.write(printed.get())


def _show(console: Console, report: Report, out: Path | None, cleaned: bool) -> None:
    from rich.markup import escape

    console.print(_table(report))
    totals = report.totals
    rate = totals.bytes_read / 1e6 / max(totals.seconds, 1e-9)
    console.print(
        f"{totals.rows_read:,} rows read in {totals.seconds:.1f} s ({rate:,.0f} MB/s), "
        f"{totals.rows_flagged:,} flagged, {totals.rows_unreadable:,} unreadable; preset "
        f"{escape(report.policy.name)}, mode {report.policy.mode}"
    )
    if passed := _passed(totals):
        console.print(f"not looked at: {escape(passed)}")
    if cleaned_rows := totals.cleaned():
        kept, removed = cleaned_rows["rows_kept"], cleaned_rows["rows_removed"]
        console.print(f"{kept:,} rows kept, {removed:,} removed")
    if out:
        where = "data, removed.jsonl, " if cleaned else ""
        console.print(f"{escape(str(out))}: {where}review.html, matches.parquet, summary.json")


def _passed(totals: Totals) -> str:
    """What no item was looked for in, and what would change that."""
    from rich.filesize import decimal

    told = []
    if turns := totals.turns_unscanned:
        size = decimal(totals.bytes_unscanned)
        told.append(f"{turns:,} turns of other roles, {size} (--mode all looks at them)")
    if names := totals.fields_unscanned:
        told.append(f"text in {', '.join(names)} (--fields names what to read instead)")
    return "; ".join(told)


def _table(report: Report) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("benchmark", overflow="fold")
    for name in ("items", "indexed", "matched", "rate", "95 % interval"):
        table.add_column(name, justify="right")
    table.add_column("verdict")
    for b in report.benchmarks:
        rate = "-" if b.rate is None else f"{100 * b.rate:.1f} %"
        low, high = b.low, b.high
        interval = "-" if low is None or high is None else f"{100 * low:.1f} to {100 * high:.1f} %"
        counts = (f"{n:,}" for n in (b.items, b.indexed, b.matched))
        table.add_row(Text(b.benchmark), *counts, rate, interval, b.verdict)
    return table


def _bar(stream: TextIO) -> Any:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn(),
        TimeRemainingColumn(),
    )  # fmt: skip
    return Progress(*columns, console=Console(file=stream), transient=True)
