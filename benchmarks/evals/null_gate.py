"""How often the best of equal arms passes `improve`, over tens of thousands of sweeps.

`python -m benchmarks.evals.null_gate [--sweeps 20000] [--check 30]`.  A second writing of what
`harness.evidence`, `.winners` and `.gate` do, on arrays: a hundred times as fast as from a table of
scores to a verdict.  `--check` sweeps are judged by the harness too, and must agree.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evals import stats

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "harness"))
from null_sweep import NullSweep

Floats = NDArray[np.float64]
ALPHA = 0.05
ROUGH, CLOSE = 2000, 0.3
"""Draws of a first look at the factor, and how near to it the statistic must be for a second."""

CASES = {
    "20 arms, one seed": NullSweep(),
    "20 arms, two seeds": NullSweep(seeds=2, wobble=0.1),
    "20 arms, three seeds": NullSweep(seeds=3, wobble=0.1),
    "20 arms, 30 items": NullSweep(items=30),
    "5 arms, one seed": NullSweep(arms=5),
}


def improves(scores: list[Floats]) -> bool:
    """Whether the best arm's simultaneous bound over the reference lies above zero.

    Args:
        scores: For each development benchmark, shape `[1 + arms, seeds, items]`, reference first.
    """
    k, seeds = len(scores), scores[0].shape[1]
    levels = np.mean([y.mean(axis=(1, 2)) for y in scores], axis=0)
    best = 1 + int(np.argmax(np.sum([y[1:].sum(axis=(1, 2)) for y in scores], axis=0)))
    d = [y[1:].mean(axis=1) - y[0].mean(axis=0) for y in scores]
    items = [stats.item_variance(x[best - 1], floor=True).scaled(1 / k**2) for x in d]
    runs, noise = run_parts(scores, best) if seeds > 1 else ((), None)
    found = stats.estimate(float(levels[best] - levels[0]), [*items, *runs])
    t = found.mean / found.se
    if t <= stats.quantile(1 - ALPHA, found.df):
        return False
    sides = [noise.at(float(m), seeds=[seeds]).value if noise else 0.0 for m in levels]
    square = correlation(d, sides)
    rough = stats.max_t_quantile(1 - ALPHA, square, found.df, draws=ROUGH)
    if abs(t - rough) > CLOSE:
        return bool(t > rough)
    return bool(t > stats.max_t_quantile(1 - ALPHA, square, found.df))


def run_parts(
    scores: list[Floats], best: int
) -> tuple[tuple[stats.Variance, ...], stats.RunNoise | None]:
    """Noise between runs of the best arm's delta, and of the suite's mean."""
    k, seeds = len(scores), scores[0].shape[1]
    flips = [np.array([stats.seed_interaction(arm) for arm in y]) for y in scores]
    means = [y.mean(axis=2) for y in scores]

    def pooled(which: range) -> stats.RunNoise | None:
        own = np.mean([means[b] for b in which], axis=0)
        return stats.run_noise(list(own), list(sum(flips[b] for b in which) / len(which) ** 2))

    def at(noise: stats.RunNoise | None, m: Floats) -> tuple[stats.Variance, ...]:
        two = (float(m[best].mean()), float(m[0].mean()))
        return (noise.at(*two, seeds=[seeds] * 2),) if noise else ()

    joint = pooled(range(k))
    together = at(joint, np.mean(means, axis=0))
    alone = tuple(
        v.scaled(1 / k**2) for b in range(k) for v in at(pooled(range(b, b + 1)), means[b])
    )
    steadier = sum(v.value for v in together) < sum(v.value for v in alone)
    return (alone if steadier else together), joint


def correlation(d: list[Floats], sides: list[float]) -> Floats:
    """Between the deltas of all arms: shared items, and the runs of the reference."""
    centred = [(x - x.mean(axis=1, keepdims=True)) / x.shape[1] / len(d) for x in d]
    covariance = sum(c @ c.T for c in centred) + sides[0] + np.diag(sides[1:])
    scale = np.sqrt(np.diag(covariance))
    outer = np.outer(scale, scale)
    square = np.divide(covariance, outer, out=np.zeros_like(covariance), where=outer > 0)
    np.fill_diagonal(square, 1.0)
    return square


def drawn(case: NullSweep, rng: np.random.Generator) -> list[Floats]:
    scores = case.draw(rng, case.runs())
    shape = (case.arms + 1, case.seeds, case.items)
    return [
        np.stack([y for (_, name), y in scores.items() if name == b]).reshape(shape) for b in "ab"
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sweeps", type=int, default=20_000, help="sweeps per row")
    parser.add_argument("--check", type=int, default=30, help="sweeps judged by the harness too")
    args = parser.parse_args()
    print("| sweep | passes | % | 95 % interval |\n|---|---|---|---|")
    for name, case in CASES.items():
        for seed in range(args.check):
            mine = improves(drawn(case, np.random.default_rng(seed)))
            assert mine == case.improves(np.random.default_rng(seed)), (name, seed)
        rng = np.random.default_rng(8)
        hits = sum(improves(drawn(case, rng)) for _ in range(args.sweeps))
        low, high = stats.wilson(hits, args.sweeps)
        shown = f"{100 * hits / args.sweeps:.2f} | {100 * low:.2f} to {100 * high:.2f}"
        print(f"| {name} | {hits} of {args.sweeps} | {shown} |", flush=True)


if __name__ == "__main__":
    main()
