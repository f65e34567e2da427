"""What a check found, and what it looked at."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

from decontam.policy import Policy, UnionMatch
from decontam.report.accounts import overlaps
from decontam.report.evidence import Match
from decontam.report.overlap import ItemSummary, Overlap
from decontam.report.tables import item_table, match_table
from decontam.rows.frames import chosen, is_frame, is_table, mappings
from decontam.rows.shapes import read_row

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

AnyRow = TypeVar("AnyRow", bound=Mapping[str, object])


@dataclass(frozen=True, slots=True)
class Totals:
    """How much was looked at and found."""

    rows_read: int
    rows_flagged: int
    rows_unreadable: int
    matches: int
    variants: int
    """Matches that share an item's wording only."""
    bytes_read: int
    seconds: float
    turns_unscanned: int
    """Turns of roles that the mode does not look at, ..."""
    bytes_unscanned: int
    """... and their texts."""
    fields_unscanned: tuple[str, ...]
    """Fields that hold text which is not read, by the first rows of each file; `a[].b` is a field
    of the turns in `a`."""
    rows_kept: int | None = None
    """Rows of the cleaned files, where files were cleaned."""

    def cleaned(self) -> dict[str, int]:
        """Rows kept and removed, which are the rows read, where files were cleaned."""
        if self.rows_kept is None:
            return {}
        return {"rows_kept": self.rows_kept, "rows_removed": self.rows_read - self.rows_kept}


@dataclass(frozen=True)
class Report:
    """The outcome of one check."""

    policy: Policy
    totals: Totals
    accounts: tuple[ItemSummary, ...]
    """Every item given, in order, also those that could not be looked for."""
    found: Sequence[Match] | Path
    """The matches, or the Parquet file that holds them."""
    digests: tuple[bytes, ...] = ()
    """What each row that was passed in memory said when it was scanned, so that `clean` cannot be
    given others."""
    fields: tuple[str, ...] = ()
    """The fields of those rows that hold text, where they are none of the usual ones."""

    @classmethod
    def read(cls, folder: Path, policy: Policy) -> Report:
        """The report that a check left in a folder.

        Raises:
            ValueError: a file is missing or damaged; names the folder and the remedy.
        """
        try:
            return cls._read(folder, policy)
        except (OSError, ValueError, TypeError, AttributeError) as error:
            raise ValueError(
                f"{folder} holds damaged results ({error}); remove it or choose another folder"
            ) from error

    @classmethod
    def _read(cls, folder: Path, policy: Policy) -> Report:
        import pyarrow.parquet as pq

        told = json.loads((folder / "summary.json").read_text(encoding="utf-8"))
        names = {"variants": "template_variants"}
        figures = {f.name: told.get(names.get(f.name, f.name)) for f in fields(Totals)}
        totals = Totals(**{**figures, "fields_unscanned": tuple(figures["fields_unscanned"])})
        records = pq.read_table(folder / "items.parquet").to_pylist()
        accounts = tuple(ItemSummary(**record) for record in records)
        found = pq.read_metadata(folder / "matches.parquet").num_rows
        if found != totals.matches:
            raise ValueError(f"matches.parquet has {found} lines, not {totals.matches}")
        return cls(policy, totals, accounts, folder / "matches.parquet")

    @property
    def matches(self) -> pa.Table:
        """Matches by file, row, benchmark and item as an Arrow table (fields of `Match`);
        `matches.to_pandas()` is the data frame."""
        if isinstance(self.found, Path):
            import pyarrow.parquet as pq

            return pq.read_table(self.found, memory_map=True)
        return match_table(self.found)

    @property
    def items(self) -> pa.Table:
        """Every item's account as an Arrow table (fields of `ItemSummary`); `items.to_pandas()` is
        the data frame."""
        return item_table(self.accounts)

    def evidence(self) -> Iterator[Match]:
        """The matches one by one."""
        if not isinstance(self.found, Path):
            yield from self.found
            return
        import pyarrow.parquet as pq

        with pq.ParquetFile(self.found) as file:
            for batch in file.iter_batches(1000):
                yield from (Match(**record) for record in batch.to_pylist())

    @property
    def flagged(self) -> tuple[int, ...]:
        """Numbers of the flagged rows that were passed in memory, ascending."""
        return tuple(sorted({m.row for m in self.evidence() if m.flagged}))

    @property
    def benchmarks(self) -> tuple[Overlap, ...]:
        """How much of each benchmark the rows hold, in the order of the items."""
        return overlaps(self.accounts)

    def summary(self) -> dict[str, Any]:
        """The figures: rows, items, seconds, and overlap and verdict by benchmark."""
        totals = self.totals
        return {
            "policy": self.policy.name,
            "mode": self.policy.mode,
            **self._thresholds(),
            "rows_read": totals.rows_read,
            "rows_flagged": totals.rows_flagged,
            "rows_unreadable": totals.rows_unreadable,
            **totals.cleaned(),
            "bytes_read": totals.bytes_read,
            "turns_unscanned": totals.turns_unscanned,
            "bytes_unscanned": totals.bytes_unscanned,
            "fields_unscanned": list(totals.fields_unscanned),
            "items_total": len(self.accounts),
            "items_indexed": sum(i.indexed for i in self.accounts),
            "items_matched": sum(i.rows > 0 for i in self.accounts),
            "matches": totals.matches,
            "template_variants": totals.variants,
            "seconds": round(totals.seconds, 3),
            "benchmarks": {b.benchmark: b.record() for b in self.benchmarks},
        }

    def _thresholds(self) -> dict[str, Mapping[str, float]]:
        rule = self.policy.rule
        given = rule.thresholds if isinstance(rule, UnionMatch) else None
        return {"thresholds": given} if given else {}

    @overload
    def clean(self, rows: pd.DataFrame) -> pd.DataFrame: ...

    @overload
    def clean(self, rows: Iterable[AnyRow]) -> list[AnyRow]: ...

    def clean(self, rows: Any) -> Any:
        """The rows that are not flagged, in order.

        Args:
            rows: The rows that were checked, again.

        Returns:
            A data frame of a data frame, with its index and types, an Arrow table of a table, else
            a list.

        Raises:
            ValueError: they are not the rows that were checked; an unscanned row is not clean.
        """
        if not self.digests:
            raise ValueError(
                "files were checked, not rows; clean them with python -m decontam clean"
            )
        given = rows if is_frame(rows) or is_table(rows) else list(rows)
        flagged, kept, count = set(self.flagged), [], 0
        for number, row in enumerate(mappings(given)):
            known = self.digests[number] if number < len(self.digests) else b""
            if read_row(number, row, self.fields).digest() != known:
                raise ValueError(f"row {number} is not the row that was checked; check these rows")
            if number not in flagged:
                kept.append(number)
            count += 1
        if count != self.totals.rows_read:
            raise ValueError(
                f"{count} rows given, {self.totals.rows_read} checked; pass the same rows"
            )
        return chosen(given, kept)

    def write(self, folder: str | Path) -> None:
        """Write `matches.parquet`, `items.parquet` and `summary.json` into a folder; the tables
        follow from rows, items and policy alone, byte for byte."""
        import pyarrow.parquet as pq

        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        if self.found != folder / "matches.parquet":
            pq.write_table(self.matches, folder / "matches.parquet")
        pq.write_table(self.items, folder / "items.parquet")
        text = json.dumps(self.summary(), indent=2, ensure_ascii=False)
        (folder / "summary.json").write_text(text + "\n", encoding="utf-8")
