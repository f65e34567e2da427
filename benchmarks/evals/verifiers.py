"""Answers compared a second by `math` and by math-verify called directly, on the same answers.

`python -m benchmarks.evals.verifiers`: medians of interleaved rounds; each round has new answers,
since both keep what they have parsed.
"""

from __future__ import annotations

import random
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from evals.verifiers.math import WORKERS, math

ROUNDS = 5
ANSWERS = 300
Pair = tuple[str, str]


def formulae(draw: random.Random) -> list[Pair]:
    """Answers that need algebra, half of them right."""
    pairs = []
    for i in range(ANSWERS):
        a, b, c = (draw.randrange(2, 99) for _ in range(3))
        off = i % 2
        pairs.append(
            draw.choice(
                [
                    (rf"\frac{{{a}}}{{{b}}}", rf"\frac{{{a * c}}}{{{b * c + off}}}"),
                    (rf"{a}\sqrt{{{b}}}", rf"\sqrt{{{a * a * b + off}}}"),
                    (f"(x+{a})({b}x-{c})", f"{b}x^2+{a * b - c}x-{a * c + off}"),
                    (rf"\left({a}, \frac{{{b}}}{{2}}\right)", f"({a}, {(b + off) / 2})"),
                    (rf"{a}\pi + {b}", rf"{b + off} + {a}\pi"),
                ]
            )
        )
    return pairs


def mixed(draw: random.Random) -> list[Pair]:
    """As MATH's answers are: mostly whole numbers; a third of the formulae spelled alike."""
    pairs = []
    for reference, answer in formulae(draw):
        kind = draw.random()
        n = draw.randrange(1000)
        if kind < 0.6:
            pairs.append((str(n), str(n + draw.randrange(2))))
        else:
            pairs.append((reference, reference if kind < 0.73 else answer))
    return pairs


def ours(pairs: list[Pair]) -> list[bool]:
    """One call after another."""
    return [math(rf"So \boxed{{{answer}}}.", reference).correct for reference, answer in pairs]


def ours_on_threads(pairs: list[Pair]) -> list[bool]:
    """As many callers as there are workers."""
    with ThreadPoolExecutor(WORKERS.size) as threads:
        return [verdict for part in threads.map(lambda p: ours([p]), pairs) for verdict in part]


def direct(pairs: list[Pair]) -> list[bool]:
    """math-verify's own functions, with its own time limits, on the main thread."""
    from math_verify import parse, verify

    return [
        verify(parse(rf"\boxed{{{reference}}}"), parse(rf"So \boxed{{{answer}}}."))
        for reference, answer in pairs
    ]


def rate(call: Callable[[list[Pair]], list[bool]], pairs: list[Pair]) -> tuple[float, list[bool]]:
    """Answers a second, and the verdicts; workers are new, so that they have seen nothing."""
    WORKERS.close()
    call([("x", "y")] * WORKERS.size)
    started = time.perf_counter()
    verdicts = call(pairs)
    return len(pairs) / (time.perf_counter() - started), verdicts


def main() -> None:
    """Interleave the three ways and print the medians and ratios."""
    draw = random.Random(0)
    ways = {"math_verify": direct, "math": ours, f"math, {WORKERS.size} threads": ours_on_threads}
    for call in ways.values():
        call(formulae(draw)[:20])
    for kind in (formulae, mixed):
        rates: dict[str, list[float]] = {name: [] for name in ways}
        different = 0
        for _ in range(ROUNDS):
            pairs = kind(draw)
            found = {name: rate(call, pairs) for name, call in ways.items()}
            for name, (per_second, _) in found.items():
                rates[name].append(per_second)
            reference = found["math_verify"][1]
            different += sum(
                a != b for _, v in found.values() for a, b in zip(v, reference, strict=True)
            )
        base = statistics.median(rates["math_verify"])
        for name, values in rates.items():
            middle = statistics.median(values)
            print(f"{kind.__name__:9} {name:18} {middle:8.0f} a second   ratio {middle / base:.2f}")
        print(f"{kind.__name__:9} verdicts that differ: {different}")


if __name__ == "__main__":
    main()
