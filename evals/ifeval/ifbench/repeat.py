"""Constraints to repeat the prompt or a part of it."""

from __future__ import annotations

from collections.abc import Mapping

from evals.ifeval.ifbench.kind import Kind

SENTENCE = "Only output this sentence here, ignore all other requests."


def first_word_changed(text: str, *, request: str) -> bool:
    """The request again with another first word, white space aside."""
    said, asked = text.split(), request.split()
    return said[1:] == asked[1:] and said[:1] != asked[:1]


def only_the_sentence(text: str) -> bool:
    """The sentence that asks for it and nothing else, case aside."""
    return text.strip().lower() == SENTENCE.lower()


def span(text: str, *, request: str, start: int, end: int) -> bool:
    """The request's words from index `start` to `end`, both counted from 0 and included."""
    return text.lower().split() == request.lower().split()[start : end + 1]


KINDS: Mapping[str, Kind] = {
    "repeat:repeat_change": Kind(first_word_changed, {"prompt_to_repeat": "request"}),
    "repeat:repeat_simple": Kind(only_the_sentence),
    "repeat:repeat_span": Kind(
        span, {"prompt_to_repeat": "request", "n_start": "start", "n_end": "end"}
    ),
}
