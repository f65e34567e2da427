"""Constraints on every word, or on a word at a place."""

from __future__ import annotations

import itertools
import string
from collections import Counter
from collections.abc import Mapping

from evals.ifeval.ifbench.kind import Kind
from evals.ifeval.ifbench.syllables import syllables
from evals.ifeval.ifbench.text import CONSONANTS, EDGES, PUNCTUATION, VOWELS, bare_words
from evals.ifeval.ifbench.verbs import is_verb
from evals.ifeval.offline import sentences, tokens

PRIMES = frozenset(n for n in range(2, 100) if all(n % d for d in range(2, n)))
ALPHABET = string.ascii_lowercase


def alphabet_loop(text: str) -> bool:
    """Each word starts with the letter after the last word's, `a` after `z`."""
    initials = [word[0].lower() for word in bare_words(text)]
    if not initials or initials[0] not in ALPHABET:
        return False
    start = ALPHABET.index(initials[0])
    return initials == [ALPHABET[(start + i) % 26] for i in range(len(initials))]


def consonant_clusters(text: str) -> bool:
    """Each word has two consonants side by side."""
    return all(
        any({a, b} <= CONSONANTS for a, b in itertools.pairwise(word))
        for word in text.lower().split()
    )


def three_vowels(text: str) -> bool:
    """One paragraph with at most three different vowels."""
    paragraph = text.strip()
    return "\n" not in paragraph and len(VOWELS & set(paragraph.lower())) <= 3


def palindromes(text: str) -> bool:
    """Ten or more words of five or more characters that read the same backwards."""
    return sum(len(w) >= 5 and w == w[::-1] for w in bare_words(text.lower())) >= 10


def prime_lengths(text: str) -> bool:
    """Each word's length is a prime number."""
    return all(len(word) in PRIMES for word in bare_words(text))


def few_repeats(text: str, *, times: int) -> bool:
    """No word stands in the text more than `times` times, case aside."""
    return max(Counter(bare_words(text.lower())).values(), default=0) <= times


def no_shared_initials(text: str) -> bool:
    """No two neighbours start with the same letter."""
    return all(a[0] != b[0] for a, b in itertools.pairwise(bare_words(text.lower())))


def starts_with_verb(text: str) -> bool:
    """The first word can be a verb where a sentence starts."""
    words = tokens(text[:1000])[:2]
    return bool(words) and is_verb(words[0], *words[1:])


def alternating_syllables(text: str) -> bool:
    """Words with odd and even numbers of syllables take turns."""
    parities = [syllables(word) % 2 for word in bare_words(text.lower())]
    return all(a != b for a, b in itertools.pairwise(parities))


def sentence_chain(text: str) -> bool:
    """The last word of each sentence is the first of the next, case aside."""
    for one, two in itertools.pairwise(s.lower() for s in sentences(text)):
        last, first = one.rstrip(EDGES).split()[-1:], two.lstrip(EDGES).split()[:1]
        if not last or last != first:
            return False
    return True


def framed_paragraphs(text: str) -> bool:
    """Each line ends in the word it starts with, case aside."""
    lines = (line.strip().strip(EDGES).lower().split() for line in text.split("\n"))
    return all(words[0] == words[-1] for words in lines if words)


def keyword_at(text: str, *, keyword: str, sentence: int, word: int) -> bool:
    """The keyword is the `word`-th word of the `sentence`-th sentence, case aside."""
    nth = "".join(sentences(text)[sentence - 1 : sentence])
    words = [t.lower() for t in tokens(nth) if any(map(str.isalnum, t))]
    return words[word - 1 : word] == [keyword.strip().lower()]


def second_and_second_last(text: str, *, keyword: str) -> bool:
    """The keyword is the second word and the last but one; a final mark is no word."""
    words = [token.lower() for token in tokens(text)]
    if words and words[-1] in PUNCTUATION:
        words.pop()
    return len(words) > 1 and words[1] == words[-2] == keyword.strip().lower()


KINDS: Mapping[str, Kind] = {
    "words:alphabet": Kind(alphabet_loop),
    "words:consonants": Kind(consonant_clusters),
    "words:keywords_specific_position": Kind(
        keyword_at, {"keyword": "keyword", "n": "sentence", "m": "word"}
    ),
    "words:last_first": Kind(sentence_chain),
    "words:no_consecutive": Kind(no_shared_initials),
    "words:odd_even_syllables": Kind(alternating_syllables),
    "words:palindrome": Kind(palindromes),
    "words:paragraph_last_first": Kind(framed_paragraphs),
    "words:prime_lengths": Kind(prime_lengths),
    "words:repeats": Kind(few_repeats, {"small_n": "times"}),
    "words:start_verb": Kind(starts_with_verb),
    "words:vowel": Kind(three_vowels),
    "words:words_position": Kind(second_and_second_last, {"keyword": "keyword"}),
}
