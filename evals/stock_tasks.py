"""Task files by name, ours and lm-eval's, read as text: lm-eval is not imported, no code is run."""

from __future__ import annotations

import functools
import importlib.util
import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml

OURS = Path(__file__).parent / "tasks"

Settings = Mapping[str, Any]


class Function(str):
    """The name of Python code that a task file refers to (`!function`)."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class _Folder:
    """What the task files of one folder declare."""

    files: Mapping[str, Path]
    """Task or group -> its file."""
    tags: Mapping[str, tuple[str, ...]]
    """Tag -> its tasks."""


def task_file(task: str) -> Path:
    """The YAML file of a task: ours, or one of the stock tasks.

    Raises:
        ValueError: no such task.
    """
    file = next((f.files[task] for f in _folders(task) if task in f.files), None)
    if file is None or "group" in stock_settings(file):
        raise ValueError(f"unknown task {task!r}: neither in evals/tasks nor among lm-eval's tasks")
    return file


def stock_tasks(name: str) -> dict[str, Settings]:
    """The tasks that a name stands for: a task itself, or the tasks of a group or a tag.

    Args:
        name: A task, group or tag, ours or lm-eval's.

    Returns:
        Task -> its settings, in the group's order; empty for an unknown name.

    Raises:
        ValueError: a group names a task that does not exist.
    """
    return _expand(name)


def in_lm_eval(name: str) -> bool:
    """Whether lm-eval itself has a task, group or tag of this name, whether or not ours has too."""
    return any(
        name in f.files or name in f.tags for f in _folders(name) if f is not _declared(OURS)
    )


def stock_settings(path: Path) -> dict[str, Any]:
    """A task file's settings, includes merged, `!function` left as text.

    Args:
        path: The task's YAML file.

    Raises:
        ValueError: it is not a mapping in YAML.
    """
    return dict(_settings(path))


def names_near(name: str) -> set[str]:
    """Tasks, groups and tags in lm-eval's folders whose names start as this one does, and the
    folders themselves, which mostly bear the name of a group.
    """
    stock = _stock()
    near = {n for f in _likely(name) for n in (*_declared(f).files, *_declared(f).tags)}
    return near | ({p.name for p in stock.iterdir() if p.is_dir()} if stock else set())


def _expand(
    name: str, above: frozenset[str] = frozenset(), home: _Folder | None = None
) -> dict[str, Settings]:
    """Tasks of a name, looked up in the folder of the group that lists it before all others."""
    for folder in itertools.chain([home] if home else [], _folders(name)):
        if name in folder.files:
            body = stock_settings(folder.files[name])
            return _members(name, body["task"], above, folder) if "group" in body else {name: body}
    # The tasks of one tag may lie in several folders.
    tagged = [(task, f) for f in _folders(name) for task in f.tags.get(name, ())]
    return {task: stock_settings(folder.files[task]) for task, folder in tagged}


def _members(
    group: str, members: str | Sequence[str | Settings], above: frozenset[str], home: _Folder
) -> dict[str, Settings]:
    within, found = above | {group}, dict[str, Settings]()
    for member in [members] if isinstance(members, str) else members:
        overrides = {} if isinstance(member, str) else member
        name = member if isinstance(member, str) else member.get("task")
        if "group" in overrides and isinstance(name, list):
            found |= _members(overrides["group"], name, above, home)
            continue
        tasks = _expand(name, within, home) if isinstance(name, str) and name not in within else {}
        if not tasks:
            raise ValueError(f"group {group}: its task {name!r} is not among lm-eval's tasks")
        found |= {task: {**body, **overrides, "task": task} for task, body in tasks.items()}
    return found


def _folders(name: str) -> Iterator[_Folder]:
    """Folders that may declare a name, the likely ones first; reading all takes seconds."""
    likely = _likely(name)
    yield from map(_declared, likely)
    yield from (_declared(f) for f in _mentioning(name) if f not in likely)


def _likely(name: str) -> list[Path]:
    stock = _stock()
    ends = [i for i, c in enumerate(name) if c in "_-"]
    starts = [name, *(name[:end] for end in reversed(ends))] if stock else []
    return [OURS, *(stock / s for s in starts if stock and s and (stock / s).is_dir())]


def _mentioning(name: str) -> list[Path]:
    """lm-eval's folders with a task file in which the name occurs, or that include such a file."""
    texts = _texts(_stock())
    direct = {f for f, text in texts.items() if name and name.encode() in text}
    included = [f"../{folder.name}/".encode() for folder in direct]
    return [f for f, text in texts.items() if f in direct or any(i in text for i in included)]


@functools.cache
def _texts(stock: Path | None) -> Mapping[Path, bytes]:
    """Folder -> all its task files (8 MB in all); names can be looked for without parsing them."""
    found: dict[Path, list[bytes]] = {}
    for folder in sorted(p for p in stock.iterdir() if p.is_dir()) if stock else ():
        for where, _, names in os.walk(folder):
            files = (Path(where, n) for n in names if n.endswith(".yaml") or "." not in n)
            found.setdefault(folder, []).extend(f.read_bytes() for f in files)
    return {folder: b"\n".join(texts) for folder, texts in found.items()}


@functools.cache
def _stock() -> Path | None:
    spec = importlib.util.find_spec("lm_eval")
    return Path(spec.origin).parent / "tasks" if spec and spec.origin else None


@functools.cache
def _declared(folder: Path) -> _Folder:
    files: dict[str, Path] = {}
    tags: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("*.yaml")):
        body = _settings(path)
        name = body.get("group") or body.get("task")
        if not isinstance(name, str) or name in files:
            continue
        files[name] = path
        marks = body.get("tag") or () if "group" not in body else ()
        for tag in [marks] if isinstance(marks, str) else marks:
            tags.setdefault(tag, []).append(name)
    return _Folder(files, {tag: tuple(names) for tag, names in tags.items()})


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
    """Safe YAML with `!function` kept as a name."""


_Loader.add_constructor("!function", lambda _loader, node: Function(node.value))


@functools.cache
def _settings(path: Path) -> Settings:
    try:
        body = yaml.load(path.read_text(encoding="utf-8"), Loader=_Loader)  # noqa: S506
    except yaml.YAMLError as error:
        raise ValueError(f"task file {path} is not YAML: {error}") from error
    if not isinstance(body, dict):
        raise ValueError(f"task file {path}: its settings are a mapping, not {body!r}")
    includes = body.pop("include", None) or ()
    merged: dict[str, Any] = {}
    for name in [includes] if isinstance(includes, str) else includes:
        merged.update(_settings(path.parent / name))
    return MappingProxyType({**merged, **body})
