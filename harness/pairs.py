"""Which arms are compared with which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from harness.comparisons import Absent, Kind
from harness.runs import TrainedArm, find_arm
from harness.sweep import ArmRef, Sweep


@dataclass(frozen=True, slots=True)
class Pair:
    """Two arms, and why they are set side by side."""

    of: TrainedArm
    against: TrainedArm
    kind: Kind
    name: str
    """Of a contrast, its name; else what the arm is compared with."""


def arm_pairs(sweep: Sweep, arms: Sequence[TrainedArm], absent: list[Absent]) -> list[Pair]:
    """Every arm against the baseline and its parent arm, and every contrast.

    Args:
        sweep: What was asked.
        arms: What was trained.
        absent: Gets what cannot be compared, with the reason.
    """
    pairs = [*_baseline(sweep, arms, absent), *_parents(sweep, arms)]
    return pairs + _contrasts(sweep, arms, absent)


def gate_pair(
    sweep: Sweep, arms: Sequence[TrainedArm], candidate: str | None, absent: list[Absent]
) -> Pair | None:
    """The gate's candidate and its reference arm.

    Args:
        sweep: What was asked.
        arms: What was trained.
        candidate: Label of the arm of the last stage that is judged.
        absent: Gets the reason where there is no such pair.
    """
    if sweep.gate is None:
        return None
    last = sweep.stages[-1].name
    of = next((a for a in arms if (a.stage, a.label) == (last, candidate)), None)
    if of is None:
        absent.append(Absent(last, "", "", "gate", f"no arm of stage {last} became the candidate"))
        return None
    ref = sweep.gate.against or sweep.baseline
    if ref is None:
        absent.append(Absent(of.name, "", "", "gate", "the sweep names no baseline"))
        return None
    against = _find(arms, ref, "gate", absent)
    if against is of:
        absent.append(Absent(of.name, of.name, "", "gate", "the candidate is the reference itself"))
        return None
    return Pair(of, against, "gate", "gate") if against else None


def _baseline(sweep: Sweep, arms: Sequence[TrainedArm], absent: list[Absent]) -> list[Pair]:
    if sweep.baseline is None:
        return []
    base = _find(arms, sweep.baseline, "baseline", absent)
    others = [a for a in arms if a != base]
    return [Pair(a, base, "baseline", "baseline") for a in others] if base else []


def _parents(sweep: Sweep, arms: Sequence[TrainedArm]) -> list[Pair]:
    starts = {s.name: s.start for s in sweep.stages}
    known = {(a.stage, a.label): a for a in arms}
    pairs = []
    for arm in arms:
        start = starts.get(arm.stage)
        if start and arm.parent is not None and (start, arm.parent) in known:
            pairs.append(Pair(arm, known[start, arm.parent], "parent", start))
    return pairs


def _contrasts(sweep: Sweep, arms: Sequence[TrainedArm], absent: list[Absent]) -> list[Pair]:
    pairs = []
    for contrast in sweep.contrasts:
        of = _find(arms, contrast.of, "contrast", absent)
        against = _find(arms, contrast.against, "contrast", absent)
        if of and against:
            pairs.append(Pair(of, against, "contrast", contrast.name))
    return pairs


def _find(
    arms: Sequence[TrainedArm], ref: ArmRef, kind: Kind, absent: list[Absent]
) -> TrainedArm | None:
    try:
        return find_arm(arms, ref)
    except ValueError as error:
        absent.append(Absent("", "", "", kind, str(error)))
        return None
