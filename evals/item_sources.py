"""Where the items of known benchmarks lie, and which column holds which part of an item."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

from evals.dataset_rows import Row
from evals.item_parts import ItemSource, Part, column
from evals.tulu_sources import TULU_SOURCES


def known_dataset(dataset: str) -> ItemSource | None:
    """The source that tells the columns of a dataset, if one does."""
    return next((s for s in SOURCES.values() if s.dataset == dataset), None)


def _after_hashes(solution: str) -> str:
    return solution.rpartition("####")[2].strip()


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else str(value)


_BBH_OPTIONS = re.compile(r"Options:\s*\n(?=\s*(?:\([A-Z]\)|-) )")
_BBH_MARK = re.compile(r"^\s*(\([A-Z]\)|-) ", re.MULTILINE)


def _bbh_question(text: str) -> str:
    return _BBH_OPTIONS.split(text)[0].strip()


def _bbh_options(text: str) -> dict[str, str]:
    """Mark -> option; an option with no letter is its own mark."""
    block = _BBH_OPTIONS.split(text)[1:]
    if not block:
        return {}
    _, *marked = _BBH_MARK.split(block[0])
    pairs = zip(marked[::2], marked[1::2], strict=True)
    return {t.strip() if mark == "-" else mark: t.strip() for mark, t in pairs}


def _bbh_answer(row: Row) -> str:
    """The option a letter stands for; a target that is no letter stands for itself."""
    target = str(row["target"]).strip()
    return _bbh_options(row["input"]).get(target, target)


BBH_TASKS = (
    "boolean_expressions",
    "causal_judgement",
    "date_understanding",
    "disambiguation_qa",
    "dyck_languages",
    "formal_fallacies",
    "geometric_shapes",
    "hyperbaton",
    "logical_deduction_five_objects",
    "logical_deduction_seven_objects",
    "logical_deduction_three_objects",
    "movie_recommendation",
    "multistep_arithmetic_two",
    "navigate",
    "object_counting",
    "penguins_in_a_table",
    "reasoning_about_colored_objects",
    "ruin_names",
    "salient_translation_error_detection",
    "snarks",
    "sports_understanding",
    "temporal_sequences",
    "tracking_shuffled_objects_five_objects",
    "tracking_shuffled_objects_seven_objects",
    "tracking_shuffled_objects_three_objects",
    "web_of_lies",
    "word_sorting",
)
MGSM_LANGUAGES = ("bn", "de", "en", "es", "fr", "ja", "ru", "sw", "te", "th", "zh")
MMLU_PRO_SUBJECTS = (
    "biology",
    "business",
    "chemistry",
    "computer science",
    "economics",
    "engineering",
    "health",
    "history",
    "law",
    "math",
    "other",
    "philosophy",
    "physics",
    "psychology",
)

_BBH = ItemSource(
    dataset="SaylorTwift/bbh",
    configs=BBH_TASKS,
    prompt=column("input", _bbh_question),
    answer=Part(("input", "target"), _bbh_answer),
    options=column("input", lambda text: tuple(_bbh_options(text).values())),
)
_MGSM = ItemSource(
    dataset="juletxara/mgsm",
    configs=MGSM_LANGUAGES,
    prompt=column("question"),
    answer=column("answer_number", _number),
)
_MMLU_PRO = ItemSource(
    dataset="TIGER-Lab/MMLU-Pro",
    prompt=column("question"),
    answer=Part(("options", "answer_index"), lambda row: row["options"][row["answer_index"]]),
    options=column("options"),
)

SOURCES: Mapping[str, ItemSource] = MappingProxyType(
    {
        "gsm8k": ItemSource(
            dataset="openai/gsm8k",
            configs=("main",),
            prompt=column("question"),
            answer=column("answer", _after_hashes),
        ),
        "ifeval": ItemSource(dataset="google/IFEval", splits=("train",), prompt=column("prompt")),
        "ifbench": ItemSource(
            dataset="allenai/IFBench_test", splits=("train",), prompt=column("prompt")
        ),
        "humaneval": ItemSource(
            dataset="openai/openai_humaneval",
            prompt=column("prompt"),
            answer=column("canonical_solution"),
        ),
        "mbpp": ItemSource(
            dataset="google-research-datasets/mbpp",
            configs=("full",),
            also=("train", "validation", "prompt"),
            prompt=column("text"),
            answer=column("code"),
        ),
        "bbh": _BBH,
        "bbh_cot_fewshot": _BBH,
        "mgsm": _MGSM,
        # The tags of lm-eval; what others have added to them (Galician) is not in this dataset.
        "mgsm_direct": _MGSM,
        "mgsm_cot_native": _MGSM,
        "mmlu_pro": _MMLU_PRO,
        "mmlu_pro_cot": _MMLU_PRO,
        **{
            f"mmlu_pro_{subject.replace(' ', '_')}": replace(_MMLU_PRO, only=("category", subject))
            for subject in MMLU_PRO_SUBJECTS
        },
        "xstest": ItemSource(dataset="Paul/XSTest", splits=("train",), prompt=column("prompt")),
        "mt_bench": ItemSource(dataset="lmsys/mt_bench", splits=("train",), prompt=column("turns")),
        **TULU_SOURCES,
    }
)
