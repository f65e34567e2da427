"""The default policy finds reworded leaks and leaves rows of the same templates alone."""

from __future__ import annotations

import random
import textwrap
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import decontam
from decontam.text.tokens import words
from evals.mini import BENCHMARKS, draw, held, problems

Row = dict[str, object]

MINI = [
    {"benchmark": name, "id": str(i), "prompt": p.prompt, "answer": p.reference}
    for name in BENCHMARKS
    for i, p in enumerate(problems(name))
]
WORD = st.sampled_from(
    ["the", "of", "river", "7", "12", "+", "½", "Ä", "house", "counts", "apples", "你", "because"]
)
TEXT = st.lists(WORD, max_size=12).map(" ".join)


def chat(user: str, reply: str = "It is so.") -> Row:
    return {
        "messages": [{"role": "user", "content": user}, {"role": "assistant", "content": reply}]
    }


@settings(deadline=None)  # the first text that is not ASCII builds the alphabet
@given(st.lists(WORD, min_size=5, max_size=40).map(" ".join), TEXT, TEXT, st.sampled_from(
    ["default", "tulu3", "llama3"]))  # fmt: skip
def test_a_planted_prompt_is_always_found_and_its_offsets_cut_it_out(
    prompt: str, before: str, after: str, policy: str
) -> None:
    text = f"{before} {prompt.upper()}\n{after}"
    items = [{"benchmark": "b", "id": "1", "prompt": prompt}]
    report = decontam.check([chat("Hello"), chat(text)], items, policy)
    (match,) = report.evidence()
    assert (match.row, match.label, match.token_match) == (1, "verbatim", 1.0)
    assert text[match.train_start : match.train_end] == match.train_text
    assert words(match.train_text) == words(match.item_text) == words(prompt)


def leads(text: str) -> str:
    return f"Could you help me with this? {text} Thank you."


def every(step: int, edit: Callable[[str], str]) -> Callable[[str], str]:
    """Edit one word in every `step`, numbers apart: those make it another problem."""

    def apply(text: str) -> str:
        parts = text.split(" ")
        for k in range(step // 2, len(parts), step):
            parts[k] = parts[k] if any(c.isdigit() for c in parts[k]) else edit(parts[k])
        return " ".join(parts)

    return apply


@pytest.mark.parametrize(
    "reworded",
    [
        leads,
        str.upper,
        lambda text: textwrap.fill(text, 20),
        lambda text: text.replace(" ", "\u00a0"),
        lambda text: f"**{text}**",
        lambda text: leads(text.replace("How many", "What number of")),
        lambda text: text.replace(" took ", " carried ").replace(" fills ", " packs "),
        every(10, lambda word: f"{word} really"),
    ],
)
def test_a_reworded_word_problem_is_found(reworded: Callable[[str], str]) -> None:
    items = [i for i in MINI if i["benchmark"] == "mini_gsm"]
    report = decontam.check([chat(reworded(i["prompt"])) for i in items], MINI)
    found = {m.row for m in report.evidence() if m.flagged and m.item == str(m.row)}
    assert len(found) >= 0.99 * len(items)


@pytest.mark.parametrize(
    ("skill", "allowed"), [("word-problems", 0), ("expressions", 2), ("constraints", 4)]
)
def test_clean_rows_of_the_same_templates_are_not_flagged(skill: str, allowed: int) -> None:
    rng, rows = random.Random(5), []
    while len(rows) < 1500:
        problem = draw(skill, rng)  # type: ignore[arg-type]
        if problem.core not in held():
            rows.append(chat(problem.prompt, problem.careful))
    report = decontam.check(rows, MINI)
    assert len(report.flagged) <= allowed, [m for m in report.evidence() if m.flagged]
    assert any(m.label == "template_variant" for m in report.evidence()) or skill == "word-problems"


def test_other_numbers_and_other_operators_make_a_template_variant() -> None:
    prompt = (
        "A train travels 1200 miles in 3 hours. At the same rate, how many additional hours would "
        "it take to travel an additional 2000 miles? Answer with x + 7."
    )
    items = [{"benchmark": "b", "id": "1", "prompt": prompt}]
    numbers = prompt.replace("1200", "270").replace("2000", "180")
    same = [prompt.replace("train", "plane"), prompt.replace("1200", "1,200")]
    report = decontam.check([chat(numbers), *map(chat, same)], items)
    assert [(m.row, m.label, m.flagged) for m in report.evidence()] == [
        (0, "template_variant", False), (1, "near", True), (2, "near", True),
    ]  # fmt: skip


def test_what_many_items_of_a_benchmark_share_is_no_evidence() -> None:
    template = "Your entire response should be in English and contain at least three paragraphs."
    topics = ["bees", "clouds", "rivers", "salt", "ships", "snow", "stones", "tea", "trains"]
    items = [
        {"benchmark": "b", "id": t, "prompt": f"Tell a story about {t} at night. {template}"}
        for t in topics
    ]
    report = decontam.check(
        [chat(f"Explain taxes to me. {template}"), chat(items[3]["prompt"])], items
    )
    assert [(m.row, m.item) for m in report.evidence() if m.flagged] == [(1, "salt")]


@pytest.mark.parametrize(
    ("text", "reply", "found"),
    [
        ("5 + 3?", "No idea.", True),
        ("So, what is 5 + 3 then", "That is 8.", True),
        ("So, what is 5 + 3 then", "No idea.", False),
        ("8 times they said 5 + 3", "Sure.", True),
        ("5 + 3 and 5 + 3", "Sure.", False),
        ("5 + 38", "8", False),
    ],
)
def test_a_prompt_under_five_tokens_counts_as_a_whole_turn_or_with_its_answer(
    text: str, reply: str, found: bool
) -> None:
    items = [{"benchmark": "b", "id": "1", "prompt": "5 + 3", "answer": "8"}]
    assert bool(decontam.check([chat(text, reply)], items).flagged) is found


@pytest.mark.parametrize(
    ("behind", "found"),
    [
        ("\n(A) {0}\n(B) {1}\n(C) {2}", True),
        (" Choose: {2}; {0}; or {1}.", True),
        ("\n(A) {0}\n(B) {1}", False),
        ("\n{0} {1}" + " word" * 300 + " {2}", False),
    ],
)
def test_a_prompt_under_five_tokens_counts_before_all_of_its_options(
    behind: str, found: bool
) -> None:
    options = [
        f"{colour} notes of {'very ' * 20}long standing" for colour in ("red", "blue", "tan")
    ]
    item = {"benchmark": "b", "id": "1", "prompt": "Inflation is:", "options": options}
    text = f"Pick one. {item['prompt']}{behind.format(*options)}"
    assert bool(decontam.check([chat(text, "Hm.")], [item]).flagged) is found


@pytest.mark.parametrize(
    ("policy", "found"),
    [("default", [0]), ("tulu3", [0]), ("gpt3", [0]), ("llama3", [0, 1]), ("decon", [])],
)
def test_the_example_of_the_documentation_is_told_as_it_is(policy: str, found: list[int]) -> None:
    bakes = "baker fills {} trays with {} rolls each{} sells {} rolls to every customer. How many "
    bakes += "customers can she serve?"
    prompts = [
        "A " + bakes.format(12, 8, " and", 5),
        "A gardener fills 30 pots with 4 bulbs each and gives 6 bulbs to every neighbour. How many "
        "neighbours can she serve?",
        "A weaver fills 9 crates with 7 scarves each and ships 3 scarves to every shop. How many "
        "shops can she serve?",
    ]
    items = [{"benchmark": "b", "id": str(k), "prompt": p} for k, p in enumerate(prompts)]
    rows = [
        chat(f"Quick one: a {bakes.format(12, '8 warm', chr(10) + 'and', 5)} Explain."),
        chat("A " + bakes.format(14, 6, " and", 7)),
        chat("How long do rolls keep fresh?"),
    ]
    report = decontam.check(rows, items, policy)
    assert list(report.flagged) == found
    assert {m.item for m in report.evidence() if m.flagged} <= {"0"}


def test_the_order_of_rows_does_not_matter() -> None:
    rng = random.Random(1)
    prompts = [p.prompt for p in problems("mini_gsm")[:60]] + [
        p.prompt for p in problems("mini_math")[:60]
    ]
    rows = [chat(leads(p.replace("Monday", "Friday"))) for p in prompts]
    order = rng.sample(range(len(rows)), len(rows))

    def found(order: list[int], policy: str) -> set[object]:
        report = decontam.check([rows[k] for k in order], MINI, policy)
        return {
            (order[m.row], m.benchmark, m.item, m.label, m.score, m.train_text)
            for m in report.evidence()
        }

    for policy in decontam.PRESETS:
        assert found(order, policy) == found(list(range(len(rows))), policy)
