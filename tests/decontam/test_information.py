"""The information of tokens is what its definition says, counted token by token."""

from __future__ import annotations

import math
import random
from collections import Counter
from collections.abc import Sequence

import numpy as np
import pytest

from decontam.items.information import LEAST_ITEMS, Group, template_limit
from decontam.text.scanner import token_hashes

Text = tuple[int, ...]
HASHES = np.sort(np.concatenate([token_hashes(f"w{k}") for k in range(40)]))


def holders(texts: set[Text], n: int) -> Counter[Text]:
    """In how many texts each n-gram stands."""
    return Counter(g for t in texts for g in {t[k : k + n] for k in range(len(t) - n + 1)})


def defined(texts: Sequence[Text]) -> list[dict[int, float]]:
    """Bits of each token of each text, as `Group.bits` says what they are."""
    distinct = set(texts)
    count = {n: holders(distinct, n) for n in (1, 2, 3)}
    limit = template_limit(len(distinct))

    def surprise(text: Text, at: int) -> float:
        least = math.log2(max(len(distinct), LEAST_ITEMS) / count[1][text[at : at + 1]])
        for width in (1, 2):
            for begin, context in ((at - width, at - width), (at, at + 1)):
                if begin < 0 or begin + width + 1 > len(text):
                    continue
                others = count[width][text[context : context + width]] - 1
                agree = count[width + 1][text[begin : begin + width + 1]] - 1
                if others >= limit and agree > 0:
                    least = min(least, math.log2(others / agree))
        return least

    bits: list[dict[int, float]] = []
    for text in texts:
        told: dict[int, float] = {}
        for at, token in enumerate(text):
            told[token] = min(told.get(token, math.inf), surprise(text, at))
        bits.append(told)
    return bits


def drawn(rng: random.Random) -> list[Text]:
    """Texts that share frames, some of them equal, some very short."""
    tokens = range(rng.choice([2, 5, 12, 40]))
    frames = [rng.choices(tokens, k=rng.randint(0, 6)) for _ in range(rng.randint(1, 3))]

    def text() -> Text:
        frame = rng.choice(frames)
        cut = rng.randint(0, len(frame))
        slot = rng.choices(tokens, k=rng.randint(1, rng.choice([1, 3, 8])))
        return tuple(frame[:cut] + slot + frame[cut:])

    texts = [text() for _ in range(rng.choice([1, 2, 3, 10, 40]))]
    return texts + rng.choices(texts, k=rng.choice([0, 0, 2]))


def compare(texts: list[Text]) -> None:
    found, expected = Group(texts, HASHES).bits(), defined(texts)
    told = list(zip(found.text.tolist(), found.token.tolist(), strict=True))
    # By text; within one, what says most first.
    assert sorted(told) == [(k, token) for k, bits in enumerate(expected) for token in sorted(bits)]
    within = found.text[1:] == found.text[:-1]
    assert (found.text[1:] >= found.text[:-1]).all()
    assert (found.bits[1:] <= found.bits[:-1])[within].all()
    wanted = [expected[text][token] for text, token in told]
    np.testing.assert_allclose(found.bits, wanted, rtol=0, atol=1e-12)
    assert found.count.tolist() == [texts[text].count(token) for text, token in told]


def test_information_is_the_least_surprise_of_a_token_among_its_neighbours() -> None:
    rng = random.Random(6)
    for _ in range(600):
        compare(drawn(rng))


def test_in_a_large_benchmark_a_template_is_what_more_than_one_item_in_a_hundred_has() -> None:
    rng = random.Random(7)
    for size in (300, 1100):
        compare(
            [(*rng.choice([(1, 2), (3,), ()]), *rng.choices(range(40), k=4)) for _ in range(size)]
        )


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8])
def test_an_ngram_counts_once_for_each_distinct_text_that_holds_it(n: int) -> None:
    rng = random.Random(n)
    for _ in range(100):
        texts = drawn(rng)
        group = Group(texts, HASHES)
        expected, distinct = holders(set(texts), n), sorted(set(texts))
        assert group.counts(n).tolist() == [expected[t[k : k + n]] if k + n <= len(t) else 0
                                            for t in distinct for k in range(len(t))]  # fmt: skip
        assert [distinct[k] for k in group.places] == texts


def test_the_words_of_a_template_carry_almost_nothing_and_what_fills_it_much() -> None:
    texts = [(0, 1, 2, 10 + k, 3, 4) for k in range(20)]
    for bits in defined(texts):
        assert bits[1] == bits[2] == bits[4] == 0
        assert max(bits.values()) == math.log2(LEAST_ITEMS)
    compare(texts)
