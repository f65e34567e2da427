"""What was asked: `sweep.yaml` as frozen data.  Parsing lives in `harness.sweep_file`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from evals.ledger import LOOKS

Scalar = str | int | float | bool | None
Method = Literal["sft", "dpo", "rlvr"]
Action = Literal["drop", "block", "report"]


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """Where training rows come from."""

    name: str
    source: str
    """`tiny:NAME` (embedded), a file or glob (absolute, resolved against the sweep file's folder),
    or a Hub dataset id `org/name`."""
    config: str | None = None
    split: str = "train"
    revision: str | None = None
    rows: int | None = None
    """Keep at most this many rows (a seeded sample); None keeps all."""
    seed: int = 0
    format: Literal["chat", "preference"] = "chat"
    user: str | None = None
    """Format string over the source's columns that makes the user turn, e.g. `"{question}"`."""
    assistant: str | None = None
    verifier: str | None = None
    reference: str | None = None
    """Format string that makes the reference answer a verifier checks against."""


@dataclass(frozen=True, slots=True)
class MixPart:
    """How much of one source goes into a mix: exactly one of share, fraction and rows is set."""

    source: str
    share: float | None = None
    """Share of the mix, in (0, 1]; the shares of a mix sum to 1 and its size is the largest that
    repeats no row.  A bare number in the file is a share."""
    fraction: float | None = None
    """Fraction of the source's own rows, in (0, 1]."""
    rows: int | None = None
    max_repeats: int = 1
    """How often a row may be used when `rows` asks for more than the source has."""


@dataclass(frozen=True, slots=True)
class Mix:
    """A named training mix."""

    name: str
    parts: tuple[MixPart, ...]


@dataclass(frozen=True, slots=True)
class DecontamPolicy:
    """What is checked against which suites, and what happens to a row that matches."""

    against: tuple[str, ...] = ("dev", "heldout")
    """Roles in `Sweep.suites`, or names of suites or tasks."""
    preset: str = "default"
    actions: Mapping[str, Action] = field(default_factory=lambda: {"default": "drop"})
    """Mix or source name -> action; `default` for the others."""

    def action(self, name: str) -> Action:
        """The action for the mix or source called `name`."""
        return self.actions.get(name, self.actions["default"])


@dataclass(frozen=True, slots=True)
class Promote:
    """How many arms of the stage before go on, chosen by which suite role."""

    top: int = 1
    by: Literal["dev"] = "dev"


@dataclass(frozen=True, slots=True)
class Arm:
    """One grid point of one stage."""

    stage: str
    choice: Mapping[str, Scalar]
    """Axis -> value, in the order of the file, e.g. `{"mix": "skills", "lr": 5e-4}`."""
    settings: Mapping[str, Scalar]
    """Every hyperparameter of the arm (axes and fixed values; not `mix`, `data`, `prompts`)."""
    data: str
    """The mix (SFT), preference source (DPO) or prompt source (RLVR) the arm trains on."""

    @property
    def label(self) -> str:
        """`mix=skills lr=0.0005`, or the stage's name for a stage without axes."""
        return " ".join(f"{k}={v}" for k, v in self.choice.items()) or self.stage


@dataclass(frozen=True, slots=True)
class StageSpec:
    """One training stage of the sweep and the arms of its grid."""

    name: str
    method: Method
    arms: tuple[Arm, ...]
    start: str | None = None
    """The stage this one continues from (`from` in the file); None starts from the base model."""
    promote: Promote | None = None


@dataclass(frozen=True, slots=True)
class ArmRef:
    """A pointer to one arm: a stage and enough of its choice to be unique."""

    stage: str
    choice: Mapping[str, Scalar]


@dataclass(frozen=True, slots=True)
class Contrast:
    """A named comparison the report always shows: `of` minus `against`."""

    name: str
    of: ArmRef
    against: ArmRef


@dataclass(frozen=True, slots=True)
class GatePolicy:
    """When may the candidate ship?"""

    suite: str = "heldout"
    against: ArmRef | None = None
    """The reference arm; None is the sweep's baseline."""
    noninferior: Mapping[str, float] = field(default_factory=dict)
    """Benchmark -> margin in score units (0.01 = one point); `default` for the others.
    A benchmark in neither takes its suite's margin."""
    improve: str | None = None
    """Suite role whose mean must rise with a lower bound above zero."""
    min_seeds: int = 1
    max_contamination: float = 0.02
    """Largest share of a benchmark's items that the candidate's training data may hold."""
    max_looks: int = LOOKS
    """Looks at the held-out suite that the ledger allows, over all sweeps of a results folder."""


@dataclass(frozen=True, slots=True)
class Sweep:
    """A parsed `sweep.yaml`.  Stages are in dependency order; every name in it resolves."""

    name: str
    path: Path
    model: str
    """A preset (`tiny`), a folder (absolute path) or a Hub model id."""
    revision: str | None
    seeds: tuple[int, ...]
    suites: Mapping[str, str]
    """Role (`dev`, `heldout`) -> suite name or path of a suite file."""
    sources: Mapping[str, SourceSpec]
    mixes: Mapping[str, Mix]
    decontam: DecontamPolicy
    stages: tuple[StageSpec, ...]
    baseline: ArmRef | None
    contrasts: tuple[Contrast, ...]
    gate: GatePolicy | None
    executor: Literal["local"] = "local"

    def resolve(self, ref: ArmRef) -> Arm:
        """The one arm `ref` points to.

        Raises:
            KeyError: no arm, or more than one, fits.
        """
        arms = next((s.arms for s in self.stages if s.name == ref.stage), ())
        fits = [a for a in arms if all(a.choice.get(k) == v for k, v in ref.choice.items())]
        if len(fits) != 1:
            raise KeyError(f"{len(fits)} arms of stage {ref.stage!r} fit {dict(ref.choice)}")
        return fits[0]
