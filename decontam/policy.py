"""What counts as a match, and what follows from one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal

from decontam.rows.shapes import Mode

Label = Literal[
    "verbatim", "near", "template_variant", "answer_only", "passage_only", "translation", "similar"
]
"""`verbatim`: the whole normalised prompt stands in the row.  `near`: enough of what makes the item
itself does.  `template_variant`: the wording is shared, what makes the item itself is not.
`answer_only`, `passage_only`: the item's long answer or its passage, without its prompt.
`translation`, `similar`: said by the optional third tier, which shares no n-grams."""

Action = Literal["report", "drop", "drop_file", "block"]
"""`report`: say so.  `drop`: flag the row; cleaning removes it.  `drop_file`: flag it; cleaning
removes its whole file.  `block`: flag it; cleaning publishes nothing."""

EXACT_TOKENS = 5
"""A shorter prompt counts only as a whole turn or together with its answer."""


@dataclass(frozen=True, slots=True)
class TokenMatch:
    """Share of the prompt's tokens inside n-grams shared with one row (Tulu 3, arXiv 2411.15124,
    section 3.2).  Prompts shorter than n count when they stand in the row whole."""

    n: int = 8
    above: float = 0.5
    """The share must be strictly greater."""


@dataclass(frozen=True, slots=True)
class SharedNgram:
    """Any n-gram of the prompt in the row (GPT-3, arXiv 2005.14165, appendix C).  Prompts shorter
    than n count when they stand in the row whole."""

    n: int = 13


@dataclass(frozen=True, slots=True)
class UnionMatch:
    """Share of the prompt's tokens inside n-grams that any row holds (Llama 3, arXiv 2407.21783,
    section 5.1.4); rows that contribute to an item above the threshold match it."""

    n: int = 8
    above: float = 0.5
    """The share must be strictly greater than this, where nothing better is known ..."""
    thresholds: Mapping[str, float] = field(default_factory=dict, hash=False)
    """... or than what is given for the benchmark: the paper fits one to each."""

    def __post_init__(self) -> None:
        """Refuse thresholds that are no shares."""
        for benchmark, share in self.thresholds.items():
            if not 0 <= share < 1:
                raise ValueError(
                    f"the threshold of {benchmark!r} is {share!r}; give a share from 0 to below 1"
                )
        object.__setattr__(self, "thresholds", dict(self.thresholds))

    def threshold(self, benchmark: str) -> float:
        """What the share must exceed for an item of a benchmark."""
        return self.thresholds.get(benchmark, self.above)

    def check_benchmarks(self, benchmarks: Iterable[str]) -> None:
        """Make sure that every threshold is of a benchmark that is there.

        Raises:
            ValueError: one is not; names it and those that are.
        """
        known = sorted(set(benchmarks))
        for name in self.thresholds:
            if name not in known:
                raise ValueError(
                    f"a threshold is given for {name!r}, of which there are no items; the "
                    f"benchmarks are {', '.join(known)!s:.300}"
                )


@dataclass(frozen=True, slots=True)
class Distinctive:
    """The whole prompt, or most of the information that tells it from its benchmark's other items,
    in one turn and with the same numbers and operators (`decontam.rules.near`)."""

    above: float = 0.5
    """The share of the prompt's information must be strictly greater ..."""
    token_match: float = 0.5
    """... and its token-match at n = 8 as well, ..."""
    reworded: float = 0.75
    """... or its share of information than this, for copies edited every few words."""
    standing: float = 0.5
    """Least share of the prompt's tokens that must stand there in order: a prompt that says one
    thing many times is not held by a row that says it once."""
    enough: float = 30.0
    """Bits of shared information after which any of the rest may be missing.  Ten million pairs of
    a row and an item are 23 bits, so fewer would be met by chance."""
    missing: float = 3.0
    """Where less is shared, the bits that may be missing: one choice among eight; the token-match
    must be above its threshold then, too."""
    coverage: float = 0.8
    """Where less is shared, the least share of the prompt's tokens."""
    swapped: float = 0.25
    """From this share of other numbers and operators on it is another problem of the template."""
    short: int = 16
    """Prompts of fewer tokens are looked up, and token-matched, by shorter n-grams."""
    long_answer: int = 16
    """Answers of at least this many tokens are looked for alone; shorter ones are met by chance."""
    passages: int = 24
    """Passages of at least this many tokens are looked for by themselves."""


@dataclass(frozen=True, slots=True)
class Decon:
    """Weighted shares of the question, the answer and the passage that one stretch of a row holds
    (allenai/decon 0.3, doc/simple-details.md; `decontam.rules.decon`).  Lengths are in tokens."""

    n: int = 5
    """n of the question's n-grams.  Decon uses 5 because one edit spoils n of them."""
    misses: int = 11
    """n-grams without news after which a stretch ends: 2 n + 1, so it outlives two edits."""
    min_tokens: int = 20
    """An item of fewer tokens in all is not looked for: decon holds short texts for common."""
    min_distinct: int = 4
    """Nor is one of fewer distinct tokens: repetition says nothing of where a text is from."""
    short_answer: int = 3
    """Answers of up to this many tokens must stand there whole; longer ones count by n-grams."""
    short_window: int = 50
    """A short answer begins at most so far behind the question: it is met by chance further on."""
    answer_n: int = 3
    """n of a long answer's n-grams; below the question's because answers are reworded."""
    long_window: int = 100
    """Least window behind the question for a long answer; twice the answer where that is more."""
    passage_n: int = 4
    """n of the passage's n-grams."""
    passage_window: int = 100
    """Least window before the question for the passage; twice the passage where that is more."""
    passage_misses: int = 2
    """n-grams in a row that the passage may miss: fewer than one edit spoils, as passages come from
    public sources and only a copy says something."""
    question_answer_passage: tuple[float, float, float] = (0.7, 0.2, 0.1)
    """What the components weigh.  The question most, as it tells items apart; the passage least, as
    the page that it was taken from is no leak."""
    question_answer: tuple[float, float] = (0.75, 0.25)
    """The same for items without a passage.  An answer that the row lacks counts 0, so the question
    alone stays below `at_least`."""
    question_passage: tuple[float, float] = (0.85, 0.15)
    """The same for items without an answer; with neither, the question weighs 1."""
    informative_question: int = 20
    """Questions of fewer distinct n-grams cede up to half their weight to answer and passage."""
    informative_answer: int = 4
    """Answers of fewer distinct tokens cede up to half their weight to the passage."""
    at_least: float = 0.8
    """The score that flags.  The least that asks for more than a question with a lost answer."""
    perfect_until: int = 20
    """Up to this length only a perfect match flags: short texts differ in little and often ..."""
    lenient_from: int = 50
    """... and from this one on `at_least` suffices; in between the demand falls linearly."""


Rule = TokenMatch | SharedNgram | UnionMatch | Distinctive | Decon


def looked_up_alike(one: Rule, other: Rule) -> bool:
    """Whether one index serves two rules: thresholds of a union count when all rows were seen."""
    if isinstance(one, UnionMatch) and isinstance(other, UnionMatch):
        return one.n == other.n
    return one == other


@dataclass(frozen=True, slots=True)
class Policy:
    """A rule, the turns it looks at, and what follows from each label."""

    name: str
    rule: Rule
    mode: Mode = "user"
    actions: Mapping[Label, Action] = field(
        default_factory=lambda: {"verbatim": "drop", "near": "drop"}
    )
    """Labels that are not named are reported."""

    def action(self, label: Label) -> Action:
        """What follows from a match of this label."""
        return self.actions.get(label, "report")


PRESETS: Mapping[str, Policy] = MappingProxyType(
    {
        "default": Policy("default", Distinctive()),
        "tulu3": Policy("tulu3", TokenMatch(n=8, above=0.5)),
        "gpt3": Policy("gpt3", SharedNgram(n=13), mode="all"),
        "llama3": Policy("llama3", UnionMatch(n=8, above=0.5), mode="all"),
        "decon": Policy("decon", Decon(), mode="all"),
    }
)


def resolve(policy: str | Policy) -> Policy:
    """The policy of a preset's name; a policy stays what it is.

    Raises:
        ValueError: no preset has this name.
    """
    if isinstance(policy, Policy):
        return policy
    if policy not in PRESETS:
        raise ValueError(f"unknown policy {policy!r}; presets are {', '.join(sorted(PRESETS))}")
    return PRESETS[policy]
