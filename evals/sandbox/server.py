"""A warm interpreter that forks one confined process for every program.

Started by `evals.sandbox.pool` as a fresh process with an empty environment, so that nothing of
the caller's memory, environment or files is in it.  Takes one program at a time from a socket.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import socket
import struct
import sys
import tempfile
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any, NoReturn

from evals.sandbox import job, kernel, landlock, namespaces, seccomp
from evals.sandbox.confine import Grounds
from evals.sandbox.limits import Limits

LENGTH = struct.Struct("!I")
_PATIENCE = 2.0
PRELOADED = (
    "bisect", "collections", "copy", "datetime", "decimal", "fractions", "functools", "hashlib",
    "heapq", "itertools", "json", "math", "operator", "random", "re", "statistics", "string",
    "time", "typing",
)  # fmt: skip
"""What programs of benchmarks import most; every one more makes every fork dearer."""


def main(control: int, settings: str) -> None:
    """Serve until the other end of the socket closes.

    Args:
        control: Descriptor of the socket.
        settings: JSON: `packages`, `namespaces`, `preload`, `folder`.
    """
    channel, owner = socket.socket(fileno=control), os.getppid()
    grounds = _prepare(channel, json.loads(settings))
    if grounds is None:
        return
    try:
        while (request := _next(channel, owner)) is not None:
            send(channel, _run(grounds, request))
            _empty(grounds.folder)
    except (BrokenPipeError, ConnectionResetError):
        return
    finally:
        if grounds.folder:
            Path(grounds.folder).rmdir()


def send(channel: socket.socket, message: dict[str, Any]) -> None:
    """Send one message.

    Raises:
        OSError: the other end is gone.
    """
    body = json.dumps(message).encode("utf-8", "surrogatepass")
    channel.sendall(LENGTH.pack(len(body)) + body)


def receive(channel: socket.socket) -> dict[str, Any] | None:
    """The next message; None where the other end has closed."""
    head = _exactly(channel, LENGTH.size)
    body = _exactly(channel, LENGTH.unpack(head)[0]) if head else None
    if body is None:
        return None
    message: dict[str, Any] = json.loads(body)
    return message


def _exactly(channel: socket.socket, size: int) -> bytes | None:
    parts: list[bytes] = []
    while size:
        part = channel.recv(min(size, 1 << 20))
        if not part:
            return None
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _next(channel: socket.socket, owner: int) -> dict[str, Any] | None:
    """The next request; None once the owner is gone.

    A child that the owner forked may hold the socket open, hence the look at who the parent is.
    """
    channel.settimeout(_PATIENCE)
    while True:
        try:
            channel.recv(1, socket.MSG_PEEK)
        except TimeoutError:
            if os.getppid() != owner:
                return None
            continue
        channel.settimeout(None)
        return receive(channel)


def _prepare(channel: socket.socket, wanted: dict[str, Any]) -> Grounds | None:
    """Settle on the layers, tell them, and warm up; None where too few are to be had."""
    sys.path[:] = [p for p in sys.path if p.startswith((sys.base_prefix, sys.base_exec_prefix))]
    packages = tuple(wanted["packages"])
    sys.path.extend(packages)
    proc = os.open("/proc", os.O_PATH | os.O_CLOEXEC)
    missing: dict[str, str] = {}
    contained, private = _contain(missing, proc, packages, wanted["namespaces"])
    version = landlock.landlock_version()
    if not version:
        missing["Landlock"] = "the kernel has none, or a container hides it"
    filtered = _holds(missing, "seccomp", _try_filter)
    if not filtered or not (contained or version):
        send(channel, {"missing": missing, "holds": []})
        return None
    for name in (*PRELOADED, *wanted["preload"]):
        importlib.import_module(name)
    counted, folder = contained or private, ""
    kernel.no_new_privileges()
    if not contained:
        folder = tempfile.mkdtemp(prefix="sandbox-", dir=wanted["folder"])
    if private:
        if folder:
            os.chown(folder, _private_user(), _private_user())
        _give_up_root()
    if contained:
        namespaces.enter(proc, packages)
    if os.geteuid():
        missing.pop("unprivileged user", None)
    if not counted:
        missing["count of threads"] = "other processes have the same user; memory bounds threads"
    send(channel, {"holds": _names(contained, version, counted), "missing": missing})
    for fork in (False, True):
        seccomp.compiled_filter(kernel.machine(), fork, True, 0)
    gc.collect()
    gc.freeze()
    visible = (*namespaces.visible_paths(packages), *namespaces.DEVICES)
    return Grounds(proc, contained, version, folder, packages, visible, counted)


def _contain(
    missing: dict[str, str], proc: int, packages: tuple[str, ...], wanted: bool
) -> tuple[bool, bool]:
    """Whether namespaces are to be had, and whether root is to be given up before all else.

    A superuser in a container may lack the right to make namespaces, which an ordinary user has.
    """

    def as_another() -> None:
        _give_up_root()
        _try_namespaces(proc, packages, wanted)

    if _holds(missing, "namespaces", lambda: _try_namespaces(proc, packages, wanted)):
        return True, False
    if not _holds(missing, "unprivileged user", _give_up_root):
        return False, False
    again: dict[str, str] = {}
    if _holds(again, "namespaces", as_another):
        missing.pop("namespaces")
        return True, True
    return False, True


def _names(contained: bool, version: int, counted: bool) -> list[str]:
    kinds = ("user", "mount", "PID", "network", "IPC") if contained else ()
    return [
        *(f"{kind} namespace" for kind in kinds),
        *([f"Landlock {version}"] if version else []),
        "seccomp",
        "resource limits",
        "no new privileges",
        *(["unprivileged user"] if os.geteuid() else []),
        *(["count of threads"] if counted else []),
    ]


def _holds(missing: dict[str, str], layer: str, attempt: Callable[[], None]) -> bool:
    """Whether an attempt succeeds, in a child; if not, why not is noted."""

    def tried() -> dict[str, Any]:
        attempt()
        return {}

    error = _in_a_child(tried).get("error")
    if error:
        missing[layer] = error
    return not error


def _try_namespaces(proc: int, packages: tuple[str, ...], wanted: bool) -> None:
    if not wanted:
        raise OSError("not asked for")
    namespaces.enter(proc, packages)
    # The library must be readable by the user that one is by now.
    importlib.import_module("colorsys")
    user, group = os.geteuid(), os.getegid()
    if user == 0:
        raise OSError("would run as the superuser, whom limits do not bind")
    kernel.unshare(namespaces.FOR_ONE)
    namespaces.furnish(proc, user, group, 1 << 20)
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)


def _try_filter() -> None:
    if not seccomp.filter_supported(kernel.machine()):
        raise OSError(f"no table of system calls for {kernel.machine()}")
    kernel.no_new_privileges()
    seccomp.install_filter(fork=False, contained=False, pid=os.getpid())
    try:
        socket.socket().close()
    except PermissionError:
        return
    raise OSError("the filter does not filter")


def _give_up_root() -> None:
    """Become a user that nobody else is; it must be able to read the library."""
    if os.geteuid():
        raise OSError("only the superuser can become another user")
    namespaces.become(_private_user(), _private_user())
    importlib.import_module("colorsys")


def _private_user() -> int:
    """A number of a range that systems leave to passing users; its own for each server.

    The trial runs in a child, so it is not this process that must differ but its session.
    """
    return 61_184 + os.getsid(0) % 4_336


def _run(grounds: Grounds, request: dict[str, Any]) -> dict[str, Any]:
    limits = Limits(**request["limits"])
    if limits.processes > 1 and not grounds.contained:
        return {"refused": "limits.processes is above 1, which needs a PID namespace"}
    try:
        return asdict(job.supervise(grounds, request["program"], request["tests"], limits))
    except OSError as error:
        return {"error": str(error)}


def _in_a_child(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What `work` returns in a child process, which it may change at will."""
    said, says = os.pipe()
    child = os.fork()
    if child == 0:
        _answer(says, work)
    os.close(says)
    with os.fdopen(said, "rb") as stream:
        body = stream.read()
    _, code = os.waitpid(child, 0)
    if not body:
        return {"error": f"the supervising process ended with wait status {code}"}
    answer: dict[str, Any] = json.loads(body)
    return answer


def _answer(says: int, work: Callable[[], dict[str, Any]]) -> NoReturn:
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    try:
        answer = work()
    except (OSError, ImportError, ValueError) as error:
        answer = {"error": f"{type(error).__name__}: {error}"}
    os.write(says, json.dumps(answer).encode())
    os._exit(0)


def _empty(folder: str) -> None:
    """Delete what programs left behind.

    A tree may be deeper than recursion or paths reach, so what lies two levels down is first moved
    up to the top.
    """
    number = 0
    while folder and (entries := list(Path(folder).iterdir())):
        for entry in entries:
            if entry.is_symlink() or not entry.is_dir():
                entry.unlink()
                continue
            entry.chmod(0o700)
            for below in list(entry.iterdir()):
                number += 1
                below.rename(Path(folder) / f"moved-{number}")
            entry.rmdir()
