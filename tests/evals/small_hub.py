"""A mirror of the Hub with a few rows of the shape of stock tasks' data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

Rows = Sequence[Mapping[str, Any]]

BBH = ("snarks", "navigate", "word_sorting")


def write_dataset(folder: Path, config: str, splits: Mapping[str, Rows]) -> None:
    """Lay rows out as a dataset repository with one configuration."""
    lines = ["---", "configs:", f"- config_name: {config}", "  data_files:"]
    for split, rows in splits.items():
        file = folder / config / f"{split}.parquet"
        file.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.Table.from_pylist(list(rows)), file)
        lines += [f"  - split: {split}", f"    path: {config}/{split}.parquet"]
    card = folder / "README.md"
    before = card.read_text().removesuffix("---\n") if card.is_file() else ""
    body = lines[2:] if before else lines
    card.write_text(before + "\n".join(body) + "\n---\n")


def write_gsm8k(hub: Path, *, train: int = 12, test: int = 20, leak: int = 0) -> None:
    """Sums; the first `leak` training rows are test rows."""

    def rows(split: str, n: int, start: int) -> list[dict[str, str]]:
        return [
            {"question": f"{split}: {i} + 1?", "answer": f"{i} + 1 = {i + 1}\n#### {i + 1}"}
            for i in range(start, start + n)
        ]

    tests = rows("test", test, 0)
    write_dataset(
        hub / "openai" / "gsm8k",
        "main",
        {"train": tests[:leak] + rows("train", train - leak, 500), "test": tests},
    )


def write_arc(hub: Path, n: int = 16) -> None:
    """Questions with four options each."""
    rows = [
        {
            "id": f"arc{i}",
            "question": f"Which is {i}?",
            "choices": {"text": [f"{i + k} is" for k in range(4)], "label": list("ABCD")},
            "answerKey": "ABCD"[i % 4],
        }
        for i in range(n)
    ]
    splits = dict.fromkeys(("train", "validation", "test"), rows)
    write_dataset(hub / "allenai" / "ai2_arc", "ARC-Easy", splits)


def write_truthfulqa(hub: Path, n: int = 9) -> None:
    """Questions with right and wrong answers."""
    targets = [
        {"choices": [f"yes {i}", f"also {i}", f"no {i}"], "labels": [1, 1, 0]} for i in range(n)
    ]
    rows = [
        {"question": f"Is it {i}?", "mc1_targets": t, "mc2_targets": t}
        for i, t in enumerate(targets)
    ]
    write_dataset(hub / "truthfulqa" / "truthful_qa", "multiple_choice", {"validation": rows})


def write_bbh(hub: Path, n: int = 6) -> None:
    """Three of the 27 subtasks."""
    for name in BBH:
        rows = [{"input": f"{name} {i}?", "target": f"({'AB'[i % 2]})"} for i in range(n)]
        write_dataset(hub / "SaylorTwift" / "bbh", name, {"test": rows})
