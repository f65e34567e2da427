"""Suites: the shipped ones load and name what exists; a wrong file is refused by key."""

from __future__ import annotations

import json
from dataclasses import asdict
from importlib.util import find_spec
from pathlib import Path

import pytest

from evals.judged import JUDGED
from evals.lm_eval_tasks import task_members
from evals.load_items import item_sources
from evals.mini import BENCHMARKS
from evals.suite import Benchmark, Suite, benchmark_from, load_suite, suite_names

SHIPPED = ["judged", "mini-dev", "mini-unseen", "smoke", "tulu3-dev", "tulu3-unseen"]
# The task `ifbench` comes with the constraint checkers.
MISSING = set() if find_spec("evals.ifeval") else {"ifbench"}
ALL = [(name, b) for name in SHIPPED for b in load_suite(name).benchmarks if b.task not in MISSING]


def ids(case: tuple[str, Benchmark]) -> str:
    return f"{case[0]}/{case[1].name}"


def test_these_suites_ship() -> None:
    assert suite_names() == SHIPPED


@pytest.mark.parametrize("case", ALL, ids=ids)
def test_every_task_of_a_shipped_suite_exists(case: tuple[str, Benchmark]) -> None:
    task = case[1].task
    assert task in JUDGED or task_members(task)


@pytest.mark.parametrize("case", ALL, ids=ids)
def test_every_benchmark_of_a_shipped_suite_has_its_items_somewhere(
    case: tuple[str, Benchmark],
) -> None:
    task = case[1].task
    assert task in BENCHMARKS or item_sources(task)


@pytest.mark.parametrize("case", ALL, ids=ids)
def test_a_metric_that_counts_is_one_of_the_tasks(case: tuple[str, Benchmark]) -> None:
    benchmark = case[1]
    if benchmark.task in JUDGED:
        return
    for settings in task_members(benchmark.task).values():
        metrics = [str(m["metric"]) for m in settings["metric_list"]]
        # The code metric reports `pass@1` under its function's name.
        assert benchmark.metric in metrics or any("pass_at_k" in m for m in metrics)
        filters = [f["name"] for f in settings.get("filter_list") or [{"name": "none"}]]
        assert benchmark.filter in filters


def test_a_group_in_a_suite_is_stratified_by_its_tasks() -> None:
    for _, benchmark in ALL:
        if benchmark.task not in JUDGED and len(task_members(benchmark.task)) > 1:
            assert benchmark.stratum == "task"


def test_the_unseen_suite_shifts_benchmarks_of_the_development_suite() -> None:
    development = {b.name: b for b in load_suite("tulu3-dev").benchmarks}
    for benchmark in load_suite("tulu3-unseen").benchmarks:
        assert benchmark.shift_of
        assert development[benchmark.shift_of].skill == benchmark.skill


def test_the_published_settings_are_kept() -> None:
    tulu = {b.name: b for n in ("tulu3-dev", "tulu3-unseen") for b in load_suite(n).benchmarks}
    shots = {n: b.shots for n, b in tulu.items() if b.shots}
    assert shots == {"popqa": 15, "bbh": 3, "drop": 3, "math_flexible": 4, "gsm8k": 8}
    assert not tulu["drop"].chat
    assert tulu["gsm8k"].multiturn
    assert tulu["math_flexible"].multiturn
    assert tulu["math_flexible"].max_tokens == 1024
    assert tulu["ifeval"].max_tokens == 2048
    for name in ("humaneval", "humaneval_plus"):
        code = tulu[name]
        assert (code.temperature, code.top_p) == (0.8, 0.95)
        assert (code.replicates, code.pass_k, code.cluster) == (20, 10, "task_id")


def test_what_is_absent_has_a_reason() -> None:
    for name in ("tulu3-dev", "tulu3-unseen"):
        suite = load_suite(name)
        assert suite.absent
        assert not set(suite.absent) & {b.name for b in suite.benchmarks}
    assert load_suite("mini-dev").absent == {}


@pytest.mark.parametrize("case", ALL, ids=ids)
def test_a_benchmark_survives_json(case: tuple[str, Benchmark]) -> None:
    benchmark = case[1]
    assert benchmark_from(json.loads(json.dumps(asdict(benchmark)))) == benchmark
    assert hash(benchmark_from(json.loads(json.dumps(asdict(benchmark)))))


def written(folder: Path, text: str) -> Suite:
    (folder / "s.yaml").write_text(text, encoding="utf-8")
    return load_suite("s.yaml", folder)


def test_settings_are_read(tmp_path: Path) -> None:
    suite = written(
        tmp_path,
        "tier: held-out\nbenchmarks:\n  a: {items: 3, skill: s, temperature: 1, top_p: 0.9, "
        'stop: ["\\n", x], multiturn: false, max_truncated: 0.1, replicates: 4, pass_k: 2}\n'
        "absent: {b: it is gone}\n",
    )
    (benchmark,) = suite.benchmarks
    assert (suite.tier, suite.absent) == ("held-out", {"b": "it is gone"})
    assert (benchmark.temperature, benchmark.top_p, benchmark.stop) == (1, 0.9, ("\n", "x"))
    assert (benchmark.multiturn, benchmark.max_truncated, benchmark.pass_k) == (False, 0.1, 2)


HEAD = "tier: development\nbenchmarks:\n  a: {items: 3, skill: s"

WRONG = [
    ("", "exactly the keys 'tier' and 'benchmarks'"),
    ("- a", "exactly the keys 'tier' and 'benchmarks'"),
    ("tier: development", "exactly the keys 'tier' and 'benchmarks'"),
    (f"{HEAD}}}\nabsents: {{}}", "exactly the keys 'tier' and 'benchmarks'"),
    ("tier: dev\nbenchmarks: {a: {items: 3, skill: s}}", "tier is 'dev'"),
    ("tier: development\nbenchmarks: {}", "'benchmarks' maps names to settings and is not empty"),
    ("tier: development\nbenchmarks: {a: 3}", "benchmark 'a': its settings are a mapping"),
    ("tier: development\nbenchmarks: {a: {items: 3}}", "benchmark 'a': missing skill"),
    (f"{HEAD}, shot: 3}}", "unknown key 'shot'; did you mean 'shots'"),
    (f"{HEAD}, temprature: 1}}", "unknown key 'temprature'; did you mean 'temperature'"),
    (f"{HEAD}, zzz: 1}}", "benchmark 'a': unknown key 'zzz'"),
    (f"{HEAD}, shots: '3'}}", "shots is '3'; it must be of type int"),
    (f"{HEAD}, shots: true}}", "shots is True; it must be of type int"),
    (f"{HEAD}, chat: 1}}", "chat is 1; it must be of type bool"),
    (f"{HEAD}, stop: x}}", "stop is 'x'; it must be of type list of texts"),
    (f"{HEAD}, stop: [1]}}", r"stop is \[1\]; it must be a list of texts"),
    (f"{HEAD}, stop: ['']}}", "it must be a list of texts"),
    (f"{HEAD}, temperature: -1}}", "temperature is -1, out of its range"),
    (f"{HEAD}, top_p: 0}}", "top_p is 0, out of its range"),
    (f"{HEAD}, top_p: 1.5}}", "top_p is 1.5, out of its range"),
    (f"{HEAD}, max_tokens: 0}}", "max_tokens is 0, out of its range"),
    (f"{HEAD}, margin: 2}}", "margin is 2, out of its range"),
    (f"{HEAD}, limit: 0}}", "limit is 0, out of its range"),
    (f"{HEAD}, max_truncated: 5}}", "max_truncated is 5, out of its range"),
    (f"{HEAD}, replicates: 0}}", "replicates is 0, out of its range"),
    (f"{HEAD}, replicates: 4}}", "greedy replicates are all alike"),
    (f"{HEAD}, replicates: 4, temperature: 0}}", "greedy replicates are all alike"),
    (f"{HEAD}, replicates: 4, temperature: 1, pass_k: 5}}", "pass_k is 5, out of its range"),
    (f"{HEAD}, shots: 1, shots: 2}}", "the key 'shots' is given twice"),
    (f"{HEAD}}}\n  a: {{items: 4, skill: s}}", "the key 'a' is given twice"),
    (f"{HEAD}}}\nabsent: [b]", "'absent' maps names to reasons"),
    (f"{HEAD}}}\nabsent: {{b: ' '}}", "absent 'b': its reason is ' '; say why"),
    (f"{HEAD}}}\nabsent: {{b: 3}}", "absent 'b': its reason is 3; say why"),
    (f"{HEAD}}}\nabsent: {{a: gone}}", "'a' is among the benchmarks and absent"),
    ("tier: !!python/object/apply:os.getcwd []", "could not determine a constructor"),
    ("tier: [", "suite file"),
]


@pytest.mark.parametrize(("text", "message"), WRONG)
def test_a_wrong_file_is_refused_by_file_and_key(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        written(tmp_path, text)
    assert "s.yaml" in str(caught.value)
    assert len(str(caught.value).splitlines()) <= 3


def test_an_unknown_suite_is_told_its_neighbour() -> None:
    with pytest.raises(ValueError, match="did you mean 'tulu3-dev'"):
        load_suite("tulu-dev")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("absent: {a: 3}", "absent 'a': its reason is 3"),
        ("absent: {gsm8k: here}", "'gsm8k' is among the benchmarks and absent"),
        ("missing: {}", "'tier' and 'benchmarks', and perhaps 'absent'"),
    ],
)
def test_a_wrong_section_of_a_suite_is_an_error(body: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(f"tier: development\nbenchmarks: {{gsm8k: {{items: 1, skill: s}}}}\n{body}\n")
    with pytest.raises(ValueError, match=message):
        load_suite(str(file))


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ("pass_k: 3, replicates: 2, temperature: 1", "pass_k is 3, out of its range"),
        ("max_truncated: 5", "max_truncated is 5, out of its range"),
        ("max_empty: -1", "max_empty is -1, out of its range"),
        ("replicates: 0", "replicates is 0, out of its range"),
    ],
)
def test_settings_without_meaning_are_an_error(settings: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "s.yaml"
    file.write_text(f"tier: development\nbenchmarks: {{a: {{items: 1, skill: s, {settings}}}}}\n")
    with pytest.raises(ValueError, match=message):
        load_suite(str(file))
