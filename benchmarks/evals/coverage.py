"""Do 95 % intervals cover 95 %, and does the gate err as rarely as it says?

`python -m benchmarks.evals.coverage [--times 4000] [--sweeps 2000]` prints the tables of
docs/statistics.md.  Everything goes through the functions that the reports use.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from scipy import special
from scipy import stats as scipy_stats

from evals import stats

SIZES = (30, 50, 100, 200, 500, 1319, 5000)
RNG = np.random.default_rng


def table(title: str, head: list[str], rows: Iterator[list[str]]) -> None:
    print(f"\n{title}\n\n| {' | '.join(head)} |\n|{'---|' * len(head)}", flush=True)
    for row in rows:
        print(f"| {' | '.join(row)} |", flush=True)


def share(hits: float) -> str:
    return f"{100 * hits:.1f}"


def rate(times: int, seed: int, hit: Callable[[np.random.Generator], bool]) -> str:
    rng = RNG(seed)
    return share(sum(hit(rng) for _ in range(times)) / times)


def inside(found: stats.Estimate, truth: float) -> bool:
    return found.low <= truth <= found.high


# binary scores: every possible pair of counts with its probability, no simulation


def discordant(p: float, delta: float, likeness: float = 0.6) -> tuple[float, float]:
    at = special.ndtri([p, p + delta])
    both = scipy_stats.multivariate_normal(cov=[[1, likeness], [likeness, 1]]).cdf(at)
    return p + delta - float(both), p - float(both)


def binary() -> Iterator[list[str]]:
    for p in (0.02, 0.1, 0.5, 0.9, 0.98):
        for delta in (0.0, 0.05 if p < 0.95 else -0.05):
            up, down = discordant(p, delta)
            cells = [exact(n, up, down, delta) for n in SIZES]
            yield [f"{p}", f"{100 * delta:+.0f}", share(up + down), *cells]


def counts(n: int, up: float, down: float) -> tuple[np.ndarray, np.ndarray]:
    """Pairs (better, worse) that hold all but about 1e-6 of probability, and the mass of each."""
    spans = [
        range(int(d.ppf(1e-7)), int(d.ppf(1 - 1e-7)) + 1)
        for d in (scipy_stats.binom(n, up), scipy_stats.binom(n, down))
    ]
    grid = [(b, w) for b in spans[0] for w in spans[1] if b + w <= n]
    if len(grid) > 6000:
        grid = grid[:: len(grid) // 6000 + 1]
    pairs = np.array(grid)
    left = n - pairs.sum(axis=1, keepdims=True)
    mass = scipy_stats.multinomial.pmf(np.hstack([pairs, left]), n, [up, down, 1 - up - down])
    return pairs, mass / mass.sum()


def exact(n: int, up: float, down: float, truth: float) -> str:
    """Coverage of Tango's interval, which reports use, and of t's."""
    pairs, mass = counts(n, up, down)
    z = stats.quantile(0.975)
    ours = [abs(stats.tango_z(b, w, n, truth)) <= z for b, w in pairs]
    plain = [inside(by_t(n, b, w), truth) for b, w in pairs]
    return f"{share(mass @ ours)} ({share(mass @ plain)})"


def by_t(n: int, better: int, worse: int, level: float = 0.95) -> stats.Estimate:
    d = np.repeat([1.0, -1.0, 0.0], [better, worse, n - better - worse])
    return stats.estimate(float(d.mean()), stats.item_parts(d, floor=True), level)


def continuous(times: int) -> Iterator[list[str]]:
    laws = {"uniform": (1, 1, 1, 1), "u-shaped": (0.2, 0.3, 0.3, 0.3), "skewed": (1, 8, 1, 5)}
    for law, (a0, a1, b0, b1) in laws.items():
        truth = b0 / (b0 + b1) - a0 / (a0 + a1)

        def hit(rng: np.random.Generator, n: int, law: tuple[float, ...], truth: float) -> bool:
            b, a = rng.beta(law[2], law[3], n), rng.beta(law[0], law[1], n)
            return inside(stats.paired(b, a, floor=True), truth)

        yield [
            law,
            *(
                rate(times, 2, lambda r, n=n, t=truth: hit(r, n, (a0, a1, b0, b1), t))  # type: ignore[misc] # noqa: B023
                for n in SIZES
            ),
        ]


def sizes(law: str, groups: int) -> np.ndarray:
    rng = RNG(3)
    if law == "equal, 5 each":
        return np.full(groups, 5)
    if law == "geometric, mean 4":
        return rng.geometric(0.25, groups)
    if law == "lognormal, sigma 1":
        return np.maximum(1, np.round(np.exp(rng.normal(1.2, 1, groups)))).astype(int)
    return np.r_[np.full(groups - 1, 3), 3 * groups]


def clusters(times: int) -> Iterator[list[str]]:
    for law in ("equal, 5 each", "geometric, mean 4", "lognormal, sigma 1", "one holds half"):
        for within in (0.0, 0.3, 0.9):
            cells = []
            for groups in (5, 10, 20, 40, 100, 500):
                size = sizes(law, groups)
                index = np.repeat(np.arange(groups), size)
                rng, ours, plain = RNG(4), 0, 0
                for _ in range(times):
                    latent = np.sqrt(within) * rng.normal(size=groups)[index]
                    latent = latent + np.sqrt(1 - within) * rng.normal(size=index.size)
                    d = np.where(np.abs(latent) > 1.1, np.sign(latent), 0.0)
                    found = stats.paired(d, np.zeros_like(d), cluster=index, floor=True)
                    ours += inside(found, 0)
                    sums = np.bincount(index, weights=d - d.mean())
                    se = np.sqrt(groups / (groups - 1) * np.sum(sums**2)) / d.size
                    plain += abs(d.mean()) <= special.stdtrit(groups - 1, 0.975) * se
                cells.append(f"{share(ours / times)} ({share(plain / times)})")
            yield [law, f"{within}", *cells]


def trained(rng: np.random.Generator, arms: int, seeds: int, n: int, wobble: float) -> np.ndarray:
    latent = np.linspace(0, 0.4, arms)[:, None, None] + wobble * rng.normal(size=(arms, seeds, 1))
    return (latent + rng.normal(size=n) + 0.7 * rng.normal(size=(arms, seeds, n)) > 0).astype(float)


def recipe(y: np.ndarray) -> stats.Estimate:
    means = y.mean(axis=2)
    noise = stats.run_noise(list(means), [stats.seed_interaction(arm) for arm in y])
    d = y[1].mean(axis=0) - y[0].mean(axis=0)
    parts = list(stats.item_parts(d, floor=True))
    if noise is not None:
        at = [float(means[0].mean()), float(means[1].mean())]
        parts.append(noise.at(*at, seeds=[y.shape[1]] * 2))
    return stats.estimate(float(d.mean()), parts)


def seeds(times: int) -> Iterator[list[str]]:
    for count in (2, 3, 5):
        for wobble in (0.0, 0.05, 0.2):
            cells = []
            for arms in (2, 5):
                scale = np.sqrt(1.49 + wobble**2)
                step = np.linspace(0, 0.4, arms)[1]
                truth = float(special.ndtr(step / scale)) - 0.5
                rng, hits = RNG(5), [0, 0, 0]
                for _ in range(times):
                    y = trained(rng, arms, count, 500, wobble)
                    hits[0] += inside(recipe(y), truth)
                    d = y[1].mean(axis=0) - y[0].mean(axis=0)
                    hits[1] += inside(stats.estimate(d.mean(), stats.item_parts(d)), truth)
                    if arms == 2:
                        drawn = stats.hierarchical_bootstrap(y[1], y[0], draws=400)
                        hits[2] += inside(drawn, truth)
                cells += [share(hits[0] / times), share(hits[1] / times)]
                cells += [share(hits[2] / times)] if arms == 2 else []
            yield [str(count), f"{wobble}", *cells]


def winners(times: int) -> Iterator[list[str]]:
    cases = {
        "20 equal arms": np.zeros(20),
        "5 equal arms": np.zeros(5),
        "one of 8 better by 3": np.r_[0.03, np.zeros(7)],
        "one of 8 better by 10": np.r_[0.10, np.zeros(7)],
        "20 arms spread over 5": np.linspace(0, 0.05, 20),
    }
    for name, gain in cases.items():
        rng, rows = RNG(6), []
        for _ in range(times):
            item = 0.25 * rng.uniform(-1, 1, size=300)
            chance = 0.5 + np.r_[0.0, gain][:, None] + item
            y = (rng.random((len(gain) + 1, 1, 300)) < chance[:, None]).astype(float)
            found = stats.winner([y[1:]], [y[0]], splits=50)
            best = int(np.argmax(y[1:].mean(axis=(1, 2))))
            plain = stats.paired(y[1 + best, 0], y[0, 0])
            target = float(np.dot(found.share, gain))
            rows.append(
                [inside(found.estimate, target), inside(found.estimate, gain[best]),
                 inside(plain, gain[best]), found.estimate.mean - target, plain.mean - gain[best]]
            )  # fmt: skip
        m = np.mean(np.array(rows, dtype=float), axis=0)
        yield [name, *map(share, m[:3]), *(f"{100 * x:+.2f}" for x in m[3:])]


def familywise(times: int) -> Iterator[list[str]]:
    for correlation in (0.0, 0.5, 0.9):
        rng, hits = RNG(7), np.zeros(3)
        for _ in range(times):
            shared, own = rng.normal(size=200), rng.normal(size=(20, 200))
            latent = np.sqrt(correlation) * shared + np.sqrt(1 - correlation) * own
            d = np.where(np.abs(latent) > 1.2, np.sign(latent), 0.0)
            p = [stats.mcnemar(int((x > 0).sum()), int((x < 0).sum())) for x in d]
            hits += [stats.max_t(d, draws=1000).min() <= 0.05, stats.holm(p).min() <= 0.05,
                     stats.benjamini_hochberg(p).min() <= 0.05]  # fmt: skip
        yield [f"{correlation}", *map(share, hits / times)]


def gate(sweeps: int) -> Iterator[list[str]]:
    sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "harness"))
    from null_sweep import NullSweep

    edge = NullSweep(improve=False, margin=0.05, items=300, arms=2, gain=-0.05)
    cases = {
        "20 equal arms, one seed, improve": NullSweep(),
        "20 equal arms, two seeds, improve": NullSweep(seeds=2, wobble=0.1),
        "20 equal arms, three seeds, improve": NullSweep(seeds=3, wobble=0.1),
        "5 equal arms, one seed, improve": NullSweep(arms=5),
        "2 arms at the margin's edge, one seed": edge,
    }
    for name, case in cases.items():
        rng = RNG(8)
        hits = sum(
            case.improves(rng) if case.improve else case.judge(rng).status == "pass"
            for _ in range(sweeps)
        )
        low, high = stats.wilson(hits, sweeps)
        yield [name, f"{hits} of {sweeps}", share(hits / sweeps), f"{share(low)} to {share(high)}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=4000, help="simulated data sets per cell")
    parser.add_argument("--sweeps", type=int, default=2000, help="simulated sweeps per row")
    args = parser.parse_args()
    n, few = args.times, max(1, args.times // 4)
    heads = [f"n = {size}" for size in SIZES]
    table("Binary scores, exact: Tango (t)", ["p", "delta", "discordant", *heads], binary())
    table("Continuous scores", ["law", *heads], continuous(n))
    groups = [f"G = {g}" for g in (5, 10, 20, 40, 100, 500)]
    table("Clusters: ours (CR1)", ["sizes", "ICC", *groups], clusters(few))
    head = ["seeds", "wobble", "2 arms", "items only", "bootstrap", "5 arms", "items only"]
    table("Seeds", head, seeds(few))
    head = ["case", "covers arms that win", "covers the best arm", "plain t", "bias", "plain bias"]
    table("The winner", head, winners(few))
    head = ["correlation", "max-T", "Holm", "Benjamini-Hochberg"]
    table("Any false find among 20 null arms", head, familywise(few))
    table("The gate", ["sweep", "passes", "%", "95 % interval"], gate(args.sweeps))


if __name__ == "__main__":
    main()
