"""Memory does not grow with the input: a check of any size stays below a gigabyte."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from planted import lines, planted, rows, write_items

pytestmark = pytest.mark.slow

GIB = 1 << 30

LONG = 31 << 20
"""Bytes of one row, not far below the longest that is read."""


# A child starts with its parent's peak to its name: a small process stands between the two.
MEASURE = """
import os, subprocess, sys
process = subprocess.Popen(sys.argv[1:], stdout=subprocess.DEVNULL)
_, status, used = os.wait4(process.pid, 0)
print(used.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def peak(out: Path, *arguments: str) -> int:
    """Run a check that finds something; returns the most bytes that it held in memory."""
    check = [sys.executable, "-m", "decontam", "check", *arguments, "--out", str(out)]
    measured = [sys.executable, "-S", "-c", MEASURE, *check]
    ended = subprocess.run(measured, capture_output=True, text=True, check=False)
    assert ended.returncode == 1, ended.stderr
    return int(ended.stdout) * 1024


def flagged(out: Path) -> int:
    count: int = json.loads((out / "summary.json").read_text())["rows_flagged"]
    return count


def write_repeated(path: Path, body: bytes, size: int) -> int:
    """A file of so many bytes; returns how often the body stands in it."""
    times = size // len(body)
    with path.open("wb") as file:
        for _ in range(times):
            file.write(body)
    return times


def test_a_large_file_is_checked_in_less_than_a_gigabyte(tmp_path: Path) -> None:
    items, path = write_items(tmp_path), tmp_path / "large.jsonl"
    times = write_repeated(path, lines(rows(10_000, every=500)), 300 * 10**6)
    most = peak(tmp_path / "out", str(path), "--against", str(items))
    assert flagged(tmp_path / "out") == times * len(planted(10_000, every=500))
    assert most < GIB


def check_long_row(folder: Path, words: str, planted_in: str) -> int:
    """The most bytes of a check of a file with one very long row; it holds an item if told to."""
    items, path = write_items(folder), folder / "long.jsonl"
    text = words * (LONG // len(words.encode())) + planted_in
    path.write_bytes(lines([*rows(50), {"text": text}]))
    most = peak(folder / "out", str(path), "--against", str(items))
    assert flagged(folder / "out") == len(planted(50)) + bool(planted_in)
    return most


WORDS = {"ASCII": "plain words ", "beyond ASCII": "Wörter mit Zeichen — ☃ "}


@pytest.mark.parametrize("words", WORDS)
def test_a_row_of_thirty_megabytes_is_checked_in_less_than_a_gigabyte(
    tmp_path: Path, words: str
) -> None:
    assert check_long_row(tmp_path, WORDS[words], "") < GIB


def test_a_row_of_thirty_megabytes_that_holds_an_item_is_checked_in_less_than_a_gigabyte(
    tmp_path: Path,
) -> None:
    assert check_long_row(tmp_path, WORDS["ASCII"], str(rows(1)[0]["text"])) < GIB
