"""One program: the first process of its namespace, and its own, watched by the server.

    server (outside) -> init (process 1 of the namespace) -> program

The server alone decides what became of the program.  When init dies the kernel kills all processes
of the namespace.  Without namespaces there is no init, and the program cannot fork.
"""

from __future__ import annotations

import os
import select
import signal
import struct
import tempfile
import time
from typing import NoReturn

from evals.sandbox import attest, kernel, namespaces
from evals.sandbox.confine import Grounds, confine
from evals.sandbox.limits import Limits, Outcome

_EXIT = struct.Struct("id")
_TICK = 0.05
_LONGEST_TICK = 0.5


def supervise(grounds: Grounds, program: str, tests: str, limits: Limits) -> Outcome:
    """Run a program in processes of its own, and kill all of them.

    Raises:
        OSError: the kernel refuses a process or a namespace.
    """
    home = namespaces.HOME if grounds.contained else tempfile.mkdtemp(dir=grounds.folder)
    with _Pipes() as pipes:
        user, group = os.geteuid(), os.getegid()
        child = kernel.fork_into(namespaces.FOR_ONE) if grounds.contained else os.fork()
        if child == 0:
            _be_the_program(grounds, (user, group), home, limits, pipes, program, tests)
        # Drawn only now, so that the program's copy of this process does not hold it.
        token = os.urandom(attest.SECRET_BYTES)
        os.write(pipes.give_secret, token)
        pipes.keep_reading()
        in_time = _wait(child, limits.wall_seconds)
        if not in_time:
            os.kill(child, signal.SIGKILL)
        _, code, usage = os.wait4(child, 0)
        seconds = usage.ru_utime + usage.ru_stime
        if grounds.contained and (told := _read(pipes.status)):
            code, seconds = _EXIT.unpack(told)
        fault, said = _read(pipes.fault), _read(pipes.report)
    if fault:
        raise OSError(f"confining a program: {fault.decode('utf-8', 'replace')}")
    if said == token:
        return Outcome("passed", "ran to the end")
    return _judge(said, code, seconds, in_time, limits)


class _Pipes:
    """Pipes between the server and the program."""

    def __init__(self) -> None:
        self.secret, self.give_secret = os.pipe()
        self.report, self.write_report = os.pipe()
        self.status, self.write_status = os.pipe()
        """How the program ended, from init."""
        self.fault, self.write_fault = os.pipe()
        """Why it could not be confined; closed before it starts."""
        self._own = {self.report, self.status, self.fault}
        self._others = {
            self.secret, self.give_secret, self.write_report, self.write_status, self.write_fault
        }  # fmt: skip

    def keep_reading(self) -> None:
        """Be the server's end."""
        while self._others:
            os.close(self._others.pop())
        for descriptor in self._own:
            os.set_blocking(descriptor, False)

    def __enter__(self) -> _Pipes:
        return self

    def __exit__(self, *_exception: object) -> None:
        for descriptor in self._own | self._others:
            os.close(descriptor)


def _read(descriptor: int) -> bytes:
    """What a pipe holds, as far as anyone will look at it."""
    try:
        return os.read(descriptor, 4096)
    except BlockingIOError:
        return b""


def _be_the_program(
    grounds: Grounds,
    user: tuple[int, int],
    home: str,
    limits: Limits,
    pipes: _Pipes,
    program: str,
    tests: str,
) -> NoReturn:
    # Names of this module are gone once it has been forgotten.
    close, leave, write = os.close, os._exit, os.write
    try:
        kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
        if grounds.contained:
            namespaces.furnish(grounds.proc, *user, limits.disk_bytes)
            _fork_and_reap(pipes.write_status)
        confine(grounds, home, limits, {pipes.secret, pipes.write_report, pipes.write_fault})
        run = attest.prepare(pipes.write_report, pipes.secret, program, tests)
        attest.hide_operands(packages=bool(grounds.packages))
        attest.forget_modules(packages=bool(grounds.packages))
    except BaseException as error:  # noqa: BLE001 - told, and the process ends here
        write(pipes.write_fault, f"{type(error).__name__}: {error}".encode())
        leave(1)
    close(pipes.write_fault)
    try:
        run()
    finally:
        leave(1)
    raise AssertionError("a program's process goes on after its end")


def _judge(said: bytes, code: int, seconds: float, in_time: bool, limits: Limits) -> Outcome:
    if not in_time:
        return Outcome("timeout", f"more than {limits.wall_seconds:g} s of wall clock")
    if os.WIFSIGNALED(code):
        number = os.WTERMSIG(code)
        spent = number in (signal.SIGXCPU, signal.SIGKILL) and seconds >= limits.cpu_seconds - 0.5
        if spent:
            return Outcome("timeout", f"more than {limits.cpu_seconds} s of processor time")
        return Outcome("killed", f"signal {signal.Signals(number).name}")
    kind, _, text = said.decode("utf-8", "replace").partition(":")
    detail = " ".join(text.split())[:500]
    if kind == "memory":
        return Outcome("memory", f"more than {limits.memory_bytes} bytes: {detail}")
    if kind == "failed":
        return Outcome("failed", detail)
    left = os.WEXITSTATUS(code)
    return Outcome("failed", f"exited with status {left} before its tests had ended")


def _wait(child: int, seconds: float) -> bool:
    """Whether the child ended within so many seconds.

    They are counted in short steps, each for half a second at most: a machine or a container that
    was stopped for a while must not make a program late.
    """
    handle = os.pidfd_open(child)
    poll = select.poll()
    poll.register(handle, select.POLLIN)
    left, before = seconds, time.monotonic()
    while left > 0:
        if poll.poll(max(1, int(1000 * min(left, _TICK)))):
            os.close(handle)
            return True
        now = time.monotonic()
        left -= min(now - before, _LONGEST_TICK)
        before = now
    os.close(handle)
    return False


def _fork_and_reap(status: int) -> None:
    """Be process 1: start the program, bury the dead, say how it ended.

    Returns only in the program's process.
    """
    child = os.fork()
    if child == 0:
        return
    while True:
        pid, code, usage = os.wait4(-1, 0)
        if pid == child:
            os.write(status, _EXIT.pack(code, usage.ru_utime + usage.ru_stime))
            os._exit(0)
