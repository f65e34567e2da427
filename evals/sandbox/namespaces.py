"""A root of its own: only the interpreter, the system's libraries and programs, all read-only.

`enter` is done once for a server; every program is forked into namespaces `FOR_ONE` besides, and so
has processes, users and a temporary file system to itself.  Needs no privileges where the kernel
grants user namespaces.
"""

from __future__ import annotations

import os
import stat
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from evals.sandbox import kernel

HOME = "/tmp/home"  # noqa: S108
"""Working and home folder of a program."""
NOBODY = 65534
_SYSTEM = (
    "/usr/bin", "/usr/lib", "/usr/lib64", "/usr/share/zoneinfo", "/bin", "/lib", "/lib64",
    "/etc/ld.so.cache", "/etc/localtime", "/etc/alternatives",
)  # fmt: skip
DEVICES = ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom")


def visible_paths(packages: Iterable[str]) -> list[str]:
    """Files and folders that a program may read, parents first.

    Args:
        packages: Folders of installed packages.
    """
    prefixes = {Path(sys.base_prefix), Path(sys.base_exec_prefix), Path(sys.base_prefix).resolve()}
    own = {str(prefix / part) for prefix in prefixes for part in ("bin", "lib", "lib64")}
    paths = {*_SYSTEM, *own, str(Path(os.__file__).parent), *packages}
    return sorted(p for p in paths if Path(p).exists())


def shown_at(path: str) -> str:
    """Where a visible path stands in the new root: `/tmp` is each program's own."""
    return f"/aside{path}" if Path(path).is_relative_to("/tmp") else path  # noqa: S108


def enter(proc: int, packages: Iterable[str]) -> None:
    """Move this process to namespaces with a root that holds only `visible_paths`.

    A superuser becomes nobody on the way, so that limits bind it.

    Args:
        proc: A descriptor of /proc, to be used once that is out of sight.
        packages: Folders of installed packages.

    Raises:
        OSError: the kernel refuses a step; the process is of no use then.
    """
    superuser = os.geteuid() == 0
    user, group = os.geteuid(), os.getegid()
    flags = kernel.CLONE_NEWNS | kernel.CLONE_NEWNET | kernel.CLONE_NEWIPC | kernel.CLONE_NEWUTS
    kernel.unshare(flags | (0 if superuser else kernel.CLONE_NEWUSER))
    if not superuser:
        _map_user(proc, user, group)
    _build_root(visible_paths(packages))
    if superuser:
        become(NOBODY, NOBODY)


FOR_ONE = kernel.CLONE_NEWUSER | kernel.CLONE_NEWNS | kernel.CLONE_NEWPID
"""Namespaces that every program has to itself."""


def furnish(proc: int, user: int, group: int, disk_bytes: int) -> None:
    """In new namespaces `FOR_ONE`: keep the user's number, and mount a temporary file system on
    `/tmp` with `HOME` in it.

    Raises:
        OSError: the kernel refuses.
    """
    _map_user(proc, user, group)
    size = f"size={disk_bytes},nr_inodes={max(64, disk_bytes >> 12)},mode=0700"
    kernel.mount("tmpfs", "/tmp", "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, size)  # noqa: S108
    Path(HOME).mkdir(0o700)
    Path("/tmp/shm").mkdir(0o700)  # noqa: S108


def become(user: int, group: int) -> None:
    """Give up the superuser's identity.

    Raises:
        OSError: it may not.
    """
    os.setgroups([])
    os.setresgid(group, group, group)
    os.setresuid(user, user, user)
    # Or /proc/self of this process would stay the superuser's.
    kernel.prctl(kernel.PR_SET_DUMPABLE, 1)


def _map_user(proc: int, user: int, group: int) -> None:
    """Keep one's own numbers in a new user namespace."""
    for name, line in (
        ("setgroups", "deny"),
        ("uid_map", f"{user} {user} 1"),
        ("gid_map", f"{group} {group} 1"),
    ):
        opened = os.open(f"self/{name}", os.O_WRONLY, dir_fd=proc)
        try:
            os.write(opened, line.encode())
        finally:
            os.close(opened)


def _build_root(paths: list[str]) -> None:
    kernel.mount("none", "/", "", kernel.MS_REC | kernel.MS_PRIVATE)
    # Held open, for the new root may cover one of them.
    sources = {p: _source(Path(p)) for p in (*paths, *DEVICES) if Path(p).exists()}
    root = Path(tempfile.gettempdir())
    flags = kernel.MS_NOSUID | kernel.MS_NODEV
    kernel.mount("tmpfs", str(root), "tmpfs", flags, "size=1m,mode=0755")
    for path, source in sources.items():
        _place(root / shown_at(path).lstrip("/"), source)
    (root / "tmp").mkdir(exist_ok=True)
    (root / "dev/shm").symlink_to("/tmp/shm")  # noqa: S108
    kernel.pivot_root(str(root))
    kernel.make_read_only("/")


def _source(path: Path) -> int | Path:
    """The target of a link to a folder, or a descriptor of what is to be shown."""
    if path.is_symlink() and path.is_dir():
        return path.readlink()
    return os.open(path, os.O_PATH | os.O_CLOEXEC)


def _place(target: Path, source: int | Path) -> None:
    """Show a source at a path; what an earlier one shows already is shown over itself."""
    target.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(source, Path):
        if not target.exists():
            target.symlink_to(source)
        return
    if stat.S_ISDIR(os.fstat(source).st_mode):
        target.mkdir(parents=True, exist_ok=True)
    else:
        target.touch()
    kernel.mount(f"/proc/self/fd/{source}", str(target), "", kernel.MS_BIND | kernel.MS_REC)
    os.close(source)
