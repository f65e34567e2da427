"""The published presets equal their definitions, written down again with strings and sets."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import decontam

Row = dict[str, object]
Item = dict[str, str]
Found = dict[tuple[int, str], float]
"""(row, item id) -> the row's own token-match."""

WORDS = ["a", "b", "c", "d", "e", "f", "1", "2", "+"]
WORLDS = 1000


def toks(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+|\+", text.lower())


def turns(row: Row, mode: str) -> list[list[str]]:
    said = [("user", row["prompt"]), ("assistant", row["response"])]
    return [toks(str(text)) for role, text in said if mode in ("all", role)]


def stands_in(part: list[str], text: list[str]) -> bool:
    return " " + " ".join(part) + " " in " " + " ".join(text) + " "


def whole(item: Item, row: Row, mode: str) -> bool:
    prompt, answer = toks(item["prompt"]), toks(item["answer"])
    places = [turn for turn in turns(row, mode) if stands_in(prompt, turn)]
    if len(prompt) >= 5:
        return bool(places)
    if prompt in places:
        return True
    cut = re.compile(r"(?<!\S)" + re.escape(" ".join(prompt)) + r"(?!\S)")
    rest = [part for turn in turns(row, "all") for part in cut.split(" ".join(turn))]
    return bool(places) and any(stands_in(answer, part.split()) for part in rest)


def covered(item: Item, row: Row, mode: str, n: int) -> set[int]:
    prompt = toks(item["prompt"])
    if len(prompt) < n:
        return set(range(len(prompt))) if whole(item, row, mode) else set()
    return {
        k
        for at in range(len(prompt) - n + 1)
        if any(stands_in(prompt[at : at + n], turn) for turn in turns(row, mode))
        for k in range(at, at + n)
    }


def by_row(rows: list[Row], item: Item, mode: str, n: int) -> dict[int, set[int]]:
    found = {number: covered(item, row, mode, n) for number, row in enumerate(rows)}
    return {number: positions for number, positions in found.items() if positions}


def tulu3(rows: list[Row], item: Item) -> dict[int, set[int]]:
    size = len(toks(item["prompt"]))
    return {r: c for r, c in by_row(rows, item, "user", 8).items() if len(c) / size > 0.5}


def gpt3(rows: list[Row], item: Item) -> dict[int, set[int]]:
    return by_row(rows, item, "all", 13)


def llama3(rows: list[Row], item: Item) -> dict[int, set[int]]:
    found = by_row(rows, item, "all", 8)
    union = set().union(*found.values())
    return found if len(union) / len(toks(item["prompt"])) > 0.5 else {}


DEFINITIONS: dict[str, Callable[[list[Row], Item], dict[int, set[int]]]] = {
    "tulu3": tulu3, "gpt3": gpt3, "llama3": llama3,
}  # fmt: skip


def world(rng: random.Random) -> tuple[list[Row], list[Item]]:
    """Short words over a small alphabet, and rows pasted together from pieces of prompts; in some
    worlds much is repeated."""
    letters = WORDS[: rng.choice((1, 2, 2, rng.randint(2, len(WORDS))))]
    repeating = rng.random() < 0.4

    def text(most: int) -> list[str]:
        if repeating and rng.random() < 0.6:
            phrase = rng.choices(letters, k=rng.choice((1, 1, 2, 3, 9)))
            return (phrase * most)[: rng.randint(2, most)]
        return rng.choices(letters, k=rng.randint(2, most))

    prompts = [text(rng.choice((4, 12, 40))) for _ in range(rng.randint(1, 4))]

    def said() -> str:
        parts = [rng.choice((text(6), pick(rng, rng.choice(prompts)))) for _ in range(3)]
        return " ".join(
            rng.choice(parts) if rng.random() < 0.3 else [w for part in parts for w in part]
        )

    items = [
        {"benchmark": "b", "id": str(i), "prompt": ", ".join(p), "answer": " ".join(text(3))}
        for i, p in enumerate(prompts)
    ]
    return [{"prompt": said(), "response": said()} for _ in range(rng.randint(1, 5))], items


def pick(rng: random.Random, prompt: list[str]) -> list[str]:
    begin = rng.randrange(len(prompt)) if rng.random() < 0.7 else 0
    return prompt[begin : begin + rng.randint(2, 30)]


@pytest.mark.parametrize("preset", DEFINITIONS)
def test_a_preset_equals_its_definition(preset: str) -> None:
    found = 0

    @settings(max_examples=WORLDS, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.randoms(use_true_random=False))
    def in_any_world(rng: random.Random) -> None:
        nonlocal found
        rows, items = world(rng)
        expected = {
            (row, item["id"]): len(positions) / len(toks(item["prompt"]))
            for item in items
            for row, positions in DEFINITIONS[preset](rows, item).items()
        }
        report = decontam.check(rows, items, preset)
        assert {(m.row, m.item): m.token_match for m in report.evidence()} == expected
        assert report.flagged == tuple(sorted({row for row, _ in expected}))
        found += len(expected)

    in_any_world()
    assert found > WORLDS / 10  # the worlds hold something to find
