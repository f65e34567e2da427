"""What enters a key, and what does not."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from evals.suite import Benchmark, ItemsFrom
from harness.contents import TINY_MODEL, benchmark_content, model_content, source_content
from harness.sweep import SourceSpec, Sweep
from harness.sweep_file import load_sweep

ROOT = Path(__file__).parents[2]
STOCK = Benchmark(name="gsm8k", task="gsm8k", items=3, skill="words")


@pytest.fixture
def copied(tmp_path: Path) -> Sweep:
    shutil.copytree(TINY_MODEL, tmp_path / "model")
    sweep = load_sweep(ROOT / "sweeps" / "quickstart.yaml")
    return dataclasses.replace(sweep, model=str(tmp_path / "model"))


def test_a_copy_of_a_model_is_the_same_model(copied: Sweep) -> None:
    tiny = dataclasses.replace(copied, model="tiny")
    assert model_content(copied)[0] == model_content(tiny)[0]


@pytest.mark.parametrize(
    "name", [p.name for p in sorted(TINY_MODEL.iterdir()) if p.suffix == ".json"]
)
def test_every_setting_beside_the_weights_enters_the_key(copied: Sweep, name: str) -> None:
    before = model_content(copied)[0]
    file = Path(copied.model) / name
    file.write_text(json.dumps({**json.loads(file.read_text()), "changed": 1}))
    assert model_content(copied)[0] != before


def test_a_folder_without_safetensors_is_refused(copied: Sweep) -> None:
    (Path(copied.model) / "model.safetensors").unlink()
    with pytest.raises(ValueError, match=r"no \.safetensors file"):
        model_content(copied)


def test_a_stock_benchmark_is_keyed_by_its_data_its_task_and_lm_eval(tmp_path: Path) -> None:
    data = tmp_path / "openai" / "gsm8k" / "data.jsonl"
    data.parent.mkdir(parents=True)
    data.write_text("{}\n")
    before = benchmark_content(STOCK, tmp_path)
    assert before["lm_eval"]
    assert before["task_files"]
    data.write_text('{"changed": true}\n')
    assert benchmark_content(STOCK, tmp_path) != before


def test_margins_and_labels_do_not_enter_a_benchmarks_key() -> None:
    other = dataclasses.replace(STOCK, margin=0.5, skill="other", twin="x", shift_of="y")
    assert benchmark_content(other, None) == benchmark_content(STOCK, None)
    longer = dataclasses.replace(STOCK, max_tokens=999)
    assert benchmark_content(longer, None) != benchmark_content(STOCK, None)
    from_hub = dataclasses.replace(STOCK, items_from=ItemsFrom(path="a/b", prompt="q"))
    assert benchmark_content(from_hub, None) != benchmark_content(STOCK, None)


def test_a_file_is_keyed_by_its_bytes_and_not_by_its_place(tmp_path: Path) -> None:
    keys = []
    for place in ("one", "two"):
        file = tmp_path / place / "rows.jsonl"
        file.parent.mkdir()
        file.write_text('{"text": "a"}\n')
        keys.append(source_content(SourceSpec("s", str(file)), None))
    assert keys[0][0] == keys[1][0]
    assert keys[0][1] != keys[1][1]


def test_a_group_is_keyed_by_every_dataset_that_its_tasks_read(tmp_path: Path) -> None:
    group = dataclasses.replace(STOCK, name="agi", task="agieval_english_cot")
    data = tmp_path / "hails" / "agieval-sat-en" / "data.jsonl"
    data.parent.mkdir(parents=True)
    data.write_text("{}\n")
    before = benchmark_content(group, tmp_path)
    assert isinstance(before["data"], list)
    assert len(before["data"]) == 8
    data.write_text('{"changed": true}\n')
    assert benchmark_content(group, tmp_path)["data"] != before["data"]
