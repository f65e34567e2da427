"""Limits hold against hostile expressions, and the pool survives whatever is done to it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from evals.verifiers import Verdict, verifier
from evals.verifiers.math import WORKERS, math
from evals.verifiers.pool import Pool
from evals.verifiers.worker import Limits

SHORT = Limits(cpu_seconds=0.5, wall_seconds=60)
ROOT = Path(__file__).parents[3]
PROGRAM = ROOT / "evals" / "verifiers" / "math_worker.py"
QUESTION = {"reference": "x+1", "answer": "1+x"}
ENDLESS = {"reference": "5", "answer": "9^{9^{9^{9}}}"}
HOSTILE = {
    "a tower of powers": "9^{9^{9^{9}}}",
    "nested parentheses": "(" * 100_000 + "1" + ")" * 100_000,
    "a giant factorial": "(10^{9})!",
    "a factorial of a factorial": "((9!)!)!",
    "a huge sum": r"\sum_{n=1}^{10^{12}} \frac{1}{n^2}",
    "a huge product": r"\prod_{k=1}^{10^{9}} k",
    "a huge binomial": r"\binom{10^9}{5 \cdot 10^8}",
    "nested roots": r"\sqrt{" * 20_000 + "2" + "}" * 20_000,
}


@pytest.fixture
def pool() -> Iterator[Pool]:
    pool = Pool(PROGRAM, 2)
    yield pool
    pool.close()
    assert pool.workers() == ()


def gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def wait_until_gone(pid: int) -> bool:
    for _ in range(600):
        if gone(pid):
            return True
        time.sleep(0.05)
    return False


def hostile_then_harmless() -> tuple[Verdict, Verdict]:
    hostile = math(rf"\boxed{{{HOSTILE['a tower of powers']}}}", "5", limits=SHORT)
    return hostile, math(r"\boxed{1+x}", "x+1")


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_expression_is_stopped_and_the_next_call_works(name: str) -> None:
    verdict = math(rf"\boxed{{{HOSTILE[name]}}}", "5", limits=SHORT)
    assert not verdict.correct
    assert verdict.reason == "timed out: 0.5 s of processor time"
    assert math(r"\boxed{1+x}", "x+1").correct


def test_a_worker_at_its_limit_is_dead_and_replaced(pool: Pool) -> None:
    pool.call(QUESTION, Limits())
    (first,) = pool.workers()
    reply = pool.call(ENDLESS, SHORT)
    assert reply.value is None
    assert pool.workers() == ()
    assert gone(first)
    assert pool.call(QUESTION, Limits()).value == {"equal": True, "reason": "equal"}
    assert pool.workers() != (first,)


def test_the_clock_stops_what_the_processor_time_does_not(pool: Pool) -> None:
    reply = pool.call(ENDLESS, Limits(cpu_seconds=600, wall_seconds=0.5))
    assert reply.stopped == "timed out: 0.5 s on the clock"
    assert pool.workers() == ()


def test_memory_is_limited_and_the_verdict_says_so() -> None:
    limits = Limits(cpu_seconds=60, wall_seconds=120, memory_bytes=120 << 20)
    verdict = math(r"\boxed{(a+b+c+d+e+f)^{60}}", "5x", limits=limits)
    assert verdict == Verdict(False, "(a+b+c+d+e+f)^{60}", "out of memory")
    assert math(r"\boxed{1+x}", "x+1").correct


def test_text_and_whole_numbers_need_no_process() -> None:
    WORKERS.close()
    assert math(r"\boxed{\dfrac{1}{2}}", r"\frac{1}{2}").correct
    assert not math(r"\boxed{17}", "18").correct
    assert WORKERS.workers() == ()


def test_many_threads_share_a_small_pool(pool: Pool) -> None:
    def ask(i: int) -> tuple[bool, int]:
        reply = pool.call({"reference": f"x+{i}", "answer": f"{i + i % 2}+x"}, Limits())
        assert reply.value is not None
        return reply.value["equal"], len(pool.workers())

    with ThreadPoolExecutor(16) as threads:
        answers = list(threads.map(ask, range(200)))
    assert [equal for equal, _ in answers] == [i % 2 == 0 for i in range(200)]
    assert max(running for _, running in answers) <= 2


def test_hostile_and_harmless_calls_at_once_do_not_mix(pool: Pool) -> None:
    def ask(i: int) -> bool:
        reply = pool.call(ENDLESS if i % 4 == 0 else QUESTION, SHORT)
        return reply.value is not None and reply.value["equal"]

    with ThreadPoolExecutor(8) as threads:
        assert list(threads.map(ask, range(16))) == [i % 4 != 0 for i in range(16)]


def test_an_idle_worker_that_was_killed_is_replaced(pool: Pool) -> None:
    pool.call(QUESTION, Limits())
    (pid,) = pool.workers()
    os.kill(pid, signal.SIGKILL)
    assert wait_until_gone(pid)
    assert pool.call(QUESTION, Limits()).value == {"equal": True, "reason": "equal"}


def test_a_worker_killed_at_work_is_no_silent_no(pool: Pool) -> None:
    pool.call(QUESTION, Limits())
    (pid,) = pool.workers()
    threading.Timer(0.3, os.kill, (pid, signal.SIGKILL)).start()
    reply = pool.call(ENDLESS, Limits(cpu_seconds=600, wall_seconds=600))
    assert reply.value is None
    assert reply.stopped == "worker ended with status -9"


def test_a_lost_package_is_an_error_and_no_verdict(tmp_path: Path) -> None:
    source = PROGRAM.read_text(encoding="utf-8").replace("math_verify import", "absent import")
    program = tmp_path / "worker.py"
    program.write_text(source, encoding="utf-8")
    with pytest.raises(ImportError, match="No module named 'absent'"):
        Pool(program, 1).call(QUESTION, Limits())


def test_a_program_that_does_not_start_is_an_error(tmp_path: Path) -> None:
    program = tmp_path / "worker.py"
    program.write_text("raise SystemExit(3)", encoding="utf-8")
    with pytest.raises(RuntimeError, match="did not start: status 3"):
        Pool(program, 1).call(QUESTION, Limits())


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_limits_hold_in_worker_processes(method: str) -> None:
    assert verifier("math")(r"\boxed{1+x}", "x+1").correct
    context = multiprocessing.get_context(method)
    with context.Pool(2) as processes:
        replies = [processes.apply_async(hostile_then_harmless) for _ in range(2)]
        for hostile, harmless in (reply.get(timeout=300) for reply in replies):
            assert hostile.reason.startswith("timed out")
            assert harmless.correct


def test_a_fork_while_threads_are_calling_leaves_both_sides_working(pool: Pool) -> None:
    stop = threading.Event()
    verdicts: list[object] = []

    def keep_asking() -> None:
        while not stop.is_set():
            verdicts.append(pool.call(QUESTION, Limits()).value)

    threads = [threading.Thread(target=keep_asking) for _ in range(3)]
    for thread in threads:
        thread.start()
    statuses = []
    for _ in range(5):
        child = os.fork()
        if child == 0:
            right = pool.call(QUESTION, Limits()).value == {"equal": True, "reason": "equal"}
            os._exit(0 if right else 1)
        statuses.append(os.waitpid(child, 0)[1])
    stop.set()
    for thread in threads:
        thread.join()
    assert statuses == [0] * 5
    assert verdicts
    assert all(v == {"equal": True, "reason": "equal"} for v in verdicts)


LEAVE = """
    import os, signal, sys, threading
    from evals.verifiers.math import WORKERS, math
    from evals.verifiers.worker import Limits
    math(r"\\boxed{1+x}", "x+1")
    if sys.argv[1] == "busy":
        limits = Limits(cpu_seconds=1, wall_seconds=600)
        threading.Thread(
            target=math, args=(r"\\boxed{9^{9^{9^9}}}", "5"), kwargs={"limits": limits}, daemon=True
        ).start()
    print(*WORKERS.workers(), flush=True)
    if sys.argv[2] == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.parametrize("state", ["idle", "busy"])
@pytest.mark.parametrize("end", ["exit", "killed"])
def test_no_worker_outlives_its_parent(state: str, end: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", textwrap.dedent(LEAVE), state, end],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == (0 if end == "exit" else -signal.SIGKILL)
    assert done.stderr == ""
    pids = [int(pid) for pid in done.stdout.split()]
    assert pids
    assert all(wait_until_gone(pid) for pid in pids)
