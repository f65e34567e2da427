"""A server that has imported heavy modules and forks one worker per request.

`python -m harness.preload --results DIR [--hub DIR] [--stages MODULE:NAME] [MODULE...]` reads
requests from standard input and writes reports to standard output, one JSON object a line:

    request   {"id": 1, "keys": ["..."], "threads": 1}
    reports   {"ready": 4.2, "threads": 1}    after the imports; seconds, operating system threads
              {"id": 1, "pid": 4711}          the worker has started
              {"id": 1, "pid": 4711, "status": 0, "rss_bytes": 1, "user_seconds": 0.1}

`status` is the exit status, or minus the signal that ended the worker.  At the end of its input
the server starts nothing more, lets running workers finish and publish, and exits.  At SIGTERM it
ends its workers too.
"""

from __future__ import annotations

import argparse
import gc
import importlib
import json
import os
import selectors
import signal
import socket
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.job import STAGES, StageKind, load_stages
from harness.stage import run_stages
from harness.store import Store

GRACE_SECONDS = 5.0
"""How long a worker may take to end at SIGTERM before it is killed."""

THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
QUIET = {
    **dict.fromkeys(THREAD_VARIABLES, "1"),
    "TOKENIZERS_PARALLELISM": "false",
    # A thread of the allocator would not survive the fork.
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    # Asking the CUDA runtime whether there is a device would spoil it for forked processes.
    "PYTORCH_NVML_BASED_CUDA_CHECK": "1",
}
"""Environment in which the imports start no thread and touch no device."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Import, then serve until the input ends."""
    parser = argparse.ArgumentParser(prog="python -m harness.preload")
    parser.add_argument("modules", nargs="*", metavar="MODULE")
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--hub", type=Path)
    parser.add_argument("--stages", default=STAGES, metavar="MODULE:NAME")
    options = parser.parse_args(arguments)
    started = time.monotonic()
    os.environ.update(QUIET)
    # Whatever an import prints must not land among the reports.
    reports = os.dup(1)
    os.dup2(2, 1)
    for module in options.modules:
        importlib.import_module(module)
    kinds = load_stages(options.stages)
    server = _Server(Store(options.results), kinds, options.hub, reports)
    server.report({"ready": round(time.monotonic() - started, 3), "threads": _warn_of_threads()})
    gc.collect()
    gc.freeze()
    server.serve()
    return 0


def _warn_of_threads() -> int:
    count = sum(1 for _ in Path("/proc/self/task").iterdir())
    if count > 1:
        sys.stderr.write(f"WARNING: {count} threads after the imports; only one survives a fork\n")
        sys.stderr.flush()
    return count


@dataclass
class _Server:
    store: Store
    kinds: Mapping[str, StageKind]
    hub: Path | None
    reports: int
    running: dict[int, int] = field(default_factory=dict)
    """Process id -> id of the request."""
    buffer: bytes = b""
    accepting: bool = True

    def report(self, body: Mapping[str, object]) -> None:
        # Nobody may be listening any more; workers finish all the same.
        with suppress(BrokenPipeError):
            os.write(self.reports, (json.dumps(body) + "\n").encode())

    def serve(self) -> None:
        os.set_blocking(0, False)
        self.wake, self.signals = socket.socketpair()
        self.wake.setblocking(False)
        self.signals.setblocking(False)
        signal.set_wakeup_fd(self.signals.fileno())
        signal.signal(signal.SIGCHLD, _ignore)
        signal.signal(signal.SIGTERM, _ignore)
        with selectors.DefaultSelector() as selector:
            selector.register(0, selectors.EVENT_READ)
            selector.register(self.wake, selectors.EVENT_READ)
            while self.accepting or self.running:
                for key, _ in selector.select():
                    if key.fileobj == 0:
                        self._read_requests(selector)
                    else:
                        self._read_signals()

    def _read_requests(self, selector: selectors.BaseSelector) -> None:
        """Start what is asked; once the asker is gone, nothing it had still asked for."""
        with suppress(BlockingIOError):
            while chunk := os.read(0, 65536):
                self.buffer += chunk
            self.accepting = False
            selector.unregister(0)
            return
        *lines, self.buffer = self.buffer.split(b"\n")
        for line in lines:
            if self.accepting:
                self._start(json.loads(line))

    def _read_signals(self) -> None:
        received = self.wake.recv(4096)
        self._reap()
        if signal.SIGTERM in received:
            self._end()

    def _start(self, request: Mapping[str, Any]) -> None:
        sys.stderr.flush()
        # A signal between the fork and the reset of its handlers would be lost.
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGTERM})
        pid = os.fork()
        if pid == 0:
            self._work(request)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        self.running[pid] = request["id"]
        self.report({"id": request["id"], "pid": pid})

    def _work(self, request: Mapping[str, Any]) -> None:
        """In the child: run the stages and leave, without the parent's clean-up."""
        status = 70
        try:
            self._become_worker(request["threads"])
            status = run_stages(request["keys"], self.store, self.kinds, self.hub)
        except BaseException:
            sys.excepthook(*sys.exc_info())
            raise
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def _become_worker(self, threads: int) -> None:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM})
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        for handle in (nothing, self.reports):
            os.close(handle)
        self.wake.close()
        self.signals.close()
        set_threads(threads)

    def _reap(self) -> None:
        with suppress(ChildProcessError):
            while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
                # What the worker itself started must not outlive it: it would hold its lock.
                _signal_group(ended.si_pid, signal.SIGKILL)
                self._report_end(ended.si_pid)

    def _report_end(self, pid: int) -> None:
        _, status, usage = os.wait4(pid, 0)
        request = self.running.pop(pid, None)
        if request is None:
            return
        self.report(
            {
                "id": request,
                "pid": pid,
                "status": os.waitstatus_to_exitcode(status),
                "rss_bytes": usage.ru_maxrss * 1024,
                "user_seconds": round(usage.ru_utime, 3),
            }
        )

    def _end(self) -> None:
        """End the workers, and with them the server."""
        self.accepting = False
        deadline = time.monotonic() + GRACE_SECONDS
        for pid in self.running:
            _signal_group(pid, signal.SIGTERM)
        while self.running and time.monotonic() < deadline:
            time.sleep(0.01)
            self._reap()
        for pid in self.running:
            _signal_group(pid, signal.SIGKILL)


def set_threads(threads: int) -> None:
    """Give this process so many threads for arithmetic."""
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    if "torch" in sys.modules:
        import torch

        torch.set_num_threads(threads)


def _signal_group(pid: int, number: int) -> None:
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        # It has not made its own group yet.
        with suppress(ProcessLookupError):
            os.kill(pid, number)


def _ignore(_number: int, _frame: object) -> None:
    """Signals are read from the wake-up socket."""


if __name__ == "__main__":
    sys.exit(main())
