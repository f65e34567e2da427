"""Programs with several processes: bounded in number, and none is left."""

from __future__ import annotations

import time

import psutil
import pytest

from evals.sandbox import Limits, Sandbox

SEVERAL = Limits(wall_seconds=2.0, cpu_seconds=2, processes=8, threads=8)

LEFT_BEHIND = {
    "a daemon": "import os, time\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
    "        time.sleep(600)\n    os._exit(0)",
    "a deaf daemon": "import os, signal, time\nif os.fork() == 0:\n    os.setsid()\n"
    "    for s in set(signal.Signals) - {signal.SIGKILL, signal.SIGSTOP}:\n"
    "        signal.signal(s, signal.SIG_IGN)\n    time.sleep(600)",
    "zombies": "import os\nfor _ in range(6):\n    if os.fork() == 0: os._exit(0)",
    "orphans that spin": "import os\nfor _ in range(3):\n    if os.fork() == 0:\n"
    "        while True: pass",
    "a command in the background": "import subprocess\n"
    "subprocess.Popen(['/bin/sh', '-c', 'sleep 600 & sleep 600'])",
}


def _descendants() -> list[psutil.Process]:
    """Processes below this one's servers: the programs' own."""
    return [p for server in psutil.Process().children() for p in server.children(recursive=True)]


@pytest.mark.parametrize("name", LEFT_BEHIND)
def test_no_process_outlives_its_program(name: str, contained: Sandbox) -> None:
    assert contained.run(LEFT_BEHIND[name], "", SEVERAL).passed
    assert _descendants() == []


def test_a_fork_bomb_is_bounded_and_ended(contained: Sandbox) -> None:
    started = time.monotonic()
    bomb = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"
    assert contained.run(bomb, "", SEVERAL).status == "timeout"
    assert _descendants() == []
    assert time.monotonic() - started < 60
    assert contained.run("x = 1").passed


def test_processes_are_counted(contained: Sandbox) -> None:
    program = (
        "import os, time\nmade = 0\n"
        "try:\n    while True:\n"
        "        if os.fork() == 0: time.sleep(9); os._exit(0)\n"
        "        made += 1\n"
        "except BlockingIOError: pass\n"
        "assert made == 7 + 8, made"
    )
    assert contained.run(program, "", SEVERAL).passed


def test_commands_and_pools_work(contained: Sandbox) -> None:
    program = (
        "import subprocess, multiprocessing\n"
        "assert subprocess.run(['echo', 'a'], capture_output=True, text=True).stdout == 'a\\n'\n"
        "with multiprocessing.get_context('fork').Pool(2) as pool:\n"
        "    assert pool.map(abs, [-1, -2]) == [1, 2]"
    )
    outcome = contained.run(program, "", SEVERAL)
    assert outcome.passed, outcome


@pytest.mark.parametrize(
    "attack",
    [
        "os.kill(1, 9)",
        "os.kill(os.getppid(), 9)",
        "os.kill(-1, 15)",
        "os.killpg(0, 9)",
        "os.fork() == 0 and os.kill(os.getppid(), 9)",
    ],
)
def test_killing_the_first_process_or_all_ends_only_the_program(
    attack: str, contained: Sandbox
) -> None:
    contained.run(f"import os\n{attack}", "", SEVERAL)
    assert _descendants() == []
    assert contained.run("x = 1").passed


def test_a_child_that_exits_well_does_not_speak_for_its_parent(contained: Sandbox) -> None:
    program = "import os\nif os.fork() == 0: os._exit(0)\nos.wait()"
    assert contained.run(program, "assert False", SEVERAL).status == "failed"


def test_several_processes_without_a_pid_namespace_are_refused_in_words() -> None:
    with Sandbox(workers=1, namespaces=False) as plain:
        try:
            plain.isolation()
        except ValueError as error:
            pytest.skip(f"no Landlock on this machine: {error}")
        with pytest.raises(ValueError, match="processes is above 1, which needs a PID namespace"):
            plain.run("x = 1", "", SEVERAL)
