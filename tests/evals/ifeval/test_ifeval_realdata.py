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
from punkt_data import write_punkt_tab

from evals.dataset_rows import dataset_rows
from evals.ifeval import check_ifbench, check_ifeval
from evals.ifeval.constraints import constraints_of
from evals.ifeval.ifbench import KINDS

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
RESPONSES = ("", LOREM, LOREM * 200, STORY, STORY.upper(), STORY.lower(), "Hi", "Ja, das ist gut.")


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


def test_the_ifbench_task_scores_in_lm_evals_loop() -> None:
    from lm_eval import evaluate
    from lm_eval.api.model import LM

    from evals.lm_eval_tasks import load_task
    from evals.suite import load_suite

    class Echo(LM):
        def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
            return [STORY for _ in requests]

        loglikelihood = loglikelihood_rolling = None  # type: ignore[assignment]

    benchmark = load_suite("ifbench").benchmarks[0]
    task = load_task(benchmark, HUB)
    found = evaluate(Echo(), {"tasks": {"ifbench": task}, "groups": {}}, bootstrap_iters=0)
    results = found["results"]["ifbench"]
    docs = rows("allenai/IFBench_test")
    loose = [all(check_ifbench(STORY, constraints_of(doc)).loose) for doc in docs]
    assert results["prompt_level_loose_acc,none"] == pytest.approx(sum(loose) / len(docs))
    assert results["inst_level_loose_acc,none"] >= results["inst_level_strict_acc,none"]
