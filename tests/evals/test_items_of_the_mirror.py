"""Real benchmarks have all their items, each with its parts apart."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from evals.items import EvalItem
from evals.load_items import named_items

ROOT = Path(__file__).parent.parent.parent
SHARED = Path(os.environ.get("ASSAY_SHARED", "../shared"))
SHARED = SHARED if SHARED.is_absolute() else (ROOT / SHARED).resolve()

pytestmark = pytest.mark.usefixtures("without_the_hub")

realdata = pytest.mark.skipif(
    not SHARED.is_dir(), reason=f"no folder {SHARED}; set ASSAY_SHARED to the real benchmarks"
)

ITEMS = {
    "gsm8k": 1319,
    "ifeval": 541,
    "ifbench": 300,
    "humaneval": 164,
    "mbpp": 974,
    "bbh": 6511,
    "mgsm": 2750,
    "mmlu_pro": 12032,
    "xstest": 450,
    "mt_bench": 160,
    "bbh_cot_fewshot": 6511,
    "bbh_zeroshot_date_understanding": 250,
    "mgsm_direct": 2750,
    "mgsm_direct_te": 250,
    "mmlu_pro_law": 1101,
    "mbpp_instruct": 500,
}


@realdata
@pytest.mark.realdata
@pytest.mark.parametrize("name", ITEMS)
def test_each_benchmark_of_the_mirror_has_all_its_items(name: str) -> None:
    items = named_items(name, SHARED / "hub")
    assert len(items) == ITEMS[name]
    assert len({(i.benchmark, i.id) for i in items}) == len(items)
    assert all(i.prompt.strip() for i in items)
    assert "Options:" not in "".join(i.prompt for i in items if i.options)


def item(name: str, key: str) -> EvalItem:
    return next(i for i in named_items(name, SHARED / "hub") if i.id == key)


@realdata
@pytest.mark.realdata
def test_real_items_have_their_parts_apart() -> None:
    date = item("bbh", "bbh/date_understanding/3")
    assert date.prompt.endswith("What is the date one week ago from today in MM/DD/YYYY?")
    assert (date.answer, date.options[-1]) == ("07/01/1972", "08/12/1972")
    fallacy = item("bbh", "bbh/formal_fallacies/3")
    assert (fallacy.answer, fallacy.options) == ("valid", ("valid", "invalid"))
    assert item("bbh", "bbh/boolean_expressions/3") == EvalItem(
        "bbh", "bbh/boolean_expressions/3", "False or not ( True ) and False is", "False"
    )
    ethics = item("mmlu_pro", "73")
    assert (ethics.answer, len(ethics.options)) == ("Postmodern ethics", 10)
    code = item("humaneval", "HumanEval/12")
    assert code.prompt.startswith("from typing import List, Optional")
    assert code.answer is not None
    assert "return None" in code.answer
    assert item("mgsm", "mgsm/en/1").answer == item("gsm8k", "gsm8k/1").answer == "3"
    assert item("mgsm", "mgsm/en/1").prompt == item("gsm8k", "gsm8k/1").prompt
    assert item("mt_bench", "82/1").prompt.startswith("Take a moment to evaluate")
    assert item("ifeval", "1001").answer is None


@realdata
@pytest.mark.realdata
def test_the_mirror_is_read_without_torch_datasets_or_lm_eval() -> None:
    code = f"""
import sys
from pathlib import Path
from evals.load_items import named_items
for name in ("bbh", "mgsm_direct", "mmlu_pro"):
    named_items(name, Path({str(SHARED)!r}) / "hub")
print(sorted({{"torch", "datasets", "lm_eval", "transformers", "pandas"}} & set(sys.modules)))
"""
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert found.stdout.strip() == "[]"
