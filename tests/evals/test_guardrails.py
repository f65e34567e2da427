"""Each guardrail trips on what it is for, and on nothing else."""

from __future__ import annotations

import builtins
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from small_hub import write_gsm8k
from toy_engine import ToyEngine

from evals.engines import Generation, Request
from evals.guardrails import trips
from evals.prepared import prepare
from evals.run import SuiteResult, run
from evals.suite import Benchmark

GSM = Benchmark(
    name="gsm8k", task="gsm8k", items=20, skill="math", filter="strict-match", shots=2,
    max_tokens=64, max_truncated=0.25,
)  # fmt: skip


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder: Path = tmp_path_factory.mktemp("hub")
    write_gsm8k(folder)
    return folder


def of(result: SuiteResult, **changes: Any) -> SuiteResult:
    run_of = result.runs["gsm8k"]
    return SuiteResult({"gsm8k": replace(run_of, **changes)})


def some(share: float, odd: Generation) -> Callable[[Mapping[str, str], Request], Generation]:
    """An answer that is `odd` for a share of the twenty questions."""

    def answer(_identity: Mapping[str, str], request: Request) -> Generation:
        number = int(request.prompt.rpartition("test: ")[2].split(" + ")[0])
        return odd if number < 20 * share else Generation(f"#### {number}", "stop", 3)

    return answer


def test_a_sound_run_trips_nothing(hub: Path) -> None:
    result = run(ToyEngine(), [GSM], hub=hub)
    assert trips([GSM], result) == []
    assert trips([GSM], result) == []


@pytest.mark.parametrize(("share", "trip"), [(0.25, False), (0.3, True)])
def test_responses_cut_at_the_length_limit_trip(hub: Path, share: float, trip: bool) -> None:
    cut = some(share, Generation("and so on", "length", 64))
    found = trips([GSM], run(ToyEngine(answer=cut), [GSM], hub=hub))
    expected = [
        "gsm8k: 30.0% of the responses were cut at max_tokens (64), more than max_truncated "
        "(25.0%); raise max_tokens"
    ]
    assert found == (expected if trip else [])


@pytest.mark.parametrize(("share", "trip"), [(0.1, False), (0.15, True)])
@pytest.mark.parametrize("text", ["", " \n"])
def test_empty_responses_trip(hub: Path, share: float, trip: bool, text: str) -> None:
    empty = some(share, Generation(text, "stop", 0))
    found = trips([GSM], run(ToyEngine(answer=empty), [GSM], hub=hub))
    assert len(found) == trip
    assert all("15.0% of the responses are empty, more than max_empty" in f for f in found)


def test_one_response_to_everything_trips(hub: Path) -> None:
    same = some(1.0, Generation("#### 4", "stop", 3))
    result = run(ToyEngine(answer=same), [GSM], hub=hub)
    assert trips([GSM], result) == [
        "gsm8k: the model gave one and the same response to all 20 items"
    ]


def test_few_shot_examples_that_are_test_items_trip(tmp_path: Path) -> None:
    write_gsm8k(tmp_path, train=6, leak=3)
    found = trips([GSM], run(ToyEngine(), [GSM], hub=tmp_path))
    assert found == [
        "gsm8k: 3 test items are shown as few-shot examples with their answers; "
        "take the examples from another split"
    ]


def test_examples_that_are_never_shown_do_not_trip(tmp_path: Path) -> None:
    write_gsm8k(tmp_path, train=6, leak=3)
    none = replace(GSM, shots=0)
    assert trips([none], run(ToyEngine(), [none], hub=tmp_path)) == []


def test_prompts_that_changed_since_the_run_compared_with_trip(hub: Path) -> None:
    before = run(ToyEngine(), [GSM], hub=hub).scores(GSM)
    assert trips([GSM], run(ToyEngine(), [GSM], hub=hub), before) == []
    fewer = replace(GSM, shots=1)
    found = trips([fewer], run(ToyEngine(), [fewer], hub=hub), before)
    assert found == [
        "gsm8k: 20 of 20 prompts differ from those of the run compared with; template, few-shot "
        "examples or task files changed"
    ]


def test_missing_items_and_missing_replicates_trip(hub: Path) -> None:
    result = run(ToyEngine(), [GSM], hub=hub)
    rows = result.runs["gsm8k"].scores
    (found,) = trips([GSM], of(result, scores=[s for s in rows if s.item != rows[0].item]))
    assert "19 responses to 19 items were scored, where the suite has 20 items" in found
    (found,) = trips([replace(GSM, replicates=2)], result)
    assert "20 responses to 20 items were scored" in found


def test_every_trip_has_a_line(hub: Path) -> None:
    silent = some(1.0, Generation("", "length", 64))
    result = run(ToyEngine(answer=silent), [GSM], hub=hub)
    assert len(trips([GSM], result)) == 3


def test_a_missing_package_is_named_as_pip_calls_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    found = builtins.__import__

    def without(name: str, *args: Any, **kwargs: Any) -> Any:
        if name.split(".")[0] == "langdetect":
            raise ModuleNotFoundError("No module named 'langdetect'", name="langdetect")
        return found(name, *args, **kwargs)

    for module in [m for m in sys.modules if m.startswith(("langdetect", "lm_eval.tasks.ifeval"))]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setattr(builtins, "__import__", without)
    ifeval = Benchmark(name="ifeval", task="ifeval", items=541, skill="x", max_tokens=64)
    with pytest.raises(
        ValueError, match=r"task ifeval needs .* langdetect.*pip install langdetect"
    ):
        prepare(ifeval, None)
