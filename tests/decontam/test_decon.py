"""The preset `decon` equals its definition, written down again with strings and sets."""

from __future__ import annotations

import json
import math
import random
import re
from pathlib import Path

import pytest

import decontam
import decontam.rules.components
from decontam.items.item import Item as ReadItem
from decontam.items.saved import load, publish
from decontam.policy import Decon
from decontam.rules.rule import prepare
from decontam.run.run import Request, run

Row = dict[str, object]
Item = dict[str, str]
Found = dict[tuple[int, str], tuple[float, float, str]]
"""(row, item id) -> score, share of the question, label."""

GAP = "|"


def toks(text: str) -> list[str]:
    return re.findall(r"[a-z0-9]+|\+", text.lower())


def grams(tokens: list[str], n: int) -> list[str]:
    return [" ".join(tokens[k : k + n]) for k in range(len(tokens) - n + 1)]


def looked_for(item: Item) -> bool:
    every = [t for part in ("prompt", "answer", "passage") for t in toks(item.get(part, ""))]
    return len(every) >= 20 and len(set(every)) >= 4 and len(toks(item["prompt"])) >= 5


N = {"prompt": 5, "answer": 3, "passage": 4}


class Weights:
    """ln(items / items that hold it) of an n-gram of one kind of component."""

    def __init__(self, items: list[Item]) -> None:
        self.items = items
        tokens = {p: [toks(item.get(p, "")) for item in items] for p in N}
        self.tokens = [set(text) for texts in tokens.values() for text in texts]
        tokens["answer"] = [text for text in tokens["answer"] if len(text) > 3]
        self.sets = {p: [set(grams(text, n)) for text in tokens[p]] for p, n in N.items()}

    def token(self, token: str) -> float:
        return math.log(len(self.items) / sum(token in tokens for tokens in self.tokens))

    def findable(self, item: Item) -> bool:
        """Whether the question holds anything that some other item lacks."""
        return self.share(item, "prompt", set(grams(toks(item["prompt"]), N["prompt"]))) > 0

    def share(self, item: Item, part: str, held: set[str]) -> float:
        every, count = set(grams(toks(item[part]), N[part])), len(self.items)
        weights = {g: math.log(count / sum(g in s for s in self.sets[part])) for g in every}
        total = sum(weights.values())
        return sum(weights[g] for g in every & held) / total if total > 1e-9 else 0.0


def one_way(text: list[str], at: int, step: int, wanted: set[str], held: set[str]) -> list[int]:
    """Places walked to from `at` before eleven n-grams bring nothing; `held` is added to."""
    places, patience = [at], 11
    while patience and 0 <= places[-1] + step <= len(text) - 5:
        places.append(places[-1] + step)
        gram = " ".join(text[places[-1] : places[-1] + 5])
        patience = patience - 1 if gram not in wanted else patience if gram in held else 11
        held |= {gram} & wanted
    return places


def stretches(text: list[str], question: list[str]) -> list[tuple[int, int, set[str]]]:
    """First token, last token and n-grams of every place that may hold the question."""
    wanted, found, at = set(grams(question, 5)), [], 0
    while at <= len(text) - 5:
        if " ".join(text[at : at + 5]) in wanted:
            held = {" ".join(text[at : at + 5])}
            left = one_way(text, at, -1, wanted, held)
            right = one_way(text, at, +1, wanted, held)
            hit = [k for k in left + right if " ".join(text[k : k + 5]) in wanted]
            found.append((min(hit), max(hit) + 4, held))
            at = right[-1]
        at += 1
    return found


def answer_share(text: list[str], start: int, item: Item, weights: Weights) -> float:
    answer = toks(item.get("answer", ""))
    if len(answer) > 3:
        window = text[start:][: max(100, 2 * len(answer))]
        return weights.share(item, "answer", set(grams(window, 3)))
    begins = [k for k in range(start, start + 50) if text[k : k + len(answer)] == answer]
    return float(bool(begins) and sum(map(weights.token, set(answer))) > 1e-9)


def passage_share(text: list[str], start: int, item: Item, weights: Weights) -> float:
    passage = toks(item["passage"])
    before = text[: max(start - 1, 0)][-max(100, 2 * len(passage)) :]
    wanted = set(grams(passage, 4))
    hits = "".join(".x"[g in wanted] for g in reversed(grams(before, 4)))
    kept = re.match(r"\.*(x(\.{0,2}x)*)?", hits)
    assert kept is not None
    last = grams(before, 4)[::-1][: kept.end()]
    return weights.share(item, "passage", set(last))


def total(q: float, a: float, p: float, item: Item) -> float:
    answer, passage = toks(item.get("answer", "")), toks(item.get("passage", ""))
    sure = min(0.5 + len(set(grams(toks(item["prompt"]), 5))) / 40, 1)
    told = min(0.5 + len(set(answer)) / 8, 1)
    if answer and passage:
        a_weight = 0.2 + 0.35 * (1 - sure)
        p_weight = 0.1 + 0.35 * (1 - sure) + a_weight * (1 - told)
        return 0.7 * sure * q + a_weight * told * a + p_weight * p
    if answer:
        return 0.75 * sure * q + (1 - 0.75 * sure) * a
    if passage:
        return 0.85 * sure * q + (1 - 0.85 * sure) * p
    return q


def needed(tokens: int, least: float) -> float:
    return 1 - (1 - least) * min(max(tokens - 20, 0) / 30, 1)


def score(text: list[str], item: Item, weights: Weights, least: float) -> tuple[float, float]:
    """Best score and its share of the question; zeros where the question is not there."""
    question, found = toks(item["prompt"]), [(0.0, 0.0)]
    answer, passage = toks(item.get("answer", "")), toks(item.get("passage", ""))
    for begin, last, held in stretches(text, question):
        q = weights.share(item, "prompt", held)
        if q < needed(len(question), max((least - 0.3) / 0.7, 0)) - 1e-9:
            continue
        after = min(last + 1, begin + len(question))
        a = answer_share(text, after, item, weights) if answer else 0.0
        p = passage_share(text, begin, item, weights) if passage else 0.0
        raw = total(q, a, p, item)
        demand = needed(len(question) + len(set(answer)) + len(passage), least)
        found.append((1.0 if raw > 1 - 1e-9 else raw * least / demand, q))
    return max(found)


def definition(rows: list[Row], items: list[Item], least: float) -> Found:
    weights = Weights([item for item in items if looked_for(item)])
    found: Found = {}
    for number, row in enumerate(rows):
        turns = [toks(str(row["prompt"])), toks(str(row["response"]))]
        for item in weights.items:
            best, question = score([*turns[0], GAP, *turns[1]], item, weights, least)
            if len(turns[0] + turns[1]) >= 10 and best >= least - 1e-9:
                asked = f" {' '.join(toks(item['prompt']))} "
                whole = any(asked in f" {' '.join(turn)} " for turn in turns)
                label = "verbatim" if whole else "near"
                found[number, item["id"]] = best, question, label
    return found


def world(rng: random.Random) -> tuple[list[Row], list[Item]]:
    """Items over a vocabulary of any size, and rows pasted together from their edited parts."""
    letters = [f"w{k}" for k in range(rng.choice((2, 3, 12, 90, 400)))] + ["+", "7"]

    repeating = rng.random() < 0.3

    def text(*sizes: int) -> list[str]:
        if repeating and rng.random() < 0.6:
            phrase = rng.choices(letters, k=rng.choice((1, 2, 5, 7)))
            return (phrase * max(sizes))[: rng.choice(sizes)]
        return rng.choices(letters, k=rng.choice(sizes))

    def item(number: int) -> Item:
        head = rng.choice(([], letters[:9]))
        parts = {"prompt": [*head, *text(3, 5, 9, 16, 22, 30, 60, 90)]}
        parts |= {"answer": text(1, 2, 3, 4, 7, 20, 60)} if rng.random() < 0.6 else {}
        parts |= {"passage": text(2, 4, 9, 30, 80)} if rng.random() < 0.5 else {}
        told = {name: ", ".join(tokens) for name, tokens in parts.items()}
        return {"benchmark": "b", "id": str(number), **told}

    items = [item(number) for number in range(rng.randint(1, 6))]

    def edited(tokens: list[str]) -> list[str]:
        rate = rng.choice((0, 0, 0.02))
        drawn = [w if rng.random() >= rate else rng.choice((*text(1), "")) for w in tokens]
        begin = rng.choice((0, 0, 0, rng.randrange(len(tokens))))
        return drawn[begin : begin + rng.choice((10, 99, 99, 99))]

    def copy(of: Item) -> list[list[str]]:
        parts = [edited(toks(of[p])) for p in ("passage", "prompt", "answer") if p in of]
        return [piece for part in parts for piece in (text(0, 0, 1, 3, 8, 49, 60), part)]

    def row() -> Row:
        pieces = [p for of in rng.choices(items, k=rng.randint(1, 2)) for p in copy(of)]
        cut = rng.randrange(len(pieces) + 1)
        said = [
            " ".join(w for piece in side for w in piece) for side in (pieces[:cut], pieces[cut:])
        ]
        return {"prompt": said[0], "response": said[1]}

    return [row() for _ in range(rng.randint(1, 4))], items


@pytest.mark.parametrize(("least", "worlds"), [(0.8, 1200), (0.5, 600), (0.95, 600)])
def test_decon_equals_its_definition(least: float, worlds: int) -> None:
    policy = decontam.Policy("decon", Decon(at_least=least), mode="all")
    tally, weightless = {"verbatim": 0, "near": 0}, 0
    for seed in range(worlds):
        rows, items = world(random.Random(seed))
        weights = Weights([item for item in items if looked_for(item)])
        findable = {item["id"] for item in weights.items if weights.findable(item)}
        weightless += len(weights.items) - len(findable)
        if not findable:
            with pytest.raises(ValueError, match="can be indexed"):
                decontam.check(rows, items, "decon")
            continue
        report = decontam.check(rows, items, "decon" if least == 0.8 else policy)
        expected = definition(rows, items, least)
        found = {(m.row, m.item): (m.score, m.weighted, m.label) for m in report.evidence()}
        assert found.keys() == expected.keys(), seed
        for key, (best, question, label) in expected.items():
            assert found[key] == (pytest.approx(best), pytest.approx(question), label), seed
            tally[label] += 1
        assert report.flagged == tuple(sorted({row for row, _ in expected})), seed
        assert {i.item for i in report.accounts if i.indexed} == findable, seed
    assert min(tally.values()) > 9
    assert weightless > 9


QUESTION = (
    "How many ducks does Janet keep on her farm if she sells seven of them today? And how many "
    "geese does she keep beside them when the neighbour brings nine?"
)


def test_items_of_which_every_ngram_weighs_nothing_are_not_called_indexed() -> None:
    lone = {"benchmark": "b", "id": "1", "prompt": QUESTION, "answer": "12"}
    rows = [{"text": f"{QUESTION} 12"}]
    for items in (
        [lone],
        [lone, {**lone, "id": "2"}],
        [lone, {**lone, "id": "2", "prompt": "Hm?"}],
    ):
        with pytest.raises(
            ValueError, match=r"items can be indexed \(every n-gram .* more items or"
        ):
            decontam.check(rows, items, "decon")
    longer = {
        **lone,
        "id": "2",
        "prompt": f"{QUESTION} Then count the hens around.",
        "answer": "15",
    }
    report = decontam.check([{"text": f"{longer['prompt']} 15"}], [lone, longer], "decon")
    first, second = report.accounts
    assert (first.indexed, first.score, second.indexed, second.rows) == (False, None, True, 1)
    assert first.reason == decontam.rules.components.WEIGHTLESS
    assert report.summary()["benchmarks"]["b"]["indexed"] == 1


def test_a_saved_index_weighs_by_the_items_that_it_cannot_find(tmp_path: Path) -> None:
    lone = ReadItem("b", "1", QUESTION, "12")
    longer = ReadItem("b", "2", f"{QUESTION} Then count the hens around.", "15")
    index = prepare(decontam.PRESETS["decon"], [lone, longer])
    publish(index, tmp_path / "index")
    train = tmp_path / "t.jsonl"
    train.write_text(json.dumps({"text": f"{longer.prompt} 15"}))
    reports = [run(Request((str(train),)), i) for i in (index, load(tmp_path / "index"))]
    for report in reports:
        assert [(m.item, m.score) for m in report.evidence()] == [("2", 1.0)]
        assert [i.indexed for i in report.accounts] == [False, True]
