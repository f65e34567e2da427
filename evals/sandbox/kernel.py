"""System calls that Python's standard library has no function for."""

from __future__ import annotations

import ctypes
import functools
import os
import platform
import signal
import struct

CLONE_NEWNS = 0x00020000
CLONE_NEWUTS = 0x04000000
CLONE_NEWIPC = 0x08000000
CLONE_NEWUSER = 0x10000000
CLONE_NEWPID = 0x20000000
CLONE_NEWNET = 0x40000000

MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 4096, 16384, 1 << 18

_CLONE = {"x86_64": 56, "aarch64": 220}
_MNT_DETACH = 2
_MOUNT_SETATTR, _PIVOT_ROOT = 442, {"x86_64": 155, "aarch64": 41}
_AT_FDCWD, _AT_RECURSIVE = -100, 0x8000
_MOUNT_ATTR_RDONLY, _MOUNT_ATTR_NOSUID = 1, 2
_CAPABILITIES_OF_SELF = struct.pack("Ii", 0x20080522, 0)

PR_SET_PDEATHSIG, PR_SET_DUMPABLE = 1, 4
_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS = 24, 38
_LAST_CAPABILITY = 40

_libc = ctypes.CDLL(None, use_errno=True)


@functools.cache
def machine() -> str:
    """The processor architecture, in the kernel's word."""
    return platform.machine()


def syscall(number: int, *arguments: object) -> int:
    """Make a system call by its number.

    Raises:
        OSError: it failed.
    """
    padded = [ctypes.c_long(a) if isinstance(a, int) else a for a in arguments]
    return _checked(_libc.syscall(ctypes.c_long(number), *padded), f"system call {number}")


def prctl(option: int, *arguments: object) -> int:
    """Set a property of this process.

    Raises:
        OSError: the kernel refuses.
    """
    padded = [ctypes.c_ulong(a) if isinstance(a, int) else a for a in arguments]
    padded += [ctypes.c_ulong(0)] * (4 - len(padded))
    return _checked(_libc.prctl(option, *padded), f"prctl {option}")


def unshare(flags: int) -> None:
    """Leave the namespaces that `flags` names for new ones.

    Raises:
        OSError: the kernel refuses.
    """
    _checked(_libc.unshare(flags), "unshare")


def fork_into(flags: int) -> int:
    """Fork into the new namespaces that `flags` names; 0 in the child.

    The child has not been told by Python that it is one, so it must do little but `os.fork` again.

    Raises:
        OSError: the kernel refuses.
    """
    return syscall(_CLONE[machine()], flags | signal.SIGCHLD, 0, 0, 0, 0)


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    """Mount a file system.

    Raises:
        OSError: the kernel refuses.
    """
    arguments = (source.encode(), target.encode(), kind.encode())
    result = _libc.mount(*arguments, ctypes.c_ulong(flags), data.encode())
    _checked(result, f"mount on {target}")


def pivot_root(new_root: str) -> None:
    """Make a mount the root, and let go of the old one.

    Raises:
        OSError: the kernel refuses.
    """
    os.chdir(new_root)
    syscall(_PIVOT_ROOT[machine()], b".", b".")
    _checked(_libc.umount2(b".", _MNT_DETACH), "umount2")
    os.chdir("/")


def make_read_only(path: str) -> None:
    """Make a mount and all below it read-only.

    Raises:
        OSError: the kernel refuses, or is older than 5.12.
    """
    attributes = struct.pack("QQQQ", _MOUNT_ATTR_RDONLY | _MOUNT_ATTR_NOSUID, 0, 0, 0)
    arguments = (_AT_FDCWD, path.encode(), _AT_RECURSIVE, attributes, len(attributes))
    syscall(_MOUNT_SETATTR, *arguments)


def no_new_privileges() -> None:
    """Let no program that is started from here gain rights by set-user-id."""
    prctl(_PR_SET_NO_NEW_PRIVS, 1)


def drop_capabilities() -> None:
    """Give up every right of a superuser for good."""
    if os.getuid() == 0:
        for capability in range(_LAST_CAPABILITY + 1):
            _libc.prctl(_PR_CAPBSET_DROP, ctypes.c_ulong(capability), *[ctypes.c_ulong(0)] * 3)
    _checked(_libc.capset(_CAPABILITIES_OF_SELF, bytes(24)), "capset")


def _checked(result: int, what: str) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, f"{what}: {os.strerror(code)}")
    return result
