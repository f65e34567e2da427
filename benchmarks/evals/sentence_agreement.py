"""The bundled sentence splitter against nltk's English Punkt model, and both against labels.

Needs `punkt_tab` where nltk finds it (NLTK_DATA) and the corpora beside the project.

    python benchmarks/evals/sentence_agreement.py [--shared ../shared]
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path

from evals.ifeval.sentences import sentence_spans, split_sentences

ROOT = Path(__file__).parents[2]
LABELLED = ROOT / "tests" / "evals" / "ifeval" / "sentences.jsonl"

Split = Callable[[str], list[str]]


def main() -> None:
    from nltk.tokenize import PunktTokenizer

    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--shared", type=Path, default=ROOT.parent / "shared")
    corpora = parser.parse_args().shared / "corpora"
    punkt = PunktTokenizer("english")
    for name, split in (("bundled", split_sentences), ("punkt_tab", punkt.tokenize)):
        print(f"{name}: {agreement_with_labels(split)}")
    for name, texts in (
        ("chat", chats(corpora / "hh_rlhf" / "harmless-base" / "test.jsonl.gz")),
        ("novels", rows(corpora / "eltec_eng" / "eltec_eng.jsonl.gz", 100, 60_000)),
        ("documentation", rows(corpora / "cpp_docs" / "cpp_docs_md.jsonl.gz", 600, 60_000)),
    ):
        print(f"{name}: {agreement(texts, punkt)}")


def agreement_with_labels(split: Split) -> str:
    """Cases with as many sentences as labelled, and with the same ones."""
    cases = [json.loads(line) for line in LABELLED.read_text(encoding="utf-8").splitlines()]
    found = [[s.strip() for s in split(case["text"])] for case in cases]
    count = sum(len(f) == len(c["sentences"]) for f, c in zip(found, cases, strict=True))
    same = sum(f == c["sentences"] for f, c in zip(found, cases, strict=True))
    return f"{count} of {len(cases)} with the right number of sentences, {same} with the right ones"


def agreement(texts: Iterator[str], punkt: object) -> str:
    """Sentence ends that both find, and texts with the same number of sentences."""
    both = ours_only = theirs_only = same = total = 0
    for text in texts:
        ours = {end for _, end in sentence_spans(text)}
        theirs = {end for _, end in punkt.span_tokenize(text)}  # type: ignore[attr-defined]
        both += len(ours & theirs)
        ours_only += len(ours - theirs)
        theirs_only += len(theirs - ours)
        same += len(ours) == len(theirs)
        total += 1
    f1 = 2 * both / (2 * both + ours_only + theirs_only)
    return (
        f"{both} ends by both, {ours_only} by bundled only, {theirs_only} by Punkt only "
        f"(F1 {100 * f1:.2f} %); {same} of {total} texts with the same number"
    )


def chats(file: Path) -> Iterator[str]:
    """Both dialogues of each of the first 2,000 pairs."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for line in itertools.islice(lines, 2000):
            yield from json.loads(line).values()


def rows(file: Path, count: int, characters: int) -> Iterator[str]:
    """The first characters of the first rows."""
    with gzip.open(file, "rt", encoding="utf-8") as lines:
        for line in itertools.islice(lines, count):
            yield json.loads(line)["text"][:characters]


if __name__ == "__main__":
    main()
