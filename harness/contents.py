"""What identifies the content of sources, models and benchmarks, and where it lies.

Each function returns what enters a key (digests, ids, versions) apart from paths, which do not.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from evals.digest import file_digest
from evals.hub import fingerprint
from evals.suite import Benchmark
from harness.keys import Json
from harness.sweep import SourceSpec, Sweep

TINY_MODEL = Path(__file__).parent.parent / "recipe" / "tiny" / "model"
WEIGHTS = ("*.safetensors", "config.json", "tokenizer.json", "chat_template.jinja")


def source_content(spec: SourceSpec, hub: Path | None) -> tuple[dict[str, Json], dict[str, Json]]:
    """Key and whereabouts of a training source.

    Raises:
        ValueError: a file is missing.
    """
    params: dict[str, Json] = asdict(spec)
    kind, _, name = spec.source.partition(":")
    if kind == "tiny" and name:
        from recipe.tiny.version import VERSION

        return {**params, "version": VERSION}, {}
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
    files = sorted(f for pattern in WEIGHTS for f in folder.glob(pattern))
    if not any(f.suffix == ".safetensors" for f in files):
        raise ValueError(f"model {folder}: no .safetensors file in this folder")
    return {f.name: file_digest(f) for f in files}, {"start": str(folder)}


def benchmark_content(benchmark: Benchmark, hub: Path | None) -> dict[str, Json]:
    """What can change a benchmark's scores or items: its settings and its data."""
    params: dict[str, Json] = asdict(benchmark)
    for name in ("margin", "skill", "twin", "shift_of"):
        del params[name]
    if benchmark.items_from:
        params["data"] = fingerprint(benchmark.items_from.path, hub)
    else:
        from evals.mini.benchmarks import VERSION

        params["data"] = VERSION
    return params
