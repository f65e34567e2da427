"""`python -m recipe.tiny.make`: train the embedded tokenizer and base model and save them."""

from __future__ import annotations

import argparse
import itertools
import random
import sys
from collections.abc import Iterator
from pathlib import Path

from recipe.tiny.base import STEPS, pretrain
from recipe.tiny.corpus import SKILLS, clean, documents

BASE = Path(__file__).parent / "model"
"""The committed base model."""


def tokenizer_texts() -> Iterator[str]:
    """The corpus, and the final forms of answers that only chat data has."""
    rng = random.Random("tokenizer")
    for text in itertools.islice(documents(0), 20_000):
        yield text
        yield clean(rng.choice(SKILLS), rng).careful


def main(argv: list[str] | None = None) -> int:
    """Make the base model; see `--help`."""
    parser = argparse.ArgumentParser(prog="python -m recipe.tiny.make", description=__doc__)
    parser.add_argument(
        "--out", type=Path, default=BASE, help="folder to write (default: %(default)s)"
    )
    parser.add_argument("--steps", type=int, default=STEPS, help="optimiser steps (%(default)s)")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads (%(default)s)")
    args = parser.parse_args(argv)
    import torch

    from recipe.tiny.tokenizer import train_tokenizer

    torch.set_num_threads(args.threads)
    tokenizer = train_tokenizer(tokenizer_texts())

    def report(step: int, loss: float, seconds: float) -> None:
        sys.stdout.write(f"step {step:5d}  loss {loss:.3f}  {seconds:.0f} s\n")
        sys.stdout.flush()

    model = pretrain(tokenizer, args.steps, report)
    model.half().save_pretrained(args.out)
    tokenizer.save_pretrained(args.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
