"""Training rows: their two shapes, their ids, and how they lie on disk."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

Row = dict[str, Any]
"""`id`, `source`, and either `messages` or `prompt`/`chosen`/`rejected` (lists of messages); rows
that can be verified also carry `verifier` and `reference`; `part` names a part of a source."""


def chat_row(user: str, assistant: str, **extra: str) -> Row:
    """A row of one exchange."""
    return {"messages": [_message("user", user), _message("assistant", assistant)], **extra}


def preference_row(prompt: str, chosen: str, rejected: str) -> Row:
    """A preference pair over one prompt."""
    return {
        "prompt": [_message("user", prompt)],
        "chosen": [_message("assistant", chosen)],
        "rejected": [_message("assistant", rejected)],
    }


def _message(role: str, content: str) -> dict[str, str]:
    return {"role": role, "content": content}


def identified(rows: Iterable[Row], source: str) -> Iterator[Row]:
    """Give each row its id, a hash of its content; the k-th repeat of a row ends in `#k`."""
    seen: Counter[str] = Counter()
    for row in rows:
        digest = hashlib.sha256(_json(row).encode("utf-8", "surrogatepass")).hexdigest()[:16]
        seen[digest] += 1
        suffix = f"#{seen[digest]}" if seen[digest] > 1 else ""
        yield {"id": digest + suffix, "source": source, **row}


def prompt_messages(row: Mapping[str, Any]) -> list[dict[str, str]]:
    """The conversation up to the response."""
    if "prompt" in row:
        return list(row["prompt"])
    messages = list(row["messages"])
    return messages[:-1] if messages[-1]["role"] == "assistant" else messages


def write_rows(path: Path, rows: Iterable[Row]) -> int:
    """Write rows as JSON lines; returns how many."""
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(_json(row) + "\n")
            count += 1
    return count


def read_rows(path: Path) -> list[Row]:
    """Read rows that `write_rows` wrote."""
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=True, sort_keys=True, allow_nan=False)
