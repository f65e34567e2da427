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
        self._told = 0

    def readable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._told

    def readinto(self, buffer: object) -> int:
        room = memoryview(buffer).cast("B")  # type: ignore[arg-type]
        data = b""
        while not data:
            given = b""
            if self._stream.needs_input or self._stream.eof:
                given = self._stream.unused_data or self._file.read(_READ)
                if not given and self._stream.eof:
                    return 0
                if not given:
                    raise EOFError("the file ends in the middle of its xz stream")
            if self._stream.eof:
                self._stream = lzma.LZMADecompressor()
            data = self._stream.decompress(given, len(room))
        room[: len(data)] = data
        self._told += len(data)
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()
