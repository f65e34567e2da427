"""Shapes of YAML values: each checks a node and says itself as JSON schema."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from difflib import SequenceMatcher, get_close_matches
from typing import Any, Protocol

from harness.errors import RequestError
from harness.sweep_file.node import Node, scalar

NAME = r"[A-Za-z0-9][A-Za-z0-9._-]*"
HUB_ID = rf"{NAME}/{NAME}"


def hint(word: str, known: Collection[str]) -> str:
    """The known word nearest to `word`, or all of them, as the end of an error message."""
    near = get_close_matches(word.lower(), known, n=5, cutoff=0.5)
    if not near:
        return f"known: {', '.join(sorted(known)) or 'none'}"
    return f"did you mean {max(near, key=lambda name: _likeness(word.lower(), name))!r}?"


def _likeness(word: str, name: str) -> float:
    """How alike two words are, for words of two or three letters too: length and place count."""
    in_place = sum(a == b for a, b in zip(word, name, strict=False))
    ratio = SequenceMatcher(None, name, word).ratio()
    return ratio - 0.1 * abs(len(word) - len(name)) + 0.01 * in_place


class Shape(Protocol):
    """What a value may be."""

    @property
    def what(self) -> str:
        """The shape in words."""

    def check(self, node: Node) -> None:
        """Raise a `RequestError` unless `node` has this shape."""

    def schema(self) -> dict[str, Any]:
        """The shape as JSON schema."""


@dataclass(frozen=True, slots=True)
class Text:
    """Text, of a pattern if one is given."""

    what: str = "text"
    pattern: str | None = None

    def check(self, node: Node) -> None:
        """Refuse what is not such text."""
        fits = isinstance(node.value, str) and node.value.strip() and "\0" not in node.value
        if not fits or (self.pattern and not re.fullmatch(self.pattern, node.value)):
            quotes = isinstance(node.value, bool | int | float) and self.pattern is None
            raise wrong(node, self.what, "put it in quotes" if quotes else "")

    def schema(self) -> dict[str, Any]:
        """The shape as JSON schema."""
        pattern = {"pattern": f"^{self.pattern}$"} if self.pattern else {}
        return {"type": "string", "minLength": 1, **pattern}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several words."""

    words: tuple[str, ...]

    @property
    def what(self) -> str:
        """The shape in words."""
        return " or ".join(self.words)

    def check(self, node: Node) -> None:
        """Refuse other words."""
        if node.value not in self.words:
            raise wrong(node, self.what)

    def schema(self) -> dict[str, Any]:
        """The shape as JSON schema."""
        return {"enum": list(self.words)}


@dataclass(frozen=True, slots=True)
class Flag:
    """True or false."""

    what: str = "true or false"

    def check(self, node: Node) -> None:
        """Refuse what is not a boolean."""
        if not isinstance(node.value, bool):
            raise wrong(node, self.what)

    def schema(self) -> dict[str, Any]:
        """The shape as JSON schema."""
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Number:
    """A number, or a whole number, within bounds; booleans are none."""

    whole: bool = False
    above: float | None = None
    least: float | None = None
    below: float | None = None
    most: float | None = None
    remedy: str = ""

    @property
    def what(self) -> str:
        """The shape in words."""
        bounds = {"above": self.above, "at least": self.least}
        bounds |= {"below": self.below, "at most": self.most}
        said = " and ".join(f"{word} {n}" for word, n in bounds.items() if n is not None)
        return f"a {'whole ' * self.whole}number {said}".rstrip()

    def check(self, node: Node) -> None:
        """Refuse what is no such number."""
        n = node.value
        fits = type(n) is int or (type(n) is float and not self.whole)
        fits = fits and (self.above is None or n > self.above)
        fits = fits and (self.least is None or n >= self.least)
        fits = fits and (self.below is None or n < self.below)
        if not fits or (self.most is not None and n > self.most):
            raise wrong(node, self.what, _as_number(n) or self.remedy)

    def schema(self) -> dict[str, Any]:
        """The shape as JSON schema."""
        bounds = {"exclusiveMinimum": self.above, "minimum": self.least}
        bounds |= {"exclusiveMaximum": self.below, "maximum": self.most}
        said = {word: n for word, n in bounds.items() if n is not None}
        return {"type": "integer" if self.whole else "number", **said}


@dataclass(frozen=True, slots=True)
class ListOf:
    """A list of at least one item."""

    item: Shape

    @property
    def what(self) -> str:
        """The shape in words."""
        return "a list"

    def check(self, node: Node) -> None:
        """Refuse what is no list of such items."""
        if not isinstance(node.value, list) or not node.value:
            raise wrong(node, "a list of at least one item")
        for item in node.value:
            self.item.check(item)

    def schema(self) -> dict[str, Any]:
        """The shape as JSON schema."""
        return {"type": "array", "minItems": 1, "items": self.item.schema()}


@dataclass(frozen=True, slots=True)
class Record:
    """A mapping with known keys, some required; `others` is the shape under any other name."""

    keys: Mapping[str, Shape]
    required: tuple[str, ...] = ()
    others: Shape | None = None
    remedy: str = ""

    @property
    def what(self) -> str:
        """The shape in words."""
        return f"a mapping from names to {self.others.what}" if self.others else "a mapping"

    def check(self, node: Node) -> None:
        """Refuse unknown keys, missing keys and ill-shaped values, in the order of the file."""
        if not isinstance(node.value, dict) or not node.value:
            raise wrong(
                node, self.what if node.value else "a mapping that is not empty", self.remedy
            )
        for key, child in node:
            self._shape(key, child).check(child)
        for key in self.required:
            if key not in node.value:
                raise self._missing(key, node)

    def _missing(self, key: str, node: Node) -> RequestError:
        for near in get_close_matches(key, node.value.keys() - self.keys.keys(), n=1):
            return node[near].error(f"unknown key {near!r}; did you mean {key!r}?")
        return node.error(f"the key {key!r} is missing; it is {self.keys[key].what}")

    def _shape(self, key: str, child: Node) -> Shape:
        shape = self.keys.get(key, self.others)
        if shape is None:
            raise child.error(f"unknown key {key!r}; {hint(key, self.keys)}")
        if not re.fullmatch(NAME, key):
            raise child.error(f"{key!r} is no name; use letters, digits, '-', '_' and '.'")
        return shape

    def schema(self) -> dict[str, Any]:
        """The shape as JSON schema."""
        return {
            "type": "object",
            "minProperties": 1,
            "properties": {key: shape.schema() for key, shape in self.keys.items()},
            "required": list(self.required),
            "additionalProperties": self.others.schema() if self.others else False,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class ByKind:
    """Different shapes for a scalar, a list and a mapping."""

    scalar: Shape
    sequence: Shape | None = None
    mapping: Shape | None = None

    @property
    def what(self) -> str:
        """The shape in words."""
        return " or ".join(shape.what for shape in self._shapes())

    def check(self, node: Node) -> None:
        """Refuse what does not have the shape of its kind."""
        shape: Shape | None = self.scalar
        if isinstance(node.value, list | dict):
            shape = self.sequence if isinstance(node.value, list) else self.mapping
        if shape is None:
            raise wrong(node, self.what)
        shape.check(node)

    def schema(self) -> dict[str, Any]:
        """The shape as JSON schema."""
        return {"anyOf": [shape.schema() for shape in self._shapes()]}

    def _shapes(self) -> list[Shape]:
        return [s for s in (self.scalar, self.sequence, self.mapping) if s is not None]


@dataclass(frozen=True, slots=True)
class Value:
    """Any scalar but nothing."""

    what: str = "a value"

    def check(self, node: Node) -> None:
        """Refuse lists, mappings and nothing."""
        if node.value is None or isinstance(node.value, list | dict):
            raise wrong(node, self.what)

    def schema(self) -> dict[str, Any]:
        """The shape as JSON schema."""
        return {"type": ["string", "number", "boolean"]}


def wrong(node: Node, what: str, remedy: str = "") -> RequestError:
    """The error that `node` is not `what`, for the caller to raise."""
    return node.error(f"found {node.found}; it must be {what}" + (f"; {remedy}" if remedy else ""))


def _as_number(value: Any) -> str:
    """The remedy for a number that is text."""
    plain = re.sub(r"[_,\s]", "", value) if isinstance(value, str) else ""
    try:
        number = scalar(plain)
    except ValueError:
        return ""
    if type(number) not in (int, float):
        return ""
    return f"write {plain} without quotes" if plain == value else f"write {plain}"
