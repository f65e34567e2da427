"""The files that hold the training rows: which they are, their names, how they are opened."""

from __future__ import annotations

import glob
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Literal

Format = Literal["jsonl", "json", "parquet"]
Compression = Literal["gz", "zst", "bz2", "xz"]

FORMATS: dict[str, Format] = {".jsonl": "jsonl", ".json": "json", ".parquet": "parquet"}
COMPRESSIONS: dict[str, Compression] = {".gz": "gz", ".zst": "zst", ".bz2": "bz2", ".xz": "xz"}
READABLE = ".jsonl, .json (each also .gz, .zst, .bz2, .xz) and .parquet"

NO_DATA = ("readme", "license", "licence", "notice")
"""How files are named that lie beside data and hold none, unless their format is one of data;
hidden files are left out as well."""

CARDS = ("dataset_info.json", "dataset_infos.json")


@dataclass(frozen=True, slots=True)
class DataFile:
    """One file of training rows."""

    path: Path
    name: str
    """Path below the folder that holds all the files of a check; no two have the same."""
    format: Format
    compression: Compression | None
    size: int
    """Bytes on disk."""
    changed: int
    """When it was last changed, in ns."""

    def check_unchanged(self) -> None:
        """Make sure that the file is still what was found.

        Raises:
            ValueError: it is not; what was read of it says nothing of what it is now.
        """
        try:
            now = self.path.stat()
        except FileNotFoundError as error:
            raise self.gone() from error
        if (now.st_size, now.st_mtime_ns) != (self.size, self.changed):
            raise ValueError(f"{self.name} changed while it was read; check it again")

    def gone(self) -> ValueError:
        """What is to be said where the file is not there any more."""
        return ValueError(
            f"{self.name} was there when the check began and is gone; put it back at {self.path} "
            "and run it again"
        )


@dataclass(frozen=True, slots=True)
class Shard:
    """A piece of a file: of plain JSON lines those that begin in a range of bytes, of Parquet a
    range of row groups, else the whole."""

    file: DataFile
    number: int
    """Place of the shard within its file."""
    begin: int
    end: int


def find_files(given: Sequence[str]) -> list[DataFile]:
    """The files that arguments name, in a fixed order.

    Args:
        given: Files, folders (read to their leaves) and globs.

    Raises:
        ValueError: nothing there, a file that cannot be read as rows, a link to a folder, the same
            file named twice; the message names the path and the remedy.
    """
    paths = sorted({_absolute(p): p for name in given for p in _expand(name)}.items())
    if not paths:
        raise ValueError("no training data; name at least one file, folder or glob")
    _once([path for path, _ in paths])
    top = Path(os.path.commonpath([path.parent for path, _ in paths]))
    return [_data_file(path, path.relative_to(top).as_posix()) for path, _ in paths]


@contextmanager
def opened(file: DataFile) -> Iterator[BinaryIO]:
    """A file's bytes, decompressed.

    Raises:
        ValueError: the file cannot be read, or its compression is broken or ends early (also while
            it is read); the message names the file.
    """
    try:
        with _open(file) as stream:
            yield stream
    except FileNotFoundError as error:
        raise file.gone() from error
    except (OSError, EOFError) as error:
        raise ValueError(f"{file.name}: cannot be read to its end: {error}; {_remedy()}") from error
    except _stream_errors() as error:
        raise ValueError(f"{file.name}: broken stream: {error}; {_remedy()}") from error


def _open(file: DataFile) -> BinaryIO:
    if file.compression is None:
        return file.path.open("rb")
    if file.compression == "xz":
        from decontam.rows.xz import opened_xz

        return opened_xz(file.path)
    import pyarrow as pa

    # Arrow's streams are the fast ones here, read all frames, and refuse one that ends early.
    codec = {"gz": "gzip", "zst": "zstd", "bz2": "bz2"}[file.compression]
    stream: BinaryIO = pa.CompressedInputStream(pa.OSFile(str(file.path), "rb"), codec)
    return stream


def _stream_errors() -> tuple[type[Exception], ...]:
    import lzma

    import pyarrow as pa

    return lzma.LZMAError, pa.ArrowException


def _remedy() -> str:
    return "fetch or write it again"


def _expand(name: str) -> Iterator[Path]:
    path = Path(name)
    if not name:
        raise ValueError("an empty name; name a file, folder, glob or Hub dataset (org/name)")
    if path.is_dir():
        yield from _leaves(path)
    elif path.exists() or path.is_symlink():
        yield path
    elif glob.has_magic(name):
        found = sorted(glob.glob(name, recursive=True))  # noqa: PTH207  (keeps absolute patterns)
        if not found:
            raise ValueError(f"{name}: no file matches; check the pattern")
        for match in found:
            yield from _leaves(Path(match)) if Path(match).is_dir() else [Path(match)]
    else:
        raise ValueError(
            f"{name} does not exist; name a file, folder, glob or Hub dataset (org/name)"
        )


def _absolute(path: Path) -> Path:
    """The path without `..`, which would lead cleaned files out of their folder."""
    return path.parent.resolve() / path.name if ".." in path.parts else path.absolute()


def _leaves(folder: Path) -> Iterator[Path]:
    found = False
    for place, folders, files in os.walk(folder, onerror=_unreadable):
        folders[:] = sorted(f for f in folders if not f.startswith("."))
        for name in folders:
            if (link := Path(place, name)).is_symlink():
                raise ValueError(f"{link} is a link to a folder; name the folder it points to")
        for name in sorted(files):
            if not name.startswith(".") and not _no_data(name):
                found = True
                yield Path(place, name)
    if not found:
        raise ValueError(f"{folder} holds no training data; it can be {READABLE}")


def _unreadable(error: OSError) -> None:
    raise ValueError(f"{error.filename}: cannot be listed: {error.strerror}") from error


def _no_data(name: str) -> bool:
    first, *suffixes = name.lower().split(".")
    beside = first in NO_DATA and not any(f".{suffix}" in FORMATS for suffix in suffixes)
    return beside or suffixes[-1:] == ["md"] or name.lower() in CARDS


def _once(paths: Sequence[Path]) -> None:
    seen: dict[Path, Path] = {}
    for path in paths:
        real = Path(os.path.realpath(path))
        if real in seen and seen[real] != path:
            raise ValueError(f"{path} and {seen[real]} are one file; name it once")
        seen[real] = path


def _data_file(path: Path, name: str) -> DataFile:
    if not name.isprintable():
        raise ValueError(f"{name!a}: a name that cannot be printed; rename the file")
    suffixes = [s.lower() for s in path.suffixes]
    compression = COMPRESSIONS.get(suffixes[-1]) if suffixes else None
    inner = suffixes[-2] if compression and len(suffixes) > 1 else suffixes[-1] if suffixes else ""
    shape = FORMATS.get(inner)
    if shape is None or (shape == "parquet" and compression):
        raise ValueError(f"{path}: not a format that can be read; it can be {READABLE}")
    if not path.exists():
        raise ValueError(f"{path} is a link to nothing; remove it or restore its target")
    if not path.is_file():
        raise ValueError(f"{path} is not a regular file; name files with rows")
    about = path.stat()
    if about.st_size == 0:
        raise ValueError(f"{path} is empty; remove it or fetch it again")
    return DataFile(path, name, shape, compression, about.st_size, about.st_mtime_ns)
