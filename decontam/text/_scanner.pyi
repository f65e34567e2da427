"""Text -> tokens -> n-grams that benchmark items hold."""

from collections.abc import Callable, Sequence

from typing_extensions import Buffer

class Alphabet:
    def __init__(
        self,
        classify: Callable[[int], tuple[int, int, str]],
        fold_chunk: Callable[[str], str],
    ) -> None: ...
    def hashes(self, text: str | Buffer, /) -> bytes: ...

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
    ) -> None: ...
    def scan(
        self, texts: Sequence[object], wanted: Buffer, ends: list[int], /
    ) -> tuple[bytes, list[tuple[int, str]]]: ...
    def read(self, text: str | Buffer, /) -> tuple[bytes, bytes]: ...
    def gram_rows(self) -> bytes: ...

def gram_keys(hashes: object, n: int, /) -> bytes: ...
def all_utf8(records: list[bytes], /) -> bool: ...
def separators(data: Buffer, /) -> tuple[list[int], bool]: ...
def doubtful(texts: Sequence[object], asked: Buffer, ends: list[int], /) -> list[int]: ...
