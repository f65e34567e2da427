"""What each kind of stage does: the one table from kinds to functions."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from evals.engines import Engine
from harness.job import Job, StageKind


def _source(job: Job) -> None:
    """Rows of one source."""
    from evals.hub import require
    from recipe.data import Source, load_source
    from recipe.rows import write_rows

    known = {f.name for f in fields(Source)}
    settings = {k: v for k, v in job.params.items() if k in known}
    if "dataset" in job.params:
        settings["source"] = require(str(job.params["source"]), job.hub)
    files = tuple(Path(f) for f in job.where.get("files", ()))
    rows = load_source(Source(**{"source": "files", **settings, "files": files}))
    write_rows(job.out / "rows.jsonl", rows)
    _info(job, {"rows": len(rows)})


def _mix(job: Job) -> None:
    """Rows of several sources, drawn and ordered."""
    from recipe.mix import Amount, mix
    from recipe.rows import read_rows, write_rows

    amounts = {name: Amount(**a) for name, a in job.params["amounts"].items()}
    sources = {n: read_rows(job.inputs[f"source[{n}]"] / "rows.jsonl") for n in amounts}
    rows = mix(sources, amounts, job.params["seed"])
    write_rows(job.out / "rows.jsonl", rows)
    by_source = {name: sum(r["source"] == name for r in rows) for name in amounts}
    _info(job, {"rows": len(rows), "by_source": by_source})


def _decontam(job: Job) -> None:
    """Rows checked against the benchmarks' own items; what happens to a match is the policy's."""
    import decontam
    from evals.load_items import load_items
    from evals.suite import benchmark_from
    from recipe.rows import read_rows, write_rows

    rows = read_rows(job.inputs["rows"] / "rows.jsonl")
    items = []
    for body in job.where["benchmarks"]:
        items += [asdict(item) for item in load_items(benchmark_from(body), job.hub)]
    report = decontam.check(rows, items, job.params["preset"])
    report.write(job.out)
    flagged, action = set(report.flagged), job.params["action"]
    if flagged and action == "block":
        raise ValueError(
            f"{len(flagged)} of {len(rows)} rows match benchmark items and the policy is "
            f"'block'; see matches.parquet, or set action: drop"
        )
    kept = rows if action == "report" else [r for i, r in enumerate(rows) if i not in flagged]
    if not kept:
        raise ValueError("no row is left after decontamination; the whole set matches the items")
    write_rows(job.out / "rows.jsonl", kept)
    _info(job, _accounts(rows, flagged, action, len(kept)))


def _accounts(
    rows: list[dict[str, Any]], flagged: set[int], action: str, kept: int
) -> dict[str, object]:
    """Rows read, flagged and kept, by source and part of a source."""
    by_part: dict[str, dict[str, int]] = {}
    for index, row in enumerate(rows):
        name = f"{row['source']}/{row['part']}" if "part" in row else str(row["source"])
        count = by_part.setdefault(name, {"rows": 0, "flagged": 0})
        count["rows"] += 1
        count["flagged"] += index in flagged
    totals = {"rows_read": len(rows), "rows_flagged": len(flagged), "rows_kept": kept}
    return {**totals, "action": action, "by_part": by_part}


def _train(job: Job) -> None:
    """SFT, DPO or RLVR."""
    from recipe.config import CONFIGS
    from recipe.dpo import dpo
    from recipe.rlvr import rlvr
    from recipe.rows import read_rows
    from recipe.sft import sft
    from recipe.training import Run

    assert job.seed is not None
    config = CONFIGS[job.kind](**{k: v for k, v in job.params.items() if k != "start"})
    run = Run(
        start=str(job.inputs["start"]) if "start" in job.inputs else str(job.where["start"]),
        revision=job.where.get("revision"),
        fingerprint=job.input_keys.get("start") or json.dumps(job.params["start"], sort_keys=True),
        data_digest=job.input_keys["rows"],
        out=job.out,
        scratch=job.scratch,
        seed=job.seed,
    )
    method: Any = {"sft": sft, "dpo": dpo, "rlvr": rlvr}[job.kind]
    method(config, read_rows(job.inputs["rows"] / "rows.jsonl"), run)


def _eval(job: Job) -> None:
    """Per-item scores of one checkpoint on one benchmark."""
    from evals.guardrails import trips
    from evals.item_table import write_scores
    from evals.run import run
    from evals.suite import benchmark_from

    benchmark = benchmark_from(job.where["benchmark"])
    result = run(_engine(job.inputs["checkpoint"]), [benchmark], hub=job.hub)
    scores = result.scores(benchmark)
    write_scores(job.out / "items.parquet", scores)
    summary = {
        "benchmark": benchmark.name,
        "metric": benchmark.metric,
        "items": len({s.item for s in scores}),
        "score": result.mean(benchmark),
        "truncated": result.truncated(benchmark),
        # A checkpoint that babbles is a finding of the sweep, not a failure of its stage.
        "failed": trips([benchmark], result),
    }
    (job.out / "scores.json").write_text(json.dumps(summary, indent=1), encoding="utf-8")


@functools.lru_cache(maxsize=1)
def _engine(checkpoint: Path) -> Engine:
    """The engine of a checkpoint, loaded once for all the benchmarks a worker scores it on."""
    from evals.engines.hf import HFEngine

    return HFEngine(checkpoint)


def _promote(job: Job) -> None:
    """The arms that go on: highest mean development score among those with clean data."""
    from harness.promote import promote

    choice = promote(job.params, job.inputs)
    (job.out / "choice.json").write_text(json.dumps(choice, indent=1), encoding="utf-8")


def _info(job: Job, values: Mapping[str, object]) -> None:
    (job.out / "info.json").write_text(json.dumps(values, indent=1), encoding="utf-8")


ROWS = ("rows.jsonl",)

STAGES: Mapping[str, StageKind] = {
    "source": StageKind(_source, code_version=1, product=ROWS, light=True),
    "mix": StageKind(_mix, code_version=1, product=ROWS, light=True),
    "decontam": StageKind(_decontam, code_version=2, product=ROWS, light=True),
    "sft": StageKind(_train, code_version=1, product=None),
    "dpo": StageKind(_train, code_version=1, product=None),
    "rlvr": StageKind(_train, code_version=1, product=None),
    "eval": StageKind(_eval, code_version=2, product=("items.parquet",)),
    "promote": StageKind(_promote, code_version=1, product=("choice.json",), light=True),
}
