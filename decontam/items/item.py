"""Benchmark items as plain records become `Item`s."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

MIN_TOKENS = 2
"""A prompt of one token is found everywhere, so it is evidence of nothing."""


@dataclass(frozen=True, slots=True)
class Item:
    """One benchmark instance with its parts apart; options never become instances of their own."""

    benchmark: str
    id: str
    prompt: str
    answer: str | None = None
    passage: str | None = None
    options: tuple[str, ...] = ()


def read_items(records: Iterable[Mapping[str, object]]) -> list[Item]:
    """Read records with `benchmark`, `id` and `prompt`, and optionally `answer`, `passage`,
    `options`; other keys are ignored.

    Raises:
        ValueError: a record lacks a field, a field has the wrong type, two records of a benchmark
            have the same id, or there is no record; the message names the record and the remedy.
    """
    items: dict[tuple[str, str], Item] = {}
    for number, record in enumerate(records):
        item = _item(number, record)
        if (item.benchmark, item.id) in items:
            raise ValueError(
                f"item {number}: id {item.id!r} occurs twice in benchmark {item.benchmark!r}; "
                "give every item of a benchmark its own id"
            )
        items[item.benchmark, item.id] = item
    if not items:
        raise ValueError("no items to check against; pass at least one benchmark item")
    return list(items.values())


def _item(number: int, record: Mapping[str, object]) -> Item:
    if not isinstance(record, Mapping):
        raise ValueError(f"item {number} is {type(record).__name__}, not a mapping; pass records")
    options = record.get("options") or ()
    if isinstance(options, (str, Mapping)) or not isinstance(options, Iterable):
        raise ValueError(f"item {number}: 'options' is {options!r:.60}; make it a list of strings")
    return Item(
        benchmark=_string(number, record, "benchmark"),
        id=str(record["id"])
        if isinstance(record.get("id"), int)
        else _string(number, record, "id"),
        prompt=_string(number, record, "prompt"),
        answer=_optional(number, record, "answer"),
        passage=_optional(number, record, "passage"),
        options=tuple(_whole(number, "options", str(option)) for option in options),
    )


def _string(number: int, record: Mapping[str, object], key: str) -> str:
    value = record.get(key)
    if not isinstance(value, str):
        needed = "every item needs the strings 'benchmark', 'id' and 'prompt'"
        remedy = (
            needed if key in ("benchmark", "id", "prompt") else "make it a string or leave it out"
        )
        raise ValueError(f"item {number}: {key!r} is {value!r:.60}; {remedy}")
    return _whole(number, key, value)


def _whole(number: int, key: str, text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ValueError(
            f"item {number}: {key!r} holds a lone surrogate at character {error.start}; write the "
            "items again as UTF-8"
        ) from error
    return text


def _optional(number: int, record: Mapping[str, object], key: str) -> str | None:
    return None if record.get(key) is None else _string(number, record, key)
