"""Servers for programs: started when needed, shared by threads, one program each at a time."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import weakref
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evals.sandbox.limits import DEFAULT_LIMITS, Isolation, Limits, Outcome
from evals.sandbox.server import receive, send

_ROOT = Path(__file__).parents[2]
_START = (
    "import sys; sys.path.insert(0, sys.argv[1]); from evals.sandbox.server import main; "
    "main(int(sys.argv[2]), sys.argv[3])"
)


@dataclass(frozen=True, slots=True)
class Program:
    """A program and the tests that judge it."""

    text: str
    tests: str = ""
    """Run after the program in the same module, compiled on their own."""
    limits: Limits = DEFAULT_LIMITS


class Sandbox:
    """Runs programs; safe to use from several threads, and in a forked process anew.

    Args:
        workers: Programs that run at a time.
        packages: Whether programs may import the third-party packages of this environment.
        preload: Modules that are imported once, before the first program.
        namespaces: Use namespaces where the machine grants them.
    """

    def __init__(
        self,
        *,
        workers: int | None = None,
        packages: bool = False,
        preload: Sequence[str] = (),
        namespaces: bool = True,
    ) -> None:
        if workers is not None and workers < 1:
            raise ValueError(f"workers is {workers}; it must be at least 1")
        self.workers = workers or len(os.sched_getaffinity(0))
        self._settings: dict[str, Any] = {
            "packages": installed_packages() if packages else [],
            "preload": list(preload),
            "namespaces": namespaces,
        }
        self._forget()
        _SANDBOXES.add(self)

    def run(self, program: str, tests: str = "", limits: Limits = DEFAULT_LIMITS) -> Outcome:
        """Run one program.

        Args:
            program: Source text.
            tests: Source text to run after it.
            limits: What it may use.

        Raises:
            ValueError: this machine lacks a layer without which programs are not run, or one that
                these limits need.
            RuntimeError: a server ended, or could not start the program.
        """
        with self._slots:
            server = self._take()
            try:
                answer = server.ask({"program": program, "tests": tests, "limits": asdict(limits)})
            except BaseException:
                server.close()
                raise
            self._idle.append(server)
        if "refused" in answer:
            raise ValueError(f"sandbox: {answer['refused']}")
        if "error" in answer:
            raise RuntimeError(f"sandbox: a program could not be started: {answer['error']}")
        return Outcome(answer["status"], answer["detail"])

    def run_all(self, programs: Iterable[Program]) -> list[Outcome]:
        """Run programs at the same time, as many as there are workers.

        Returns:
            Outcomes in the order of the programs.

        Raises:
            ValueError, RuntimeError: as `run`.
        """
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(self.workers, thread_name_prefix="sandbox") as pool:
            return list(pool.map(lambda p: self.run(p.text, p.tests, p.limits), programs))

    def isolation(self) -> Isolation:
        """Which layers hold on this machine.

        Raises:
            ValueError: too few for a program to be run at all.
        """
        with self._slots:
            server = self._take()
            self._idle.append(server)
        return server.isolation

    def close(self) -> None:
        """Stop the servers that are idle; the next program starts new ones."""
        while self._idle:
            self._idle.pop().close()

    def __enter__(self) -> Sandbox:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.close()

    def _take(self) -> _Server:
        # The one used last is the one whose memory is warm.
        try:
            return self._idle.pop()
        except IndexError:
            return _Server(self._settings)

    def _forget(self) -> None:
        """Start with no servers, as a forked child must: its parent's are the parent's."""
        self._idle: list[_Server] = []
        self._slots = threading.BoundedSemaphore(self.workers)


class _Server:
    """One server process and the socket to it."""

    def __init__(self, settings: dict[str, Any]) -> None:
        if sys.platform != "linux":
            raise ValueError(
                f"sandbox: model-written code is run on Linux only, not {sys.platform}"
            )
        ours, theirs = socket.socketpair()
        settings = {**settings, "folder": tempfile.gettempdir()}
        python = getattr(sys, "_base_executable", None) or sys.executable
        # Without site-packages, user packages and the working folder, as -I would have it; that
        # would also ignore PYTHONHASHSEED, which makes the order of sets repeatable.
        command = [python, "-S", "-s", "-P", "-B", "-X", "utf8", "-c", _START]
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and code
            [*command, str(_ROOT), str(theirs.fileno()), json.dumps(settings)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={"PYTHONHASHSEED": "0", "PATH": "/usr/bin:/bin", "OPENBLAS_NUM_THREADS": "1"},
            cwd="/",
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
        theirs.close()
        self._channel = ours
        self._end = weakref.finalize(self, _stop, ours, self._process)
        hello = self._receive()
        if not hello["holds"]:
            self.close()
            reasons = "; ".join(f"{layer}: {why}" for layer, why in hello["missing"].items())
            raise ValueError(
                f"sandbox: model-written code cannot be confined on this machine ({reasons}).\n"
                "It needs seccomp, and either Landlock (Linux 5.13) or user namespaces."
            )
        self.isolation = Isolation(tuple(hello["holds"]), hello["missing"])

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        """Run one program."""
        try:
            send(self._channel, request)
        except BrokenPipeError as error:
            raise RuntimeError("sandbox: a server has ended; run the program again") from error
        return self._receive()

    def close(self) -> None:
        """End the server."""
        self._end()

    def _receive(self) -> dict[str, Any]:
        try:
            answer = receive(self._channel)
        except ConnectionResetError:
            answer = None
        if answer is None:
            self.close()
            code = self._process.returncode
            raise RuntimeError(f"sandbox: a server ended with status {code}")
        return answer


def _stop(channel: socket.socket, process: subprocess.Popen[bytes]) -> None:
    channel.close()
    try:
        process.wait(timeout=1)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def installed_packages() -> list[str]:
    """Folders of this environment's third-party packages."""
    named = [p for p in sys.path if Path(p).name in ("site-packages", "dist-packages")]
    return [p for p in dict.fromkeys(named) if Path(p).is_dir()]


_SANDBOXES: weakref.WeakSet[Sandbox] = weakref.WeakSet()


def _forget_all() -> None:
    for sandbox in list(_SANDBOXES):
        for server in sandbox._idle:
            # The child's copy of the socket; the server is its parent's.
            server._end.detach()
            server._channel.close()
        sandbox._forget()


os.register_at_fork(after_in_child=_forget_all)
