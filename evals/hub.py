"""A folder that stands in for the Hub: `DIR/org/name` laid out as a dataset repository."""

from __future__ import annotations

import os
from pathlib import Path

from evals.digest import text_digest, tree_digest


def hub_folder(explicit: Path | None = None) -> Path | None:
    """The mirror in use: `--hub`, or the environment variable ASSAY_HUB, or none."""
    named = explicit or (Path(os.environ["ASSAY_HUB"]) if os.environ.get("ASSAY_HUB") else None)
    return named.resolve() if named else None


def mirrored(dataset: str, hub: Path | None) -> Path | None:
    """The folder of a dataset in the mirror, or None where the mirror lacks it."""
    folder = hub / dataset if hub else None
    return folder if folder and folder.is_dir() else None


def require(dataset: str, hub: Path | None) -> str:
    """What `datasets.load_dataset` is given for a dataset: the mirror's folder, or the Hub id.

    Raises:
        ValueError: the Hub is off (HF_HUB_OFFLINE) and the mirror lacks the dataset.
    """
    folder = mirrored(dataset, hub)
    if folder:
        return str(folder)
    if os.environ.get("HF_HUB_OFFLINE") == "1":
        where = f"{hub / dataset} does not exist" if hub else "no mirror is given (--hub DIR)"
        raise ValueError(f"dataset {dataset}: the Hub is off (HF_HUB_OFFLINE=1) and {where}")
    return dataset


def prepared_in(dataset: str, hub: Path | None) -> str | None:
    """The `cache_dir` that `datasets` is given for a dataset; None, its own choice, off the mirror.

    `datasets` knows a folder by its last name alone, and would serve the rows of another mirror, or
    of this one before it changed: each state of a mirror's folder has a cache of its own.
    """
    folder = mirrored(dataset, hub)
    if folder is None:
        return None
    from datasets import config

    return str(Path(config.HF_DATASETS_CACHE) / "mirrors" / _state(folder)[:16])


def _state(folder: Path) -> str:
    """Digest of the places, sizes and times of change of a folder's files; reads none of them."""
    files = sorted(p for p in folder.resolve().rglob("*") if p.is_file())
    stats = ((p, p.stat()) for p in files)
    return text_digest("\n".join(f"{p} {s.st_size} {s.st_mtime_ns}" for p, s in stats))


def fingerprint(dataset: str, hub: Path | None) -> str:
    """Digest of a mirrored dataset's files; for one on the Hub its id."""
    folder = mirrored(dataset, hub)
    return tree_digest(folder) if folder else dataset
