"""One kind of constraint: a predicate, and which arguments of the data it takes."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from evals.ifeval.following import Check


@dataclass(frozen=True, slots=True)
class Kind:
    """How one instruction id is checked."""

    holds: Callable[..., bool]
    """Called with the text, and the arguments by keyword."""
    takes: Mapping[str, str] = field(default_factory=dict)
    """The data's name of an argument -> the predicate's."""

    def check(self, name: str, arguments: Mapping[str, Any]) -> Check:
        """The predicate with its arguments filled in.

        Args:
            name: Instruction id, for the message.
            arguments: As the data has them; whole numbers may be floats there.

        Raises:
            ValueError: an argument is missing, or one is not taken.
        """
        if set(arguments) != set(self.takes):
            raise ValueError(
                f"instruction {name}: arguments {sorted(arguments)}, wanted {sorted(self.takes)}"
            )
        given = {self.takes[key]: _whole(value) for key, value in arguments.items()}
        return functools.partial(self.holds, **given)


def _whole(value: object) -> object:
    return int(value) if isinstance(value, float) and value.is_integer() else value
