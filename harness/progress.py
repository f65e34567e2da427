"""What a person sees while a plan runs."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from harness.store import Store

TAIL_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Settled:
    """A stage that needs no more work."""

    label: str
    key: str | None
    state: Literal["ran", "cached", "failed", "skipped"]
    seconds: float | None
    """Wall time, if it ran."""


class Progress(Protocol):
    """Told by the executor what happens."""

    def begin(self, total: int, cached: int) -> None:
        """So many stages, of which so many need not run."""

    def start(self, key: str, label: str) -> None:
        """A stage was handed to a worker."""

    def finish(self, stage: Settled) -> None:
        """A stage needs no more work."""

    def tick(self) -> None:
        """Time has passed."""


@contextmanager
def show_progress(store: Store, console: Console | None = None) -> Iterator[Progress]:
    """Progress for the length of a run: a live view on a terminal, plain lines elsewhere.

    Args:
        store: Where running stages leave their logs.
        console: Where to show it; standard output if None.
    """
    console = console or Console(highlight=False)
    if not console.is_terminal:
        yield PlainProgress(console)
        return
    view = LiveProgress(store)
    with Live(
        console=console, auto_refresh=False, transient=True, get_renderable=view.render
    ) as live:
        view.live = live
        yield view


class Silent:
    """Shows nothing."""

    def begin(self, total: int, cached: int) -> None:
        """Nothing."""

    def start(self, key: str, label: str) -> None:
        """Nothing."""

    def finish(self, stage: Settled) -> None:
        """Nothing."""

    def tick(self) -> None:
        """Nothing."""


@dataclass
class PlainProgress:
    """One line per finished stage."""

    console: Console
    total: int = 0
    done: int = 0

    def begin(self, total: int, cached: int) -> None:
        """Say how much there is to do, if anything."""
        self.total, self.done = total, cached
        if cached < total:
            self._line(f"{total} stages, {cached} cached")

    def start(self, key: str, label: str) -> None:
        """Nothing: a line comes when the stage is finished."""

    def finish(self, stage: Settled) -> None:
        """`[12/47] sft mix=skills seed=1  21.3 s`."""
        self.done += 1
        self._line(f"[{self.done}/{self.total}] {_settled(stage)}")

    def tick(self) -> None:
        """Nothing."""

    def _line(self, text: str) -> None:
        self.console.print(text, markup=False, highlight=False, soft_wrap=True)


@dataclass
class LiveProgress:
    """An overall bar, and a line per running stage: how long, and how far or what it last said."""

    store: Store
    live: Live | None = None
    total: int = 0
    counts: dict[str, int] = field(default_factory=dict)
    running: dict[str, tuple[str, float]] = field(default_factory=dict)
    """Key -> label and when it started."""

    def begin(self, total: int, cached: int) -> None:
        """Draw the overall bar."""
        self.total = total
        self.counts = {"ran": 0, "cached": cached, "failed": 0, "skipped": 0}

    def start(self, key: str, label: str) -> None:
        """Give the stage a line."""
        self.running[key] = (label, time.monotonic())

    def finish(self, stage: Settled) -> None:
        """Count the stage and leave a line of it above the live view."""
        self.counts[stage.state] += 1
        self.running.pop(stage.key or "", None)
        if self.live is not None and stage.state in ("ran", "failed"):
            style = "red" if stage.state == "failed" else ""
            self.live.console.print(Text(_settled(stage), style=style))

    def tick(self) -> None:
        """Draw again."""
        if self.live is not None:
            self.live.refresh()

    def render(self) -> RenderableType:
        """The view as it is now."""
        table = Table.grid(padding=(0, 2))
        for key, (label, since) in self.running.items():
            seconds = time.monotonic() - since
            table.add_row(label, f"{seconds:6.1f} s", _how_far(self.store.work(key)))
        done = sum(self.counts.values())
        said = [f"{n} {state}" for state, n in self.counts.items() if n]
        overall = Table.grid(padding=(0, 2))
        bar = ProgressBar(total=max(self.total, 1), completed=done, width=40)
        overall.add_row(bar, f"{done}/{self.total}", ", ".join(said))
        return Group(table, overall)


def _settled(stage: Settled) -> str:
    what = stage.state if stage.seconds is None else f"{stage.seconds:.1f} s"
    return f"{stage.label}  {what}"


def _how_far(work: Path) -> RenderableType:
    steps = read_steps(work)
    if not steps:
        return Text(last_line(work / "log.txt"), overflow="ellipsis", no_wrap=True, style="dim")
    row = Table.grid(padding=(0, 2))
    bar = ProgressBar(total=steps["total"], completed=steps["step"], width=20)
    loss = steps.get("loss")
    row.add_row(
        bar,
        f"{steps['step']}/{steps['total']}",
        f"loss {loss:.3f}" if isinstance(loss, int | float) else "",
    )
    return row


def read_steps(work: Path) -> dict[str, Any]:
    """What a trainer last said of how far it is; empty if it said nothing or is saying it now."""
    try:
        body = json.loads((work / "scratch" / "progress.json").read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    complete = isinstance(body, dict) and {"step", "total"} <= body.keys()
    return body if complete else {}


def last_line(log: Path) -> str:
    """The last line of a log that says something; empty if there is none."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - TAIL_BYTES))
            lines = file.read().decode("utf-8", errors="replace").split("\n")
    except FileNotFoundError:
        return ""
    said = [line.rpartition("\r")[2].strip() for line in lines]
    return next((line for line in reversed(said) if line), "")
