"""Run code that a model wrote: no network, no files, little of the machine, no way to fake success.

`docs/sandbox.md` holds the threat model.
"""

from __future__ import annotations

import functools

from evals.sandbox.limits import DEFAULT_LIMITS, Isolation, Limits, Outcome, Status
from evals.sandbox.pool import Program, Sandbox


def run_python(
    program: str, *, tests: str = "", limits: Limits = DEFAULT_LIMITS, packages: bool = False
) -> Outcome:
    """Run a program and its tests in a confined process of their own.

    Args:
        program: Source text; may hold the tests itself.
        tests: Source text to run after it in the same module, compiled on its own.
        limits: What it may use.
        packages: Whether it may import the third-party packages of this environment.

    Raises:
        ValueError: this machine lacks a layer without which programs are not run.
        RuntimeError: the machine fails to start a process.
    """
    return shared_sandbox(packages).run(program, tests, limits)


def isolation() -> Isolation:
    """Which layers hold between a program and this machine.

    Raises:
        ValueError: too few for a program to be run at all.
    """
    return shared_sandbox(False).isolation()


@functools.cache
def shared_sandbox(packages: bool) -> Sandbox:
    """The sandbox of this process, with or without third-party packages."""
    return Sandbox(packages=packages)


__all__ = [
    "DEFAULT_LIMITS",
    "Isolation",
    "Limits",
    "Outcome",
    "Program",
    "Sandbox",
    "Status",
    "isolation",
    "run_python",
    "shared_sandbox",
]
