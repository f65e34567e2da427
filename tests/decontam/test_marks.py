"""What a row and an item share is marked; what was put in or changed is not."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from decontam.report.marks import Pieces, shared

ITEM = "Ann has 12 red apples, and gives 5 of them to Bob. How many are left?"


def marked(pieces: Pieces) -> list[str]:
    return list(pieces[1::2])


def test_equal_texts_are_one_mark() -> None:
    row, item = shared(ITEM.upper(), ITEM)
    assert marked(item) == [ITEM.removesuffix("?")]
    assert marked(row) == [ITEM.upper().removesuffix("?")]


def test_a_single_equal_word_is_marked() -> None:
    assert shared("42", "42.") == (("", "42", ""), ("", "42", "."))


def test_a_changed_word_stays_unmarked_on_both_sides() -> None:
    row, item = shared(ITEM.replace("red", "green"), ITEM)
    assert row == (
        "", "Ann has 12", " green ", "apples, and gives 5 of them to Bob. How many are left", "?",
    )  # fmt: skip
    assert item[2] == " red "


def test_an_inserted_word_parts_the_row_but_not_the_item() -> None:
    row, item = shared(ITEM.replace("gives 5", "gladly gives 5"), ITEM)
    assert row[2] == " gladly "
    assert marked(item) == [ITEM.removesuffix("?")]


def test_texts_without_a_common_word_have_no_mark() -> None:
    assert shared("one two", "drei vier") == (("one two",), ("drei vier",))


def test_one_character_that_is_several_words_is_shown_once() -> None:
    row, _ = shared("add ½ cup of milk", "add 1 cup of milk")
    assert "".join(row) == "add ½ cup of milk"


@given(st.text(), st.text(), st.text())
def test_the_pieces_of_a_text_are_the_text(before: str, both: str, after: str) -> None:
    row, item = shared(before + both + after, both)
    assert ("".join(row), "".join(item)) == (before + both + after, both)


def test_long_and_repetitive_texts_are_marked_too() -> None:
    row, item = shared("a b " * 2500, "a c b " * 1666)
    assert " c " not in marked(item)
    assert set(marked(item)) == {"a", "b a", "b"}
    row, item = shared("a b " * 2500 + "c", "a b " * 2000 + "d")
    assert marked(row) == [("a b " * 2000).strip()]
    assert marked(item) == [("a b " * 2000).strip()]


def test_in_long_texts_a_changed_word_stays_unmarked_too() -> None:
    text = " ".join(f"the word {k}" for k in range(200))
    row, item = shared(text.replace("word 100", "word other"), text)
    assert row[2] == " other "
    assert item[2] == " 100 "
