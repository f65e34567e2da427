"""Documents and scoring of the embedded benchmarks, in lm-eval's shapes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evals.mini import BENCHMARKS, problems
from evals.mini.benchmarks import VERIFIERS_BY_SKILL
from evals.verifiers import verifier

if TYPE_CHECKING:
    from datasets import Dataset


def load(benchmark: str, **_metadata: object) -> Mapping[str, Dataset]:
    """The items of an embedded benchmark as a test split."""
    from datasets import Dataset

    name = VERIFIERS_BY_SKILL[BENCHMARKS[benchmark].skill]
    rows = [
        {"id": f"{benchmark}/{i}", "prompt": p.prompt, "reference": p.reference, "verifier": name}
        for i, p in enumerate(problems(benchmark))
    ]
    return {"test": Dataset.from_list(rows)}


def score(doc: Mapping[str, Any], results: Sequence[str]) -> dict[str, float]:
    """One document's score by its verifier."""
    correct = float(verifier(doc["verifier"])(results[0], doc["reference"]).correct)
    metric = "prompt_level_strict_acc" if doc["verifier"] == "mini_ifeval" else "exact_match"
    return {metric: correct}
