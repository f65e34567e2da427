"""The embedded benchmarks."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.lm_eval_tasks import load_task
from evals.mini import BENCHMARKS, draw, held, problems
from evals.mini.benchmarks import GENERATORS, VERIFIERS_BY_SKILL
from evals.mini.constraints import PAIRS, SEEN_PAIRS, UNSEEN_PAIRS
from evals.suite import load_suite
from evals.verifiers import verifier

SUITES = [b for s in ("mini-dev", "mini-unseen") for b in load_suite(s).benchmarks]


@pytest.mark.parametrize("name", BENCHMARKS)
def test_a_benchmark_has_five_hundred_items_no_two_alike(name: str) -> None:
    assert len({p.core for p in problems(name)}) == 500


def test_no_problem_is_in_two_benchmarks() -> None:
    assert len(held()) == 500 * len(BENCHMARKS)


@given(st.sampled_from(sorted(GENERATORS)), st.integers(), st.booleans())
def test_the_careful_answer_is_right_and_the_slip_is_wrong(
    skill: str, seed: int, shifted: bool
) -> None:
    problem = draw(skill, random.Random(seed), shifted=shifted)  # type: ignore[arg-type]
    verify = verifier(VERIFIERS_BY_SKILL[problem.skill])
    assert verify(problem.careful, problem.reference).correct
    assert not verify(problem.slip, problem.reference).correct


@given(st.integers())
def test_a_careless_constraint_answer_breaks_one_constraint(seed: int) -> None:
    problem = draw("constraints", random.Random(seed))
    verdict = verifier("mini_ifeval")(problem.careless, problem.reference)
    assert verdict.reason == f"broken: {json.loads(problem.reference)[1][0]}"


def test_shifted_constraints_use_only_pairs_that_training_never_has() -> None:
    assert set(SEEN_PAIRS) | set(UNSEEN_PAIRS) == set(PAIRS)
    for problem in problems("mini_ifeval_ood"):
        kinds = {c[0] for c in json.loads(problem.reference)}
        assert any(kinds == set(pair) for pair in UNSEEN_PAIRS)


@pytest.mark.parametrize("benchmark", SUITES, ids=lambda b: b.name)
def test_every_embedded_benchmark_loads_as_an_lm_eval_task(benchmark) -> None:  # type: ignore[no-untyped-def]
    task = load_task(benchmark, None)
    docs = list(task.test_docs())
    assert [d["prompt"] for d in docs] == [p.prompt for p in problems(benchmark.task)]
    assert task.doc_to_text(docs[0]) == docs[0]["prompt"]
    right = task.process_results(docs[0], [problems(benchmark.task)[0].careful])
    assert right == {benchmark.metric: 1.0}
    assert task.process_results(docs[0], ["no"]) == {benchmark.metric: 0.0}
