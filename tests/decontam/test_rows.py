"""Row shapes, and the errors that name a row and a remedy."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

import decontam
from decontam.rows.shapes import read_row

USER, REPLY = {"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}
PARTS = [{"type": "image"}, {"type": "text", "text": "Q"}]
ITEM = {"benchmark": "b", "id": "1", "prompt": "How many ducks does Janet have today?"}


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"messages": [USER, REPLY]}, [("user", "Q"), ("assistant", "A")]),
        ({"messages": [{"role": "user", "content": PARTS}]}, [("user", "Q")]),
        ({"prompt": "Q", "response": "A"}, [("user", "Q"), ("assistant", "A")]),
        ({"prompt": [USER], "completion": [REPLY]}, [("user", "Q"), ("assistant", "A")]),
        ({"prompt": [USER]}, [("user", "Q")]),
        (
            {"prompt": "Q", "chosen": "A", "rejected": "B"},
            [("user", "Q"), ("assistant", "A"), ("assistant", "B")],
        ),
        (
            {"prompt": [USER], "chosen": [REPLY], "rejected": [REPLY]},
            [("user", "Q"), ("assistant", "A"), ("assistant", "A")],
        ),
        ({"chosen": "Q A", "rejected": "Q B"}, [("text", "Q A"), ("text", "Q B")]),
        (
            {"instruction": "I", "input": "Q", "output": "A"},
            [("user", "I\nQ"), ("assistant", "A")],
        ),
        (
            {"instruction": "I", "context": "C", "response": "A"},
            [("user", "I\nC"), ("assistant", "A")],
        ),
        ({"instruction": "I", "completion": "A"}, [("user", "I"), ("assistant", "A")]),
        ({"prompt": "Q", "output": "A"}, [("user", "Q"), ("assistant", "A")]),
        (
            {"conversations": [{"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}]},
            [("user", "Q"), ("assistant", "A")],
        ),
        ({"text": "T", "id": 7}, [("text", "T")]),
        ({"messages": [USER], "text": "T"}, [("user", "Q"), ("text", "T")]),
    ],
)  # fmt: skip
def test_a_row_of_a_known_shape_becomes_segments(
    row: Mapping[str, object], expected: list[tuple[str, str]]
) -> None:
    doc = read_row(3, row)
    assert [(s.role, s.text) for s in doc.segments] == expected
    assert [s.turn for s in doc.segments] == list(range(len(expected)))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("Q", [("text", "Q")]),
        (["Q", "R"], [("text", "Q"), ("text", "R")]),
        ([USER, REPLY], [("user", "Q"), ("assistant", "A")]),
        ([{"from": "human", "value": "Q"}], [("user", "Q")]),
    ],
)
def test_a_field_that_is_named_may_hold_any_of_the_usual_shapes(
    value: object, expected: list[tuple[str, str]]
) -> None:
    doc = read_row(0, {"f": value, "text": "T"}, ["f"])
    assert [(s.role, s.text) for s in doc.segments] == expected


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"question": "Q"}, r"row 1 has the keys \['question'\]; it needs 'messages'"),
        ({"text": "  "}, "row 1 has no text; remove it"),
        ({"text": 5}, "row 1: 'text' is 5; make it a string"),
        ({"messages": "Q"}, "row 1: 'messages' is 'Q'; make it a list"),
        ({"messages": [{"content": "Q"}]}, r"row 1: messages\[0\] is .*; give it a 'role'"),
        ({"messages": [{"role": "user"}]}, r"row 1: messages\[0\]: 'content' is None"),
        ({"prompt": "Q", "chosen": "A"}, "row 1 has 'chosen' without 'rejected'"),
        ({"messages": [REPLY]}, "row 1 has no user turn to scan; .* mode 'all'"),
        ([], "row 1 is list, not a mapping"),
    ],
)
def test_a_row_that_cannot_be_scanned_is_an_error_that_names_it(
    row: Mapping[str, object], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        decontam.check([{"text": "fine"}, row], [ITEM])


@pytest.mark.parametrize(
    ("items", "said"),
    [
        ([], "no items"),
        ([{**ITEM, "prompt": "?!"}], "none of 1 items can be indexed"),
        ([{"id": "1", "prompt": "Q"}], "item 0: 'benchmark' is None"),
        ([ITEM, ITEM], "item 1: id '1' occurs twice in benchmark 'b'"),
        ([{**ITEM, "options": "abc"}], "item 0: 'options'"),
    ],
)
def test_items_that_cannot_be_checked_are_an_error(
    items: list[Mapping[str, object]], said: str
) -> None:
    with pytest.raises(ValueError, match=said):
        decontam.check([{"text": "fine"}], items)


def test_no_rows_and_unknown_policies_are_errors() -> None:
    with pytest.raises(ValueError, match="no rows to check"):
        decontam.check([], [ITEM])
    with pytest.raises(ValueError, match="unknown policy 'decoy'; presets are decon, default"):
        decontam.check([{"text": "fine"}], [ITEM], "decoy")


@pytest.mark.parametrize(
    ("mode", "flagged"), [("user", (0, 2)), ("assistant", (1, 2)), ("all", (0, 1, 2))]
)
def test_a_mode_scans_its_own_turns_and_text_without_a_role(mode: str, flagged: object) -> None:
    def chat(user: str, reply: str) -> dict[str, object]:
        return {"prompt": user, "response": reply}

    rows = [chat(ITEM["prompt"], "x"), chat("x", ITEM["prompt"]), {"text": ITEM["prompt"]}]
    policy = decontam.Policy("own", decontam.PRESETS["tulu3"].rule, mode=mode)  # type: ignore[arg-type]
    assert decontam.check(rows, [ITEM], policy).flagged == flagged
