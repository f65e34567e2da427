"""What identifies the content of sources, models and benchmarks, and where it lies.

Each function returns what enters a key (digests, ids, versions) apart from paths, which do not.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from evals.digest import file_digest, tree_digest
from evals.hub import fingerprint
from evals.judged import JUDGED
from evals.lm_eval_tasks import task_members
from evals.mini.benchmarks import BENCHMARKS, VERSION
from evals.stock_tasks import task_file
from evals.suite import Benchmark
from harness.keys import Json
from harness.sweep import SourceSpec, Sweep
from recipe.tiny.version import VERSION as ROWS_VERSION

TINY_MODEL = Path(__file__).parent.parent / "recipe" / "tiny" / "model"
NOT_THE_MODEL = (
    "README.md",
    "train.jsonl",
    "checkpoint.json",
    "training_args.bin",
    ".gitattributes",
)
"""Files in a checkpoint's folder that change neither training nor scores."""


def source_content(spec: SourceSpec, hub: Path | None) -> tuple[dict[str, Json], dict[str, Json]]:
    """Key and whereabouts of a training source.

    Raises:
        ValueError: a file is missing.
    """
    params: dict[str, Json] = asdict(spec)
    kind, _, name = spec.source.partition(":")
    if kind == "tiny" and name:
        return {**params, "version": [ROWS_VERSION, VERSION]}, {}
    files = source_files(spec)
    if files:
        del params["source"]
        params["files"] = [file_digest(f) for f in files]
        return params, {"files": [str(f) for f in files]}
    params["dataset"] = fingerprint(spec.source, hub)
    return params, {}


def source_files(spec: SourceSpec) -> list[Path]:
    """The files of a source that is a path or a glob; none for a Hub dataset."""
    path = Path(spec.source)
    if not path.is_absolute():
        return []
    if any(c in spec.source for c in "*?["):
        root = Path(path.anchor)
        return sorted(root.glob(str(path.relative_to(root))))
    return [path]


def model_content(sweep: Sweep) -> tuple[Json, dict[str, Json]]:
    """Key and whereabouts of the model a sweep starts from."""
    folder = TINY_MODEL if sweep.model == "tiny" else Path(sweep.model)
    if not folder.is_dir():
        named: Mapping[str, Json] = {"id": sweep.model, "revision": sweep.revision}
        return named, {"start": sweep.model, "revision": sweep.revision}
    files = sorted(f for f in folder.rglob("*") if f.is_file() and f.name not in NOT_THE_MODEL)
    if not any(f.suffix == ".safetensors" for f in files):
        raise ValueError(f"model {folder}: no .safetensors file in this folder")
    digests = {f.relative_to(folder).as_posix(): file_digest(f) for f in files}
    return digests, {"start": str(folder)}


def benchmark_content(benchmark: Benchmark, hub: Path | None) -> dict[str, Json]:
    """What can change a benchmark's scores or items: its settings and its data.

    Raises:
        ValueError: no such task, or one whose scores a judge gives.
    """
    if benchmark.task in JUDGED:
        raise ValueError(
            f"benchmark {benchmark.name}: its scores come from a judge, which a sweep does not "
            f"start; name a suite without it, and measure it with python -m evals run"
        )
    params: dict[str, Json] = asdict(benchmark)
    for name in ("margin", "skill", "twin", "shift_of", "max_truncated", "max_empty"):
        del params[name]
    for name in ("cluster", "stratum"):
        # Unstated, they leave the keys of what was published before they existed as they were.
        if params[name] is None:
            del params[name]
    if benchmark.items_from:
        params["items"] = fingerprint(benchmark.items_from.path, hub)
    return {**params, **task_content(benchmark.task, hub)}


def task_content(task: str, hub: Path | None) -> dict[str, Json]:
    """What defines an lm-eval task: its files, its data, and the version of lm-eval.

    Raises:
        ValueError: no such task.
    """
    if task in BENCHMARKS:
        return {"data": VERSION}
    members = task_members(task)
    datasets = dict.fromkeys(s["dataset_path"] for s in members.values() if s.get("dataset_path"))
    folders = sorted({task_file(name).parent for name in members})
    return {
        "data": _alone([fingerprint(str(dataset), hub) for dataset in datasets]),
        "task_files": _alone([tree_digest(folder) for folder in folders]),
        "lm_eval": importlib.metadata.version("lm_eval"),
    }


def _alone(digests: list[str]) -> Json:
    """A plain task's digest as it is, a group's as a list."""
    return digests if len(digests) > 1 else next(iter(digests), None)
