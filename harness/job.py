"""What a stage's function is given, and what a kind of stage is."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STAGES = "harness.stages:STAGES"
"""Where the table from kinds to `StageKind` is, as `module:NAME`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One stage to run: read `inputs`, write `out`."""

    kind: str
    params: Mapping[str, Any]
    inputs: Mapping[str, Path]
    """Role -> the `out/` folder of the published input.  Read only."""
    input_keys: Mapping[str, str]
    """Role -> the key or digest of the input that entered this stage's own key."""
    seed: int | None
    where: Mapping[str, Any]
    """Where to find what `params` names by content."""
    out: Path
    """Empty folder that is published when the function returns."""
    scratch: Path
    """Folder that survives a kill: training checkpoints, and `progress.json` with `step`, `total`
    and `loss` for whoever watches."""
    threads: int
    hub: Path | None
    """Mirror folder that stands in for the Hub."""


@dataclass(frozen=True, slots=True)
class StageKind:
    """What a kind of stage does."""

    run: Callable[[Job], None]
    code_version: int
    """Raise it when a change of code changes what the stage writes."""
    product: tuple[str, ...] | None = None
    """The files, relative to `out/`, that the digest covers; None for all of them."""
    light: bool = False
    """Needs no torch: runs without waiting for the trainers to be imported."""


def load_stages(at: str = STAGES) -> Mapping[str, StageKind]:
    """The table from kinds to `StageKind`.

    Args:
        at: `module:NAME`.

    Raises:
        ValueError: `at` does not name such a table.
    """
    module, _, name = at.partition(":")
    table = getattr(importlib.import_module(module), name or "STAGES", None)
    if not isinstance(table, Mapping):
        raise ValueError(f"{at}: not a table from kinds to StageKind")
    return table
