"""What leaked and what it did, as rows and columns."""

from __future__ import annotations

from harness.gains import Gain
from harness.mix_check import MixCheck
from harness.report.findings import Findings

GAINS = (
    "Each arm's score on all items of a development benchmark, on the clean ones (those that no "
    "row it trained on matches), and the first less the second: the estimated performance gain. "
    "Matched items may be easier or harder than others. So below stands a control, an arm that "
    "trained on none of them (the other arm of a contrast, the baseline or the stage before), "
    "split by the same items. Beyond control is the arm's difference less the control's, paired "
    "item by item: what is left to the leak, if without it the arm had been as far ahead on the "
    "matched items as on the others. Intervals are 95 % over the draw of items."
)


def gain_rows(findings: Findings) -> tuple[Gain, ...]:
    """Every benchmark of the arms that had an item matched in any."""
    matched = {g.arm for g in findings.gains if g.n_matched}
    return tuple(g for g in findings.gains if g.arm in matched)


def gain_lines(findings: Findings) -> tuple[str, ...]:
    """What is said without a number: of gains without a control, and of the other arms."""
    matched = {g.arm for g in findings.gains if g.n_matched}
    rest = [g for g in findings.gains if g.arm not in matched]
    lines = []
    alone = [g for g in findings.gains if g.estimate and not g.control]
    if alone:
        names = ", ".join(f"{g.arm} on {g.benchmark}" for g in alone)
        lines.append(
            f"No control: {names}. No arm that they are compared with trained on none of the items "
            "and was scored alike, so that easier items are not told from the leak."
        )
    clean = list(dict.fromkeys(g.arm for g in rest if g.finding == "no item matched"))
    if clean:
        lines.append(f"No item matched: {', '.join(clean)}.")
    unknown = list(dict.fromkeys(g.benchmark for g in rest if g.finding == "not checked"))
    if unknown:
        lines.append(f"Not checked against all that was trained on: {', '.join(unknown)}.")
    return tuple(lines)


def labels_found(check: MixCheck) -> tuple[tuple[str, int], ...]:
    """Label -> items found under it, over the benchmarks of a mix; most frequent first."""
    total: dict[str, int] = {}
    for b in check.benchmarks:
        for label, count in b.labels.items():
            total[label] = total.get(label, 0) + count
    return tuple(sorted(total.items(), key=lambda pair: (-pair[1], pair[0])))
