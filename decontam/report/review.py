"""A finished check -> one HTML page on which people judge its matches."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from decontam.report.allowlist import digest
from decontam.report.evidence import Match
from decontam.report.marks import Pieces, shared
from decontam.report.outcome import ItemLine, Outcome, Summary, read_outcome

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATE = "review.html.j2"
PAGE = "review.html"

SHOWN = 20_000
"""Matches on the page, best score first: as many as a browser searches without a pause."""

CLIPPED = 10_000
"""Characters shown of each text: a row may be a book."""

_INVISIBLE = (
    "\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffb\ud800-\udfff"
)

_HIDDEN = re.compile(f"[\x00-\x1f{_INVISIBLE}\U000e0001-\U000e01ef]")

_ESCAPED = re.compile(f"[<>&{_INVISIBLE}]")
"""What HTML, JavaScript or a reader of the page's source could take for something else."""


def write_review(folder: Path, summary: Summary | None = None) -> Path:
    """Write `review.html` beside the files that a check left in a folder.

    Args:
        folder: What `--out` named.
        summary: What `summary.json` says, where it is known.

    Returns:
        The page's path.  The page needs nothing beside it and loads nothing.

    Raises:
        ValueError: `matches.parquet`, `items.parquet` or `summary.json` is missing or damaged; the
            message names the file and the remedy.
    """
    path = Path(folder) / PAGE
    html = page(read_outcome(Path(folder), SHOWN, summary))
    unfinished = path.with_name(PAGE + ".part")
    unfinished.write_text(html, encoding="utf-8")
    return unfinished.replace(path)


def page(outcome: Outcome) -> str:
    """The outcome as a page in which every text is text, never markup or script."""
    from markupsafe import Markup

    return (
        _environment()
        .get_template(TEMPLATE)
        .render(
            o=outcome,
            s=outcome.summary,
            unsearched=_unsearched(outcome.items),
            data=Markup(payload(outcome)),  # noqa: S704  (`payload` leaves nothing that is markup)
        )
    )


def payload(outcome: Outcome) -> str:
    """The matches as JSON that may stand in a script element: names once, then values."""
    records = [_record(match) for match in outcome.matches]
    data = {
        "report": outcome.digest,
        "fields": list(records[0]) if records else [],
        "matches": [list(record.values()) for record in records],
    }
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return _ESCAPED.sub(lambda found: f"\\u{ord(found.group()):04x}", text)


def visible(text: str) -> str:
    """The text with characters that cannot be seen, or that turn others around, as `[U+202E]`."""
    return _HIDDEN.sub(lambda found: f"[U+{ord(found.group()):04X}]", text)


def _record(m: Match) -> dict[str, object]:
    train, item = shared(m.train_text[:CLIPPED], m.item_text[:CLIPPED])
    return {
        "file": m.file, "row": m.row, "turn": m.turn, "benchmark": m.benchmark, "item": m.item,
        "label": m.label, "flagged": m.flagged, "allowed": m.allowed, "rule": m.rule,
        "score": m.score, "token_match": m.token_match, "ngram_match": m.ngram_match,
        "longest_match": m.longest_match, "weighted": m.weighted, "text": digest(m.train_text),
        "left": _side(train, m.train_text, m.train_start, m.train_end, m.train_before,
                      m.train_after),
        "right": _side(item, m.item_text, m.item_start, m.item_end, m.item_before, m.item_after),
    }  # fmt: skip


def _side(
    pieces: Pieces, text: str, start: int, end: int, before: str, after: str
) -> dict[str, object]:
    return {
        "pieces": pieces,
        "left_out": max(len(text) - CLIPPED, 0),
        "start": start,
        "end": end,
        "before": before,
        "after": after,
    }


def _unsearched(items: tuple[ItemLine, ...]) -> dict[tuple[str, str], list[str]]:
    """Ids of the items that were not looked for, by benchmark and reason."""
    found: dict[tuple[str, str], list[str]] = defaultdict(list)
    for line in items:
        if not line.indexed:
            found[line.benchmark, line.reason or "no reason given"].append(line.item)
    return dict(found)


def _source(code: str) -> str:
    """How a Content-Security-Policy names an inline script or style."""
    return "'sha256-" + base64.b64encode(hashlib.sha256(code.encode()).digest()).decode() + "'"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _size(count: int) -> str:
    for unit, size in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"


def _environment() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "visible": visible, "source": _source, "percent": _percent, "size": _size,
        "number": "{:,}".format,
    }  # fmt: skip
    return environment
