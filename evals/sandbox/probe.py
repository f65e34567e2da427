"""Which layers this machine grants: each is tried in a child process, which is thrown away."""

from __future__ import annotations

import importlib
import os
import signal
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NoReturn

from evals.sandbox import kernel, landlock, namespaces, seccomp


@dataclass(slots=True)
class Layers:
    """What was found to hold."""

    contained: bool = False
    """Namespaces are to be had."""
    private: bool = False
    """The superuser can, and in this order must, become a user that nobody else is."""
    landlock: int = 0
    """Version of Landlock; 0 is none."""
    filtered: bool = False
    """System calls can be filtered."""
    missing: dict[str, str] = field(default_factory=dict)
    """Layer -> why it is not to be had."""

    @property
    def enough(self) -> bool:
        """Whether a program may be run at all."""
        return self.filtered and (self.contained or self.landlock > 0)

    @property
    def counted(self) -> bool:
        """Whether the user's processes are the programs' own, so that a limit on them binds."""
        return self.contained or self.private

    def names(self) -> list[str]:
        """The layers that hold in this process, once it is where programs run."""
        kinds = ("user", "mount", "PID", "network", "IPC") if self.contained else ()
        return [
            *(f"{kind} namespace" for kind in kinds),
            *([f"Landlock {self.landlock}"] if self.landlock else []),
            "seccomp",
            "resource limits",
            "no new privileges",
            *(["unprivileged user"] if os.geteuid() else []),
            *(["count of threads"] if self.counted else []),
        ]


def probe(proc: int, packages: tuple[str, ...], *, namespaces_wanted: bool) -> Layers:
    """Try every layer.

    Args:
        proc: A descriptor of /proc.
        packages: Folders of installed packages.
        namespaces_wanted: Whether to try namespaces.
    """
    found = Layers(landlock=landlock.landlock_version())
    if not found.landlock:
        found.missing["Landlock"] = "the kernel has none, or a container hides it"
    found.filtered = _holds(found.missing, "seccomp", _try_filter)

    def as_another() -> None:
        give_up_root()
        _try_namespaces(proc, packages, namespaces_wanted)

    found.contained = _holds(
        found.missing,
        "namespaces",
        lambda: _try_namespaces(proc, packages, namespaces_wanted),
    )
    if found.contained:
        return found
    found.private = _holds(found.missing, "unprivileged user", give_up_root)
    # A superuser in a container may lack the right to make namespaces that others have.
    if found.private and _holds({}, "namespaces", as_another):
        found.contained = True
        del found.missing["namespaces"]
    if os.geteuid():
        found.missing.pop("unprivileged user", None)
    if not found.counted:
        why = "other processes have the same user; memory bounds threads"
        found.missing["count of threads"] = why
    return found


def _holds(missing: dict[str, str], layer: str, attempt: Callable[[], None]) -> bool:
    """Whether an attempt succeeds, in a child; if not, why not is noted."""

    error = _error_of(attempt)
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


def give_up_root() -> None:
    """Become a user that nobody else is; it must be able to read the library."""
    if os.geteuid():
        raise OSError("only the superuser can become another user")
    namespaces.become(private_user(), private_user())
    importlib.import_module("colorsys")


def private_user() -> int:
    """A number of a range that systems leave to passing users; its own for each server.

    The trial runs in a child, so it is not this process that must differ but its session.
    """
    return 61_184 + os.getsid(0) % 4_336


def _error_of(attempt: Callable[[], None]) -> str:
    """What stops an attempt that a child process makes; nothing if it succeeds."""
    said, says = os.pipe()
    child = os.fork()
    if child == 0:
        _attempt(says, attempt)
    os.close(says)
    with os.fdopen(said, "rb") as stream:
        text = stream.read().decode("utf-8", "replace")
    _, code = os.waitpid(child, 0)
    return text or (f"the attempt ended with wait status {code}" if code else "")


def _attempt(says: int, attempt: Callable[[], None]) -> NoReturn:
    kernel.prctl(kernel.PR_SET_PDEATHSIG, signal.SIGKILL)
    try:
        attempt()
    except (OSError, ImportError, ValueError) as error:
        os.write(says, f"{type(error).__name__}: {error}".encode())
    os._exit(0)
