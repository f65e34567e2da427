"""The review page in a browser: what is shown, filtered, ordered and downloaded."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from test_review import HOSTILE, Page, hostile, leave, thousand

from decontam.report.allowlist import Allowlist
from decontam.report.review import write_review

CHROMIUM = shutil.which("chromium")
browser = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the path")


def opened(path: Path, script: str = "") -> str:
    """The document after Chromium ran the page, and a script of ours that its policy allows."""
    text = path.read_text(encoding="utf-8")
    source = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    text = text.replace("script-src &#39;", f"script-src &#39;sha256-{source}&#39; &#39;", 1)
    driven = path.with_name("driven.html")
    driven.write_text(text.replace("</body>", f"<script>{script}</script></body>"), "utf-8")
    assert CHROMIUM is not None
    done = subprocess.run(
        [CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking",
         f"--user-data-dir={path.parent / 'profile'}", "--virtual-time-budget=5000", "--dump-dom",
         driven.as_uri()],
        capture_output=True, text=True, check=True, timeout=120, encoding="utf-8",
    )  # fmt: skip
    return done.stdout


def probe(script: str) -> str:
    """A script that writes what an expression gives into the document."""
    return (
        "(async () => { const $ = (id) => document.getElementById(id);"
        "const press = (key) => document.body.dispatchEvent("
        "new KeyboardEvent('keydown', { key, bubbles: true }));"
        "const set = async (id, value) => { $(id).value = value;"
        "$(id).dispatchEvent(new Event('input', { bubbles: true }));"
        "await new Promise((done) => setTimeout(done, 200)); };"
        "const node = document.createElement('pre'); node.id = 'probe';"
        f"try {{ {script} }} catch (error) {{ node.textContent = 'failed: ' + error; }}"
        "document.body.append(node); })();"
    )


def probed(dom: str) -> str:
    found = re.search(r'<pre id="probe">(.*?)</pre>', dom, re.DOTALL)
    assert found is not None
    return html.unescape(found.group(1))


@browser
def test_a_browser_shows_one_page_of_a_thousand_matches(tmp_path: Path) -> None:
    page = Page(opened(write_review(leave(tmp_path, thousand()))))
    assert [tag for tag, _ in page.tags].count("article") == 50
    assert {"gsm8k (800)", "ifeval (200)", "near (1,000)"} <= set(page.inside["option"])
    assert "1–50 of 1,000 matches" in page.inside["span"]
    assert "of 20" in page.inside["span"]
    assert len(page.tags) < 5_000


@browser
def test_a_browser_runs_no_text_of_a_row(tmp_path: Path) -> None:
    dom = opened(write_review(leave(tmp_path, hostile())))
    page = Page(dom)
    assert "owned" not in page.inside["title"][0]
    assert not any(tag == "img" for tag, _ in page.tags)
    shown = [html.unescape(t) for t in re.findall(r'class="text".*?</section>', dom, re.DOTALL)]
    assert len(shown) == 2 * len(HOSTILE)
    assert "<img src=x onerror=" in shown[2]
    texts = "".join(text for texts in page.inside.values() for text in texts)
    assert not re.search("[\u2028\u202e\u200b\x00]", texts)
    assert {"U+202E", "U+2028", "U+0000"} <= set(page.inside["span"])


@browser
def test_filters_search_and_order_in_a_browser(tmp_path: Path) -> None:
    script = """
    const seen = [], note = () => seen.push($('count').textContent);
    await set('benchmark', 'ifeval'); note();
    await set('least', '0.9'); note();
    await set('state', 'not flagged'); note();
    await set('benchmark', ''); await set('least', ''); await set('state', 'allowed'); note();
    await set('state', ''); await set('search', 'TEST/99'); note();
    await set('search', 'nowhere'); note();
    await set('search', ''); await set('sort', 'low');
    seen.push(document.querySelector('article').ariaLabel);
    await set('decision', 'decided'); note();
    node.textContent = JSON.stringify(seen);"""
    dom = opened(write_review(leave(tmp_path, thousand())), probe(script))
    assert json.loads(probed(dom)) == [
        "1–50 of 200 shown, 1,000 in all", "1–41 of 41 shown, 1,000 in all",
        "1–10 of 10 shown, 1,000 in all", "1–1 of 1 shown, 1,000 in all",
        "1–11 of 11 shown, 1,000 in all", "0 of 1,000 matches", "Match 1, gsm8k test/999",
        "1–1 of 1 shown, 1,000 in all",
    ]  # fmt: skip


@browser
def test_a_downloaded_list_holds_what_was_decided(tmp_path: Path) -> None:
    script = """
    let made; URL.createObjectURL = (blob) => { made = blob; return '#'; };
    HTMLAnchorElement.prototype.click = () => {};
    press('a'); press('c'); press('c'); press('u'); press('j'); press('k'); press('c');
    for (let k = 0; k < 60; k++) press('j');
    press('a'); $('download').click();
    node.textContent = JSON.stringify([await made.text(), $('tally').textContent,
      $('page').value, localStorage.length]);"""
    matches = [replace(m, train_text=f"{HOSTILE[k % 5]} {k}") for k, m in enumerate(thousand())]
    dom = opened(write_review(leave(tmp_path, matches)), probe(script))
    text, tally, page, kept = json.loads(probed(dom))
    path = tmp_path / "allowlist.jsonl"
    path.write_text(text, encoding="utf-8", newline="")
    decided = Allowlist.load(path)
    assert [m.row for m in matches if decided.allows(m)] == [0, 20, 63]
    assert [m.row for m in matches if decided.decision(m) == "leak"] == [1, 2]
    assert (tally, page, kept) == ("5 of 1,000 decided: 3 allowed, 2 leaks", "2", 1)
