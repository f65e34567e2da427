"""How far one model's held-out scores lie below their development counterparts, by skill."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from evals.stats import Variance, estimate


def development_record(folder: Path, identity: Mapping[str, str]) -> Mapping[str, Any]:
    """What scores.json of a development run of the same model holds.

    Args:
        folder: What `--out` of that run named.
        identity: The engine's, in the run on the held-out suite.

    Raises:
        ValueError: there is no such file, it is not one of ours, of another model, or held out.
    """
    file = folder / "scores.json"
    try:
        record: Mapping[str, Any] = json.loads(file.read_bytes())
        other, tier = record["identity"], record["asked"]["tier"]
    except OSError as error:
        raise ValueError(f"--beside {folder}: {file} cannot be read ({error.strerror})") from error
    except (ValueError, LookupError, TypeError) as error:
        raise ValueError(f"--beside {folder}: its scores.json is not one of ours") from error
    if tier != "development" or other != dict(identity):
        why = "is held out too" if tier != "development" else "is of another model or engine"
        raise ValueError(f"--beside {folder}: what it holds {why}; name a development run of this")
    return record


def gap_lines(held_out: Mapping[str, Any], development: Mapping[str, Any]) -> Iterator[str]:
    """A line for each held-out benchmark whose counterpart (`twin`, `shift_of`) was scored.

    The items differ, so the samples are independent and their variances add.

    Args:
        held_out: What scores.json of the held-out run holds.
        development: The same of the development run.
    """
    yield f"{'skill':<22} {'development':<20} {'held out':<20} {'gap':>5}  95 % interval"
    for name, b in held_out["benchmarks"].items():
        counterpart = b["settings"]["twin"] or b["settings"]["shift_of"]
        a = development["benchmarks"].get(counterpart)
        if a is None or a["se"] is None or b["se"] is None:
            yield f"{b['settings']['skill'][:22]:<22} {'n/a':<20} {_scored(name, b)}"
            continue
        parts = [Variance(x["se"] ** 2, x["items"] - 1) for x in (a, b)]
        gap = estimate(a["score"] - b["score"], parts)
        yield (
            f"{b['settings']['skill'][:22]:<22} {_scored(counterpart, a)} {_scored(name, b)} "
            f"{100 * gap.mean:>+5.1f}  [{100 * gap.low:+.1f}, {100 * gap.high:+.1f}]"
        )


def _scored(name: str, b: Mapping[str, Any]) -> str:
    score = "n/a" if b["score"] is None else f"{100 * b['score']:.1f}"
    return f"{name[:14]:<14} {score:>5}"
