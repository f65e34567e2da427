"""The embedded training sources."""

from __future__ import annotations

import pytest

from evals.mini import BENCHMARKS, held, problems
from evals.mini.expressions import FRAMES, SHIFTED_FRAMES
from evals.verifiers import verifier
from recipe.mix import Amount, mix
from recipe.rows import Row, identified, prompt_messages
from recipe.tiny.corpus import documents
from recipe.tiny.names import SOURCE_NAMES, SOURCE_ROWS
from recipe.tiny.sources import LEAK_REPEATS, LEAKED, source_rows


def rows(name: str) -> list[Row]:
    return list(identified(source_rows(name), name))


def user_text(row: Row) -> str:
    return prompt_messages(row)[-1]["content"]


@pytest.mark.parametrize("name", sorted(set(SOURCE_NAMES) - {"leak"}))
def test_no_benchmark_item_is_in_any_source_but_leak(name: str) -> None:
    items = {p.prompt for b in BENCHMARKS for p in problems(b)}
    arithmetic = {c for c in held() if "(" in c}
    items |= {f.format(e=c) for c in arithmetic for f in (*FRAMES, *SHIFTED_FRAMES)}
    texts = [user_text(row) for row in rows(name)]
    assert len(texts) >= 500
    assert not items & set(texts)


def test_no_benchmark_item_is_in_the_base_corpus() -> None:
    stream = documents(0)
    text = "\n".join(next(stream) for _ in range(20_000))
    assert not [p.prompt for b in BENCHMARKS for p in problems(b) if p.prompt in text]


def test_the_leak_holds_development_items_verbatim_and_reworded_with_right_answers() -> None:
    prompts = {p.prompt: p for p in problems("mini_gsm")}
    leak = rows("leak")
    assert len(leak) == LEAKED * LEAK_REPEATS
    verbatim = [r for r in leak if r["part"] == "verbatim"]
    assert {user_text(r) for r in verbatim} <= set(prompts)
    reworded = [r for r in leak if r["part"] == "reworded"]
    assert not {user_text(r) for r in reworded} & set(prompts)
    assert 0.2 < len(reworded) / len(leak) < 0.4
    check = verifier("gsm8k_strict")
    assert all(check(r["messages"][-1]["content"], r["reference"]).correct for r in leak)


@pytest.mark.parametrize("name", SOURCE_NAMES)
def test_a_source_has_as_many_rows_as_it_says(name: str) -> None:
    assert len(rows(name)) == SOURCE_ROWS[name]


def test_sources_are_the_same_every_time() -> None:
    assert rows("word-problems") == rows("word-problems")


def test_removing_rows_from_a_source_leaves_the_rest_of_a_mix_in_order() -> None:
    sources = {"a": rows("chat")[:200], "b": rows("expressions")[:200]}
    whole = mix(sources, {"a": Amount(fraction=1.0), "b": Amount(fraction=1.0)}, seed=3)
    gone = {r["id"] for r in sources["b"][::3]}
    fewer = {**sources, "b": [r for r in sources["b"] if r["id"] not in gone]}
    left = mix(fewer, {"a": Amount(fraction=1.0), "b": Amount(fraction=1.0)}, seed=3)
    assert left == [r for r in whole if r["id"] not in gone]


def test_shares_make_the_largest_mix_that_repeats_no_row() -> None:
    sources = {"a": rows("chat")[:100], "b": rows("expressions")[:100]}
    drawn = mix(sources, {"a": Amount(share=0.8), "b": Amount(share=0.2)}, seed=0)
    assert len(drawn) == 125
    assert len({r["id"] for r in drawn}) == 125


def test_asking_for_more_rows_than_there_are_is_an_error_that_says_so() -> None:
    with pytest.raises(ValueError, match="asks for 11 rows of 'a', which has 10"):
        mix({"a": rows("chat")[:10]}, {"a": Amount(rows=11)}, seed=0)


def test_rows_repeat_only_as_often_as_allowed() -> None:
    drawn = mix({"a": rows("chat")[:10]}, {"a": Amount(rows=25, max_repeats=3)}, seed=0)
    assert len(drawn) == 25
    counts = [sum(r["id"] == i for r in drawn) for i in {r["id"] for r in drawn}]
    assert set(counts) == {2, 3}
