"""Elements of an array are skimmed as lines are, wherever the data is cut."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st
from test_skim import MODES, ROW, VALUE, lines_of, skimmed, written

from decontam.text import _scanner


@settings(deadline=None, max_examples=300)
@given(st.lists(ROW, max_size=5), st.integers(0, 2**32))
def test_elements_of_an_array_are_skimmed_like_lines(
    rows: list[list[tuple[str, object]]], seed: int
) -> None:
    lines = [lines_of(members, seed) for members in rows]
    data = b",".join(lines) + b"]"
    ends = list(itertools.accumulate(len(line) + 1 for line in lines))
    separators = [end - 1 for end in ends]
    assert _scanner.separators(data) == ((separators, True) if rows else ([0], True))
    for mode in MODES:
        apart = [found for line in lines for found in skimmed(line, mode)]
        assert skimmed(data, mode, separators) == apart


def elements(told: str) -> Iterator[int]:
    """Where the elements of an array end, by the standard parser."""
    decoder, at = json.JSONDecoder(), 0
    while True:
        at += len(told[at:]) - len(told[at:].lstrip())
        if told[at] == "]":
            yield at
            return
        at = decoder.raw_decode(told, at)[1]
        at += len(told[at:]) - len(told[at:].lstrip())
        yield at
        if told[at] == "]":
            return
        at += 1


@settings(deadline=None, max_examples=400)
@given(st.lists(VALUE, max_size=6), st.integers(0, 2**32), st.data())
def test_separators_stand_where_the_parser_ends_elements_wherever_the_data_is_cut(
    values: list[object], seed: int, data: st.DataObject
) -> None:
    rng = random.Random(seed)
    told = ",".join(written(v, rng) for v in values) + "]"
    expected = [len(told[:at].encode()) for at in elements(told)]
    whole = told.encode()
    assert _scanner.separators(whole + b' , "beyond"]') == (expected, True)
    cut = data.draw(st.integers(0, len(whole)))
    found, closed = _scanner.separators(whole[:cut])
    assert found == [at for at in expected if at < cut]
    assert closed == (cut == len(whole))
    begin = found[-1] + 1 if found else 0
    if not closed:
        rest, ended = _scanner.separators(whole[begin:])
        assert ended
        assert found + [begin + at for at in rest] == expected
