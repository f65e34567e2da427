"""Training data named by its id on the Hub."""

from __future__ import annotations

import re
from pathlib import Path

from evals.hub import require

_ID = re.compile(r"[\w.-]+/[\w.-]+")


def folder_of(name: str, hub: Path | None) -> str:
    """The folder of a Hub dataset's files; any other name as it is.

    Args:
        name: What a person wrote: something on disk, or `org/name`.
        hub: Mirror folder that stands in for the Hub.

    Raises:
        ValueError: the dataset cannot be had; names where it was looked for.
    """
    if Path(name).exists() or not _ID.fullmatch(name) or Path(name).suffix:
        return name
    place = require(name, hub)
    return place if place != name else _downloaded(name)


def _downloaded(dataset: str) -> str:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError

    try:
        return str(snapshot_download(dataset, repo_type="dataset"))
    except (HfHubHTTPError, LocalEntryNotFoundError, OSError) as error:
        raise ValueError(
            f"{dataset} is neither a file nor a dataset that the Hub gives: {error}"
        ) from error
