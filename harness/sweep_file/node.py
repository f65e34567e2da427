"""YAML with positions: every value knows its file, its line and its dotted path."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml.reader import ReaderError

from harness.errors import RequestError
from harness.sweep import Scalar

MAX_KEY = 100
MAX_DEPTH = 30
MAX_VALUES = 20_000
"""Aliases unfold, so a short file can be a huge tree; no sweep comes near these."""


@dataclass(frozen=True, slots=True)
class Node:
    """A value of the file: a scalar, a list of nodes, or a mapping from names to nodes."""

    file: Path
    line: int
    """Line of the key in a mapping, of the value itself elsewhere; counted from 1."""
    path: str
    value: Any
    text: str
    """A scalar as it stands in the file."""

    def error(self, message: str) -> RequestError:
        """The error that this value is wrong, for the caller to raise."""
        where = f"{self.file}:{self.line}: "
        return RequestError(where + (f"{self.path}: " if self.path else "") + message)

    @property
    def found(self) -> str:
        """The value in words, for error messages."""
        if isinstance(self.value, dict | list):
            kind = "mapping" if isinstance(self.value, dict) else "list"
            return f"a {kind}" if self.value else f"an empty {kind}"
        if self.value is None:
            return "nothing"
        text = " ".join(self.text.split())
        return text if len(text) <= 60 else text[:57] + "..."

    def __getitem__(self, key: str) -> Node:
        node: Node = self.value[key]
        return node

    def __iter__(self) -> Iterator[tuple[str, Node]]:
        return iter(self.value.items())

    def get(self, key: str) -> Node | None:
        """The node under `key` of a mapping, if there is one."""
        node: Node | None = self.value.get(key)
        return node

    def plain(self) -> Any:
        """The value without positions."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self}
        return [n.plain() for n in self.value] if isinstance(self.value, list) else self.value


def read_yaml(path: Path) -> Node:
    """Read a YAML 1.2 file (core scalars, plus merge keys) that holds one mapping.

    Args:
        path: The file; error messages show it as given.

    Raises:
        RequestError: the file cannot be read or is not such YAML.
    """
    raw = _compose(path, _text(path))
    if raw is None:
        raise RequestError(f"{path}:1: the file is empty; a sweep needs at least a name")
    node = _Tree(path).node(raw, raw.start_mark.line + 1, "", 0)
    if not isinstance(node.value, dict):
        raise node.error(f"found {node.found}; the file must be a mapping of `key: value` lines")
    return node


def scalar(text: str) -> Scalar:
    """What unquoted `text` means in YAML 1.2's core schema (section 10.3.2).

    Raises:
        ValueError: it is a number that is not finite, or too long.
    """
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return text.lower() == "true"
    if re.fullmatch(r"[-+]?[0-9]{1,18}", text):
        return int(text)
    if re.fullmatch(r"0o[0-7]{1,18}|0x[0-9a-fA-F]{1,15}", text):
        return int(text, 0)
    if re.fullmatch(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", text):
        return _finite(text)
    if re.fullmatch(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", text):
        raise ValueError(f"{text} is no finite number")
    return text


def _finite(text: str) -> float:
    if text.lstrip("-+").isdigit() or math.isinf(float(text)):
        raise ValueError(f"the number {text:.20} is too large; if it is text, put it in quotes")
    return float(text)


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise RequestError(f"{path}: there is no such file") from None
    except IsADirectoryError:
        raise RequestError(f"{path}: this is a folder; name the sweep file in it") from None
    except OSError as error:
        raise RequestError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        found = f"byte 0x{data[error.start]:02x} is not UTF-8"
        raise RequestError(f"{path}:{line}: {found}; save the file as UTF-8") from None


class _Loader(yaml.SafeLoader):
    """Composes nodes only; scalars stay text (`scalar` reads them), tags are refused."""

    yaml_implicit_resolvers = {}  # noqa: RUF012  (the base class declares it so)
    depth = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        tag = getattr(event, "tag", None)
        if tag not in (None, "!"):
            raise yaml.MarkedYAMLError(
                problem=f"the tag {tag} is not read; remove it", problem_mark=event.start_mark
            )
        if self.depth > MAX_DEPTH:
            raise yaml.MarkedYAMLError(
                problem="values are nested too deeply", problem_mark=event.start_mark
            )
        self.depth += 1
        node = super().compose_node(parent, index)
        self.depth -= 1
        return node


def _compose(path: Path, text: str) -> yaml.Node | None:
    try:
        return yaml.compose(text, Loader=_Loader)
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise RequestError(
            f"{path}:{line}: character U+{ord(text[error.position]):04X} is not allowed in YAML"
        ) from None
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = 1 if mark is None else mark.line + 1
        raise RequestError(f"{path}:{line}: {_problem(error)}") from None


def _problem(error: yaml.MarkedYAMLError) -> str:
    problem = " ".join((error.problem or "it cannot be parsed").split())
    if "another document" in problem:
        return "a second document starts here; a sweep file holds one"
    if "'\\t'" in problem:
        return "found a tab; YAML is indented with spaces"
    context = ""
    if error.context and error.context_mark:
        context = f" ({error.context}, line {error.context_mark.line + 1})"
    return f"this is not YAML: {problem}{context}"


@dataclass(slots=True)
class _Tree:
    """Unfolds composed nodes (aliases, merge keys) into `Node`s."""

    file: Path
    values: int = 0

    def node(self, raw: yaml.Node, line: int, path: str, depth: int) -> Node:
        self._count(line, depth)
        if isinstance(raw, yaml.ScalarNode):
            return self._scalar(raw, line, path)
        value: Any
        if isinstance(raw, yaml.MappingNode):
            value = {
                key: self.node(child, at, f"{path}.{key}" if path else key, depth + 1)
                for key, (at, child) in self._entries(raw, depth).items()
            }
        else:
            value = [
                self.node(child, child.start_mark.line + 1, f"{path}[{i}]", depth + 1)
                for i, child in enumerate(raw.value)
            ]
        return Node(self.file, line, path, value, "")

    def _scalar(self, raw: yaml.ScalarNode, line: int, path: str) -> Node:
        if raw.style is not None:
            quoted = json.dumps(raw.value, ensure_ascii=False)
            return Node(self.file, line, path, raw.value, quoted)
        try:
            return Node(self.file, line, path, scalar(raw.value), raw.value)
        except ValueError as error:
            raise Node(self.file, line, path, None, "").error(str(error)) from None

    def _entries(self, raw: yaml.Node, depth: int) -> dict[str, tuple[int, yaml.Node]]:
        self._count(raw.start_mark.line + 1, depth)
        own: dict[str, tuple[int, yaml.Node]] = {}
        merged: dict[str, tuple[int, yaml.Node]] = {}
        for key, child in raw.value:
            line = key.start_mark.line + 1
            if key.value == "<<" and key.style is None:
                merged |= self._merged(child, line, depth + 1)
                continue
            name = self._key(key, line)
            if name in own:
                raise self._error(line, f"the key {name!r} stands on line {own[name][0]} already")
            own[name] = (line, child)
        return merged | own

    def _merged(self, raw: yaml.Node, line: int, depth: int) -> dict[str, tuple[int, yaml.Node]]:
        merged: dict[str, tuple[int, yaml.Node]] = {}
        for part in reversed(raw.value) if isinstance(raw, yaml.SequenceNode) else [raw]:
            if not isinstance(part, yaml.MappingNode):
                raise self._error(line, "`<<` merges a mapping or a list of mappings")
            merged |= self._entries(part, depth)
        return merged

    def _key(self, key: yaml.Node, line: int) -> str:
        name = self.node(key, line, "", 0).value
        if not isinstance(name, str):
            raise self._error(line, f"the key {key.value!s:.40} is not text; put it in quotes")
        if len(name) > MAX_KEY or not name.isprintable():
            raise self._error(line, f"the key {name!r:.40} is too long, or not printable")
        return name

    def _count(self, line: int, depth: int) -> None:
        self.values += 1
        if depth > MAX_DEPTH:
            raise self._error(line, "this value refers to itself")
        if self.values > MAX_VALUES:
            raise self._error(line, f"the file unfolds to more than {MAX_VALUES} values")

    def _error(self, line: int, message: str) -> RequestError:
        return RequestError(f"{self.file}:{line}: {message}")
