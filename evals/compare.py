"""Two result folders -> paired deltas, B minus A, with what they can and cannot tell.

Of held-out benchmarks `compare` gives none: `evals.held_out` says which way they went.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from evals import stats
from evals.result_folder import Objects, Scored
from evals.suite import Tier


@dataclass(frozen=True, slots=True)
class Flip:
    """An item on which the two differ."""

    item: str
    score_a: float
    score_b: float
    extracted_a: str | None
    """None where the tier is not known: samples may be held out."""
    extracted_b: str | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """B minus A on one benchmark; scores are fractions."""

    benchmark: str
    tier: Tier | None
    """None where neither folder says."""
    n: int
    score_a: float
    score_b: float
    delta: stats.Estimate
    """95 % interval over the draw of items (Tango for single binary responses without clusters or
    strata, else t): it says nothing about another run of a recipe."""
    p: float
    """Two-sided: exact McNemar for single binary responses, else sign flip (of clusters)."""
    test: str
    mde: float
    """Smallest true difference found with 80 % power at one-sided 5 %."""
    better: int
    """Items with a higher score under B."""
    worse: int
    flips: tuple[Flip, ...]
    clusters: int | None
    """Clusters of items, where they come in such."""
    strata: int | None
    note: str = ""
    """What does not match between the folders, and the guardrails that tripped."""


@dataclass(frozen=True, slots=True)
class Compared:
    """The benchmarks that both folders scored, and their mean."""

    benchmarks: tuple[Comparison, ...]
    mean: stats.Estimate | None
    """Over benchmarks, each weighing the same; None where there is one or none."""
    score_a: float | None
    score_b: float | None
    """Means over benchmarks; None where there is none."""
    notes: tuple[str, ...]


def compare(
    a: Mapping[str, Scored], b: Mapping[str, Scored], *, allow_different: bool = False
) -> Compared:
    """Paired deltas of two models on the same prompts; held-out benchmarks are left out.

    Args:
        a: Results of the one, by benchmark (`evals.result_folder.read_results`).
        b: Results of the other.
        allow_different: Compare common items where items, documents, prompts or metrics differ,
            and say so.

    Raises:
        ValueError: prompts, documents, items, metrics or benchmarks differ and that is not
            allowed, or fewer than two items are common.
    """
    names, notes = common(a, b, allow_different)
    shown = [name for name in names if not is_held_out(a[name], b[name])]
    return replace(compared(a, b, shown, allow_different), notes=tuple(notes))


def is_held_out(a: Scored, b: Scored) -> bool:
    """Whether either folder says that a benchmark is held out."""
    return "held-out" in (a.tier, b.tier)


def common(
    a: Mapping[str, Scored], b: Mapping[str, Scored], allow_different: bool
) -> tuple[list[str], list[str]]:
    """Benchmarks that both have, and a note of each that one has.

    Raises:
        ValueError: benchmarks differ and that is not allowed, or none is in common.
    """
    notes = []
    for name in sorted(a.keys() ^ b.keys()):
        side = "A" if name in a else "B"
        notes.append(f"{name}: only {side} has it")
    if notes and not allow_different:
        raise ValueError(f"{'; '.join(notes[:3])}. {_REMEDY}")
    names = [name for name in a if name in b]
    if not names:
        raise ValueError(f"no benchmark in common: A has {', '.join(a)}; B has {', '.join(b)}")
    return names, notes


def compared(
    a: Mapping[str, Scored], b: Mapping[str, Scored], names: Sequence[str], allow_different: bool
) -> Compared:
    """Deltas of some benchmarks, of whatever tier: what calls this answers for what it shows.

    Raises:
        ValueError: prompts, documents, items or metrics differ and that is not allowed, or fewer
            than two items are common.
    """
    if not names:
        return Compared((), None, None, None, ())
    pairs = [_matched(a[name], b[name], allow_different) for name in names]
    rows = tuple(_comparison(*pair) for pair in pairs)
    scores = [float(np.mean([s.scores.mean() for s in side])) for side in
              ([p[0] for p in pairs], [p[1] for p in pairs])]  # fmt: skip
    mean = _mean([p[:2] for p in pairs]) if len(pairs) > 1 else None
    return Compared(rows, mean, scores[0], scores[1], ())


_REMEDY = "Score both on the same, or add --allow-different-prompts."


def _matched(a: Scored, b: Scored, allow_different: bool) -> tuple[Scored, Scored, str]:
    """Both on their common items, and what differed."""
    items, at_a, at_b = np.intersect1d(a.items, b.items, return_indices=True)
    problems = []
    if len(items) < max(len(a.items), len(b.items)):
        problems.append(f"{len(items)} items in common of {len(a.items)} and {len(b.items)}")
    one, other = taken(a, at_a), taken(b, at_b)
    for what, mine, theirs in (
        ("documents", one.documents, other.documents),
        ("prompts", one.prompts, other.prompts),
    ):
        changed = int(np.sum((mine != theirs) & (mine != "") & (theirs != "")))
        if changed:
            problems.append(f"{changed} {what} differ")
    if a.measure and b.measure and a.measure != b.measure:
        problems.append(f"scores are {a.measure} in A and {b.measure} in B")
    if problems and not allow_different:
        raise ValueError(f"{a.benchmark}: {'; '.join(problems)}. {_REMEDY}")
    if len(items) < 2:
        raise ValueError(f"{a.benchmark}: {len(items)} items in common; at least two are needed")
    return one, other, "; ".join([*problems, *_caveats(a, b)])


def _caveats(a: Scored, b: Scored) -> Iterator[str]:
    """What both were scored with all the same, and should be known."""
    if a.generation and b.generation and a.generation != b.generation:
        changed = {
            f"{key} {one.get(key)} in A and {other.get(key)} in B"
            for part in a.generation.keys() & b.generation.keys()
            if isinstance(one := a.generation[part], dict)
            and isinstance(other := b.generation[part], dict)
            for key in one.keys() | other.keys()
            if one.get(key) != other.get(key)
        }
        yield f"generated differently: {', '.join(sorted(changed)) or 'see scores.json'}"
    for side, scored in (("A", a), ("B", b)):
        yield from (f"guardrail tripped in {side}: {line}" for line in scored.failed)


def taken(scored: Scored, at: NDArray[np.intp] | NDArray[np.bool_]) -> Scored:
    """Some items of what was scored."""
    return replace(
        scored,
        items=scored.items[at],
        prompts=scored.prompts[at],
        documents=scored.documents[at],
        scores=scored.scores[at],
        extracted=scored.extracted[at],
        labels={kind: labels[at] for kind, labels in scored.labels.items()},
    )


def _comparison(a: Scored, b: Scored, note: str) -> Comparison:
    d = b.scores - a.scores
    cluster, stratum = a.labels.get("cluster"), a.labels.get("stratum")
    found = stats.paired(b.scores, a.scores, cluster=cluster, stratum=stratum, floor=True)
    better, worse = int((d > 0).sum()), int((d < 0).sum())
    exact = a.binary and b.binary and cluster is None
    if exact and stratum is None:
        low, high = stats.tango(better, worse, d.size)
        found = replace(found, low=low, high=high)
    tier = a.tier if a.tier == b.tier else None
    if is_held_out(a, b):
        tier = "held-out"
    return Comparison(
        benchmark=a.benchmark,
        tier=tier,
        n=d.size,
        score_a=float(a.scores.mean()),
        score_b=float(b.scores.mean()),
        delta=found,
        p=stats.mcnemar(better, worse) if exact else stats.sign_flip(d, cluster=cluster),
        test="McNemar" if exact else "sign flip",
        mde=stats.minimal_detectable_effect(found.se**2 * d.size, d.size, df=found.df),
        better=better,
        worse=worse,
        flips=_flips(a, b, tier),
        clusters=_count(cluster),
        strata=_count(stratum),
        note=note,
    )


def _flips(a: Scored, b: Scored, tier: Tier | None) -> tuple[Flip, ...]:
    """Items that differ, the largest losses first."""
    d = b.scores - a.scores
    order = sorted(np.flatnonzero(d), key=lambda i: (d[i], str(a.items[i])))
    shown = tier == "development"
    return tuple(
        Flip(
            str(a.items[i]),
            float(a.scores[i]),
            float(b.scores[i]),
            str(a.extracted[i]) if shown else None,
            str(b.extracted[i]) if shown else None,
        )
        for i in order
    )


def _count(labels: Objects | None) -> int | None:
    return None if labels is None else len(set(labels))


def _mean(pairs: Sequence[tuple[Scored, Scored]]) -> stats.Estimate:
    """The mean over benchmarks; those that share items or clusters covary."""
    d = [b.scores - a.scores for a, b in pairs]
    parts = [
        stats.item_parts(
            x, cluster=a.labels.get("cluster"), stratum=a.labels.get("stratum"), floor=True
        )
        for x, (a, _) in zip(d, pairs, strict=True)
    ]
    units = [a.labels.get("cluster", a.items) for a, _ in pairs]
    covariance = np.zeros((len(d), len(d)))
    for i in range(len(d)):
        for j in range(i + 1, len(d)):
            one, other = set(units[i]), set(units[j])
            # A few ids in common by chance are no shared items.
            if one <= other or other <= one:
                covariance[i, j] = stats.cluster_covariance(d[i], units[i], d[j], units[j])
    mean = float(np.mean([x.mean() for x in d]))
    return stats.estimate(mean, stats.mean_variance(parts, covariance))
