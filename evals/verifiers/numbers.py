"""Numbers as people write them, found in text and read exactly."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

GROUPING = r"(?:,\\!|\\,|\{,\}|,|[\u00a0\u2009\u202f])"
NUMBER = re.compile(
    rf"""
      (?: (?<![\d.]) (?P<latex_whole>\d{{1,9}}) \s* )?
      \\[dt]?frac \s* \{{ \s* (?P<latex_above>\d{{1,18}}) \s* \}}
                  \s* \{{ \s* (?P<latex_below>\d{{1,18}}) \s* \}}
    |
      (?<![A-Za-z\d]) (?<![A-Za-z\d]_) (?<!\d\.) (?<!_\{{)
      (?:
        (?<!\d/) (?: (?P<whole>\d{{1,9}}) [ ] )? (?P<above>\d{{1,18}}) / (?P<below>\d{{1,18}})
        (?! [/\d] | \.\d | ,\d{{3}} )
      |
        (?P<plain>
          (?: \d{{1,3}} (?:{GROUPING}\d{{3}})+ | \d{{1,2}} (?:,\d\d)+ ,\d{{3}} | \d+ ) (?!\d)
          (?:\.\d+)?
        | (?<!\.) \.\d+
        )
        (?: [eE] (?P<exponent>[+-]?\d{{1,3}}) (?![A-Za-z\d])
        | \s* (?: \\times | \\cdot | [×x*] ) \s* 10 \s* \^ \s*
          (?: \{{ \s* (?P<braced_power>[+-]?\d{{1,3}}) \s* \}} | (?P<power>[+-]?\d{{1,3}}) )
        )?
      )
    """,
    re.VERBOSE,
)
VULGAR = re.compile("[¼-¾⅐-⅞]")
CURRENCY = re.compile(r"\\?[$€£¥₹₩]\Z")
SUBTRACTS = re.compile(r"[\w)\]}%.–—−-]\Z")
"""Right before a minus that is no sign."""
OPERAND = re.compile(r"[\d)\]}%$]\Z")
"""Before a minus that is no sign, with space between."""
LABEL = re.compile(
    r"(?:\b(?:step|question|problem|example|equation|exercise)s?\s*[#:]?\s*|\^\s*\{?\s*[+-]?)\Z",
    re.IGNORECASE,
)
"""Before a number that counts something or is an exponent."""
PLACES = re.compile(r"\s*-?\s*(?:decimal|significant)", re.IGNORECASE)
ENUMERATOR = re.compile(r"^[ \t]*(?:\*\*)?(\d{1,2})[.)](?=\s|\Z)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Number:
    """One number of a text."""

    text: str
    value: Fraction
    start: int
    end: int


def plain_fractions(text: str) -> str:
    """`2½` as `2 1/2`."""
    return VULGAR.sub(lambda m: " " + unicodedata.normalize("NFKC", m[0]).replace("⁄", "/"), text)


def numbers(text: str) -> list[Number]:
    """The numbers of a text that may be an answer, in order.

    Read are signs, thousands separators (also `{,}`, `,\\!`, thin spaces and lakhs), decimals,
    `a/b`, `c a/b`, `\\frac{a}{b}`, `1.2e3` and `1.2 \\times 10^{3}`, with any script's digits.
    A minus that subtracts is no sign.  Left out are subscripts, exponents, digits inside a word,
    numbers of steps ("Step 5", "5." as the fifth entry of a list) and of decimal places.
    """
    counting = _enumerators(text)
    return [n for n in _all_numbers(text) if n.start not in counting and _answers(text, n)]


def _all_numbers(text: str) -> Iterator[Number]:
    for found in NUMBER.finditer(text):
        value = _unsigned(found)
        if value is None:
            continue
        sign = _sign_position(text, found.start())
        start = found.start() if sign is None else sign
        signed = value if sign is None or text[sign] == "+" else -value
        yield Number(text[start : found.end()], signed, start, found.end())


def _unsigned(found: re.Match[str]) -> Fraction | None:
    if plain := found["plain"]:
        digits = re.sub(GROUPING, "", plain)
        power = int(found["exponent"] or found["braced_power"] or found["power"] or 0)
        return Fraction(Decimal(digits)) * Fraction(10) ** power
    latex = "latex_" if found["latex_below"] else ""
    below = int(found[f"{latex}below"])
    if below == 0:
        return None
    return int(found[f"{latex}whole"] or 0) + Fraction(int(found[f"{latex}above"]), below)


def _sign_position(text: str, start: int) -> int | None:
    """Where the sign of the number at `start` stands; None without one."""
    reach = max(0, start - 24)
    bare = CURRENCY.sub("", text[reach:start])
    ahead = bare.rstrip(" ")
    if not ahead.endswith(("-", "−", "+")):
        return None
    spaced, before = ahead != bare, ahead[:-1]
    operand = before.rstrip(" \t")
    if spaced and not operand.endswith(("=", "(", "{", "≈")):
        return None
    if SUBTRACTS.search(before) or (operand != before and OPERAND.search(operand)):
        return None
    return reach + len(before)


def _answers(text: str, number: Number) -> bool:
    before = text[max(0, number.start - 24) : number.start]
    return not LABEL.search(before) and not PLACES.match(text, number.end)


def _enumerators(text: str) -> set[int]:
    """Where numbers stand that only count the entries of a list: 1, 2, 3, ..."""
    starts: set[int] = set()
    due = 1
    for entry in ENUMERATOR.finditer(text):
        if int(entry[1]) == due:
            starts.add(entry.start(1))
            due += 1
    return starts if len(starts) > 1 else set()
