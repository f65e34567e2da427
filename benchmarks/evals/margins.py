"""How often does a candidate that stands at its margin pass a gate at 5 %?

`python -m benchmarks.evals.margins [--times 3000]`: exactly for one benchmark of single binary
responses (all pairs of counts; a regular part of them where there are more than 6,000), simulated
for seeds and for means of benchmarks.  Scores are probit pairs of correlation 0.9.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
from scipy import special

from benchmarks.evals.coverage import RNG, by_t, counts, discordant, recipe, share, table
from evals import stats

SIZES = (50, 100, 200, 500, 1319)


def margins() -> Iterator[list[str]]:
    """How often a candidate that stands at its margin passes: Tango's bound and t's."""
    z = stats.quantile(0.95)
    for p in (0.5, 0.9, 0.97):
        for margin in (0.01, 0.03, 0.05, 0.1):
            cells = []
            for n in SIZES:
                pairs, mass = counts(n, *discordant(p, -margin, 0.9))
                ours = [stats.tango_z(b, w, n, -margin) >= z for b, w in pairs]
                plain = [by_t(n, b, w, 0.9).low >= -margin for b, w in pairs]
                cells.append(f"{share(mass @ ours)} ({share(mass @ plain)})")
            yield [f"{p}", f"{100 * margin:.0f}", *cells]


def margins_of_seeds(times: int) -> Iterator[list[str]]:
    """The same for two arms with seeds, where the bound is t's."""
    rng, own, shared = RNG(5), np.sqrt(0.1), np.sqrt(0.9)
    for count in (2, 3):
        for wobble in (0.0, 0.1):
            cells = []
            for n in (100, 300):
                for p, margin in ((0.9, 0.03), (0.97, 0.03), (0.97, 0.05)):
                    level = special.ndtri([p, p - margin]) * np.sqrt(1 + wobble**2)
                    hits = 0
                    for _ in range(times):
                        item = shared * rng.normal(size=n)
                        arms = [
                            at
                            + wobble * rng.normal(size=(count, 1))
                            + item
                            + own * rng.normal(size=(count, n))
                            for at in level
                        ]
                        found = recipe((np.stack(arms) > 0).astype(float))
                        half = stats.quantile(0.95, found.df) * found.se
                        hits += found.mean - half >= -margin
                    cells.append(share(hits / times))
            yield [str(count), f"{wobble}", *cells]


def margins_of_means(times: int) -> Iterator[list[str]]:
    """The same for the mean of benchmarks that all stand at the margin; the bound is t's."""
    rng = RNG(3)
    for count in (3, 5, 10):
        for n in (50, 100, 300):
            cells = []
            for p in (0.5, 0.9, 0.97):
                for margin in (0.01, 0.03, 0.05):
                    up, down = discordant(p, -margin, 0.9)
                    drawn = rng.multinomial(n, [up, down, 1 - up - down], size=(times, count))
                    better, worse = drawn[..., 0], drawn[..., 1]
                    mean = (better - worse) / n
                    each = (better + worse - n * mean**2) / (n - 1) / n
                    each = np.maximum(each, 2 / n**2) / count**2
                    total = each.sum(axis=1)
                    df = total**2 / ((each**2).sum(axis=1) / (n - 1))
                    low = mean.mean(axis=1) - special.stdtrit(df, 0.95) * np.sqrt(total)
                    cells.append(share(np.mean(low >= -margin)))
            yield [str(count), str(n), *cells]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=3000, help="simulated data sets per cell")
    times = parser.parse_args().times
    sizes = [f"n = {size}" for size in SIZES]
    table("One benchmark, exact: Tango (t)", ["p", "margin", *sizes], margins())
    cells = ["p = 0.9, margin 3", "0.97, 3", "0.97, 5"]
    head = ["seeds", "wobble", *(f"n = {size}, {c}" for size in (100, 300) for c in cells)]
    table("With seeds: t", head, margins_of_seeds(times))
    head = ["benchmarks", "n", *(f"p = {p}, {m}" for p in (0.5, 0.9, 0.97) for m in (1, 3, 5))]
    table("A mean of benchmarks: t", head, margins_of_means(40_000))


if __name__ == "__main__":
    main()
