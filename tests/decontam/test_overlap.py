"""What a row and an item share is measured as if every pair of places were looked at."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import decontam
from decontam.items.entries import read_entries
from decontam.items.item import Item
from decontam.policy import Decon, Policy, SharedNgram, TokenMatch
from decontam.rows.batch import gather
from decontam.rows.shapes import read_row
from decontam.rules import decon, ngrams
from decontam.rules.overlap import first_places
from decontam.rules.rule import finder, prepare
from decontam.run.scan import Scan
from decontam.text import _scanner

Hit = tuple[int, int, int]
"""Turn, place in the turn, place in the prompt."""
Told = tuple[str, int, str, str, float, float, float]
"""Label, turn, both spans as text, token-match, n-gram-match, longest match."""

WORLDS = 1500
SKIP = 2


def pairs(turns: Sequence[list[str]], prompt: list[str], n: int) -> list[Hit]:
    return [
        (number, at, position)
        for number, turn in enumerate(turns)
        for at in range(len(turn) - n + 1)
        for position in range(len(prompt) - n + 1)
        if turn[at : at + n] == prompt[position : position + n]
    ]


def tokens_of(hits: Sequence[Hit], n: int) -> set[int]:
    return {position + k for _, _, position in hits for k in range(n)}


def densest(hits: list[Hit], size: int, n: int) -> tuple[tuple[int, int], tuple[int, int]]:
    groups: list[list[Hit]] = []
    for hit in sorted(hits, key=lambda h: (h[1] - h[2], h[1])):
        if not groups or hit[1] - hit[2] - (groups[-1][0][1] - groups[-1][0][2]) > 2 * max(
            8, size // 4
        ):
            groups.append([])
        groups[-1].append(hit)
    best = max(groups, key=lambda group: len({position for _, _, position in group}))
    at, position = [h[1] for h in best], [h[2] for h in best]
    return (min(at), max(at) + n), (min(position), max(position) + n)


def run_on(turn: list[str], prompt: list[str], start: int) -> int:
    """The longest stretch of a diagonal that begins and ends alike, with two mismatches at most."""
    alike = [0 <= start + k < len(turn) and turn[start + k] == t for k, t in enumerate(prompt)]
    ends = [k for k, same in enumerate(alike) if same]
    stretches = itertools.combinations_with_replacement(ends, 2)
    return max((b - a + 1 for a, b in stretches if alike[a:b].count(False) <= SKIP), default=0)


def told(turns: Sequence[list[str]], prompt: list[str], n: int) -> Told | None:
    hits, size = pairs(turns, prompt, n), len(prompt)
    if not hits:
        return None
    numbers = sorted({number for number, _, _ in hits})
    number = max(numbers, key=lambda k: len(tokens_of([h for h in hits if h[0] == k], n)))
    train, item = densest([h for h in hits if h[0] == number], size, n)
    diagonals = sorted({(number, at - position) for number, at, position in hits})
    whole = [
        (k, start) for k, start in diagonals if start >= 0 and turns[k][start:][:size] == prompt
    ]
    if whole:
        number, start = whole[0]
        train, item = (start, start + size), (0, size)
    return (
        "verbatim" if whole else "near",
        number,
        " ".join(turns[number][slice(*train)]),
        " ".join(prompt[slice(*item)]),
        len(tokens_of(hits, n)) / size,
        len({position for _, _, position in hits}) / (size - n + 1),
        max(run_on(turns[k], prompt, start) for k, start in diagonals) / size,
    )


def world(rng: random.Random) -> tuple[list[list[str]], list[str]]:
    """A row of a few turns and a prompt of at least five tokens, which repeat themselves."""
    letters = "abcdefgh"[: rng.choice((1, 2, 2, 3, 8))]

    def phrase(most: int) -> list[str]:
        if rng.random() < 0.5:
            return rng.choices(letters, k=rng.randint(1, most))
        return (rng.choices(letters, k=rng.choice((1, 1, 2, 3))) * most)[: rng.randint(1, most)]

    prompt = [*phrase(30), *phrase(30), *rng.choices(letters, k=5)]

    def turn() -> list[str]:
        begin = rng.randrange(len(prompt))
        parts = [phrase(40), prompt[begin : begin + rng.randint(1, 50)], phrase(20), prompt]
        return [token for part in rng.sample(parts, rng.choice((1, 2, 3, 3))) for token in part]

    return [turn() for _ in range(rng.choice((1, 2, 2, 3)))], prompt


@pytest.mark.parametrize("n", [2, 3, 5])
def test_every_measure_is_that_of_all_pairs_of_places(n: int) -> None:
    policy = Policy("test", SharedNgram(n), mode="all")
    labels = {"near": 0, "verbatim": 0}

    @settings(max_examples=WORLDS, deadline=None)
    @given(st.randoms(use_true_random=False))
    def in_any_world(rng: random.Random) -> None:
        turns, prompt = world(rng)
        roles = itertools.cycle(("user", "assistant"))
        said = [
            {"role": role, "content": " ".join(turn)}
            for role, turn in zip(roles, turns, strict=False)
        ]
        items = [{"benchmark": "b", "id": "1", "prompt": " ".join(prompt)}]
        found = list(decontam.check([{"messages": said}], items, policy).evidence())
        assert [
            (
                m.label,
                m.turn,
                m.train_text,
                m.item_text,
                m.token_match,
                m.ngram_match,
                m.longest_match,
            )
            for m in found
        ] == [t for t in [told(turns, prompt, n)] if t]
        for m in found:
            labels[m.label] += 1

    in_any_world()
    assert min(labels.values()) > WORLDS / 10


@settings(max_examples=1000, deadline=None)
@given(
    st.lists(st.integers(0, 2), max_size=40),
    st.lists(st.integers(0, 2), min_size=1, max_size=40),
    st.integers(1, 6),
)
def test_the_longest_run_is_that_of_a_search_along_every_diagonal(
    row: list[int], entry: list[int], n: int
) -> None:
    turn, prompt = list(map(str, row)), list(map(str, entry))
    starts = range(-len(entry) - 2, len(row) + 3)
    with_gram = {at - position for _, at, position in pairs([turn], prompt, n)}
    expected = max((run_on(turn, prompt, start) for start in with_gram), default=0)
    told_row, told_entry = np.array(row, dtype=np.int32), np.array(entry, dtype=np.int32)
    shuffled = np.array(starts, dtype=np.int64)[::-1].copy()
    for given_starts in (np.array(starts, dtype=np.int64), shuffled):
        assert _scanner.longest_run(told_row, told_entry, given_starts, n, SKIP) == expected


def test_the_places_of_ngrams_are_named_by_the_first() -> None:
    assert first_places((1, 1, 1, 2, 1, 1), 2) == [0, 0, 2, 3, 0]
    assert first_places((1, 2), 3) == []


def report(index: object, rows: Sequence[dict[str, object]]) -> list[object]:
    docs = [read_row(k, row) for k, row in enumerate(rows)]
    batch = gather(range(len(docs)), docs.__getitem__, index.policy.mode)  # type: ignore[attr-defined]
    found = finder(index)(Scan(index).pairs(batch))  # type: ignore[arg-type]
    return [(f.pair.scanned.row, f.pair.place, f.score, f.label) for f in found]


@pytest.mark.parametrize(
    "rule", [TokenMatch(3, 0.5), TokenMatch(5, 0.3), TokenMatch(2, 0.9), Decon()]
)
def test_pairs_with_fewer_ngrams_than_are_asked_for_would_not_be_found(
    rule: TokenMatch | Decon, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = decon if isinstance(rule, Decon) else ngrams
    asked, found = 0, 0
    for seed in range(400):
        rng = random.Random(seed)
        worlds = [world(rng) for _ in range(3)]
        items = [Item("b", str(k), " ".join(p), f"w{k} x{k}") for k, (_, p) in enumerate(worlds)]
        rows = [
            {"text": " ".join(["so", *turn, f"w{k} x{k}"])}
            for k, (turns, _) in enumerate(worlds)
            for turn in turns
        ]
        if isinstance(rule, Decon) and sum(not decon.not_indexed(rule, i) for i in items) < 2:
            continue  # a single item weighs nothing
        policy = Policy("test", rule, mode="all")
        index = prepare(policy, items)
        with monkeypatch.context() as patch:
            patch.setattr(module, "least_hits", lambda entries, _: [1] * len(entries.entries))
            every = prepare(policy, items)
        assert (every.arrays["least"] == 1).all()
        asked += int((index.arrays["least"] > 1).sum())
        assert report(index, rows) == report(every, rows), seed
        found += len(report(index, rows))
    assert asked > 100
    assert found > 20


def test_no_prompt_asks_for_more_ngrams_than_cover_it() -> None:
    prompts = {
        "- " * 40: 1,
        "a b c d e f g h i j k l m n o p q": 2,
        "a " * 9 + "b c d e f g h i": 1,
        "a " * 8 + "b c d e f g h i": 2,
    }
    entries = read_entries([Item("b", str(k), p) for k, p in enumerate(prompts)])
    assert ngrams.least_hits(entries, TokenMatch(8, 0.5)) == list(prompts.values())


def test_a_row_and_an_item_that_repeat_one_token_meet_once() -> None:
    size, length = 400, 200_000
    drawing = "| " + "- " * size + "|"
    index = prepare(Policy("test", SharedNgram(13), mode="all"), [Item("b", "1", drawing)])
    texts = ["- " * length, "so | " + "- " * length]
    ends = np.array([2], dtype=np.int32).tobytes()
    hits, _ = index.scanner().scan(texts, b"\1\1", ends)
    positions = np.frombuffer(hits, dtype=np.int32).reshape(-1, 4)[:, 3]
    assert sorted(positions) == [0, 1]
    row = {"messages": [{"role": r, "content": t} for r, t in zip("ab", texts, strict=True)]}
    row["messages"][0]["role"], row["messages"][1]["role"] = "user", "assistant"
    report = decontam.check([row], [{"benchmark": "b", "id": "1", "prompt": drawing}], index.policy)
    (found,) = report.evidence()
    assert (found.turn, found.label) == (1, "near")
    assert found.token_match == (size + 1) / (size + 2)
    assert found.longest_match == (size + 1) / (size + 2)


GIVEN = ("row", "begins", "keys", "places", "entry", "entry_keys", "first", "names", "n")


def arguments(**other: object) -> tuple[object, ...]:
    """A call that measures the prompt "0 1 0" on the row "0 1 0", changed in some arguments."""
    ids = np.array([0, 1, 0], dtype=np.int32)
    keys = np.frombuffer(_scanner.gram_keys(ids.astype(np.uint64), 2), dtype=np.uint64)
    of_row = np.frombuffer(
        _scanner.gram_keys(np.array([0, 1, 0, 2**64 - 1], dtype=np.uint64), 2), dtype=np.uint64
    )
    order = np.argsort(of_row, kind="stable")
    told: dict[str, object] = {
        "row": np.array([0, 1, 0, -1], dtype=np.int32),
        "begins": np.array([0, 4]),
        "keys": of_row[order],
        "places": order,
        "entry": ids,
        "entry_keys": keys,
        "first": np.array([0, 1]),
        "names": np.array([0, 1]),
        "n": 2,
        "width": 16,
        "skip": 2,
        **other,
    }
    row = tuple(told[k] for k in GIVEN[:4])
    return (
        row,
        tuple(told[k] for k in GIVEN[4:7]),
        *(told[k] for k in ("names", "n", "width", "skip")),
        False,
    )


def test_a_row_that_is_the_prompt_is_measured_whole() -> None:
    found = _scanner.overlap(*arguments())  # type: ignore[arg-type]
    assert found is not None
    covered, shared, *rest, whole, hits = found
    assert (covered, shared, rest) == (b"\1\1\1", 2, [0, (0, 3), (0, 3), 3])
    assert np.frombuffer(whole, dtype=np.int64).tolist() == [0]
    assert np.frombuffer(hits, dtype=np.int64).tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize(
    "other",
    [
        {"row": np.zeros(0, dtype=np.int32)},
        {"row": b"123"},
        {"begins": np.array([0])},
        {"begins": np.array([0, 5])},
        {"begins": np.array([0, 2, 2, 4])},
        {"begins": np.array([-1, 4])},
        {"begins": np.array([1, 4])},
        {"begins": np.array([0, 3])},
        {"begins": np.zeros(0, dtype=np.int64)},
        {"keys": np.zeros(2, dtype=np.uint64)},
        {"places": np.array([3, 3, 3])},
        {"places": np.array([-1, -1, -1])},
        {"entry": np.array([0, 1], dtype=np.int32)},
        {"entry_keys": np.zeros(1, dtype=np.uint64)},
        {"first": np.array([0, 2])},
        {"first": np.array([1, 1])},
        {"first": np.array([0, -1])},
        {"names": np.array([0, 2])},
        {"names": np.array([-1])},
        {"names": np.array([1, 0])},
        {"names": np.array([0, 0])},
        {"names": b"1234"},
        {"n": 0},
        {"n": 1},
        {"n": 3},
        {"n": -(2**40)},
        {"n": 2**62},
        {"width": -1},
        {"width": 2**63 - 1},
        {"skip": -1},
        {"skip": "2"},
    ],
    ids=str,
)
def test_arrays_that_do_not_belong_together_are_refused(other: dict[str, object]) -> None:
    with pytest.raises((ValueError, TypeError)):
        _scanner.overlap(*arguments(**other))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "call",
    [
        lambda ids, starts: _scanner.longest_run(ids, ids, starts, 0, 2),
        lambda ids, starts: _scanner.longest_run(ids, ids, starts, 1, -1),
        lambda ids, starts: _scanner.longest_run(b"123", ids, starts, 1, 2),
        lambda ids, starts: _scanner.longest_run(ids, b"123", starts, 1, 2),
        lambda ids, _: _scanner.longest_run(ids, ids, b"1234", 1, 2),
    ],
)
def test_a_longest_run_of_what_are_no_tokens_is_refused(
    call: Callable[[object, object], object],
) -> None:
    with pytest.raises(ValueError, match="must be"):
        call(np.zeros(3, dtype=np.int32), np.zeros(1, dtype=np.int64))
