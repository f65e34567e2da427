"""The command line: a wrong request ends with exit code 2 before anything runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from harness.ablate import main

ROOT = Path(__file__).parents[2]
QUICKSTART = (ROOT / "sweeps" / "quickstart.yaml").read_text()

WRONG = [
    ("lr: 5e-4", 'lr: "5e-4"', "write 5e-4 without quotes"),
    ("mix: [plain,", "mix: [plian,", "did you mean 'plain'"),
    ("{from: sft,", "{from: rlvr,", "circle"),
    ("dev: mini-dev", "dev: mini-dve", "did you mean 'mini-dev'"),
    ("{chat: {rows: 2000}}", "{chat: 0.7}", "sum to 0.7"),
    ("{chat: {rows: 2000}}", "{chat: {rows: 999999}}", "4000 can be had"),
    ("beta: [1.0, 5.0]", "beta: [.nan, 5.0]", "no finite number"),
    ("steps: 15", "stepz: 15", "did you mean 'steps'"),
    ('source: "tiny:chat"', "source: ../../secret.jsonl", "outside"),
    ('source: "tiny:chat"', "source: nowhere.jsonl", "nowhere.jsonl"),
    ('source: "tiny:chat"', 'source: "tiny:chatt"', "did you mean"),
    ("preset: default", "preset: tulu", "preset"),
]


@pytest.mark.parametrize(("old", "new", "said"), WRONG, ids=[w[1] for w in WRONG])
def test_a_wrong_sweep_ends_with_two_and_a_short_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, said: str
) -> None:
    assert old in QUICKSTART
    path = tmp_path / "sweep.yaml"
    path.write_text(QUICKSTART.replace(old, new, 1))
    results = tmp_path / "results"
    assert main([str(path), "--results", str(results)]) == 2
    message = capsys.readouterr().err
    assert said in message
    assert str(path) in message
    assert len(message.strip().splitlines()) <= 3
    assert not results.exists()


def test_a_task_that_nobody_knows_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "odd.yaml").write_text(
        "tier: development\nbenchmarks:\n  no_such_task: {items: 5, skill: none}\n"
    )
    path = tmp_path / "sweep.yaml"
    path.write_text(QUICKSTART.replace("dev: mini-dev", "dev: odd.yaml"))
    assert main([str(path), "--results", str(tmp_path / "results")]) == 2
    assert "unknown task 'no_such_task'" in capsys.readouterr().err


def with_suite(folder: Path, benchmarks: str) -> str:
    """A sweep whose development suite has these benchmarks and the three embedded ones."""
    mini = "".join(
        f"  {name}: {{items: 500, skill: s, max_tokens: 64, metric: {metric}}}\n"
        for name, metric in (
            ("mini_gsm", "exact_match"),
            ("mini_math", "exact_match"),
            ("mini_ifeval", "prompt_level_strict_acc"),
        )
    )
    (folder / "own.yaml").write_text(f"tier: development\nbenchmarks:\n{mini}{benchmarks}")
    path = folder / "sweep.yaml"
    path.write_text(QUICKSTART.replace("dev: mini-dev", "dev: own.yaml"))
    return str(path)


def test_a_development_suite_of_held_out_data_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = with_suite(tmp_path, "  b: {task: mini_gsm_shift, items: 500, skill: s}\n")
    assert main([sweep, "--results", str(tmp_path / "results"), "--plan"]) == 2
    message = capsys.readouterr().err
    assert "own.yaml: benchmark 'b' is scored on data of mini-unseen" in message


def test_a_benchmark_that_needs_a_judge_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = with_suite(tmp_path, "  mt_bench: {items: 160, skill: chat, metric: rating}\n")
    assert main([sweep, "--results", str(tmp_path / "results")]) == 2
    assert "benchmark mt_bench: its scores come from a judge" in capsys.readouterr().err


@pytest.mark.parametrize("task", ["gsm8k_cot", "bbh_cot_fewshot", "popqa"])
def test_a_benchmark_whose_items_are_known_needs_no_items_from(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    task: str,
) -> None:
    sweep = with_suite(tmp_path, f"  b: {{task: {task}, items: 9, skill: s, max_tokens: 64}}\n")
    arguments = [sweep, "--results", str(tmp_path / "results"), "--plan"]
    assert main(arguments) == 0
    capsys.readouterr()
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("ASSAY_HUB", raising=False)
    assert main(arguments) == 2
    assert ": the Hub is off (HF_HUB_OFFLINE=1)" in capsys.readouterr().err


def test_a_benchmark_whose_items_only_code_can_tell_is_refused_with_the_remedy(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    sweep = with_suite(tmp_path, "  winogrande: {items: 9, skill: s}\n")
    assert main([sweep, "--results", str(tmp_path / "results"), "--plan"]) == 2
    message = capsys.readouterr().err
    assert "benchmark winogrande: " in message
    assert "add items_from (path, split, prompt column)" in message


def test_a_source_without_the_columns_asked_for_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "rows.jsonl").write_text(json.dumps({"q": "1 + 1", "a": "2"}) + "\n")
    source = '{source: rows.jsonl, user: "{question}", assistant: "{a}"}'
    path = tmp_path / "sweep.yaml"
    path.write_text(QUICKSTART.replace('{source: "tiny:chat"}', source))
    assert main([str(path), "--results", str(tmp_path / "results")]) == 2
    message = capsys.readouterr().err
    assert "no column 'question'; it has a, q" in message


def test_the_schema_is_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--schema"]) == 0
    assert json.loads(capsys.readouterr().out)["type"] == "object"


@pytest.mark.parametrize("option", [["--workers", "0"], ["--threads", "-1"]])
def test_no_workers_are_refused(option: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([str(ROOT / "sweeps" / "quickstart.yaml"), *option])
    assert ended.value.code == 2
    assert "not at least 1" in capsys.readouterr().err


def test_results_that_are_a_file_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "results"
    file.write_text("")
    sweep = str(ROOT / "sweeps" / "quickstart.yaml")
    assert main([sweep, "--results", str(file)]) == 2
    assert "is a file; name a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (['{"q": "1 + 1", "a": "2"}', '{"q": "1 +'], "line 2: not JSON"),
        (['{"q": "1 + 1", "a": "2"}', "[1, 2]"], "line 2: a row is a JSON object"),
        (['{"q": "1 + 1", "a": null}'], "row 0: column 'a' is None, which is no text"),
        (['{"q": "1 + 1", "a": "2"}'], "asks for 2000 rows and 1 can be had"),
    ],
)
def test_local_rows_are_read_to_the_end_before_anything_runs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], lines: list[str], said: str
) -> None:
    (tmp_path / "rows.jsonl").write_text("\n".join(lines) + "\n")
    source = '{source: rows.jsonl, user: "{q}", assistant: "{a}"}'
    path = tmp_path / "sweep.yaml"
    path.write_text(QUICKSTART.replace('{source: "tiny:chat"}', source))
    for more in ([], ["--plan"]):
        assert main([str(path), "--results", str(tmp_path / "results"), *more]) == 2
        assert said in capsys.readouterr().err
    assert not (tmp_path / "results").exists()
