"""A sweep as a DAG of stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from harness.keys import Json
from harness.sweep import Arm

Kind = Literal["source", "mix", "decontam", "sft", "dpo", "rlvr", "eval", "promote"]


@dataclass(frozen=True, slots=True)
class Output:
    """The output of the stage with this id."""

    stage: str
    by: Literal["key", "digest"] = "key"
    """What of it enters the consumer's key: `digest` for data (what was produced), `key` for
    checkpoints (what was asked), so that the training plan is known before anything trains."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The checkpoint, at one seed, of the arm a `promote` stage ranked `rank` (0 is the best)."""

    promote: str
    rank: int
    candidates: Mapping[str, str]
    """Arm label -> id of the stage that trained it at this seed."""


Input = Output | Chosen


@dataclass(frozen=True, slots=True)
class Stage:
    """One unit of work: run once, published under its key."""

    id: str
    """Readable and unique in the plan, e.g. `sft mix=skills seed=1`."""
    kind: Kind
    params: Mapping[str, Json]
    inputs: Mapping[str, Input] = field(default_factory=dict)
    """Role -> input.  Several inputs of one role are told apart as `role[name]`."""
    seed: int | None = None
    where: Mapping[str, Json] = field(default_factory=dict)
    """Where the worker finds what `params` names by content: paths, which are not in the key."""
    group: str | None = None
    """Stages of one group that are ready together run in one process, e.g. the evaluations of one
    checkpoint."""


@dataclass(frozen=True, slots=True)
class PlannedRun:
    """One training run: an arm at a seed."""

    stage: str
    """Id of the training stage."""
    name: str
    """The sweep's name of the stage it belongs to, e.g. `dpo`."""
    method: str
    start: str | None
    """The sweep's name of the stage it continues; None for the base model."""
    arm: Arm
    label: str
    """The arm's label, unique within its stage: the choice and, where several parents went on,
    which one it continues."""
    seed: int
    parent: Input | None
    """The checkpoint it continues; None for the base model."""
    data: str
    """Id of the decontam stage its rows come from."""
    evals: Mapping[str, str]
    """Benchmark -> id of the stage that scores this run's checkpoint on it."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Every stage of a sweep, in an order in which inputs come before their consumers."""

    stages: tuple[Stage, ...]
    runs: tuple[PlannedRun, ...]
    candidate: str | None
    """Id of the promote stage whose first choice the gate judges."""
    naive: Mapping[str, int]
    """Kind -> number of training and evaluation stages if every arm ran its whole chain alone."""

    def shared(self) -> dict[str, int]:
        """Kind -> number of distinct stages."""
        kinds = [stage.kind for stage in self.stages]
        return {kind: kinds.count(kind) for kind in dict.fromkeys(kinds)}
