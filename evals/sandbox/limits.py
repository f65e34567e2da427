"""What a program may use, and what became of it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal

Status = Literal["passed", "failed", "timeout", "memory", "killed"]


@dataclass(frozen=True, slots=True)
class Limits:
    """What one program may use.

    Raises:
        ValueError: a limit is zero or below.
    """

    wall_seconds: float = 10.0
    """Time from start to kill.  Time during which the whole machine stands still does not count."""
    cpu_seconds: int = 5
    """Processor time of each process."""
    memory_bytes: int = 2 << 30
    """Address space of each process."""
    processes: int = 1
    """Processes at a time, the program itself included; with 1 it cannot fork.  More than 1 needs
    a PID namespace, which is what lets all of them be killed."""
    threads: int = 64
    """Threads at a time beside the main one."""
    file_bytes: int = 16 << 20
    """Longest file."""
    disk_bytes: int = 64 << 20
    """All files together (where the machine grants a mount namespace)."""
    open_files: int = 64

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if value <= 0:
                raise ValueError(f"limits.{field.name} is {value!r}; it must be above zero")


DEFAULT_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a program."""

    status: Status
    """`passed`: it ran to its end.  `failed`: it raised, or ended early.  `timeout`: wall clock or
    processor time.  `memory`: an allocation was refused.  `killed`: a signal ended it."""
    detail: str
    """The exception, signal or limit, in one line of at most 500 characters; written by the
    program in part, so never to be trusted."""

    @property
    def passed(self) -> bool:
        """Whether the program and its tests ran to their end."""
        return self.status == "passed"


@dataclass(frozen=True, slots=True)
class Isolation:
    """Which layers hold between a program and the machine."""

    holds: tuple[str, ...]
    missing: dict[str, str]
    """Layer -> why this machine does not have it."""
