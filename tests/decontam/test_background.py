"""Wording that the data shows to be common is no evidence; a leak is one however often copied."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import decontam

COMMON = [f"proverb{k}" for k in range(16)]
OWN = [f"question{k}" for k in range(24)]
ITEM = {"benchmark": "b", "id": "1", "prompt": " ".join(COMMON + OWN)}
PART = " ".join(COMMON + OWN[:9])
"""25 of 40 words: more than half of the item, of which 16 may be common."""


def found(folder: Path, files: Sequence[Sequence[str]]) -> list[tuple[str, int, str, bool]]:
    """File, row, label and flag of the matches in files of these texts."""
    folder.mkdir()
    for name, texts in enumerate(files):
        lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
        (folder / f"{name}.jsonl").write_text(lines)
    report = decontam.check(folder, [ITEM])
    return [(m.file, m.row, m.label, m.flagged) for m in report.evidence()]


def test_wording_in_three_files_that_lack_the_item_stops_counting(tmp_path: Path) -> None:
    proverb = f"As they say: {' '.join(COMMON)}. So it is."
    assert found(tmp_path / "one", [[PART]]) == [("0.jsonl", 0, "near", True)]
    two = found(tmp_path / "two", [[PART], [proverb], [proverb]])
    assert two == [("0.jsonl", 0, "near", True)]
    three = found(tmp_path / "three", [[PART], [proverb], [proverb], [proverb]])
    assert three == [("0.jsonl", 0, "template_variant", False)]


def test_a_leak_in_many_files_is_one_in_each(tmp_path: Path) -> None:
    many = found(tmp_path / "many", [[PART], [PART, ITEM["prompt"]], [PART], [PART], [PART]])
    assert [label for *_, label, _ in many] == ["near", "near", "verbatim", "near", "near", "near"]
    assert all(flagged for *_, flagged in many)


def test_a_whole_prompt_is_flagged_however_common_its_wording(tmp_path: Path) -> None:
    proverb = " ".join(COMMON)
    files = [[ITEM["prompt"]], [proverb], [proverb], [proverb], [proverb]]
    assert found(tmp_path / "whole", files) == [("0.jsonl", 0, "verbatim", True)]


def test_wording_in_one_row_of_a_thousand_of_one_file_stops_counting(tmp_path: Path) -> None:
    proverb, other = " ".join(COMMON), "nothing of the kind"
    assert found(tmp_path / "few", [[PART, *[proverb] * 19, *[other] * 980]])[0][3]
    often = found(tmp_path / "often", [[PART, *[proverb] * 20, *[other] * 979]])
    assert often == [("0.jsonl", 0, "template_variant", False)]
