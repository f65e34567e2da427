"""Plans of toy stages, run by real processes."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import toys
from toys import dpo, evaluation, mix, plan_of, promotion, sft, source, whole

from harness import stage as worker
from harness.execute import execute
from harness.job import load_stages
from harness.launch import Preloaded
from harness.preload import GRACE_SECONDS
from harness.progress import Silent
from harness.resolve import resolve_keys
from harness.store import Store

HERE = Path(__file__).parent


@pytest.fixture(autouse=True)
def _workers_find_the_toys(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    monkeypatch.delenv("PYTHONUNBUFFERED", raising=False)


@pytest.fixture
def results(tmp_path):
    return tmp_path / "results"


@pytest.fixture
def trace(tmp_path):
    return Trace(tmp_path / "trace")


class Trace:
    """What was executed, in order, as the workers wrote it down."""

    def __init__(self, path):
        self.path = path
        self.where = {"trace": str(path)}

    def __call__(self):
        lines = self.path.read_text().splitlines() if self.path.exists() else []
        self.path.unlink(missing_ok=True)
        return [json.loads(line) for line in lines]

    def kinds(self):
        return [line["kind"] for line in self()]


class Forbidden:
    """A launcher that must not be used."""

    def __getattr__(self, name):
        raise AssertionError(name)


def out(results, outcome, plan, name):
    kind = next(s.kind for s in plan.stages if s.id == name)
    return Store(results).out(kind, outcome.keys[name])


def test_every_stage_runs_once_after_its_inputs(results, trace):
    plan = whole(**trace.where)
    outcome = toys.run(plan, results)
    assert outcome.ran == tuple(s.id for s in plan.stages)
    assert not outcome.failed
    kinds = trace.kinds()
    assert len(kinds) == len(plan.stages)
    assert kinds.index("mix") < kinds.index("sft") < kinds.index("eval") < kinds.index("promote")
    assert kinds.index("promote") < kinds.index("dpo")
    assert (out(results, outcome, plan, "mix ab") / "rows.jsonl").read_text() == "aaa\nbbb\n"
    assert Store(results).verify() == ()


def test_nothing_is_left_in_the_staging_area(results):
    toys.run(whole(), results)
    assert [p.name for p in (results / "work").iterdir() if p.is_dir()] == []


def test_the_second_run_starts_nothing_and_is_quick(results):
    plan = whole()
    first = toys.run(plan, results)
    began = time.monotonic()
    second = execute(
        plan, Store(results), workers=2, threads=1, hub=None, progress=Silent(),
        stages=toys.AT, launcher=Forbidden(),
    )  # fmt: skip
    assert time.monotonic() - began < 0.5
    assert second.cached == tuple(s.id for s in plan.stages)
    assert second.ran == ()
    assert second.keys == first.keys


def test_an_empty_plan_is_done(results):
    assert toys.run(plan_of(), results).keys == {}


def test_the_record_says_what_ran_and_what_it_cost(results):
    plan = plan_of(source("a", "x", pause=0.2))
    outcome = toys.run(plan, results)
    record = Store(results).record("source", outcome.keys["source a"])
    assert record.label == "source a"
    assert record.params == {"name": "a", "text": "x"}
    assert 0.2 <= record.seconds < 2
    assert record.peak_rss_bytes > 2**20
    assert record.started.endswith("+00:00")
    assert record.expected_key() == record.key


def test_the_log_holds_what_the_stage_said_beyond_python_too(results):
    outcome = toys.run(plan_of(source("a", "x")), results)
    entry = Store(results).entry("source", outcome.keys["source a"])
    said = (entry / "log.txt").read_text().splitlines()
    assert said == ["source begins", "written past Python"]


def test_stages_with_the_same_key_run_once(results, trace):
    twins = [sft("a", 1, **trace.where), sft("b", 1, **trace.where)]
    sources = [source("a", "same"), source("b", "same")]
    plan = plan_of(*sources, mix("a", "a"), mix("b", "b"), *twins)
    outcome = toys.run(plan, results)
    assert outcome.keys[twins[0].id] == outcome.keys[twins[1].id]
    assert set(outcome.ran) == {s.id for s in plan.stages}
    assert trace.kinds() == ["sft"]


def test_a_source_that_produces_the_same_bytes_does_not_run_its_consumers_again(results, trace):
    def plan(name):
        first = source("a", "same")
        renamed = type(first)(first.id, "source", {"name": name, "text": "same"})
        return plan_of(renamed, mix("m", "a"), sft("m", 1))

    before = toys.run(plan("old"), results)
    after = toys.run(plan("new"), results)
    assert after.ran == ("source a",)
    assert after.cached == ("mix m", "sft mix=m seed=1")
    assert before.keys["source a"] != after.keys["source a"]


def test_what_is_consumed_by_key_runs_again_with_its_producer(results):
    plan = plan_of(
        source("a", "x"), mix("m", "a"), sft("m", 1), evaluation("sft mix=m seed=1", "g")
    )
    toys.run(plan, results)
    outcome = toys.run(plan, results, stages="toys:NEWER")
    assert outcome.ran == ("sft mix=m seed=1", "eval g of sft mix=m seed=1")


def test_training_keys_are_known_before_anything_trains(results):
    plan = whole()
    store, kinds = Store(results), load_stages(toys.AT)
    before = resolve_keys(plan, store, kinds)
    assert {name for name, key in before.items() if key} == {"source a", "source b"}
    toys.run(plan_of(*plan.stages[:4]), results)
    between = resolve_keys(plan, store, kinds)
    open_yet = {name for name, key in between.items() if key is None}
    assert open_yet == {"dpo of rank 0", "eval gsm of dpo of rank 0"}
    outcome = toys.run(plan, results)
    assert resolve_keys(plan, store, kinds) == outcome.keys
    assert between.items() - dict.fromkeys(open_yet).items() <= outcome.keys.items()


def test_a_choice_decides_what_is_trained_on(results):
    plan = whole()
    outcome = toys.run(plan, results)
    record = Store(results).record("dpo", outcome.keys["dpo of rank 0"])
    assert record.inputs["start"] == outcome.keys["sft mix=a seed=1"]


@pytest.mark.parametrize(
    ("rank", "ranked", "message"),
    [(2, ["a", "ab"], "ranked 2 arms, not 3"), (0, ["stranger"], "'stranger', which is no cand")],
)
def test_a_choice_that_cannot_be_made_fails_who_needs_it(results, rank, ranked, message):
    arms = {"a": "sft mix=a seed=1"}
    plan = plan_of(
        source("a", "x"), mix("a", "a"), sft("a", 1), promotion(ranked, "sft mix=a seed=1"),
        dpo(rank, arms), evaluation(f"dpo of rank {rank}", "gsm"),
    )  # fmt: skip
    outcome = toys.run(plan, results)
    assert message in outcome.failed[f"dpo of rank {rank}"]
    assert outcome.skipped == (f"eval gsm of dpo of rank {rank}",)


def test_ready_stages_of_a_group_share_a_process_and_others_do_not(results, trace):
    checkpoint = "sft mix=a seed=1"
    evals = [evaluation(checkpoint, b, **trace.where) for b in ("gsm", "math", "ifeval")]
    other = evaluation("sft mix=a seed=2", "gsm", **trace.where)
    toys.run(
        plan_of(source("a", "x"), mix("a", "a"), sft("a", 1), sft("a", 2), *evals, other), results
    )
    pids = [line["pid"] for line in trace()]
    assert sorted(pids.count(pid) for pid in set(pids)) == [1, 3]


def test_no_more_workers_than_asked_for(results, trace):
    stages = [source(f"{n}", str(n), pause=0.1, **trace.where) for n in range(6)]
    began = time.monotonic()
    toys.run(plan_of(*stages), results, workers=2)
    assert time.monotonic() - began >= 0.3


def test_the_longest_way_to_the_end_starts_first(results, trace):
    stages = [source(name, name, **trace.where) for name in "ab"]
    plan = plan_of(*stages, mix("b", "b", **trace.where), sft("b", 1, **trace.where))
    toys.run(plan, results, workers=1)
    assert trace.kinds() == ["source", "mix", "sft", "source"]


def test_a_failure_stops_what_needs_it_and_nothing_else(results):
    plan = plan_of(
        source("a", "x", fail="data/a.jsonl:3: not JSON"), source("b", "y"),
        mix("a", "a"), mix("ab", "a", "b"), mix("b", "b"), sft("a", 1), sft("b", 1),
    )  # fmt: skip
    outcome = toys.run(plan, results)
    assert outcome.failed == {"source a": "data/a.jsonl:3: not JSON"}
    assert outcome.skipped == ("mix a", "mix ab", "sft mix=a seed=1")
    assert outcome.ran == ("source b", "mix b", "sft mix=b seed=1")
    said = outcome.logs["source a"].read_text()
    assert "Traceback" in said
    assert said.splitlines()[-1] == "ERROR: ValueError: data/a.jsonl:3: not JSON"


def test_a_failure_that_is_not_meant_for_people_names_its_type(results):
    outcome = toys.run(
        plan_of(source("a", "x", fail="mat1 and mat2", **{"as": "runtime"})), results
    )
    assert outcome.failed == {"source a": "RuntimeError: mat1 and mat2"}


def test_a_failed_stage_runs_again_next_time(results):
    toys.run(plan_of(source("a", "x", fail="no")), results)
    outcome = toys.run(plan_of(source("a", "x")), results)
    assert outcome.ran == ("source a",)
    assert not outcome.logs


def test_a_worker_that_dies_fails_its_stage_and_the_rest_of_its_group_runs(results):
    checkpoint = "sft mix=a seed=1"
    evals = [
        evaluation(checkpoint, "gsm"),
        evaluation(checkpoint, "math", die="before writing"),
        evaluation(checkpoint, "ifeval"),
    ]
    outcome = toys.run(plan_of(source("a", "x"), mix("a", "a"), sft("a", 1), *evals), results)
    assert outcome.failed == {evals[1].id: "the worker was killed by SIGKILL (out of memory?)"}
    assert {evals[0].id, evals[2].id} <= set(outcome.ran)


@pytest.mark.parametrize(("how", "message"), [("nothing", "rows.jsonl"), ("link", "link")])
def test_a_stage_that_writes_the_wrong_thing_fails(results, how, message):
    plan = plan_of(type(mix("m"))("mix m", "mix", {"how": how}))
    outcome = toys.run(plan, results, stages="toys:BROKEN")
    assert message in outcome.failed["mix m"]
    assert not Store(results).has("mix", outcome.keys["mix m"])


def test_a_damaged_record_is_a_failure_that_names_the_remedy(results):
    plan = plan_of(source("a", "x"), mix("a", "a"))
    outcome = toys.run(plan, results)
    manifest = Store(results).entry("source", outcome.keys["source a"]) / "manifest.json"
    manifest.write_text("{")
    assert "harness.store verify" in toys.run(plan, results).failed["mix a"]


def driver(results, where):
    command = [sys.executable, str(HERE / "toys.py"), str(results), json.dumps(where)]
    return subprocess.Popen(command, stderr=subprocess.PIPE)


def test_two_drivers_on_the_same_results_run_each_stage_once(results, trace):
    where = {"pause": 0.05, **trace.where}
    drivers = [driver(results, where) for _ in range(2)]
    assert [(d.communicate(timeout=30)[1], d.returncode) for d in drivers] == [(b"", 0)] * 2
    assert len(trace()) == len(whole().stages)
    assert Store(results).verify() == ()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_driver_ends_its_workers_and_publishes_nothing_half(results, trace, number):
    process = driver(results, {"pause": 30, **trace.where})
    toys.wait_until(lambda: trace.path.exists() and "\n" in trace.path.read_text())
    process.send_signal(number)
    assert process.wait(timeout=GRACE_SECONDS - 1) == 130
    for line in trace():
        with pytest.raises(ProcessLookupError):
            os.kill(line["pid"], 0)
    assert list(Store(results).records()) == []
    assert toys.run(whole(), results).failed == {}


def test_a_worker_waits_for_a_stage_another_process_is_at(results):
    store = Store(results)
    plan = plan_of(source("a", "x"))
    key = resolve_keys(plan, store, load_stages(toys.AT))["source a"]
    with store.lock(key):
        process = subprocess.Popen(
            [sys.executable, "-c",
             "import toys, sys; from pathlib import Path;"
             "toys.run(toys.plan_of(toys.source('a', 'x')), Path(sys.argv[1]))", str(results)],
        )  # fmt: skip
        log = results / "work" / "preload-light.log"
        message = "source a: waiting for another process"
        toys.wait_until(lambda: log.exists() and message in log.read_text())
        assert not store.has("source", key)
    assert process.wait(timeout=10) == 0
    assert store.has("source", key)


def test_the_worker_can_be_run_by_hand(results, capfd):
    plan = plan_of(source("a", "x", fail="try again"))
    key = toys.run(plan, results).keys["source a"]
    arguments = [key, "--results", str(results), "--stages", toys.AT]
    assert worker.main(arguments) == worker.FAILED
    stage_json = results / "work" / key / "stage.json"
    body = json.loads(stage_json.read_text())
    stage_json.write_text(json.dumps({**body, "where": {}}))
    assert worker.main(arguments) == 0
    assert Store(results).has("source", key)
    assert worker.main(arguments) == 0
    assert worker.main(["0" * 64, "--results", str(results), "--stages", toys.AT]) == worker.FAILED
    assert "no request for stage 000" in capfd.readouterr().err


def test_a_request_whose_code_changed_since_is_refused(results):
    plan = plan_of(source("a", "x"), mix("m", "a"), sft("m", 1, fail="later"))
    key = toys.run(plan, results).keys["sft mix=m seed=1"]
    arguments = [key, "--results", str(results), "--stages", "toys:NEWER"]
    assert worker.main(arguments) == worker.FAILED
    assert "code_version is 2 now" in (results / "work" / key / "error.json").read_text()


def test_a_server_that_cannot_import_fails_its_stages_and_says_why(results):
    launcher = Preloaded(results, stages=toys.AT, modules=["no_such_module"])
    outcome = execute(
        plan_of(source("a", "x"), mix("m", "a"), sft("m", 1)),
        Store(results), workers=2, threads=1, hub=None, progress=Silent(), stages=toys.AT,
        launcher=launcher,
    )  # fmt: skip
    assert outcome.ran == ("source a", "mix m")
    assert "No module named 'no_such_module'" in outcome.failed["sft mix=m seed=1"]


def test_workers_share_what_the_server_imported_and_get_the_threads_asked_for(results):
    launcher = Preloaded(results, stages="toys:TORCH", modules=["torch", "pyarrow"])
    plan = plan_of(source("a", "x"), mix("m", "a"), sft("m", 1), sft("m", 2))
    began = time.monotonic()
    outcome = execute(
        plan, Store(results), workers=2, threads=2, hub=None, progress=Silent(),
        stages="toys:TORCH", launcher=launcher,
    )  # fmt: skip
    assert outcome.failed == {}
    assert time.monotonic() - began < 20
    said = (out(results, outcome, plan, "sft mix=m seed=2") / "rows.jsonl").read_text()
    assert json.loads(said) == [2, 300.0**3]
    record = Store(results).record("sft", outcome.keys["sft mix=m seed=2"])
    assert record.seconds < 1
    assert "WARNING" not in (results / "work" / "preload-heavy.log").read_text()
