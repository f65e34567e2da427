"""xz files read to their last byte.

`lzma.open` takes what follows a whole stream and is none for garbage and says nothing, so that a
file whose second stream is damaged would seem to end with its first.
"""

from __future__ import annotations

import io
import lzma
from pathlib import Path
from typing import BinaryIO, cast

_READ = 1 << 18


def opened_xz(path: Path) -> BinaryIO:
    """The decompressed bytes of all streams of a file.

    Raises:
        OSError: it cannot be opened.
        lzma.LZMAError: while it is read: a stream is broken, or something else follows one.
        EOFError: while it is read: the last stream ends early.
    """
    return cast(BinaryIO, io.BufferedReader(_Streams(path), _READ))


class _Streams(io.RawIOBase):
    def __init__(self, path: Path) -> None:
        self._file = path.open("rb")
        self._stream = lzma.LZMADecompressor()
        self._ended = False

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: object) -> int:
        room = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        data = b""
        while not data and not self._ended:
            given = b""
            if self._stream.eof:
                given = self._next()
                self._ended, self._stream = not given, lzma.LZMADecompressor()
            elif self._stream.needs_input:
                given = self._file.read(_READ)
                if not given:
                    raise EOFError("the file ends in the middle of its xz stream")
            if not self._ended:
                data = self._stream.decompress(given, len(room))
        room[: len(data)] = data
        return len(data)

    def _next(self) -> bytes:
        """How the next stream begins, or nothing where the file ends.  Zeros may stand between
        streams and behind the last, by fours (xz file format 1.2, section 2.2)."""
        given, zeros = self._stream.unused_data, 0
        while given or (given := self._file.read(_READ)):
            rest = given.lstrip(b"\0")
            zeros += len(given) - len(rest)
            given = rest
            if given:
                break
        if zeros % 4:
            raise lzma.LZMAError(f"{zeros} zero bytes follow an xz stream; four belong together")
        return given

    def close(self) -> None:
        self._file.close()
        super().close()
