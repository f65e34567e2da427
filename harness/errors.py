"""The error a person can mend."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class RequestError(ValueError):
    """The request was wrong: one to three lines naming file, line and remedy.  Exit code 2."""


@contextmanager
def request_errors(path: Path) -> Iterator[None]:
    """Turn what a lower floor says of a wrong request into a `RequestError`.

    Args:
        path: The sweep file that asked for it.
    """
    try:
        yield
    except RequestError:
        raise
    except ValueError as error:
        raise RequestError(f"{path}: {error}") from error
