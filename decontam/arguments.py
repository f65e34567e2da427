"""Words of the command line -> what they mean.

Each raises `argparse.ArgumentTypeError`, which says what would be right.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable


def names(text: str) -> tuple[str, ...]:
    """Names with commas between them."""
    found = tuple(name.strip() for name in text.split(","))
    if not all(found):
        raise argparse.ArgumentTypeError(f"{text!r}: give names with commas between them")
    return found


def count(least: int) -> Callable[[str], int]:
    """What reads a whole number of at least so much."""

    def read(text: str) -> int:
        if not text.isdecimal() or int(text) < least:
            raise argparse.ArgumentTypeError(f"{text!r}: give a whole number of at least {least}")
        return int(text)

    return read


def benchmark_share(text: str) -> tuple[str, float]:
    """A benchmark and the share of an item that must be exceeded for it."""
    benchmark, _, share = text.rpartition("=")
    try:
        told = float(share)
    except ValueError:
        told = -1.0
    if not benchmark or not 0 <= told < 1:
        raise argparse.ArgumentTypeError(
            f"{text!r}: give BENCHMARK=SHARE with a share from 0 to below 1"
        )
    return benchmark, told


def label_action(text: str) -> tuple[str, str]:
    """A label and what follows from it."""
    from typing import get_args

    from decontam.policy import Action, Label

    label, _, action = text.partition("=")
    if label not in get_args(Label) or action not in get_args(Action):
        raise argparse.ArgumentTypeError(
            f"{text!r}: give LABEL=ACTION with one of {', '.join(get_args(Label))} and one of "
            f"{', '.join(get_args(Action))}"
        )
    return label, action
