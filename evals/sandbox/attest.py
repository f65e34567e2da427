"""Run a program and its tests, and prove that they ran to their end.

The proof is a secret that another process made for this run and that must be written to a pipe
once the tests have returned.  While the program runs, the secret lies only on the value stack of
the frame below it, as an operand of the call that will write it: no variable, module or
environment holds it, and what that call needs was looked up before the program's first line.
`docs/sandbox.md` says what this withstands and what it does not.
"""

from __future__ import annotations

import builtins
import posix
import random
import sys
import types
from collections.abc import Callable
from typing import Any

SECRET_BYTES = 32

_HIDDEN_EVENTS = frozenset({
    "gc.get_objects", "gc.get_referrers", "gc.get_referents",
    "sys.settrace", "sys._current_frames", "sys._current_exceptions",
})  # fmt: skip
"""Audit events of what reads other frames' operands, or moves a frame past its tests."""
_MEMORY_MODULES = frozenset({
    "_ctypes", "ctypes", "_testcapi", "_testinternalcapi", "_testbuffer", "_xxsubinterpreters",
})  # fmt: skip
"""Modules that read and write memory at will."""


def hide_operands(*, packages: bool) -> None:
    """Refuse from now on what would show a program the operands of the frames below it.

    Args:
        packages: Whether third-party packages may be imported; many of them need `ctypes`, so it
            stays importable then.
    """
    names = frozenset[str]() if packages else _MEMORY_MODULES

    def refuse(
        event: str,
        arguments: tuple[Any, ...],
        hidden: frozenset[str] = _HIDDEN_EVENTS,
        names: frozenset[str] = names,
        plain: Callable[[str, Any], str] = str.__add__,
    ) -> None:
        if event in hidden:
            raise RuntimeError(f"{event} is refused in the sandbox")
        # A subclass of str could lie about its hash.
        if event == "import" and plain("", arguments[0]) in names:
            raise ImportError(f"{arguments[0]} is refused in the sandbox")

    sys.addaudithook(refuse)


def forget_modules(*, packages: bool) -> None:
    """Empty the harness's modules and, unless packages may need it, `ctypes`.

    The functions that are running keep what they hold in variables.
    """
    roots = {"evals", "__main__"} | (set() if packages else {"ctypes", "_ctypes"})
    gone = [name for name in sys.modules if name.partition(".")[0] in roots]
    emptied = [vars(sys.modules.pop(name)) for name in gone]
    sys.modules["__main__"] = types.ModuleType("__main__")
    # C code that imports on behalf of a function looks for these among its globals.
    needed = ("__builtins__", "__name__")
    for names in emptied:
        kept = {str(key): names[key] for key in needed if key in names}
        names.clear()
        names.update(kept)


def prepare(report: int, secret: int, program: str, tests: str) -> Callable[[], None]:
    """A function that runs a program, then its tests in the same module, reports and exits.

    The tests are compiled on their own, so no text of the program's can swallow them, and start
    with Python's own builtins.

    Args:
        report: Descriptor for the report: the secret once both have returned; else `memory:` or
            `failed:` and the exception.
        secret: Descriptor that gives the secret, once.
        program: The source text to run.
        tests: The source text to run after it; may be empty.
    """
    module = types.ModuleType("solution")
    sys.modules["solution"] = module
    namespace = vars(module)
    standard = vars(builtins)
    # Python draws a new seed in every forked process; results are to be repeatable.
    random.seed(0)

    def attest(
        read: Callable[[int, int], bytes] = posix.read,
        write: Callable[[int, bytes], int] = posix.write,
        leave: Callable[[int], None] = posix._exit,
        run: Callable[..., Any] = exec,
        restore: Callable[..., Any] = standard.update,
        size: int = SECRET_BYTES,
    ) -> None:
        try:
            first = compile(program, "<program>", "exec", dont_inherit=True)
            second = compile(tests, "<tests>", "exec", dont_inherit=True)
            # Operands are evaluated from the left, so all but the two results of `run` lie on the
            # stack before the program starts; nothing is looked up after that.
            write(report, (
                read(secret, size),
                run(second, (
                    namespace,
                    restore(({**standard}, run(first, namespace))[0]),
                )[0]),
            )[0])  # fmt: skip
        except BaseException as error:  # noqa: BLE001 - the process ends here
            write(report, _described(error))
        finally:
            leave(0)

    def _described(error: BaseException) -> bytes:
        if isinstance(error, MemoryError):
            return b"memory:MemoryError"
        try:
            text = f"{type(error).__name__}: {error}"
        except BaseException:  # noqa: BLE001 - an exception that cannot be shown is shown as such
            text = f"{type(error).__name__} (its text cannot be made)"
        return b"failed:" + text[:2000].encode("utf-8", "replace")

    return attest
