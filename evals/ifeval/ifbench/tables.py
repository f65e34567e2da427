"""Constraints that ask for a table of comma- or tab-separated values."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from evals.ifeval.ifbench.kind import Kind

CITY = ("ID", "Country", "City", "Year", "Count")
PRODUCT = ("ProductID", "Category", "Brand", "Price", "Stock")
STUDENT = ("StudentID", "Subject", "Grade", "Semester", "Score")


def city_table(text: str) -> bool:
    """A header and seven rows of five fields, commas between them."""
    try:
        rows = list(csv.reader(io.StringIO(text, newline=None)))
    except csv.Error:  # a field of more than 128 KiB: no table that anyone asked for
        return False
    return _shaped(rows, 8) and tuple(rows[0]) == CITY


def product_table(text: str) -> bool:
    """A header and 14 rows; a quoted field has a character that is no letter, digit or space."""
    rows = _raw_rows(text, ",")
    special = any(_quotes_special(field) for row in rows[1:] for field in row)
    return _shaped(rows, 15) and _named(rows[0], PRODUCT) and special


def student_table(text: str) -> bool:
    """A header and three rows, tabs between the fields, all of them quoted."""
    rows = _raw_rows(text, "\t")
    fields = [field.strip() for row in rows for field in row]
    quoted = all(len(f) > 1 and f[0] == f[-1] == '"' for f in fields)
    return _shaped(rows, 4) and _named(rows[0], STUDENT) and quoted


def _raw_rows(text: str, delimiter: str) -> list[list[str]]:
    """Fields with their quotes; a delimiter inside quotes separates nothing."""
    return [_raw_fields(line, delimiter) for line in text.splitlines()]


def _raw_fields(line: str, delimiter: str) -> list[str]:
    parts = line.split('"')
    parts[::2] = [part.replace(delimiter, "\0") for part in parts[::2]]
    return '"'.join(parts).split("\0")


def _quotes_special(field: str) -> bool:
    quoted = field[1 : field.rindex('"')] if field[:1] == '"' and field.count('"') > 1 else ""
    return any(not (c.isalnum() or c == "_" or c.isspace()) for c in quoted)


def _shaped(rows: Sequence[Sequence[str]], count: int) -> bool:
    return len(rows) == count and all(len(row) == 5 for row in rows)


def _named(header: Sequence[str], names: Sequence[str]) -> bool:
    """Whether a header has the names, each bare or in quotes, with blanks before it."""
    fields = [field.strip() for field in header]
    return all(f in (n, f'"{n}"') for f, n in zip(fields, names, strict=True))


KINDS: Mapping[str, Kind] = {
    "custom:csv_city": Kind(city_table),
    "custom:csv_quotes": Kind(student_table),
    "custom:csv_special_character": Kind(product_table),
}
