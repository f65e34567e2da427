"""`python -m decontam` with shards of a few rows, which dies or waits where it is told.

The variable WHERE holds JSON: `steps` (file that gets a line for each change below `--out` that the
first process makes), `die` (number of the change before which it kills itself), `trace` (file that
gets a line per shard scanned), `hold` (scans wait while this file exists, their rows read and
nothing published).
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

import decontam.rows.lines
import decontam.rows.shards
import decontam.run.run
import decontam.run.shard

SHARD, BLOCK = 2000, 256

WHERE = json.loads(os.environ.get("WHERE", "{}"))

CHANGES = ("os.mkdir", "os.rename", "os.remove", "os.rmdir", "shutil.rmtree")

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC

_write = decontam.run.shard._write


def _held_write(folder: Path, *found: Any) -> None:
    if "trace" in WHERE:
        with Path(WHERE["trace"]).open("a") as file:
            file.write(f"{os.getpid()} {folder.name.partition('.')[0]}\n")
    while "hold" in WHERE and Path(WHERE["hold"]).exists():
        time.sleep(0.01)
    _write(folder, *found)


class Steps:
    """Counts the changes that this process makes below a folder, and ends it before one."""

    def __init__(self, out: str) -> None:
        self.out = out
        self.done = 0
        self.file = os.open(WHERE["steps"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            changes = isinstance(arguments[2], int) and bool(arguments[2] & WRITING)
        else:
            changes = event in CHANGES
        if not changes or not str(arguments[0]).startswith(self.out):
            return
        self.done += 1
        if self.done == WHERE.get("die"):
            os.kill(os.getpid(), signal.SIGKILL)
        os.write(self.file, f"{event} {os.path.relpath(str(arguments[0]), self.out)}\n".encode())


def _main() -> int:
    from decontam.command import main

    if "steps" in WHERE:
        sys.addaudithook(Steps(sys.argv[sys.argv.index("--out") + 1]))
    return main()


decontam.rows.shards.SHARD = decontam.run.run.SHARD = SHARD
decontam.rows.lines.BLOCK = BLOCK
decontam.run.shard._write = _held_write

if __name__ == "__main__":
    sys.exit(_main())
