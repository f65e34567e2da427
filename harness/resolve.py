"""Which key each stage of a plan has, as far as the store can tell yet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field

from harness.job import StageKind
from harness.keys import stage_key
from harness.plan import Chosen, Input, Output, Plan, Stage
from harness.request import InputRef
from harness.store import Store


def resolve_keys(plan: Plan, store: Store, kinds: Mapping[str, StageKind]) -> dict[str, str | None]:
    """The key of every stage; None where it depends on something not published yet.

    Args:
        plan: The stages.
        store: Where published stages lie.
        kinds: Versions of the code, by kind.

    Raises:
        RecordError: a published record cannot be read.
        TypeError, ValueError: a setting has no canonical form.
    """
    resolver = Resolver(plan, store, kinds)
    resolver.advance()
    return {stage.id: resolver.keys.get(stage.id) for stage in plan.stages}


@dataclass
class Resolver:
    """Keys of a plan's stages, found as their inputs are published."""

    plan: Plan
    store: Store
    kinds: Mapping[str, StageKind]
    keys: dict[str, str] = field(default_factory=dict)
    """Stage id -> key, where known."""
    problems: dict[str, str] = field(default_factory=dict)
    """Stage id -> why it can never have a key."""
    inputs: dict[str, dict[str, InputRef]] = field(default_factory=dict)
    """Stage id -> its inputs by role, where known."""

    def __post_init__(self) -> None:
        self.stages = {stage.id: stage for stage in self.plan.stages}
        self._published: set[str] = set()
        self._digests: dict[str, str] = {}
        self._ranked: dict[str, list[str]] = {}

    def advance(self) -> None:
        """Find the keys that what is published by now makes known."""
        for stage in self.plan.stages:
            if stage.id not in self.keys and stage.id not in self.problems:
                self._resolve(stage)

    def published(self, stage: str) -> bool:
        """Whether a stage's key is known and published."""
        key = self.keys.get(stage)
        if key is not None and key not in self._published:
            if not self.store.has(self.stages[stage].kind, key):
                return False
            self._published.add(key)
        return key is not None

    def producer(self, given: Input) -> str | None:
        """Id of the stage that produces an input; None while a choice is open.

        Raises:
            ValueError: a published choice does not go so far down, or names a stranger.
        """
        if isinstance(given, Output):
            return given.stage
        return self._chosen(given)

    def _resolve(self, stage: Stage) -> None:
        refs = {}
        for role, given in stage.inputs.items():
            try:
                ref = self._ref(given)
            except ValueError as error:
                self.problems[stage.id] = f"{role}: {error}"
                return
            if ref is None:
                return
            refs[role] = ref
        version = self.kinds[stage.kind].code_version
        values = {role: ref.value for role, ref in refs.items()}
        self.keys[stage.id] = stage_key(stage.kind, version, stage.params, values, stage.seed)
        self.inputs[stage.id] = refs

    def _ref(self, given: Input) -> InputRef | None:
        producer = self.producer(given)
        key = self.keys.get(producer) if producer else None
        if producer is None or key is None:
            return None
        kind = self.stages[producer].kind
        if isinstance(given, Chosen) or given.by == "key":
            return InputRef(kind, key, key)
        digest = self._digest(kind, key)
        return InputRef(kind, key, digest) if digest else None

    def _digest(self, kind: str, key: str) -> str | None:
        if key not in self._digests:
            record = self.store.record(kind, key)
            if record is None:
                return None
            self._digests[key] = record.digest
        return self._digests[key]

    def _chosen(self, given: Chosen) -> str | None:
        if not self.published(given.promote):
            return None
        ranked = self._ranking(given.promote)
        if given.rank >= len(ranked):
            raise ValueError(f"{given.promote} ranked {len(ranked)} arms, not {given.rank + 1}")
        label = ranked[given.rank]
        if label not in given.candidates:
            raise ValueError(f"{given.promote} chose {label!r}, which is no candidate")
        return given.candidates[label]

    def _ranking(self, promote: str) -> list[str]:
        key = self.keys[promote]
        if key not in self._ranked:
            path = self.store.out(self.stages[promote].kind, key) / "choice.json"
            self._ranked[key] = json.loads(path.read_text(encoding="utf-8"))["ranked"]
        return self._ranked[key]
