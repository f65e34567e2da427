"""Text -> tokens -> n-grams that benchmark items hold."""

from array import array
from collections.abc import Callable

class Alphabet:
    def __init__(
        self,
        classify: Callable[[int], tuple[int, int, str]],
        fold_chunk: Callable[[str], str],
    ) -> None: ...
    def hashes(self, text: str, /) -> bytes: ...

class Scanner:
    def __init__(
        self,
        alphabet: Alphabet,
        arrays: tuple[object, ...],
        sizes: tuple[int, ...],
        windows: bool,
        share: float,
        tokens: float,
        whole_below: int,
        once: bool = False,
    ) -> None: ...
    def scan(
        self, texts: list[str] | tuple[bytes | memoryview, bytes], wanted: bytes, ends: bytes, /
    ) -> tuple[bytes, list[tuple[int, str]]]: ...
    def read(self, text: str, /) -> tuple[bytes, bytes]: ...
    def ids(self, hashes: bytes, begin: int, end: int, /) -> list[int]: ...
    def gram_rows(self) -> bytes: ...

def runs(
    row: array[int], prompt: array[int], work: int, /
) -> list[tuple[int, int, int]] | None: ...
def gram_keys(hashes: object, n: int, /) -> bytes: ...
def longest_run(row: object, entry: object, starts: object, n: int, skip: int, /) -> int: ...
def separators(data: bytes, /) -> tuple[list[int], bool]: ...
def skim(
    data: bytes | memoryview,
    roles: tuple[tuple[bytes, int], ...],
    user: int,
    assistant: int,
    either: int,
    separators: list[int] | None,
    /,
) -> tuple[bytes, bytes, bytes, bytes, list[int]]: ...
def overlap(
    row: tuple[object, object, object, object],
    entry: tuple[object, object, object],
    names: object,
    n: int,
    width: int,
    skip: int,
    every: bool,
    /,
) -> tuple[bytes, int, int, tuple[int, int], tuple[int, int], int, bytes, bytes] | None: ...
