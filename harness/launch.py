"""How worker processes are started."""

from __future__ import annotations

import json
import os
import selectors
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from harness.job import STAGES
from harness.preload import GRACE_SECONDS, QUIET

MODULES = (
    "torch",
    "datasets",
    "transformers",
    "trl.trainer.sft_trainer",
    "trl.trainer.dpo_trainer",
    "trl.trainer.grpo_trainer",
    "lm_eval.evaluator",
    "lm_eval.tasks",
)
"""What trainers and evaluators import, and no stage needs otherwise."""

RESTARTS = 3
"""How often a server that was killed is started again before its work is given up."""


@dataclass(frozen=True, slots=True)
class Work:
    """Stages for one worker process."""

    keys: tuple[str, ...]
    threads: int
    light: bool
    """No stage among them needs torch."""


@dataclass(frozen=True, slots=True)
class Ended:
    """A worker process is gone."""

    work: Work
    status: int
    """Exit status, or minus the signal that ended it."""
    note: str = ""
    """What is known of why, beyond the status."""


class Launcher(Protocol):
    """Starts workers and says when they are gone; knows nothing of plans."""

    def prepare(self, *, light: bool) -> None:
        """Word that such work will come."""

    def submit(self, work: Work) -> None:
        """Start a worker, at once or as soon as can be."""

    def wait(self, timeout: float) -> list[Ended]:
        """Workers that ended; returns early with the first, or empty after `timeout` seconds."""

    def close(self, *, kill: bool) -> None:
        """Let go.  With `kill`, end running workers; else they finish and publish."""


@dataclass
class Preloaded:
    """Forks workers from two servers: a light one at hand at once, and one that imports the
    trainers in the background while the light stages run.  Nothing starts before it is needed."""

    results: Path
    hub: Path | None = None
    stages: str = STAGES
    modules: Sequence[str] = MODULES
    light_modules: Sequence[str] = ()

    def __post_init__(self) -> None:
        self._servers: dict[bool, _Server] = {}

    def prepare(self, *, light: bool) -> None:
        """Start the server that will run such work, unless it is there."""
        if light not in self._servers:
            modules = self.light_modules if light else self.modules
            options = ["--results", str(self.results), "--stages", self.stages]
            options += ["--hub", str(self.hub)] if self.hub else []
            log = self.results / "work" / f"preload-{'light' if light else 'heavy'}.log"
            self._servers[light] = _Server([*options, *modules], log)

    def submit(self, work: Work) -> None:
        """Have a worker forked as soon as its server has finished importing."""
        self.prepare(light=work.light)
        self._servers[work.light].submit(work)

    def wait(self, timeout: float) -> list[Ended]:
        """Workers that ended; returns early with the first, or empty after `timeout` seconds."""
        with selectors.DefaultSelector() as selector:
            for server in self._servers.values():
                if server.alive:
                    selector.register(server.reports, selectors.EVENT_READ, server)
            if not selector.get_map():
                time.sleep(timeout)
            ended = [e for key, _ in selector.select(timeout) for e in key.data.read()]
        return ended + [e for server in self._servers.values() for e in server.undeliverable()]

    def close(self, *, kill: bool) -> None:
        """Let go of the servers.  With `kill`, end running workers; else they finish."""
        for server in self._servers.values():
            server.release(kill=kill)
        for server in self._servers.values():
            server.leave(kill=kill)


@dataclass
class _Server:
    """One `harness.preload` process, started again if it is killed."""

    arguments: Sequence[str]
    log: Path
    running: dict[int, Work] = field(default_factory=dict)
    submitted: int = 0
    starts: int = 0

    def __post_init__(self) -> None:
        self._start()

    @property
    def reports(self) -> int:
        assert self.process.stdout is not None
        return self.process.stdout.fileno()

    def _start(self) -> None:
        self.starts += 1
        self.alive = True
        self.buffer = b""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "harness.preload", *self.arguments]
        with self.log.open("ab") as log:
            # Its own session: an interrupt at the terminal reaches the driver only.
            self.process = subprocess.Popen(  # noqa: S603 - our own module
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                bufsize=0,
                start_new_session=True,
                env={**os.environ, **QUIET},
            )

    def submit(self, work: Work) -> None:
        self.submitted += 1
        self.running[self.submitted] = work
        if self.alive:
            self._send(self.submitted)

    def _send(self, number: int) -> None:
        work = self.running[number]
        request = {"id": number, "keys": work.keys, "threads": work.threads}
        assert self.process.stdin is not None
        with suppress(BrokenPipeError):  # its reports will end too, and `read` sees to it
            self.process.stdin.write((json.dumps(request) + "\n").encode())

    def read(self) -> list[Ended]:
        chunk = os.read(self.reports, 65536)
        if not chunk:
            self._revive()
            return []
        *lines, self.buffer = (self.buffer + chunk).split(b"\n")
        reports: list[dict[str, Any]] = [json.loads(line) for line in lines]
        ended = [r for r in reports if "status" in r]
        return [Ended(self.running.pop(r["id"]), r["status"]) for r in ended]

    def _revive(self) -> None:
        """Start again; a worker that outlived the server holds its lock, its successor waits."""
        self.alive = False
        self._forget()
        if self.starts <= RESTARTS:
            self._start()
            for number in self.running:
                self._send(number)

    def undeliverable(self) -> list[Ended]:
        """What is given up because the server does not stay alive."""
        if self.alive:
            return []
        works, self.running = list(self.running.values()), {}
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        note = f"the worker server does not stay alive ({self.log}): {''.join(lines[-1:])}"
        return [Ended(work, self.process.returncode or 1, note) for work in works]

    def release(self, *, kill: bool) -> None:
        if kill:
            self.process.terminate()
        assert self.process.stdin is not None
        self.process.stdin.close()

    def leave(self, *, kill: bool) -> None:
        if kill:
            try:
                self.process.wait(2 * GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                self.process.kill()
        if kill or not self.running:
            self._forget()

    def _forget(self) -> None:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.close()
        self.process.stdout.close()
        self.process.wait()
