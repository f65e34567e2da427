"""A program that does not do what its tests ask for is never reported as passed."""

from __future__ import annotations

import re
from collections.abc import Mapping

import pytest

from evals.sandbox import Limits, Outcome, Program, Sandbox

LIMITS = Limits(wall_seconds=2.0, cpu_seconds=2)
TESTS = "def check(f):\n    assert f() == 42\n\ncheck(answer)"

# Looks for the secret in all that can be reached from some objects.  A program may offer just one
# text, so each that is found is a fake of its own: it is told, and the test expects none.
SEARCH = """\
import os, sys
def offer(found):
    raise LookupError(sum(len(text) == 32 for text in found))
def reach(roots):
    seen, found, todo = {}, [], list(roots)
    while todo and len(seen) < 300_000:
        value = todo.pop()
        if id(value) in seen: continue
        seen[id(value)] = value
        if isinstance(value, (bytes, bytearray)):
            found.append(bytes(value))
        elif isinstance(value, dict):
            todo += list(value.keys()) + list(value.values())
        elif isinstance(value, (list, tuple, set, frozenset)):
            todo += list(value)
        else:
            for name in ("__dict__", "__closure__", "__defaults__", "__self__", "f_locals",
                         "f_globals", "f_builtins", "f_back", "cell_contents", "tb_frame",
                         "gi_frame", "__globals__", "__slots__", "__wrapped__", "__func__"):
                try: todo.append(getattr(value, name))
                except Exception: pass
    return found
"""
SEARCHES = {
    "frames": "offer(reach([sys._getframe()]))",
    "frames when called": "def answer():\n offer(reach([sys._getframe()]))",
    "frames of a traceback": "try: 1 / 0\n"
    "except Exception as e: offer(reach([e.__traceback__, sys.exc_info()]))",
    "inspect": "import inspect\noffer(reach([f.frame for f in inspect.stack()]))",
    "modules": "offer(reach(list(sys.modules.values())))",
    "classes": "offer(reach(object.__subclasses__()))",
    "a profile function": "seen = []\nsys.setprofile(lambda *a: seen.append(a))\n"
    "def answer():\n sys.setprofile(None); offer(reach([seen]))",
    "a hook of its own": "seen = []\n"
    "sys.addaudithook(lambda event, args: seen.append(args))\n"
    "def answer():\n offer(reach([seen]))",
    "descriptors": "found = []\nfor fd in range(3, 64):\n"
    " try:\n  os.set_blocking(fd, False); found.append(os.read(fd, 32))\n"
    " except OSError: pass\noffer(found)",
}  # fmt: skip
REFUSED_SEARCHES = {
    "frames of all threads": "offer(reach(list(sys._current_frames().values())))",
    "exceptions of all threads": "offer(reach([sys._current_exceptions()]))",
    "gc": "import gc\noffer(reach(gc.get_objects()))",
    "gc thawed": "import gc\ngc.unfreeze(); offer(reach(gc.get_objects()))",
    "gc anew": "import gc, importlib\ndel sys.modules['gc']\n"
    "gc = importlib.import_module('gc'); offer(reach(gc.get_objects()))",
    "operands": "import gc\nframe = sys._getframe()\nwhile frame:\n"
    " reach(gc.get_referents(frame)); frame = frame.f_back",
    "referrers": "import gc\noffer(reach(gc.get_referrers(sys._getframe())))",
    "ctypes by another name": "class S(str):\n"
    " def __hash__(self): return 1\n def __eq__(self, other): return False\n"
    "c = __import__(S('ctypes')); offer([c.string_at(id(sys._getframe(1)), 4000)])",
    "memory": "offer([open('/proc/self/mem', 'rb').read(32)])",
}  # fmt: skip

FAKES = {
    "exit with 0": "import sys; sys.exit(0)",
    "exit": "exit(0)",
    "quit": "raise SystemExit",
    "exit at once": "import os; os._exit(0)",
    "posix exit": "import posix; posix._exit(0)",
    "exit when called": "import sys\ndef answer(): sys.exit(0)",
    "exit at once when called": "import os\ndef answer(): os._exit(0)",
    "exit at the end": "import atexit, os; atexit.register(os._exit, 0)\ndef answer(): return 1",
    "exit from a thread": "import os, threading, time\n"
    "threading.Timer(0.1, os._exit, (0,)).start()\ndef answer(): time.sleep(0.5)",
    "exit from a signal": "import os, signal, time\nsignal.signal(14, lambda *_: os._exit(0))\n"
    "signal.alarm(1)\ndef answer(): time.sleep(1.5)",
    "exit from a finaliser": "import os\nclass A:\n def __del__(self): os._exit(0)\n"
    "def answer(): A()",
    "another program": "import os; os.execv('/bin/true', ['true'])",
    "killed by itself": "import os; os.kill(os.getpid(), 9)",
    "interrupted": "raise KeyboardInterrupt",
    "a generator's exit": "raise GeneratorExit",
    "an exception without a base": "class E(BaseException): pass\nraise E('passed')",
    "no such function": "x = 1",
    "wrong": "def answer(): return 41",
    "nothing": "",
    "printing": "print('passed'); print('ran to the end')",
    "writing": "import os\nfor fd in range(64):\n try: os.write(fd, b'passed')\n"
    " except OSError: pass",
    "writing 32 bytes": "import os\nfor fd in range(64):\n try: os.write(fd, bytes(32))\n"
    " except OSError: pass",
    "closing": "import os; os.closerange(0, 64)\ndef answer(): return 42",
    "redirecting": "import os\nr, w = os.pipe()\nfor fd in range(3, 10):\n"
    " if fd not in (r, w): os.dup2(w, fd)\ndef answer(): return 42",
    "reading every descriptor": "import os\nfound = []\nfor fd in range(3, 64):\n"
    " try:\n  os.set_blocking(fd, False); found.append(os.read(fd, 99))\n except OSError: pass\n"
    "for fd in range(64):\n for text in found:\n"
    "  try: os.write(fd, text)\n  except OSError: pass",
    "no assertions": "import builtins\nbuiltins.AssertionError = type('Fine', (Exception,), {})\n"
    "def answer(): return 41",
    "no exceptions": "import builtins\nbuiltins.BaseException = builtins.Exception = int\n"
    "def answer(): return 41",
    "other builtins": "import builtins, sys, types\nfake = types.ModuleType('builtins')\n"
    "fake.__dict__.update(vars(builtins)); fake.exec = lambda *a: None\n"
    "fake.AssertionError = ValueError\nsys.modules['builtins'] = fake\n"
    "__builtins__ = fake\ndef answer(): return 41",
    "another exec": "import builtins\nbuiltins.exec = builtins.compile = lambda *a, **k: None\n"
    "def answer(): return 41",
    "no builtins": "import builtins\nvars(builtins).clear()",
    "another posix": "import posix, os\nposix.write = os.write = lambda fd, data: 0\n"
    "posix._exit = os._exit = lambda code: None\ndef answer(): return 41",
    "hooks for exceptions": "import sys, threading, os\n"
    "sys.excepthook = sys.unraisablehook = threading.excepthook = lambda *a: os._exit(0)\n"
    "def answer(): return 41",
    "a tests' name of its own": "def check(f): pass\ndef answer(): return 41",
    "a decorator for the tests": "def answer(): return 41\n@lambda f: lambda *a: None",
    "a text that swallows the tests": "def answer(): return 41\n'''",
    "a bracket that swallows the tests": "def answer(): return 41\nx = (",
    "a branch that swallows the tests": "def answer(): return 41\nif False:",
    "a line that goes on": "def answer(): return 41\nx = 1 if True else \\",
    "a comment with a return": "def answer(): return 41\n# \r",
    "jumping over the tests": "import sys\n"
    "def trace(frame, event, arg):\n frame.f_trace_lines = True\n"
    " if frame.f_code.co_filename == '<tests>' and event == 'line':\n"
    "  frame.f_lineno = frame.f_lineno + 1\n return trace\n"
    "def answer():\n sys.settrace(trace); sys._getframe(1).f_trace = trace\n return 41",
    "a profile function": "import sys, os\n"
    "sys.setprofile(lambda f, e, a: os._exit(0) if e == 'return' else None)\n"
    "def answer(): return 41",
    "other code for the tests": "import sys\ndef answer():\n"
    " frame = sys._getframe(1)\n"
    " frame.f_globals['check'].__code__ = (lambda f: None).__code__\n return 41",
}  # fmt: skip


@pytest.fixture(scope="module")
def outcomes(sandbox: Sandbox) -> Mapping[str, Outcome]:
    programs = [Program(text, TESTS, LIMITS) for text in FAKES.values()]
    return dict(zip(FAKES, sandbox.run_all(programs), strict=True))


@pytest.mark.parametrize("name", FAKES)
def test_success_cannot_be_faked(name: str, outcomes: Mapping[str, Outcome]) -> None:
    assert outcomes[name].status in ("failed", "killed", "timeout"), outcomes[name]


@pytest.fixture(scope="module")
def searches(sandbox: Sandbox) -> Mapping[str, Outcome]:
    texts = SEARCHES | REFUSED_SEARCHES
    programs = [Program(SEARCH + text, TESTS) for text in texts.values()]
    return dict(zip(texts, sandbox.run_all(programs), strict=True))


@pytest.mark.parametrize("name", SEARCHES)
def test_the_secret_is_not_in_reach(name: str, searches: Mapping[str, Outcome]) -> None:
    assert searches[name] == Outcome("failed", "LookupError: 0")


@pytest.mark.parametrize("name", REFUSED_SEARCHES)
def test_what_would_show_the_secret_is_refused(name: str, searches: Mapping[str, Outcome]) -> None:
    assert searches[name].status == "failed"
    assert re.match(
        r"(RuntimeError|ImportError): .* is refused in the sandbox|"
        r"(FileNotFound|Permission)Error: .*'/proc/self/mem'",
        searches[name].detail,
    ), searches[name]


@pytest.mark.parametrize("name", ["exit with 0", "exit at once", "another program"])
def test_nor_by_one_text_that_holds_its_tests(name: str, sandbox: Sandbox) -> None:
    assert not sandbox.run(f"{FAKES[name]}\n{TESTS}").passed


def test_a_right_program_passes_with_the_same_tests(sandbox: Sandbox) -> None:
    program = "def answer():\n    return 42\n\nif __name__ == '__main__':\n    answer(1)"
    assert sandbox.run(program, TESTS, LIMITS).passed


def test_builtins_are_pythons_own_again_when_the_tests_start(sandbox: Sandbox) -> None:
    program = "import builtins\nbuiltins.len = lambda x: 3\ndef f(): return []"
    assert not sandbox.run(program, "assert len(f()) == 3").passed
    assert sandbox.run(program, "assert len(f()) == 0").passed


def test_why_a_program_failed_is_told_in_one_short_line(sandbox: Sandbox) -> None:
    outcome = sandbox.run("raise ValueError('a\\nb' + 'c' * 10_000)")
    assert outcome.detail.startswith("ValueError: a bccc")
    assert len(outcome.detail) == 500
    exited = sandbox.run("import os; os._exit(3)")
    assert exited.detail == "exited with status 3 before its tests had ended"


def test_an_answer_that_equals_everything_passes_as_everywhere(sandbox: Sandbox) -> None:
    """What the tests accept is the tests' affair; `docs/sandbox.md` says so."""
    program = "class Any:\n    __eq__ = lambda a, b: True\ndef answer(): return Any()"
    assert sandbox.run(program, TESTS, LIMITS).passed
