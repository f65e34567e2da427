"""Where the items of the Tulu 3 suites lie, beside those that `item_sources` has."""

from __future__ import annotations

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from evals.dataset_rows import Row
from evals.item_parts import ItemSource, Part, column

MATH_SUBJECTS = (
    "algebra",
    "counting_and_probability",
    "geometry",
    "intermediate_algebra",
    "number_theory",
    "prealgebra",
    "precalculus",
)
DEEPMIND_MATH = (
    "algebra__linear_1d",
    "algebra__linear_1d_composed",
    "algebra__linear_2d",
    "algebra__linear_2d_composed",
    "algebra__polynomial_roots",
    "algebra__polynomial_roots_composed",
    "algebra__sequence_next_term",
    "algebra__sequence_nth_term",
    "arithmetic__add_or_sub",
    "arithmetic__add_or_sub_in_base",
    "arithmetic__add_sub_multiple",
    "arithmetic__div",
    "arithmetic__mixed",
    "arithmetic__mul",
    "arithmetic__mul_div_multiple",
    "arithmetic__nearest_integer_root",
    "arithmetic__simplify_surd",
    "calculus__differentiate",
    "calculus__differentiate_composed",
    "comparison__closest",
    "comparison__closest_composed",
    "comparison__kth_biggest",
    "comparison__kth_biggest_composed",
    "comparison__pair",
    "comparison__pair_composed",
    "comparison__sort",
    "comparison__sort_composed",
    "measurement__conversion",
    "measurement__time",
    "numbers__base_conversion",
    "numbers__div_remainder",
    "numbers__div_remainder_composed",
    "numbers__gcd",
    "numbers__gcd_composed",
    "numbers__is_factor",
    "numbers__is_factor_composed",
    "numbers__is_prime",
    "numbers__is_prime_composed",
    "numbers__lcm",
    "numbers__lcm_composed",
    "numbers__list_prime_factors",
    "numbers__list_prime_factors_composed",
    "numbers__place_value",
    "numbers__place_value_composed",
    "numbers__round_number",
    "numbers__round_number_composed",
    "polynomials__add",
    "polynomials__coefficient_named",
    "polynomials__collect",
    "polynomials__compose",
    "polynomials__evaluate",
    "polynomials__evaluate_composed",
    "polynomials__expand",
    "polynomials__simplify_power",
    "probability__swr_p_level_set",
    "probability__swr_p_sequence",
)
DEEPMIND_MATH_ROWS = 100
"""Problems scored of each kind; the test split has 10,000."""
AGIEVAL_ENGLISH = (
    "aqua-rat",
    "gaokao-english",
    "logiqa-en",
    "lsat-ar",
    "lsat-lr",
    "lsat-rc",
    "sat-en",
    "sat-math",
)


def deepmind_text(text: str) -> str:
    """A field of DeepMind Mathematics; some conversions hold bytes literals, `b'6\\n'`."""
    text = text.strip()
    if len(text) > 2 and text[:2] in ("b'", 'b"') and text[-1] == text[1]:
        text = text[2:-1].replace("\\n", "\n").replace("\\'", "'")
    return text.strip()


def _popqa_answers(held: Any) -> Any:
    return json.loads(held) if isinstance(held, str) else held


def _first_number_span_or_date(answer: Mapping[str, Any]) -> str:
    """DROP's answer: one of its three kinds is filled in."""
    if answer["number"]:
        return str(answer["number"])
    if answer["spans"]:
        return ", ".join(answer["spans"])
    return " ".join(str(answer["date"][part]) for part in ("day", "month", "year")).strip()


def _agieval_question(query: str) -> str:
    """The question of an AGIEval query: what stands before the options."""
    return query.partition("Answer Choices:")[0].strip().removeprefix("Q:").strip()


def _agieval_answer(row: Row) -> str:
    return str(row["choices"][row["gold"][0]])


_MMLU = ItemSource(
    dataset="cais/mmlu",
    configs=("all",),
    prompt=column("question", str.strip),
    answer=Part(("choices", "answer"), lambda row: row["choices"][row["answer"]]),
    options=column("choices"),
)
_WRONG = tuple(f"Incorrect Answer {i}" for i in (1, 2, 3))

TULU_SOURCES: Mapping[str, ItemSource] = MappingProxyType(
    {
        "mmlu_cot": _MMLU,
        "popqa": ItemSource(
            dataset="akariasai/PopQA",
            prompt=column("question"),
            answer=column("possible_answers", _popqa_answers),
        ),
        "truthfulqa_mc2": ItemSource(
            dataset="truthfulqa/truthful_qa",
            configs=("multiple_choice",),
            splits=("validation",),
            prompt=column("question"),
            answer=column("mc1_targets", lambda t: t["choices"][t["labels"].index(1)]),
            options=column("mc2_targets", lambda targets: tuple(targets["choices"])),
        ),
        "drop_qa": ItemSource(
            dataset="EleutherAI/drop",
            splits=("validation",),
            prompt=column("question"),
            answer=column("answer", _first_number_span_or_date),
            passage=column("passage"),
        ),
        "math_flexible": ItemSource(
            dataset="EleutherAI/hendrycks_math",
            configs=MATH_SUBJECTS,
            prompt=column("problem"),
            answer=column("solution"),
        ),
        "humaneval_plus_instruct": ItemSource(
            dataset="evalplus/humanevalplus",
            prompt=column("prompt"),
            answer=column("canonical_solution"),
        ),
        "alpaca_eval": ItemSource(
            dataset="tatsu-lab/alpaca_eval",
            file="alpaca_eval_gpt4_baseline.json",
            prompt=column("instruction"),
        ),
        "gpqa_cot": ItemSource(
            dataset="Idavidrein/gpqa",
            configs=("gpqa_main",),
            splits=("train",),
            prompt=column("Question", str.strip),
            answer=column("Correct Answer", str.strip),
            options=Part(
                ("Correct Answer", *_WRONG),
                lambda row: [str(row[name]).strip() for name in ("Correct Answer", *_WRONG)],
            ),
        ),
        **{
            f"agieval_{name.replace('-', '_')}_cot": ItemSource(
                dataset=f"hails/agieval-{name}",
                prompt=column("query", _agieval_question),
                answer=Part(("choices", "gold"), _agieval_answer),
                options=column("choices"),
            )
            for name in AGIEVAL_ENGLISH
        },
        "deepmind_math": ItemSource(
            dataset="deepmind/math_dataset",
            configs=DEEPMIND_MATH,
            first=DEEPMIND_MATH_ROWS,
            prompt=column("question", deepmind_text),
            answer=column("answer", deepmind_text),
        ),
        "bigcodebench_hard": ItemSource(
            dataset="bigcode/bigcodebench-hard",
            splits=("v0.1.4",),
            prompt=column("instruct_prompt"),
            answer=column("canonical_solution"),
        ),
    }
)
