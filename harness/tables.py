"""Published stages of a plan -> tables."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from harness.execute import Outcome
from harness.mix_check import BenchmarkCheck, MixCheck, PartCheck
from harness.plan import Chosen, Plan, PlannedRun, Stage
from harness.runs import Run
from harness.stage_time import StageStatus, StageTime
from harness.store import Store
from harness.sweep import Method

if TYPE_CHECKING:
    import pandas as pd

NONE: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Tables:
    """Everything a sweep measured."""

    runs: tuple[Run, ...]
    scores: pd.DataFrame
    """One row per checkpoint, benchmark, item and replicate."""
    checks: Mapping[str, MixCheck]
    """Name of a mix or source -> what its contamination check found."""
    stages: tuple[StageTime, ...]
    candidate: str | None
    """Label of the arm the gate judges."""


def collect(plan: Plan, outcome: Outcome, store: Store) -> Tables:
    """Read what a plan's published stages hold; stages that are not published are left out.

    Args:
        plan: The stages.
        outcome: What became of them.
        store: Where they are published.
    """
    reader = _Reader(plan, outcome, store)
    return Tables(
        runs=tuple(r for r in map(reader.run, plan.runs) if r),
        scores=reader.scores(),
        checks=reader.checks(),
        stages=tuple(map(reader.stage, plan.stages)),
        candidate=reader.candidate(),
    )


class _Reader:
    def __init__(self, plan: Plan, outcome: Outcome, store: Store) -> None:
        self.plan, self.outcome, self.store = plan, outcome, store
        self.keys = outcome.keys
        self.ran = set(outcome.ran)
        self.told: set[str] = set()
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
            parent_arm=parent.label if (parent := self.parent(planned)) else None,
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
        check = self.check(planned.data)
        return bool(check and check.leaks) or self.contaminated(self.parent(planned))

    def checks(self) -> dict[str, MixCheck]:
        found = [self.check(s.id) for s in self.plan.stages if s.kind == "decontam"]
        return {c.name: c for c in found if c}

    def check(self, stage: str) -> MixCheck | None:
        """What a decontam stage found."""
        out = self.published(stage)
        if out is None:
            return None
        info, summary = _read(out / "info.json"), _read(out / "summary.json")
        labels, matched = _labels(out / "matches.parquet"), _matched(out / "items.parquet")
        return MixCheck(
            name=stage.split(" ", 1)[1],
            action=info["action"],
            rows_read=info["rows_read"],
            rows_flagged=info["rows_flagged"],
            rows_kept=info["rows_kept"],
            benchmarks=tuple(
                BenchmarkCheck(
                    name, b["items"], b["matched"], labels.get(name, {}), matched.get(name, NONE)
                )
                for name, b in summary["benchmarks"].items()
            ),
            parts=tuple(PartCheck(name, **counts) for name, counts in info["by_part"].items()),
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
            whole_table = pq.read_table(out / "items.parquet")
            frame = whole_table.drop_columns(["prompt", "metrics"]).to_pandas()
            frames.append(frame.assign(key=record.inputs["checkpoint"]))
        if not frames:
            return pd.DataFrame(columns=["key", "benchmark", "item", "score", "prompt_digest"])
        whole = pd.concat(frames, ignore_index=True)
        distinct: pd.DataFrame = whole.drop_duplicates(["key", "benchmark", "item", "replicate"])
        return distinct

    def stage(self, stage: Stage) -> StageTime:
        """What became of a stage and how long it took."""
        if stage.id in self.outcome.failed:
            return StageTime(stage.id, stage.kind, "failed", reason=self.outcome.failed[stage.id])
        if stage.id in self.outcome.skipped:
            return StageTime(stage.id, stage.kind, "blocked", reason="something it needs failed")
        record = self.store.record(stage.kind, self.keys[stage.id])
        key = self.keys[stage.id]
        # Stages of one key run once: the others of that key reuse what the first published.
        status: StageStatus = "ran" if stage.id in self.ran and key not in self.told else "reused"
        self.told.add(key)
        return StageTime(stage.id, stage.kind, status, record.seconds if record else None)


def _labels(matches: Path) -> dict[str, dict[str, int]]:
    """Benchmark -> label -> items found under it; a template variant is another item."""
    import pyarrow.parquet as pq

    rows = pq.read_table(matches, columns=["benchmark", "item", "label"]).to_pylist()
    found: dict[str, dict[str, int]] = {}
    for benchmark, _, label in sorted({(r["benchmark"], r["item"], r["label"]) for r in rows}):
        counts = found.setdefault(benchmark, {})
        if label != "template_variant":
            counts[label] = counts.get(label, 0) + 1
    return found


def _matched(items: Path) -> dict[str, frozenset[str]]:
    """Benchmark -> ids of the items that are in at least one row."""
    import pyarrow.parquet as pq

    found: dict[str, set[str]] = {}
    for row in pq.read_table(items, columns=["benchmark", "item", "rows"]).to_pylist():
        if row["rows"]:
            found.setdefault(row["benchmark"], set()).add(row["item"])
    return {name: frozenset(items) for name, items in found.items()}


def _read(path: Path) -> dict[str, Any]:
    value: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return value
