"""A skimmed row is the row that the standard parser reads; what that refuses is never skimmed."""

from __future__ import annotations

import itertools
import json
import random
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from decontam.rows.records import ROLES, RecordReader
from decontam.rows.shapes import ANSWER, QUESTION, Mode, asked, read_row, role_of
from decontam.text import _scanner

MODES: tuple[Mode, ...] = get_args(Mode)
Told = tuple[list[str], bytes]
"""The texts of a row, and what each is asked for."""


def skimmed(data: bytes, mode: Mode, separators: list[int] | None = None) -> list[Told | None]:
    """Each row's texts and masks; None for a row that is left to Python."""
    roles = tuple((role.encode(), asked(mode, role_of(role))) for role in ROLES)
    masks = asked(mode, "user"), asked(mode, "assistant"), QUESTION | ANSWER
    texts, wanted, ends, lines, careful = _scanner.skim(data, roles, *masks, separators)
    places = np.frombuffer(texts, dtype=np.int64).reshape(-1, 2).tolist()
    stops = np.frombuffer(ends, dtype=np.int32).tolist()
    assert len(wanted) == len(places)
    assert len(stops) == len(lines) // 16
    rows: list[Told | None] = []
    for number, (first, end) in enumerate(itertools.pairwise([0, *stops])):
        said = [json.loads(data[a:b]) for a, b in places[first:end]]
        assert all(isinstance(text, str) for text in said)
        assert bool(said) != (number in careful)
        rows.append((said, wanted[first:end]) if said else None)
    return rows


def read(record: bytes, mode: Mode) -> Told:
    """The same by the standard parser, strictly."""
    record.decode("utf-8")  # which json.loads would let hold surrogates
    doc = read_row(0, json.loads(record, parse_constant=_refuse))
    return [s.text for s in doc.segments], doc.asked(mode)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def agree(line: bytes) -> int:
    """Checks one line in all modes; returns in how many it was skimmed."""
    taken = 0
    for mode in MODES:
        for found in skimmed(line, mode):
            if found is not None:
                assert found == read(line, mode)
                taken += 1
    return taken


USUAL = [
    {"text": "a"},
    {"text": "\n\nBegins with line ends."},
    {"text": "你好 — and é"},
    {"id": 7, "meta": {"a": [1, -2.5e-3, None, True], "b": {}, "c": []}, "text": "so", "n": 0},
    {"prompt": "What is 2+2?", "response": "4"},
    {"response": '4\t"quoted" \\ \u2028', "prompt": "What is 2+2?", "score": 0.25},
    {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]},
    {
        "messages": [{"content": "Hi", "role": "human"}, {"role": "gpt", "content": ""}],
        "source": "x",
    },
    {
        "messages": [
            {"role": "system", "content": ""},
            {"role": "user", "content": "Hi", "name": None},
            {"role": "assistant", "content": "Ho"},
            {"role": "tool", "content": "42"},
        ]
    },
    {"messages": [{"role": "user", "content": "\U0001f600"}, {"role": "model", "content": "!"}]},
]


@pytest.mark.parametrize("row", USUAL)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_usual_rows_are_skimmed(row: dict[str, object], ascii_only: bool) -> None:
    for form in ({"indent": None}, {"separators": (",", ":")}, {"separators": (" , ", "\t: ")}):
        line = json.dumps(row, ensure_ascii=ascii_only, **form).encode()  # type: ignore[arg-type]
        for mode in ("user", "all"):
            assert skimmed(line, mode) == [read(line, mode)]
            assert skimmed(line + b"\r\n\n \n" + line, mode) == [read(line, mode)] * 2


BLANK = st.text(st.sampled_from(" \t\n\r\x0b\x0c\x1c\x85\u00a0\u3000\u2028\x00"), max_size=90)
TEXT = (
    st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
    | BLANK
    | st.sampled_from(["", "a", "\\", '"', "\u200b", "\U0001f600"])
)
NUMBER = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUE = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
ROLE = st.sampled_from([*ROLES, "User", "bot", "", "text", "critic"])
PLAIN_TURN = st.tuples(st.tuples(st.just("role"), ROLE), st.tuples(st.just("content"), TEXT))
ODD_MEMBER = (
    st.tuples(st.just("role"), ROLE)
    | st.tuples(st.just("content"), TEXT | VALUE)
    | st.tuples(TEXT | st.sampled_from(["name", "tool_calls"]), VALUE)
)
TURN = PLAIN_TURN.map(list) | st.lists(ODD_MEMBER, max_size=4)
"""A message as its members, any of which may stand there twice."""
TURNS = st.lists(TURN, max_size=4)
SHAPE = st.sampled_from(
    ["messages", "text", "prompt", "response", "completion", "chosen", "rejected", "instruction",
     "input", "output", "conversations"]
)  # fmt: skip
MEMBER = (
    st.tuples(st.just("messages"), TURNS.map(lambda turns: ("turns", turns)))
    | st.tuples(SHAPE, TEXT | VALUE)
    | st.tuples(TEXT, VALUE)
)
ROW = (
    st.lists(MEMBER, max_size=5)
    | TURNS.map(lambda turns: [("messages", ("turns", turns))])
    | st.tuples(TEXT, VALUE, TEXT).map(lambda t: [("text", t[0]), (t[2], t[1])])
    | st.tuples(TEXT, TEXT).map(lambda t: [("prompt", t[0]), ("response", t[1])])
)


def written(value: object, rng: random.Random) -> str:
    """JSON in one of its many forms: white space, escapes and numbers as they are allowed."""
    space = "".join(rng.choices(" \t\r\n", k=rng.choice([0, 0, 0, 1, 2])))
    match value:
        case ("turns", list(turns)):
            told = _sequence("[]", [_members(turn, rng) for turn in turns], rng)
        case str():
            told = _string(value, rng)
        case list():
            told = _sequence("[]", [written(v, rng) for v in value], rng)
        case dict():
            told = _members(list(value.items()), rng)
        case float() | int() if not isinstance(value, bool):
            told = rng.choice([json.dumps(value), "-0", "1E+5", "0.5e-7", "12e3", "-1.0", "1e999"])
        case _:
            told = json.dumps(value)
    return space + told + space


def _members(members: list[tuple[str, object]], rng: random.Random) -> str:
    pairs = [f"{_string(k, rng)} :{written(v, rng)}" for k, v in members]
    return _sequence("{}", pairs, rng)


def _sequence(brackets: str, parts: list[str], rng: random.Random) -> str:
    comma = rng.choice([",", " ,", ", ", ",\r\t"])
    return brackets[0] + comma.join(parts) + rng.choice(["", " "]) + brackets[1]


def _string(text: str, rng: random.Random) -> str:
    kind = rng.randrange(3)
    if kind < 2:
        return json.dumps(text, ensure_ascii=kind == 0)
    units = text.encode("utf-16-be")
    escaped = [
        f"\\u{units[k] << 8 | units[k + 1]:04{rng.choice('xX')}}" for k in range(0, len(units), 2)
    ]
    return '"' + "".join(escaped).replace("\\u002F", "\\/").replace("\\u002f", "\\/") + '"'


def lines_of(members: list[tuple[str, object]], seed: int) -> bytes:
    """A row on a line of its own; white space that would end the line is left out."""
    told = _members(members, random.Random(seed))
    return told.replace("\n", " ").encode("utf-8")


@settings(deadline=None, max_examples=600)
@given(ROW, st.integers(0, 2**32))
def test_a_row_that_is_skimmed_is_the_row_that_the_parser_reads(
    members: list[tuple[str, object]], seed: int
) -> None:
    agree(lines_of(members, seed))


BYTES = [
    *b'"\\{}[],:0129.-+eEu \n\t\r\x00\x1f\x7f\x80\xbf\xc2\xe2\xed\xa0\xf0\xf4\xff',
    *b"textrolnmgs",
]


def spoilt(line: bytes, rng: random.Random) -> bytes:
    """A line with some bytes put in, taken out, changed, doubled or moved."""
    made = bytearray(line)
    for _ in range(rng.choice([1, 1, 1, 2, 4])):
        at, to = sorted(rng.randrange(len(made) + 1) for _ in range(2))
        match rng.randrange(6):
            case 0:
                made[at:at] = bytes([rng.choice(BYTES)])
            case 1:
                del made[at : at + rng.choice([1, 1, 2, 5])]
            case 2 if at < len(made):
                made[at] = rng.choice(BYTES)
            case 3:
                made[at:at] = made[at:to][:20]
            case 4 if at < len(made):
                made[at] ^= 1 << rng.randrange(8)
            case _:
                made[at:at] = rng.choice(
                    [b"\\u", b"\\ud800", b"\\udc00", b"1" * 5000, b"[" * 70, b"\\n" * 40]
                )
    return bytes(made)


def test_a_line_that_was_spoilt_is_skimmed_only_if_it_is_still_a_row() -> None:
    rng = random.Random(4)
    lines = [json.dumps(row, ensure_ascii=k % 2 == 0).encode() for k, row in enumerate(USUAL * 2)]
    taken = sum(agree_line(spoilt(rng.choice(lines), rng)) for _ in range(20_000))
    assert taken > 2_000


def agree_line(data: bytes) -> int:
    """Checks what may have become several lines."""
    return sum(agree(line) for line in data.split(b"\n") if line.strip())


@settings(deadline=None, max_examples=300)
@given(ROW, st.integers(0, 2**32))
def test_a_row_that_was_spoilt_is_skimmed_only_if_it_is_still_a_row(
    members: list[tuple[str, object]], seed: int
) -> None:
    agree_line(spoilt(lines_of(members, seed), random.Random(seed)))


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b"1",
        b'"text"',
        b"{}",
        b"[]",
        b'{"text": "a"',
        b'{"text": "a"}}',
        b'{"text": "a"} {}',
        b'{"text": "a",}',
        b'{"text" "a"}',
        b'{text: "a"}',
        b"{'text': 'a'}",
        b'{"text": "a" "b": 1}',
        b'{"text": "a", "n": 01}',
        b'{"text": "a", "n": 1.}',
        b'{"text": "a", "n": .5}',
        b'{"text": "a", "n": +1}',
        b'{"text": "a", "n": -}',
        b'{"text": "a", "n": 1e}',
        b'{"text": "a", "n": NaN}',
        b'{"text": "a", "n": nul}',
        b'{"text": "a", "n": truee}',
        b'{"text": "a", "n": [1,]}',
        b'{"text": "a", "n": {"b"}}',
        b'{"text": "a", "n": ' + b"9" * 5000 + b"}",
        b'{"text": "a\tb"}',
        b'{"text": "a\\x"}',
        b'{"text": "\\u12g4"}',
        b'{"text": "\\ud800"}',
        b'{"text": "\\ud800\\u0041"}',
        b'{"text": "\\udc00"}',
        b'{"text": "\xff"}',
        b'{"text": "\xed\xa0\x80"}',
        b'{"text": "\xc0\x80"}',
        b'{"text": "\xf4\x90\x80\x80"}',
        b'{"\xff": 1, "text": "a"}',
        b'\xef\xbb\xbf{"text": "a"}',
        b'{"text": "a"}\x00',
        b'\x0b{"text": "a"}',
        b'{"text":\xc2\xa0"a"}',
        b'{"text": " \\n\\t\\u3000\xc2\xa0"}',
        b'{"text": "' + b"\\n" * 60 + b'"}',
        b'{"text": ""}',
        b'{"text": null}',
        b'{"text": ["a"]}',
        b'{"prompt": "a"}',
        b'{"response": "a"}',
        b'{"prompt": "", "response": "a"}',
        b'{"text": "a", "text": "b"}',
        b'{"te\\u0078t": "b", "text": "a"}',
        b'{"messages": []}',
        b'{"messages": [{"role": "assistant", "content": ""}]}',
        b'{"messages": [{"role": "user"}]}',
        b'{"messages": [{"content": "a"}]}',
        b'{"messages": [{"role": "user", "content": null}]}',
        b'{"messages": [{"role": "user", "content": "a", "content": "b"}]}',
        b'{"messages": [{"role": "user", "content": "a"},]}',
        b'{"messages": {"role": "user", "content": "a"}}',
        b'{"text": "a", "d": ' + b"[" * 100 + b"]" * 100 + b"}",
    ],
)
def test_lines_that_are_not_plainly_rows_are_left_to_the_parser(line: bytes) -> None:
    assert skimmed(line, "user") == ([None] if line else [])


def test_a_number_of_thousands_of_digits_does_not_hide_that_the_row_is_unreadable() -> None:
    data = b'{"text": "a", "n": ' + b"9" * 5000 + b"}"
    (block,) = RecordReader("user", ()).block(0, data, None).batches[1:]
    assert "not JSON" in block.bad[0]


def test_an_element_that_says_nothing_is_left_to_the_parser_and_a_blank_line_is_no_row() -> None:
    data = b'{"text": "a"}, ,{"text": "b"},'
    found = skimmed(data, "user", [13, 15, 29, 30])
    assert found == [(["a"], b"\3"), None, (["b"], b"\3"), None]
    assert skimmed(b' \n{"text": "a"}\n\r\n\t\n', "user") == [(["a"], b"\3")]


@pytest.mark.parametrize(
    "arguments",
    [
        (b"{}", (), 1, 2, 3, (1,)),
        (b"{}", (), 1, 2, 3, [-1]),
        (b"{}", (), 1, 2, 3, [3]),
        (b"{}", (), 1, 2, 3, [2, 1]),
        (b"{}", (), 1, 2, 3, [2, 2]),
        (b"{}", (), 1, 2, 3, [2, 3]),
        (b"{}", (), 1, 2, 3, ["2"]),
        (b"{}", (), 1, 2, 3, [1.5]),
        (b"{}", (), 1, 2, 3, [2**70]),
        (b"{}", (), 256, 2, 3, None),
        (b"{}", (), 1, -1, 3, None),
        (b"{}", (), 1, 2, 2**31, None),
        (b"{}", [], 1, 2, 3, None),
        (b"{}", (1,), 1, 2, 3, None),
        (b"{}", ((b"user",),), 1, 2, 3, None),
        (b"{}", (("user", 1),), 1, 2, 3, None),
        (b"{}", ((b"user", "1"),), 1, 2, 3, None),
        (b"{}", ((b"user", 2**70),), 1, 2, 3, None),
        (b"{}", ((b"user", -1),), 1, 2, 3, None),
        ("{}", (), 1, 2, 3, None),
    ],
)
def test_wrong_calls_are_refused(arguments: tuple[object, ...]) -> None:
    with pytest.raises((ValueError, TypeError, OverflowError)):
        _scanner.skim(*arguments)  # type: ignore[arg-type]


def test_nothing_has_no_rows_and_no_separators() -> None:
    assert _scanner.skim(b"", (), 0, 0, 0, None) == (b"", b"", b"", b"", [])
    assert _scanner.skim(b"", (), 0, 0, 0, [])[4] == []
    assert _scanner.separators(b"") == ([], False)
    assert _scanner.separators(b'"\\') == ([], False)
    with pytest.raises(TypeError):
        _scanner.separators("[]")  # type: ignore[arg-type]
