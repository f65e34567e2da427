"""Sweep -> Plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from evals.suite import Benchmark, Suite, load_suite
from harness.contents import benchmark_content, model_content, source_content
from harness.keys import Json
from harness.plan import Chosen, Input, Output, Plan, PlannedRun, Stage
from harness.sweep import Arm, ArmRef, Mix, StageSpec, Sweep

MIX_SEED = 0


def make_plan(sweep: Sweep, hub: Path | None = None) -> Plan:
    """Lay a sweep out as stages.

    Args:
        sweep: What was asked.
        hub: Mirror folder that stands in for the Hub.

    Raises:
        ValueError: a suite does not load, or a file, model or dataset is missing.
    """
    return _Planner(sweep, hub).plan()


@dataclass
class _Planner:
    """Stages collected while walking the sweep once, from data to gate."""

    sweep: Sweep
    hub: Path | None
    stages: dict[str, Stage] = field(default_factory=dict)
    runs: list[PlannedRun] = field(default_factory=list)

    def plan(self) -> Plan:
        self.suites = suites_of(self.sweep)
        for spec in self.sweep.stages:
            self._training_stage(spec)
        last = self.sweep.stages[-1].name
        candidate = self._promote(last, top=1) if self.sweep.gate else None
        if candidate:
            self._heldout_of_candidate(last, candidate)
        return Plan(tuple(self.stages.values()), tuple(self.runs), candidate, self._naive())

    def _add(self, stage: Stage) -> str:
        self.stages.setdefault(stage.id, stage)
        return stage.id

    # data

    def _source(self, name: str) -> str:
        params, where = source_content(self.sweep.sources[name], self.hub)
        return self._add(Stage(f"source {name}", "source", params, where=where))

    def _mix(self, mix: Mix) -> str:
        inputs = {
            f"source[{p.source}]": Output(self._source(p.source), "digest") for p in mix.parts
        }
        amounts: dict[str, Json] = {}
        for part in mix.parts:
            amount = asdict(part)
            amounts[amount.pop("source")] = amount
        params: dict[str, Json] = {"amounts": amounts, "seed": MIX_SEED}
        return self._add(Stage(f"mix {mix.name}", "mix", params, dict(inputs)))

    def _clean(self, name: str) -> str:
        """The checked rows of a mix or of a source that is trained on as it is."""
        mix = self.sweep.mixes.get(name)
        rows = self._mix(mix) if mix else self._source(name)
        policy = self.sweep.decontam
        benchmarks = checked_against(self.sweep, self.suites)
        params: dict[str, Json] = {
            "preset": policy.preset,
            "action": policy.action(name),
            "benchmarks": {b.name: benchmark_content(b, self.hub) for b in benchmarks},
        }
        where: dict[str, Json] = {"benchmarks": [asdict(b) for b in benchmarks]}
        inputs = {"rows": Output(rows, "digest")}
        return self._add(Stage(f"decontam {name}", "decontam", params, inputs, where=where))

    # training

    def _training_stage(self, spec: StageSpec) -> None:
        parents = list(self._parents(spec))
        for arm in spec.arms:
            for suffix, parent_by_seed in parents:
                for seed in self.sweep.seeds:
                    parent = parent_by_seed[seed] if parent_by_seed else None
                    self._run(spec, arm, arm.label + suffix, seed, parent)

    def _parents(self, spec: StageSpec) -> Iterator[tuple[str, Mapping[int, Input] | None]]:
        """Label suffix and checkpoint by seed of each parent a stage's arms continue."""
        if spec.start is None:
            yield "", None
            return
        before = [r for r in self.runs if r.name == spec.start]
        labels = list(dict.fromkeys(r.label for r in before))
        if spec.promote:
            promote = self._promote(spec.start, spec.promote.top)
            for rank in range(spec.promote.top):
                suffix = f" from=#{rank + 1}" if spec.promote.top > 1 else ""
                yield suffix, {s: Chosen(promote, rank, _at(before, s)) for s in self.sweep.seeds}
        else:
            for label in labels:
                suffix = f" from=({label})" if len(labels) > 1 else ""
                yield suffix, {s: Output(_at(before, s)[label]) for s in self.sweep.seeds}

    def _run(self, spec: StageSpec, arm: Arm, label: str, seed: int, parent: Input | None) -> None:
        data = self._clean(arm.data)
        inputs: dict[str, Input] = {"rows": Output(data, "digest")}
        params: dict[str, Json] = dict(arm.settings)
        where: dict[str, Json] = {}
        if parent is None:
            params["start"], where = model_content(self.sweep)
        else:
            inputs["start"] = parent
        title = f"{spec.name} {label}" if label != spec.name else label
        training = self._add(
            Stage(f"{title} seed={seed}", spec.method, params, inputs, seed=seed, where=where)
        )
        evals = {b.name: self._eval(training, Output(training), b) for b in self._scored(arm)}
        self.runs.append(
            PlannedRun(
                training, spec.name, spec.method, spec.start, arm, label, seed, parent, data, evals
            )
        )

    # evaluation

    def _scored(self, arm: Arm) -> list[Benchmark]:
        """Development for every run; held out only where the gate or a contrast reads it."""
        scored = list(self.suites["dev"].benchmarks)
        heldout = self.suites.get("heldout")
        if heldout and self._is(arm, self._gate_reference()):
            scored += heldout.benchmarks
        elif heldout and any(
            self._is(arm, r) for c in self.sweep.contrasts for r in (c.of, c.against)
        ):
            scored += [b for b in heldout.benchmarks if b.twin]
        return scored

    def _gate_reference(self) -> ArmRef | None:
        gate = self.sweep.gate
        return (gate.against or self.sweep.baseline) if gate else None

    def _is(self, arm: Arm, ref: ArmRef | None) -> bool:
        return ref is not None and self.sweep.resolve(ref) == arm

    def _eval(self, title: str, checkpoint: Input, benchmark: Benchmark) -> str:
        params = benchmark_content(benchmark, self.hub)
        return self._add(
            Stage(
                f"eval {benchmark.name} of {title}",
                "eval",
                params,
                {"checkpoint": checkpoint},
                where={"benchmark": asdict(benchmark)},
                group=f"eval {title}",
            )
        )

    def _promote(self, name: str, top: int) -> str:
        """The stage that ranks the arms of training stage `name` by their development scores."""
        runs = [r for r in self.runs if r.name == name]
        dev = [b.name for b in self.suites["dev"].benchmarks]
        inputs: dict[str, Input] = {}
        for run in runs:
            for data in self._trained_on(run):
                inputs[f"decontam[{run.label}][{data}]"] = Output(data)
            for benchmark in dev:
                role = f"eval[{run.label}][{run.seed}][{benchmark}]"
                inputs[role] = Output(run.evals[benchmark])
        params: dict[str, Json] = {
            "arms": list(dict.fromkeys(r.label for r in runs)),
            "seeds": list(self.sweep.seeds),
            "benchmarks": list(dev),
            "top": top,
        }
        return self._add(Stage(f"promote top {top} of {name}", "promote", params, inputs))

    def _trained_on(self, run: PlannedRun) -> list[str]:
        """The decontam stages of a run and of those it continues.

        A promotion has already left contaminated arms out, so the chain ends at one.
        """
        if not isinstance(run.parent, Output):
            return [run.data]
        parent = next(r for r in self.runs if r.stage == run.parent.stage)
        return [run.data, *self._trained_on(parent)]

    def _heldout_of_candidate(self, name: str, promote: str) -> None:
        runs = [r for r in self.runs if r.name == name]
        for seed in self.sweep.seeds:
            chosen = Chosen(promote, 0, _at(runs, seed))
            for benchmark in self.suites["heldout"].benchmarks:
                self._eval(f"candidate seed={seed}", chosen, benchmark)

    def _naive(self) -> dict[str, int]:
        """Trainings and evaluations if every arm repeated the chain it continues."""
        method = {spec.name: spec.method for spec in self.sweep.stages}
        start = {spec.name: spec.start for spec in self.sweep.stages}
        count: Counter[str] = Counter()
        for run in self.runs:
            name: str | None = run.name
            count["eval"] += len(run.evals)
            while name:
                count[method[name]] += 1
                name = start[name]
                count["eval"] += len(self.suites["dev"].benchmarks) if name else 0
        if self.sweep.gate:
            count["eval"] += len(self.suites["heldout"].benchmarks) * len(self.sweep.seeds)
        return dict(count)


def suites_of(sweep: Sweep) -> dict[str, Suite]:
    """The sweep's suites by role."""
    return {role: load_suite(name, sweep.path.parent) for role, name in sweep.suites.items()}


def checked_against(sweep: Sweep, suites: Mapping[str, Suite]) -> tuple[Benchmark, ...]:
    """Every benchmark that the sweep's training data is checked against."""
    found: dict[str, Benchmark] = {}
    for name in sweep.decontam.against:
        found.update({b.name: b for b in _named(name, sweep, suites)})
    return tuple(found.values())


def _named(name: str, sweep: Sweep, suites: Mapping[str, Suite]) -> tuple[Benchmark, ...]:
    """The benchmarks of a role, of a suite, or the one benchmark of this name."""
    if name in suites:
        return suites[name].benchmarks
    one = [b for s in suites.values() for b in s.benchmarks if b.name == name]
    return tuple(one[:1]) or load_suite(name, sweep.path.parent).benchmarks


def _at(runs: Sequence[PlannedRun], seed: int) -> dict[str, str]:
    return {run.label: run.stage for run in runs if run.seed == seed}
