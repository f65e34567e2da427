"""The lines of a cache segment: JSON whose key and checksum stand at fixed places.

    {"key":"<64 hexadecimal digits>","crc":"<8>","row":{...}}

A segment can be read by any JSON tool, and is indexed without parsing what it holds.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

Row = Mapping[str, Any]

CHUNK = 8 * 2**20
"""Bytes of a segment that are indexed at a time."""

_TEMPLATE = b'{"key":"' + b"?" * 64 + b'","crc":"' + b"?" * 8 + b'","row":'
_KEY, _CRC = slice(8, 72), slice(81, 89)
_FIXED = np.array([i for i, c in enumerate(_TEMPLATE) if c != ord("?")])
_EXPECTED = np.frombuffer(_TEMPLATE, dtype=np.uint8)[_FIXED]
_SHORTEST = len(_TEMPLATE) + len(b"{}}\n")
_NIBBLES = np.zeros(256, dtype=np.uint64)
_NIBBLES[np.frombuffer(b"0123456789abcdef", dtype=np.uint8)] = np.arange(16)


@dataclass(frozen=True, slots=True)
class Lines:
    """Whole lines of one segment."""

    prefixes: NDArray[np.uint64]
    """First 64 bits of each line's key."""
    offsets: NDArray[np.int64]
    """Where each line begins, in bytes."""
    lengths: NDArray[np.int64]
    end: int
    """Where the last of them ends."""


def prefix_of(key: str) -> int:
    """First 64 bits of a key in hexadecimal."""
    return int(key[:16], 16)


def line_of(key: str, row: Row) -> bytes:
    """One row as a line.

    Raises:
        ValueError: the key is not a SHA-256 in hexadecimal.
    """
    if len(key) != 64:
        raise ValueError(f"cache key {key!r} is not a SHA-256 in hexadecimal")
    name = key.encode("ascii")
    body = json.dumps(row, separators=(",", ":"), ensure_ascii=True).encode("ascii")
    return b"".join(
        (b'{"key":"', name, b'","crc":"', _checksum(name, body), b'","row":', body, b"}\n")
    )


def row_in(line: bytes, key: str) -> Row | None:
    """The row of a line, or None where the line is another key's.

    Raises:
        ValueError: the line does not have the checksum that it names.
    """
    name, body = line[_KEY], line[len(_TEMPLATE) : -2]
    if name != key.encode("ascii"):
        return None
    if line[_CRC] != _checksum(name, body):
        raise ValueError(f"row {key[:12]} does not have its checksum")
    row: Row = json.loads(body)
    return row


def scan(segment: Path, start: int) -> Iterator[Lines]:
    """The whole lines of a segment from a place on.

    The last line may be torn: its writer was killed, or is writing it now.

    Args:
        segment: The file.
        start: Where a line begins, in bytes.

    Raises:
        ValueError: a line before the last is damaged.
    """
    rest, offset = b"", start
    with segment.open("rb") as file:
        file.seek(start)
        while block := file.read(CHUNK):
            block = rest + block
            whole = block.rfind(b"\n") + 1
            rest = block[whole:]
            lines = _lines(np.frombuffer(block, dtype=np.uint8, count=whole), offset)
            yield lines
            if lines.end < offset + whole and (rest or not _last(lines, block, offset, whole)):
                raise ValueError(
                    f"cache segment {segment}: the line at byte {lines.end} is damaged; "
                    f"move the file away, and its rows are generated anew"
                )
            if lines.end < offset + whole:
                rest = block[lines.end - offset :]
            offset = lines.end


def _last(lines: Lines, block: bytes, offset: int, whole: int) -> bool:
    """Whether no line follows the one that is not whole."""
    return block.find(b"\n", lines.end - offset) == whole - 1


def _lines(block: NDArray[np.uint8], offset: int) -> Lines:
    """The lines of a block that ends with one, up to the first that is not whole."""
    ends = np.flatnonzero(block == ord("\n")) + 1
    starts = np.concatenate(([0], ends[:-1])) if ends.size else ends
    lengths = ends - starts
    whole = lengths >= _SHORTEST
    heads = block[np.minimum(starts[:, None] + _FIXED, block.size - 1)] if ends.size else None
    if heads is not None:
        whole &= (heads == _EXPECTED).all(axis=1) & (block[ends - 2] == ord("}"))
    count = ends.size if whole.all() else int(whole.argmin())
    digits = starts[:count, None] + np.arange(_KEY.start, _KEY.start + 16)
    places = np.uint64(4) * np.arange(15, -1, -1, dtype=np.uint64)
    prefixes = (_NIBBLES[block[digits]] << places).sum(axis=1, dtype=np.uint64)
    end = int(ends[count - 1]) if count else 0
    return Lines(prefixes, starts[:count] + offset, lengths[:count], offset + end)


def _checksum(name: bytes, body: bytes) -> bytes:
    return b"%08x" % zlib.crc32(body, zlib.crc32(name))
