"""What a run says of its progress."""

from __future__ import annotations

import sys

import pytest


def test_a_bar_counts_rows_and_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    import io

    from evals.progress import Bar, Lines, progress_of

    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    bar = progress_of({"b": 2})
    assert isinstance(bar, Bar)
    with bar.benchmark("b") as on_row:
        on_row(3)
        on_row(4)
    file = io.StringIO()
    with Lines(file).benchmark("b") as on_row:
        on_row(3)
        on_row(4)
    assert file.getvalue().startswith("b: 2 rows, 7 tokens in ")
