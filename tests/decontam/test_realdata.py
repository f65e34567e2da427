"""The default policy on real benchmarks and real text."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import random
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import decontam

ROOT = Path(__file__).parent.parent.parent
SHARED = Path(os.environ.get("ASSAY_SHARED", "../shared"))
SHARED = SHARED if SHARED.is_absolute() else (ROOT / SHARED).resolve()

pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(
        not SHARED.is_dir(), reason=f"no folder {SHARED}; set ASSAY_SHARED to the real benchmarks"
    ),
]

Record = dict[str, Any]
Edit = Callable[[str], str]


def table(pattern: str) -> Iterator[tuple[str, Record]]:
    import pyarrow.parquet as pq

    for path in sorted((SHARED / "hub").glob(pattern)):
        for number, record in enumerate(pq.read_table(path).to_pylist()):
            yield f"{path.parent.name}/{path.stem}/{number}", record


def items(name: str, pattern: str, prompt: str, answer: str = "none") -> list[Record]:
    return [
        {"benchmark": name, "id": key, "prompt": r[prompt], "answer": r.get(answer)}
        for key, r in table(pattern)
    ]


def gsm8k(split: str = "test") -> list[Record]:
    return items("gsm8k", f"openai/gsm8k/main/{split}.parquet", "question", "answer")


def planted(questions: list[Record], edit: Edit) -> list[Record]:
    """Each question in a chat row of its own, with another answer than its own."""
    return [
        {
            "messages": [
                {"role": "user", "content": f"Please solve this.\n{edit(q['prompt'])}\nThanks!"},
                {"role": "assistant", "content": f"It is {number}."},
            ]
        }
        for number, q in enumerate(questions)
    ]


def recall(questions: list[Record], edit: Edit, policy: str) -> float:
    report = decontam.check(planted(questions, edit), questions, policy)
    wanted = {(number, q["id"]) for number, q in enumerate(questions)}
    return len(wanted & {(m.row, m.item) for m in report.evidence() if m.flagged}) / len(wanted)


def one_word_in(step: int, kind: str) -> Edit:
    rng = random.Random(f"{step}/{kind}")
    filler = ["river", "maybe", "quickly", "seven", "table", "green", "although", "window"]

    def apply(text: str) -> str:
        words = text.split(" ")
        for begin in range(0, len(words), step):
            at = rng.randrange(begin, min(begin + step, len(words)))
            new = rng.choice(filler)
            words[at] = {"replace": new, "insert": f"{words[at]} {new}", "delete": ""}[kind]
        return " ".join(w for w in words if w)

    return apply


WHOLE: dict[str, Edit] = {
    "plain": str,
    "wrapped": lambda text: textwrap.fill(text, 30),
    "upper case": str.upper,
    "no-break spaces": lambda text: text.replace(" ", "\u00a0"),
    "curly quotes": lambda text: text.replace("'", "\u2019").replace('"', "\u201c"),
    "markup": lambda text: f"> **{text}**",
}


@pytest.mark.parametrize("policy", ["default", "tulu3"])
@pytest.mark.parametrize("edit", WHOLE)
def test_every_gsm8k_question_is_found_whatever_its_layout(edit: str, policy: str) -> None:
    questions = gsm8k()
    assert len(questions) == 1319
    assert recall(questions, WHOLE[edit], policy) == 1.0


@pytest.mark.parametrize("kind", ["replace", "insert", "delete"])
@pytest.mark.parametrize(("step", "least"), [(20, 0.99), (10, 0.95)])
def test_one_word_edits_do_not_hide_a_question(step: int, least: float, kind: str) -> None:
    assert recall(gsm8k(), one_word_in(step, kind), "default") >= least


def test_gsm8k_train_holds_variants_of_test_questions_and_none_of_them() -> None:
    report = decontam.check(planted(gsm8k("train"), str), gsm8k())
    assert report.flagged == ()
    assert {m.label for m in report.evidence()} == {"template_variant"}


def test_mgsm_english_is_gsm8k_and_the_other_languages_are_not_found() -> None:
    rows = planted(gsm8k(), str)
    for language, found in (("en", 250), ("de", 0), ("zh", 0), ("th", 0)):
        mgsm = items("mgsm", f"juletxara/mgsm/{language}/test.parquet", "question")
        assert decontam.check(rows, mgsm).summary()["items_matched"] == found
        assert recall(mgsm, str, "default") == 1.0


@pytest.mark.parametrize(
    ("corpus", "rows"), [("cpp_docs/cpp_docs_md", 300), ("eltec_eng/eltec_eng", 20)]
)
def test_documentation_and_novels_hold_no_benchmark_item(corpus: str, rows: int) -> None:
    with gzip.open(SHARED / "corpora" / f"{corpus}.jsonl.gz", "rt", encoding="utf-8") as lines:
        texts = [{"text": json.loads(line)["text"]} for line in itertools.islice(lines, rows)]
    everything = [
        *gsm8k(),
        *items("ifeval", "google/IFEval/default/train.parquet", "prompt"),
        *items("mbpp", "google-research-datasets/mbpp/full/*.parquet", "text", "code"),
        *items("humaneval", "openai/openai_humaneval/*/test.parquet", "prompt"),
    ]
    assert len(everything) == 1319 + 541 + 974 + 164
    report = decontam.check(texts, everything)
    assert [m for m in report.evidence() if m.flagged] == []


def fixture(kind: str, name: str) -> list[Record]:
    path = SHARED / "labelled" / "decon_fixtures" / kind / f"{name}.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("clean", {}),
        ("contaminated_at_beginning", {0: {"101"}}),
        ("contaminated_at_end", {0: {"101"}}),
        ("contaminated_middle_position", {0: {"101"}}),
        ("contaminated_punctuation_variation", {0: {"101"}}),
        ("contaminated_single_edit", {0: {"101"}}),
        ("contaminated_single_insertion", {0: {"101"}}),
        ("contaminated_single_deletion", {0: {"101"}}),
        ("contaminated_multiple_in_one", {0: {"101", "102", "103"}}),
        ("contaminated_mixed", {0: {"101"}, 3: {"102"}, 4: {"103"}}),
        ("contaminated_edge_cases", {0: {"101"}, 1: {"101"}, 2: {"101"}, 3: {"102"}}),
    ],
)
def test_the_labelled_fixtures_are_found_on_the_right_items(
    name: str, expected: dict[int, set[str]]
) -> None:
    references = [
        {"benchmark": r["eval_key"], "id": str(r["doc_id"]), "prompt": r["question"]}
        for r in fixture("reference", "question_reference")
    ]
    found: dict[int, set[str]] = {}
    for match in decontam.check(fixture("training", name), references).evidence():
        if match.flagged:
            found.setdefault(match.row, set()).add(match.item)
    assert found == expected
