"""Decisions of people about matches, as a file that the next check honours."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Literal, Protocol, cast

from decontam.text.tokens import words

Verdict = Literal["allow", "leak"]
"""`allow`: the match is no leak and flags nothing.  `leak`: it is one."""

Key = tuple[str, str, str]
"""Benchmark, item and digest of the matched training text: what a decision is about."""

_REQUIRED = ("benchmark", "item", "text", "decision")
_OPTIONAL = ("note", "train_text")
_DIGEST = re.compile(r"[0-9a-f]{64}")


class MatchLike(Protocol):
    """What a decision needs to know of a match."""

    @property
    def benchmark(self) -> str:
        """The benchmark's name."""

    @property
    def item(self) -> str:
        """The item's id."""

    @property
    def train_text(self) -> str:
        """The matched stretch of the training row, whole."""


@dataclass(frozen=True, slots=True)
class Allowlist:
    """What people decided, by match."""

    decisions: Mapping[Key, Verdict]

    @classmethod
    def load(cls, path: str | Path) -> Allowlist:
        """Read decisions, one JSON object a line; empty lines are skipped.

        `{"benchmark": ..., "item": ..., "text": ..., "decision": "allow" | "leak"}`, where `text`
        is `digest` of the matched training text, and optionally `note` and `train_text`, both for
        people only.  A decision may stand in the file twice.

        Args:
            path: The file, as the review page offers it for download.

        Raises:
            ValueError: the file cannot be read or is not UTF-8, a line is not such an object, or
                two lines decide one match differently; the message names file, line and remedy.
        """
        path = Path(path)
        decisions: dict[Key, Verdict] = {}
        first: dict[Key, int] = {}
        for number, line in enumerate(_lines(path), start=1):
            if not line.strip():
                continue
            key, verdict = _decision(f"{path}: line {number}", line)
            if decisions.setdefault(key, verdict) != verdict:
                raise ValueError(
                    f"{path}: line {number} says {verdict!r} of benchmark {key[0]!r}, item "
                    f"{key[1]!r}, line {first[key]} says {decisions[key]!r}; delete one of the two"
                )
            first.setdefault(key, number)
        return cls(MappingProxyType(decisions))

    def decision(self, match: MatchLike) -> Verdict | None:
        """What was decided about a match, or about one with the same item and the same words."""
        return self.decisions.get((match.benchmark, match.item, digest(match.train_text)))

    def allows(self, match: MatchLike) -> bool:
        """Whether people said that this match is no leak."""
        return self.decision(match) == "allow"


def digest(train_text: str) -> str:
    """SHA-256, in hexadecimal digits, of a text's tokens joined by single spaces.

    Wrapping, case, punctuation and Unicode variants do not change it; another word does.
    """
    return hashlib.sha256(" ".join(words(train_text)).encode()).hexdigest()


def _lines(path: Path) -> list[str]:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ValueError(
            f"{path}: cannot be read ({error.strerror}); download the list from review.html again"
        ) from error
    # Only LF ends a line: excerpts may hold U+2028 and the like.
    return [_text(path, number, line) for number, line in enumerate(data.split(b"\n"), start=1)]


def _text(path: Path, number: int, line: bytes) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ValueError(
            f"{path}: line {number} is not UTF-8 (byte {error.start + 1}); save the file as UTF-8"
        ) from error


def _decision(place: str, line: str) -> tuple[Key, Verdict]:
    record = _record(place, line)
    unknown = sorted(record.keys() - {*_REQUIRED, *_OPTIONAL})
    if unknown:
        raise ValueError(
            f"{place}: unknown key {unknown[0]!r}; keys are {', '.join(_REQUIRED + _OPTIONAL)}"
        )
    for name in (*_REQUIRED, *(n for n in _OPTIONAL if n in record)):
        if name not in record:
            raise ValueError(f"{place}: no {name!r}; download the list from review.html again")
        if not isinstance(record[name], str):
            raise ValueError(f"{place}: {name!r} is {record[name]!r}; make it a string")
    benchmark, item, text, verdict = (cast(str, record[name]) for name in _REQUIRED)
    if not _DIGEST.fullmatch(text):
        raise ValueError(
            f"{place}: 'text' is {text!r}, not 64 hexadecimal digits; copy it from the match"
        )
    if verdict not in ("allow", "leak"):
        raise ValueError(f"{place}: 'decision' is {verdict!r}; write 'allow' or 'leak'")
    return (benchmark, item, text), cast(Verdict, verdict)


def _record(place: str, line: str) -> dict[str, object]:
    try:
        record = json.loads(line, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise ValueError(
            f"{place} is torn or not JSON ({error}); delete the line or download the list again"
        ) from error
    if not isinstance(record, dict):
        raise ValueError(f"{place} is not a JSON object; write one decision as an object a line")
    return record


def _once(pairs: Iterable[tuple[str, object]]) -> dict[str, object]:
    record: dict[str, object] = {}
    for key, value in pairs:
        if key in record:
            raise ValueError(f"key {key!r} occurs twice")
        record[key] = value
    return record
