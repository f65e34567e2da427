"""Shingles find light paraphrases, wherever they stand, and say how surely."""

from __future__ import annotations

import itertools
import json
import math
import random
from pathlib import Path

import numpy as np
import pytest
from datasketch import MinHash, MinHashLSH
from hypothesis import given, settings
from hypothesis import strategies as st

from decontam.items.item import Item
from decontam.rows.shapes import Segment
from decontam.similar import Settings, SimilarFinding, find_similar, unsearchable
from decontam.similar import candidates as candidates_module
from decontam.similar.banding import Banding, Table, banding
from decontam.similar.shingles import (
    Hasher,
    estimate,
    jaccard,
    shingle_hashes,
    shingles,
    window_minima,
)
from decontam.similar.windows import GRID, QUARTERS, doublings, halves, ladder, read_text, rung
from decontam.text.tokens import words

PAIRS: dict[str, list[tuple[str, str]]] = json.loads(
    (Path(__file__).parent / "similar_pairs.json").read_text(encoding="utf-8")
)
PROMPTS = sorted({a for a, _ in PAIRS["light"]})
HASHER = Hasher.of(64, seed=1)
VOCABULARY = [
    w for pairs in PAIRS.values() for pair in pairs for text in pair for w in text.split()
]
WORD = st.sampled_from([*sorted(set(VOCABULARY)), "½", "Äpfel", "你好吗", "ไทย", "x-7", "\ud800"])
HASHES = st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=200).map(
    lambda values: np.array(values, dtype=np.uint32)
)


def look(text: str, prompts: list[str], **wanted: object) -> list[SimilarFinding]:
    items = [Item("b", str(i), prompt) for i, prompt in enumerate(prompts)]
    return list(find_similar([Segment(0, 0, "user", text)], items, Settings(**wanted)))  # type: ignore[arg-type]


def filler(rng: random.Random, count: int) -> str:
    return " ".join(rng.choice(VOCABULARY) for _ in range(count))


@given(HASHES)
def test_a_signature_is_the_least_value_of_each_permutation(hashes: np.ndarray) -> None:
    pairs = list(zip(HASHER.a.tolist(), HASHER.b.tolist(), strict=True))
    expected = [min((a * h + b) % 2**32 for h in hashes.tolist()) for a, b in pairs]
    assert HASHER.signature(hashes).tolist() == expected


@given(HASHES, st.sampled_from([16, 32, 48, 160, 320]))
def test_the_minima_of_a_window_are_the_signature_of_its_shingles(
    hashes: np.ndarray, size: int
) -> None:
    minima = window_minima(HASHER.grid(hashes), size)
    starts = [k * size // QUARTERS for k in range(len(minima))]
    slices = [hashes[low : low + size] for low in starts]
    assert slices[0][0] == hashes[0]
    assert starts[-1] + size >= len(hashes)
    assert np.array_equal(minima, np.stack([HASHER.signature(part) for part in slices]))


def test_the_estimate_is_close_to_the_exact_similarity_and_unbiased() -> None:
    rng, hasher, errors = random.Random(0), Hasher.of(192, seed=1), []
    for k in range(200):
        shared = filler(rng, 5 + k // 4)
        lines = [" ".join(words(f"{shared} {filler(rng, 5 + k % 30)}")) for _ in range(2)]
        exact = jaccard(*(shingles(line, 5) for line in lines))
        left, right = (hasher.signature(shingle_hashes(line, 5))[None] for line in lines)
        error = estimate(left, right)[0] - exact
        assert abs(error) <= 5 * math.sqrt(exact * (1 - exact) / 192) + 1e-9
        errors.append(error)
    assert abs(np.mean(errors)) < 0.01


def test_equal_shingles_have_equal_hashes_and_others_do_not() -> None:
    line = filler(random.Random(1), 3_000)
    runs = [line[k : k + 5] for k in range(len(line) - 4)]
    seen = dict(zip(runs, shingle_hashes(line, 5).tolist(), strict=True))
    assert len(set(seen.values())) == len(seen)
    assert [shingle_hashes(s, 5).tolist() for s in seen] == [[h] for h in seen.values()]


def test_the_table_finds_what_the_index_of_datasketch_finds() -> None:
    rng = np.random.default_rng(0)
    entries = rng.integers(0, 9, (40, 12), dtype=np.uint32)
    queries = rng.integers(0, 9, (60, 12), dtype=np.uint32)
    choice = Banding(bands=6, rows=2)
    lsh = MinHashLSH(num_perm=12, params=(choice.bands, choice.rows))
    for k, values in enumerate(entries):
        lsh.insert(k, MinHash(hashvalues=values, scheme="affine32"))
    expected = {
        (q, k)
        for q, values in enumerate(queries)
        for k in lsh.query(MinHash(hashvalues=values, scheme="affine32"))
    }
    found = Table.of(entries, choice).candidates(queries).tolist()
    assert found == sorted(map(list, expected))
    assert found


@pytest.mark.parametrize("threshold", [0.2, 0.4, 0.6, 0.9])
def test_banding_misses_no_more_than_allowed_and_one_row_more_would(threshold: float) -> None:
    choice = banding(threshold, 192, miss=0.02)
    assert choice.found(threshold) >= 0.98
    assert Banding(192 // (choice.rows + 1), choice.rows + 1).found(threshold) < 0.98


def test_banding_says_when_there_are_too_few_permutations() -> None:
    with pytest.raises(ValueError, match="4 permutations lose more than"):
        banding(0.4, 4, miss=0.02)


@given(st.sets(st.integers(1, 5_000), min_size=1, max_size=20))
def test_every_length_has_a_window_that_holds_it_and_is_not_much_longer(lengths: set[int]) -> None:
    sizes = ladder(lengths)
    for length in lengths:
        size = rung(sizes, length)
        assert length <= size <= max(1.5 * length, length + QUARTERS * GRID)
        assert size % (QUARTERS * GRID) == 0


@settings(deadline=None)
@given(
    st.lists(WORD, min_size=1, max_size=60).map(" ".join), st.sets(st.integers(1, 300), min_size=1)
)
def test_windows_that_overlap_by_half_leave_no_token_out(raw: str, lengths: set[int]) -> None:
    text = read_text(raw)
    spans = halves(text, doublings(lengths)) if len(text) else []
    assert {k for first, end in spans for k in range(first, end)} == set(range(len(text)))
    assert all(0 <= first < end <= len(text) for first, end in spans)


@settings(deadline=None)  # the first text that is not ASCII builds the alphabet
@given(st.lists(WORD, min_size=8, max_size=60).map(" ".join))
def test_an_identical_text_is_always_found(prompt: str) -> None:
    if len(words(prompt)) < 8:
        return
    (found,) = look(f"\n {prompt.upper()}".replace(" ", "\n "), [prompt])
    assert (found.label, found.source, found.score) == ("similar", "minhash", 1.0)


@pytest.mark.parametrize("before", [0, 1, 7, 40, 333])
def test_a_paraphrase_inside_a_long_row_is_found_and_its_span_cuts_it_out(before: int) -> None:
    rng = random.Random(before)
    for prompt, paraphrase in PAIRS["light"]:
        lead = filler(rng, before)
        (found,) = look(f"{lead}\n{paraphrase} {filler(rng, 200)}", [prompt])
        said = set(range(len(lead) + 1, len(lead) + 1 + len(paraphrase)))
        assert len(said & set(range(*found.span))) >= 0.8 * len(said | set(range(*found.span)))


@pytest.mark.parametrize("before", range(20, 240, 4))
def test_what_a_short_row_shows_a_very_long_one_shows_across_its_pieces(
    monkeypatch: pytest.MonkeyPatch, before: int
) -> None:
    monkeypatch.setattr(candidates_module, "PIECE", 256)
    rng = random.Random(before)
    prompt, paraphrase = PAIRS["medium"][5]
    (found,) = look(f"{filler(rng, before)} {paraphrase} {filler(rng, 150)}", [prompt])
    assert found.score >= 0.3


@pytest.mark.parametrize(
    ("kind", "least", "most"), [("light", 14, 14), ("medium", 6, 9), ("heavy", 0, 0)]
)
def test_shingles_find_paraphrases_as_far_as_they_keep_the_words(
    kind: str, least: int, most: int
) -> None:
    found = [{PROMPTS[f.item] for f in look(paraphrase, PROMPTS)} for _, paraphrase in PAIRS[kind]]
    right = sum(prompt in f for (prompt, _), f in zip(PAIRS[kind], found, strict=True))
    assert least <= right <= most
    assert not any(f - {prompt} for (prompt, _), f in zip(PAIRS[kind], found, strict=True))


def test_other_questions_are_found_only_where_the_wording_is_the_same() -> None:
    found = [look(other, [prompt]) for prompt, other in PAIRS["unrelated"]]
    assert [f[0].score < 0.4 for f in found if f] == [True]
    assert not any(look(other, [prompt], jaccard=0.4) for prompt, other in PAIRS["unrelated"])


def test_the_same_is_found_whatever_the_batch_and_again() -> None:
    rng = random.Random(3)
    items = [Item("b", str(i), prompt) for i, prompt in enumerate(PROMPTS)]
    texts = [f"{filler(rng, n)} {b} {filler(rng, n)}" for n, (_, b) in enumerate(PAIRS["light"])]
    segments = [Segment(k // 2, k % 2, "user", text) for k, text in enumerate(texts)]
    runs = [list(find_similar(iter(segments), items, Settings(batch=n))) for n in (1, 3, 256, 256)]
    assert all(left == right for left, right in itertools.pairwise(runs))
    assert len(runs[0]) == len(texts)


def test_short_prompts_are_named_and_not_looked_for() -> None:
    items = [Item("b", "1", "Name it now"), Item("b", "2", PROMPTS[0]), Item("b", "3", "")]
    assert unsearchable(items) == {
        0: "prompt of 3 tokens; at least 6 are needed",
        2: "prompt of 0 tokens; at least 6 are needed",
    }
    found = find_similar([Segment(0, 0, "user", f"Name it now. {PROMPTS[0]}")], items)
    assert [f.item for f in found] == [1]


def test_items_of_which_none_can_be_looked_for_are_an_error_at_once() -> None:
    with pytest.raises(ValueError, match="none of 1 items can be looked for"):
        find_similar([], [Item("b", "1", "too short")])


@pytest.mark.parametrize(
    "wrong", [{"jaccard": 0.0}, {"jaccard": 1.5}, {"miss": 0.0}, {"batch": 0}, {"top_k": 0}]
)
def test_settings_out_of_range_name_the_value(wrong: dict[str, float]) -> None:
    (name,) = wrong
    with pytest.raises(ValueError, match=f"{name} is"):
        Settings(**wrong)  # type: ignore[arg-type]


def test_empty_texts_hold_nothing() -> None:
    assert not look("", PROMPTS)
    assert not look(" \n…", PROMPTS)
