"""Five gigabytes: killed half way, run again, and compared with an undisturbed run.

The file is one block of real chat rows again and again, with one planted question of GSM8K after
each block, in turn as it is and with one word in twenty replaced.  `check --workers 2` runs once
undisturbed.  A second check is killed with SIGKILL, the driver alone, when half of its shards are
published; its workers must end by themselves; the same command then goes on.  `matches.parquet`,
`items.parquet`, `review.html` and `summary.json` must be the same but for the seconds they name.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from benchmarks.decontam.corpus import Recipe, chat_row, corpus_file, questions, word_edit
from benchmarks.decontam.measure import (
    CLEAN_OR_NOT,
    ROOT,
    SHARED,
    check_command,
    one_thread,
    parser,
    table,
    workplace,
)

BLOCK = 20
"""Megabytes that are repeated."""

POLL = 0.05
PATIENCE = 60
"""Seconds that workers are given to end after their driver."""

RESULTS = ("matches.parquet", "items.parquet", "review.html", "summary.json")


@dataclass(slots=True)
class Watched:
    """How one check went."""

    seconds: float = 0.0
    driver: float = 0.0
    """MiB that the driver had resident at most."""
    worker: float = 0.0
    """The same of the largest of its workers."""
    code: int = 0
    left: float | None = None
    """Seconds after the kill until the last worker was gone; None where nothing was killed."""


def make(path: Path, gigabytes: float, work: Path) -> dict[int, str]:
    """Write the training file; returns row -> the item planted there."""
    block = corpus_file(work / "block.jsonl", Recipe(BLOCK)).read_bytes()
    rows, held, planted = block.count(b"\n"), questions(), {}
    edits: tuple[Callable[[str], str], ...] = (str, word_edit(20))
    number = 0
    with path.open("wb") as out:
        for turn in range(max(1, round(gigabytes * 1e9 / len(block)))):
            out.write(block)
            item = held[turn % len(held)]
            number += rows
            row = chat_row(f"Please solve this.\n{edits[turn % 2](item['prompt'])}", "It is 0.")
            out.write(json.dumps(row).encode() + b"\n")
            planted[number] = item["id"]
            number += 1
    return planted


def watch(train: Path, out: Path, kill: bool) -> Watched:
    """Run a check; kill its driver when half of the shards are there, if wanted."""
    command = check_command(
        [train], out, "--against", "gsm8k", "--hub", SHARED / "hub", "--workers", "2"
    )
    half = max(1, train.stat().st_size // (64 << 20) // 2)
    told = Watched()
    begin = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=ROOT, env=one_thread(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    children: set[int] = set()
    while process.poll() is None:
        children |= set(_children(process.pid))
        told.driver = max(told.driver, _peak(process.pid))
        told.worker = max([told.worker, *(_peak(child) for child in children)])
        if kill and len(list(out.glob("work/*/??????/shard.json"))) >= half:
            process.send_signal(signal.SIGKILL)
            process.wait()
            told.left = _gone(children)
        time.sleep(POLL)
    told.seconds, told.code = time.perf_counter() - begin, process.returncode
    if kill and told.left is None:
        raise ValueError("the check ended before it could be killed; take more gigabytes")
    if told.code not in CLEAN_OR_NOT and told.left is None:
        raise ValueError(f"{' '.join(map(str, command))} ended with {told.code}")
    return told


def _children(pid: int) -> list[int]:
    """A process's children and theirs."""
    try:
        own = [int(k) for k in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
    return own + [k for child in own for k in _children(child)]


def _peak(pid: int) -> float:
    """MiB that a process had resident at most; 0 if it is gone."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0.0
    found = re.search(r"VmHWM:\s+(\d+) kB", status)
    return int(found[1]) / 1024 if found else 0.0


def _gone(pids: set[int]) -> float:
    """Seconds until none of these processes runs any more."""
    begin = time.perf_counter()
    while any(_peak(pid) for pid in pids):
        if time.perf_counter() - begin > PATIENCE:
            for pid in pids:
                if _peak(pid):
                    os.kill(pid, signal.SIGKILL)
            raise ValueError(f"workers outlived their driver by {PATIENCE} s")
        time.sleep(POLL)
    return time.perf_counter() - begin


def digests(out: Path) -> dict[str, str]:
    """What a check left, without the seconds it names."""
    return {
        name: hashlib.sha256(
            re.sub(rb'(seconds"?:? ?|in )[0-9.]+( s)?', b"", (out / name).read_bytes())
            if name in ("summary.json", "review.html")
            else (out / name).read_bytes()
        ).hexdigest()
        for name in RESULTS
    }


def found(out: Path, planted: Mapping[int, str]) -> tuple[int, int]:
    """Planted rows that were flagged for their item, and other flagged pairs."""
    import pyarrow.parquet as pq

    matches = pq.read_table(out / "matches.parquet", columns=["row", "item", "flagged"])
    flagged = {(m["row"], m["item"]) for m in matches.to_pylist() if m["flagged"]}
    wanted = set(planted.items())
    return len(wanted & flagged), len(flagged - wanted)


def main() -> None:
    """Make, run, kill, run again, compare."""
    arguments = parser(__doc__)
    arguments.add_argument("--gb", type=float, default=5, help="thousand millions of bytes")
    given = arguments.parse_args()
    with workplace(given.work) as work:
        begin, train = time.perf_counter(), work / "train.jsonl"
        planted = make(train, given.gb, work)
        size, made = train.stat().st_size, time.perf_counter() - begin
        print(f"{size / 1e9:.2f} GB, {max(planted) + 1:,} rows, made in {made:.0f} s", flush=True)
        runs = {
            "undisturbed": watch(train, work / "whole", kill=False),
            "killed half way": watch(train, work / "killed", kill=True),
            "run again": watch(train, work / "killed", kill=False),
        }
        table(
            ("check, 2 workers", "seconds", "MB/s", "driver MiB", "worker MiB", "workers left s"),
            [
                (name, r.seconds, "" if r.left is not None else size / 1e6 / r.seconds,
                 r.driver, r.worker, "" if r.left is None else f"{r.left:.2f}")
                for name, r in runs.items()
            ],
        )  # fmt: skip
        whole, killed = digests(work / "whole"), digests(work / "killed")
        table(("result", "same"), [(name, str(whole[name] == killed[name])) for name in RESULTS])
        held, others = found(work / "killed", planted)
        print(f"planted {len(planted)}, found {held}, others flagged {others}")
        if whole != killed or held != len(planted):
            sys.exit("not the same")


if __name__ == "__main__":
    main()
