"""Decisions are read strictly and cover exactly what was decided."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from decontam.report.allowlist import Allowlist, digest

TEXT = "Ann has 12 apples,\nand gives 5 of them to Bob."


@dataclass(frozen=True)
class Found:
    benchmark: str = "gsm8k"
    item: str = "test/1"
    train_text: str = TEXT


def line(**changes: object) -> str:
    record: dict[str, object] = {
        "benchmark": "gsm8k", "item": "test/1", "text": digest(TEXT), "decision": "allow",
    }  # fmt: skip
    return json.dumps(record | changes, ensure_ascii=False) + "\n"


def load(folder: Path, text: str | bytes) -> Allowlist:
    path = folder / "allowlist.jsonl"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Allowlist.load(path)


def test_an_allowed_match_is_allowed_and_no_other(tmp_path: Path) -> None:
    allowed = load(tmp_path, line(note="a proverb", train_text="Ann has 12 …"))
    assert allowed.allows(Found())
    assert not allowed.allows(Found(benchmark="svamp"))
    assert not allowed.allows(Found(item="test/2"))
    assert not allowed.allows(Found(train_text=TEXT.replace("12", "13")))


def test_a_confirmed_leak_is_not_allowed(tmp_path: Path) -> None:
    decided = load(tmp_path, line(decision="leak"))
    assert not decided.allows(Found())
    assert decided.decision(Found()) == "leak"
    assert decided.decision(Found(item="test/2")) is None


def test_the_digest_is_that_of_the_words() -> None:
    words = b"ann has 12 apples and gives 5 of them to bob"
    assert digest(TEXT) == hashlib.sha256(words).hexdigest()


@pytest.mark.parametrize(
    "same",
    [TEXT.upper(), TEXT.replace("\n", "  "), TEXT.replace(" ", "\u00a0"), "«" + TEXT + "»",
     TEXT.replace("apples", "app\u00adles"), TEXT.replace("12", "１２")],
)  # fmt: skip
def test_case_wrapping_and_variants_keep_the_digest(same: str) -> None:
    assert digest(same) == digest(TEXT)


def test_an_empty_file_and_empty_lines_decide_nothing(tmp_path: Path) -> None:
    assert not load(tmp_path, "").decisions
    assert len(load(tmp_path, "\n" + line() + "\r\n\n").decisions) == 1


def test_a_decision_may_be_repeated(tmp_path: Path) -> None:
    assert len(load(tmp_path, line() + line(note="again")).decisions) == 1


def test_line_separators_in_an_excerpt_end_no_line(tmp_path: Path) -> None:
    assert load(tmp_path, line(train_text="a\u2028b\x85c")).allows(Found())


def test_the_last_line_needs_no_end(tmp_path: Path) -> None:
    assert load(tmp_path, line().rstrip()).allows(Found())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (line() + line()[:40], "line 2 is torn or not JSON .*; delete the line or download"),
        (line() + "\0" * 60, "line 2 is torn or not JSON"),
        ("\ufeff" + line(), "line 1 is torn or not JSON"),
        ("[" * 100_000, "line 1 is torn or not JSON"),
        ('{"item": "1", "item": "2"}', "line 1 is torn or not JSON .*'item' occurs twice"),
        (line() + "[]\n", "line 2 is not a JSON object; write one decision"),
        (line(reason="?"), "line 1: unknown key 'reason'; keys are benchmark, item, text,"),
        ('{"benchmark": "gsm8k"}', "line 1: no 'item'; download the list"),
        (line(item=7), "line 1: 'item' is 7; make it a string"),
        (line(note=None), "line 1: 'note' is None; make it a string"),
        (line(text="abc"), "line 1: 'text' is 'abc', not 64 hexadecimal digits; copy it"),
        (line(text=digest(TEXT).upper()), "line 1: 'text' is .*, not 64 hexadecimal digits"),
        (line(decision="maybe"), "line 1: 'decision' is 'maybe'; write 'allow' or 'leak'"),
        (line().encode() + b'{"note": "\xff"}', r"line 2 is not UTF-8 \(byte 11\); save the file"),
        (line() + "\n" + line(decision="leak"),
         "line 3 says 'leak' of benchmark 'gsm8k', item 'test/1', line 1 says 'allow'; delete one"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_file_line_and_remedy(
    tmp_path: Path, text: str | bytes, message: str
) -> None:
    with pytest.raises(ValueError, match="allowlist.jsonl: " + message):
        load(tmp_path, text)


def test_a_missing_list_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"nowhere.jsonl: cannot be read .*; download the list"):
        Allowlist.load(tmp_path / "nowhere.jsonl")
