"""A/A: one checkpoint evaluated twice, the second time in another order and in smaller batches.

    python benchmarks/evals/order.py [--model DIR] [--suite mini-dev] [--limit N]

What differs is floating point alone: the noise under any difference between two checkpoints.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))


class Shuffled:
    """An engine that is asked in another order."""

    def __init__(self, engine: Any, seed: int) -> None:
        self._engine, self._seed = engine, seed
        self.identity, self.tokenizer_name = engine.identity, engine.tokenizer_name
        self.chat = engine.chat

    def generate(self, requests: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        return self._in_order(self._engine.generate, requests)

    def loglikelihood(self, pairs: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        return self._in_order(self._engine.loglikelihood, pairs)

    def _in_order(self, ask: Any, asked: Sequence[Any]) -> Iterator[tuple[int, Any]]:
        order = list(range(len(asked)))
        random.Random(self._seed).shuffle(order)
        for index, answer in ask([asked[i] for i in order]):
            yield order[index], answer


def main() -> None:
    from evals.engines import hf
    from evals.run import run
    from evals.suite import load_suite

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", default=str(ROOT / "recipe" / "tiny" / "model"))
    parser.add_argument("--suite", default="mini-dev")
    parser.add_argument("--limit", type=int)
    args = parser.parse_args()
    benchmarks = load_suite(args.suite).benchmarks
    if args.limit:
        benchmarks = tuple(replace(b, limit=args.limit) for b in benchmarks)
    # The same checkpoint sampled, where one bit may decide a token at any step.
    sampled = [replace(b, name=f"{b.name}, T=1", temperature=1.0) for b in benchmarks]
    engine = hf.HFEngine(args.model)
    first = run(engine, [*benchmarks, *sampled])
    hf.BATCH_TOKENS //= 5
    second = run(Shuffled(engine, seed=1), [*benchmarks, *sampled])
    print("benchmark                 responses that differ  scores that differ  means")
    for benchmark in (*benchmarks, *sampled):
        one = {s.item: s for s in first.scores(benchmark)}
        other = {s.item: s for s in second.scores(benchmark)}
        texts = sum(one[i].response != other[i].response for i in one) / len(one)
        scores = sum(one[i].score != other[i].score for i in one) / len(one)
        print(
            f"{benchmark.name:25s} {texts:20.2%} {scores:20.2%}  "
            f"{first.mean(benchmark):.4f} {second.mean(benchmark):.4f}"
        )


if __name__ == "__main__":
    main()
