"""How far an evaluation is: a bar on a terminal, else one line a benchmark."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol, TextIO

OnRow = Callable[[int], None]
"""Called with the tokens of each row as it finishes."""


class Progress(Protocol):
    """Told of benchmarks and of their rows."""

    def benchmark(self, name: str) -> AbstractContextManager[OnRow]:
        """A benchmark that begins now and ends with the context."""


class Silent:
    """Says nothing."""

    @contextmanager
    def benchmark(self, name: str) -> Iterator[OnRow]:  # noqa: ARG002
        """A benchmark."""
        yield lambda _tokens: None


class Lines:
    """One line when a benchmark is done."""

    def __init__(self, file: TextIO | None = None) -> None:
        """Write to `file`, or to standard error as it is now."""
        self._file = file or sys.stderr

    @contextmanager
    def benchmark(self, name: str) -> Iterator[OnRow]:
        """A benchmark."""
        rows, tokens, started = 0, 0, time.perf_counter()

        def on_row(more: int) -> None:
            nonlocal rows, tokens
            rows, tokens = rows + 1, tokens + more

        yield on_row
        seconds = time.perf_counter() - started
        self._file.write(
            f"{name}: {rows} rows, {tokens} tokens in {seconds:.1f} s "
            f"({tokens / max(seconds, 1e-9):.0f} tokens/s)\n"
        )
        self._file.flush()


class Bar:
    """A bar by rows, with tokens per second and the time left."""

    def __init__(self, rows: Mapping[str, int]) -> None:
        """`rows`: how many each benchmark has."""
        self._rows = rows

    @contextmanager
    def benchmark(self, name: str) -> Iterator[OnRow]:
        """A benchmark."""
        from rich import progress
        from rich.console import Console

        columns = (
            progress.TextColumn("{task.description}"),
            progress.BarColumn(),
            progress.MofNCompleteColumn(),
            progress.TextColumn("{task.fields[rate]}"),
            progress.TimeRemainingColumn(),
        )
        tokens, started = 0, time.perf_counter()
        with progress.Progress(*columns, console=Console(stderr=True)) as bar:
            task = bar.add_task(name, total=self._rows[name], rate="")

            def on_row(more: int) -> None:
                nonlocal tokens
                tokens += more
                rate = tokens / max(time.perf_counter() - started, 1e-9)
                bar.update(task, advance=1, rate=f"{rate:.0f} tokens/s")

            yield on_row


def progress_of(rows: Mapping[str, int]) -> Progress:
    """A bar where standard error is a terminal, else lines."""
    return Bar(rows) if sys.stderr.isatty() else Lines()
