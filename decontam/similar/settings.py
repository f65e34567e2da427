"""What counts as similar, and how hard to look."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Settings:
    """Settings of the third tier.  Its findings are reported and never flag a row.

    Raises:
        ValueError: a value out of its range; the message names it.
    """

    jaccard: float = 0.3
    """Least Jaccard similarity of the character shingles of a window and a prompt, in (0, 1].  At
    0.3 shingles find 14 of 14 light paraphrases of the tests' hand-written set, 6 of 10 thorough
    ones and 0 of 14 that change nearly every word; 1 of 28 other questions, chosen to be close
    (0.36); and 1 in 750,000 pairs of GSM8K's training and test questions."""
    shingle: int = 5
    """Characters in a shingle; the value of Mining of Massive Datasets, section 3.2.2, for short
    documents."""
    permutations: int = 128
    """Hash functions in a signature; the standard error of the similarity it estimates is at most
    0.044.  At 0.3 they lose 0.24 % of the pairs."""
    miss: float = 0.02
    """Largest share of pairs exactly at `jaccard` that banding may lose, in (0, 1)."""
    seed: int = 1
    """Of the hash functions; the same seed finds the same."""
    min_tokens: int = 6
    """Prompts of fewer tokens are not looked for: shorter questions resemble each other."""
    cosine: float = 0.8
    """Least inner product of two embeddings, in (-1, 1].  With all-MiniLM-L6-v2, 0.8 finds 14 of 14
    light, 10 of 10 thorough and 3 of 14 heavy paraphrases, no other question of 28 and no pair of
    75,000 of GSM8K; 0.7 finds 5 heavy ones and 29 pairs.  Models spread differently: fit it on
    pairs that you know."""
    top_k: int = 3
    """Nearest items kept for each window of a row."""
    overlap: float = 0.1
    """Two texts whose words overlap less than this say the same in two languages, if they say the
    same (`decontam.similar.language`)."""
    embedded: int = 8_000
    """Characters of a text that are embedded at most; models cut off at their own length too."""
    judged: int = 8_000
    """Characters of a text that a judge sees at most."""
    batch: int = 256
    """Segments looked at together; changes the speed, never the findings."""

    def __post_init__(self) -> None:
        bounds = {"jaccard": (0, 1), "miss": (0, 1), "cosine": (-1, 1), "overlap": (-1, 1)}
        for name, (low, high) in bounds.items():
            if not low < getattr(self, name) <= high:
                raise ValueError(f"{name} is {getattr(self, name)}; make it above {low}, to {high}")
        counts = ("shingle", "permutations", "min_tokens", "top_k", "embedded", "judged", "batch")
        for name in counts:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; make it at least 1")
