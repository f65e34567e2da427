"""What was trained: one run per arm and seed, and the arms they form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from harness.sweep import ArmRef, Method, Scalar


@dataclass(frozen=True, slots=True)
class Run:
    """One trained checkpoint of a sweep."""

    stage: str
    """Name of the training stage in the sweep file, e.g. `sft`."""
    method: Method
    arm: str
    """Label of the arm, unique within its stage, e.g. `mix=skills lr=0.0005`."""
    choice: Mapping[str, Scalar]
    seed: int
    key: str
    """Key of the stage that trained the checkpoint."""
    parent_arm: str | None = None
    """Label of the arm it continues from, in the stage its stage starts from."""
    contaminated: bool = False
    """Its training data, or that of a stage before, kept rows that hold benchmark items."""


@dataclass(frozen=True, slots=True)
class TrainedArm:
    """The runs of one arm over its seeds."""

    stage: str
    label: str
    runs: tuple[Run, ...]
    """In order of seed."""

    @property
    def name(self) -> str:
        """`sft mix=skills`; the stage's name alone for a stage without axes."""
        return self.stage if self.label == self.stage else f"{self.stage} {self.label}"

    @property
    def parent(self) -> str | None:
        """Label of the arm it continues from."""
        return self.runs[0].parent_arm

    @property
    def contaminated(self) -> bool:
        """Whether any of its runs trained on benchmark items."""
        return any(r.contaminated for r in self.runs)


def trained_arms(runs: Iterable[Run]) -> tuple[TrainedArm, ...]:
    """Group runs into arms, in order of first appearance.

    Raises:
        ValueError: a seed appears twice in an arm, or the seeds of an arm have different parents.
    """
    groups: dict[tuple[str, str], list[Run]] = {}
    for run in runs:
        groups.setdefault((run.stage, run.arm), []).append(run)
    for (stage, label), members in groups.items():
        seeds = [r.seed for r in members]
        if len(set(seeds)) < len(seeds):
            raise ValueError(f"arm {label!r} of stage {stage!r} has a seed twice: {seeds}")
        parents = {str(r.parent_arm) for r in members}
        if len(parents) > 1:
            raise ValueError(f"arm {label!r} of stage {stage!r} has parents {sorted(parents)}")
    return tuple(
        TrainedArm(stage, label, tuple(sorted(members, key=lambda r: r.seed)))
        for (stage, label), members in groups.items()
    )


def find_arm(arms: Sequence[TrainedArm], ref: ArmRef) -> TrainedArm:
    """The one trained arm that `ref` points to.

    Raises:
        ValueError: no trained arm fits, or more than one.
    """
    wanted = ref.choice.items()
    fits = [
        a
        for a in arms
        if a.stage == ref.stage and all(a.runs[0].choice.get(k) == v for k, v in wanted)
    ]
    if len(fits) != 1:
        said = " ".join([ref.stage, *(f"{k}={v}" for k, v in wanted)])
        found = "no run of it has finished" if not fits else f"{len(fits)} arms fit"
        raise ValueError(f"{said}: {found}")
    return fits[0]
