"""MT-Bench (Zheng et al. 2023, arXiv:2306.05685): two turns, each graded 1 to 10 by a judge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

from evals.conversations import Turn, converse
from evals.dataset_rows import dataset_rows
from evals.documents import sample_indices
from evals.engines import Engine
from evals.item_sources import SOURCES
from evals.judge import Message, ask, judge_prompt, rating
from evals.judged_items import JudgedItem, JudgedResult, sampling
from evals.suite import Benchmark

Row = Mapping[str, Any]

TURNS = 2
VERDICT_TOKENS = 2048
TEMPERATURES: Mapping[str, float] = MappingProxyType(
    {
        "writing": 0.7,
        "roleplay": 0.7,
        "extraction": 0.0,
        "math": 0.0,
        "coding": 0.0,
        "reasoning": 0.0,
        "stem": 0.1,
        "humanities": 0.1,
    }
)
"""Category -> temperature of the responses, as published."""


def mt_bench(
    benchmark: Benchmark, engine: Engine, judge: Engine, hub: Path | None, replicate: int = 0
) -> JudgedResult:
    """Play the conversations and have every turn graded; an item is a turn, `<question>/<turn>`.

    Its metric `rating` is the grade over ten.  Questions that bring reference answers (a column
    `reference`) are graded against them.

    Args:
        benchmark: Its settings.
        engine: The model that is measured.
        judge: The model that judges.
        hub: Mirror folder that stands in for the Hub.
        replicate: Which replicate.

    Raises:
        ValueError: the data cannot be had or has another size; a row has not two turns, or a
            category without a temperature.
    """
    rows = _rows(hub)
    scored = sample_indices(benchmark, TURNS * len(rows))
    # A second turn can only be played behind its first.
    depth: dict[int, int] = {}
    for index in scored:
        depth[index // TURNS] = index % TURNS + 1
    played = dict(zip(depth, _play(benchmark, engine, rows, depth, replicate), strict=True))
    places = [(index // TURNS, index % TURNS) for index in scored]
    asked = [_shown(rows[q], played[q], turn) for q, turn in places]
    verdicts = ask(judge, asked, max_tokens=VERDICT_TOKENS)
    items = [
        JudgedItem(
            item=_item(rows[q], turn),
            document=rows[q],
            prompt=played[q][turn].prompt,
            generation=played[q][turn].generation,
            verdict=verdict.text,
            metrics={"rating": None if (grade := rating(verdict.text)) is None else grade / 10},
        )
        for (q, turn), verdict in zip(places, verdicts, strict=True)
    ]
    return JudgedResult(benchmark, tuple(items))


def _rows(hub: Path | None) -> Sequence[Row]:
    source = SOURCES["mt_bench"]
    rows = dataset_rows(source.dataset, source.configs[0], source.splits[0], hub)
    for row in rows:
        if len(row["turns"]) != TURNS or row["category"] not in TEMPERATURES:
            raise ValueError(
                f"MT-Bench question {row['question_id']}: {len(row['turns'])} turns, category "
                f"{row['category']!r}; it has two, and one of {', '.join(TEMPERATURES)}"
            )
    return rows


def _item(row: Row, turn: int) -> str:
    return f"{row['question_id']}/{turn}"


def _play(
    benchmark: Benchmark,
    engine: Engine,
    rows: Sequence[Row],
    depth: Mapping[int, int],
    replicate: int,
) -> list[list[Turn]]:
    questions = [rows[q]["turns"][:turns] for q, turns in depth.items()]
    samplings = [
        [
            sampling(benchmark, TEMPERATURES[rows[q]["category"]], _item(rows[q], t), replicate)
            for t in range(turns)
        ]
        for q, turns in depth.items()
    ]
    return converse(engine, questions, samplings)


def _shown(row: Row, turns: Sequence[Turn], turn: int) -> Sequence[Message]:
    """What the judge is shown of a turn: for the second one, the first as well."""
    references = list(row.get("reference") or ())[: turn + 1]
    name = ("mt_bench_first", "mt_bench_second")[turn] + ("_reference" if references else "")
    texts = {f"ref_answer_{i + 1}": text for i, text in enumerate(references)}
    if turn == 0:
        texts |= {"question": turns[0].question, "answer": turns[0].generation.text}
    else:
        for i, played in enumerate(turns[:TURNS], start=1):
            texts |= {f"question_{i}": played.question, f"answer_{i}": played.generation.text}
    return judge_prompt(name).messages(**texts)
