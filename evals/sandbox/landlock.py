"""Landlock: the kernel refuses what lies outside a few folders, for this process and its children.

The numbers are those of the kernel's `landlock.h`; each version of the interface handles more.
"""

from __future__ import annotations

import os
import stat
import struct
from collections.abc import Iterable

from evals.sandbox.kernel import syscall

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_PATH_BENEATH = 1
_ASK_VERSION = 1

_READ = 0b1101
"""EXECUTE, READ_FILE, READ_DIR"""
_FILE_ONLY = 0b1 | 0b10 | 0b100 | 1 << 14 | 1 << 15
"""EXECUTE, WRITE_FILE, READ_FILE, TRUNCATE, IOCTL_DEV: the rights a rule on a file may grant."""
_DEVICE_FILES = 1 << 6 | 1 << 11
_IOCTL_DEV = 1 << 15


def landlock_version() -> int:
    """The version of the interface that the kernel speaks; 0 where it has none."""
    try:
        return syscall(_CREATE_RULESET, None, 0, _ASK_VERSION)
    except OSError:
        return 0


def restrict(readable: Iterable[str], writable: Iterable[str]) -> None:
    """Refuse this process every file but those beneath the given paths, TCP, abstract sockets and
    signals to processes outside, as far as the kernel's version goes.

    Args:
        readable: Files and folders that may be read and run; absent ones are passed over.
        writable: Folders in which everything but device files may be made, files that may be
            written.

    Raises:
        OSError: the kernel has no Landlock, or refuses.
    """
    version = landlock_version()
    handled = _handled(version)
    attributes = struct.pack("QQQ", handled, 0b11, 0b11)[: _size(version)]
    ruleset = syscall(_CREATE_RULESET, attributes, len(attributes), 0)
    try:
        for path in readable:
            _allow(ruleset, path, _READ)
        for path in writable:
            _allow(ruleset, path, handled & ~_DEVICE_FILES & ~_IOCTL_DEV)
        syscall(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _handled(version: int) -> int:
    highest = {1: 13, 2: 14, 3: 15, 4: 15}.get(version, 16)
    return (1 << highest) - 1


def _size(version: int) -> int:
    """Bytes of the attributes: files; then TCP; then abstract sockets and signals."""
    return 8 if version < 4 else 16 if version < 6 else 24


def _allow(ruleset: int, path: str, rights: int) -> None:
    try:
        opened = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except FileNotFoundError:
        return
    try:
        if not stat.S_ISDIR(os.fstat(opened).st_mode):
            rights &= _FILE_ONLY
        syscall(_ADD_RULE, ruleset, _PATH_BENEATH, struct.pack("=Qi", rights, opened), 0)
    finally:
        os.close(opened)
