"""A wrong sweep file is refused with its line and what would be right."""

from __future__ import annotations

from pathlib import Path

import pytest
from test_sweep_file import DECONTAM, GOOD, edited, load, project, refusal

from harness.errors import RequestError
from harness.sweep_file import load_sweep


@pytest.fixture(autouse=True)
def _hub_is_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return project(tmp_path_factory.mktemp("project"))


BAD = [
    # keys
    ("name: base\n", "", 1, "the key 'name' is missing"),
    ("name: base", "nam: base", 1, "nam: unknown key 'nam'; did you mean 'name'?"),
    ("executor: local", "budget: {gpu_hours: 1}", 32, "budget: unknown key 'budget'"),
    ("executor: local", "track: []", 32, "unknown key 'track'"),
    ("max_repeats: 2", "max_repeat: 2", 13, "mixes.capped.chat.max_repeat: unknown key"),
    ("epochs: 1", "epoch: 1", 19, "stages.sft.epoch: unknown key 'epoch'; did you mean 'epochs'?"),
    ("top: 1", "tops: 1", 20, "stages.dpo.promote.tops: unknown key 'tops'; did you mean 'top'?"),
    ("min_seeds: 2", "minseeds: 2", 30, "did you mean 'min_seeds'?"),
    ("epochs: 1", "beta: 1", 19, "'beta' belongs to dpo stages; this one is sft"),
    ("data: prefs", "mix: plain", 20, "this one is dpo, trained on `data`"),
    ("seeds: [1, 2]", "seeds: [1, 2]\nseeds: [3]", 4, "the key 'seeds' stands on line 3 already"),
    ("lr: 5e-5", "lr: 5e-5, lr: 1e-5", 21, "the key 'lr' stands on line 21 already"),
    ("  plain: {chat", "  1: {chat", 11, "the key 1 is not text; put it in quotes"),
    ("  plain: {chat", "  a b: {chat", 11, "'a b' is no name"),
    ("  plain: {chat", '  "a\\nb": {chat', 11, "the key 'a\\nb' is too long, or not printable"),
    ("  plain: {chat", "  [a]: {chat", 11, "is not text; put it in quotes"),
    ("lr: 5e-5", "lr: 5e-5\n\n    oops", 21, "found 5e-5 oops; it must be a number"),
    # types
    ("lr: 5e-5", 'lr: "5e-5"', 21, 'found "5e-5"; it must be a number above 0; write 5e-5 without'),
    (
        "rows: 100, max",
        "rows: 1_000, max",
        13,
        "found 1_000; it must be a whole number at least 1; write 1000",
    ),
    (
        "rows: 100, max",
        "rows: 1e3, max",
        13,
        "mixes.capped.chat.rows: found 1e3; it must be a whole number",
    ),
    ("rows: 100, max", "rows: 0, max", 13, "found 0; it must be a whole number at least 1"),
    ("lr: 5e-5", "lr: 0", 21, "stages.rlvr.lr: found 0; it must be a number above 0"),
    ("lr: 5e-5", "lr: -1e-4", 21, "found -1e-4"),
    ("lr: 5e-5", "lr: .nan", 21, "stages.rlvr.lr: .nan is no finite number"),
    ("lr: 5e-5", "lr: -.inf", 21, "-.inf is no finite number"),
    ("lr: 5e-5", "lr: 1e999", 21, "the number 1e999 is too large"),
    ("lr: 5e-5", "lr: nan", 21, "found nan; it must be a number above 0"),
    ("lr: 5e-5", "lr: true", 21, "found true; it must be a number"),
    ("lr: 5e-5", "lr: ", 21, "found nothing; it must be a number above 0"),
    ("lr: 5e-5", "lr: {a: 1}", 21, "found a mapping; it must be a number above 0 or a list"),
    ("lr: 5e-5", "lr: []", 21, "found an empty list"),
    ("lr: [5e-4, 1e-3]", "lr: [5e-4, '1e-3']", 19, 'stages.sft.lr[1]: found "1e-3"'),
    ("steps: 3", "steps: yes", 21, "found yes; it must be a whole number"),
    ("epochs: 1", "packing: yes", 19, "found yes; it must be true or false"),
    ("epochs: 1", "packing: 1", 19, "found 1; it must be true or false"),
    ("epochs: 1", "epochs: 0", 19, "found 0; it must be a number above 0"),
    ("epochs: 1", "schedule: cosin", 19, "found cosin; it must be linear or cosine or constant"),
    ("epochs: 1", "warmup: 1", 19, "it must be a number at least 0 and below 1"),
    (
        "seeds: [1, 2]",
        "seeds: []",
        3,
        "found an empty list; it must be a list of at least one item",
    ),
    ("seeds: [1, 2]", "seeds: [1, 1]", 3, "seeds[1]: found 1 a second time; seeds are distinct"),
    ("seeds: [1, 2]", "seeds: [-1]", 3, "seeds[0]: found -1"),
    ("seeds: [1, 2]", "seeds: [true]", 3, "seeds[0]: found true"),
    (
        "seeds: [1, 2]",
        "seeds:\n  - 1\n  - 2.0",
        5,
        "seeds[1]: found 2.0; it must be a whole number",
    ),
    ("name: base", "name: ../base", 1, "found ../base; it must be a folder name"),
    ("name: base", "name: 7", 1, "found 7; it must be a folder name"),
    ("executor: local", "executor: ray", 32, "found ray; it must be local"),
    # model
    ("model: tiny", "model: tyni", 2, "neither a preset (tiny) nor a folder"),
    ("model: tiny", "model: org/name", 2, "for a model of the Hub write {id: org/name"),
    ("model: tiny", "model: no-model", 2, "config.json is missing"),
    ("model: tiny", "model: {id: gpt2}", 2, "model.id: found gpt2; it must be a Hub id org/name"),
    (
        "model: tiny",
        "model: {id: a/b, revision: 12}",
        2,
        "model.revision: found 12; it must be text; put it in quotes",
    ),
    # suites
    (
        "dev: mini-dev",
        "dev: mini-dv",
        4,
        "suites.dev: unknown suite 'mini-dv'; did you mean 'mini-dev'?",
    ),
    ("dev: mini-dev", "dev: mini-unseen", 4, "is of tier 'held-out'; dev takes 'development'"),
    ("heldout: mini-unseen}", "heldout: mini-dev}", 4, "heldout takes 'held-out'"),
    ("heldout: mini-unseen}", "heldout: unheld.yaml}", 4, "benchmark 'mini_gsm' is in dev too"),
    ("heldout: mini-unseen}", "heldout: gone.yaml}", 4, "gone.yaml does not exist"),
    ("heldout: mini-unseen}", "heldout: broken.yaml}", 4, "broken.yaml: while parsing"),
    ("{dev: mini-dev, heldout", "{heldout", 4, "suites: the key 'dev' is missing"),
    # sources
    (
        "tiny:chat",
        "tiny:chatt",
        6,
        "unknown embedded source 'tiny:chatt'; did you mean 'tiny:chat'?",
    ),
    ("tiny:chat", "chat", 6, 'found "chat"; it must be tiny:NAME, a file'),
    ("rows.jsonl", "gone.jsonl", 7, "data.words.source: there is no file"),
    ("rows.jsonl", "gone/*.jsonl", 7, "no file matches"),
    ("rows.jsonl", "empty.jsonl", 7, "empty.jsonl is empty"),
    ("rows.jsonl", "'*.jsonl'", 7, "empty.jsonl is empty"),
    ("rows.jsonl", "rows.csv", 7, "convert it to .jsonl"),
    ("rows.jsonl", "./shards", 7, "name the files in it"),
    ("rows.jsonl", "/etc/hosts.json", 7, "/etc/hosts.json lies outside of"),
    ("rows.jsonl", "../*/rows.jsonl", 7, "copy it in, or pass it as a Hub id"),
    ("rows: 100, verifier: gsm8k", "split: test", 7, "data.words.split: only a dataset of the Hub"),
    ("verifier: gsm8k", "verifier: gsm8", 7, "unknown verifier 'gsm8'; did you mean 'gsm8k'?"),
    ("verifier: gsm8k", "reference: '{a}'", 7, "'reference' has no effect without 'verifier'"),
    (', assistant: "{a}"', "", 7, "'user' has no effect without 'assistant'"),
    ('user: "{q}"', 'user: "{q"', 7, "as a format string: expected '}'"),
    ('user: "{q}"', 'user: "{q.__class__}"', 7, "inside braces stands a column's name, no more"),
    ('user: "{q}"', 'user: "{q!r:>9}"', 7, "inside braces stands a column's name, no more"),
    ('user: "{q}"', 'user: "why?"', 7, "it names no column"),
    # mixes
    ("chat: 0.5", "chat: 0.4", 12, "mixes.half: the shares sum to 0.9; they must sum to 1"),
    (
        "chat: 0.5",
        "chat: 2000",
        12,
        "found 2000; it must be a number above 0 and at most 1; for a number of rows",
    ),
    ("chat: 0.5", "chat: 0", 12, "mixes.half.chat: found 0"),
    ("chat: 0.5", "chat: -0.5", 12, "found -0.5"),
    ("chat: 0.5", "caht: 0.5", 12, "mixes.half.caht: unknown source 'caht'; did you mean 'chat'?"),
    ("chat: 0.5", "prefs: 0.5", 12, "source 'prefs' holds preference pairs"),
    ("words: 0.5", "words: {rows: 5}", 12, "use shares for all parts or none"),
    ("{chat: 1.0}", "{}", 11, "mixes.plain: found an empty mapping"),
    ("{fraction: 0.5}", "{fraction: 0.5, rows: 3}", 13, "write either {rows: N} or {fraction: F}"),
    ("{fraction: 0.5}", "{fraction: 0.5, max_repeats: 3}", 13, "only {rows: N} repeats rows"),
    (
        "{fraction: 0.5}",
        "{fraction: 1.5}",
        13,
        "found 1.5; it must be a number above 0 and at most 1",
    ),
    # decontam
    ("preset: default", "preset: tulu4", 16, "unknown preset 'tulu4'; did you mean 'tulu3'?"),
    ("[dev, mini-unseen]", "[dev, mini-unsen]", 15, "decontam.against[1]: unknown suite or task"),
    ("[dev, mini-unseen]", "[dev, gone.yaml]", 15, "gone.yaml does not exist"),
    ("half: report", "hlaf: report", 17, "unknown mix or source 'hlaf'; did you mean 'half'?"),
    ("half: report", "half: keep", 17, "found keep; it must be drop or block or report"),
    (DECONTAM, "decontam: off\n", 14, "found off; it must be a mapping; the check is never off"),
    # stages
    (
        "rlvr: {method: rlvr",
        "rl: {method: rlv",
        21,
        "stages.rl.method: found rlv; it must be sft or dpo or rlvr",
    ),
    (
        "rlvr: {method: rlvr, ",
        "rlv: {",
        21,
        "'method' is missing, and 'rlv' is no method; did you mean 'rlvr'?",
    ),
    (
        "[plain, half]",
        "[plain, hafl]",
        19,
        "stages.sft.mix[1]: unknown mix 'hafl'; did you mean 'half'?",
    ),
    ("mix: [plain, half], ", "", 19, "stages.sft: the key 'mix' is missing"),
    ("lr: 5e-5, ", "", 21, "'lr' is missing; give it, or a preset (tulu3-8b, tulu3-70b)"),
    ("preset: tulu3-8b", "preset: tulu", 19, "found tulu; it must be tulu3-8b or tulu3-70b"),
    ("from: dpo", "from: dpp", 21, "stages.rlvr.from: unknown stage 'dpp'; did you mean 'dpo'?"),
    ("from: dpo, ", "", 21, "rlvr continues from another stage"),
    (
        "mix: [plain, half]",
        "from: rlvr, mix: [plain, half]",
        20,
        "stages form a circle: sft -> dpo -> rlvr -> sft",
    ),
    ("from: dpo", "from: rlvr", 21, "stages form a circle: rlvr -> rlvr"),
    ("data: prefs", "data: chat", 20, "source 'chat' holds chat rows; dpo needs preference pairs"),
    (
        "prompts: prompts",
        "prompts: prefs",
        21,
        "source 'prefs' holds preference rows; rlvr needs prompts",
    ),
    ("top: 1", "top: 5", 20, "stages.dpo.promote.top: found 5; stage 'sft' has 4 arms"),
    ("by: dev", "by: heldout", 20, "found heldout; it must be dev"),
    ("epochs: 1", "promote: {top: 1}", 19, "only a stage with `from` has arms to promote"),
    ("[5e-4, 1e-3]", "[1e-3, 0.001]", 19, "stages.sft.lr[1]: found 0.001 a second time"),
    ("zip: [beta, lr]", "zip: [beta]", 20, "`zip` ties two axes or more"),
    ("zip: [beta, lr]", "zip: [beta, beta]", 20, "axis 'beta' is tied already"),
    (
        "zip: [beta, lr]",
        "zip: [beta, lrr]",
        20,
        "stages.dpo.zip[1]: unknown axis 'lrr'; did you mean 'lr'?",
    ),
    ("zip: [beta, lr]", "zip: [[beta, lr], lr]", 20, "found names beside lists"),
    ("beta: [1, 5]", "beta: [1, 5, 9]", 20, "tied axes are equally long; beta has 3, lr has 2"),
    # arms, contrasts, gate
    (
        "mix: plain, lr: 5e-4}",
        "mix: plain}",
        22,
        "baseline: 2 arms of stage 'sft' fit, not one; it has mix: plain, half; lr: 0.0005",
    ),
    (
        "mix: plain, lr: 5e-4}",
        "mix: capped, lr: 5e-4}",
        22,
        "baseline.mix: found capped; the values of 'mix' are plain, half",
    ),
    ("mix: plain, lr: 5e-4}", "mix: plain, epochs: 1}", 22, "stage 'sft' has no axis 'epochs'"),
    (
        "mix: plain, lr: 5e-4}",
        "mix: plain, lr: '5e-4'}",
        22,
        "found \"5e-4\"; the values of 'lr' are 0.0005, 0.001",
    ),
    (
        "mix: plain, lr: 5e-4}",
        "mix: plain, lr: [5e-4]}",
        22,
        "baseline.lr: found a list; it must be a value",
    ),
    ("{stage: sft, mix: plain", "{mix: plain", 22, "baseline: the key 'stage' is missing"),
    (
        "{stage: sft, mix: plain",
        "{stage: stf, mix: plain",
        22,
        "unknown stage 'stf'; did you mean 'sft'?",
    ),
    ("beta: 5}", "beta: 1}", 24, "contrasts.beta: an arm is compared with itself"),
    ("of: {stage: dpo, beta: 5}, ", "", 24, "contrasts.beta: the key 'of' is missing"),
    ("suite: heldout", "suite: heldot", 26, "did you mean 'heldout'?"),
    (
        ", heldout: mini-unseen}",
        "}",
        26,
        "the gate reads suite 'heldout', which `suites` does not have",
    ),
    (
        "improve: {suite: dev}",
        "improve: {suite: dve}",
        29,
        "gate.improve.suite: unknown suite 'dve'",
    ),
    ("improve: {suite: dev}", "improve: dev", 29, "found dev; it must be a mapping"),
    ("mini_gsm_fresh: 0.03", "mini_gsm_frsh: 0.03", 28, "did you mean 'mini_gsm_fresh'?"),
    ("mini_gsm_fresh: 0.03", "mini_gsm_fresh: 3", 28, "one point is 0.01"),
    ("{default: 0.01, mini_gsm_fresh: 0.03}", "0.01", 28, "write {default: 0.01}"),
    ("min_seeds: 2", "min_seeds: 3", 30, "found 3, but the sweep has 2 seeds"),
    (
        "max_contamination: 0.02",
        "max_contamination: 2",
        31,
        "it must be a number at least 0 and at most 1",
    ),
    # YAML
    ("seeds: [1, 2]", "seeds: [1, 2", 4, "this is not YAML: expected ',' or ']'"),
    ("  plain: {chat", "\tplain: {chat", 11, "found a tab"),
    ("executor: local", "executor: local\n---\nname: two", 33, "a second document starts here"),
    ("model: tiny", "model: !!python/object:os.system tiny", 2, "is not read; remove it"),
    ("model: tiny", "model: *base", 2, "found undefined alias 'base'"),
    ("model: tiny", "model: &m {id: *m}", 2, "this value refers to itself"),
    ("model: tiny", "model: &m {<<: *m}", 2, "this value refers to itself"),
    ("model: tiny", "model: {<<: 3}", 2, "`<<` merges a mapping"),
    ("model: tiny", f"model: {'[' * 400}{']' * 400}", 2, "values are nested too deeply"),
    ("model: tiny", "model: ti\x00ny", 2, "character U+0000 is not allowed"),
]
# fmt: on


@pytest.mark.parametrize(("old", "new", "line", "fragment"), BAD, ids=[b[3][:50] for b in BAD])
def test_a_wrong_file_is_refused_with_line_and_remedy(folder, old, new, line, fragment):
    message = refusal(folder, edited(old, new))
    assert message.startswith(f"{folder / 'sweep.yaml'}:{line}: "), message
    assert fragment in message
    assert len(message.splitlines()) <= 3


def test_a_gate_needs_something_to_compare_with(folder):
    text = edited("baseline: {stage: sft, mix: plain, lr: 5e-4}\n", "")
    load(folder, text)
    without = text.replace("  against: {stage: sft, mix: half, lr: 1e-3}\n", "")
    assert ":24: gate: the gate has nothing to compare with" in refusal(folder, without)


def test_prompts_from_a_file_need_a_verifier(folder):
    text = edited("prompts: prompts", "prompts: words")
    assert load(folder, text).stages[2].arms[0].data == "words"
    unverified = text.replace("verifier: gsm8k, ", "")
    assert ":21: stages.rlvr.prompts: source 'words' has no `verifier`" in refusal(
        folder, unverified
    )


@pytest.mark.parametrize(
    ("text", "where", "fragment"),
    [
        ("", ":1: ", "the file is empty"),
        ("# only a comment\n", ":1: ", "the file is empty"),
        ("- a\n- b\n", ":1: ", "found a list; the file must be a mapping"),
        ("just text\n", ":1: ", "found just text; the file must be a mapping"),
        ("{}", ":1: ", "found an empty mapping"),
        (b"name: base\nmodel: caf\xe9\n", ":2: ", "byte 0xe9 is not UTF-8"),
        (GOOD.encode("utf-16"), ":1: ", "save the file as UTF-8"),
    ],
)
def test_a_file_that_holds_no_mapping_is_refused(folder, text, where, fragment):
    message = refusal(folder, text)
    assert message.startswith(f"{folder / 'sweep.yaml'}{where}")
    assert fragment in message


def test_a_file_that_cannot_be_read_is_refused(tmp_path):
    with pytest.raises(RequestError, match="there is no such file"):
        load_sweep(tmp_path / "sweep.yaml")
    with pytest.raises(RequestError, match="this is a folder"):
        load_sweep(tmp_path)


def test_a_short_file_that_unfolds_to_a_huge_one_is_refused(folder):
    levels = [f"l{i}: &l{i} [{', '.join([f'*l{i - 1}'] * 9)}]" for i in range(1, 9)]
    assert "unfolds to more than" in refusal(folder, "\n".join(["l0: &l0 [x]", *levels]))


def test_a_grid_beyond_reason_is_refused(folder):
    rates = ", ".join(f"{n}e-6" for n in range(1, 201))
    text = edited("lr: [5e-4, 1e-3], epochs: 1", f"lr: [{rates}], epochs: [{rates}]")
    assert ":19: stages.sft: the grid has 80000 arms" in refusal(folder, text)


def test_a_file_outside_of_the_project_is_refused_through_a_link_too(tmp_path):
    inner = tmp_path / "project"
    inner.mkdir()
    project(inner)
    (tmp_path / "outside.jsonl").write_text("{}\n")
    (inner / "link.jsonl").symlink_to(tmp_path / "outside.jsonl")
    (inner / "linked").symlink_to(tmp_path)
    for source in ("link.jsonl", "../outside.jsonl", "l*.jsonl", "linked/*.jsonl"):
        message = refusal(inner, edited("rows.jsonl", f"'{source}'"))
        assert "outside.jsonl lies outside" in message or "linked" in source, message
        assert "copy it in" in message


def test_a_file_inside_the_working_directory_is_inside_the_project(tmp_path, monkeypatch):
    inner = tmp_path / "sweeps"
    inner.mkdir()
    project(inner)
    (tmp_path / "outside.jsonl").write_text("{}\n")
    monkeypatch.chdir(tmp_path)
    sweep = load(inner, edited("rows.jsonl", "../outside.jsonl"))
    assert sweep.sources["words"].source == str(tmp_path / "outside.jsonl")
