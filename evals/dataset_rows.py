"""The rows of a dataset: a mirror's parquet files read as they are, else through `datasets`."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from evals.hub import mirrored, prepared_in, require

Row = Mapping[str, Any]


def dataset_rows(
    dataset: str, config: str | None, split: str, hub: Path | None = None
) -> Sequence[Row]:
    """Every row of one split, in the dataset's order.

    Args:
        dataset: Hub dataset id, `org/name`.
        config: The dataset's configuration; None for its default one.
        split: A split, or what `datasets` makes one of (`train[:10]`).
        hub: Mirror folder that stands in for the Hub.

    Raises:
        ValueError: neither mirror nor Hub has the data, the dataset has no such configuration or
            split, or a file cannot be read.
    """
    folder = mirrored(dataset, hub)
    files = _parquet_files(folder, config, split) if folder else []
    if files:
        return [row for file in files for row in _parquet_rows(file)]
    return _loaded(dataset, config, split, hub)


def _parquet_rows(file: Path) -> list[Row]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        rows: list[Row] = pq.ParquetFile(file).read().to_pylist()
    except (OSError, pa.ArrowException) as error:
        raise ValueError(f"{file} cannot be read as parquet: {error}") from error
    return rows


def _parquet_files(folder: Path, config: str | None, split: str) -> list[Path]:
    """A split's files; none where only `datasets` can tell or read them."""
    configs = _readme(folder).get("configs")
    if not configs or set(split) & set("[+"):
        return []
    files = _split_files(folder, _data_files(folder, configs, config), split)
    return files if all(f.suffix == ".parquet" for f in files) else []


def _readme(folder: Path) -> Mapping[str, Any]:
    """What a dataset's README says in its front matter."""
    file = folder / "README.md"
    try:
        return _front_matter(file.read_text(encoding="utf-8") if file.is_file() else "")
    except yaml.YAMLError as error:
        raise ValueError(f"{file}: the front matter is not YAML: {error}") from error


@functools.lru_cache(maxsize=64)
def _front_matter(text: str) -> Mapping[str, Any]:
    head = text.removeprefix("---\n").partition("\n---")[0] if text.startswith("---\n") else ""
    body = yaml.safe_load(head)
    return body if isinstance(body, dict) else {}


def _data_files(folder: Path, configs: Sequence[Row], config: str | None) -> object:
    names = [str(c["config_name"]) for c in configs]
    if config is None:
        marked = [str(c["config_name"]) for c in configs if c.get("default")]
        config = next(iter(marked or [n for n in names if n == "default" or len(names) == 1]), None)
    if config not in names:
        asked = f"no configuration {config!r}" if config else "no default configuration"
        raise ValueError(f"dataset {folder}: {asked}; it has {', '.join(names)}")
    return configs[names.index(config)].get("data_files")


def _split_files(folder: Path, data_files: object, split: str) -> list[Path]:
    if not isinstance(data_files, list) or not all(isinstance(d, dict) for d in data_files):
        return []
    patterns = {str(d["split"]): d["path"] for d in data_files}
    if split not in patterns:
        raise ValueError(f"dataset {folder}: no split {split!r}; it has {', '.join(patterns)}")
    wanted = patterns[split]
    files: list[Path] = []
    for pattern in [wanted] if isinstance(wanted, str) else wanted:
        found = sorted(folder.glob(pattern))
        if not found:
            raise ValueError(f"dataset {folder}: {folder / pattern} does not exist")
        files += found
    return files


def _loaded(dataset: str, config: str | None, split: str, hub: Path | None) -> Sequence[Row]:
    at = require(dataset, hub)
    from datasets import load_dataset

    try:
        rows: list[Row] = list(
            load_dataset(at, config, split=split, cache_dir=prepared_in(dataset, hub))
        )
    except OSError as error:
        where = f"{hub / dataset} does not exist" if hub else "no mirror is given (--hub DIR)"
        raise ValueError(
            f"dataset {dataset}: {where}, and the Hub did not give it ({type(error).__name__}); "
            f"mirror it, or set HF_HUB_OFFLINE=1 to look in the mirror only"
        ) from error
    return rows
