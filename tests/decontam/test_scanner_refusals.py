"""The scanner refuses what it was not made for, and an alphabet that says nothing useful."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest
from test_scanner import index_of

from decontam.items.index import ARRAYS, Index
from decontam.text import _scanner
from decontam.text.scanner import scanner_alphabet


def arrays_of(index: Index) -> list[np.ndarray]:
    return [np.ascontiguousarray(index.arrays[name]) for name in ARRAYS]


def made(arrays: Sequence[object], sizes: object = (2,)) -> _scanner.Scanner:
    return _scanner.Scanner(scanner_alphabet(), tuple(arrays), sizes, False, 0.0, 0.0, 0)  # type: ignore[arg-type]


def spoilt(array: np.ndarray) -> Iterator[np.ndarray]:
    """The array in ways in which it cannot belong to the others."""
    yield np.append(array, array[-1:])
    yield array[:-1]
    yield array.astype(np.uint16)
    shifted = np.frombuffer(b"\0" + array.tobytes(), np.uint8)[1:]
    if array.dtype.itemsize > 1:
        yield shifted
        yield shifted.view(array.dtype)


def test_arrays_that_do_not_belong_together_are_refused() -> None:
    index = index_of(["a b c", "b c d e"], [2, 2])
    arrays = arrays_of(replace(index, arrays={**index.arrays, **WEIGHTS}))
    made(arrays)
    for place, array in enumerate(arrays):
        for wrong in spoilt(array):
            with pytest.raises(ValueError, match="belong together"):
                made([*arrays[:place], wrong, *arrays[place + 1 :]])
    bounded = ("gram_buckets", "bounds", "post_entry", "vocabulary_buckets", "prompt_bounds",
               "prompt_tokens", "bit_bounds", "bit_tokens")  # fmt: skip
    for place in map(ARRAYS.index, bounded):
        wrong = arrays[place].copy()
        wrong[len(wrong) // 2] = 2**32 - 1
        with pytest.raises(ValueError, match="belong together"):
            made([*arrays[:place], wrong, *arrays[place + 1 :]])


WEIGHTS = {
    "bit_bounds": np.array([0, 1, 2], dtype=np.uint32),
    "bit_tokens": np.array([0, 1], dtype=np.uint32),
    "bits": np.array([1.0, 2.0]),
    "bit_counts": np.array([1, 1], dtype=np.uint32),
}


def test_positions_beyond_a_prompt_are_no_hits() -> None:
    arrays = arrays_of(index_of(["a b c"], [2]))
    arrays[ARRAYS.index("post_position")] = np.array([2**32 - 1, 2], dtype=np.uint32)
    ends = np.array([1], dtype=np.int32).tobytes()
    assert made(arrays).scan(["a b c"], b"\1", ends) == (b"", [])


@pytest.mark.parametrize(
    "sizes", [(0,), (-1,), (65,), (2, 2), (3, 2), (2**40,), ("2",), 2, range(1, 66)]
)
def test_sizes_that_are_no_lengths_of_ngrams_are_refused(sizes: object) -> None:
    with pytest.raises((ValueError, TypeError)):
        made(arrays_of(index_of(["a b"], [2])), sizes)


def refused(call: Callable[[], object]) -> None:
    with pytest.raises((ValueError, TypeError, RuntimeError)):
        call()


def test_wrong_calls_of_a_scanner_are_refused() -> None:
    scanner = index_of(["a b"], [2]).scanner()
    one, unknown = np.array([1], dtype=np.int32).tobytes(), np.array([0, 4], dtype=np.uint64)
    wrong: list[tuple[object, ...]] = [
        (["a"], b"", one),
        (["a"], b"\1\1", one),
        (["a"], b"\1", b"\1"),
        (["a"], b"\1", np.array([2], dtype=np.int32).tobytes()),
        (["a"], b"\1", np.array([-1], dtype=np.int32).tobytes()),
        (["a", "b"], b"\1\1", one),
        (["a", "b"], b"\1\1", np.array([2, 1, 2], dtype=np.int32).tobytes()),
        ([1], b"\1", one),
        ("a", b"\1", one),
        (None, b"\1", one),
        (["a"], bytearray(1), one),
        ((b'"a"', unknown.tobytes()), b"\1", one),
        ((b'"a"', unknown[::-1].tobytes()), b"\1", one),
        ((b'"a"', b"\0" * 15), b"\1", one),
        ((b'"a"', b"\0" * 17), b"\1", one),
        ((b'"a"',), b"\1", one),
    ]
    for arguments in wrong:
        refused(lambda arguments=arguments: scanner.scan(*arguments))  # type: ignore[misc]
    refused(lambda: scanner.read("\ud800"))
    refused(lambda: scanner.read(b"a"))  # type: ignore[arg-type]
    assert scanner.scan(["a b"], b"\1", one)[0]
    refused(lambda: scanner.__init__(scanner_alphabet(), (), (), False, 0.0, 0.0, 0))  # type: ignore[misc]


def test_objects_that_were_not_made_are_refused() -> None:
    alphabet, scanner = (kind.__new__(kind) for kind in (_scanner.Alphabet, _scanner.Scanner))
    refused(lambda: alphabet.hashes("a"))
    refused(lambda: scanner.scan([], b"", b""))
    refused(lambda: scanner.read("a"))
    refused(scanner.gram_rows)
    refused(
        lambda: _scanner.Scanner(
            alphabet, tuple(arrays_of(index_of(["a b"], [2]))), (2,), False, 0.0, 0.0, 0
        )
    )
    refused(lambda: scanner_alphabet().__init__(lambda _: (0, 0, ""), str))  # type: ignore[misc]


def test_hashes_that_are_none_have_no_keys() -> None:
    for wrong in (b"1234567", b"123456789", memoryview(b"123456789")[1:]):
        refused(lambda wrong=wrong: _scanner.gram_keys(wrong, 1))  # type: ignore[misc]
    for n in (0, -1, -(2**31)):
        refused(lambda n=n: _scanner.gram_keys(b"12345678", n))  # type: ignore[misc]
    with pytest.raises(OverflowError):
        _scanner.gram_keys(b"12345678", 2**31)


ASCII = {c: (0, int(chr(c).isalnum()), chr(c)) for c in range(128)}


@pytest.mark.parametrize(
    "told",
    [
        None,
        (),
        (0, 4, "é"),
        (1, 0, "é"),
        (8, 0, "é"),
        (0, 0, b"e"),
        ("0", 0, "e"),
        (0, 0),
        ZeroDivisionError,
    ],
)
def test_an_alphabet_that_says_nothing_useful_of_a_character_raises(told: object) -> None:
    def classify(point: int) -> object:
        if told is ZeroDivisionError and point > 127:
            raise ZeroDivisionError
        return ASCII.get(point, told)

    alphabet = _scanner.Alphabet(classify, str)  # type: ignore[arg-type]
    for _ in range(2):
        with pytest.raises((ValueError, TypeError, ZeroDivisionError)):
            alphabet.hashes("a" * 70 + "é")
    assert alphabet.hashes("a")


def test_an_alphabet_that_raises_at_once_is_none() -> None:
    with pytest.raises(ZeroDivisionError):
        _scanner.Alphabet(lambda _: 1 // 0, str)  # type: ignore[arg-type, return-value]


def test_an_alphabet_with_words_of_other_ascii_than_letters_and_digits_is_refused() -> None:
    for kind in (1, 2):
        with pytest.raises(ValueError, match="letters and digits"):
            _scanner.Alphabet(lambda point, kind=kind: (0, kind, chr(point)), str)  # type: ignore[misc]


def test_characters_that_fold_to_each_other_end_in_an_error() -> None:
    def classify(point: int) -> tuple[int, int, str]:
        return ASCII.get(point, (0, 0, chr((point + 1) % 0x110000) * 2))

    with pytest.raises(RecursionError):
        _scanner.Alphabet(classify, str).hashes("é")


@pytest.mark.parametrize("folded", [None, b"", 3])
def test_a_chunk_that_folds_to_no_text_raises(folded: object) -> None:
    def classify(point: int) -> tuple[int, int, str]:
        return ASCII.get(point, (2, 2, chr(point)))

    alphabet = _scanner.Alphabet(classify, lambda _: folded)  # type: ignore[arg-type, return-value]
    with pytest.raises(TypeError):
        alphabet.hashes("a\u0301")


def test_a_scanner_that_is_called_while_it_works_refuses() -> None:
    tried: list[str] = []

    def classify(point: int) -> tuple[int, int, str]:
        if point > 127:
            for call in (lambda: scanner.read("a"), lambda: scanner.scan([], b"", b"")):
                with pytest.raises(RuntimeError, match="at work"):
                    call()
            texts.clear()
            tried.append(chr(point))
        return ASCII.get(point, (0, 1, chr(point)))

    alphabet, texts = _scanner.Alphabet(classify, str), ["é" + "a" * 100, "ü"]
    arrays = tuple(arrays_of(index_of(["a b"], [2])))
    scanner = _scanner.Scanner(alphabet, arrays, (2,), False, 0.0, 0.0, 0)
    scanner.scan(texts, b"\1\1", np.array([1, 2], dtype=np.int32).tobytes())
    assert tried == ["é", "ü"]
    assert scanner.read("a")
