"""Each layer alone, and the sandbox under other users: nobody, and a superuser without the right
to make namespaces.
"""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from evals.sandbox import Limits, Sandbox, seccomp
from evals.sandbox.syscalls import NUMBERS

ROOT = Path(__file__).parents[3]
HEADERS = {
    "x86_64": Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
    "aarch64": Path("/usr/include/asm-generic/unistd.h"),
}
NOBODY = 65534

# Prints what the sandbox makes of a few programs, under both kinds of isolation.
SCRIPT = """
import json, os, sys
sys.path.insert(0, {folder!r})
from evals.sandbox import Limits, Program, Sandbox
programs = dict(
    right=Program("def f(): return 1", "assert f() == 1"),
    wrong=Program("def f(): return 2", "assert f() == 1"),
    exits=Program("import os; os._exit(0)"),
    root=Program("import os; assert os.getuid() != 0"),
    network=Program("import socket; socket.socket()"),
    forks=Program("import os; os.fork()"),
    writes=Program("open({folder!r} + '/evals/__init__.py', 'a').write('x')"),
    marks=Program("open({folder!r} + '/open-to-all/mark', 'w').write('x')"),
    removes=Program("import os; os.rmdir({folder!r} + '/open-to-all')"),
    kills=Program("import os, signal; os.kill(%d, signal.SIGKILL)" % os.getpid()),
    own=Program("open('x', 'w').write('x')"),
    spins=Program("while True: pass", "", Limits(wall_seconds=0.5)),
    threads=Program("import threading, time\\n"
                    "for _ in range(999): threading.Thread(target=time.sleep, args=(9,)).start()"),
)
told = {{}}
for namespaces in (True, False):
    with Sandbox(workers=2, namespaces=namespaces) as sandbox:
        found = sandbox.run_all(programs.values())
        told[str(namespaces)] = dict(
            holds=sandbox.isolation().holds,
            **{{name: outcome.status for name, outcome in zip(programs, found)}})
print(json.dumps(told))
"""
IDENTITIES = {
    "nobody": "os.setgroups([]); os.setgid(65534); os.setuid(65534)",
    "a superuser who may not make namespaces": "ctypes.CDLL(None).prctl(24, 21, 0, 0, 0)",
    "a superuser": "pass",
}


@pytest.fixture(scope="module")
def anyones_copy() -> Iterator[Path]:
    """The package where every user can read it, and a folder where every user can write."""
    folder = Path(tempfile.mkdtemp(prefix="sandbox-test-"))
    folder.chmod(0o755)
    (folder / "evals").mkdir()
    shutil.copy(ROOT / "evals/__init__.py", folder / "evals")
    shutil.copytree(ROOT / "evals/sandbox", folder / "evals/sandbox")
    (folder / "open-to-all").mkdir()
    (folder / "open-to-all").chmod(0o777)
    yield folder
    shutil.rmtree(folder)


def _interpreter() -> str:
    """A Python that nobody can start, of a version that runs the package."""
    asks = "import sys; sys.exit(sys.version_info < (3, 11))"
    for python in (getattr(sys, "_base_executable", sys.executable), "/usr/bin/python3"):
        try:
            tried = subprocess.run(
                [python, "-c", asks], user=NOBODY, group=NOBODY, extra_groups=[], cwd="/"
            )
        except OSError:
            continue
        if tried.returncode == 0:
            return python
    pytest.skip("every Python of this machine is closed to other users")


@pytest.mark.skipif(os.getuid() != 0, reason="only a superuser can become another user")
@pytest.mark.parametrize("identity", IDENTITIES)
def test_it_works_under_every_user(identity: str, anyones_copy: Path) -> None:
    python = _interpreter()
    become = f"import ctypes, os\n{IDENTITIES[identity]}\n"
    script = become + SCRIPT.format(folder=str(anyones_copy))
    ran = subprocess.run([python, "-B", "-c", script], capture_output=True, text=True, cwd="/")
    assert ran.returncode == 0, ran.stderr
    for found in json.loads(ran.stdout).values():
        assert found.pop("root") == (
            "passed" if "unprivileged user" in found["holds"] else "failed"
        )
        counted = "count of threads" in found["holds"]
        assert found.pop("threads") in ({"failed"} if counted else {"failed", "timeout", "memory"})
        assert "seccomp" in found.pop("holds")
        assert found == {
            "right": "passed", "wrong": "failed", "exits": "failed", "network": "failed",
            "forks": "failed", "writes": "failed", "marks": "failed", "removes": "failed",
            "kills": "failed", "own": "passed", "spins": "timeout",
        }  # fmt: skip
    assert list((anyones_copy / "open-to-all").iterdir()) == []
    assert "x" not in (anyones_copy / "evals/__init__.py").read_text()[-1:]


def test_a_superuser_without_the_right_to_namespaces_gets_them_as_another(
    anyones_copy: Path,
) -> None:
    if os.getuid() != 0:
        pytest.skip("only a superuser can become another user")
    python = _interpreter()
    identity = IDENTITIES["a superuser who may not make namespaces"]
    script = (
        f"import ctypes, sys\n{identity}\nsys.path.insert(0, {str(anyones_copy)!r})\n"
        "import os; os.execv(sys.executable, [sys.executable, '-B', '-c', "
        "'import sys; sys.path.insert(0, sys.argv[1])\\n"
        "from evals.sandbox import isolation; print(*isolation().holds, sep=chr(10))', "
        f"{str(anyones_copy)!r}])"
    )
    ran = subprocess.run([python, "-B", "-c", script], capture_output=True, text=True, cwd="/")
    assert ran.returncode == 0, ran.stderr
    with Sandbox(workers=1) as ordinary:
        if "PID namespace" not in ordinary.isolation().holds:
            pytest.skip(f"no namespaces on this machine: {ordinary.isolation().missing}")
    assert {"PID namespace", "unprivileged user"} <= set(ran.stdout.splitlines())


@pytest.mark.parametrize("machine", NUMBERS)
def test_numbers_of_system_calls_are_the_headers(machine: str) -> None:
    if not HEADERS[machine].exists():
        pytest.skip(f"no {HEADERS[machine]}")
    pattern = re.compile(r"#define __NR(?:3264)?_(\w+)\s+(\d+)")
    stated = {m[1]: int(m[2]) for m in pattern.finditer(HEADERS[machine].read_text())}
    known = {name: number for name, number in NUMBERS[machine].items() if name in stated}
    assert len(known) > 60
    assert known == {name: stated[name] for name in known}


def test_every_refused_call_is_in_every_table() -> None:
    old = {"chmod", "chown", "lchown", "utime", "utimes", "futimesat", "iopl", "ioperm",
           "modify_ldt"}  # fmt: skip
    named = {*seccomp.NEVER, *seccomp.CHANGES_ANY_FILE, *seccomp.SIGNALS}
    assert named <= set(NUMBERS["x86_64"])
    assert named - old <= set(NUMBERS["aarch64"])


@pytest.mark.parametrize("contained", [True, False])
def test_refused_calls_are_refused_by_number(contained: bool) -> None:
    """Past Python: raw system calls, as a program with `ctypes` can make them."""
    names = [*seccomp.NEVER, *(() if contained else (*seccomp.CHANGES_ANY_FILE, *seccomp.SIGNALS))]
    numbers = {n: NUMBERS["x86_64"][n] for n in names}
    program = f"""
import ctypes, errno, platform
assert platform.machine() == "x86_64"
libc = ctypes.CDLL(None, use_errno=True)
def call(number, *arguments):
    ctypes.set_errno(0)
    result = libc.syscall(number, *map(ctypes.c_long, (*arguments, *[0] * (6 - len(arguments)))))
    return result, ctypes.get_errno()
for name, number in {numbers!r}.items():
    assert call(number) == (-1, {errno.EPERM}), (name, call(number))
assert call({NUMBERS["x86_64"]["clone"]}, 0x10000000 | 17)[1] == errno.EPERM
assert call({NUMBERS["x86_64"]["clone"]}, 17)[1] == errno.EAGAIN
assert call({NUMBERS["x86_64"]["clone3"]})[1] == errno.ENOSYS
assert call(463)[1] == call(1 << 20)[1] == errno.ENOSYS
assert call(0x40000000 | 41, 2, 1, 0)[1] == errno.ENOSYS
assert call({NUMBERS["x86_64"]["prlimit64"]}, 0, 9, 1 << 40)[1] == errno.EPERM
assert call({NUMBERS["x86_64"]["ioctl"]}, 0, 0x5412, 0)[1] == errno.EPERM
assert call({NUMBERS["x86_64"]["socketpair"]}, 2, 1, 0)[1] == errno.EPERM
"""
    if not contained:
        program += f"""
import os
assert call({NUMBERS["x86_64"]["fcntl"]}, 0, 10, 9)[1] == errno.EPERM
assert call({NUMBERS["x86_64"]["prctl"]}, 1, 0)[1] == errno.EPERM
assert call({NUMBERS["x86_64"]["kill"]}, 1, 0)[1] == errno.EPERM
assert call({NUMBERS["x86_64"]["kill"]}, os.getpid(), 0) == (0, 0)
"""
    if os.uname().machine != "x86_64":
        pytest.skip("the numbers in this test are those of x86_64")
    with Sandbox(workers=1, packages=True, namespaces=contained) as made:
        try:
            made.isolation()
        except ValueError as error:
            pytest.skip(str(error))
        outcome = made.run(program, "", Limits(memory_bytes=4 << 30))
    assert outcome.passed, outcome


def test_a_machine_without_the_layers_runs_nothing() -> None:
    """Under a filter that knows neither Landlock nor namespaces, as some containers have it."""
    script = f"""
import ctypes, sys
sys.path.insert(0, {str(ROOT)!r})
from evals.sandbox import kernel, landlock, seccomp, run_python
landlock_calls = {{"l1": 444, "l2": 445, "l3": 446, "unshare": 272}}
seccomp.NUMBERS["x86_64"].update(landlock_calls)
seccomp.NEVER = tuple(landlock_calls)
kernel.no_new_privileges()
seccomp.install_filter(fork=True, contained=True, pid=0)
try:
    run_python("x = 1")
except ValueError as error:
    print(error)
"""
    if os.uname().machine != "x86_64":
        pytest.skip("the numbers in this test are those of x86_64")
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=ROOT)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("sandbox: model-written code cannot be confined on this machine")
    assert "namespaces: PermissionError: [Errno 1] unshare: Operation not permitted" in ran.stdout
    assert "Landlock: the kernel has none, or a container hides it" in ran.stdout
    assert "It needs seccomp, and either Landlock (Linux 5.13) or user namespaces." in ran.stdout


def test_a_program_that_cannot_be_confined_is_not_run_and_has_no_outcome(tmp_path: Path) -> None:
    """A layer that was there at the start and fails for one program."""
    script = f"""
import os, sys
sys.path.insert(0, {str(ROOT)!r})
from evals.sandbox import Limits, job, seccomp
from evals.sandbox.confine import Grounds

def fails(**settings):
    raise OSError("no more filters")

seccomp.install_filter = fails
proc = os.open("/proc", os.O_PATH)
grounds = Grounds(proc, False, 0, {str(tmp_path)!r}, (), (), True)
try:
    job.supervise(grounds, "open('ran', 'w')", "", Limits())
except OSError as error:
    print(error)
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert ran.stdout == "confining a program: OSError: no more filters\n", ran.stderr
    assert not list(tmp_path.rglob("ran"))
