"""The rows that could not be read, as people see them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from decontam.rows.files import Shard
from decontam.rows.raw import row_texts

if TYPE_CHECKING:
    from decontam.run.merge import Merged
    from decontam.run.shard import Done

LONGEST_TEXT = 2000
"""Characters of a row that are shown."""

NAME = "bad_rows.jsonl"


def write_bad_rows(folder: Path, shard: Shard, done: Done) -> None:
    """Keep what the unreadable rows of a shard say in the folder of its result.

    Args:
        folder: Where the result is being written.
        shard: Which was scanned.
        done: What was found.

    Raises:
        ValueError: the file cannot be read to its end.
    """
    texts = dict(row_texts(shard, {row for row, _ in done.bad}))
    with (folder / NAME).open("w", encoding="utf-8") as file:
        for row, reason in done.bad:
            # One that is not there any more: the file changed, which is an error in the end.
            told = {"row": row, "reason": reason, "text": _cut(texts.get(row))}
            file.write(json.dumps(told) + "\n")


def publish_bad_rows(merged: Merged, folder: Path) -> None:
    """Write what all unreadable rows say, numbered within their files, if there are any."""
    if merged.bad:
        with (folder / NAME).open("w", encoding="utf-8") as file:
            file.writelines(_lines(merged))


def _lines(merged: Merged) -> Iterator[str]:
    for shard, folder in merged.folders.items():
        if (folder / NAME).is_file():
            with (folder / NAME).open(encoding="utf-8") as lines:
                for told in map(json.loads, lines):
                    row = told["row"] + merged.first[shard]
                    line = {"file": shard.file.name, **told, "row": row}
                    yield json.dumps(line, ensure_ascii=False) + "\n"


def _cut(text: str | None) -> str | None:
    if text is None or len(text) <= LONGEST_TEXT:
        return text
    return f"{text[:LONGEST_TEXT]} [cut: {len(text):,} characters in all]"
