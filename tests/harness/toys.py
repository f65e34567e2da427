"""Stage kinds that take milliseconds, plans of them, and a driver process.

What a toy does beyond its product stands in `where`, which is not in the key:
`trace` (file that gets a line per execution), `pause` (seconds), `fail` (message), `die` (instant
at which the worker kills itself, once), `files` (how many more of them a training writes).
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NoReturn

import harness.store
from harness.execute import Outcome, execute
from harness.job import Job, StageKind
from harness.launch import Preloaded
from harness.plan import Chosen, Output, Plan, Stage
from harness.progress import Silent
from harness.store import Store

AT = "toys:STAGES"


def _behave(job: Job) -> None:
    print(f"{job.kind} begins")
    os.write(1, b"written past Python\n")
    if "trace" in job.where:
        with Path(job.where["trace"]).open("a") as file:
            file.write(json.dumps({"kind": job.kind, "seed": job.seed, "pid": os.getpid()}) + "\n")
    time.sleep(job.where.get("pause", 0))
    if "fail" in job.where:
        raise {"value": ValueError, "runtime": RuntimeError}[job.where.get("as", "value")](
            job.where["fail"]
        )
    if "die" in job.where:
        _arrange_death(job)


def _arrange_death(job: Job) -> None:
    once = job.scratch / "died"
    if once.exists():
        return
    once.touch()
    instant = job.where["die"]
    if instant == "before writing":
        _die()
    if instant == "leaving a child":
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        _die()
    if instant == "while writing":
        (job.out / "rows.jsonl").write_text("half a li")
        _die()
    if instant == "before rename":
        harness.store.sync_tree = _die
    if instant == "after rename":
        shutil.rmtree = _die


def _die(*_: Any, **__: Any) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


def _source(job: Job) -> None:
    _behave(job)
    (job.out / "rows.jsonl").write_text(job.params["text"])
    (job.out / "info.json").write_text(json.dumps(job.params))


def _mix(job: Job) -> None:
    _behave(job)
    parts = [(job.inputs[role] / "rows.jsonl").read_text() for role in sorted(job.inputs)]
    (job.out / "rows.jsonl").write_text("".join(parts))


def _train(job: Job) -> None:
    _behave(job)
    seen = [job.params, job.seed, job.kind]
    for role in sorted(job.inputs):
        files = sorted(p for p in job.inputs[role].rglob("*") if p.is_file())
        seen += [role, [(p.name, p.read_text()) for p in files if p.name != "info.json"]]
    (job.out / "shards").mkdir()
    weights = hashlib.sha256(json.dumps(seen).encode()).hexdigest()
    (job.out / "shards" / "weights.txt").write_text(weights)
    for number in range(job.where.get("files", 0)):
        (job.out / "shards" / f"{number}.txt").write_text("shard")
    (job.out / "config.json").write_text("{}")


def _eval(job: Job) -> None:
    _behave(job)
    (job.out / "items.parquet").write_text(job.input_keys["checkpoint"])


def _promote(job: Job) -> None:
    _behave(job)
    (job.out / "choice.json").write_text(json.dumps({"ranked": job.params["ranked"]}))


def _torch(job: Job) -> None:
    import torch

    total = float(torch.ones(300, 300).matmul(torch.ones(300, 300)).sum())
    (job.out / "rows.jsonl").write_text(json.dumps([torch.get_num_threads(), total]))


def _broken(job: Job) -> None:
    if job.params["how"] == "link":
        (job.out / "rows.jsonl").symlink_to("/etc/hostname")


ROWS = ("rows.jsonl",)

STAGES = {
    "source": StageKind(_source, 1, ROWS, light=True),
    "mix": StageKind(_mix, 1, ROWS, light=True),
    "sft": StageKind(_train, 1),
    "dpo": StageKind(_train, 1),
    "eval": StageKind(_eval, 1, ("items.parquet",)),
    "promote": StageKind(_promote, 1, ("choice.json",), light=True),
}

TORCH = {**STAGES, "sft": StageKind(_torch, 1)}
BROKEN = {**STAGES, "mix": StageKind(_broken, 1, ROWS, light=True)}
NEWER = {**STAGES, "sft": replace(STAGES["sft"], code_version=2)}


def plan_of(*stages: Stage) -> Plan:
    return Plan(stages, runs=(), candidate=None, naive={})


def source(name: str, text: str, **where: Any) -> Stage:
    return Stage(f"source {name}", "source", {"name": name, "text": text}, where=where)


def mix(name: str, *sources: str, **where: Any) -> Stage:
    inputs = {f"source[{s}]": Output(f"source {s}", "digest") for s in sources}
    return Stage(f"mix {name}", "mix", {}, inputs, where=where)


def sft(mix_name: str, seed: int, **where: Any) -> Stage:
    inputs = {"rows": Output(f"mix {mix_name}", "digest")}
    return Stage(f"sft mix={mix_name} seed={seed}", "sft", {"lr": 0.1}, inputs, seed, where)


def evaluation(checkpoint: str, benchmark: str, **where: Any) -> Stage:
    inputs = {"checkpoint": Output(checkpoint, "key")}
    return Stage(
        f"eval {benchmark} of {checkpoint}", "eval", {"benchmark": benchmark}, inputs, 0, where,
        group=checkpoint,
    )  # fmt: skip


def promotion(ranked: list[str], *evaluations: str, **where: Any) -> Stage:
    inputs = {f"eval[{e}]": Output(e) for e in evaluations}
    return Stage("promote sft", "promote", {"ranked": ranked}, inputs, where=where)


def dpo(rank: int, candidates: dict[str, str], **where: Any) -> Stage:
    inputs = {"start": Chosen("promote sft", rank, candidates)}
    return Stage(f"dpo of rank {rank}", "dpo", {"beta": 1}, inputs, 1, where)


def whole(**where: Any) -> Plan:
    """Two sources, three mixes of which two are alike, a choice, and what follows from it."""
    arms = {"ab": "sft mix=ab seed=1", "a": "sft mix=a seed=1"}
    evals = [evaluation(stage, b, **where) for stage in arms.values() for b in ("gsm", "ifeval")]
    return plan_of(
        source("a", "aaa\n", **where),
        source("b", "bbb\n", **where),
        mix("ab", "a", "b", **where),
        mix("a", "a", **where),
        sft("ab", 1, **where),
        sft("a", 1, **where),
        *evals,
        promotion(["a", "ab"], *(stage.id for stage in evals), **where),
        dpo(0, arms, **where),
        evaluation("dpo of rank 0", "gsm", **where),
    )


def wait_until(condition: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.005)


def run(plan: Plan, results: Path, stages: str = AT, workers: int = 2) -> Outcome:
    launcher = Preloaded(results, stages=stages, modules=())
    return execute(
        plan, Store(results), workers=workers, threads=1, hub=None, progress=Silent(),
        stages=stages, launcher=launcher,
    )  # fmt: skip


def main() -> int:
    """`python toys.py RESULTS WHERE`: run the whole plan as a driver process would."""
    try:
        outcome = run(whole(**json.loads(sys.argv[2])), Path(sys.argv[1]))
    except KeyboardInterrupt:
        return 130
    for name, message in outcome.failed.items():
        print(f"{name}: {message}", file=sys.stderr)
    return 3 if outcome.failed else 0


if __name__ == "__main__":
    # A shell that runs the tests in the background has its children ignore SIGINT.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main())
