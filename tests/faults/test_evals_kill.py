"""Evaluations killed at any row go on from there; several share one cache."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from evals.cache import RowCache

pytestmark = pytest.mark.faults

ROOT = Path(__file__).parents[2]
TESTS = ROOT / "tests" / "evals"

# A worker scores sampled and likelihood rows with the toy engine and writes what it found.
WORKER = """
import sys, time
from dataclasses import asdict
from pathlib import Path
import json
from toy_engine import ToyEngine, echo
from evals.cache import CachedEngine, RowCache
from evals.engines import Request, Sampling

cache, log, out, n, pause = sys.argv[1:]

def slowly(identity, request):
    time.sleep(float(pause))
    return echo(identity, request)

engine = CachedEngine(ToyEngine(answer=slowly, log=Path(log)), RowCache(Path(cache)))
requests = [
    Request(f"prompt {i}", Sampling(max_tokens=8, temperature=0.8, seed=r))
    for i in range(int(n)) for r in range(2)
]
found = {i: asdict(g) for i, g in engine.generate(requests)}
pairs = [(f"context {i}", " yes") for i in range(int(n))]
scored = {i: asdict(x) for i, x in engine.loglikelihood(pairs)}
Path(out).write_text(json.dumps([[found[i] for i in sorted(found)],
                                 [scored[i] for i in sorted(scored)]]))
"""


def start(cache: Path, log: Path, out: Path, n: int, pause: float) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", WORKER, str(cache), str(log), str(out), str(n), str(pause)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}:{TESTS}"},
    )


def rows_in(cache: Path) -> int:
    return sum(f.read_bytes().count(b"\n") for f in cache.glob("*.jsonl"))


def test_a_run_killed_at_any_row_goes_on_there_and_ends_with_the_same_bytes(
    tmp_path: Path,
) -> None:
    n = 60
    whole = start(tmp_path / "fresh", tmp_path / "fresh.log", tmp_path / "fresh.json", n, 0)
    assert whole.wait(timeout=120) == 0
    expected = (tmp_path / "fresh.json").read_bytes()

    cache, log, out = tmp_path / "cache", tmp_path / "log", tmp_path / "out.json"
    cache.mkdir()
    rng = random.Random(5)
    kills = 0
    while True:
        before = rows_in(cache)
        target = before + rng.randrange(1, 25)
        worker = start(cache, log, out, n, 0.004)
        while worker.poll() is None and rows_in(cache) < target:
            time.sleep(0.001)
        if worker.poll() is not None:
            assert worker.returncode == 0
            break
        worker.send_signal(signal.SIGKILL)
        worker.wait()
        kills += 1
        assert rows_in(cache) >= target, "a row that was written is lost"
    assert kills >= 4
    assert out.read_bytes() == expected

    asked = Counter(log.read_text().split())
    # At each kill one request may have been on its way: asked, and not yet answered.
    assert len(asked) == 2 * n
    assert sum(asked.values()) - len(asked) <= kills
    keys = [json.loads(line)["key"] for f in cache.glob("*.jsonl") for line in f.open()
            if line.endswith("}\n")]  # fmt: skip
    assert len(keys) == len(set(keys)) == 3 * n


def test_two_processes_at_once_on_one_cache_lose_and_corrupt_nothing(tmp_path: Path) -> None:
    n = 80
    cache = tmp_path / "cache"
    workers = [
        start(cache, tmp_path / f"{i}.log", tmp_path / f"{i}.json", n, 0.001) for i in range(2)
    ]
    assert [w.wait(timeout=120) for w in workers] == [0, 0]
    assert (tmp_path / "0.json").read_bytes() == (tmp_path / "1.json").read_bytes()
    rows = RowCache(cache)
    keys = {json.loads(line)["key"] for f in cache.glob("*.jsonl") for line in f.open()}
    assert len(keys) == 3 * n
    assert all(rows.get(key) is not None for key in keys)
    third = start(cache, tmp_path / "3.log", tmp_path / "3.json", n, 0)
    assert third.wait(timeout=120) == 0
    assert not (tmp_path / "3.log").exists(), "all was known"
    assert (tmp_path / "3.json").read_bytes() == (tmp_path / "0.json").read_bytes()


def test_one_killed_process_does_not_disturb_another(tmp_path: Path) -> None:
    n = 80
    cache = tmp_path / "cache"
    cache.mkdir()
    doomed = start(cache, tmp_path / "0.log", tmp_path / "0.json", n, 0.004)
    other = start(cache, tmp_path / "1.log", tmp_path / "1.json", n, 0.001)
    while rows_in(cache) < 20:
        time.sleep(0.001)
    doomed.kill()
    doomed.wait()
    assert other.wait(timeout=120) == 0
    assert len(json.loads((tmp_path / "1.json").read_text())[0]) == 2 * n
