"""Confine a process for good: rights, files, system calls, resources."""

from __future__ import annotations

import contextlib
import os
import resource
import tempfile
from collections.abc import Mapping, Set
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from evals.sandbox import kernel, landlock, seccomp
from evals.sandbox.limits import Limits

_STACK_BYTES = 8 << 20


@dataclass(frozen=True, slots=True)
class Grounds:
    """Where programs run on this machine."""

    proc: int
    """A descriptor of /proc."""
    contained: bool
    """Whether namespaces are to be had."""
    landlock: int
    """Version of Landlock; 0 is none."""
    folder: str
    """Where working folders are made if there are no namespaces."""
    packages: tuple[str, ...]
    """Folders of installed packages that programs may import."""
    visible: tuple[str, ...]
    """Files and folders that programs may read, if there are no namespaces to hide the others."""
    counted: bool
    """Whether the user's processes are the programs' own, so that a limit on them counts right."""


def confine(grounds: Grounds, home: str, limits: Limits, keep: Set[int]) -> None:
    """Leave this process nothing but a folder and what `limits` grants.

    Args:
        grounds: What the machine has.
        home: Its working folder, the only place it may write to.
        limits: What it may use.
        keep: Descriptors beside the standard three that stay open.

    Raises:
        OSError: the kernel refuses a step.
    """
    os.setsid()
    # First in line when the machine is out of memory; a wish, not a layer.
    with contextlib.suppress(OSError):
        _first_to_go(grounds.proc)
    tasks = _tasks(grounds, limits)
    for first, last in _gaps(keep):
        os.closerange(first, last)
    os.chdir(home)
    os.environ.clear()
    os.environ.update(environment(home))
    tempfile.tempdir = None
    _limit(limits, tasks)
    kernel.drop_capabilities()
    kernel.no_new_privileges()
    if grounds.landlock:
        readable = ["/"] if grounds.contained else list(grounds.visible)
        writable = "/tmp" if grounds.contained else home  # noqa: S108
        landlock.restrict(readable, [writable, "/dev/null"])
    seccomp.install_filter(fork=limits.processes > 1, contained=grounds.contained, pid=os.getpid())


def environment(home: str) -> Mapping[str, str]:
    """All the environment variables that a program sees."""
    return {
        "HOME": home,
        "TMPDIR": home,
        "USER": "sandbox",
        "LOGNAME": "sandbox",
        "PATH": "/usr/bin:/bin",
        "LANG": "C.UTF-8",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }


def _limit(limits: Limits, tasks: int | None) -> None:
    wanted = {
        resource.RLIMIT_AS: limits.memory_bytes,
        resource.RLIMIT_FSIZE: limits.file_bytes,
        resource.RLIMIT_NOFILE: limits.open_files,
        resource.RLIMIT_STACK: _STACK_BYTES,
        resource.RLIMIT_CORE: 0,
        resource.RLIMIT_MEMLOCK: 0,
        resource.RLIMIT_CPU: limits.cpu_seconds,
    }
    if tasks is not None:
        wanted[resource.RLIMIT_NPROC] = tasks
    for which, value in wanted.items():
        hard = resource.getrlimit(which)[1]
        most = value if hard == resource.RLIM_INFINITY else min(value, hard)
        # One more second until the kill that no handler stops.
        spare = 1 if which == resource.RLIMIT_CPU and most == value != hard else 0
        resource.setrlimit(which, (most, most + spare))


def _tasks(grounds: Grounds, limits: Limits) -> int | None:
    """The limit on the user's processes and threads; None where it would bind others or no one."""
    own = limits.processes - 1 + limits.threads
    if grounds.contained:
        return own + 2
    if grounds.counted:
        return own + 8
    return own + 256 + _tasks_of_user(grounds.proc) if os.getuid() else None


def _tasks_of_user(proc: int) -> int:
    """Processes and threads of this user on the whole machine."""
    user, count = os.getuid(), 0
    for name in (p.name for p in Path(f"/proc/self/fd/{proc}").iterdir()):
        if name.isdigit():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                if os.stat(name, dir_fd=proc).st_uid == user:
                    count += os.stat(f"{name}/task", dir_fd=proc).st_nlink - 2
    return count


def _first_to_go(proc: int) -> None:
    opened = os.open("self/oom_score_adj", os.O_WRONLY, dir_fd=proc)
    try:
        os.write(opened, b"1000")
    finally:
        os.close(opened)


def _gaps(kept: Set[int]) -> list[tuple[int, int]]:
    """Ranges of descriptors from 3 on that leave out the kept ones."""
    edges = [2, *sorted(kept), resource.getrlimit(resource.RLIMIT_NOFILE)[1]]
    return [(a + 1, b) for a, b in pairwise(edges)]
