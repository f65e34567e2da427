"""Sweep -> Plan."""

from __future__ import annotations

from pathlib import Path

import pytest

from harness.job import load_stages
from harness.plan import Chosen, Output, Plan
from harness.planner import make_plan, suites_of
from harness.resolve import resolve_keys
from harness.store import Store
from harness.sweep import Sweep
from harness.sweep_file import load_sweep

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def sweep() -> Sweep:
    return load_sweep(ROOT / "sweeps" / "quickstart.yaml")


@pytest.fixture(scope="module")
def plan(sweep: Sweep) -> Plan:
    return make_plan(sweep)


def edited(tmp_path: Path, old: str, new: str) -> Plan:
    text = (ROOT / "sweeps" / "quickstart.yaml").read_text()
    assert old in text
    path = tmp_path / "edited.yaml"
    path.write_text(text.replace(old, new))
    return make_plan(load_sweep(path))


def test_inputs_come_before_their_consumers(plan: Plan) -> None:
    seen: set[str] = set()
    for stage in plan.stages:
        for given in stage.inputs.values():
            needed = (
                {given.stage}
                if isinstance(given, Output)
                else {given.promote, *given.candidates.values()}
            )
            assert needed <= seen, stage.id
        seen.add(stage.id)


def test_arms_that_share_a_prefix_share_its_stages(plan: Plan) -> None:
    shared = plan.shared()
    assert (shared["sft"], shared["dpo"], shared["rlvr"]) == (8, 4, 2)
    assert plan.naive["sft"] == 14
    assert plan.naive["dpo"] == 6


def test_no_held_out_number_reaches_a_promotion(plan: Plan, sweep: Sweep) -> None:
    heldout = {b.name for b in suites_of(sweep)["heldout"].benchmarks}
    scored = {s.id: s.params["name"] for s in plan.stages if s.kind == "eval"}
    promotions = [s for s in plan.stages if s.kind == "promote"]
    assert len(promotions) == 3
    for stage in promotions:
        read = {scored[i.stage] for i in stage.inputs.values() if getattr(i, "stage", "") in scored}
        assert read == {"mini_gsm", "mini_math", "mini_ifeval"}
        assert not read & heldout


def test_held_out_benchmarks_are_scored_only_where_the_gate_or_a_contrast_reads_them(
    plan: Plan, sweep: Sweep
) -> None:
    heldout = {b.name: b for b in suites_of(sweep)["heldout"].benchmarks}
    for run in plan.runs:
        read = set(run.evals) & set(heldout)
        if run.label == "mix=skills":
            assert read == set(heldout)
        elif run.label in ("mix=leaky", "mix=leaky-kept"):
            assert read == {name for name, b in heldout.items() if b.twin}
        else:
            assert not read


def test_a_leak_in_an_earlier_stage_bars_the_arms_that_continue_it(tmp_path: Path) -> None:
    plan = edited(tmp_path, "dpo:  {from: sft, promote: {top: 1, by: dev},", "dpo:  {from: sft,")
    (promotion,) = (s for s in plan.stages if s.id == "promote top 1 of dpo")
    arm = "beta=1.0 from=(mix=leaky-kept)"
    read = {role for role in promotion.inputs if role.startswith(f"decontam[{arm}][")}
    assert read == {f"decontam[{arm}][decontam prefs]", f"decontam[{arm}][decontam leaky-kept]"}


def test_promoted_arms_continue_at_the_same_seed(plan: Plan) -> None:
    for run in plan.runs:
        if isinstance(run.parent, Chosen):
            assert all(f"seed={run.seed}" in stage for stage in run.parent.candidates.values())


def data_keys(plan: Plan, store: Path) -> dict[str, str | None]:
    return resolve_keys(plan, Store(store), load_stages())


def test_a_key_ignores_names_of_other_things_and_changes_with_what_matters(
    plan: Plan, tmp_path: Path
) -> None:
    before = data_keys(plan, tmp_path)
    renamed = data_keys(edited(tmp_path, "name: quickstart", "name: other"), tmp_path)
    assert renamed == before
    more = edited(tmp_path, "mixes:", '  extra: {source: "tiny:chat"}\n\nmixes:')
    assert data_keys(more, tmp_path) == before
    fewer = edited(tmp_path, 'words:       {source: "tiny:word-problems"}',
                   'words:       {source: "tiny:word-problems", rows: 9}')  # fmt: skip
    changed = {k for k, v in data_keys(fewer, tmp_path).items() if v != before[k]}
    assert changed == {"source words"}


def test_training_settings_enter_the_plan_as_asked(plan: Plan) -> None:
    (stage,) = (s for s in plan.stages if s.id == "dpo beta=5.0 seed=2")
    assert stage.params["beta"] == 5.0
    assert stage.params["loss"] == "sigmoid_norm"
    assert stage.seed == 2


@pytest.mark.parametrize("path", sorted((ROOT / "sweeps").glob("*.yaml")), ids=lambda p: p.name)
def test_every_sweep_in_the_project_loads_and_plans(path: Path) -> None:
    if path.name.endswith(".suite.yaml"):
        return
    assert make_plan(load_sweep(path)).stages
