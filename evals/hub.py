"""A folder that stands in for the Hub: `DIR/org/name` laid out as the Hub's repository is."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from pathlib import Path

from evals.digest import tree_digest

_HUB_ID = re.compile(r"\w[\w.-]*/\w[\w.-]*")


def hub_folder(explicit: Path | None = None) -> Path | None:
    """The mirror in use: `--hub`, or the environment variable ASSAY_HUB, or none."""
    named = explicit or (Path(os.environ["ASSAY_HUB"]) if os.environ.get("ASSAY_HUB") else None)
    return named.resolve() if named else None


def mirrored(dataset: str, hub: Path | None) -> Path | None:
    """The folder of a dataset in the mirror, or None where the mirror lacks it."""
    folder = hub / dataset if hub else None
    return folder if folder and folder.is_dir() else None


MODEL = ("config.json",)
"""The file that makes a folder a model's."""

TOKENIZER = ("tokenizer_config.json", "tokenizer.json")
"""Files of which one makes a folder a tokenizer's."""


def mirrored_model(name: str, hub: Path | None, marks: Sequence[str] = MODEL) -> str:
    """What a model or tokenizer is loaded from: the mirror's folder of a Hub id, or as it is named.

    A folder of that name here comes first, since a name may be a folder.

    Args:
        name: Folder or Hub id.
        hub: Mirror folder that stands in for the Hub.
        marks: The mirror has it if its folder holds one of these files.
    """
    if hub is None or not _HUB_ID.fullmatch(name) or Path(name).is_dir():
        return name
    folder = hub / name
    return str(folder) if any((folder / mark).is_file() for mark in marks) else name


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


def datasets_cache(dataset: str, hub: Path | None) -> str | None:
    """Where `datasets` is to keep its copy of a mirrored dataset; None for one on the Hub."""
    folder = mirrored(dataset, hub)
    return folder_cache(folder) if folder else None


def folder_cache(folder: Path) -> str:
    """Where `datasets` is to keep its copy of the dataset in a folder, as the folder is now.

    Left to itself it goes by the folder's name alone: changed files, or another mirror's folder of
    that name, would be answered with the copy of the first.
    """
    from datasets import config

    return str(Path(config.HF_DATASETS_CACHE) / "mirrors" / tree_digest(folder)[:16])


def dataset_file(dataset: str, name: str, hub: Path | None) -> Path:
    """One file of a dataset repository, from the mirror or the Hub.

    Raises:
        ValueError: the mirror's folder lacks the file, or neither mirror nor Hub has the dataset.
    """
    at = require(dataset, hub)
    if at != dataset:
        file = Path(at) / name
        if not file.is_file():
            raise ValueError(f"dataset {dataset}: {file} does not exist")
        return file
    from huggingface_hub import hf_hub_download

    try:
        return Path(hf_hub_download(dataset, name, repo_type="dataset"))
    except OSError as error:
        raise ValueError(
            f"dataset {dataset}: the Hub did not give {name} ({type(error).__name__}); mirror it"
        ) from error


def fingerprint(dataset: str, hub: Path | None) -> str:
    """Digest of a mirrored dataset's files; for one on the Hub its id."""
    folder = mirrored(dataset, hub)
    return tree_digest(folder) if folder else dataset
