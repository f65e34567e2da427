"""What people see at the end: Markdown, one HTML page, and a table on the terminal."""

from __future__ import annotations

from typing import NamedTuple

from harness.report.findings import Findings
from harness.report.markdown import markdown
from harness.report.page import page
from harness.report.terminal import terminal
from harness.stage_time import StageTime

__all__ = [
    "Findings",
    "Rendered",
    "StageTime",
    "render",
    "terminal",
]


class Rendered(NamedTuple):
    """One report in two forms."""

    markdown: str
    html: str
    """A whole page: no file, font or script beside it."""


def render(findings: Findings) -> Rendered:
    """Lay out what a sweep found."""
    return Rendered(markdown(findings), page(findings))
