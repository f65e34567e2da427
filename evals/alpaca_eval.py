"""AlpacaEval 2 (Dubois et al. 2024, arXiv:2404.04475): preferred over GPT-4 Turbo's responses?"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

from evals.conversations import converse
from evals.dataset_rows import file_rows
from evals.digest import text_digest
from evals.documents import sample_indices
from evals.engines import Engine, Generation
from evals.hub import dataset_file
from evals.item_sources import SOURCES
from evals.judge import Message, ask, choice, judge_prompt
from evals.judged_items import JudgedItem, JudgedResult, sampling
from evals.length_control import FEWEST, GamedRows, length_controlled
from evals.suite import Benchmark

Row = Mapping[str, Any]

GAMED = "df_gamed.csv"
VERDICT_TOKENS = 16


def alpaca_eval(
    benchmark: Benchmark, engine: Engine, judge: Engine, hub: Path | None, replicate: int = 0
) -> JudgedResult:
    """Answer the instructions and have each response compared with the baseline's.

    Metrics: `win_rate`, the judge's preference for the model; `length_controlled_win_rate`, what
    the published regression makes of it (it needs the dataset's file of gamed baselines); and
    `length_controlled_minimal`, the regression without the instructions' difficulty. The judge is
    asked for a name, as its words are all that every server returns; the published annotator
    reads the probabilities of the two names.

    Args:
        benchmark: Its settings.
        engine: The model that is measured.
        judge: The model that judges.
        hub: Mirror folder that stands in for the Hub.
        replicate: Which replicate.

    Raises:
        ValueError: the data cannot be had or has another size, or too few items for the
            regression that the benchmark's metric needs.
    """
    rows = baseline_rows(hub)
    chosen = sample_indices(benchmark, len(rows))
    picked = [rows[i] for i in chosen]
    ids = [f"{benchmark.name}/{i}" for i in chosen]
    prompts, generations = _answers(benchmark, engine, picked, ids, replicate)
    places = [first_place(row["instruction"]) for row in picked]
    shown = [
        _shown(row, generation.text, place)
        for row, generation, place in zip(picked, generations, places, strict=True)
    ]
    verdicts = ask(judge, shown, max_tokens=VERDICT_TOKENS)
    preferences = [
        preference(verdict.text, place) for verdict, place in zip(verdicts, places, strict=True)
    ]
    difficulty, gamed = gamed_rows(hub) if _wants(benchmark) else ({}, None)
    metrics = preference_metrics(
        preferences,
        [len(row["output"]) for row in picked],
        [len(generation.text) for generation in generations],
        [difficulty[i] for i in chosen] if gamed else None,
        gamed,
    )
    items = zip(ids, picked, prompts, generations, verdicts, metrics, strict=True)
    return JudgedResult(
        benchmark,
        tuple(JudgedItem(i, row, p, g, verdict.text, m) for i, row, p, g, verdict, m in items),
    )


def _wants(benchmark: Benchmark) -> bool:
    return benchmark.metric == "length_controlled_win_rate"


def baseline_rows(hub: Path | None) -> Sequence[Row]:
    """Instructions with the baseline's outputs, in the dataset's order."""
    source = SOURCES["alpaca_eval"]
    assert source.file
    return file_rows(source.dataset, source.file, hub)


def gamed_rows(hub: Path | None) -> tuple[dict[int, float], GamedRows]:
    """Difficulty by position of the instruction, and the preferences for gamed baselines.

    Raises:
        ValueError: the file cannot be had or lacks a column.
    """
    path = dataset_file(SOURCES["alpaca_eval"].dataset, GAMED, hub)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    needed = {"index", "preference", "std_delta_len", "instruction_difficulty"}
    if not rows or needed - set(rows[0]):
        raise ValueError(f"{path}: it needs rows with the columns {', '.join(sorted(needed))}")
    difficulty = {int(r["index"]): float(r["instruction_difficulty"]) for r in rows}
    preferred = [r for r in rows if r["preference"]]
    columns = [
        np.array([float(r[name]) for r in preferred])
        for name in ("preference", "std_delta_len", "instruction_difficulty")
    ]
    return difficulty, GamedRows(*columns)


def _answers(
    benchmark: Benchmark, engine: Engine, rows: Sequence[Row], ids: Sequence[str], replicate: int
) -> tuple[list[str], list[Generation]]:
    samplings = [[sampling(benchmark, 0.0, item, replicate)] for item in ids]
    played = converse(engine, [[row["instruction"]] for row in rows], samplings)
    return [t[0].prompt for t in played], [t[0].generation for t in played]


def first_place(instruction: str) -> Literal["model", "baseline"]:
    """Whose response the judge sees first: even by the instruction's digest, so that a judge that
    likes the first place favours neither side, and a run can be repeated.
    """
    return "model" if int(text_digest(instruction)[:8], 16) % 2 else "baseline"


def _shown(row: Row, response: str, place: Literal["model", "baseline"]) -> Sequence[Message]:
    outputs = [response, row["output"]]
    first, second = outputs if place == "model" else reversed(outputs)
    return judge_prompt("alpaca_eval").messages(
        instruction=row["instruction"], output_1=first, output_2=second
    )


def preference(verdict: str, place: Literal["model", "baseline"]) -> float | None:
    """1 where the judge names the model's response, 0 where it names the baseline's, else None."""
    named = choice(verdict)
    return None if named is None else float((named == "m") == (place == "model"))


def preference_metrics(
    preferences: Sequence[float | None],
    baseline_lengths: Sequence[int],
    lengths: Sequence[int],
    difficulty: Sequence[float] | None,
    gamed: GamedRows | None,
) -> list[dict[str, float | None]]:
    """Metrics of each item; those of an item without a preference are None, and no fit sees it.

    Raises:
        ValueError: too few items for a regression.
    """
    judged = [i for i, p in enumerate(preferences) if p is not None]
    found = [p for p in preferences if p is not None]
    lengths_ = [baseline_lengths[i] for i in judged], [lengths[i] for i in judged]
    columns: dict[str, Sequence[float]] = {"win_rate": found}
    if gamed is not None and difficulty is not None:
        columns["length_controlled_win_rate"] = list(
            length_controlled(found, *lengths_, [difficulty[i] for i in judged], gamed)
        )
    elif len(found) >= FEWEST:
        columns["length_controlled_minimal"] = list(length_controlled(found, *lengths_))
    metrics: list[dict[str, float | None]] = [dict.fromkeys(columns) for _ in preferences]
    for name, values in columns.items():
        for i, value in zip(judged, values, strict=True):
            metrics[i][name] = float(value)
    return metrics
