"""Rows of several sources x amounts -> one training mix."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from recipe.rows import Row


@dataclass(frozen=True, slots=True)
class Amount:
    """How much of a source goes in: exactly one of share, fraction and rows is set."""

    share: float | None = None
    fraction: float | None = None
    rows: int | None = None
    max_repeats: int = 1


def mix(
    sources: Mapping[str, Sequence[Row]], amounts: Mapping[str, Amount], seed: int
) -> list[Row]:
    """Draw a mix.

    Rows are chosen and ordered by a hash of seed and row id, so taking some rows away leaves the
    choice and the order of the others as they were.

    Args:
        sources: Source name -> its rows.
        amounts: Source name -> how much of it.
        seed: Another seed draws other rows in another order.

    Raises:
        ValueError: a source is empty, or has fewer rows than asked for.
    """
    chosen: list[tuple[str, Row]] = []
    for name, count in _counts(sources, amounts).items():
        ranked = sorted(
            ((_rank(seed, row["id"]), row) for row in _unique(sources[name])), key=lambda p: p[0]
        )
        for repeat in range(math.ceil(count / len(ranked))):
            taken = ranked[: count - repeat * len(ranked)]
            chosen += [(_rank(seed, f"{row['id']}/{repeat}"), row) for _, row in taken]
    return [row for _, row in sorted(chosen, key=lambda pair: pair[0])]


def _counts(sources: Mapping[str, Sequence[Row]], amounts: Mapping[str, Amount]) -> dict[str, int]:
    for name in amounts:
        if not sources[name]:
            raise ValueError(f"source {name!r} has no rows")
    shares = {n: a.share for n, a in amounts.items() if a.share is not None}
    if shares:
        size = min(len(sources[n]) / s for n, s in shares.items())
        return {n: round(size * s) for n, s in shares.items()}
    return {n: _explicit(n, a, len(sources[n])) for n, a in amounts.items()}


def _explicit(name: str, amount: Amount, available: int) -> int:
    if amount.rows is None:
        assert amount.fraction is not None
        return max(1, round(amount.fraction * available))
    if amount.rows > available * amount.max_repeats:
        raise ValueError(
            f"mix asks for {amount.rows} rows of {name!r}, which has {available}"
            f" (max_repeats {amount.max_repeats}); ask for fewer or raise max_repeats"
        )
    return amount.rows


def _unique(rows: Sequence[Row]) -> Sequence[Row]:
    assert len({row["id"] for row in rows}) == len(rows), "row ids repeat"
    return rows


def _rank(seed: int, row_id: str) -> str:
    return hashlib.sha256(f"{seed}/{row_id}".encode()).hexdigest()
