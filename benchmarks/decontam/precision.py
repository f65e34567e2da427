"""What the checker says of text that holds no benchmark item: 99 novels and 9,746 pages.

Both corpora whole, as they are, against every benchmark of the mirror.  Printed: flagged rows and
matches by label for each benchmark and preset.  With `--out`, every flagged match of the first
preset goes into a CSV file, for people to say which of them are false; more than five false rows
are too many.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.decontam.corpus import CORPORA
from benchmarks.decontam.measure import (
    MIRROR,
    SHARED,
    check_command,
    cost,
    index_command,
    parser,
    table,
    workplace,
)

LABELS = ("verbatim", "near", "template_variant", "answer_only", "passage_only")
COLUMNS = ("file", "row", "benchmark", "item", "label", "score", "train_text", "item_text")

Match = dict[str, Any]


def checked(preset: str, work: Path) -> tuple[Path, float]:
    """The results of one preset, and the processor seconds that they took."""
    index, out = work / f"index-{preset}", work / f"check-{preset}"
    if not index.exists():
        cost(index_command(MIRROR, index, "--preset", preset), codes=[0])
    files = [SHARED / "corpora" / f"{name}.jsonl.gz" for name in CORPORA]
    spent = cost(check_command(files, out, "--index", index))
    return out, spent.processor


def matches(folder: Path) -> list[Match]:
    """The matches that a check left."""
    import pyarrow.parquet as pq

    found: list[Match] = pq.read_table(folder / "matches.parquet").to_pylist()
    return found


def counted(preset: str, found: list[Match]) -> list[list[object]]:
    """A line for each benchmark with a match, and one for all."""
    lines: list[list[object]] = []
    for name in (*MIRROR, "all"):
        own = [m for m in found if name in ("all", m["benchmark"])]
        if own:
            labels = Counter(m["label"] for m in own)
            rows = {(m["file"], m["row"]) for m in own if m["flagged"]}
            lines.append([preset, name, len(rows), *(labels[label] for label in LABELS)])
    return lines


def write(path: Path, found: list[Match]) -> None:
    """Flagged matches as CSV."""
    with path.open("w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, COLUMNS, extrasaction="ignore")
        out.writeheader()
        out.writerows(m for m in found if m["flagged"])


def main() -> None:
    """Check, count, write."""
    arguments = parser(__doc__)
    add = arguments.add_argument
    add("--presets", nargs="+", default=["default", "tulu3", "gpt3", "decon"])
    add("--out", type=Path, metavar="FILE", help="CSV for the first preset's flagged matches")
    given = arguments.parse_args()
    lines: list[list[object]] = []
    with workplace(given.work) as work:
        for preset in given.presets:
            folder, spent = checked(preset, work)
            found = matches(folder)
            rows = json.loads((folder / "summary.json").read_text())["rows_read"]
            print(f"{preset}: {rows:,} rows, {spent:.1f} s of processor time", flush=True)
            lines += counted(preset, found)
            if given.out and preset == given.presets[0]:
                write(given.out, found)
    table(("preset", "benchmark", "flagged rows", *LABELS), lines)


if __name__ == "__main__":
    main()
