"""The sandbox as it is used: results, limits, threads, processes, errors in words."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from evals.sandbox import Limits, Outcome, Program, Sandbox, isolation, run_python

RIGHT = ("def f(x):\n    return x + 1", "assert f(1) == 2")


def test_a_right_program_passes_and_a_wrong_one_says_why() -> None:
    assert run_python(RIGHT[0], tests=RIGHT[1]) == Outcome("passed", "ran to the end")
    wrong = run_python(RIGHT[0], tests="assert f(1) == 3, 'not three'")
    assert wrong == Outcome("failed", "AssertionError: not three")


def test_results_come_in_the_order_of_the_programs(sandbox: Sandbox) -> None:
    slow = Program("import time; time.sleep(0.4)")
    programs = [slow, *(Program(f"assert {i} % 3") for i in range(20)), slow]
    expected = [True, *(i % 3 != 0 for i in range(20)), True]
    assert [o.passed for o in sandbox.run_all(programs)] == expected


def test_the_same_program_always_has_the_same_result(sandbox: Sandbox) -> None:
    program = (
        "import random\n"
        "raise ValueError(random.random(), hash('a'), list({'x', 'y', 'z'}), id(None) > 0)"
    )
    details = {o.detail for o in sandbox.run_all([Program(program)] * 12)}
    assert len(details) == 1


def test_programs_know_nothing_of_each_other(sandbox: Sandbox) -> None:
    first = "import math, sys, builtins\nmath.pi = 3; sys.x = 1; builtins.y = 2"
    second = "import math, sys, builtins\nassert math.pi > 3.1\n"
    second += "assert not hasattr(sys, 'x') and not hasattr(builtins, 'y')"
    for _ in range(6):
        assert sandbox.run(first).passed
        assert sandbox.run(second).passed


def test_a_program_has_the_standard_library_and_a_folder(sandbox: Sandbox) -> None:
    program = (
        "import asyncio, csv, dataclasses, datetime, decimal, io, json, logging, os, pathlib\n"
        "import pickle, sqlite3, tempfile, threading, unittest, uuid, zoneinfo\n"
        "import concurrent.futures\n"
        "async def three(): await asyncio.sleep(0); return 3\n"
        "assert asyncio.run(three()) == 3\n"
        "pathlib.Path('a.txt').write_text('å'); assert open('a.txt').read() == 'å'\n"
        "assert os.path.expanduser('~') == os.getcwd()\n"
        "with tempfile.TemporaryDirectory() as d: open(d + '/x', 'w').close()\n"
        "@dataclasses.dataclass\nclass P:\n    x: 'int' = 1\n"
        "assert pickle.loads(pickle.dumps(P(2))) == P(2)\n"
        "with concurrent.futures.ThreadPoolExecutor(4) as pool:\n"
        "    assert list(pool.map(abs, [-1, 2])) == [1, 2]\n"
        "assert uuid.uuid4() != uuid.uuid4()\n"
        "sqlite3.connect(':memory:').execute('select 1')\n"
    )
    outcome = sandbox.run(program)
    assert outcome.passed, outcome


def test_packages_are_there_when_asked_for() -> None:
    program = "import numpy\nassert numpy.linalg.det(numpy.eye(9)) == 1"
    limits = Limits(memory_bytes=4 << 30, wall_seconds=60, cpu_seconds=30)
    assert not run_python(program, limits=limits).passed
    outcome = run_python(program, limits=limits, packages=True)
    assert outcome.passed, outcome


def test_packages_installed_below_the_folder_for_temporary_files_are_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = tmp_path / "site-packages"
    packages.mkdir()
    (packages / "found_below_tmp.py").write_text("x = 7")
    for folder in (tmp_path, *tmp_path.parents[:-2]):
        folder.chmod(folder.stat().st_mode | 0o055)
    monkeypatch.syspath_prepend(str(packages))
    with Sandbox(packages=True) as sandbox:
        outcome = sandbox.run("import found_below_tmp\nassert found_below_tmp.x == 7")
    assert outcome.passed, outcome


def test_threads_share_a_sandbox(sandbox: Sandbox) -> None:
    def both(_: int) -> tuple[bool, bool]:
        return sandbox.run(*RIGHT).passed, sandbox.run(RIGHT[0], "assert f(1) == 1").passed

    with ThreadPoolExecutor(12) as pool:
        assert set(pool.map(both, range(24))) == {(True, False)}


def _in_a_process(value: int) -> bool:
    return run_python(RIGHT[0], tests=f"assert f({value}) == {value + 1}").passed


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_worker_processes_have_their_own(method: str) -> None:
    assert _in_a_process(0)
    context = multiprocessing.get_context(method)
    with ProcessPoolExecutor(2, mp_context=context) as pool:
        assert all(pool.map(_in_a_process, range(4)))
    assert _in_a_process(1)


def test_it_works_off_the_main_thread() -> None:
    found: list[bool] = []
    thread = threading.Thread(target=lambda: found.append(_in_a_process(5)))
    thread.start()
    thread.join()
    assert found == [True]


def test_a_server_that_dies_is_an_error_and_the_next_call_starts_another() -> None:
    with Sandbox(workers=1) as made:
        assert made.run(*RIGHT).passed
        server = _servers()[-1]
        server.kill()
        server.wait()
        with pytest.raises(RuntimeError, match="server"):
            made.run(*RIGHT)
        assert made.run(*RIGHT).passed


def _servers() -> list[psutil.Process]:
    """This process's servers, the newest last."""
    found = [p for p in psutil.Process().children() if "evals.sandbox" in " ".join(p.cmdline())]
    return sorted(found, key=lambda p: (p.create_time(), p.pid))


def test_servers_end_when_their_owner_is_killed() -> None:
    context = multiprocessing.get_context("spawn")
    told, tells = context.Pipe()
    owner = context.Process(target=_own, args=(tells,))
    owner.start()
    assert told.poll(60)
    servers = [psutil.Process(pid) for pid in told.recv()]
    assert servers
    owner.kill()
    owner.join()
    gone, alive = psutil.wait_procs(servers, timeout=20)
    assert gone
    assert not alive


def _own(tells: multiprocessing.connection.Connection) -> None:
    assert _in_a_process(1)
    tells.send([p.pid for p in psutil.Process().children()])
    time.sleep(600)


def test_limits_are_above_zero() -> None:
    with pytest.raises(ValueError, match=r"limits\.cpu_seconds is 0; it must be above zero"):
        Limits(cpu_seconds=0)
    with pytest.raises(ValueError, match="workers is 0"):
        Sandbox(workers=0)


def test_a_machine_that_stands_still_does_not_make_a_program_late(sandbox: Sandbox) -> None:
    """Server and program are stopped for longer than the limit, as by a frozen container."""
    limits = Limits(wall_seconds=1.5)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(sandbox.run, "import time; time.sleep(0.8)", "", limits)
        time.sleep(0.4)
        below = [p for s in _servers() for p in (s, *s.children(recursive=True))]
        for process in below:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.suspend()
        time.sleep(2.0)
        for process in reversed(below):
            with contextlib.suppress(psutil.NoSuchProcess):
                process.resume()
        assert below
        assert waiting.result().passed


def test_isolation_names_what_holds() -> None:
    found = isolation()
    assert {"seccomp", "resource limits", "no new privileges"} <= set(found.holds)
    assert any(layer.startswith("Landlock") for layer in found.holds) or (
        "mount namespace" in found.holds
    )
    assert not set(found.holds) & set(found.missing)


def test_a_sandbox_without_namespaces_says_what_is_missing() -> None:
    with Sandbox(workers=1, namespaces=False) as plain:
        try:
            found = plain.isolation()
        except ValueError as error:
            pytest.skip(f"no Landlock on this machine: {error}")
    assert found.missing["namespaces"] == "OSError: not asked for"
    assert "count of threads" in (*found.holds, *found.missing)
    assert os.getuid() != 0 or "unprivileged user" in (*found.holds, *found.missing)
