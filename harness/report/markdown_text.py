"""Pieces of Markdown: text that stands as it is, names, tables."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from harness.report.words import plain


def prose(text: str) -> str:
    """Text that Markdown and HTML leave as it is."""
    escaped = re.sub(r"([\\`*\[\]<>|#~$])", r"\\\1", plain(text).replace("&", "&amp;"))
    return re.sub(r"(?<![A-Za-z0-9])_|_(?![A-Za-z0-9])", r"\\_", escaped)


def code(text: str) -> str:
    """A name as a code span that a table cell can hold."""
    return "`" + plain(text).replace("`", "'").replace("|", "\\|") + "`"


def table(header: Sequence[str], rows: Iterable[Sequence[str]], left: int = 1) -> str:
    """A pipe table whose first `left` columns are flush left and the others right."""
    rules = [":--" if i < left else "--:" for i in range(len(header))]
    lines = [header, rules, *rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)
