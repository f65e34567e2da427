"""What training data is checked against: names and files -> items."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from decontam.items.item import Item, read_items
from decontam.text.objects import read_json


def read_against(given: Sequence[str], hub: Path | None) -> list[Item]:
    """The items of suites, lm-eval tasks, and files of items.

    Args:
        given: Suite names, task names, or JSON lines with `benchmark`, `id`, `prompt` and optional
            `answer`, `passage`, `options`.
        hub: Mirror folder that stands in for the Hub.

    Raises:
        ValueError: unknown name, a file or line that cannot be read, an item without a field, or
            two different items of one id.
    """
    found: dict[tuple[object, object], Mapping[str, object]] = {}
    for name in given:
        empty = True
        for record in _records(name, hub):
            empty = False
            key = record.get("benchmark"), record.get("id")
            if found.setdefault(key, record) != record:
                raise ValueError(
                    f"{name}: benchmark {key[0]!r} has two different items with the id {key[1]!r}; "
                    "give every item of a benchmark its own id"
                )
        if empty:
            raise ValueError(f"{name} holds no items; remove it or fetch it again")
    return read_items(found.values())


def _records(name: str, hub: Path | None) -> Iterator[Mapping[str, object]]:
    path = Path(name)
    if path.is_file() and _may_hold_items(path):
        yield from _lines(path)
        return
    if path.suffix in (".jsonl", ".json"):
        raise ValueError(f"{name} does not exist; name a file of items, a suite or a task")
    from evals.load_items import named_items

    yield from (asdict(item) for item in named_items(name, hub))


def _may_hold_items(path: Path) -> bool:
    """Whether a file is one of items, rather than a suite's or one that has a task's name."""
    return path.suffix not in (".yaml", ".yml") and bool(path.suffix or len(path.parts) > 1)


def _lines(path: Path) -> Iterator[Mapping[str, object]]:
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            try:
                record = read_json(line)
            except (ValueError, RecursionError) as error:
                raise ValueError(f"{path}: line {number} is not JSON: {error}; fix it") from error
            yield _checked(path, number, record)


def _checked(path: Path, number: int, record: object) -> Mapping[str, object]:
    try:
        read_items([record])  # type: ignore[list-item]
    except ValueError as error:
        told = str(error).removeprefix("item 0: ").removeprefix("item 0 ")
        raise ValueError(f"{path}: line {number}: {told}") from error
    return record  # type: ignore[return-value]
