"""Programs that try to get out, or to take more than is theirs.

Most judge from inside whether they were refused, and pass if so; what they could have done outside
is looked at there.
"""

from __future__ import annotations

import os
import resource
from collections.abc import Mapping
from pathlib import Path

import pytest

from evals.sandbox import Limits, Outcome, Program, Sandbox

ROOT = Path(__file__).parents[3]
SMALL = Limits(
    wall_seconds=10, cpu_seconds=5, memory_bytes=600 << 20, file_bytes=1 << 20,
    disk_bytes=4 << 20, threads=20,
)  # fmt: skip
SHORT = Limits(wall_seconds=0.7, cpu_seconds=1)

PRELUDE = """\
import os, sys
def refused(attempt, *arguments, errors=(OSError,)):
    try:
        attempt(*arguments)
    except errors:
        return
    raise AssertionError(f"granted: {attempt} {arguments}")
def refused_write(path):
    for mode in ("w", "a", "r+", "x"):
        refused(open, path, mode)
"""

REFUSED = {
    "internet sockets": """
        import socket
        for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_RAW):
            refused(socket.socket, socket.AF_INET, kind)
            refused(socket.socket, socket.AF_INET6, kind)""",
    "local sockets": """
        import socket
        refused(socket.socket, socket.AF_UNIX)
        refused(socket.socket, socket.AF_NETLINK, socket.SOCK_RAW)
        refused(socket.socketpair, socket.AF_INET)""",
    "names of hosts": """
        import socket
        refused(socket.getaddrinfo, "example.com", 80)
        refused(socket.create_connection, ("127.0.0.1", 80))""",
    "web pages": """
        import urllib.request
        refused(urllib.request.urlopen, "http://127.0.0.1:8000/")""",
    "files of the system": """
        for path in ("/etc/hosts", "/usr/lib/x", "/bin/sh", "/root/x", "/x", "/home/x",
                     "/var/tmp/x", "/proc/sys/kernel/core_pattern"):
            refused_write(path)""",
    "the repository": """
        refused_write({repository!r} + "/pyproject.toml")
        refused(open, {repository!r} + "/pyproject.toml")
        refused(os.listdir, {repository!r})
        refused(os.unlink, {repository!r} + "/pyproject.toml")""",
    "a file of the owner's": """
        refused_write({victim!r})
        refused(open, {victim!r})
        refused(os.unlink, {victim!r})
        refused(os.rename, {victim!r}, "mine")
        refused(os.truncate, {victim!r}, 0)
        refused(os.chmod, {victim!r}, 0o777)
        refused(os.utime, {victim!r}, (0, 0))
        refused(os.link, {victim!r}, "mine")
        refused(os.rmdir, os.path.dirname({victim!r}))
        refused(os.setxattr, {victim!r}, "user.x", b"x")""",
    "links to a file of the owner's": """
        os.symlink({victim!r}, "link")
        refused_write("link")
        refused(open, "link")
        os.symlink(os.path.dirname({victim!r}), "folder")
        refused_write("folder/new")
        refused(os.chmod, "link", 0o777)
        refused(open, "/proc/self/root" + {victim!r})
        refused(open, "/proc/self/cwd/../../" + {victim!r})""",
    "the passwords": """
        refused(open, "/etc/shadow")
        refused(open, "/etc/passwd")
        refused(os.listdir, "/root/.ssh")""",
    "devices": """
        import stat
        refused(os.mknod, "disk", stat.S_IFBLK | 0o600, os.makedev(8, 0))
        refused(os.mknod, "memory", stat.S_IFCHR | 0o600, os.makedev(1, 1))
        refused(open, "/dev/mem")
        refused(open, "/dev/tty")""",
    "the owner's environment": """
        assert "OWNERS_SECRET" not in os.environ and "do-not-tell" not in str(os.environb)
        assert set(os.environ) <= {{"HOME", "TMPDIR", "USER", "LOGNAME", "PATH", "LANG",
            "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"}}
        for pid in ("self", "1", str(os.getppid()), "{owner}"):
            refused(open, f"/proc/{{pid}}/environ")
            refused(open, f"/proc/{{pid}}/mem", "rb")
            refused(open, f"/proc/{{pid}}/cmdline")""",
    "other processes": """
        import signal
        refused(os.kill, {owner}, signal.SIGKILL)
        refused(os.kill, -1, signal.SIGKILL)
        refused(os.killpg, {owner}, signal.SIGKILL)
        refused(os.pidfd_open, {owner})
        try:
            os.kill(os.getppid(), signal.SIGKILL)
        except PermissionError:
            pass""",
    "a second process": """
        import subprocess, multiprocessing
        refused(os.fork)
        refused(subprocess.run, ["/bin/true"])
        refused(os.posix_spawn, "/bin/true", ["true"], {{}})
        refused(multiprocessing.get_context("fork").Process(target=print).start)
        assert os.system("true") != 0""",
    "its limits": """
        import resource
        errors = (OSError, ValueError)
        for which in (resource.RLIMIT_AS, resource.RLIMIT_CPU, resource.RLIMIT_NOFILE):
            hard = resource.getrlimit(which)[1]
            refused(resource.setrlimit, which, (hard, hard), errors=errors)
            refused(resource.setrlimit, which, (-1, -1), errors=errors)
        refused(os.nice, -5)""",
    "rights": """
        refused(os.setuid, 12)
        refused(os.setgroups, [0])
        refused(os.chroot, ".")
        refused(os.sethostname if hasattr(os, "sethostname") else os.chroot, "/")
        import socket
        refused(socket.sethostname, "mine")
        import time
        refused(time.clock_settime, time.CLOCK_REALTIME, 0.0)""",
    "the harness": """
        for name in ("evals", "evals.sandbox", "decontam", "pytest", "numpy", "lm_eval"):
            refused(__import__, name, errors=(ImportError,))
        assert not [m for m in sys.modules if m.startswith(("evals", "ctypes", "_ctypes"))]
        assert not vars(sys.modules["__main__"]).get("main")""",
    "memory at will": """
        for name in ("ctypes", "_ctypes", "_testcapi", "_testinternalcapi"):
            refused(__import__, name, errors=(ImportError,))
        refused(open, "/proc/self/mem", "r+b")
        refused(open, "/proc/self/maps")""",
    "more than its share of files": """
        held = []
        def hoard():
            while True:
                held.append(open("/dev/null"))
        refused(hoard)
        assert len(held) < 64""",
    "a file that is too long": """
        def write():
            with open("long", "wb") as stream:
                for _ in range(64):
                    stream.write(bytes(1 << 16))
        refused(write)
        assert os.path.getsize("long") <= 1 << 20""",
    "standard input": """
        assert sys.stdin.read() == ""
        refused(input, errors=(EOFError,))""",
    "numbers too long to print": """
        refused(print, 10 ** 10_000, errors=(ValueError,))""",
    "recursion without end": """
        def down(): down()
        refused(down, errors=(RecursionError,))""",
    "threads without end": """
        import threading
        stop = threading.Event()
        threads = []
        def start():
            for _ in range(2_000):
                threads.append(threading.Thread(target=stop.wait, daemon=True))
                threads[-1].start()
        refused(start, errors=(RuntimeError, MemoryError))
        stop.set()""",
}  # fmt: skip

ENDS = {
    "memory in one piece": ("x = bytearray(8 << 30)", SMALL, {"memory"}),
    "memory bit by bit": ("x = []\nwhile True: x.append(bytes(1 << 20))", SMALL, {"memory"}),
    "a power tower": ("x = 1 << (1 << 40)", SMALL, {"memory"}),
    "spinning": ("while True: pass", SHORT, {"timeout"}),
    "processor time": (
        "while True: pass", Limits(cpu_seconds=1, wall_seconds=20), {"timeout"}),
    "processor time, its signal ignored": (
        "import signal\nsignal.signal(signal.SIGXCPU, signal.SIG_IGN)\nwhile True: pass",
        Limits(cpu_seconds=1, wall_seconds=20), {"timeout"}),
    "spinning in C": ("x = 3 ** (10 ** 8) % 7", SHORT, {"timeout"}),
    "a regular expression": ("import re; re.match('(a+)+b', 'a' * 40)", SHORT, {"timeout"}),
    "sleeping": ("import time; time.sleep(1_000)", SHORT, {"timeout"}),
    "deaf and sleeping": (
        "import signal, time, os\n"
        "for s in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:\n"
        "    signal.signal(s, signal.SIG_IGN)\n"
        "while True: time.sleep(1)", SHORT, {"timeout"}),
    "catching everything": (
        "import time\nwhile True:\n try: time.sleep(9)\n except BaseException: pass",
        SHORT, {"timeout"}),
    "stopping itself": ("import os, signal; os.kill(os.getpid(), signal.SIGSTOP)",
                        SHORT, {"timeout"}),
    "waiting for its threads": (
        "import threading, time\n"
        "t = threading.Thread(target=time.sleep, args=(99,)); t.start(); t.join()",
        SHORT, {"timeout"}),
    "a segmentation fault": (
        "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", SMALL, {"killed"}),
    "abort": ("import os; os.abort()", SMALL, {"killed"}),
    "the end of the stack": (
        "import sys\nsys.setrecursionlimit(10 ** 9)\n"
        "class A:\n def __getattr__(self, name): return getattr(self, name + 'x')\n"
        "A().x", SMALL, {"killed", "failed", "memory"}),
    "an exception that cannot be shown": (
        "class E(Exception):\n def __str__(self): raise self\nraise E", SMALL, {"failed"}),
    "an exception that shows itself for ever": (
        "class E(Exception):\n def __str__(self):\n  while True: pass\nraise E",
        SHORT, {"timeout"}),
    "text that is no Python": ("def f(:", SMALL, {"failed"}),
    "a null byte": ("x = '\0'", SMALL, {"failed"}),
    "half a character": ("x = '\ud800'", SMALL, {"failed", "passed"}),
    "brackets without end": ("(" * 100_000, SMALL, {"failed", "memory"}),
    "operators without end": ("-" * 100_000 + "1", SMALL, {"failed", "memory", "killed"}),
}  # fmt: skip


@pytest.fixture(scope="module")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("owner") / "thesis.txt"
    path.write_text("years of work")
    return path


@pytest.fixture(scope="module")
def outcomes(sandbox: Sandbox, victim: Path) -> Mapping[str, Outcome]:
    """All programs, run at the same time."""
    known = {"repository": str(ROOT), "victim": str(victim), "owner": os.getpid()}
    programs = {
        name: Program(PRELUDE + _dedented(text.format(**known)), "", SMALL)
        for name, text in REFUSED.items()
    } | {name: Program(text, "", limits) for name, (text, limits, _) in ENDS.items()}
    return dict(zip(programs, sandbox.run_all(programs.values()), strict=True))


def _dedented(text: str) -> str:
    return "\n".join(line.removeprefix(" " * 8) for line in text.split("\n"))


@pytest.mark.parametrize("name", REFUSED)
def test_a_program_is_refused(name: str, outcomes: Mapping[str, Outcome]) -> None:
    assert outcomes[name] == Outcome("passed", "ran to the end")


@pytest.mark.parametrize("name", ENDS)
def test_a_program_is_ended(name: str, outcomes: Mapping[str, Outcome]) -> None:
    assert outcomes[name].status in ENDS[name][2], outcomes[name]


def test_the_owners_file_is_as_it_was(outcomes: Mapping[str, Outcome], victim: Path) -> None:
    assert outcomes
    assert victim.read_text() == "years of work"
    assert [p.name for p in victim.parent.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("folder", ["/tmp", "..", "/dev/shm", "/var/tmp"])
def test_what_is_written_elsewhere_does_not_arrive(sandbox: Sandbox, folder: str) -> None:
    name = f"escaped-{os.getpid()}"
    program = f"open({folder!r} + '/{name}', 'w').write('x')"
    sandbox.run(program, "", SMALL)
    assert not any((Path(place) / name).exists() for place in ("/tmp", "/dev/shm", "/var/tmp"))
    again = f"import os; assert not os.path.exists({folder!r} + '/{name}')"
    assert sandbox.run(again, "", SMALL).passed


def test_files_do_not_outlast_their_program(sandbox: Sandbox) -> None:
    write = "import os\nassert os.listdir() == []\nopen('x', 'w').write('x'); os.mkdir('y')"
    assert all(sandbox.run(write, "", SMALL).passed for _ in range(5))


def test_a_deep_tree_and_odd_rights_are_cleared_away(sandbox: Sandbox) -> None:
    program = (
        "import os\n"
        "os.mkdir('shut', 0o000); os.mkfifo('pipe'); os.symlink('/', 'root')\n"
        "for i in range(300):\n    os.mkdir('down'); os.chdir('down')\n"
    )
    assert sandbox.run(program, "", SMALL).passed
    assert sandbox.run("import os; assert os.listdir() == []", "", SMALL).passed


def test_output_without_end_does_not_fill_the_owners_memory(sandbox: Sandbox) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    program = (
        "import sys, os\n"
        "for _ in range(300):\n    print('x' * (1 << 20))\n    sys.stderr.write('y' * (1 << 20))\n"
        "    os.write(1, bytes(1 << 20))"
    )
    assert sandbox.run(program, "", SMALL).passed
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 64 << 10


def test_garbage_in_every_descriptor_ends_in_time(sandbox: Sandbox) -> None:
    program = (
        "import os\nfor fd in range(64):\n"
        "    try:\n        while True: os.write(fd, bytes(4096))\n    except OSError: pass"
    )
    assert sandbox.run(program, "", SHORT).status in ("timeout", "failed")
    assert sandbox.run("x = 1").passed
