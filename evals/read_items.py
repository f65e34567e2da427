"""A source's rows -> items."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from pathlib import Path
from typing import Any, TypeGuard

from evals.dataset_rows import Row, dataset_rows, file_rows
from evals.item_parts import ItemSource
from evals.items import EvalItem, group_labels, item_id, own_id


def read_items(
    benchmark: str, source: ItemSource, hub: Path | None, *, unscored: bool = False
) -> list[EvalItem]:
    """Every item of a source.

    An item's id is the dataset's own where each row has one, else the position:
    `<benchmark>/<position>`, with the configuration and the split between the two where the
    source has several. The turns of a conversation are items of their own, `<id>/<turn>`: each is
    a text that training data may hold without the other, and a chat row keeps its turns apart.

    Args:
        benchmark: What the items are said to be of.
        source: Where they lie.
        hub: Mirror folder that stands in for the Hub.
        unscored: Read the splits of the benchmark that are not scored, too.

    Raises:
        ValueError: the data cannot be had, a column is missing, no row is left, or a row has no
            prompt.
    """
    return read_group(benchmark, {benchmark: source}, hub, unscored=unscored)


def read_group(
    benchmark: str, sources: Mapping[str, ItemSource], hub: Path | None, *, unscored: bool = False
) -> list[EvalItem]:
    """Every item of a benchmark that is several tasks.

    Ids are those of `read_items`, with what tells the task apart (`group_labels`) behind the
    benchmark.

    Args:
        benchmark: What the items are said to be of.
        sources: Task -> where its items lie.
        hub: Mirror folder that stands in for the Hub.
        unscored: Read the splits of the benchmark that are not scored, too.

    Raises:
        ValueError: as `read_items`.
    """
    configs = {t: s.configs[0] if len(s.configs) == 1 else None for t, s in sources.items()}
    labels = group_labels(configs) if len(sources) > 1 else {}
    rows = [
        (source, "/".join([benchmark, *([labels[task]] if labels else []), *where]), i, row)
        for task, source in sources.items()
        for where, part in _parts(source, hub, unscored)
        for i, row in enumerate(part)
    ]
    own = [own_id(row) for *_, row in rows]
    named = None not in own and len(set(own)) == len(own)
    ids = (item_id(where, i, row if named else {}) for _, where, i, row in rows)
    return [
        item
        for key, (source, _, _, row) in zip(ids, rows, strict=True)
        for item in _items(benchmark, key, row, source)
    ]


def _parts(
    source: ItemSource, hub: Path | None, unscored: bool
) -> Iterator[tuple[list[str], list[Row]]]:
    """Rows of each configuration and split, with what tells these apart."""
    splits = source.splits + (source.also if unscored else ())
    for config, split in product(source.configs, splits):
        where = [*_several(source.configs, config), *_several(splits, split)]
        yield where, _rows(source, config, split, hub)


def _several(names: Sequence[str | None], name: str | None) -> list[str]:
    return [str(name)] if len(names) > 1 else []


def _rows(source: ItemSource, config: str | None, split: str, hub: Path | None) -> list[Row]:
    if source.file:
        rows = file_rows(source.dataset, source.file, hub)
    else:
        rows = dataset_rows(source.dataset, config, split, hub)
    where = f"dataset {source.dataset}, {f'{config}, ' if config else ''}split {split}"
    if not rows:
        raise ValueError(f"{where}: no rows")
    parts = [p for p in (source.prompt, source.answer, source.passage, source.options) if p]
    needed = [c for part in parts for c in part.columns] + list(source.only or ())[:1]
    for name in needed:
        if name not in rows[0]:
            raise ValueError(f"{where}: no column {name!r}; it has {', '.join(rows[0])}")
    if source.only is None:
        return list(rows[: source.first])
    name, value = source.only
    kept = [row for row in rows if row[name] == value]
    if not kept:
        raise ValueError(f"{where}: no row whose {name} is {value!r}")
    return kept[: source.first]


def _items(benchmark: str, key: str, row: Row, source: ItemSource) -> Iterator[EvalItem]:
    prompt, answer, passage = (
        p.read(row) if p else None for p in (source.prompt, source.answer, source.passage)
    )
    options = source.options.read(row) if source.options else ()
    turns = {f"{key}/{i}": turn for i, turn in enumerate(prompt)} if _is_list(prompt) else None
    for own, text in (turns or {key: prompt}).items():
        if text is None:
            raise ValueError(f"benchmark {benchmark}: item {own} has no prompt")
        yield EvalItem(benchmark, own, str(text), _text(answer), _text(passage), tuple(options))


def _is_list(value: Any) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, (list, tuple))


def _text(value: Any) -> str | None:
    """A part as text; the first of several accepted answers."""
    if _is_list(value):
        return _text(value[0]) if value else None
    return None if value is None else str(value)
