"""Runs a plan: every stage that is not published yet, each in a worker process."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from harness.job import STAGES, load_stages
from harness.launch import Ended, Launcher, Preloaded, Work
from harness.plan import Plan, Stage
from harness.progress import Progress, Settled
from harness.request import read_error
from harness.schedule import Schedule
from harness.store import Store

TICK_SECONDS = 0.2
"""How often progress is shown, and a group asked which of its stages are published."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of every stage, by stage id."""

    keys: Mapping[str, str]
    """Where known: a stage behind a failed choice has none."""
    ran: tuple[str, ...]
    cached: tuple[str, ...]
    """Published before, or by another process meanwhile."""
    failed: Mapping[str, str]
    """Stage id -> message."""
    logs: Mapping[str, Path]
    """Stage id -> log, of failed stages that left one."""
    skipped: tuple[str, ...]
    """Not run because something they need failed."""


def execute(
    plan: Plan,
    store: Store,
    *,
    workers: int,
    threads: int,
    hub: Path | None,
    progress: Progress,
    stages: str = STAGES,
    launcher: Launcher | None = None,
) -> Outcome:
    """Publish every stage of a plan that is not published yet.

    A failed stage stops what needs it and nothing else.  Starts no process if all is published.

    Args:
        plan: The stages.
        store: Where published stages lie and new ones go.
        workers: How many processes may run at once.
        threads: How many threads each may use.
        hub: Mirror folder that stands in for the Hub.
        progress: Told what happens.
        stages: Where the table of stage kinds is, as `module:NAME`.
        launcher: How workers start; `Preloaded` if None.  It is closed at the end.

    Raises:
        KeyboardInterrupt: SIGINT or SIGTERM came; workers were ended, nothing is half published.
        TypeError, ValueError: a setting has no canonical form.
    """
    schedule = Schedule(plan, store, load_stages(stages), threads)
    cached = schedule.settle()
    progress.begin(len(plan.stages), len(cached))
    if schedule.unsettled():
        with _terminable(), _closing(launcher or Preloaded(store.root, hub, stages)) as starter:
            _run(schedule, starter, workers, progress)
    _tidy(schedule)
    return _outcome(schedule)


def _run(schedule: Schedule, launcher: Launcher, workers: int, progress: Progress) -> None:
    for light in {schedule.kinds[stage.kind].light for stage in schedule.unsettled()}:
        launcher.prepare(light=light)
    active: list[Work] = []
    while schedule.unsettled():
        for work in schedule.ready()[: workers - len(active)]:
            for request in schedule.launch(work):
                request.write(schedule.store)
                progress.start(request.key, request.label)
            launcher.submit(work)
            active.append(work)
        assert active, "stages are left but none can start"
        for ended in launcher.wait(TICK_SECONDS):
            active.remove(ended.work)
            _account(schedule, ended)
        for stage in schedule.settle():
            progress.finish(_settled(schedule, stage))
        progress.tick()


def _account(schedule: Schedule, ended: Ended) -> None:
    """What an ended worker has not published has failed or was under its hands when it died; what
    it had not begun waits for another worker."""
    schedule.running.difference_update(ended.work.keys)
    died = False
    for key in ended.work.keys:
        stages = schedule.sharing(key)
        if not stages or schedule.store.has(stages[0].kind, key):
            continue
        error = read_error(schedule.store, key)
        if error:
            schedule.fail(key, str(error))
        elif ended.note or not died:
            schedule.fail(key, _death(ended, schedule.store.root / "work"))
            died = True


def _death(ended: Ended, logs: Path) -> str:
    if ended.note:
        return ended.note
    if ended.status >= 0:
        return f"the worker ended with status {ended.status} without a word; see *.log in {logs}"
    name = signal.Signals(-ended.status).name
    hint = " (out of memory?)" if name == "SIGKILL" else ""
    return f"the worker was killed by {name}{hint}"


def _settled(schedule: Schedule, stage: Stage) -> Settled:
    key, state = schedule.resolver.keys.get(stage.id), schedule.states[stage.id]
    record = schedule.store.record(stage.kind, key) if key and state == "ran" else None
    return Settled(stage.id, key, state, record.seconds if record else None)


def _tidy(schedule: Schedule) -> None:
    """Remove what killed workers left of stages that are published by now."""
    folder = schedule.store.root / "work"
    left = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    done: Sequence[str] = (*schedule.in_state("ran"), *schedule.in_state("cached"))
    for key in left.intersection(schedule.resolver.keys[stage] for stage in done):
        schedule.store.tidy(key)


def _outcome(schedule: Schedule) -> Outcome:
    keys, work = schedule.resolver.keys, schedule.store.work
    logs = {name: work(keys[name]) / "log.txt" for name in schedule.failures if name in keys}
    return Outcome(
        keys=keys,
        ran=schedule.in_state("ran"),
        cached=schedule.in_state("cached"),
        failed=schedule.failures,
        logs={name: log for name, log in logs.items() if log.exists()},
        skipped=schedule.in_state("skipped"),
    )


@contextmanager
def _closing(launcher: Launcher) -> Iterator[Launcher]:
    kill = True
    try:
        yield launcher
        kill = False
    finally:
        launcher.close(kill=kill)


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM do what SIGINT does."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def interrupt(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
