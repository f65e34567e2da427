"""The published presets equal their definitions, written down again with strings and sets."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from pathlib import Path
from types import MappingProxyType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import decontam
from decontam.command import main
from decontam.items.saved import describe, read_policy
from decontam.policy import Policy, UnionMatch

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


def llama3(rows: list[Row], item: Item, above: float = 0.5) -> dict[int, set[int]]:
    found = by_row(rows, item, "all", 8)
    union = set().union(*found.values())
    return found if len(union) / len(toks(item["prompt"])) > above else {}


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


def test_llama3_equals_its_definition_with_a_threshold_for_each_benchmark() -> None:
    shares = (0, 0.1, 0.25, 0.5, 0.75, 0.9, 0.99)
    found = told_apart = 0

    @settings(max_examples=WORLDS, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.randoms(use_true_random=False))
    def in_any_world(rng: random.Random) -> None:
        nonlocal found, told_apart
        rows, items = world(rng)
        names = [rng.choice("bcd") for _ in items]
        items = [{**item, "benchmark": b} for item, b in zip(items, names, strict=True)]
        above = rng.choice(shares)
        given_shares = {b: rng.choice(shares) for b in sorted({*names}) if rng.random() < 0.7}
        policy = Policy("llama3", UnionMatch(above=above, thresholds=given_shares), mode="all")
        expected, plain = (
            {
                (row, item["benchmark"], item["id"])
                for item in items
                for row in llama3(rows, item, thresholds.get(item["benchmark"], above))
            }
            for thresholds in (given_shares, {})
        )
        report = decontam.check(rows, items, policy)
        assert {(m.row, m.benchmark, m.item) for m in report.evidence()} == expected
        assert report.flagged == tuple(sorted({row for row, *_ in expected}))
        assert report.summary().get("thresholds", {}) == given_shares
        found += len(expected)
        told_apart += expected != plain

    in_any_world()
    assert found > WORLDS / 10
    assert told_apart > WORLDS / 100


HALF = " ".join(f"w{k}" for k in range(10))
BENCHMARKS = [
    {"benchmark": b, "id": "1", "prompt": f"{HALF} {' '.join(f'{b}{k}' for k in range(10))}"}
    for b in "xy"
]


def lines(path: Path, records: list[dict[str, str]]) -> str:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return str(path)


def matched(out: Path) -> dict[str, int]:
    told = json.loads((out / "summary.json").read_text())
    return {name: b["matched"] for name, b in told["benchmarks"].items()}


@pytest.mark.parametrize("workers", ["1", "2"])
def test_thresholds_are_given_by_option_and_saved_with_an_index(
    workers: str, tmp_path: Path
) -> None:
    items = lines(tmp_path / "items.jsonl", BENCHMARKS)
    for name in "ab":
        lines(tmp_path / f"{name}.jsonl", [{"text": HALF}])
    train = [str(tmp_path / f"{name}.jsonl") for name in "ab"]

    def check(out: str, *given: str) -> dict[str, int]:
        code = main(["check", *train, *given, "--out", str(tmp_path / out), "--workers", workers])
        assert code == int(any(matched(tmp_path / out).values()))
        return matched(tmp_path / out)

    asked, index = ["--against", items, "--preset", "llama3"], str(tmp_path / "index")
    assert check("plain", *asked) == {"x": 0, "y": 0}
    assert check("given", *asked, "--threshold", "x=0.49") == {"x": 1, "y": 0}
    assert check("both", *asked, "--threshold", "x=0.49", "--threshold", "y=0") == {"x": 1, "y": 1}
    assert main(["index", *asked, "--threshold", "x=0.49", "--out", index]) == 0
    assert check("saved", "--index", index) == {"x": 1, "y": 0}
    assert check("more", "--index", index, "--threshold", "y=0.2") == {"x": 1, "y": 1}
    assert check("other", "--index", index, "--threshold", "x=0.5") == {"x": 0, "y": 0}
    told = json.loads((tmp_path / "more" / "summary.json").read_text())
    assert told["thresholds"] == {"x": 0.49, "y": 0.2}


@pytest.mark.parametrize(
    ("given", "word"),
    [(["z=0.4"], "a threshold is given for 'z', of which there are no items; the benchmarks are x"),
     (["x=0.4", "x=0.5"], "given twice")],
)  # fmt: skip
@pytest.mark.parametrize("saved", [False, True])
def test_a_threshold_of_no_benchmark_is_refused(
    saved: bool, given: list[str], word: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    items, index = lines(tmp_path / "items.jsonl", BENCHMARKS), str(tmp_path / "index")
    train = lines(tmp_path / "t.jsonl", [{"text": HALF}])
    asked = ["--against", items, "--preset", "llama3"]
    if saved:
        assert main(["index", *asked, "--out", index]) == 0
        asked = ["--index", index]
    options = [part for share in given for part in ("--threshold", share)]
    assert main(["check", train, *asked, *options]) == 2
    told = capsys.readouterr().err
    assert told.startswith("error: ")
    assert word in told


@pytest.mark.parametrize("share", [-0.1, 1, float("nan")])
def test_a_threshold_that_is_no_share_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match=r"threshold of 'x' is .*; give a share from 0 to below 1"):
        UnionMatch(thresholds={"x": share})
    with pytest.raises(ValueError, match="given for 'z', of which there are no items"):
        decontam.check([{"text": "a"}], BENCHMARKS, Policy("p", UnionMatch(thresholds={"z": 0.1})))


def test_a_rule_with_thresholds_survives_being_told() -> None:
    given = MappingProxyType({"y": 0.1, "x": 0.2})
    policy = Policy("llama3", UnionMatch(thresholds=given), mode="all")
    assert read_policy(json.loads(json.dumps(describe(policy)))) == policy
    assert hash(policy.rule) == hash(UnionMatch())
