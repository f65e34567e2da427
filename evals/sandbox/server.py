"""A warm interpreter that forks one confined process for every program.

Started by `evals.sandbox.pool` as a fresh process with an empty environment, so that nothing of
the caller's memory, environment or files is in it.  Takes one program at a time from a socket.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import socket
import struct
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from evals.sandbox import job, kernel, namespaces, seccomp
from evals.sandbox.confine import Grounds
from evals.sandbox.limits import Limits
from evals.sandbox.probe import Layers, give_up_root, private_user, probe

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
    layers = probe(proc, packages, namespaces_wanted=wanted["namespaces"])
    if not layers.enough:
        send(channel, {"missing": layers.missing, "holds": []})
        return None
    for name in (*PRELOADED, *wanted["preload"]):
        importlib.import_module(name)
    kernel.no_new_privileges()
    folder = "" if layers.contained else _folder(wanted["folder"], layers)
    if layers.private:
        give_up_root()
    if layers.contained:
        namespaces.enter(proc, packages)
        sys.path[:] = map(namespaces.shown_at, sys.path)
    send(channel, {"holds": layers.names(), "missing": layers.missing})
    for fork in (False, True):
        seccomp.compiled_filter(kernel.machine(), fork, True, 0)
    gc.collect()
    gc.freeze()
    return Grounds(
        proc=proc,
        contained=layers.contained,
        landlock=layers.landlock,
        folder=folder,
        packages=packages,
        visible=(*namespaces.visible_paths(packages), *namespaces.DEVICES),
        counted=layers.counted,
    )


def _folder(parent: str, layers: Layers) -> str:
    """Where programs' folders are made, theirs if they run as another user."""
    made = tempfile.mkdtemp(prefix="sandbox-", dir=parent)
    if layers.private:
        os.chown(made, private_user(), private_user())
    return made


def _run(grounds: Grounds, request: dict[str, Any]) -> dict[str, Any]:
    limits = Limits(**request["limits"])
    if limits.processes > 1 and not grounds.contained:
        return {"refused": "limits.processes is above 1, which needs a PID namespace"}
    try:
        return asdict(job.supervise(grounds, request["program"], request["tests"], limits))
    except OSError as error:
        return {"error": str(error)}


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
