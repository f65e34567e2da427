"""A suite is a YAML file: which benchmarks, and how each is run and read."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

Tier = Literal["development", "held-out"]

SUITES = Path(__file__).parent / "suites"

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True, kw_only=True)
class ItemsFrom:
    """Where a stock benchmark's items lie on the Hub, for contamination checks without lm-eval."""

    path: str
    """Hub dataset id, `org/name`."""
    config: str | None = None
    split: str = "test"
    prompt: str
    """Column that holds the question."""
    answer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Benchmark:
    """One task of a suite with the settings that make its score comparable."""

    name: str
    task: str
    """Name of the lm-eval task or group: one of ours (evals/tasks) or a stock one."""
    items: int
    """Items in the benchmark; a run that scores another number is an error."""
    skill: str
    metric: str = "exact_match"
    filter: str = "none"
    shots: int = 0
    chat: bool = True
    """Apply the model's chat template."""
    max_tokens: int | None = None
    """Longest response, in tokens; None is the task's own, and an error where it names none."""
    temperature: float | None = None
    """Sampling temperature, 0 for greedy; None is the task's own."""
    top_p: float | None = None
    """Nucleus of sampling; None is the task's own."""
    fewshot_seed: int = 1234
    """Seed that the task's few-shot examples are drawn with, where it draws them."""
    margin: float = 0.01
    """Non-inferiority margin of the gate, in score units."""
    limit: int | None = None
    """Score a fixed sample of this many items."""
    replicates: int = 1
    """Responses per item, each with its own seed."""
    pass_at: int | None = None
    """Score an item by pass@k over its replicates, with this k, instead of by their mean."""
    cluster: str | None = None
    """Column of the documents whose equal values make one cluster (a passage, a problem)."""
    stratum: str | None = None
    """Column of the documents that tells fixed subtasks apart (a subject).  Where the task is a
    group, its tasks are the strata."""
    max_truncated: float = 0.25
    """A run fails where more than this share of the responses ran into `max_tokens`."""
    max_empty: float = 0.1
    """A run fails where more than this share of the responses are empty."""
    twin: str | None = None
    """The development benchmark whose distribution this held-out one shares (fresh items)."""
    shift_of: str | None = None
    """The development benchmark this held-out one shifts (other templates, other ranges)."""
    items_from: ItemsFrom | None = None

    @property
    def scored(self) -> int:
        """Items that a run scores."""
        return self.items if self.limit is None else min(self.limit, self.items)


@dataclass(frozen=True, slots=True)
class Suite:
    """Benchmarks that are read together."""

    name: str
    tier: Tier
    benchmarks: tuple[Benchmark, ...]
    absent: Mapping[str, str] = field(default_factory=dict, hash=False)
    """Benchmarks that belong here and cannot be had -> the reason."""


def suite_names() -> list[str]:
    """Names of the suites that ship with the package."""
    return sorted(p.stem for p in SUITES.glob("*.yaml"))


def load_suite(name: str, folder: Path | None = None) -> Suite:
    """Load a suite by name, or from a YAML file.

    Args:
        name: A shipped suite's name, or the path of a file that ends in `.yaml`.
        folder: Folder that a relative path is resolved against.

    Raises:
        ValueError: unknown name, missing file, unknown or ill-typed key; the message names file,
            key and remedy.
    """
    if name.endswith((".yaml", ".yml")):
        return _load((folder or Path()) / name)
    if name not in suite_names():
        near = get_close_matches(name, suite_names(), n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known suites: {', '.join(suite_names())}"
        raise ValueError(f"unknown suite {name!r}; {hint}")
    return _load(SUITES / f"{name}.yaml")


@functools.cache
def _load(path: Path) -> Suite:
    if not path.is_file():
        raise ValueError(f"suite file {path} does not exist")
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER)  # noqa: S506
    except yaml.YAMLError as error:
        raise ValueError(f"suite file {path}: {' '.join(str(error).split())}") from error
    if not isinstance(raw, dict) or set(raw) - {"absent"} != {"tier", "benchmarks"}:
        raise ValueError(f"{path}: a suite has the keys 'tier', 'benchmarks' and perhaps 'absent'")
    if raw["tier"] not in get_args(Tier):
        raise ValueError(f"{path}: tier is {raw['tier']!r}; it is one of {get_args(Tier)}")
    if not isinstance(raw["benchmarks"], dict) or not raw["benchmarks"]:
        raise ValueError(f"{path}: 'benchmarks' maps names to settings and is not empty")
    benchmarks = tuple(_benchmark(path, name, body) for name, body in raw["benchmarks"].items())
    absent = _absent(path, raw.get("absent", {}), raw["benchmarks"])
    return Suite(path.stem, raw["tier"], benchmarks, absent)


def _absent(path: Path, absent: Any, present: Mapping[str, Any]) -> Mapping[str, str]:
    if not isinstance(absent, dict) or not all(isinstance(r, str) and r for r in absent.values()):
        raise ValueError(f"{path}: 'absent' maps names to the reason why they cannot be had")
    both = sorted(set(absent) & set(present))
    if both:
        raise ValueError(f"{path}: {', '.join(both)} cannot be both in 'benchmarks' and 'absent'")
    return dict(absent)


def _benchmark(path: Path, name: str, body: Mapping[str, Any]) -> Benchmark:
    where = f"{path}: benchmark {name!r}"
    if not isinstance(body, dict):
        raise ValueError(f"{where}: its settings are a mapping, not {body!r}")
    values = {"name": name, "task": name, **body}
    if isinstance(values.get("items_from"), dict):
        values["items_from"] = ItemsFrom(**_checked(where, ItemsFrom, values["items_from"]))
    return _consistent(where, Benchmark(**_checked(where, Benchmark, values)))


def _consistent(where: str, benchmark: Benchmark) -> Benchmark:
    """Refuse settings that have no meaning, or not together."""
    if benchmark.items < 1 or benchmark.replicates < 1 or benchmark.shots < 0:
        raise ValueError(f"{where}: items and replicates are at least 1, shots at least 0")
    if benchmark.pass_at is not None and not 1 <= benchmark.pass_at <= benchmark.replicates:
        raise ValueError(
            f"{where}: pass_at is {benchmark.pass_at}; it lies between 1 and replicates, "
            f"which is {benchmark.replicates}"
        )
    if benchmark.cluster and benchmark.stratum:
        raise ValueError(f"{where}: either 'cluster' or 'stratum', not both")
    for name in ("max_truncated", "max_empty"):
        if not 0 <= getattr(benchmark, name) <= 1:
            raise ValueError(f"{where}: {name} is {getattr(benchmark, name)}; it is a share")
    return benchmark


_TYPES: Mapping[str, Any] = {
    "str": str,
    "int": int,
    "float": (int, float),
    "bool": bool,
    "ItemsFrom": ItemsFrom,
}


def _checked(where: str, cls: type, values: Mapping[str, Any]) -> dict[str, Any]:
    known = {f.name: f for f in fields(cls)}
    for key, value in values.items():
        if key not in known:
            near = get_close_matches(key, known, n=1)
            raise ValueError(
                f"{where}: unknown key {key!r}" + (f"; did you mean {near[0]!r}?" if near else "")
            )
        wanted = str(known[key].type).removesuffix(" | None")
        expected = _TYPES[wanted]
        if not isinstance(value, expected) or (wanted != "bool" and isinstance(value, bool)):
            raise ValueError(f"{where}: {key} is {value!r}; it must be of type {wanted}")
    missing = [k for k, f in known.items() if f.default is MISSING and k not in values]
    if missing:
        raise ValueError(f"{where}: missing {', '.join(missing)}")
    return dict(values)
