"""One worker process: a request a line in, a reply a line out, killed at its limits."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

START_SECONDS = 300.0
CALLS = 10_000
"""A worker is replaced after so many calls: parsers keep what they have seen."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What one call may use."""

    cpu_seconds: float = 5.0
    """Processor time, which a busy machine does not change; the kernel ends the worker."""
    wall_seconds: float = 60.0
    """Time on the clock; the caller kills the worker."""
    memory_bytes: int = 1 << 30
    """Address space of the worker."""


@dataclass(frozen=True, slots=True)
class Reply:
    """What a worker said."""

    value: Mapping[str, Any] | None
    """None where the worker was stopped."""
    stopped: str = ""
    """By which limit, or by what else."""


class Worker:
    """A process that runs `program`; not for two callers at once."""

    def __init__(self, program: Path) -> None:
        self._process = subprocess.Popen(  # noqa: S603
            [sys.executable, "-P", str(program)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            bufsize=0,
            env={**os.environ, "PYTHONHASHSEED": "0"},
        )
        self._program = program
        self._calls = 0
        self._ready = False
        self._unread = b""
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            os.set_blocking(pipe.fileno(), False)

    @property
    def pid(self) -> int:
        """The process identifier."""
        return self._process.pid

    def alive(self) -> bool:
        """Whether it can take a call."""
        return self._calls < CALLS and self._process.poll() is None

    def call(self, request: Mapping[str, str], limits: Limits) -> Reply:
        """One request's reply, or what stopped the worker.

        Raises:
            ImportError: the program lacks a package.
            RuntimeError: the program does not start.
        """
        if not self._ready:
            self._start()
        self._calls += 1
        deadline = time.monotonic() + limits.wall_seconds
        message = json.dumps({**request, **asdict(limits)}).encode() + b"\n"
        self._send(message, deadline)
        line = self._receive(deadline)
        if line is None:
            self.kill()
            return Reply(None, f"timed out: {limits.wall_seconds:g} s on the clock")
        if line:
            reply: dict[str, Any] = json.loads(line)
            if reply.pop("last", False) or self._calls >= CALLS:
                self.kill()
            return Reply(reply)
        status = self.kill()
        if status == -signal.SIGPROF:
            return Reply(None, f"timed out: {limits.cpu_seconds:g} s of processor time")
        return Reply(None, f"worker ended with status {status}")

    def kill(self) -> int:
        """End it and wait for it: its status, negative for a signal."""
        self._close_pipes()
        if self._process.poll() is None:
            self._process.kill()
        return self._process.wait()

    def interrupt(self) -> None:
        """End it while a call waits for it; that call reads the end of the stream."""
        self._process.kill()

    def abandon(self) -> None:
        """In a forked child: leave the parent's process alone."""
        self._close_pipes()
        self._process.returncode = 0

    def _close_pipes(self) -> None:
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def _start(self) -> None:
        line = self._receive(time.monotonic() + START_SECONDS)
        greeting = json.loads(line) if line else {}
        if "missing" in greeting:
            raise ImportError(f"verifier needs a package: {greeting['missing']}")
        if "ready" not in greeting:
            raise RuntimeError(f"{self._program.name} did not start: status {self.kill()}")
        self._ready = True

    def _send(self, message: bytes, deadline: float) -> None:
        """Write it all, unless the worker ends or time is up: then there is no reply to receive."""
        assert self._process.stdin is not None
        pipe = self._process.stdin.fileno()
        while message and _wait(pipe, select.POLLOUT, deadline):
            try:
                message = message[os.write(pipe, message) :]
            except BrokenPipeError:
                return

    def _receive(self, deadline: float) -> bytes | None:
        """The next line; empty at the end of the stream, None where time is up."""
        assert self._process.stdout is not None
        pipe = self._process.stdout.fileno()
        while b"\n" not in self._unread:
            if not _wait(pipe, select.POLLIN, deadline):
                return None
            piece = os.read(pipe, 1 << 16)
            if not piece:
                return b""
            self._unread += piece
        line, _, self._unread = self._unread.partition(b"\n")
        return line


def _wait(pipe: int, event: int, deadline: float) -> bool:
    """Whether the pipe is ready before the deadline."""
    poll = select.poll()
    poll.register(pipe, event)
    while (left := deadline - time.monotonic()) > 0:
        if poll.poll(left * 1000):
            return True
    return False
