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

BY_TASK = "task"
"""The stratum of a benchmark that is a group: its tasks are the fixed subtasks."""

SUITES = Path(__file__).parent / "suites"


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
    """Name of the lm-eval task: one of ours (evals/tasks) or a stock one."""
    items: int
    """Items in the benchmark; a run that scores another number is an error."""
    skill: str
    metric: str = "exact_match"
    filter: str = "none"
    shots: int = 0
    chat: bool = True
    """Apply the model's chat template."""
    multiturn: bool = True
    """Shots are turns of the conversation; else all of them stand in one user turn."""
    max_tokens: int | None = None
    """Longest response, in tokens; None is the task's own, and an error where it names none."""
    temperature: float | None = None
    """0 is greedy; None leaves it to the task."""
    top_p: float | None = None
    """None leaves it to the task."""
    stop: tuple[str, ...] | None = None
    """Texts that end a response; None leaves them to the task, an empty list names none."""
    fewshot_seed: int = 1234
    """Seed that the task's shots are drawn with, where it draws them."""
    max_truncated: float = 0.05
    """A run fails where more than this share of the responses ran into `max_tokens`."""
    max_empty: float = 0.1
    """A run fails where more than this share of the responses are empty."""
    margin: float = 0.01
    """Non-inferiority margin of the gate, in score units."""
    limit: int | None = None
    """Score a fixed sample of this many items."""
    replicates: int = 1
    """Responses per item, each with its own seed."""
    pass_k: int | None = None
    """The score is pass@k over the replicates, not their mean."""
    cluster: str | None = None
    """Column of the documents whose equal values make one cluster (a passage, a problem)."""
    stratum: str | None = None
    """Column of the documents that tells fixed subtasks apart (a subject); `task` where the
    benchmark is a group, whose tasks they then are."""
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
    absent: Mapping[str, str] = field(default_factory=dict)
    """Benchmark that belongs here and cannot be run -> why."""


def benchmark_from(body: Mapping[str, Any]) -> Benchmark:
    """A benchmark from what `dataclasses.asdict` made of it, perhaps through JSON."""
    source, stop = body["items_from"], body["stop"]
    restored = {
        **body,
        "items_from": ItemsFrom(**source) if source else None,
        "stop": None if stop is None else tuple(stop),
    }
    return Benchmark(**restored)


def suite_names() -> list[str]:
    """Names of the suites that ship with the package."""
    return sorted(p.stem for p in SUITES.glob("*.yaml"))


def load_suite(name: str, folder: Path | None = None) -> Suite:
    """Load a suite by name, or from a YAML file.

    Args:
        name: A shipped suite's name, or the path of a file that ends in `.yaml`.
        folder: Folder that a relative path is resolved against.

    Raises:
        ValueError: unknown name, missing file, unknown or ill-typed key, held-out data in a
            development suite; the message names file, key and remedy.
    """
    if name.endswith((".yaml", ".yml")):
        from evals.tiers import tier_kept  # which loads the suites that ship

        path = (folder or Path()) / name
        return tier_kept(path, _load(path))
    if name not in suite_names():
        near = get_close_matches(name, suite_names(), n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"known suites: {', '.join(suite_names())}"
        raise ValueError(f"unknown suite {name!r}; {hint}")
    return _load(SUITES / f"{name}.yaml")


class _Loader(yaml.SafeLoader):
    """Safe YAML that refuses a key given twice, of which only the last would count."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = next((k for i, k in enumerate(keys) if k in keys[:i]), None)
        if twice is not None:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {twice!r} is given twice", node.start_mark
            )
        return super().construct_mapping(node, deep)


@functools.cache
def _load(path: Path) -> Suite:
    if not path.is_file():
        raise ValueError(f"suite file {path} does not exist")
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506
    except yaml.YAMLError as error:
        raise ValueError(f"suite file {path}: {' '.join(str(error).split())}") from error
    if not isinstance(raw, dict) or set(raw) - {"absent"} != {"tier", "benchmarks"}:
        raise ValueError(
            f"{path}: a suite has exactly the keys 'tier' and 'benchmarks', and perhaps 'absent'"
        )
    if raw["tier"] not in get_args(Tier):
        raise ValueError(f"{path}: tier is {raw['tier']!r}; it is one of {get_args(Tier)}")
    if not isinstance(raw["benchmarks"], dict) or not raw["benchmarks"]:
        raise ValueError(f"{path}: 'benchmarks' maps names to settings and is not empty")
    benchmarks = tuple(_benchmark(path, name, body) for name, body in raw["benchmarks"].items())
    return Suite(path.stem, raw["tier"], benchmarks, _absent(path, raw))


def _absent(path: Path, raw: Mapping[str, Any]) -> Mapping[str, str]:
    absent = raw.get("absent", {})
    if not isinstance(absent, dict):
        raise ValueError(f"{path}: 'absent' maps names to reasons")
    for name, reason in absent.items():
        if not isinstance(reason, str) or not reason.strip():
            raise ValueError(f"{path}: absent {name!r}: its reason is {reason!r}; say why in words")
        if name in raw["benchmarks"]:
            raise ValueError(f"{path}: {name!r} is among the benchmarks and absent")
    return absent


def _benchmark(path: Path, name: str, body: Mapping[str, Any]) -> Benchmark:
    where = f"{path}: benchmark {name!r}"
    if not isinstance(body, dict):
        raise ValueError(f"{where}: its settings are a mapping, not {body!r}")
    values = {"name": name, "task": name, **body}
    if isinstance(values.get("items_from"), dict):
        values["items_from"] = ItemsFrom(**_checked(where, ItemsFrom, values["items_from"]))
    if isinstance(values.get("stop"), list):
        values["stop"] = tuple(values["stop"])
    benchmark = Benchmark(**_checked(where, Benchmark, values))
    _sensible(where, benchmark)
    return benchmark


def _sensible(where: str, benchmark: Benchmark) -> None:
    """Refuse values that would be read as another setting, or score nothing."""
    limits = {
        "items": benchmark.items > 0,
        "max_tokens": benchmark.max_tokens is None or benchmark.max_tokens > 0,
        "shots": benchmark.shots >= 0,
        "replicates": benchmark.replicates > 0,
        "limit": benchmark.limit is None or benchmark.limit > 0,
        "margin": 0 < benchmark.margin < 1,
        "max_truncated": 0 <= benchmark.max_truncated <= 1,
        "max_empty": 0 <= benchmark.max_empty <= 1,
        "temperature": benchmark.temperature is None or benchmark.temperature >= 0,
        "top_p": benchmark.top_p is None or 0 < benchmark.top_p <= 1,
        "pass_k": benchmark.pass_k is None or 1 <= benchmark.pass_k <= benchmark.replicates,
    }
    wrong = next((key for key, right in limits.items() if not right), None)
    if wrong:
        raise ValueError(f"{where}: {wrong} is {getattr(benchmark, wrong)!r}, out of its range")
    if benchmark.replicates > 1 and not benchmark.temperature:
        raise ValueError(
            f"{where}: replicates is {benchmark.replicates} and temperature "
            f"{benchmark.temperature!r}; greedy replicates are all alike, give a temperature"
        )


_TYPES: Mapping[str, Any] = {
    "str": str,
    "int": int,
    "float": (int, float),
    "bool": bool,
    "tuple[str, ...]": tuple,
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
            named = "list of texts" if expected is tuple else wanted
            raise ValueError(f"{where}: {key} is {value!r}; it must be of type {named}")
        if isinstance(value, tuple) and not all(isinstance(text, str) and text for text in value):
            raise ValueError(f"{where}: {key} is {list(value)!r}; it must be a list of texts")
    if missing := [k for k, f in known.items() if f.default is MISSING and k not in values]:
        raise ValueError(f"{where}: missing {', '.join(missing)}")
    return dict(values)
