"""What a sweep file says: arms, grids, defaults, files."""

from __future__ import annotations

import dataclasses
import itertools
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.errors import RequestError
from harness.sweep import ArmRef, Promote, SourceSpec, Sweep
from harness.sweep_file import load_sweep
from harness.sweep_file.node import read_yaml
from recipe.config import CONFIGS, PRESETS

ROOT = Path(__file__).parent.parent.parent
GOOD = """\
name: base
model: tiny
seeds: [1, 2]
suites: {dev: mini-dev, heldout: mini-unseen}
data:
  chat: {source: "tiny:chat"}
  words: {source: rows.jsonl, rows: 100, verifier: gsm8k, user: "{q}", assistant: "{a}"}
  prefs: {source: "tiny:preferences", format: preference}
  prompts: {source: "tiny:prompts"}
mixes:
  plain: {chat: 1.0}
  half: {chat: 0.5, words: 0.5}
  capped: {chat: {rows: 100, max_repeats: 2}, words: {fraction: 0.5}}
decontam:
  against: [dev, mini-unseen]
  preset: default
  action: {default: drop, half: report}
stages:
  sft: {mix: [plain, half], preset: tulu3-8b, lr: [5e-4, 1e-3], epochs: 1}
  dpo: {from: sft, promote: {top: 1, by: dev}, data: prefs, beta: [1, 5], lr: [1e-4, 2e-4], zip: [beta, lr]}
  rlvr: {method: rlvr, from: dpo, prompts: prompts, lr: 5e-5, steps: 3}
baseline: {stage: sft, mix: plain, lr: 5e-4}
contrasts:
  beta: {of: {stage: dpo, beta: 5}, against: {stage: dpo, beta: 1}}
gate:
  suite: heldout
  against: {stage: sft, mix: half, lr: 1e-3}
  noninferior: {default: 0.01, mini_gsm_fresh: 0.03}
  improve: {suite: dev}
  min_seeds: 2
  max_contamination: 0.02
executor: local
"""  # noqa: E501
DECONTAM = GOOD[GOOD.index("decontam:") : GOOD.index("stages:")]


@pytest.fixture(autouse=True)
def _hub_is_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return project(tmp_path_factory.mktemp("project"))


def project(folder: Path) -> Path:
    row = '{"q": "1 + 1", "a": "2"}\n'
    (folder / "rows.jsonl").write_text(row)
    (folder / "empty.jsonl").touch()
    (folder / "rows.csv").write_text("q,a\n")
    (folder / "shards").mkdir()
    (folder / "shards" / "a.jsonl").write_text(row)
    (folder / "shards" / "b.jsonl").write_text(row)
    (folder / "no-model").mkdir()
    (folder / "model").mkdir()
    (folder / "model" / "config.json").write_text("{}")
    (folder / "unheld.yaml").write_text(
        "tier: held-out\nbenchmarks:\n  mini_gsm: {items: 500, skill: word problems}\n"
    )
    (folder / "broken.yaml").write_text("tier: [development\n")
    return folder


def edited(old: str, new: str) -> str:
    assert GOOD.count(old) == 1, f"{old!r} stands {GOOD.count(old)} times in the good file"
    return GOOD.replace(old, new)


def load(folder: Path, text: str | bytes, hub: Path | None = None) -> Sweep:
    path = folder / "sweep.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return load_sweep(path, hub=hub)


def refusal(folder: Path, text: str | bytes) -> str:
    with pytest.raises(RequestError) as caught:
        load(folder, text)
    return str(caught.value)


# fmt: off
def test_globs_are_absolute_and_match(folder):
    sweep = load(folder, edited("rows.jsonl", "./shards/*.jsonl"))
    assert sweep.sources["words"].source == str(folder / "shards" / "*.jsonl")


def test_a_name_with_brackets_is_a_file_first(tmp_path):
    folder = tmp_path / "run[1]"
    folder.mkdir()
    project(folder)
    assert load(folder, GOOD).sources["words"].source.endswith("run[[]1]/rows.jsonl")
    assert load(folder, edited("rows.jsonl", "shards/*.jsonl"))


def test_a_hub_id_is_taken_as_it_is(folder, tmp_path, monkeypatch):
    text = edited("source: rows.jsonl", "source: org/name-v1.1, config: main, split: test")
    spec = load(folder, text).sources["words"]
    assert (spec.source, spec.config, spec.split) == ("org/name-v1.1", "main", "test")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert ":7: data.words.source: dataset org/name-v1.1: the Hub is off" in refusal(folder, text)
    (tmp_path / "org" / "name-v1.1").mkdir(parents=True)
    assert load(folder, text, hub=tmp_path).sources["words"] == spec


@pytest.mark.parametrize("path", sorted((ROOT / "sweeps").glob("*.yaml")), ids=lambda p: p.name)
def test_every_sweep_of_the_project_loads(path):
    if path.name.endswith(".suite.yaml"):
        assert "tier" in read_yaml(path).value
        return
    assert load_sweep(path).name == path.stem


def test_the_good_file_holds_what_it_says(folder):
    sweep = load(folder, GOOD)
    assert (sweep.name, sweep.model, sweep.revision, sweep.seeds) == ("base", "tiny", None, (1, 2))
    assert sweep.path == folder / "sweep.yaml"
    assert [part.share for part in sweep.mixes["half"].parts] == [0.5, 0.5]
    capped = {p.source: (p.rows, p.fraction, p.max_repeats) for p in sweep.mixes["capped"].parts}
    assert capped == {"chat": (100, None, 2), "words": (None, 0.5, 1)}
    assert sweep.decontam.against == ("dev", "mini-unseen")
    assert [sweep.decontam.action(name) for name in ("plain", "half")] == ["drop", "report"]
    assert [(s.name, s.start, len(s.arms)) for s in sweep.stages] == [
        ("sft", None, 4),
        ("dpo", "sft", 2),
        ("rlvr", "dpo", 1),
    ]
    assert sweep.stages[1].promote == Promote(top=1, by="dev")
    assert sweep.baseline == ArmRef("sft", {"mix": "plain", "lr": 5e-4})
    assert sweep.resolve(sweep.baseline).label == "mix=plain lr=0.0005"
    assert sweep.contrasts[0].of == ArmRef("dpo", {"beta": 5.0})
    assert sweep.gate is not None
    assert sweep.gate.noninferior == {"default": 0.01, "mini_gsm_fresh": 0.03}


def test_an_arm_holds_every_setting_of_its_method(folder):
    for stage in load(folder, GOOD).stages:
        for arm in stage.arms:
            config = CONFIGS[stage.method](**arm.settings)
            assert dataclasses.asdict(config) == arm.settings


def test_explicit_keys_win_over_the_preset_and_the_preset_over_defaults(folder):
    arm = load(folder, GOOD).stages[0].arms[0]
    preset = PRESETS["tulu3-8b"]["sft"]
    assert (arm.settings["lr"], arm.settings["epochs"]) == (5e-4, 1.0)
    assert arm.settings["batch_size"] == preset["batch_size"] == 128
    assert arm.settings["warmup"] == CONFIGS["sft"](lr=1.0).warmup
    rate = load(folder, edited("lr: 5e-5", "preset: tulu3-70b")).stages[2].arms[0].settings["lr"]
    assert rate == PRESETS["tulu3-70b"]["rlvr"]["lr"]


def test_the_grid_is_the_product_of_the_axes_in_the_order_of_the_file(folder):
    sft = load(folder, GOOD).stages[0]
    assert [tuple(arm.choice.items()) for arm in sft.arms] == [
        (("mix", mix), ("lr", lr)) for mix in ("plain", "half") for lr in (5e-4, 1e-3)
    ]
    assert [arm.data for arm in sft.arms] == ["plain", "plain", "half", "half"]


def test_tied_axes_move_together(folder):
    dpo = load(folder, GOOD).stages[1]
    assert [dict(a.choice) for a in dpo.arms] == [{"beta": 1, "lr": 1e-4}, {"beta": 5, "lr": 2e-4}]
    grid = edited(
        "mix: [plain, half], preset: tulu3-8b, lr: [5e-4, 1e-3], epochs: 1",
        "mix: [plain, half], lr: [5e-4, 5e-4, 1e-3], batch_size: [4, 8, 8], epochs: [1, 2], "
        "zip: [[mix, epochs], [batch_size, lr]]",
    ).replace("mix: plain, lr: 5e-4}", "mix: plain, lr: 1e-3}")
    choices = [tuple(arm.choice.values()) for arm in load(folder, grid).stages[0].arms]
    tied = [(5e-4, 4), (5e-4, 8), (1e-3, 8)]
    assert choices == [
        (mix, lr, size, epochs)
        for mix, epochs in (("plain", 1.0), ("half", 2.0))
        for lr, size in tied
    ]


def test_an_axis_of_a_tied_pair_may_repeat_but_the_pair_may_not(folder):
    assert load(
        folder,
        edited("beta: [1, 5]", "beta: [5, 5]")
        .replace("beta: 5}", "lr: 2e-4}")
        .replace("beta: 1}", "lr: 1e-4}"),
    )
    text = edited("beta: [1, 5]", "beta: [1, 1]").replace("[1e-4, 2e-4]", "[1e-4, 1e-4]")
    assert "stages.dpo.beta[1]: found 1.0, 0.0001 a second time" in refusal(folder, text)


def test_what_is_left_out_has_the_documented_default(folder):
    small = """
name: small
model: {id: org/name, revision: main}
seeds: 7
suites: {dev: mini-dev}
data: {chat: {source: "tiny:chat"}}
mixes: {all: {chat: 1}}
stages: {tune: {method: sft, mix: all, lr: 1}}
"""
    sweep = load(folder, small)
    assert (sweep.model, sweep.revision, sweep.seeds) == ("org/name", "main", (7,))
    assert sweep.sources["chat"] == SourceSpec(name="chat", source="tiny:chat")
    assert sweep.decontam.against == ("dev",)
    assert (sweep.decontam.preset, dict(sweep.decontam.actions)) == ("default", {"default": "drop"})
    assert (sweep.baseline, sweep.contrasts, sweep.gate) == (None, (), None)
    assert sweep.stages[0].arms[0].label == "tune"
    assert type(sweep.stages[0].arms[0].settings["lr"]) is float


def test_a_model_may_be_a_folder(folder):
    assert load(folder, edited("model: tiny", "model: ./model")).model == str(folder / "model")


def test_a_task_may_be_named_to_check_against(folder):
    text = edited("[dev, mini-unseen]", "mini_gsm_shift")
    assert load(folder, text).decontam.against == ("mini_gsm_shift",)


def test_words_that_yaml_1_1_took_for_booleans_are_words(folder):
    text = edited("plain: {chat", "on: {chat").replace("[plain, half]", "[on, half]")
    sweep = load(folder, text.replace("mix: plain", "mix: on"))
    assert "on" in sweep.mixes


@pytest.mark.parametrize(
    ("text", "value"),
    [("5e-6", 5e-6), ("1.", 1.0), (".5", 0.5), ("+1E3", 1e3), ("0x10", 16), ("0o17", 15),
     ("010", 10), ("1:30", "1:30"), ("2024-01-01", "2024-01-01"), ("no", "no"), ("~", None),
     ("TRUE", True), ("'5'", "5"), ("1_0", "1_0"), ("", None), ("$HOME", "$HOME")],
)  # fmt: skip
def test_scalars_are_read_as_yaml_1_2_says(tmp_path, text, value):
    path = tmp_path / "a.yaml"
    path.write_text(f"key: {text}")
    found = read_yaml(path)["key"].value
    assert found == value
    assert type(found) is type(value)


def test_anchors_and_merge_keys_unfold(folder):
    text = edited(
        "mix: [plain, half], preset: tulu3-8b,",
        "<<: &rate {epochs: 3, batch_size: 4}, mix: [plain, half],",
    )
    text = text.replace("from: sft,", "<<: [{epochs: 9}, *rate], from: sft,")
    sft, dpo, _ = load(folder, text).stages
    assert [sft.arms[0].settings[k] for k in ("epochs", "batch_size")] == [1.0, 4]
    assert [dpo.arms[0].settings[k] for k in ("epochs", "batch_size")] == [9.0, 4]


def test_reordering_stages_changes_nothing(folder):
    head, rest = GOOD.split("stages:\n")
    lines, tail = rest.split("baseline:")
    stages = [*lines.splitlines(keepends=True), "  more: {method: sft, mix: capped, lr: 1}\n"]
    expected = None
    for order in itertools.permutations(stages):
        sweep = load(folder, f"{head}stages:\n{''.join(order)}baseline:{tail}")
        names = [stage.name for stage in sweep.stages]
        assert names.index("sft") < names.index("dpo") < names.index("rlvr")
        found = {stage.name: stage for stage in sweep.stages}
        assert found == (expected := expected or found)


# The grammar


def test_loading_imports_nothing_heavy():
    heavy = "{'pandas', 'torch', 'transformers', 'datasets', 'lm_eval', 'matplotlib'}"
    code = (
        "import sys, pathlib; from harness.sweep_file import load_sweep;"
        "load_sweep(pathlib.Path('sweeps/quickstart.yaml'));"
        f"print(sorted({heavy} & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT,
        env=dict(os.environ),
    )  # fmt: skip
    assert found.stdout.strip() == "[]"
