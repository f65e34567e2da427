"""A filter on system calls, for this process and its children.

Refused are the network, other processes' memory, mounting and namespaces, what outlives the
process (System V objects, message queues), and what reaches kernel code that no program of a
benchmark needs.  A call that is newer than the table is refused as one that does not exist.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import struct
from collections.abc import Sequence
from typing import Literal

from evals.sandbox.kernel import machine, prctl
from evals.sandbox.syscalls import NEWEST, NUMBERS

_PR_SET_SECCOMP, _MODE_FILTER = 22, 2
_ARCHITECTURE = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7}

_LOAD, _EQUAL, _ABOVE, _ANY_BIT, _RETURN = 0x20, 0x15, 0x25, 0x45, 0x06
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16

_NEW_NAMESPACE = 0x7E020080
_CLONE_THREAD = 0x00010000
_AF_UNIX = 1
_TYPES_OR_SIGNALS = (0x5412, 0x541C, 0x8901, 0x8902)
"""TIOCSTI, TIOCLINUX, FIOSETOWN, SIOCSPGRP"""
_SETS_SIGNAL = (8, 10, 15)
"""F_SETOWN, F_SETSIG, F_SETOWN_EX"""
_PR_SET_PDEATHSIG = 1

NEVER = (
    "socket", "io_uring_setup", "io_uring_enter", "io_uring_register", "ptrace",
    "process_vm_readv", "process_vm_writev", "process_madvise", "process_mrelease",
    "pidfd_getfd", "kcmp", "unshare", "setns", "mount", "umount2", "pivot_root", "chroot",
    "open_tree", "move_mount", "fsopen", "fsconfig", "fsmount", "fspick", "mount_setattr",
    "quotactl", "quotactl_fd", "name_to_handle_at", "open_by_handle_at", "fanotify_init",
    "keyctl", "add_key", "request_key", "bpf", "perf_event_open", "userfaultfd",
    "lookup_dcookie", "syslog", "acct", "kexec_load", "kexec_file_load", "init_module",
    "finit_module", "delete_module", "reboot", "swapon", "swapoff", "sethostname",
    "setdomainname", "settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "vhangup",
    "iopl", "ioperm", "modify_ldt", "personality", "migrate_pages", "move_pages", "setrlimit",
    "io_setup", "memfd_create", "memfd_secret", "shmget", "msgget", "semget", "mq_open",
)  # fmt: skip
CHANGES_ANY_FILE = (
    "truncate", "chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "fchown", "lchown",
    "fchownat", "utime", "utimes", "futimesat", "utimensat", "setxattr", "lsetxattr",
    "fsetxattr", "removexattr", "lremovexattr", "fremovexattr",
)  # fmt: skip
"""What Landlock does not govern."""
SIGNALS = ("tkill", "rt_sigqueueinfo", "rt_tgsigqueueinfo", "pidfd_open", "pidfd_send_signal")


def install_filter(*, fork: bool, contained: bool, pid: int) -> None:
    """Filter this process's system calls for good; it must have no new privileges.

    Args:
        fork: Whether it may have children.
        contained: Whether mount and PID namespaces keep it from others' files and processes; if
            not, changes to a file's attributes and signals to others are refused here.
        pid: This process.

    Raises:
        OSError: the kernel refuses.
    """
    # A contained filter is the same for every process, so a server makes it once.
    program = compiled_filter(machine(), fork, contained, 0 if contained else pid)
    held = ctypes.create_string_buffer(program, len(program))
    head = struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(held))
    prctl(_PR_SET_SECCOMP, _MODE_FILTER, head)


@functools.cache
def compiled_filter(machine_name: str, fork: bool, contained: bool, pid: int) -> bytes:
    """The bytes of `filter_program`."""
    return b"".join(filter_program(machine_name, fork=fork, contained=contained, pid=pid))


def filter_supported(machine_name: str) -> bool:
    """Whether there is a table of system calls for a processor architecture."""
    return machine_name in NUMBERS


def filter_program(machine_name: str, *, fork: bool, contained: bool, pid: int) -> list[bytes]:
    """The filter as instructions of the kernel's packet-filter machine."""
    number = NUMBERS[machine_name]
    refuse, children = _errno(errno.EPERM), _errno(errno.EAGAIN)
    names = NEVER if contained else (*NEVER, *CHANGES_ANY_FILE, *SIGNALS)
    program = [
        _step(_LOAD, _ARCH),
        _step(_EQUAL, _ARCHITECTURE[machine_name], 1, 0),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER),
        _step(_ABOVE, NEWEST, 0, 1),
        _step(_RETURN, _errno(errno.ENOSYS)),
    ]
    for name in names:
        if name in number:
            program += _on(number[name], [_step(_RETURN, refuse)])
    # With clone3 the flags lie in memory, out of a filter's sight; the C library falls back.
    program += _on(number["clone3"], [_step(_RETURN, _errno(errno.ENOSYS))])
    program += _on(number["clone"], _clone(fork))
    if not fork:
        for name in ("fork", "vfork"):
            if name in number:
                program += _on(number[name], [_step(_RETURN, children)])
    program += _on(number["prlimit64"], _unless_null(2))
    program += _on(number["socketpair"], _compare(0, [_AF_UNIX], "refuse others"))
    program += _on(number["ioctl"], _compare(1, _TYPES_OR_SIGNALS, "refuse these"))
    if not contained:
        for name in ("kill", "tgkill"):
            program += _on(number[name], _compare(0, [pid], "refuse others"))
        program += _on(number["fcntl"], _compare(1, _SETS_SIGNAL, "refuse these"))
        program += _on(number["prctl"], _compare(0, [_PR_SET_PDEATHSIG], "refuse these"))
    return [*program, _step(_RETURN, _ALLOW)]


def _on(number: int, block: list[bytes]) -> list[bytes]:
    """`block`, which returns, for one system call; the number is in the accumulator after it."""
    return [_step(_EQUAL, number, 0, len(block)), *block]


def _clone(fork: bool) -> list[bytes]:
    block = [
        _argument(0),
        _step(_ANY_BIT, _NEW_NAMESPACE, 0, 1),
        _step(_RETURN, _errno(errno.EPERM)),
    ]
    if not fork:
        block += [
            _step(_ANY_BIT, _CLONE_THREAD, 1, 0),
            _step(_RETURN, _errno(errno.EAGAIN)),
        ]
    return [*block, _step(_RETURN, _ALLOW)]


def _compare(
    argument: int, values: Sequence[int], how: Literal["refuse these", "refuse others"]
) -> list[bytes]:
    """Return by the low half of an argument."""
    equal, other = _errno(errno.EPERM), _ALLOW
    if how == "refuse others":
        equal, other = other, equal
    tests = [_step(_EQUAL, v, len(values) - i, 0) for i, v in enumerate(values)]
    return [_argument(argument), *tests, _step(_RETURN, other), _step(_RETURN, equal)]


def _unless_null(argument: int) -> list[bytes]:
    refuse = _step(_RETURN, _errno(errno.EPERM))
    halves = (_argument(argument), _step(_LOAD, _ARGUMENTS + 8 * argument + 4))
    low = [halves[0], _step(_EQUAL, 0, 1, 0), refuse]
    high = [halves[1], _step(_EQUAL, 0, 1, 0), refuse]
    return [*low, *high, _step(_RETURN, _ALLOW)]


def _argument(index: int) -> bytes:
    """Load the low half of an argument (both architectures are little-endian)."""
    return _step(_LOAD, _ARGUMENTS + 8 * index)


def _errno(code: int) -> int:
    return _ERRNO | code


def _step(code: int, operand: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, operand)
