"""The run: every filter and metric kept, replicates apart, and the same samples as lm-eval."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from small_hub import BBH, write_arc, write_bbh, write_dataset, write_gsm8k, write_truthfulqa
from toy_engine import ToyEngine

from evals.cache import RowCache
from evals.documents import sampled_documents
from evals.engines import Generation, Request
from evals.item_table import read_scores, write_scores
from evals.lm_eval_tasks import load_task
from evals.prepared import prepare, prepare_stock
from evals.run import SuiteResult, run, run_prepared
from evals.suite import Benchmark, load_suite

GSM = Benchmark(
    name="gsm8k", task="gsm8k", items=20, skill="math", filter="strict-match", shots=3,
    max_tokens=64,
)  # fmt: skip


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("hub")
    write_gsm8k(folder)
    write_arc(folder)
    write_truthfulqa(folder)
    write_bbh(folder)
    return folder


def adds(_identity: Mapping[str, str], request: Request) -> Generation:
    """Right on even items; on odd ones the number stands where only the flexible filter looks."""
    question = request.prompt.rpartition("test: ")[2]
    number = int(question.split(" + ")[0])
    text = f"#### {number + 1}" if number % 2 == 0 else f"It is {number + 1}"
    return Generation(text, "stop", 5, len(request.prompt))


def mini(**changes: Any) -> Benchmark:
    (found,) = (b for b in load_suite("mini-dev").benchmarks if b.name == "mini_gsm")
    return replace(found, limit=12, **changes)


def test_every_filter_of_a_task_is_kept_and_one_counts(hub: Path) -> None:
    result = run(ToyEngine(answer=adds), [GSM], hub=hub)
    rows = result.runs["gsm8k"].scores
    assert len(rows) == 40
    assert {s.filter for s in rows} == {"strict-match", "flexible-extract"}
    assert result.mean(GSM) == 0.5
    assert result.mean(replace(GSM, filter="flexible-extract")) == 1.0
    strict = {s.item: s.extracted for s in result.scores(GSM)}
    assert (strict["gsm8k/2"], strict["gsm8k/3"]) == ("3", None)


def test_samples_equal_bare_lm_evals_on_every_item(hub: Path) -> None:
    from lm_eval.evaluator import evaluate

    from evals.lm import EngineLM

    ours = run(ToyEngine(answer=adds), [replace(GSM, chat=False)], hub=hub).runs["gsm8k"].scores
    task = load_task(replace(GSM, chat=False), hub)
    task.set_fewshot_seed(1234)
    lm = EngineLM(ToyEngine(answer=adds))
    theirs = evaluate(
        lm, {"tasks": {"gsm8k": task}, "groups": {}, "group_map": {}}, bootstrap_iters=0
    )
    samples = theirs["samples"]["gsm8k"]
    assert len(ours) == len(samples) == 40
    for mine, sample in zip(ours, samples, strict=True):
        assert mine.filter == sample["filter"]
        assert mine.prompt == sample["arguments"][0][0]
        assert mine.response == sample["resps"][0][0]
        assert mine.score == sample["exact_match"]
        assert mine.document_digest == sample["doc_hash"]
    assert theirs["results"]["gsm8k"]["exact_match,strict-match"] == 0.5


def test_the_seed_of_the_examples_is_the_suites(hub: Path) -> None:
    def prompts(seed: int) -> list[str]:
        found = run(ToyEngine(answer=adds), [replace(GSM, fewshot_seed=seed)], hub=hub)
        return [s.prompt for s in found.scores(GSM)]

    assert prompts(1) == prompts(1) != prompts(2)


def test_multiple_choice_keeps_each_options_likelihood(hub: Path) -> None:
    arc = Benchmark(
        name="arc", task="arc_easy", items=16, skill="science", metric="acc", chat=False
    )
    engine = ToyEngine()
    result = run(engine, [arc], hub=hub)
    assert len(engine.scored) == 16 * 4
    for score in result.scores(arc):
        options = json.loads(score.response)
        best = max(options, key=lambda o: o["logprob"])
        assert len(options) == 4
        assert score.extracted == best["continuation"].strip()
        number = int(score.item.removeprefix("arc"))
        assert score.metrics["acc"] == score.score == float(options.index(best) == number % 4)
        assert {"acc", "acc_norm"} <= set(score.metrics)
        assert score.finish == "stop"
    assert result.runs["arc"].overall["acc", "none"] == pytest.approx(result.mean(arc))


def test_a_continuous_metric_is_kept_as_it_is(hub: Path) -> None:
    mc2 = Benchmark(
        name="truthfulqa", task="truthfulqa_mc2", items=9, skill="truth", metric="acc", chat=False
    )
    result = run(ToyEngine(), [mc2], hub=hub)
    assert all(0 < s.score < 1 for s in result.scores(mc2))
    assert result.runs["truthfulqa"].overall["acc", "none"] == pytest.approx(result.mean(mc2))


def test_replicates_are_drawn_apart_and_asked_for_at_once() -> None:
    calls: list[int] = []

    class Counting(ToyEngine):
        def generate(self, requests):  # type: ignore[no-untyped-def]
            calls.append(len(requests))
            return super().generate(requests)

    engine = Counting()
    benchmark = mini(temperature=0.8, top_p=0.95, replicates=5)
    result = run(engine, [benchmark])
    assert calls == [60]
    scores = result.scores(benchmark)
    assert {s.replicate for s in scores} == set(range(5))
    assert len({s.response for s in scores}) == 60
    assert {(r.sampling.temperature, r.sampling.top_p) for r in engine.asked} == {(0.8, 0.95)}
    again = run(ToyEngine(), [benchmark])
    assert again.scores(benchmark) == scores


def test_each_replicate_has_its_own_score() -> None:
    from evals.mini import problems

    right = {p.prompt: p.careful for p in problems("mini_gsm")}

    def sometimes(_identity: Mapping[str, str], request: Request) -> Generation:
        prompt = next(p for p in right if p in request.prompt)
        return Generation(right[prompt] if request.sampling.seed % 2 else "no", "stop", 1)

    engine = ToyEngine(answer=sometimes)
    benchmark = mini(temperature=1.0, replicates=4)
    scores = run(engine, [benchmark]).scores(benchmark)
    assert {s.score for s in scores} == {0.0, 1.0}
    assert all(s.score == float(s.response != "no") for s in scores)


def test_a_group_is_one_benchmark_whose_tasks_are_strata(
    hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from evals import stock_tasks

    group = {
        f"bbh_cot_fewshot_{n}": stock_tasks.stock_tasks(f"bbh_cot_fewshot_{n}")[
            f"bbh_cot_fewshot_{n}"
        ]
        for n in BBH
    }
    monkeypatch.setattr("evals.lm_eval_tasks.stock_tasks", lambda _name: group)
    bbh = Benchmark(
        name="bbh", task="bbh", items=18, skill="reasoning", filter="get-answer", shots=3,
        max_tokens=64, limit=14,
    )  # fmt: skip
    result = run(ToyEngine(), [bbh], hub=hub)
    scores = result.scores(bbh)
    assert len({s.item for s in scores}) == 14
    assert {s.stratum for s in scores} == set(group)
    for score in scores:
        name = str(score.stratum).removeprefix("bbh_cot_fewshot_")
        assert score.item.startswith(f"bbh/{name}/")


def test_clusters_and_strata_are_columns_of_the_documents(hub: Path) -> None:
    arc = Benchmark(
        name="arc", task="arc_easy", items=16, skill="s", metric="acc", chat=False,
        cluster="answerKey",
    )  # fmt: skip
    scores = run(ToyEngine(), [arc], hub=hub).scores(arc)
    assert {s.cluster for s in scores} == set("ABCD")
    with pytest.raises(ValueError, match=r"no column 'subject'; they have id, question"):
        prepare(replace(arc, cluster=None, stratum="subject"), hub)


def test_a_run_scores_a_fixed_sample_however_the_tasks_are_cut() -> None:
    class Sized:
        def __init__(self, size: int) -> None:
            self.eval_docs = range(size)

    benchmark = replace(GSM, items=100, limit=10)
    whole = sampled_documents(benchmark, {"a": Sized(100)})["a"]  # type: ignore[dict-item]
    parts = sampled_documents(benchmark, {"x": Sized(30), "y": Sized(70)})  # type: ignore[dict-item]
    assert whole == sorted(whole)
    assert whole == [*parts["x"], *(30 + i for i in parts["y"])]


def test_scoring_again_with_another_filter_or_metric_generates_nothing(
    hub: Path, tmp_path: Path
) -> None:
    cache = RowCache(tmp_path)
    engine = ToyEngine(answer=adds)
    run(engine, [GSM], hub=hub, cache=cache)
    engine.asked.clear()
    flexible = replace(GSM, name="again", filter="flexible-extract")
    result = run(engine, [flexible], hub=hub, cache=RowCache(tmp_path))
    assert not engine.asked
    assert result.mean(flexible) == 1.0
    assert (result.runs["again"].generated, result.runs["again"].cached) == (0, 20)


def test_another_template_misses_and_other_shots_too(hub: Path, tmp_path: Path) -> None:
    engine = ToyEngine(answer=adds)
    for changed in (GSM, replace(GSM, chat=False), replace(GSM, shots=2)):
        engine.asked.clear()
        run(engine, [changed], hub=hub, cache=RowCache(tmp_path))
        assert len(engine.asked) == 20


def test_a_task_repeated_by_its_own_file_is_asked_anew_each_time(hub: Path) -> None:
    (prepared,) = prepare_stock("gsm8k_cot_self_consistency", hub, limit=3, max_tokens=64)
    (part,) = prepared.parts.values()
    part.task.set_config("repeats", 4)
    part.task._filters = part.task._filters[:1]
    engine = ToyEngine()
    result = run_prepared(engine, [prepared])
    assert len({r.sampling.seed for r in engine.asked}) == 12
    first = result.runs[prepared.benchmark.name].scores[0]
    assert len(set(json.loads(first.response))) == 4


def test_a_stock_task_runs_under_its_own_settings(hub: Path) -> None:
    (prepared,) = prepare_stock("gsm8k", hub)
    benchmark = prepared.benchmark
    assert (benchmark.shots, benchmark.metric, benchmark.filter) == (
        5,
        "exact_match",
        "strict-match",
    )
    assert (benchmark.items, benchmark.chat) == (20, False)
    assert "cut at lm-eval's 256 tokens" in prepared.note
    assert prepare_stock("no_such_task_at_all", hub) == []


def test_a_suite_that_does_not_say_how_long_a_response_may_be_is_refused(hub: Path) -> None:
    with pytest.raises(ValueError, match=r"lm-eval would cut it at 256 tokens; set max_tokens"):
        prepare(replace(GSM, max_tokens=None), hub)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"replicates": 3}, "greedy replicates are all alike"),
        ({"task": "no_such_task"}, "unknown task 'no_such_task'"),
        ({"items": 21}, "20 items found where its suite states 21"),
        ({"task": "wikitext"}, "unknown task|not supported|wikitext"),
    ],
)
def test_a_benchmark_that_cannot_be_scored_rightly_is_refused_before_it_runs(
    hub: Path, changed: Mapping[str, Any], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ValueError, match=message):
        prepare(replace(GSM, **changed), hub)


def test_a_filter_that_the_task_lacks_is_an_error_that_names_those_it_has(hub: Path) -> None:
    with pytest.raises(ValueError, match=r"\['flexible-extract', 'strict-match'\]"):
        run(ToyEngine(answer=adds), [replace(GSM, filter="none")], hub=hub)


def test_scores_read_back_as_they_were_written(hub: Path, tmp_path: Path) -> None:
    scores = run(ToyEngine(answer=adds), [GSM], hub=hub).runs["gsm8k"].scores
    write_scores(tmp_path / "items.parquet", scores)
    assert tuple(read_scores(tmp_path / "items.parquet")) == scores


def test_nothing_of_lm_eval_stays_changed(hub: Path) -> None:
    from lm_eval import utils
    from lm_eval.api import task

    before = (utils.env.from_string, task.tqdm)
    prepared = prepare(GSM, hub)
    result = run_prepared(ToyEngine(answer=adds), [prepared])
    assert isinstance(result, SuiteResult)
    assert (utils.env.from_string, task.tqdm) == before
    assert "sample" not in vars(prepared.parts["gsm8k"].task.sampler)


def test_a_mirror_that_changed_is_read_anew(tmp_path: Path) -> None:
    for rows in (3, 5):
        write_gsm8k(tmp_path, test=rows)
        (prepared,) = prepare_stock("gsm8k", tmp_path)
        assert prepared.benchmark.items == rows


def test_a_mirror_elsewhere_is_not_mistaken_for_another_of_the_same_name(tmp_path: Path) -> None:
    for name, rows in (("a", 3), ("b", 5), ("a", 3)):
        if not (tmp_path / name).exists():
            write_gsm8k(tmp_path / name, test=rows)
        (prepared,) = prepare_stock("gsm8k", tmp_path / name)
        assert prepared.benchmark.items == rows


def test_a_mirror_may_lack_the_split_of_examples_that_are_not_shown(tmp_path: Path) -> None:
    write_dataset(
        tmp_path / "openai" / "gsm8k", "main", {"test": [{"question": "1?", "answer": "#### 1"}]}
    )
    assert prepare(replace(GSM, items=1, shots=0), tmp_path).rows == 1
    with pytest.raises(ValueError, match=r"has no split 'train', which .* 3 few-shot examples"):
        prepare(replace(GSM, items=1), tmp_path)
