"""A task's documents, read out of their table once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, overload

if TYPE_CHECKING:
    from lm_eval.api.task import Task

Document = Mapping[str, Any]


class Documents(Sequence[Document]):
    """Documents in memory; each look at one gives a copy, as a look at their table would.

    Code of a task may change the document that it is given.
    """

    def __init__(self, rows: Sequence[Document]) -> None:
        """Keep `rows`, which nobody else changes."""
        self._rows = rows

    def __len__(self) -> int:
        return len(self._rows)

    def __iter__(self) -> Iterator[Document]:
        return map(_copied, self._rows)

    @overload
    def __getitem__(self, at: int) -> Document: ...
    @overload
    def __getitem__(self, at: slice) -> Documents: ...
    def __getitem__(self, at: int | slice) -> Document | Documents:
        if isinstance(at, slice):
            return Documents(self._rows[at])
        row: Document = _copied(self._rows[at])
        return row


def read_once(task: Task) -> None:
    """Have a task keep the documents that it scores.

    lm-eval reads them out of an Arrow table, and runs the task's `process_docs`, at every look;
    an evaluation looks at each document five times.
    """
    documents = Documents(list(task.eval_docs))
    name = "test_docs" if task.has_test_docs() else "validation_docs"
    setattr(task, name, lambda: documents)


def _copied(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copied(inner) for key, inner in value.items()}
    return [_copied(inner) for inner in value] if isinstance(value, list) else value
