"""Compares answers by math-verify, in a process of its own that may be killed at any moment.

It imports nothing of ours: the parent runs this file by its path.  It reads one JSON object a line
and writes one JSON object a line.  The kernel ends it when a comparison has used its processor
time, also when the parent is gone; the limit of memory holds from the first comparison on.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

OUT_OF_MEMORY: dict[str, str | bool] = {"equal": False, "reason": "out of memory", "last": True}
NEAR = 16 << 20
"""Address space that close to its limit was refused some."""


class _Errors(logging.Handler):
    """The kinds of exception that math-verify catches, logs and answers with "not equal"."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.kinds: set[type[BaseException]] = set()

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the kind alone: formatting a hostile expression may never end."""
        if record.exc_info and record.exc_info[0]:
            self.kinds.add(record.exc_info[0])


def compare(reference: str, answer: str) -> dict[str, str | bool]:
    """Whether math-verify holds two answers equal, and why not."""
    from math_verify import parse, verify
    from sympy import Basic, MatrixBase

    def read(text: str) -> Any:
        return parse(rf"\boxed{{{text}}}", parsing_timeout=None)

    errors = _Errors()
    logger = logging.getLogger("math_verify")
    logger.handlers, logger.propagate = [errors], False
    logger.setLevel(logging.DEBUG)
    read_answer = read(answer)
    if verify(read(reference), read_answer, timeout_seconds=None):
        return {"equal": True, "reason": "equal"}
    if MemoryError in errors.kinds:
        return OUT_OF_MEMORY
    if RecursionError in errors.kinds:
        return {"equal": False, "reason": "nested too deeply"}
    if not any(isinstance(part, (Basic, MatrixBase)) for part in read_answer):
        return {"equal": False, "reason": "another answer, not readable as mathematics"}
    return {"equal": False, "reason": "another answer"}


def limited(request: Mapping[str, Any]) -> dict[str, str | bool]:
    """One comparison under its limits."""
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (request["memory_bytes"], hard))
    signal.setitimer(signal.ITIMER_PROF, request["cpu_seconds"])
    try:
        result = compare(request["reference"], request["answer"])
    except MemoryError:
        result = OUT_OF_MEMORY
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        resource.setrlimit(resource.RLIMIT_AS, (hard, hard))
    if not result["equal"] and peak_bytes() + NEAR > request["memory_bytes"]:
        return OUT_OF_MEMORY
    return result


def peak_bytes() -> int:
    """The most address space this process has had: libraries catch MemoryError and go on."""
    status = Path("/proc/self/status").read_text(encoding="ascii", errors="replace")
    return int(status.partition("VmPeak:")[2].split()[0]) * 1024


def serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Answer one request a line until there are no more."""

    def say(reply: Mapping[str, Any]) -> None:
        replies.write(json.dumps(reply).encode() + b"\n")
        replies.flush()

    try:
        compare("1/2", "0.5")
    except ImportError as missing:
        say({"missing": str(missing)})
        return
    say({"ready": True})
    for line in requests:
        request = json.loads(line)
        say(limited(request))


def main() -> None:
    """Serve the parent over standard input and output; what libraries print goes nowhere."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    serve(sys.stdin.buffer, replies)


if __name__ == "__main__":
    main()
