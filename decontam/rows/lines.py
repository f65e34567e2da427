"""A stream of JSON -> its records as bytes, some at a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO

from decontam.rows.files import DataFile, Shard
from decontam.text import _scanner

BLOCK = 1 << 21
"""Bytes that are read together."""

LONGEST = 32 << 20
"""Bytes of the longest row; a longer one is more likely a file without line ends."""

_BOM = b"\xef\xbb\xbf"

Records = tuple[bytes | memoryview, list[int] | None]
"""Whole JSON lines, or elements of an array and where each of them ends."""


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
        # The line that runs into the shard belongs to the one before.
        stream.seek(shard.begin - 1)
        _skip_line(stream)
        yield from _lines(stream, shard, b"", stream.tell())
        return
    head = stream.read(BLOCK)
    begin = len(_BOM) if head.startswith(_BOM) else 0
    if is_array(shard.file, head):
        begin = head.index(b"[") + 1
        yield from _elements(stream, shard, head[begin:], begin)
    else:
        yield from _lines(stream, shard, head[begin:], begin)


def is_array(file: DataFile, head: bytes) -> bool:
    """Whether a file is a JSON array, by its first `BLOCK` bytes."""
    return file.format == "json" and head.removeprefix(_BOM).lstrip()[:1] == b"["


def _lines(stream: BinaryIO, shard: Shard, data: bytes, begin: int) -> Iterator[Records]:
    """The lines that begin in a shard; `data` is read already and begins at the byte `begin`."""
    whole = shard.file.compression is not None or shard.file.format == "json"
    while whole or stream.tell() < shard.end:
        end = data.rfind(b"\n") + 1
        if end:
            yield memoryview(data)[:end], None
        rest, begin = data[end:], begin + end
        _check(len(rest), begin, shard)
        read = stream.read(BLOCK)
        if not read and not whole:
            raise ValueError(f"{shard.file.name}: became shorter while it was read; check it again")
        if not read:
            yield rest, None
            return
        data = rest + read
    yield from _last_lines(stream, shard, data, begin)


def _last_lines(stream: BinaryIO, shard: Shard, data: bytes, begin: int) -> Iterator[Records]:
    """What of `data` begins in the shard, and the end of its last line."""
    beyond = stream.tell() - shard.end
    inside = len(data) - beyond
    if inside <= 0:
        return
    end = data.find(b"\n", inside - 1) + 1
    if end:
        yield data[:end], None
        return
    last = data.rfind(b"\n") + 1
    pieces, size = [data], len(data) - last
    while piece := stream.readline(BLOCK):
        pieces.append(piece)
        size += len(piece)
        if piece.endswith(b"\n"):
            break
        _check(size, begin + last, shard)
    yield b"".join(pieces), None


def _skip_line(stream: BinaryIO) -> None:
    skipped = 0
    while skipped <= LONGEST and (piece := stream.readline(BLOCK)):
        skipped += len(piece)
        if piece.endswith(b"\n"):
            break


def _elements(stream: BinaryIO, shard: Shard, data: bytes, begin: int) -> Iterator[Records]:
    """The elements of a JSON array, cut without being read; `data` begins at the byte `begin`."""
    empty = True
    while True:
        places, closed = _scanner.separators(data)
        if places and not (empty and closed and len(places) == 1 and not data[: places[0]].strip()):
            yield data, places
        empty = empty and not places
        end = places[-1] + 1 if places else 0
        rest, begin = data[end:], begin + end
        if closed:
            break
        _check(len(rest), begin, shard)
        read = stream.read(BLOCK)
        if not read:
            raise ValueError(f"{shard.file.name}: ends in the middle of its array; fetch it again")
        data = rest + read
    if rest.strip() or stream.read(BLOCK).strip():
        raise ValueError(f"{shard.file.name}: goes on after the end of its array; keep one array")


def _check(size: int, begin: int, shard: Shard) -> None:
    if size > LONGEST:
        raise ValueError(
            f"{shard.file.name}: the row that begins at byte {begin} has more than "
            f"{LONGEST >> 20} MiB; JSON lines need one row a line, so split the row or check the "
            "line ends"
        )
