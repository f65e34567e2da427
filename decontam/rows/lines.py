"""A stream of JSON -> its records as bytes, some at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from decontam.rows.shards import Shard
from decontam.text import _scanner

BLOCK = 4 << 20
"""Bytes that are read together."""

LONGEST = 64 << 20
"""Bytes of the longest row; a longer one is more likely a file without line ends."""

_BOM = b"\xef\xbb\xbf"

Records = list[bytes]


def records(stream: BinaryIO, shard: Shard) -> Iterator[Records]:
    """The records of a shard of JSON lines, or of a whole JSON file.

    Args:
        stream: The shard's file, decompressed, at its beginning.
        shard: Whose records.

    Raises:
        ValueError: a record of more than `LONGEST` bytes, or an array that does not end; names the
            file.
    """
    if shard.begin:
        yield from _lines(stream, shard, b"")
        return
    head = stream.read(BLOCK).removeprefix(_BOM)
    if shard.file.format == "json" and head.lstrip()[:1] == b"[":
        yield from _elements(stream, shard, head[head.index(b"[") + 1 :])
    else:
        yield from _lines(stream, shard, head)


def _lines(stream: BinaryIO, shard: Shard, rest: bytes) -> Iterator[Records]:
    """The lines that begin in a shard."""
    whole = shard.file.compression is not None or shard.file.format == "json"
    if shard.begin:
        # The line that runs into the shard belongs to the one before.
        stream.seek(shard.begin - 1)
        _skip_line(stream)
    lines = rest.split(b"\n")
    while whole or stream.tell() < shard.end:
        *found, rest = lines
        if found:
            yield _told(found)
        _check(len(rest), shard)
        read = stream.read(BLOCK)
        if not read and not whole:
            raise ValueError(f"{shard.file.name}: became shorter while it was read; check it again")
        if not read:
            yield _told([rest])
            return
        lines = read.split(b"\n")
        lines[0] = rest + lines[0]
    yield from _last_lines(stream, shard, b"\n".join(lines))


def _last_lines(stream: BinaryIO, shard: Shard, rest: bytes) -> Iterator[Records]:
    """What of `rest` begins in the shard, and the end of its last line."""
    beyond = stream.tell() - shard.end
    inside = len(rest) - beyond
    if inside <= 0:
        return
    end = rest.find(b"\n", inside - 1) + 1
    if end:
        yield _told(rest[:end].split(b"\n"))
        return
    pieces, size = [rest], len(rest)
    while piece := stream.readline(BLOCK):
        pieces.append(piece)
        size += len(piece)
        if piece.endswith(b"\n"):
            break
        _check(size, shard)
    yield _told(b"".join(pieces).split(b"\n"))


def _skip_line(stream: BinaryIO) -> None:
    skipped = 0
    while skipped <= LONGEST and (piece := stream.readline(BLOCK)):
        skipped += len(piece)
        if piece.endswith(b"\n"):
            break


def _told(lines: Records) -> Records:
    """The lines that hold something."""
    return [line for line in lines if line and not line.isspace()]


def _elements(stream: BinaryIO, shard: Shard, rest: bytes) -> Iterator[Records]:
    """The elements of a JSON array, cut without being read."""
    first = True
    while True:
        places, closed = _scanner.separators(rest)
        begins = [0, *(place + 1 for place in places)]
        found = [rest[a:b].strip() for a, b in zip(begins, places, strict=False)]
        if first and closed and found == [b""]:
            found = []
        first = first and not places
        if found:
            yield found
        rest = rest[begins[-1] :]
        if closed:
            break
        _check(len(rest), shard)
        read = stream.read(BLOCK)
        if not read:
            raise ValueError(f"{shard.file.name}: ends in the middle of its array; fetch it again")
        rest += read
    if rest.strip() or stream.read(BLOCK).strip():
        raise ValueError(f"{shard.file.name}: goes on after the end of its array; keep one array")


def _check(size: int, shard: Shard) -> None:
    if size > LONGEST:
        raise ValueError(
            f"{shard.file.name}: a row of more than {LONGEST >> 20} MiB; JSON lines need one row a "
            "line, so split the row or check the line ends"
        )
