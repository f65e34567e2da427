"""What counts as a match, and what follows from one."""

from __future__ import annotations

from collections.abc import Mapping
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
    """The paper fits it per benchmark; 0.5 where nothing better is known."""


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
    enough: float = 30.0
    """Bits of shared information after which any of the rest may be missing.  Ten million pairs of
    a row and an item are 23 bits, so fewer would be met by chance."""
    missing: float = 3.0
    """Where less is shared, the bits that may be missing: one choice among eight."""
    coverage: float = 0.8
    """Where less is shared, the least share of the prompt's tokens."""
    swapped: float = 0.25
    """From this share of other numbers and operators on it is another problem of the template."""
    short: int = 16
    """Prompts of fewer tokens are looked up, and token-matched, by shorter n-grams."""
    long_answer: int = 16
    """Answers of at least this many tokens are looked for by themselves; shorter ones are chance."""
    passages: int = 24
    """Passages of at least this many tokens are looked for by themselves."""


Rule = TokenMatch | SharedNgram | UnionMatch | Distinctive


@dataclass(frozen=True, slots=True)
class Policy:
    """A rule, the turns it looks at, and what follows from each label."""

    name: str
    rule: Rule
    mode: Mode = "user"
    actions: Mapping[Label, Action] = field(
        default_factory=lambda: MappingProxyType({"verbatim": "drop", "near": "drop"})
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
