"""SIGKILL at any instant: the same command again finishes the job, as if nothing had happened."""

import fcntl
import json
import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from harness.store import Store

TOYS = Path(__file__).parents[1] / "harness" / "toys.py"
sys.path.append(str(TOYS.parent))

from toys import wait_until  # noqa: E402

pytestmark = pytest.mark.faults


def start(results, **where):
    environment = {**os.environ, "PYTHONPATH": str(TOYS.parent)}
    command = [sys.executable, str(TOYS), str(results), json.dumps(where)]
    return subprocess.Popen(command, env=environment)


def finish(results, **where):
    assert start(results, **where).wait(timeout=30) == 0


def published(results):
    """What the store holds, without when and where it was made."""
    records = Store(results).records()
    return {(r.kind, r.key): (r.outputs, r.digest, r.inputs, r.params) for r in records}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    results = tmp_path_factory.mktemp("undisturbed") / "results"
    finish(results)
    return published(results)


@pytest.fixture
def results(tmp_path):
    return tmp_path / "results"


def assert_as_if_nothing_had_happened(results, undisturbed):
    store = Store(results)
    assert published(results) == undisturbed
    assert store.verify() == ()
    # An orphan that has just published may still be sweeping up.
    wait_until(lambda: not [*staged(results), *held_locks(results)])


def staged(results):
    return [p for p in (results / "work").iterdir() if p.is_dir()]


def held_locks(results):
    for path in (results / "locks").iterdir():
        with path.open() as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield path


def processes_of(driver):
    """The driver's servers and workers, by role."""
    found = {"driver": [driver.pid], "server": [], "worker": []}
    with suppress(psutil.NoSuchProcess):
        for server in psutil.Process(driver.pid).children():
            found["server"].append(server.pid)
            found["worker"] += [worker.pid for worker in server.children()]
    return found


def wait_for_worker(driver):
    wait_until(lambda: processes_of(driver)["worker"])
    return processes_of(driver)


def gone(pid):
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def kill(pids):
    for pid in pids:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize(
    "instant", ["before writing", "while writing", "before rename", "after rename"]
)
def test_every_worker_killed_once_at_one_instant(results, undisturbed, instant):
    for _ in range(12):
        if start(results, die=instant).wait(timeout=30) == 0:
            break
        assert published(results).items() <= undisturbed.items()
    # One more, for what the last kill left behind.
    finish(results, die=instant)
    assert_as_if_nothing_had_happened(results, undisturbed)


@pytest.mark.parametrize("attempt", range(4))
def test_a_stage_is_in_the_store_all_at_once(results, attempt):
    driver = start(results, files=300)
    wait_until(lambda: [*results.glob("store/sft/*/*")])
    found = processes_of(driver)
    kill([*found["driver"], *found["server"], *found["worker"]])
    driver.wait()
    assert Store(results).verify() == ()


def test_what_a_dead_worker_had_started_does_not_keep_its_lock(results, undisturbed):
    for _ in range(12):
        if start(results, die="leaving a child").wait(timeout=30) == 0:
            break
    assert_as_if_nothing_had_happened(results, undisturbed)


def test_an_orphaned_worker_publishes_and_the_next_run_uses_it(results, undisturbed, tmp_path):
    trace = tmp_path / "trace"
    driver = start(results, pause=0.5, trace=str(trace))
    found = wait_for_worker(driver)
    wait_until(trace.exists)
    kill(found["driver"])
    driver.wait()
    found["worker"] += [json.loads(line)["pid"] for line in trace.read_text().splitlines()]
    wait_until(lambda: all(gone(pid) for pid in [*found["worker"], *found["server"]]))
    survived = published(results)
    assert survived
    assert survived.items() <= undisturbed.items()
    finish(results, trace=str(trace))
    assert len(trace.read_text().splitlines()) == len(undisturbed)
    assert_as_if_nothing_had_happened(results, undisturbed)


def test_the_next_run_waits_for_an_orphan_instead_of_repeating_it(results, undisturbed, tmp_path):
    trace = tmp_path / "trace"
    driver = start(results, pause=0.5, trace=str(trace))
    wait_until(trace.exists)
    kill([driver.pid])
    driver.wait()
    finish(results, trace=str(trace))
    assert len(trace.read_text().splitlines()) == len(undisturbed)
    assert_as_if_nothing_had_happened(results, undisturbed)


def test_a_killed_server_is_started_again_and_its_orphans_are_waited_for(
    results, undisturbed, tmp_path
):
    trace = tmp_path / "trace"
    driver = start(results, pause=0.1, trace=str(trace))
    kill(wait_for_worker(driver)["server"])
    assert driver.wait(timeout=30) == 0
    assert len(trace.read_text().splitlines()) == len(undisturbed)
    assert_as_if_nothing_had_happened(results, undisturbed)


def test_training_checkpoints_survive_a_kill(results):
    driver = start(results, die="while writing")
    assert driver.wait(timeout=30) == 3
    marks = list((results / "work").glob("*/scratch/died"))
    assert marks
    finish_all = [start(results, die="while writing").wait(timeout=30) for _ in range(8)]
    assert finish_all[-1] == 0


@pytest.mark.parametrize("seed", range(10))
def test_anybody_killed_at_random_instants(results, undisturbed, seed):
    random_ = random.Random(seed)
    for _ in range(3):
        driver = start(results, pause=0.02)
        for _ in range(3):
            time.sleep(random_.uniform(0, 0.35))
            role = random_.choice(["driver", "server", "worker", "worker", "worker"])
            kill(processes_of(driver)[role][:1])
        if driver.poll() is None and random_.random() < 0.5:
            kill([driver.pid])
        driver.wait(timeout=30)
        assert published(results).items() <= undisturbed.items()
    finish(results)
    assert_as_if_nothing_had_happened(results, undisturbed)
