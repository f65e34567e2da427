"""Items that the rule of allenai/decon cannot find, because nothing tells them apart."""

from __future__ import annotations

from dataclasses import replace

from decontam.items.entries import Entries, Entry
from decontam.policy import Decon
from decontam.rules.components import TINY, WEIGHTLESS
from decontam.rules.decon import demanded, least_question


def without_weightless(rule: Decon, entries: Entries) -> Entries:
    """Give the items that could be found but for the weights a reason: a row holds nothing of a
    question of which every n-gram stands in every item.

    Raises:
        ValueError: no item is left that can be found.
    """
    common: set[tuple[int, ...]] | None = None
    for _, entry in entries.indexed():
        grams = _grams(entry, rule.n)
        common = grams if common is None else common & grams
        if not common:
            return entries

    def told(entry: Entry) -> Entry:
        lost = entry.reason is None and _grams(entry, rule.n) <= (common or set())
        asked = demanded(rule, len(entry), least_question(rule)) > TINY
        return replace(entry, reason=WEIGHTLESS) if lost and asked else entry

    found = replace(entries, entries=tuple(map(told, entries.entries)))
    if not found.indexed():
        raise ValueError(
            f"none of {len(found.items)} items can be indexed ({WEIGHTLESS}); "
            "check against more items or use another preset"
        )
    return found


def _grams(entry: Entry, n: int) -> set[tuple[int, ...]]:
    return {entry.ids[k : k + n] for k in range(len(entry) - n + 1)}
