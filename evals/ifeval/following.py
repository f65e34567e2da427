"""How a response is held against several constraints: strictly and loosely, each and all.

The four scores are those of Zhou et al. 2023 (Instruction-Following Evaluation for Large Language
Models, section 3), which IFBench (Pyatkin et al. 2025) uses too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

Check = Callable[[str], bool]
"""Whether a text, never blank, obeys one constraint."""


@dataclass(frozen=True, slots=True)
class Following:
    """Which of a prompt's constraints a response obeys."""

    instructions: tuple[str, ...]
    """Ids, in the prompt's order."""
    strict: tuple[bool, ...]
    """By constraint: the response as it is."""
    loose: tuple[bool, ...]
    """By constraint: the response, or what is left without a first or last line or asterisks."""

    @property
    def scores(self) -> Mapping[str, bool | list[bool]]:
        """The four scores by lm-eval's names; those by instruction are averaged over all."""
        return {
            "prompt_level_strict_acc": all(self.strict),
            "inst_level_strict_acc": list(self.strict),
            "prompt_level_loose_acc": all(self.loose),
            "inst_level_loose_acc": list(self.loose),
        }


def follow(response: str, checks: Sequence[tuple[str, Check]]) -> Following:
    """Hold a response against constraints.

    A blank text obeys nothing, whatever the constraint.

    Args:
        response: The model's text.
        checks: Instruction id and check, in the prompt's order.
    """
    relaxed = relaxations(response)
    return Following(
        instructions=tuple(name for name, _ in checks),
        strict=tuple(_obeys(response, check) for _, check in checks),
        loose=tuple(any(_obeys(text, check) for text in relaxed) for _, check in checks),
    )


def relaxations(response: str) -> list[str]:
    """The texts of which one must obey for a loose pass, the response itself first.

    A first line may be "Sure, here it is:", a last one "I hope that helps", and asterisks may be
    Markdown.
    """
    lines = response.split("\n")
    cut = ["\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1])]
    texts = [response, *cut]
    return list(dict.fromkeys([*texts, *(text.replace("*", "") for text in texts)]))


def _obeys(text: str, check: Check) -> bool:
    return bool(text.strip()) and check(text)
