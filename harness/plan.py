"""A sweep as a DAG of stages, each with a content key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from harness.keys import Json

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
    """Readable and unique in the plan, e.g. `sft/mix=skills/seed=1`."""
    kind: Kind
    params: Mapping[str, Json]
    inputs: Mapping[str, Input] = field(default_factory=dict)
    """Role -> input.  A role ending in `[]` followed by a name is one of several."""
    seed: int | None = None
    group: str | None = None
    """Stages of one group that are ready together run in one process, e.g. the evaluations of one
    checkpoint."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Every stage of a sweep, in an order in which inputs come before their consumers."""

    stages: tuple[Stage, ...]
    naive: Mapping[str, int]
    """Kind -> number of runs if every arm ran its whole chain alone."""
