"""The whole file -> `Sweep`: every name resolves and the parts agree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from evals.suite import Suite, load_suite, suite_names
from harness.sweep import (
    Action,
    Contrast,
    DecontamPolicy,
    GatePolicy,
    Mix,
    SourceSpec,
    StageSpec,
    Sweep,
)
from harness.sweep_file.data import read_mix, read_source
from harness.sweep_file.grid import pick, read_arm, read_stages
from harness.sweep_file.keys import SWEEP
from harness.sweep_file.node import Node, read_yaml
from harness.sweep_file.shape import hint

MODELS = ("tiny",)
"""Base models by name."""
TIERS = {"dev": "development", "heldout": "held-out"}

Suites = Mapping[str, Suite]


def load_sweep(path: Path, *, hub: Path | None = None) -> Sweep:
    """Load a sweep and check all that can be checked without a network or a model.

    Args:
        path: The sweep file.  Paths in it are relative to its folder.
        hub: Mirror folder that stands in for the Hub; the network is never asked.

    Raises:
        RequestError: the file is wrong; one to three lines name file, line, key and remedy.
    """
    root = read_yaml(path)
    SWEEP.check(root)
    folder = path.resolve().parent
    model, revision = _model(root["model"], folder)
    seeds = _seeds(root["seeds"])
    suites = _suites(root["suites"], folder)
    sources = {name: read_source(name, node, folder, hub) for name, node in root["data"]}
    mixes = {name: read_mix(name, node, sources) for name, node in root.get("mixes") or ()}
    decontam = _decontam(root.get("decontam"), suites, mixes, sources, folder)
    stages = read_stages(root["stages"], mixes, sources)
    baseline, gate = root.get("baseline"), root.get("gate")
    return Sweep(
        name=root["name"].value,
        path=path.resolve(),
        model=model,
        revision=revision,
        seeds=seeds,
        suites={role: _located(node, folder) for role, node in root["suites"]},
        sources=sources,
        mixes=mixes,
        decontam=decontam,
        stages=stages,
        baseline=read_arm(baseline, stages) if baseline else None,
        contrasts=_contrasts(root.get("contrasts"), stages),
        gate=_gate(gate, root, suites, stages) if gate else None,
    )


def _model(node: Node, folder: Path) -> tuple[str, str | None]:
    if isinstance(node.value, dict):
        revision = node.get("revision")
        return node["id"].value, revision.value if revision else None
    name: str = node.value
    if name in MODELS:
        return name, None
    path = folder / name
    if (path / "config.json").is_file():
        return str(path.resolve()), None
    if path.is_dir():
        raise node.error(f"the folder {path} holds no model; config.json is missing")
    raise node.error(
        f"found {node.found}; it is neither a preset ({', '.join(MODELS)}) nor a folder; "
        "for a model of the Hub write {id: org/name, revision: COMMIT}"
    )


def _seeds(node: Node) -> tuple[int, ...]:
    if not isinstance(node.value, list):
        return (node.value,)
    seeds = [item.value for item in node.value]
    for i, item in enumerate(node.value):
        if item.value in seeds[:i]:
            raise item.error(f"found {item.value} a second time; seeds are distinct")
    return tuple(seeds)


def _located(node: Node, folder: Path) -> str:
    """A suite's name, or the absolute path of its file."""
    name: str = node.value
    return str((folder / name).resolve()) if name.endswith((".yaml", ".yml")) else name


def _suites(node: Node, folder: Path) -> Suites:
    suites = {role: _suite(child, folder) for role, child in node}
    for role, suite in suites.items():
        if suite.tier != TIERS[role]:
            raise node[role].error(
                f"suite {suite.name!r} is of tier {suite.tier!r}; {role} takes {TIERS[role]!r}"
            )
    if "heldout" in suites:
        dev = {name for b in suites["dev"].benchmarks for name in (b.name, b.task)}
        for benchmark in suites["heldout"].benchmarks:
            if dev & {benchmark.name, benchmark.task}:
                raise node["heldout"].error(
                    f"benchmark {benchmark.name!r} is in dev too; what is tuned on is not held out"
                )
    return suites


def _suite(node: Node, folder: Path) -> Suite:
    try:
        return load_suite(_located(node, folder))
    except (ValueError, OSError, yaml.YAMLError) as error:
        raise node.error(" ".join(str(error).split())) from None


def _decontam(
    node: Node | None,
    suites: Suites,
    mixes: Mapping[str, Mix],
    sources: Mapping[str, SourceSpec],
    folder: Path,
) -> DecontamPolicy:
    default = DecontamPolicy(against=tuple(role for role in TIERS if role in suites))
    if node is None:
        return default
    against, preset, action = node.get("against"), node.get("preset"), node.get("action")
    if preset:
        from decontam import PRESETS

        pick(preset, PRESETS, "preset")
    return DecontamPolicy(
        against=_against(against, suites, folder) if against else default.against,
        preset=preset.value if preset else default.preset,
        actions=_actions(action, {*mixes, *sources}) if action else default.actions,
    )


def _against(node: Node, suites: Suites, folder: Path) -> tuple[str, ...]:
    tasks = {b.name for suite in suites.values() for b in suite.benchmarks}
    known = {*suites, *tasks, *suite_names()}
    names: list[str] = []
    for item in node.value if isinstance(node.value, list) else [node]:
        if item.value in TIERS and item.value not in suites:
            raise item.error(f"`suites` has no {item.value}; add it there or remove it here")
        located = _located(item, folder)
        if located == item.value:
            pick(item, known, "suite or task")
        else:
            _suite(item, folder)
        names.append(located)
    return tuple(dict.fromkeys(names))


def _actions(node: Node, names: set[str]) -> dict[str, Action]:
    if not isinstance(node.value, dict):
        return {"default": node.value}
    for name, child in node:
        if name not in names | {"default"}:
            raise child.error(f"unknown mix or source {name!r}; {hint(name, names)}")
    return {"default": "drop", **node.plain()}


def _contrasts(node: Node | None, stages: Sequence[StageSpec]) -> tuple[Contrast, ...]:
    contrasts = []
    for name, child in node or ():
        contrast = Contrast(name, read_arm(child["of"], stages), read_arm(child["against"], stages))
        if contrast.of == contrast.against:
            raise child.error("an arm is compared with itself")
        contrasts.append(contrast)
    return tuple(contrasts)


def _gate(node: Node, root: Node, suites: Suites, stages: Sequence[StageSpec]) -> GatePolicy:
    default = GatePolicy()
    fields = {key: child.value for key, child in node}
    role = fields.get("suite", default.suite)
    if role not in suites:
        raise node.value.get("suite", node).error(
            f"the gate reads suite {role!r}, which `suites` does not have; {hint(role, suites)}"
        )
    against, improve, seeds = node.get("against"), node.get("improve"), node.get("min_seeds")
    if not against and not root.get("baseline"):
        raise node.error("the gate has nothing to compare with; add `against` or a baseline")
    given = len(_seeds(root["seeds"]))
    if seeds and seeds.value > given:
        raise seeds.error(f"found {seeds.value}, but the sweep has {given} seeds")
    margins = node.get("noninferior")
    return GatePolicy(
        suite=role,
        against=read_arm(against, stages) if against else None,
        noninferior=_margins(margins, suites[role]) if margins else {},
        improve=pick(improve["suite"], suites, "suite") if improve else None,
        min_seeds=fields.get("min_seeds", default.min_seeds),
        max_looks=fields.get("max_looks", default.max_looks),
        max_contamination=float(fields.get("max_contamination", default.max_contamination)),
    )


def _margins(node: Node, suite: Suite) -> dict[str, float]:
    names = [b.name for b in suite.benchmarks]
    for name, child in node:
        if name not in ("default", *names):
            raise child.error(
                f"suite {suite.name!r} has no benchmark {name!r}; {hint(name, names)}"
            )
    return {name: float(child.value) for name, child in node}
