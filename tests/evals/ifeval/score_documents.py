"""Scores IFEval documents in a process of its own: `score_documents.py ours|lm-eval < jobs.json`.

Jobs are pairs of a document and a response; the scores are printed as JSON, with the indices of
those for which lm-eval drew an argument at random.
"""

from __future__ import annotations

import json
import random
import sys
from types import SimpleNamespace
from typing import Any

Scores = dict[str, Any]


def ours(jobs: list[tuple[dict[str, Any], str]]) -> tuple[list[Scores], list[int]]:
    from evals.ifeval import check_ifeval
    from evals.ifeval.constraints import constraints_of

    scores = [dict(check_ifeval(response, constraints_of(doc)).scores) for doc, response in jobs]
    return scores, []


def lm_eval(jobs: list[tuple[dict[str, Any], str]]) -> tuple[list[Scores], list[int]]:
    from lm_eval.tasks.ifeval import instructions, utils

    drawn: list[str] = []

    def choice(options: list[str]) -> str:
        drawn.append("choice")
        return random.choice(options)

    instructions.random = SimpleNamespace(choice=choice)
    scores, random_ones = [], []
    for i, (doc, response) in enumerate(jobs):
        before = len(drawn)
        scores.append(utils.process_results(doc, [response]))
        if len(drawn) > before:
            random_ones.append(i)
    return scores, random_ones


def main() -> None:
    import langdetect

    langdetect.DetectorFactory.seed = 0
    jobs = json.load(sys.stdin)
    scores, random_ones = (ours if sys.argv[1] == "ours" else lm_eval)(jobs)
    used = None
    if sys.argv[1] == "ours":
        from evals.ifeval import sentence_splitter

        used = sentence_splitter()
    print(json.dumps({"scores": scores, "random": random_ones, "splitter": used}))


if __name__ == "__main__":
    main()
