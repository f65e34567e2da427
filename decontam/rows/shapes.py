"""Training rows of the usual shapes become segments of text with a role."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Mode = Literal["user", "assistant", "all"]
Row = Mapping[str, object]

QUESTION, ANSWER = 1, 2
"""What a turn may be asked for: prompts and passages of items; their answers."""

FORMATS = (
    "'messages', 'prompt' (with 'response', 'completion' or 'chosen'/'rejected'), 'chosen'/"
    "'rejected', 'instruction' (with 'input' and 'output'), 'conversations' or 'text', neither "
    "null nor empty; name other fields with --fields"
)
MEDIA = ("image", "image_url", "input_image", "audio", "input_audio", "video", "video_url", "file")
"""Types of the parts of a message that hold no text."""

Parts = list[tuple[str, str]]

_ROLES = {"human": "user", "gpt": "assistant", "model": "assistant", "bot": "assistant"}


@dataclass(frozen=True, slots=True)
class Segment:
    """One turn of one row."""

    row: int
    turn: int
    """Number of the segment within its row, from 0."""
    role: str
    """`user`, `assistant`, `system`, ...; `text` where the row does not say."""
    text: str


@dataclass(frozen=True, slots=True)
class Doc:
    """One row as segments."""

    row: int
    segments: tuple[Segment, ...]

    def asked(self, mode: Mode) -> bytes:
        """What each segment is asked for, one byte each.

        Raises:
            ValueError: no text is asked for prompts, so the row could not be called clean.
        """
        masks = bytes(asked(mode, s.role) for s in self.segments)
        looked = zip(masks, self.segments, strict=True)
        if not any(mask & QUESTION and s.text.strip() for mask, s in looked):
            raise ValueError(
                f"row {self.row} has no {'text' if mode == 'all' else mode + ' turn'} to scan; "
                "remove the row or use mode 'all'"
            )
        return masks

    def digest(self) -> bytes:
        """What the row says, as 16 bytes."""
        told = json.dumps([(s.role, s.text) for s in self.segments]).encode()
        return hashlib.blake2b(told, digest_size=16).digest()


def asked(mode: Mode, role: str) -> int:
    """What a turn is asked for: prompts in user turns and answers in assistant turns, or both in
    the turns that a mode names; text without a role belongs to every mode."""
    if mode == "all" or role in ("text", mode if mode == "assistant" else ""):
        return QUESTION | ANSWER
    if mode == "user":
        return {"user": QUESTION, "assistant": ANSWER}.get(role, 0)
    return 0


def role_of(name: str) -> str:
    """A role as the data writes it -> `user`, `assistant` or what else it says."""
    name = name.casefold()
    return _ROLES.get(name, name)


def read_row(number: int, row: Row, fields: Sequence[str] = ()) -> Doc:
    """Recognise the shape of a row; a row of several shapes is read in all of them.

    Args:
        number: The row's place in the data, from 0.
        row: `messages`; `prompt` with `response`, `completion`, `output` or `chosen` and `rejected`
            (strings or lists of messages); Alpaca, its `input` also as `context` and its `output`
            also as `response` or `completion`; ShareGPT; or plain `text`.
        fields: The fields that hold the text, instead of those: strings, or lists of strings or of
            messages.

    Raises:
        ValueError: no known shape, a part of the wrong type, or no text at all; the message names
            the row and the remedy.
    """
    if not isinstance(row, Mapping):
        raise ValueError(f"row {number} is {type(row).__name__}, not a mapping; pass one per row")
    if fields:
        return _doc(number, [p for f in fields for p in _field(f"row {number}", row, f)])
    parts = [part for key, read in _SHAPES.items() if row.get(key) is not None
             for part in read(f"row {number}", row)]  # fmt: skip
    if not parts:
        raise ValueError(f"row {number} has the keys {list(row)!s:.200}; it needs {FORMATS}")
    return _doc(number, parts)


def _doc(number: int, parts: Parts) -> Doc:
    if not any(text.strip() for _, text in parts):
        raise ValueError(f"row {number} has no text; remove it or fill its fields")
    return Doc(number, tuple(Segment(number, turn, *part) for turn, part in enumerate(parts)))


def _messages(where: str, row: Row) -> Parts:
    return _turns(where, "messages", row["messages"], "role", "content")


def _sharegpt(where: str, row: Row) -> Parts:
    turns = row["conversations"]
    names = ("role", "content") if _begins_with(turns, "role") else ("from", "value")
    return _turns(where, "conversations", turns, *names)


def _begins_with(turns: object, key: str) -> bool:
    """Whether the first of some turns has a key."""
    first = turns[0] if isinstance(turns, Sequence) and turns else None
    return isinstance(first, Mapping) and key in first


def _prompt(where: str, row: Row) -> Parts:
    answers = [k for k in ("response", "completion") if row.get(k) is not None]
    if not answers and row.get("output") is not None:
        answers = ["output"]
    parts = _string_or_turns(where, row, "prompt", "user")
    return parts + [p for k in answers for p in _string_or_turns(where, row, k, "assistant")]


def _chosen(where: str, row: Row) -> Parts:
    # Without a prompt beside it, a chosen string is a transcript of both sides.
    role = "assistant" if row.get("prompt") is not None else "text"
    if row.get("rejected") is None:
        raise ValueError(f"{where} has 'chosen' without 'rejected'; add it or use 'response'")
    return [p for k in ("chosen", "rejected") for p in _string_or_turns(where, row, k, role)]


def _alpaca(where: str, row: Row) -> Parts:
    asked = [_text(where, k, row[k]) for k in ("instruction", "input", "context") if row.get(k)]
    told = [k for k in ("output", "response", "completion") if row.get(k)]
    return [("user", "\n".join(asked)), *(("assistant", _text(where, k, row[k])) for k in told)]


def _plain(where: str, row: Row) -> Parts:
    return [("text", _text(where, "text", row["text"]))]


_SHAPES: Mapping[str, Callable[[str, Row], Parts]] = {
    "messages": _messages,
    "prompt": _prompt,
    "chosen": _chosen,
    "instruction": _alpaca,
    "conversations": _sharegpt,
    "text": _plain,
}


def _field(where: str, row: Row, key: str) -> Parts:
    value = row.get(key)
    if value is None:
        raise ValueError(f"{where} has no field {key!r}; it has {list(row)!s:.200}")
    if isinstance(value, Sequence) and value and all(isinstance(v, str) for v in value):
        return [("text", str(v)) for v in ([value] if isinstance(value, str) else value)]
    if _begins_with(value, "from"):
        return _turns(where, key, value, "from", "value")
    return _string_or_turns(where, row, key, "text")


KEYS = ("messages", "prompt", "response", "completion", "chosen", "rejected", "instruction",
        "input", "context", "output", "conversations", "text")  # fmt: skip
"""The fields that the usual shapes are made of."""


def _string_or_turns(where: str, row: Row, key: str, role: str) -> Parts:
    value = row[key]
    if isinstance(value, str):
        return [(role, value)]
    return _turns(where, key, value, "role", "content")


def _turns(where: str, key: str, turns: object, role: str, content: str) -> Parts:
    if isinstance(turns, str) or not isinstance(turns, Sequence):
        raise ValueError(f"{where}: {key!r} is {turns!r:.60}; make it a list of messages")
    parts = []
    for number, turn in enumerate(turns):
        place = f"{where}: {key}[{number}]"
        if not isinstance(turn, Mapping) or not isinstance(turn.get(role), str):
            raise ValueError(f"{place} is {turn!r:.60}; give it a {role!r} and a {content!r}")
        parts.append((role_of(turn[role]), _content(place, content, turn)))
    return parts


def _content(place: str, key: str, turn: Mapping[str, object]) -> str:
    """The text of a message, which may come in typed parts or be a call of a tool."""
    value = turn.get(key)
    if isinstance(value, Sequence) and not isinstance(value, str):
        said = (_part(f"{place}: {key}[{k}]", part) for k, part in enumerate(value))
        return "\n".join(text for text in said if text)
    if value is None and turn.get("tool_calls"):
        return _dumped(turn["tool_calls"])
    return _text(place, key, value)


def _part(place: str, part: object) -> str:
    """What one part of a message says: its text, nothing for media, else all that it holds."""
    if isinstance(part, str):
        return part
    if not isinstance(part, Mapping):
        raise ValueError(f"{place} is {part!r:.60}; make it a string or an object with a 'text'")
    if isinstance(text := part.get("text"), str):
        return text
    return "" if part.get("type") in MEDIA else _dumped(part)


def _dumped(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)


def _text(where: str, key: str, value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{where}: {key!r} is {value!r:.60}; make it a string")
    return value
