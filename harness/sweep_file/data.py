"""The sources and mixes of `sweep.yaml`, checked against the disk."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Mapping
from pathlib import Path
from string import Formatter

from evals.hub import require
from harness.contents import source_files
from harness.sweep import Mix, MixPart, SourceSpec
from harness.sweep_file.grid import pick
from harness.sweep_file.node import Node
from harness.sweep_file.shape import HUB_ID, hint

READ = (".jsonl", ".jsonl.gz", ".jsonl.zst", ".json", ".parquet")
UNREAD = (".csv", ".tsv", ".txt", ".arrow", ".gz", ".zst", ".zip", ".xz", ".bz2", ".yaml", ".yml")


def read_source(name: str, node: Node, folder: Path, hub: Path | None) -> SourceSpec:
    """Read one entry of `data`.

    Args:
        name: Its name.
        node: Its mapping, of the grammar's shape.
        folder: The sweep file's folder.
        hub: Mirror folder that stands in for the Hub.

    Raises:
        RequestError: the file, the embedded source or the verifier does not exist, or fields
            contradict each other.
    """
    fields = node.plain()
    fields["source"] = _place(node["source"], folder, hub)
    for key in ("config", "split", "revision"):
        if key in fields and not re.fullmatch(HUB_ID, fields["source"]):
            raise node[key].error("only a dataset of the Hub has this key; remove it")
    for key in ("user", "assistant", "reference"):
        if key in fields:
            _check_columns(node[key], constant=key == "assistant")
    for key, needed in (("user", "assistant"), ("assistant", "user"), ("reference", "verifier")):
        if key in fields and needed not in fields:
            raise node[key].error(f"{key!r} has no effect without {needed!r}; add it")
    if "verifier" in fields:
        from evals.verifiers import VERIFIERS

        pick(node["verifier"], VERIFIERS, "verifier")
    return SourceSpec(name=name, **fields)


def read_mix(name: str, node: Node, sources: Mapping[str, SourceSpec]) -> Mix:
    """Read one entry of `mixes`.

    Args:
        name: Its name.
        node: Its mapping, of the grammar's shape.
        sources: What it may mix.

    Raises:
        RequestError: a source is unknown or holds preference pairs, or shares do not sum to one.
    """
    for source, part in node:
        if source not in sources:
            raise part.error(f"unknown source {source!r}; {hint(source, sources)}")
        if sources[source].format == "preference":
            raise part.error(f"source {source!r} holds preference pairs; a mix holds chat rows")
    parts = tuple(_part(source, part) for source, part in node)
    shares = [part.share for part in parts if part.share is not None]
    if shares and len(shares) < len(parts):
        raise node.error("found shares beside rows or fractions; use shares for all parts or none")
    if shares and abs(sum(shares) - 1) > 1e-6:
        raise node.error(f"the shares sum to {sum(shares):.6g}; they must sum to 1")
    return Mix(name, parts)


def _part(source: str, node: Node) -> MixPart:
    if not isinstance(node.value, dict):
        return MixPart(source, share=float(node.value))
    fields = node.plain()
    if ("rows" in fields) == ("fraction" in fields):
        raise node.error("write either {rows: N} or {fraction: F}")
    if "max_repeats" in fields and "fraction" in fields:
        raise node["max_repeats"].error("only {rows: N} repeats rows; remove it")
    if "fraction" in fields:
        return MixPart(source, fraction=float(fields["fraction"]))
    return MixPart(source, **fields)


def _place(node: Node, folder: Path, hub: Path | None) -> str:
    """`tiny:NAME`, an absolute path or glob, or a Hub id."""
    source: str = node.value
    if source.startswith("tiny:"):
        from recipe.tiny.names import SOURCE_NAMES

        return pick(node, [f"tiny:{name}" for name in SOURCE_NAMES], "embedded source")
    is_path = source.startswith(("/", ".")) or source.lower().endswith(READ + UNREAD)
    if is_path or glob.has_magic(source):
        try:
            return _path(node, folder)
        except (OSError, RuntimeError) as error:
            raise node.error(f"found {node.found}; it cannot be read: {error}") from None
    if not re.fullmatch(HUB_ID, source):
        raise node.error(
            f"found {node.found}; it must be tiny:NAME, a file ({' '.join(READ)}) "
            "or a Hub id org/name"
        )
    if (folder / source).is_dir():
        raise node.error(f"found the folder {source}; name its files, e.g. {source}/*.parquet")
    try:
        require(source, hub)
    except ValueError as error:
        raise node.error(str(error)) from None
    return source


def _path(node: Node, folder: Path) -> str:
    """The absolute file, or the absolute glob, that a source names."""
    path = (folder / node.value).resolve()
    roots = (folder, Path.cwd().resolve())
    _check_inside(node, path, roots)
    if path.exists() or not glob.has_magic(node.value):
        _check_file(node, path)
        return glob.escape(str(path))
    pattern: str = os.path.normpath(Path(glob.escape(str(folder))) / node.value)
    files = source_files(SourceSpec(name="", source=pattern))
    if not files:
        raise node.error(f"no file matches {pattern}")
    for file in files:
        _check_inside(node, file.resolve(), roots)
        _check_file(node, file)
    return pattern


def _check_inside(node: Node, path: Path, roots: tuple[Path, ...]) -> None:
    if not any(path.is_relative_to(root) for root in roots):
        raise node.error(
            f"{path} lies outside of {' and '.join(dict.fromkeys(map(str, roots)))}; "
            "copy it in, or pass it as a Hub id"
        )


def _check_file(node: Node, path: Path) -> None:
    if not path.exists():
        raise node.error(f"there is no file {path}")
    if not path.is_file():
        raise node.error(f"{path} is no file; name the files in it, e.g. *.parquet")
    if not path.name.endswith(READ):
        raise node.error(f"{path} is of a kind that is not read; convert it to {', '.join(READ)}")
    if path.stat().st_size == 0:
        raise node.error(f"{path} is empty")


def _check_columns(node: Node, *, constant: bool) -> None:
    """A format string names whole columns: no attributes, no indices, no conversions."""
    try:
        parts = list(Formatter().parse(node.value))
    except ValueError as error:
        raise node.error(f"found {node.found}; as a format string: {error}") from None
    columns = [(name, spec, how) for _, name, spec, how in parts if name is not None]
    for name, spec, how in columns:
        if not name or name.isdigit() or re.search(r"[.\[\]{}]", name) or spec or how:
            raise node.error(f"found {node.found}; inside braces stands a column's name, no more")
    if not columns and not constant:
        raise node.error(f'found {node.found}; it names no column; write e.g. "{{question}}"')
