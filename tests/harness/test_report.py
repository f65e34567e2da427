"""The report shows what was found, escapes what it is given, and never invents a number."""

from __future__ import annotations

import io
import os
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from fixtures import empty_findings, make_findings
from rich.console import Console

from harness.comparisons import Absent
from harness.levels import Level
from harness.report import Findings, StageTime, render, terminal
from harness.report.markdown_text import code, prose
from harness.report.words import duration, mark, plain

GOLDEN = Path(__file__).parent / "golden" / "report.md"
HOSTILE = "<script>alert(1)</script> | `x` -->]]> $a_b$ & \x1b[31m\n# h\u202e"


class Page(HTMLParser):
    """Tags, ids and text of a page, and whether its tags nest."""

    VOID = frozenset({"meta", "br", "wbr"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.ids: Counter[str] = Counter()
        self.open: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.attributes += [(k, v or "") for k, v in attrs]
        self.ids.update(v for k, v in attrs if k == "id" and v)
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in self.VOID:
            self.open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self.open
        assert self.open.pop() == tag


def printed(findings: Findings, width: int = 100) -> str:
    out = io.StringIO()
    Console(file=out, width=width, force_terminal=False).print(terminal(findings))
    return out.getvalue()


def hostile_findings() -> Findings:
    f = make_findings()
    deltas = tuple(
        replace(d, of=HOSTILE if d.of == "rlvr" else d.of, name=HOSTILE)
        for d in f.comparisons.deltas
    )
    absent = (Absent(HOSTILE, HOSTILE, HOSTILE, "contrast", HOSTILE),)
    assert f.verdict is not None
    reasons = tuple(replace(r, text=HOSTILE) for r in f.verdict.reasons)
    return replace(
        f,
        sweep=replace(f.sweep, name=HOSTILE, model=HOSTILE),
        comparisons=replace(f.comparisons, deltas=deltas, absent=absent),
        inflation=tuple(replace(i, contrast=HOSTILE, benchmark=HOSTILE) for i in f.inflation),
        gains=tuple(
            replace(
                g,
                arm=HOSTILE,
                benchmark=HOSTILE,
                control=replace(g.control, arm=HOSTILE) if g.control else None,
            )
            for g in f.gains
        ),
        verdict=replace(f.verdict, candidate=HOSTILE, reasons=reasons),
        contamination=tuple(replace(c, name=HOSTILE) for c in f.contamination),
        stages=(StageTime(HOSTILE, "sft", "failed", None, HOSTILE),),
        contaminated=frozenset({HOSTILE}),
    )


def test_the_markdown_report_is_the_golden_one() -> None:
    text = render(make_findings()).markdown
    if os.environ.get("ASSAY_WRITE_GOLDEN"):
        GOLDEN.parent.mkdir(exist_ok=True)
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8")


def test_every_number_stands_in_all_three_forms() -> None:
    findings = make_findings()
    markdown, html = render(findings)
    brief = printed(findings)
    for row in ("+77.1", "+15.6", "+18.2", "+21.2", "+16.1", "−2.5", "+18.6"):
        assert row in markdown
        assert row in html
        assert row in brief
    assert "PASS" in markdown
    assert "PASS" in html
    assert "PASS" in brief


def test_a_gain_without_a_control_says_so() -> None:
    findings = make_findings()
    alone = replace(findings, gains=tuple(replace(g, control=None) for g in findings.gains))
    markdown, html = render(alone)
    said = "No control: sft mix=leaky-kept on mini_gsm, "
    assert said in markdown
    assert said in html
    assert "No control" not in render(findings).markdown
    assert "control `" not in markdown
    assert "+16.1 ±2.8" in printed(alone)


def test_the_page_stands_alone_and_is_accessible() -> None:
    html = render(make_findings()).html
    page = Page(html)
    assert page.open == []
    assert html.startswith("<!doctype html>")
    assert ("lang", "en") in page.attributes
    assert page.tags["table"] == page.tags["caption"] > 5
    assert page.tags["title"] == 1 + page.tags["svg"]
    assert page.tags["script"] == page.tags["link"] == page.tags["img"] == page.tags["iframe"] == 0
    assert all(v.startswith("#") for k, v in page.attributes if k.endswith("href"))
    assert not re.search(r"url\((?!#)|@import", html)
    assert "prefers-color-scheme: dark" in html


def test_the_ids_of_the_page_are_unique() -> None:
    page = Page(render(make_findings()).html)
    assert [i for i, count in page.ids.items() if count > 1] == []


def test_figures_take_their_colours_from_the_page() -> None:
    html = render(make_findings()).html
    figures = "".join(re.findall(r"<svg.*?</svg>", html, flags=re.DOTALL))
    assert "var(--up)" in figures
    assert not re.search(r"#0102\w\w", figures)
    assert "mini_gsm" in figures


def test_the_same_findings_make_the_same_report() -> None:
    assert render(make_findings()) == render(make_findings())


def test_hostile_names_are_escaped_in_the_page() -> None:
    calm, hostile = Page(render(make_findings()).html), Page(render(hostile_findings()).html)
    assert hostile.open == []
    assert hostile.tags["script"] == calm.tags["script"] == 0
    assert set(hostile.tags) <= set(calm.tags) | {"ul", "li", "b"}
    html = render(hostile_findings()).html
    assert "<script" not in html
    assert "\x1b" not in html
    assert "\u202e" not in html


def test_hostile_names_are_escaped_in_markdown() -> None:
    text = render(hostile_findings()).markdown
    outside = re.sub(r"`[^`\n]*`", "", text)
    assert not re.search(r"(?<!\\)<", outside)
    assert "\n# h" not in text
    assert "\x1b" not in text
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    widths = [len(re.findall(r"(?<!\\)\|", row)) for row in rows]
    tables = len(re.findall(r"^\| :--", text, flags=re.MULTILINE))
    changes = sum(a != b for a, b in pairwise(widths))
    assert changes < tables


def test_hostile_names_are_harmless_on_the_terminal() -> None:
    text = printed(hostile_findings())
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert max(map(len, text.splitlines())) <= 100


@pytest.mark.parametrize("width", [100, 80])
def test_the_terminal_report_fits(width: int) -> None:
    lines = printed(make_findings(), width).splitlines()
    assert max(map(len, lines)) <= width
    assert not any("…" in line for line in lines if width == 100)


def test_markup_in_names_is_not_obeyed_on_the_terminal() -> None:
    findings = make_findings()
    assert findings.verdict is not None
    named = replace(findings, verdict=replace(findings.verdict, candidate="[red]x[/red]"))
    assert "[red]x[/red]" in printed(named)


def test_published_numbers_stand_beside_measured_ones_and_say_so() -> None:
    findings = make_findings()
    dev = findings.suites["dev"]
    named = replace(dev, benchmarks=(replace(dev.benchmarks[0], name="gsm8k"), *dev.benchmarks[1:]))
    levels = (
        Level("sft mix=skills", dev.name, "gsm8k", 500, 2, 0.31, 0.27, 0.35),
        Level("sft mix=skills", dev.name, "mini_math", 500, 2, 0.2, 0.17, 0.24),
    )
    shown = replace(findings, suites={**findings.suites, "dev": named}, levels=levels)
    markdown, html = render(shown)
    assert "| Tulu 3 8B (published) | 87.6 (8-shot, chain of thought) | — | — |" in markdown
    assert "Tulu 3 8B <small>published</small>" in html
    assert "not measured here" in markdown
    assert "published" not in render(replace(findings, levels=levels[1:])).markdown


def test_a_failed_sweep_says_so_and_shows_no_number() -> None:
    findings = empty_findings()
    markdown, html = render(findings)
    for text in (markdown, html, printed(findings)):
        assert "No two arms could be compared" in text
        assert "no run of it has finished" in text
        assert not re.search(r"[+−]\d+\.\d|±|nan", text)
    assert "out of memory at step 12" in markdown
    assert "out of memory at step 12" in html
    assert "<svg" not in html


def test_a_missing_delta_is_a_dash() -> None:
    findings = make_findings()
    kept = tuple(
        d
        for d in findings.comparisons.deltas
        if not (d.of == "dpo beta=1.0" and d.benchmark == "mini_math")
    )
    text = render(replace(findings, comparisons=replace(findings.comparisons, deltas=kept)))
    assert " — |" in text.markdown
    assert "<td>—</td>" in text.html


def test_one_seed_is_marked_and_explained() -> None:
    findings = make_findings()
    deltas = tuple(
        replace(d, note="item noise only", var_runs=0.0) for d in findings.comparisons.deltas
    )
    alone = replace(findings, comparisons=replace(findings.comparisons, deltas=deltas))
    for text in render(alone):
        assert "°" in text
        assert "item noise only" in text


def test_a_sweep_without_a_gate_says_that_nothing_was_judged() -> None:
    for text in render(replace(make_findings(), verdict=None)):
        assert "NO GATE" in text
        assert "nothing was judged" in text


def test_a_mark_is_hollow_where_adjustment_takes_it_back() -> None:
    delta = next(d for d in make_findings().comparisons.deltas if d.low > 0)
    assert mark(delta) == "▲"
    assert mark(replace(delta, p_adjusted=0.2)) == "△"
    assert mark(replace(delta, mean=-0.1, low=-0.2, high=-0.01)) == "▼"
    assert mark(replace(delta, low=-0.1)) == "·"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(None, "—"), (4.24, "4.2 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")],
)
def test_durations_read_as_people_say_them(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


def test_prose_keeps_names_readable() -> None:
    assert prose("mini_gsm at 5 %") == "mini_gsm at 5 %"
    assert prose("a|b <i> _x_") == r"a\|b \<i\> \_x\_"
    assert code("a|b`c") == "`a\\|b'c`"
    assert plain("a\tb\x00c") == "a b�c"
