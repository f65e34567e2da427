"""What of a plan is finished, and what can start: reads the store, starts nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from harness.job import StageKind
from harness.launch import Work
from harness.plan import Output, Plan, Stage
from harness.request import StageRequest
from harness.resolve import Resolver
from harness.store import Store

WEIGHTS = {"sft": 100, "dpo": 100, "rlvr": 100, "eval": 10}
"""Rough cost by kind, for the order in which ready stages start; every other kind costs 1."""

State = Literal["ran", "cached", "failed", "skipped"]


@dataclass
class Schedule:
    """A plan on its way: which stages are settled, which are with a worker."""

    plan: Plan
    store: Store
    kinds: Mapping[str, StageKind]
    threads: int
    states: dict[str, State] = field(default_factory=dict)
    """Stage id -> what became of it; stages yet to settle are missing."""
    failures: dict[str, str] = field(default_factory=dict)
    """Stage id -> message."""
    running: set[str] = field(default_factory=set)
    """Keys that are with a worker."""

    def __post_init__(self) -> None:
        self.resolver = Resolver(self.plan, self.store, self.kinds)
        self._heights = _heights(self.plan)
        self._launched: set[str] = set()

    def unsettled(self) -> list[Stage]:
        """Stages that are neither published nor given up."""
        return [stage for stage in self.plan.stages if stage.id not in self.states]

    def settle(self) -> list[Stage]:
        """Find what is published, failed or cut off by a failure since the last call.

        Returns:
            The stages that settled, in the order of the plan.
        """
        self.resolver.advance()
        settled = []
        for stage in self.unsettled():
            state = self._state(stage)
            if state:
                self.states[stage.id] = state
                settled.append(stage)
        return settled

    def _state(self, stage: Stage) -> State | None:
        if self.resolver.published(stage.id):
            return "ran" if self.resolver.keys[stage.id] in self._launched else "cached"
        if stage.id in self.resolver.problems:
            self.failures[stage.id] = self.resolver.problems[stage.id]
        if stage.id in self.failures:
            return "failed"
        lost = any(self.states.get(p) in ("failed", "skipped") for p in _surely_needs(stage))
        return "skipped" if lost else None

    def ready(self) -> list[Work]:
        """What can start now, the longest way to the end of the plan first.

        Stages of one group are one piece of work, and so are stages with the same key.
        """
        groups: dict[tuple[str, bool], dict[str, None]] = {}
        taken: set[str] = set()
        for stage in sorted(self.unsettled(), key=lambda s: -self._heights[s.id]):
            key = self.resolver.keys.get(stage.id)
            if key is None or key in taken or not self._can_start(stage, key):
                continue
            taken.add(key)
            name = f"group {stage.group}" if stage.group else f"stage {stage.id}"
            groups.setdefault((name, self.kinds[stage.kind].light), {})[key] = None
        return [Work(tuple(keys), self.threads, light) for (_, light), keys in groups.items()]

    def _can_start(self, stage: Stage, key: str) -> bool:
        if key in self.running:
            return False
        producers = [self.resolver.producer(given) for given in stage.inputs.values()]
        return all(p is not None and self.resolver.published(p) for p in producers)

    def launch(self, work: Work) -> list[StageRequest]:
        """Count work as running.

        Returns:
            What its worker must find, one request per key.
        """
        self.running.update(work.keys)
        self._launched.update(work.keys)
        return [self._request(self.sharing(key)[0], key) for key in work.keys]

    def _request(self, stage: Stage, key: str) -> StageRequest:
        return StageRequest(
            key=key,
            kind=stage.kind,
            label=stage.id,
            params=stage.params,
            inputs=self.resolver.inputs[stage.id],
            seed=stage.seed,
            where=stage.where,
            threads=self.threads,
        )

    def sharing(self, key: str) -> list[Stage]:
        """The unsettled stages that have a key."""
        return [stage for stage in self.unsettled() if self.resolver.keys.get(stage.id) == key]

    def fail(self, key: str, message: str) -> None:
        """Give up the stages that have a key; they settle next time."""
        self.failures.update(dict.fromkeys([stage.id for stage in self.sharing(key)], message))

    def in_state(self, state: State) -> tuple[str, ...]:
        """Ids of the stages that became this, in the order of the plan."""
        return tuple(s.id for s in self.plan.stages if self.states.get(s.id) == state)


def _surely_needs(stage: Stage) -> set[str]:
    """Ids of stages without which this one cannot run; of a choice, the stage that chooses."""
    return {i.stage if isinstance(i, Output) else i.promote for i in stage.inputs.values()}


def _might_need(stage: Stage) -> set[str]:
    candidates = [i.candidates.values() for i in stage.inputs.values() if not isinstance(i, Output)]
    return _surely_needs(stage).union(*candidates)


def _heights(plan: Plan) -> dict[str, int]:
    """Stage id -> cost of the longest way from it to the end of the plan."""
    heights = {stage.id: 0 for stage in plan.stages}
    for stage in reversed(plan.stages):
        heights[stage.id] += WEIGHTS.get(stage.kind, 1)
        for producer in _might_need(stage):
            heights[producer] = max(heights[producer], heights[stage.id])
    return heights
