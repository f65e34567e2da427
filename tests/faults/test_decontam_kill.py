"""A check killed at any instant: the same command again leaves the bytes of an undisturbed one."""

from __future__ import annotations

import gzip
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

HERE = Path(__file__).parent
sys.path += [str(HERE.parent / "decontam"), str(HERE.parent / "harness")]

from planted import left, lines, planted, results, rows, write_items, write_parquet  # noqa: E402
from toys import wait_until  # noqa: E402

pytestmark = pytest.mark.faults

CHECKOUT = HERE.parents[1]

RESULTS = {
    "bad_rows.jsonl", "data", "items.parquet", "matches.parquet", "removed.jsonl", "request.json",
    "review.html", "summary.json",
}  # fmt: skip

SHARDS = 7
"""Of the corpus, when `small_shards.py` cuts it."""


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    folder = tmp_path_factory.mktemp("corpus")
    train = folder / "train"
    (train / "deep").mkdir(parents=True)
    (train / "a.jsonl").write_bytes(lines(rows(90)) + b"{torn\n" + lines(rows(20)))
    (train / "deep" / "b.jsonl.gz").write_bytes(gzip.compress(lines(rows(30)), mtime=0))
    write_parquet(train / "c.parquet", rows(30), 30)
    write_items(folder)
    return folder


def start(corpus, out, *more, program="small_shards.py", **where):
    command = [
        *([sys.executable, str(HERE / program)] if program else [sys.executable, "-m", "decontam"]),
        "clean", str(corpus / "train"), "--against", str(corpus / "items.jsonl"),
        "--allow-bad-rows", "1", "--out", str(out), *more,
    ]  # fmt: skip
    environment = {**os.environ, "WHERE": json.dumps(where), "PYTHONPATH": str(CHECKOUT)}
    return subprocess.Popen(
        command, env=environment, cwd=corpus, text=True, stderr=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip


def ended(process):
    """The exit code of a process, and what it complained of."""
    _, complaint = process.communicate(timeout=60)
    return process.returncode, complaint


def finish(corpus, out, *more, **where):
    code, complaint = ended(start(corpus, out, *more, **where))
    assert code == 0, complaint
    assert left(out) == RESULTS
    return results(out)


@pytest.fixture(scope="module")
def undisturbed(corpus, tmp_path_factory):
    folder = tmp_path_factory.mktemp("undisturbed")
    trace = folder / "trace"
    found = finish(corpus, folder / "out", trace=str(trace))
    assert len(shards_of(trace)) == SHARDS
    flagged = [json.loads(line) for line in found["removed.jsonl"].splitlines()]
    expected = len(planted(90)) + len(planted(20)) + 2 * len(planted(30))
    assert len(flagged) == expected + 1  # and the row that cannot be read
    return found


def shards_of(trace):
    return [line.split()[1] for line in trace.read_text().splitlines()] if trace.exists() else []


def published(out):
    return {p.parent.name for p in out.glob("work/*/??????/shard.json")}


@pytest.fixture(scope="module")
def steps(corpus, tmp_path_factory):
    """The changes that one process makes, in order."""
    folder = tmp_path_factory.mktemp("steps")
    finish(corpus, folder / "out", steps=str(folder / "steps"))
    return (folder / "steps").read_text().splitlines()


def step(steps, begin, nth=0):
    """The number of the nth change that begins so."""
    return [k for k, told in enumerate(steps, start=1) if told.startswith(begin)][nth]


INSTANTS = {
    "before anything": ("os.mkdir .", 0),
    "while the request is written": ("open .request.json", 0),
    "before the request stands": ("os.rename .request.json", 0),
    "before the first shard": ("os.mkdir work", 1),
    "while the first shard is written": ("open work", 0),
    "before the first shard stands": ("os.rename work", 0),
    "after two shards": ("os.rename work", 2),
    "while a later shard is written": ("open work", 14),
    "before the last shard stands": ("os.rename work", SHARDS - 1),
}


def kill_at(corpus, out, tmp_path, number):
    code, complaint = ended(start(corpus, out, steps=str(tmp_path / "steps"), die=number))
    assert code == -signal.SIGKILL, complaint


@pytest.mark.parametrize("instant", INSTANTS)
def test_a_check_killed_while_it_scans_goes_on_and_scans_no_published_shard_again(
    corpus, undisturbed, steps, tmp_path, instant
):
    out, trace = tmp_path / "out", tmp_path / "trace"
    kill_at(corpus, out, tmp_path, step(steps, *INSTANTS[instant]))
    already = published(out)
    assert finish(corpus, out, trace=str(trace)) == undisturbed
    assert not already & set(shards_of(trace))
    assert len(already) + len(shards_of(trace)) == SHARDS


PARTS = ("scanned to cleaned", "cleaned to published", "published")


@pytest.mark.parametrize("part", PARTS)
def test_a_check_killed_before_any_change_after_the_scan_goes_on(
    corpus, undisturbed, steps, tmp_path, part
):
    scanned = step(steps, "os.rename work", SHARDS - 1) + 1
    removal = steps.index("shutil.rmtree work") + 1
    data = removal - len(RESULTS - {"request.json"})
    instants = {
        "scanned to cleaned": (scanned, scanned + 4, data - 3),
        "cleaned to published": (data, data + 1, removal - 3, removal - 1),
        "published": (removal, len(steps)),
    }
    for number in instants[part]:
        out = tmp_path / f"out{number}"
        kill_at(corpus, out, tmp_path, number)
        # The summary comes last and says that all is there.
        assert (out / "summary.json").exists() == (part == "published")
        assert finish(corpus, out) == undisturbed


def test_a_check_killed_again_and_again_ends_as_if_nothing_had_happened(
    corpus, undisturbed, steps, tmp_path
):
    out = tmp_path / "out"
    kill_at(corpus, out, tmp_path, step(steps, "os.rename work", 1))
    for _ in range(3):
        before = published(out)
        kill_at(corpus, out, tmp_path, 20)
        assert published(out) > before
    assert finish(corpus, out) == undisturbed


def test_a_torn_shard_is_no_result(corpus, undisturbed, steps, tmp_path):
    out = tmp_path / "out"
    kill_at(corpus, out, tmp_path, step(steps, "os.rename work", 3))
    (torn,) = (p for p in out.glob("work/*/*") if "." in p.name)
    for path in torn.iterdir():
        path.write_bytes(path.read_bytes()[:-3])
    assert finish(corpus, out) == undisturbed


def test_a_torn_index_is_made_again(corpus, undisturbed, steps, tmp_path):
    out = tmp_path / "out"
    kill_at(corpus, out, tmp_path, step(steps, "os.rename work", 1))
    (work,) = (out / "work").iterdir()
    (work / ".index.1").mkdir()
    (work / ".index.1" / "index.json").write_text("{")
    assert finish(corpus, out, "--workers", "2") == undisturbed


def test_results_of_a_finished_check_are_not_made_again(corpus, undisturbed, tmp_path):
    out = tmp_path / "out"
    finish(corpus, out)
    before = {p: p.stat().st_mtime_ns for p in out.rglob("*")}
    assert finish(corpus, out, trace=str(tmp_path / "trace")) == undisturbed
    assert {p: p.stat().st_mtime_ns for p in out.rglob("*")} == before
    assert shards_of(tmp_path / "trace") == []


def workers_of(driver):
    found = psutil.Process(driver.pid).children()
    return [p.pid for p in found if "spawn_main" in " ".join(p.cmdline())]


def gone(pid):
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


@pytest.fixture
def held(corpus, tmp_path):
    """A check by two workers, each of which waits with a shard, and a file that holds them."""
    hold, trace = tmp_path / "hold", tmp_path / "trace"
    hold.touch()
    driver = start(corpus, tmp_path / "out", "--workers", "2", hold=str(hold), trace=str(trace))
    try:
        wait_until(lambda: len(shards_of(trace)) == 2)
        workers = workers_of(driver)
        yield driver, workers, hold
    finally:
        hold.unlink(missing_ok=True)
        driver.kill()
        driver.communicate()
    wait_until(lambda: all(map(gone, workers)))


def test_a_killed_worker_is_a_clear_error_and_the_same_command_goes_on(
    corpus, undisturbed, held, tmp_path
):
    driver, workers, hold = held
    os.kill(workers[0], signal.SIGKILL)
    hold.unlink()
    code, complaint = ended(driver)
    assert code == 2
    assert complaint.splitlines()[0].startswith("error: a worker died, perhaps for want of memory")
    assert "Traceback" not in complaint
    assert finish(corpus, tmp_path / "out", "--workers", "2") == undisturbed


def test_two_checks_in_one_folder_are_one_too_many(corpus, undisturbed, held, tmp_path):
    driver, _, hold = held
    out = tmp_path / "out"
    code, complaint = ended(start(corpus, out))
    assert (code, complaint) == (2, f"error: another process works in {out}; wait for it\n")
    hold.unlink()
    code, complaint = ended(driver)
    assert code == 0, complaint
    assert results(out) == undisturbed


def test_workers_whose_driver_was_killed_end_by_themselves_and_publish_nothing(
    corpus, undisturbed, held, tmp_path
):
    driver, workers, hold = held
    driver.kill()
    driver.wait()
    wait_until(lambda: all(map(gone, workers)))
    assert published(tmp_path / "out") == set()
    hold.unlink()
    assert finish(corpus, tmp_path / "out", "--workers", "2") == undisturbed


def test_a_check_that_is_told_to_end_says_nothing_and_goes_on_later(
    corpus, undisturbed, held, tmp_path
):
    driver, workers, hold = held
    driver.terminate()
    wait_until(lambda: all(map(gone, workers)))
    assert ended(driver) == (-signal.SIGTERM, "")
    hold.unlink()
    assert finish(corpus, tmp_path / "out", "--workers", "2") == undisturbed


def test_the_next_check_waits_for_a_worker_that_has_not_yet_noticed(
    corpus, undisturbed, held, tmp_path
):
    driver, workers, _ = held
    for pid in workers:
        os.kill(pid, signal.SIGSTOP)
    driver.kill()
    driver.wait()
    trace = tmp_path / "trace"
    trace.unlink()
    second = start(corpus, tmp_path / "out", "--workers", "2", trace=str(trace))
    opened = str(tmp_path / "out" / "work")
    wait_until(lambda: opened in folders_open_in(second))
    assert second.poll() is None
    assert shards_of(trace) == []
    for pid in workers:
        os.kill(pid, signal.SIGCONT)
    code, complaint = ended(second)
    assert code == 0, complaint
    assert results(tmp_path / "out") == undisturbed
    assert left(tmp_path / "out") == RESULTS


def folders_open_in(process):
    """The paths that a process holds open."""
    place = Path(f"/proc/{process.pid}/fd")
    return {str(link.readlink()) for link in place.iterdir() if link.exists()}


def test_the_bytes_are_those_of_the_command_as_it_is(corpus, undisturbed, tmp_path):
    """Nothing but the request's key, which names the size of shards, differs."""
    found = finish(corpus, tmp_path / "out", "--workers", "2", program=None)
    del found["request.json"]
    assert found == {k: v for k, v in undisturbed.items() if k != "request.json"}
