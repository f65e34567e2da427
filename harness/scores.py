"""Scores of every checkpoint, looked up by benchmark and arm and aligned item by item."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from evals.halves import Half, in_half
from evals.suite import Benchmark, Suite
from harness.runs import TrainedArm

if TYPE_CHECKING:
    import pandas as pd

COLUMNS = ("key", "benchmark", "item", "score", "prompt_digest")


@dataclass(frozen=True, slots=True)
class ItemScores:
    """One checkpoint on one benchmark, sorted by item; replicates are averaged."""

    items: NDArray[np.object_]
    prompts: NDArray[np.object_]
    """Digest of each item's final prompt."""
    scores: NDArray[np.float64]
    labels: Mapping[str, NDArray[np.object_]]
    """`cluster` and `stratum` of each item, as far as the scores carry them."""


@dataclass(frozen=True, slots=True)
class ArmScores:
    """One arm on one benchmark over its seeds."""

    items: NDArray[np.object_]
    prompts: NDArray[np.object_]
    scores: NDArray[np.float64]
    """Shape `[seeds, items]`."""
    cluster: NDArray[np.object_] | None = None
    """The cluster of each item, where the suite states clusters."""
    stratum: NDArray[np.object_] | None = None
    """The fixed subtask of each item, where the suite states such."""

    @property
    def units(self) -> NDArray[np.object_]:
        """What is drawn as a whole: clusters, or items."""
        return self.items if self.cluster is None else self.cluster

    @property
    def mean(self) -> float:
        """Mean over seeds and items, in [0, 1]."""
        return float(self.scores.mean())

    @property
    def seeds(self) -> int:
        """How many seeds were scored."""
        return len(self.scores)


@dataclass(frozen=True, slots=True)
class ScoreTable:
    """Every score of a sweep."""

    cells: Mapping[tuple[str, str], ItemScores]
    """(checkpoint key, benchmark) -> scores."""
    half: Half = "gate"
    """The half of fresh twins that is read."""

    def arm(self, arm: TrainedArm, benchmark: Benchmark) -> ArmScores:
        """Scores of every seed of an arm on one benchmark, or on this table's half of a twin.

        Raises:
            ValueError: a seed has no scores or scored another number of items than the suite says,
                its items or prompts differ from another seed's, or its scores lack the clusters or
                strata that the suite states; names benchmark, arm and seed.
        """
        seeds: list[ItemScores] = []
        for run in arm.runs:
            where = f"{benchmark.name}: {arm.name} at seed {run.seed}"
            cell = self.cells.get((run.key, benchmark.name))
            if cell is None:
                raise ValueError(f"{where} has no scores")
            if len(cell.items) != benchmark.scored:
                found = f"{len(cell.items)} of {benchmark.scored}"
                raise ValueError(f"{where} scored {found} items; the benchmark is partial")
            if seeds:
                _same(seeds[0], cell, f"{where} and at seed {arm.runs[0].seed}")
            seeds.append(cell)
        first, scores = seeds[0], np.stack([s.scores for s in seeds])
        stated = {"cluster": benchmark.cluster, "stratum": benchmark.stratum}
        for kind, field in stated.items():
            if field is not None and kind not in first.labels:
                raise ValueError(
                    f"{benchmark.name}: the suite states {kind} {field!r}, and {arm.name} was "
                    f"scored without it"
                )
        cluster, stratum = (first.labels[k] if stated[k] else None for k in stated)
        units = first.items if cluster is None else cluster
        kept = in_half(benchmark.name, benchmark.twin, units, self.half)
        return ArmScores(
            first.items[kept],
            first.prompts[kept],
            scores[:, kept],
            None if cluster is None else cluster[kept],
            None if stratum is None else stratum[kept],
        )

    def development(
        self, arms: Iterable[TrainedArm], suites: Mapping[str, Suite]
    ) -> Iterator[tuple[TrainedArm, Suite, Benchmark, ArmScores]]:
        """Each arm on each development benchmark that it was scored on whole.

        What is missing or partial is left out: where it is compared, `harness.deltas` lists it as
        absent, with the reason.
        """
        suites = {role: s for role, s in suites.items() if s.tier == "development"}
        for arm, suite in itertools.product(arms, suites.values()):
            for benchmark in suite.benchmarks:
                try:
                    scored = self.arm(arm, benchmark)
                except ValueError:
                    continue
                yield arm, suite, benchmark, scored

    def pair(
        self, of: TrainedArm, against: TrainedArm, benchmark: Benchmark
    ) -> tuple[ArmScores, ArmScores]:
        """Scores of two arms on the same items and prompts.

        Raises:
            ValueError: as `arm`, or the two were not shown the same items and prompts.
        """
        one, other = self.arm(of, benchmark), self.arm(against, benchmark)
        _same(one, other, f"{benchmark.name}: {of.name} and {against.name}")
        return one, other


def score_table(scores: pd.DataFrame, half: Half = "gate") -> ScoreTable:
    """Index a table of scores.

    Args:
        scores: One row per checkpoint, benchmark, item and replicate, with the columns `key` (of
            the stage that trained the checkpoint), `benchmark`, `item`, `score` (in [0, 1]),
            `prompt_digest`, and, where a suite states them, `cluster` and `stratum`.  Further
            columns are not read.
        half: The half of fresh twins that is read.

    Raises:
        ValueError: a column is missing, a score is not a number in [0, 1], or replicates of one
            item differ in prompt.
    """
    missing = [c for c in COLUMNS if c not in scores.columns]
    if missing:
        raise ValueError(f"the table of scores has no column {', '.join(missing)}")
    bad = scores[~scores["score"].between(0, 1)]
    if len(bad):
        row = bad.iloc[0]
        where = f"{row['benchmark']}: item {row['item']!r} of checkpoint {row['key']}"
        raise ValueError(f"{where} has score {row['score']}; it must lie in [0, 1]")
    groups = scores.groupby(["key", "benchmark"], sort=False, observed=True)
    cells = {(str(k), str(b)): _cell(frame, str(b)) for (k, b), frame in groups}
    return ScoreTable(cells, half)


def _cell(frame: pd.DataFrame, benchmark: str) -> ItemScores:
    names = frame["item"].astype(str).to_numpy(dtype=object)
    prompts = frame["prompt_digest"].astype(str).to_numpy(dtype=object)
    items, first, index = np.unique(names, return_index=True, return_inverse=True)
    if np.any(prompts[first][index] != prompts):
        raise ValueError(f"{benchmark}: replicates of one item were shown different prompts")
    values = frame["score"].to_numpy(dtype=np.float64)
    means = np.bincount(index, weights=values) / np.bincount(index)
    labels = {
        kind: frame[kind].astype(str).to_numpy(dtype=object)[first]
        for kind in ("cluster", "stratum")
        if kind in frame.columns and frame[kind].notna().all()
    }
    return ItemScores(items, prompts[first], means, labels)


def _same(one: ItemScores | ArmScores, other: ItemScores | ArmScores, where: str) -> None:
    mine, theirs = set(one.items), set(other.items)
    if mine != theirs:
        odd = sorted(mine ^ theirs)
        raise ValueError(f"{where} were scored on different items: {len(odd)} differ")
    changed = int(np.sum(one.prompts != other.prompts))
    if changed:
        raise ValueError(f"{where} were shown different prompts on {changed} items")
