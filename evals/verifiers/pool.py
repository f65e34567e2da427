"""Processes that may be killed: limits of time and memory that hold against any input."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Mapping
from pathlib import Path

from evals.verifiers.worker import Limits, Reply, Worker


class Pool:
    """Up to `size` worker processes of one program, started when they are needed.

    It may be called from any thread.  A forked child starts workers of its own; a worker whose
    parent is gone ends by itself.
    """

    _all: set[Worker]
    _idle: list[Worker]
    _planned: int
    _changed: threading.Condition
    _starting: threading.Lock
    """Held while a process starts and during a fork: a child must know every pipe it holds."""

    def __init__(self, program: Path, size: int) -> None:
        self.program = program
        self.size = size
        self._reset()
        atexit.register(self.close)
        os.register_at_fork(
            before=lambda: self._starting.acquire(),
            after_in_parent=lambda: self._starting.release(),
            after_in_child=self._forget,
        )

    def call(self, request: Mapping[str, str], limits: Limits) -> Reply:
        """The program's reply, or what stopped it; the limits count from when a worker is free."""
        worker = self._take()
        try:
            return worker.call(request, limits)
        except BaseException:
            worker.kill()
            raise
        finally:
            self._give_back(worker)

    def close(self) -> None:
        """End every worker; a later call starts new ones."""
        with self._changed:
            idle, busy = self._idle, self._all.difference(self._idle)
            self._all, self._idle = set(), []
        for worker in busy:
            worker.interrupt()
        for worker in idle:
            worker.kill()

    def workers(self) -> tuple[int, ...]:
        """Process identifiers of the workers that run."""
        return tuple(worker.pid for worker in self._all)

    def _take(self) -> Worker:
        with self._changed:
            while not self._idle and len(self._all) + self._planned >= self.size:
                self._changed.wait()
            while self._idle:
                worker = self._idle.pop()
                if worker.alive():
                    return worker
                self._all.discard(worker)
                worker.kill()
            self._planned += 1
        try:
            with self._starting:
                worker = Worker(self.program)
                self._all.add(worker)
        finally:
            with self._changed:
                self._planned -= 1
                self._changed.notify()
        return worker

    def _give_back(self, worker: Worker) -> None:
        with self._changed:
            if worker in self._all and worker.alive():
                self._idle.append(worker)
            else:
                self._all.discard(worker)
                worker.kill()
            self._changed.notify()

    def _reset(self) -> None:
        self._all, self._idle, self._planned = set(), [], 0
        self._changed, self._starting = threading.Condition(), threading.Lock()

    def _forget(self) -> None:
        """In a forked child: the workers and locks are the parent's."""
        for worker in self._all:
            worker.abandon()
        self._reset()
