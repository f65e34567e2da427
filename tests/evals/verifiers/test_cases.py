"""Every verifier on its tricky cases, wherever it is called from."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import cases_choice
import cases_exact
import cases_gsm8k
import cases_math
import pytest

from evals.verifiers import verifier

Case = tuple[str, str, bool, str]
TABLES: dict[str, list[Case]] = {
    "gsm8k": cases_gsm8k.CASES,
    "gsm8k_tulu": cases_gsm8k.TULU_CASES,
    "math": cases_math.CASES,
    "choice": cases_choice.CASES,
    "choice_tulu": cases_choice.TULU_CASES,
    "exact": cases_exact.CASES,
}


def wrong_cases(name: str) -> list[tuple[Case, str]]:
    """The cases on which the verifier does not say what the table says."""
    verdicts = [(case, verifier(name)(case[0], case[1])) for case in TABLES[name]]
    return [(case, verdict.reason) for case, verdict in verdicts if verdict.correct is not case[2]]


def on_the_main_thread(name: str) -> list[tuple[Case, str]]:
    return wrong_cases(name)


def on_worker_threads(name: str) -> list[tuple[Case, str]]:
    with ThreadPoolExecutor(4) as pool:
        return [wrong for found in pool.map(wrong_cases, [name] * 4) for wrong in found]


def in_a_spawned_process(name: str) -> list[tuple[Case, str]]:
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        return pool.submit(wrong_cases, name).result()


def in_a_forked_process(name: str) -> list[tuple[Case, str]]:
    wrong_cases(name)
    with ProcessPoolExecutor(1, multiprocessing.get_context("fork")) as pool:
        return pool.submit(wrong_cases, name).result()


@pytest.mark.parametrize(
    "place", [on_the_main_thread, on_worker_threads, in_a_spawned_process, in_a_forked_process]
)
@pytest.mark.parametrize("name", TABLES)
def test_every_case_has_its_verdict_wherever_the_verifier_runs(
    name: str, place: Callable[[str], list[tuple[Case, str]]]
) -> None:
    assert place(name) == []


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_at_least_forty_cases_of_both_kinds_each_once(name: str) -> None:
    table = TABLES[name]
    assert len(table) >= 40
    assert len({case[:2] for case in table}) == len(table)
    assert min(sum(case[2] for case in table), sum(not case[2] for case in table)) >= 10


@pytest.mark.parametrize("name", TABLES)
def test_a_verdict_says_what_was_judged_and_why(name: str) -> None:
    for response, reference, _, _ in TABLES[name]:
        verdict = verifier(name)(response, reference)
        assert verdict.reason
        assert verdict.extracted != ""
        assert verdict.extracted is not None or not verdict.correct or name == "gsm8k_tulu"


@pytest.mark.parametrize(("response", "reference", "correct", "reason"), cases_choice.TULU_CASES)
def test_tulu_3s_reading_says_whether_the_words_were_those_asked_for(
    response: str, reference: str, correct: bool, reason: str
) -> None:
    verdict = verifier("choice_tulu")(response, reference)
    assert (verdict.correct, verdict.reason) == (correct, reason)
