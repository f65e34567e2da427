"""Published stages of a plan -> tables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from harness.plan import Chosen, Plan, PlannedRun
from harness.runs import Run
from harness.store import Store
from harness.sweep import Method

if TYPE_CHECKING:
    import pandas as pd

    from evals.suite import Suite
    from harness.deltas import Comparisons


@dataclass(frozen=True, slots=True)
class Contamination:
    """What the check of one mix or source found."""

    data: str
    """Name of the mix or source."""
    action: str
    rows_read: int
    rows_flagged: int
    rows_kept: int
    by_part: Mapping[str, Mapping[str, int]]
    """Source, or part of a source -> `rows` and `flagged`."""
    benchmarks: Mapping[str, Mapping[str, Any]]
    """Benchmark -> `items`, `matched`, `rate` and so on, from the check's summary."""

    @property
    def kept(self) -> bool:
        """Whether rows that match benchmark items were left in."""
        return self.action == "report" and self.rows_flagged > 0

    def held(self, benchmark: str) -> float:
        """Share of a benchmark's items that the rows trained on are known to hold."""
        return float(self.benchmarks[benchmark]["rate"]) if self.kept else 0.0


@dataclass(frozen=True)
class Tables:
    """Everything a sweep measured."""

    runs: tuple[Run, ...]
    scores: pd.DataFrame
    """One row per checkpoint, benchmark, item and replicate."""
    contamination: Mapping[str, Contamination]
    """Name of a mix or source -> what its check found."""
    seconds: Mapping[str, float]
    """Stage id -> seconds it took when it ran."""
    candidate: str | None
    """Label of the arm the gate judges."""


def collect(plan: Plan, keys: Mapping[str, str], store: Store) -> Tables:
    """Read what a plan's published stages hold; stages that are not published are left out.

    Args:
        plan: The stages.
        keys: Stage id -> key, where known.
        store: Where they are published.
    """
    reader = _Reader(plan, keys, store)
    return Tables(
        runs=tuple(r for r in map(reader.run, plan.runs) if r),
        scores=reader.scores(),
        contamination=reader.contamination(),
        seconds=reader.seconds(),
        candidate=reader.candidate(),
    )


class _Reader:
    def __init__(self, plan: Plan, keys: Mapping[str, str], store: Store) -> None:
        self.plan, self.keys, self.store = plan, keys, store
        self.kinds = {stage.id: stage.kind for stage in plan.stages}
        self.by_stage = {run.stage: run for run in plan.runs}

    def published(self, stage: str) -> Path | None:
        """Folder of a stage's output, if it is there."""
        key = self.keys.get(stage)
        if key is None or not self.store.has(self.kinds[stage], key):
            return None
        return self.store.out(self.kinds[stage], key)

    def run(self, planned: PlannedRun) -> Run | None:
        if self.published(planned.stage) is None:
            return None
        return Run(
            stage=planned.name,
            method=cast(Method, planned.method),
            arm=planned.label,
            choice=planned.arm.choice,
            seed=planned.seed,
            key=self.keys[planned.stage],
            parent_arm=(parent := self.parent(planned)) and parent.label,
            contaminated=self.contaminated(planned),
        )

    def parent(self, planned: PlannedRun) -> PlannedRun | None:
        given = planned.parent
        if given is None:
            return None
        if isinstance(given, Chosen):
            return self.by_stage[given.candidates[self.ranked(given.promote)[given.rank]]]
        return self.by_stage[given.stage]

    def ranked(self, promote: str) -> list[str]:
        """Labels of the arms that a promotion let go on, best first; none if it has not run."""
        out = self.published(promote)
        return list(_read(out / "choice.json")["ranked"]) if out else []

    def candidate(self) -> str | None:
        ranked = self.ranked(self.plan.candidate) if self.plan.candidate else []
        return ranked[0] if ranked else None

    def contaminated(self, planned: PlannedRun | None) -> bool:
        if planned is None:
            return False
        found = self._contamination(planned.data)
        return bool(found and found.kept) or self.contaminated(self.parent(planned))

    def contamination(self) -> dict[str, Contamination]:
        found = [self._contamination(s.id) for s in self.plan.stages if s.kind == "decontam"]
        return {c.data: c for c in found if c}

    def _contamination(self, stage: str) -> Contamination | None:
        out = self.published(stage)
        if out is None:
            return None
        benchmarks = _read(out / "summary.json")["benchmarks"]
        return Contamination(
            data=stage.split(" ", 1)[1], benchmarks=benchmarks, **_read(out / "info.json")
        )

    def scores(self) -> pd.DataFrame:
        import pandas as pd
        import pyarrow.parquet as pq

        frames = []
        for stage in self.plan.stages:
            out = self.published(stage.id) if stage.kind == "eval" else None
            if out is None:
                continue
            record = self.store.record("eval", self.keys[stage.id])
            assert record is not None
            frame = pq.read_table(out / "items.parquet").to_pandas()
            frames.append(frame.assign(key=record.inputs["checkpoint"]))
        if not frames:
            return pd.DataFrame(columns=["key", "benchmark", "item", "score", "prompt_digest"])
        whole = pd.concat(frames, ignore_index=True)
        return whole.drop_duplicates(["key", "benchmark", "item", "replicate"])

    def seconds(self) -> dict[str, float]:
        records = {
            s.id: self.store.record(s.kind, self.keys[s.id])
            for s in self.plan.stages
            if s.id in self.keys
        }
        return {stage: record.seconds for stage, record in records.items() if record}


def candidate_contamination(
    plan: Plan, tables: Tables, suites: Mapping[str, Suite]
) -> dict[str, float]:
    """Benchmark -> share of its items that the candidate's training data is known to hold.

    Counts every stage of the candidate's chain; a benchmark that some stage's data was not checked
    against is left out.
    """
    arms = {(r.stage, r.arm): r for r in tables.runs}
    data = {(r.name, r.label): r.data.split(" ", 1)[1] for r in plan.runs}
    starts = {r.name: r for r in plan.runs}
    names: list[str] = []
    stage = plan.runs[-1].name if plan.runs else None
    label = tables.candidate
    while stage is not None and label is not None and (stage, label) in arms:
        names.append(data[stage, label])
        label = arms[stage, label].parent_arm
        stage = starts[stage].start
    checks = [tables.contamination[name] for name in names if name in tables.contamination]
    return {
        b.name: max(c.held(b.name) for c in checks)
        for suite in suites.values()
        for b in suite.benchmarks
        if checks and all(b.name in c.benchmarks for c in checks)
    }


def write_tables(folder: Path, tables: Tables, comparisons: Comparisons) -> None:
    """Write `tables/*.parquet`; responses to benchmark items are left out.

    Args:
        folder: The `tables` folder.
        tables: What was measured.
        comparisons: What it says.
    """
    import pandas as pd

    folder.mkdir(parents=True, exist_ok=True)
    runs = pd.DataFrame([{**asdict(r), "choice": json.dumps(dict(r.choice))} for r in tables.runs])
    items = tables.scores.drop(columns=["response", "extracted"], errors="ignore")
    scores = (
        items.groupby(["key", "benchmark"], sort=False)["score"]
        .agg(score="mean", items="size")
        .reset_index()
    )
    found = [
        {"data": c.data, "action": c.action, "part": part, **counts}
        for c in tables.contamination.values()
        for part, counts in c.by_part.items()
    ]
    frames = {
        "runs": runs,
        "scores": scores,
        "items": items,
        "deltas": pd.DataFrame([asdict(d) for d in comparisons.deltas]),
        "contamination": pd.DataFrame(found),
    }
    for name, frame in frames.items():
        frame.to_parquet(folder / f"{name}.parquet", index=False)


def _read(path: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return value
