"""The review page shows every match as text, and gives back what people decided."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import fields, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from decontam.report import review
from decontam.report.allowlist import digest
from decontam.report.evidence import Match
from decontam.report.outcome import read_outcome
from decontam.report.review import payload, visible, write_review

HOSTILE = (
    "</script><script>document.title='owned'</script> stands in this row of data",
    "<img src=x onerror=\"document.title='owned'\"> stands in this row of data",
    "<!-- <script> ]]> \"quotes\" 'single' `tick` & &lt; \\u003c stand in this row",
    "separators \u2028 \u2029 \x85, bidi \u202eevil\u202c, zero \u200b width, nul \x00, del \x7f",
    "escapes \\ud800 \\n \\\" of a surrogate, and ${document.title='owned'} {{ 7 * 7 }}",
    "x" * 100_000,
    "مرحبا بالعالم كيف حالك اليوم يا صديقي",
)
TYPES = {
    "int": pa.int64(), "float": pa.float64(), "float | None": pa.float64(), "bool": pa.bool_(),
}  # fmt: skip
PLAIN = Match(
    file="train/a.jsonl", row=7, turn=0, benchmark="gsm8k", item="test/1", label="near",
    flagged=True, allowed=False, rule="distinctive part", score=0.9, token_match=0.8,
    ngram_match=0.7, longest_match=0.6, weighted=None, train_start=6, train_end=34,
    train_text="Ann has 12 green apples now.", train_before="Hello ", train_after=" Bye",
    item_start=0, item_end=26, item_text="Ann has 12 red apples now.", item_before="",
    item_after="",
)  # fmt: skip
SUMMARY: dict[str, Any] = {
    "policy": "default", "mode": "user", "rows_read": 12_000, "rows_flagged": 37,
    "rows_unreadable": 0, "items_total": 1319, "items_indexed": 1318, "items_matched": 31,
    "seconds": 4.2, "bytes_read": 3_000_000,
    "turns_unscanned": 12, "bytes_unscanned": 4_000, "fields_unscanned": ["</p><script>"],
    "benchmarks": {
        "gsm8k": {"items": 1319, "indexed": 1318, "matched": 31, "rate": 31 / 1318,
                  "interval": [0.0166, 0.0332], "verdict": "contaminated"},
        "</td><b>\u202e": {"items": 2, "indexed": 0, "matched": 0, "rate": None,
                           "interval": None, "verdict": "unchecked"},
    },
}  # fmt: skip
ITEMS = [
    {"benchmark": "gsm8k", "item": "test/1", "indexed": True, "reason": None},
    {"benchmark": "gsm8k", "item": "<i>", "indexed": False, "reason": "empty <prompt>"},
]


def leave(folder: Path, matches: Sequence[Match]) -> Path:
    """Leave in a folder what a check leaves."""
    schema = pa.schema([(f.name, TYPES.get(str(f.type), pa.string())) for f in fields(Match)])
    columns = {name: [getattr(m, name) for m in matches] for name in schema.names}
    folder.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns, schema=schema), folder / "matches.parquet")
    pq.write_table(pa.Table.from_pylist(ITEMS), folder / "items.parquet")
    (folder / "summary.json").write_text(json.dumps(SUMMARY), encoding="utf-8")
    return folder


def hostile() -> list[Match]:
    return [
        replace(
            PLAIN, row=k, file=text[:90], benchmark=text[:90], item=text[:90], label=text[:90],
            rule=text[:90], train_text=text, item_text=text, train_before=text, item_after=text,
        )
        for k, text in enumerate(HOSTILE)
    ]  # fmt: skip


def thousand() -> list[Match]:
    return [
        replace(PLAIN, row=k, item=f"test/{k}", score=1 - k / 2000, flagged=k % 4 > 0,
                benchmark="gsm8k" if k % 5 else "ifeval", allowed=k == 20)
        for k in range(1000)
    ]  # fmt: skip


class Page(HTMLParser):
    """Reads a page, insists that its tags nest, and keeps what stands in it."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.inside: dict[str, list[str]] = {}
        self.feed(text)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "input", "br", "wbr", "img"):
            self.open.append(tag)
            self.inside.setdefault(tag, []).append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open:
            self.inside[self.open[-1]][-1] += data

    def data(self) -> dict[str, Any]:
        loaded: dict[str, Any] = json.loads(self.inside["script"][0])
        return loaded


def written(folder: Path, matches: Sequence[Match]) -> str:
    return write_review(leave(folder, matches)).read_text(encoding="utf-8")


def records(page: Page) -> list[dict[str, Any]]:
    data = page.data()
    return [dict(zip(data["fields"], values, strict=True)) for values in data["matches"]]


def test_the_header_says_what_was_read_and_found(tmp_path: Path) -> None:
    text = written(tmp_path, [PLAIN])
    for part in ("1 of 2 benchmarks contaminated", "12,000", "3.0 MB", "user turns",
                 "2.4 %", "[1.7, 3.3]", "unchecked", "Not looked at: 1 item,",
                 "empty &lt;prompt&gt;", "--allowlist allowlist.jsonl"):  # fmt: skip
        assert part in text
    assert "&lt;/td&gt;&lt;b&gt;[U+202E]" in text


@pytest.mark.parametrize(
    ("verdict", "unreadable", "indexed", "headline", "looked"),
    [
        ("contaminated", 3, 9, "1 of 1 benchmarks contaminated", "1 item, 3 unreadable rows"),
        ("traces", 0, 10, "Traces of 1 of 1 benchmarks", None),
        ("traces", 1, 10, "Traces of 1 of 1 benchmarks", "0 items, 1 unreadable row"),
        ("clean", 0, 9, "Not everything was checked", "1 item, 0 unreadable rows"),
        ("clean", 0, 10, "No benchmark contaminated", None),
    ],
)
def test_the_headline_follows_from_verdicts_and_what_was_looked_at(
    tmp_path: Path, verdict: str, unreadable: int, indexed: int, headline: str, looked: str | None
) -> None:
    folder = leave(tmp_path, [])
    told = {**SUMMARY["benchmarks"]["gsm8k"], "items": 10, "indexed": indexed, "verdict": verdict}
    summary = {**SUMMARY, "rows_unreadable": unreadable, "items_total": 10,
               "items_indexed": indexed, "benchmarks": {"b": told}}  # fmt: skip
    (folder / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    text = write_review(folder).read_text(encoding="utf-8")
    assert f'<h2 id="verdict">{headline}</h2>' in text
    found = re.search("Not looked at: (.*)[.] Nothing", text)
    assert (found and found[1]) == looked


def test_hostile_text_is_data_and_nothing_else(tmp_path: Path) -> None:
    text = written(tmp_path, hostile())
    page = Page(text)
    assert [tag for tag, _ in page.tags].count("script") == 2
    assert not any(tag in ("img", "b", "i") for tag, _ in page.tags)
    assert not re.search("[\u2028\u2029\u202a-\u202e\u200b\x00\x7f-\x9f]", text)
    data = page.inside["script"][0]
    assert not re.search("[<>&]", data)
    shown = records(page)
    assert ["".join(r["left"]["pieces"]) for r in shown] == [t[:10_000] for t in HOSTILE]
    assert [r["left"]["left_out"] for r in shown] == [0, 0, 0, 0, 0, 90_000, 0]
    assert [r["benchmark"] for r in shown] == [t[:90] for t in HOSTILE]


def test_lone_surrogates_reach_the_page_as_escapes(tmp_path: Path) -> None:
    outcome = read_outcome(leave(tmp_path, [PLAIN]), 10)
    broken = replace(outcome, matches=(replace(PLAIN, train_text="a \ud800 b", item="\udfff"),))
    text = payload(broken)
    assert text.isascii()
    assert "\\ud800" in text
    assert "\udfff" in json.loads(text)["matches"][0]
    assert "\ud800" not in visible("a \ud800 b")


def test_nothing_is_loaded_and_only_the_pages_own_script_may_run(tmp_path: Path) -> None:
    text = written(tmp_path, [PLAIN])
    page = Page(text)
    policy = next(
        a["content"] for _, a in page.tags if a.get("http-equiv") == "Content-Security-Policy"
    )
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy.split(";"))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    for kind, code in (("script", page.inside["script"][1]), ("style", page.inside["style"][0])):
        source = base64.b64encode(hashlib.sha256(code.encode()).digest()).decode()
        assert rules[f"{kind}-src"] == f"'sha256-{source}'"
    assert not re.search(r"https?:|//[a-z]|@import|url\(", text.replace("// ", ""))
    for _, attributes in page.tags:
        assert not any(name.startswith("on") or name == "style" for name in attributes)
        assert not {"src", "href", "action"} & attributes.keys()


def test_the_script_makes_no_markup_of_text(tmp_path: Path) -> None:
    script = Page(written(tmp_path, [PLAIN])).inside["script"][1]
    assert not re.search(
        r"innerHTML|outerHTML|insertAdjacent|document\.write|eval|Function\(", script
    )


def test_every_label_names_a_control(tmp_path: Path) -> None:
    page = Page(written(tmp_path, [PLAIN]))
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    named = [a["aria-labelledby"] for _, a in page.tags if "aria-labelledby" in a]
    assert set(named) <= set(ids)


def test_the_digest_in_the_page_is_that_of_the_allow_list(tmp_path: Path) -> None:
    shown = records(Page(written(tmp_path, hostile())))
    assert [r["text"] for r in shown] == [digest(text) for text in HOSTILE]


def test_a_changed_word_is_not_marked_in_the_page(tmp_path: Path) -> None:
    (shown,) = records(Page(written(tmp_path, [PLAIN])))
    assert shown["left"]["pieces"] == ["", "Ann has 12", " green ", "apples now", "."]
    assert shown["right"]["pieces"] == ["", "Ann has 12", " red ", "apples now", "."]
    assert shown["weighted"] is None


def test_a_check_without_matches_has_a_page(tmp_path: Path) -> None:
    page = Page(written(tmp_path, []))
    assert page.data()["matches"] == []
    assert "The check found no matches." in page.inside["p"]


def test_the_same_outcome_gives_the_same_page(tmp_path: Path) -> None:
    assert written(tmp_path / "a", thousand()) == written(tmp_path / "b", thousand())


def test_of_too_many_matches_the_best_are_shown_and_the_page_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(review, "SHOWN", 10)
    scores = [k * 37 % 1000 / 1000 for k in range(1000)]
    text = written(tmp_path, [replace(PLAIN, row=k, score=s) for k, s in enumerate(scores)])
    shown = records(Page(text))
    assert sorted((r["score"] for r in shown), reverse=True) == sorted(scores, reverse=True)[:10]
    assert [r["row"] for r in shown] == sorted(r["row"] for r in shown)
    assert "found 1,000 matches; this page holds the 10 with the best score" in text


def test_importing_the_page_loads_no_heavy_package() -> None:
    code = "import sys, decontam.report.review; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"jinja2", "pyarrow", "pydantic"} & set(done.stdout.split())
