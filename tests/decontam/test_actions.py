"""What follows from a match: labels mapped to actions, and an index used under another mode."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from decontam.command import main

PROMPT = "How many ducks does Janet keep if she buys seven and gives away three of them?"


def write(folder: Path) -> tuple[str, str]:
    """Two files, one of which holds the item in a user turn, and the file of items."""
    (folder / "train").mkdir()
    leak = {"prompt": PROMPT, "response": "Four."}
    fine = {"prompt": "How are you?", "response": "Well."}
    for name, rows in (("a", [fine, leak]), ("b", [fine])):
        text = "".join(json.dumps(row) + "\n" for row in rows)
        (folder / "train" / f"{name}.jsonl").write_text(text)
    items = folder / "items.jsonl"
    items.write_text(json.dumps({"benchmark": "b", "id": "1", "prompt": PROMPT}) + "\n")
    return str(folder / "train"), str(items)


def test_the_file_of_a_match_is_left_out_where_the_policy_says_so(tmp_path: Path) -> None:
    train, items = write(tmp_path)
    out = tmp_path / "out"
    asked = ["clean", train, "--against", items, "--out", str(out)]
    assert main([*asked, "--action", "verbatim=drop_file"]) == 0
    assert [p.name for p in (out / "data").iterdir()] == ["b.jsonl"]
    (removed,) = map(json.loads, (out / "removed.jsonl").read_text().splitlines())
    assert (removed["file"], removed["row"]) == ("a.jsonl", None)
    assert json.loads((out / "summary.json").read_text())["rows_kept"] == 1


def test_nothing_is_written_where_the_policy_blocks(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    train, items = write(tmp_path)
    out = tmp_path / "out"
    asked = ["clean", train, "--against", items, "--out", str(out)]
    assert main([*asked, "--action", "verbatim=block"]) == 1
    assert (
        "a.jsonl: row 1 holds verbatim: b/1, on which the policy blocks" in capsys.readouterr().err
    )
    assert not (out / "data").exists()
    assert not (out / "summary.json").exists()


def test_a_label_that_is_only_reported_flags_nothing(tmp_path: Path) -> None:
    train, items = write(tmp_path)
    assert main(["check", train, "--against", items]) == 1
    assert main(["check", train, "--against", items, "--action", "verbatim=report"]) == 0


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_saved_index_serves_another_mode_in_every_process(tmp_path: Path, workers: str) -> None:
    train, items = write(tmp_path)
    index = str(tmp_path / "index")
    assert main(["index", "--against", items, "--out", index]) == 0
    asked = ["check", train, "--index", index, "--workers", workers]
    assert main(asked) == 1
    assert main([*asked, "--mode", "assistant"]) == 0
