"""Each component of the preset `decon`, by figures worked out by hand."""

from __future__ import annotations

import math

import pytest

import decontam
from decontam.policy import Decon

Row = dict[str, object]
Item = dict[str, str]


def run(prefix: str, count: int) -> str:
    """So many words that stand nowhere else."""
    return " ".join(f"{prefix}{k}" for k in range(count))


OTHER = {"benchmark": "b", "id": "other", "prompt": run("o", 30)}
"""With a second item, every n-gram of a text that is unlike it weighs the same: ln 2."""


def best(text: str, parts: Item, *others: Item, least: float = 0.01) -> float:
    """The score of the item in a row; `least` is low so that low scores can be seen."""
    item = {"benchmark": "b", "id": "it", **parts}
    policy = decontam.Policy("decon", Decon(at_least=least), mode="all")
    report = decontam.check([{"text": text}], [item, *(others or [OTHER])], policy)
    return max((m.score for m in report.evidence() if m.item == "it"), default=0.0)


Q, A, P = run("q", 60), run("a", 42), run("p", 43)


@pytest.mark.parametrize(("text", "parts", "score"), [
    (Q, {"prompt": Q}, 1.0),
    (Q, {"prompt": Q, "answer": A}, 0.75),
    (f"{Q} {A}", {"prompt": Q, "answer": A}, 1.0),
    (Q, {"prompt": Q, "passage": P}, 0.85),
    (f"{P} x {Q}", {"prompt": Q, "passage": P}, 1.0),
    (f"{P} x {Q}", {"prompt": Q, "passage": P, "answer": A}, 0.8),
    (f"{Q} {A}", {"prompt": Q, "passage": P, "answer": A}, 0.9),
    (f"{P} x {Q} {A}", {"prompt": Q, "passage": P, "answer": A}, 1.0),
])  # fmt: skip
def test_components_have_their_published_weights_and_a_lost_one_counts_nothing(
    text: str, parts: Item, score: float
) -> None:
    assert best(text, parts) == pytest.approx(score)


@pytest.mark.parametrize("answer", [A, "18"])
def test_a_question_without_its_answer_is_not_flagged(answer: str) -> None:
    assert best(Q, {"prompt": Q, "answer": answer}, least=0.8) == 0.0
    assert best(f"{Q} {answer}", {"prompt": Q, "answer": answer}, least=0.8) == 1.0


def test_the_answer_is_found_in_the_next_turn_but_not_before_the_question() -> None:
    item = {"benchmark": "b", "id": "it", "prompt": Q, "answer": "18"}
    rows: list[Row] = [{"prompt": Q, "response": "18"}, {"prompt": "18", "response": Q}]
    assert decontam.check(rows, [item, OTHER], "decon").flagged == (0,)


@pytest.mark.parametrize(("fill", "score"), [(49, 1.0), (50, 0.75)])
def test_a_short_answer_begins_within_fifty_tokens(fill: int, score: float) -> None:
    text = f"{Q} {run('x', fill)} one two 3"
    assert best(text, {"prompt": Q, "answer": "one two 3"}) == pytest.approx(score)
    assert best(f"{Q} one two 4", {"prompt": Q, "answer": "one two 3"}) == pytest.approx(0.75)


def test_a_short_answer_of_tokens_that_every_item_has_is_no_evidence() -> None:
    common = {"benchmark": "b", "id": "c", "prompt": run("c", 30), "answer": "yes"}
    assert best(f"{Q} yes", {"prompt": Q, "answer": "yes"}, common) == pytest.approx(0.75)


@pytest.mark.parametrize(("size", "fill", "trigrams"), [
    (12, 88, 10), (12, 90, 8), (12, 97, 1), (12, 98, 0), (60, 60, 58), (60, 65, 53),
])  # fmt: skip
def test_a_long_answer_counts_by_the_trigrams_in_its_window(
    size: int, fill: int, trigrams: int
) -> None:
    text = f"{Q} {run('x', fill)} {run('a', size)}"
    expected = 0.75 + 0.25 * trigrams / (size - 2)
    assert best(text, {"prompt": Q, "answer": run("a", size)}) == pytest.approx(expected)


@pytest.mark.parametrize(("between", "share"), [("", 39 / 40), ("x", 1), (run("x", 58), 1),
                                                (run("x", 60), 38 / 40)])  # fmt: skip
def test_the_passage_is_read_backwards_from_the_token_before_the_last(
    between: str, share: float
) -> None:
    text = f"{P} {between} {Q}"
    assert best(text, {"prompt": Q, "passage": P}) == pytest.approx(0.85 + 0.15 * share)


def test_an_edit_ends_the_passage() -> None:
    words = P.split()
    text = " ".join([*words[:20], *words[21:], "x", Q])
    assert best(text, {"prompt": Q, "passage": P}) == pytest.approx(0.85 + 0.15 * 19 / 40)


@pytest.mark.parametrize(("fill", "share"), [(0, 1), (6, 52 / 56), (7, 26 / 56)])
def test_a_stretch_ends_after_eleven_ngrams_without_news(fill: int, share: float) -> None:
    words = Q.split()
    text = " ".join([*words[:30], *run("x", fill).split(), *words[30:]])
    assert best(text, {"prompt": Q}) == pytest.approx(share)


@pytest.mark.parametrize(("size", "edited", "flagged"), [
    (20, 0, True), (20, 1, False), (34, 3, False), (35, 3, True), (50, 9, True), (50, 10, False),
])  # fmt: skip
def test_short_texts_need_a_better_match(size: int, edited: int, flagged: bool) -> None:
    """Of `size - 4` n-grams the last `edited` are missing; 0.9 is asked for at 35 tokens."""
    text = f"{run('q', size - edited)} {run('x', 10)}"
    assert (best(text, {"prompt": run("q", size)}, least=0.8) > 0) is flagged


@pytest.mark.parametrize(("parts", "score"), [
    ({"answer": A}, 0.75 * 0.65),
    ({"passage": P}, 0.85 * 0.65),
    ({"answer": A, "passage": P}, 0.7 * 0.65),
    ({"answer": A, "passage": P, "found": A}, 0.7 * 0.65 + 0.2 + 0.7 * 0.35 / 2),
    ({"answer": "18", "passage": P, "found": "18"}, 0.7 * 0.65 + 0.625 * (0.2 + 0.7 * 0.35 / 2)),
])  # fmt: skip
def test_a_short_question_cedes_weight_to_what_can_support_it(parts: Item, score: float) -> None:
    question = run("q", 10)
    held = {name: text for name, text in parts.items() if name != "found"}
    text = f"{question} {parts.get('found', 'x')}"
    assert best(text, {"prompt": question, **held}) == pytest.approx(score)


def test_rare_ngrams_weigh_more_than_shared_ones() -> None:
    head, third = run("h", 34), {"benchmark": "b", "id": "third", "prompt": run("t", 40)}
    twin = {"benchmark": "b", "id": "twin", "prompt": f"{head} {run('u', 34)}"}
    shared, own = 30 * math.log(3 / 2), 34 * math.log(3)
    row = f"{head} {run('x', 12)}"
    question = {"prompt": f"{head} {run('q', 34)}"}
    assert best(row, question, twin, third) == pytest.approx(shared / (shared + own))


def test_a_lone_item_cannot_be_looked_for() -> None:
    item = {"benchmark": "b", "id": "it", "prompt": Q}
    with pytest.raises(ValueError, match="none of 1 items can be indexed"):
        decontam.check([{"text": Q}], [item], "decon")


def test_items_that_the_rule_does_not_look_for_are_reported_with_the_reason() -> None:
    items = [
        {"benchmark": "b", "id": "fits", "prompt": run("q", 18), "answer": "one 2"},
        {"benchmark": "b", "id": "short", "prompt": run("q", 18), "answer": "2"},
        {"benchmark": "b", "id": "dull", "prompt": "la la la " * 9},
        {"benchmark": "b", "id": "asked", "prompt": "what is it then", "answer": A},
        {"benchmark": "b", "id": "other", "prompt": run("o", 18), "answer": "one 2"},
    ]
    report = decontam.check([{"text": "nothing"}], items, "decon")
    assert [(i.indexed, i.reason) for i in report.accounts] == [
        (True, None),
        (False, "item of 19 tokens; this rule needs 20"),
        (False, "item of 1 distinct tokens; this rule needs 4"),
        (False, "prompt of 4 tokens; this rule looks up 5-grams"),
        (True, None),
    ]
    assert {i.indexed for i in decontam.check([{"text": "nothing"}], items, "gpt3").accounts} == {
        True
    }


def test_a_whole_question_is_verbatim_and_an_edited_one_near() -> None:
    item = {"benchmark": "b", "id": "it", "prompt": Q}
    edited = {"text": Q.replace("q58", "x")}
    report = decontam.check([{"text": f"so {Q.upper()}!"}, edited], [item, OTHER], "decon")
    assert [(m.row, m.label, m.flagged) for m in report.evidence()] == [
        (0, "verbatim", True),
        (1, "near", True),
    ]
    assert list(report.evidence())[1].weighted == pytest.approx(54 / 56)


def test_an_ngram_seen_before_is_no_news_in_either_direction() -> None:
    again, head, tail = run("r", 5), run("h", 25), run("t", 25)
    text = f"{again} {head} x0 x1 {again} y0 y1 {again} {tail}"
    question = f"{again} {head} {again} {tail}"
    assert best(text, {"prompt": question}) == pytest.approx(26 / 55)


@pytest.mark.parametrize(("size", "flagged"), [(9, False), (10, True)])
def test_a_row_of_fewer_than_two_ngrams_is_passed_over(size: int, flagged: bool) -> None:
    row = " ".join(["to", "be", "or", "not"] * 3).split()[:size]
    assert (best(" ".join(row), {"prompt": "to be or not " * 5}) > 0) is flagged


def test_short_answers_do_not_make_the_ngrams_of_long_ones_common() -> None:
    short = {"benchmark": "b", "id": "s", "prompt": run("s", 30), "answer": run("a", 3)}
    expected = 0.75 + 0.25 * 4 / 10
    text = f"{Q} {run('a', 6)}"
    assert best(text, {"prompt": Q, "answer": run("a", 12)}, short) == pytest.approx(expected)
