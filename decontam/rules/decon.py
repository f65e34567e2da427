"""The rule of allenai/decon: shares of question, answer and passage, weighed by rarity.

Written from its documentation and source (version 0.3, Apache-2.0: doc/simple-details.md and
src/detect) with these differences:

- `decontam.text.tokens` stands in for BPE tokens of punctuation-free text: a word is one token, and
  operators, which decon strips, are tokens.  Lengths in tokens therefore hold more text.
- Every position is looked up, not every tenth, and an item is followed through the row by itself.
  Decon goes on behind the whole cluster of items that shared a hit, and may jump over others.
  n-grams that thousands of items share begin a stretch like any other.
- The turns of a row are laid end to end with a gap that matches nothing; decon sees one text.
- Options never become items.  Items with the same text both count in the weights, as they do in
  decon where they carry no fingerprint.
- A question of fewer than n tokens is left out of the weights as well; decon counts it there,
  though it never finds it.
- Of several stretches of a row that hold an item, the best is reported.
- Sums are exact.  Decon's, in single precision and in another order for what was found than for the
  whole, can leave a perfect match just short of 1, and then a short one is not flagged.

What is known to be weak stays.  A question whose answer is not found is capped at its own weight,
an n-gram in every item weighs nothing, so a lone item is never found (and is not called indexed), a
token counts once for each component that holds it, and the token just before the question is not
looked at for the passage.
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from decontam.items.entries import Entries
from decontam.items.item import Item
from decontam.policy import Decon
from decontam.rules.components import TINY, Gram, Parts, Text, Weights, ngrams, share
from decontam.rules.ngrams import finding
from decontam.rules.overlap import Overlap
from decontam.rules.pair import Finding, Pair
from decontam.text.tokens import words

HELD = 1024
"""Items whose weights are kept in memory."""


@dataclass(frozen=True, slots=True)
class Stretch:
    """Part of a row that holds n-grams of a question.  Token positions, the end excluded."""

    begin: int
    end: int
    grams: frozenset[Gram]


def not_indexed(rule: Decon, item: Item) -> str | None:
    """Why the rule does not look for an item, or None."""
    question = words(item.prompt)
    tokens = [*words(item.passage or ""), *question, *words(item.answer or "")]
    if len(tokens) < rule.min_tokens:
        return f"item of {len(tokens)} tokens; this rule needs {rule.min_tokens}"
    if len(set(tokens)) < rule.min_distinct:
        return f"item of {len(set(tokens))} distinct tokens; this rule needs {rule.min_distinct}"
    if len(question) < rule.n:
        return f"prompt of {len(question)} tokens; this rule looks up {rule.n}-grams"
    return None


def finder(rule: Decon, entries: Entries) -> Callable[[Iterable[Overlap]], Iterator[Finding]]:
    """What finds the pairs whose best stretch scores at least `rule.at_least`.

    Args:
        rule: The parameters.
        entries: All items; those with a reason are left out of the weights.

    Returns:
        A function of what rows and items share in n-grams of length `rule.n`.
    """
    weights = functools.cache(lambda: Weights(rule, entries))  # for the first row that needs them
    parts = functools.lru_cache(HELD)(lambda place: weights().parts(place))

    def matches(overlaps: Iterable[Overlap]) -> Iterator[Finding]:
        for overlap in overlaps:
            best = _best(rule, parts(overlap.pair.place), overlap)
            if best:
                score, question = best
                yield replace(finding(overlap, "decon score", score), weighted=question)

    return matches


def least_hits(entries: Entries, rule: Decon) -> list[int]:
    """Distinct n-grams of each question without which no row can hold enough of its weight."""
    questions = Weights(rule, entries)
    return [
        _least(rule, *questions.question(place)) if entry.reason is None else 1
        for place, entry in enumerate(entries.entries)
    ]


def _least(rule: Decon, question: Sequence[str], weights: Mapping[Gram, float]) -> int:
    """By what each n-gram weighs, most first."""
    least = demanded(rule, len(question), least_question(rule)) - TINY
    total = math.fsum(weights.values())
    if total <= TINY:
        return 1 if least <= 0 else len(weights) + 1
    most = itertools.accumulate(sorted(weights.values(), reverse=True))
    lacking = itertools.takewhile(lambda held: held < (least - TINY) * total, most)
    return max(1, 1 + sum(1 for _ in lacking))


def stretches(rule: Decon, found: Mapping[int, Gram], places: int) -> Iterator[Stretch]:
    """Where a row holds the question, from left to right.

    Args:
        rule: Gives n and the misses after which a stretch ends.
        found: Position -> n-gram of the question that stands there.
        places: Number of positions at which an n-gram of the row begins.
    """
    stop = -1
    for seed in sorted(found):
        if seed > stop:
            seen = {found[seed]}
            begin, _ = _walk(found, range(seed, -1, -1), seen, rule.misses)
            last, stop = _walk(found, range(seed, places), seen, rule.misses)
            yield Stretch(begin, last + rule.n, frozenset(seen))


def answer_share(rule: Decon, parts: Parts, text: Text, begin: int) -> float:
    """Share of the answer that stands at `begin` or soon after; a short one stands there or not."""
    size = len(parts.answer)
    if size > rule.short_answer:
        window = text[begin : begin + max(2 * size, rule.long_window)]
        return share(parts.answer_weights, ngrams(window, rule.answer_n))
    places = range(begin, min(begin + rule.short_window, len(text)))
    stands = any(list(text[k : k + size]) == list(parts.answer) for k in places)
    return share(parts.answer_weights, parts.answer_weights) if stands else 0.0


def passage_share(rule: Decon, parts: Parts, text: Text, end: int) -> float:
    """Share of the passage that ends soon before `end`, read backwards until too much misses."""
    end, window = max(end - 1, 0), max(2 * len(parts.passage), rule.passage_window)
    found: set[Gram] = set()
    missed = 0
    for gram in reversed(list(ngrams(text[max(end - window, 0) : end], rule.passage_n))):
        if gram in parts.passage_weights:
            found.add(gram)
            missed = 0
        elif found:
            missed += 1
        if missed > rule.passage_misses:
            break
    return share(parts.passage_weights, found)


def component_weights(rule: Decon, parts: Parts) -> tuple[float, float, float]:
    """What question, answer and passage count; components that the item lacks count nothing."""
    distinct = len(parts.question_weights)
    sure = min(1.0, 0.5 + 0.5 * distinct / rule.informative_question)
    if parts.answer and parts.passage:
        question, answer, passage = rule.question_answer_passage
        ceded = question * (1 - sure) / 2
        told = min(1.0, 0.5 + 0.5 * len(set(parts.answer)) / rule.informative_answer)
        lost = (answer + ceded) * (1 - told)
        return question * sure, answer + ceded - lost, passage + ceded + lost
    if parts.answer:
        question, answer = rule.question_answer
        return question * sure, answer + question * (1 - sure), 0.0
    if parts.passage:
        question, passage = rule.question_passage
        return question * sure, 0.0, passage + question * (1 - sure)
    return 1.0, 0.0, 0.0


def demanded(rule: Decon, tokens: int, least: float) -> float:
    """What a text of so many tokens must reach where a long one must reach `least`."""
    first, last = rule.perfect_until, rule.lenient_from
    if not first < tokens < last:
        return 1.0 if tokens <= first else least
    return 1.0 - (1.0 - least) * (tokens - first) / (last - first)


def scored(rule: Decon, tokens: int, total: float) -> float:
    """The total of an item of so many tokens, scaled so that `rule.at_least` flags at any length;
    a perfect one stays 1."""
    if total > 1.0 - TINY:
        return 1.0
    return total * rule.at_least / max(demanded(rule, tokens, rule.at_least), rule.at_least)


def _best(rule: Decon, parts: Parts, overlap: Overlap) -> tuple[float, float] | None:
    """Score and share of the question of the best stretch, if it flags."""
    least = demanded(rule, len(parts.question), least_question(rule))
    pair, found = overlap.pair, _found(rule, parts, overlap)
    size = sum(map(len, pair.scanned.readings))
    # Spares the walk where all n-grams together are not enough; decon skips rows as short as this.
    if size < 2 * rule.n or share(parts.question_weights, found.values()) < least - TINY:
        return None
    text = _text(pair)
    scores = [
        (_score(rule, parts, text, stretch, question), question)
        for stretch in stretches(rule, found, len(text) - rule.n + 1)
        if (question := share(parts.question_weights, stretch.grams)) >= least - TINY
    ]
    best = max(scores, default=(0.0, 0.0))
    return best if best[0] >= rule.at_least - TINY else None


def least_question(rule: Decon) -> float:
    """Less of a question does not flag even beside all of its answer and passage."""
    question, *others = rule.question_answer_passage
    return max(rule.at_least - sum(others), 0.0) / question


def _score(rule: Decon, parts: Parts, text: Text, stretch: Stretch, question: float) -> float:
    of_question, of_answer, of_passage = component_weights(rule, parts)
    # A stretch may run on into n-grams that the answer shares with the question.
    end = min(stretch.end, stretch.begin + len(parts.question))
    total = of_question * question
    total += of_answer * answer_share(rule, parts, text, end)
    total += of_passage * passage_share(rule, parts, text, stretch.begin)
    return scored(rule, parts.length(), total)


def _walk(found: Mapping[int, Gram], places: range, seen: set[Gram], most: int) -> tuple[int, int]:
    """Follow a question from its first place on and collect its n-grams.

    Returns:
        The last place that holds one, and the last place looked at.  One that was seen before is
        no miss but no news either, or repeated text would carry the walk on for ever.
    """
    edge, stop, missed = places[0], places[0], 0
    for stop in places:
        gram = found.get(stop)
        if gram is None:
            missed += 1
        else:
            edge = stop
            missed = missed if gram in seen else 0
            seen.add(gram)
        if missed >= most:
            break
    return edge, stop


def _found(rule: Decon, parts: Parts, overlap: Overlap) -> dict[int, Gram]:
    begins = [0, *itertools.accumulate(len(r) + 1 for r in overlap.pair.scanned.readings)]
    return {
        begins[segment] + at: tuple(parts.question[name : name + rule.n])
        for segment, at, name in overlap.hits()
    }


def _text(pair: Pair) -> list[str | None]:
    return [word for s in pair.scanned.segments for word in (*_words(s.text), None)][:-1]


@functools.lru_cache(maxsize=64)
def _words(text: str) -> tuple[str, ...]:
    return tuple(words(text))
