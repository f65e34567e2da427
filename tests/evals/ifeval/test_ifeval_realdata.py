"""All documents of IFEval and IFBench: scored as lm-eval scores them, and without a failure."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from punkt_data import write_punkt_tab

from evals.dataset_rows import dataset_rows
from evals.ifeval import check_ifbench, check_ifeval
from evals.ifeval.constraints import constraints_of
from evals.ifeval.ifbench import KINDS
from evals.stock_tasks import task_file

ROOT = Path(__file__).parents[3]
SHARED = Path(os.environ.get("ASSAY_SHARED", ROOT.parent / "shared"))
HUB = SHARED / "hub"
pytestmark = [
    pytest.mark.realdata,
    pytest.mark.skipif(
        not HUB.is_dir(), reason=f"no folder {HUB}; set ASSAY_SHARED to the real benchmarks"
    ),
]

LOREM = (
    "Lorem ipsum dolor sit amet, consectetur adipiscing elit. Sed do eiusmod tempor incididunt ut "
    "labore et dolore magna aliqua! Ut enim ad minim veniam?\n\n* quis\n  - nostrud\n\n"
)
STORY = (
    'Sure, here it is:\n\n<<The Town>>\n\n1. Dr. J. Smith said, "Stop!" and left at 5 p.m. Then it '
    "rained...\n\n2. The U.S. team [name] won 3.5 to 2. *They* were GLAD, e.g. NASA was.\n\n"
    "***\n\nSection 1\nIs it so? Yes. P.S. I agree.\n\nMy answer is yes."
)
RESPONSES = ("", LOREM * 8, STORY, STORY.upper(), STORY.lower(), "Ja, das ist gut.")


def rows(dataset: str) -> Sequence[dict[str, Any]]:
    return [dict(row) for row in dataset_rows(dataset, "default", "train", HUB)]


def test_every_document_takes_every_response() -> None:
    for dataset, count, check in (
        ("google/IFEval", 541, check_ifeval),
        ("allenai/IFBench_test", 300, check_ifbench),
    ):
        docs = rows(dataset)
        assert len(docs) == count
        for doc in docs:
            wanted = constraints_of(doc)
            for response in ("", LOREM * 20, LOREM):
                following = check(response, wanted)
                assert len(following.strict) == len(doc["instruction_id_list"])
                assert all(
                    b or not a for a, b in zip(following.strict, following.loose, strict=True)
                )
            assert not any(check("", wanted).loose)


def test_the_data_has_the_58_kinds() -> None:
    docs = rows("allenai/IFBench_test")
    assert {name for doc in docs for name in doc["instruction_id_list"]} == set(KINDS)


def scores_of(
    by: str, jobs: Sequence[tuple[dict[str, Any], str]], nltk_data: Path
) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("score_documents.py")), by],
        input=json.dumps(jobs),
        env={**os.environ, "NLTK_DATA": str(nltk_data), "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_scores_with_punkt_are_lm_evals_own_on_every_document(tmp_path: Path) -> None:
    corpus = SHARED / "corpora" / "eltec_eng" / "eltec_eng.jsonl.gz"
    with gzip.open(corpus, "rt", encoding="utf-8") as lines:
        text = json.loads(next(lines))["text"][:400_000]
    data = write_punkt_tab(tmp_path, text)
    jobs = [(doc, response) for doc in rows("google/IFEval") for response in RESPONSES]
    own, theirs = scores_of("ours", jobs, data), scores_of("lm-eval", jobs, data)
    assert own["splitter"] == "punkt_tab"
    drawn = set(theirs["random"])
    assert {jobs[i][0]["key"] for i in drawn} == {1122, 1129}
    different = [
        (jobs[i][0]["key"], jobs[i][1][:20])
        for i, (a, b) in enumerate(zip(own["scores"], theirs["scores"], strict=True))
        if a != b and i not in drawn
    ]
    assert different == []


def test_the_ifbench_task_scores_in_lm_evals_loop(tmp_path: Path) -> None:
    from lm_eval import evaluate
    from lm_eval.api.model import LM
    from lm_eval.tasks import TaskManager

    class Constant(LM):
        def generate_until(self, requests: list[Any]) -> list[str]:
            return [STORY for _ in requests]

        def loglikelihood(self, requests: list[Any]) -> list[tuple[float, bool]]:
            raise NotImplementedError

        def loglikelihood_rolling(self, requests: list[Any]) -> list[float]:
            raise NotImplementedError

    file = tmp_path / "ifbench.yaml"
    overrides = {"include": str(task_file("ifbench")), "task": "ifbench"}
    overrides["dataset_path"] = str(HUB / "allenai/IFBench_test")
    file.write_text(yaml.safe_dump(overrides), encoding="utf-8")
    loaded = TaskManager(include_defaults=False).load(str(file))
    results = evaluate(Constant(), loaded, bootstrap_iters=0)["results"]["ifbench"]
    all_scores = [check_ifbench(STORY, constraints_of(doc)) for doc in rows("allenai/IFBench_test")]
    for level in ("strict", "loose"):
        held = [getattr(scores, level) for scores in all_scores]
        by_instruction = [one for each in held for one in each]
        assert results[f"prompt_level_{level}_acc,none"] == pytest.approx(sum(map(all, held)) / 300)
        assert results[f"inst_level_{level}_acc,none"] == pytest.approx(
            sum(by_instruction) / len(by_instruction)
        )
