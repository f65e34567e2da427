"""Rows by key, in memory or in a folder that several processes share."""

from __future__ import annotations

import os
import socket
import uuid
from collections import OrderedDict
from pathlib import Path
from typing import Protocol

from evals.cache.index import Index, Place
from evals.cache.segments import Row, line_of, prefix_of, row_in, scan

OPEN_FILES = 64
"""Segments held open for reading."""


class Rows(Protocol):
    """What was answered, by key."""

    def refresh(self) -> None:
        """Learn of the rows that others have finished."""

    def get(self, key: str) -> Row | None:
        """The row of a key, or None."""

    def put(self, key: str, row: Row) -> None:
        """Keep a row: it outlives the process from here on."""


class MemoryRows:
    """Rows of this process alone."""

    def __init__(self) -> None:
        self._rows: dict[str, Row] = {}

    def refresh(self) -> None:
        """There are no others."""

    def get(self, key: str) -> Row | None:
        """The row of a key, or None."""
        return self._rows.get(key)

    def put(self, key: str, row: Row) -> None:
        """Keep a row."""
        self._rows.setdefault(key, row)


class RowCache:
    """Append-only segments in a folder, one for each process that writes.

    A row is one `write` to a file that no other process writes to: killing a process costs at most
    the row that it was writing, and any number of processes may read and write at once.  Two
    caches are merged by copying the files of both into one folder.
    """

    def __init__(self, folder: Path) -> None:
        """Index what the folder holds; it is made if need be.

        Raises:
            ValueError: the folder cannot be made, or a segment is damaged or cannot be read.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ValueError(f"cache folder {folder}: {error.strerror}") from error
        self.folder = folder
        self._index = Index()
        self._read_to: dict[Path, int] = {}
        self._files: OrderedDict[Path, int] = OrderedDict()
        self._writer: tuple[int, Path, int] | None = None
        self.refresh()

    def __len__(self) -> int:
        return len(self._index)

    def refresh(self) -> None:
        """Learn of the rows that others have finished since.

        Raises:
            ValueError: a segment is damaged, or cannot be read.
        """
        for segment in sorted(self.folder.glob("*.jsonl")):
            try:
                self._learn(segment)
            except OSError as error:
                raise ValueError(
                    f"cache segment {segment} cannot be read ({error.strerror}); move it away, "
                    f"and its rows are generated anew"
                ) from error

    def _learn(self, segment: Path) -> None:
        start = self._read_to.get(segment, 0)
        if segment.stat().st_size > start:
            for lines in scan(segment, start):
                self._index.add(segment, lines)
                self._read_to[segment] = lines.end

    def get(self, key: str) -> Row | None:
        """The row of a key, or None.

        Where two processes answered at once, the row that was known here first stands.

        Raises:
            ValueError: the row is damaged.
        """
        for place in self._index.places(prefix_of(key)):
            try:
                row = row_in(self._line(place), key)
            except ValueError as error:
                raise ValueError(
                    f"cache segment {place.segment}, byte {place.offset}: {error}; "
                    f"move the file away, and its rows are generated anew"
                ) from error
            if row is not None:
                return row
        return None

    def put(self, key: str, row: Row) -> None:
        """Append a row.

        Raises:
            OSError: it could not be written whole (a full disk); the segment is as before.
        """
        line = line_of(key, row)
        segment, file = self._segment()
        offset = self._read_to[segment]
        try:
            written = os.write(file, line)
            if written < len(line):
                raise OSError(f"cache segment {segment}: {written} of {len(line)} bytes written")
        except OSError:
            os.ftruncate(file, offset)
            raise
        self._read_to[segment] = offset + len(line)
        self._index.add_one(prefix_of(key), Place(segment, offset, len(line)))

    def close(self) -> None:
        """Let go of all files; what was appended reaches the disk."""
        if self._writer is not None:
            os.fsync(self._writer[2])
            os.close(self._writer[2])
            self._writer = None
        while self._files:
            os.close(self._files.popitem()[1])

    def _segment(self) -> tuple[Path, int]:
        """This process's segment, made at its first row; a forked child has its own."""
        process = os.getpid()
        if self._writer is None or self._writer[0] != process:
            name = f"{socket.gethostname()}-{process}-{uuid.uuid4().hex[:12]}.jsonl"
            segment = self.folder / name
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND
            self._writer = (process, segment, os.open(segment, flags, 0o644))
            self._read_to[segment] = 0
        return self._writer[1], self._writer[2]

    def _line(self, place: Place) -> bytes:
        file = self._files.pop(place.segment, None)
        if file is None:
            file = os.open(place.segment, os.O_RDONLY)
            if len(self._files) >= OPEN_FILES:
                os.close(self._files.popitem(last=False)[1])
        self._files[place.segment] = file
        return os.pread(file, place.length, place.offset)
