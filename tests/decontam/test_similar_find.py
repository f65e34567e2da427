"""Findings: where they stand, what they rest on, and when they are called a translation."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import decontam.similar
from decontam.items.item import Item
from decontam.rows.shapes import Segment
from decontam.similar import Judgement, Settings, SimilarFinding, find_similar
from decontam.similar.embeddings import unit
from decontam.similar.language import crosses, script, word_overlap
from decontam.text.tokens import words

PAIRS: dict[str, list[tuple[str, str]]] = json.loads(
    (Path(__file__).parent / "similar_pairs.json").read_text(encoding="utf-8")
)
CONCEPTS = {
    "duck": "duck ducks ente enten pato patos утка уток утки 鸭",
    "egg": "egg eggs ei eier huevo huevos яйцо яиц яйца 蛋",
    "market": "market bazaar markt mercado рынке 市",
    "sell": "sells sell vends verkauft vende продает 卖",
    "day": "day daily tag día ежедневно 天",
    "how": "many much viele cuántos сколько 几",
    "train": "train locomotive zug tren",
    "hour": "hour hours stunde stunden hora horas",
}
MEANS = {word: name for name, said in CONCEPTS.items() for word in said.split()}
DUCKS = "How many eggs do the ducks lay each day that she then sells at the market?"
TRAIN = "A train needs 3 hours for 40 miles. How many miles are that in one hour?"
ITEMS = [Item("b", "ducks", DUCKS), Item("b", "train", TRAIN)]
TRANSLATIONS = {
    "German": "Wie viele Eier legen die Enten an jedem Tag, die sie auf dem Markt verkauft?",
    "Spanish": "¿Cuántos huevos ponen cada día los patos y vende luego ella en el mercado?",
    "Russian": "Сколько яиц ежедневно несут утки, которые она затем продает на рынке?",
    "Chinese": "鸭 每 天 下 几 个 蛋 她 都 拿 去 市 场 卖",
}


def concepts(texts: Sequence[str], /) -> np.ndarray:
    """A fake embedder: what the words mean, whatever their language; other words weigh little."""
    return unit(np.stack([vector(text) for text in texts]))


def vector(text: str) -> np.ndarray:
    found = np.zeros(len(CONCEPTS) + 16)
    found[-1] = 0.01
    for word in words(text):
        if word in MEANS:
            found[list(CONCEPTS).index(MEANS[word])] = 1.0
        else:
            found[len(CONCEPTS) + hashlib.sha256(word.encode("utf-8")).digest()[0] % 16] += 0.05
    return found


def look(text: str, **wanted: Any) -> list[SimilarFinding]:
    settings = wanted.pop("settings", Settings())
    wanted.setdefault("embedder", concepts)
    return list(find_similar([Segment(4, 2, "user", text)], ITEMS, settings, **wanted))


def always(verdict: str) -> Any:
    return lambda pairs: [Judgement(verdict, "because") for _ in pairs]  # type: ignore[arg-type]


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_a_translation_is_found_by_embeddings_and_called_one(language: str) -> None:
    (found,) = look(TRANSLATIONS[language])
    assert (found.row, found.turn, found.item) == (4, 2, 0)
    assert (found.label, found.source, found.judged) == ("translation", "embedding", None)
    assert found.score == found.cosine
    assert found.jaccard is None


def test_embeddings_are_of_the_text_as_it_stands_with_its_punctuation() -> None:
    seen: set[str] = set()

    def embedder(texts: Sequence[str], /) -> np.ndarray:
        seen.update(texts)
        return concepts(texts)

    look('  "¿Qué?" (she said)\n', embedder=embedder)
    assert seen == {DUCKS, TRAIN, '"¿Qué?" (she said)'}


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_without_embeddings_a_translation_is_not_found(language: str) -> None:
    assert not look(TRANSLATIONS[language], embedder=None)


def test_a_heavy_paraphrase_in_the_same_language_is_similar() -> None:
    bird = "Every day the bird, a duck, gives some of the egg kind"
    (found,) = look(f"{bird}; the woman vends them on a bazaar, how much?")
    assert (found.item, found.label, found.source) == (0, "similar", "embedding")


@pytest.mark.parametrize("before", [0, 5, 60, 200])
def test_a_translation_inside_a_long_row_is_found_near_its_place(before: int) -> None:
    lead = "Es war einmal ein Hase im Wald. " * before
    text = TRANSLATIONS["German"]
    (found,) = look(f"{lead}{text} {'Und nun etwas anderes. ' * 50}")
    assert found.label == "translation"
    inside = set(range(*found.span)) & set(range(len(lead), len(lead) + len(text)))
    assert len(inside) >= 0.5 * len(text)


def test_what_both_find_is_one_finding_with_both_scores_and_the_exact_span() -> None:
    text = f"Hello there! {DUCKS.upper()} Thanks a lot."
    (found,) = look(text)
    assert (found.label, found.source) == ("similar", "minhash")
    assert found.score == found.jaccard == 1.0
    assert found.cosine is not None
    assert text[slice(*found.span)] == DUCKS.upper().rstrip("?")


@pytest.mark.parametrize(
    ("verdict", "label", "source"),
    [
        ("same", "similar", "judge"),
        ("translation", "translation", "judge"),
        ("variant", "template_variant", "judge"),
        ("different", "translation", "embedding"),
        ("unjudged", "translation", "embedding"),
    ],
)
def test_a_judge_labels_a_finding_and_never_removes_one(
    verdict: str, label: str, source: str
) -> None:
    (found,) = look(TRANSLATIONS["Russian"], judge=always(verdict))
    assert (found.label, found.source, found.judged) == (label, source, verdict)
    assert found.reason == "because"
    assert found.score == found.cosine


def test_shingles_alone_never_make_a_translation_and_a_judge_may() -> None:
    (found,) = look(DUCKS, embedder=None)
    assert found.label == "similar"
    (found,) = look(DUCKS, embedder=None, judge=always("translation"))
    assert (found.label, found.source, found.score) == ("translation", "judge", 1.0)


def test_a_judge_sees_only_candidates_cut_to_the_limit() -> None:
    seen: list[tuple[str, str]] = []

    def judge(pairs: Sequence[tuple[str, str]], /) -> list[Judgement]:
        seen.extend(pairs)
        return [Judgement("same", "") for _ in pairs]

    segments = [Segment(k, 0, "user", t) for k, t in enumerate(["Nothing of note here.", DUCKS])]
    list(find_similar(segments, ITEMS, Settings(judged=20), embedder=concepts, judge=judge))
    assert seen == [(DUCKS[:20], DUCKS[:20])]


def test_findings_come_in_the_order_of_segments_and_items_whatever_the_batch() -> None:
    texts = [f"{TRANSLATIONS['German']} {TRAIN}", "Nothing.", TRAIN, TRANSLATIONS["Spanish"], ""]
    segments = [Segment(k, 0, "user", text) for k, text in enumerate(texts)]
    runs = [
        list(find_similar(iter(segments), ITEMS, Settings(batch=n), embedder=concepts))
        for n in (1, 2, 99)
    ]
    # products of matrices of other shapes differ in their last bits
    told = [[(f.row, f.item, f.label, f.span, round(f.score, 5)) for f in run] for run in runs]
    assert told[0] == told[1] == told[2]
    assert [t[:3] for t in told[0]] == [
        (0, 0, "translation"),
        (0, 1, "similar"),
        (2, 1, "similar"),
        (3, 0, "translation"),
    ]


def test_rows_are_read_as_they_are_needed() -> None:
    taken: list[int] = []

    def segments() -> Any:
        for k in range(1_000):
            taken.append(k)
            yield Segment(k, 0, "user", DUCKS)

    next(find_similar(segments(), ITEMS, Settings(batch=10)))
    assert len(taken) == 10


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("How many ducks are there?", "LATIN"),
        ("Сколько уток у Janet?", "CYRILLIC"),
        ("彼女は毎日いくつの卵を売りますか", "KANA"),
        ("她每天卖多少个鸡蛋呢", "CJK"),
        ("3 + 4 = 7", None),
        ("ab вг", None),
        ("abcde вгдеж", None),
    ],
)
def test_a_script_is_that_of_most_letters(text: str, expected: str | None) -> None:
    assert script(text) == expected


def test_numbers_symbols_and_few_words_do_not_tell_a_language() -> None:
    assert word_overlap("7 + 8 = 15", "7 + 8 = 15") == 1.0
    assert word_overlap("rot gelb", "red yellow") == 1.0
    left, right = "one two three four five 7 8 9", "eins zwei drei vier five 7 8 9"
    assert word_overlap(left, right) == pytest.approx(0.2)


def test_a_formula_crosses_into_no_language() -> None:
    assert not crosses("x^2 + 3x = 7", "y^2 + 3y = 7", 0.1)


@pytest.mark.parametrize("kind", ["light", "medium", "heavy"])
def test_no_hand_written_paraphrase_is_taken_for_a_translation(kind: str) -> None:
    assert not any(crosses(paraphrase, prompt, 0.1) for prompt, paraphrase in PAIRS[kind])


def test_the_exported_names_are_complete_and_sorted() -> None:
    names = decontam.similar.__all__
    assert list(names) == sorted(names, key=lambda n: (not n[0].isupper(), n))
    source = Path(decontam.similar.__file__).read_text(encoding="utf-8")
    imported = re.findall(r"^from \S+ import (.+)$", source, re.MULTILINE)
    assert set(names) == {n.strip() for line in imported for n in line.split(",")}
