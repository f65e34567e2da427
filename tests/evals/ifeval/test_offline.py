"""lm-eval's IFEval without a network, with and without nltk's sentence data."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest
from punkt_data import write_punkt_tab

from evals.ifeval import prepare, sentence_splitter
from evals.ifeval.constraints import Constraints
from evals.ifeval.lm_eval_checks import check_ifeval

ROOT = Path(__file__).parents[3]
LABELLED = Path(__file__).with_name("sentences.jsonl")

NO_NETWORK = """
import socket, sys
def refuse(*args, **kwargs): raise AssertionError(f"network: {args}")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
import nltk
nltk.download = refuse
"""


def run(code: str, nltk_data: Path) -> str:
    """Run Python in a new process whose only nltk data is a folder, without a network."""
    home = nltk_data.parent / "home"
    home.mkdir(exist_ok=True)
    environment = {**os.environ, "NLTK_DATA": str(nltk_data), "HOME": str(home)}
    done = subprocess.run(
        [sys.executable, "-W", "error:::evals", "-c", NO_NETWORK + code],
        env=environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


@pytest.fixture
def no_punkt(tmp_path: Path) -> Path:
    folder = tmp_path / "nltk_data"
    folder.mkdir(mode=0o700)
    return folder


@pytest.fixture
def small_punkt(no_punkt: Path) -> Path:
    cases = [json.loads(line) for line in LABELLED.read_text(encoding="utf-8").splitlines()]
    return write_punkt_tab(no_punkt, "\n\n".join(case["text"] for case in cases))


def test_without_punkt_nothing_is_downloaded_and_nltk_stays_as_it_was(no_punkt: Path) -> None:
    code = """
paths = list(nltk.data.path)
functions = nltk.word_tokenize, nltk.sent_tokenize, nltk.data.find, nltk.data.load
from evals.ifeval import prepare, sentence_splitter
assert prepare() == prepare() == sentence_splitter() == "bundled"
from lm_eval.tasks.ifeval import instructions_util, utils
from evals.ifeval.sentences import split_sentences
text = "Dr. A. Smith met Mr. Lee at 5 p.m. today. They left! OK?"
assert instructions_util.count_sentences(text) == len(split_sentences(text)) == 3
def doc(**kwargs): return {"key": 1, "prompt": "", **kwargs}
wanted = doc(instruction_id_list=["length_constraints:number_sentences"],
             kwargs=[{"num_sentences": 3, "relation": "at least"}])
assert utils.process_results(wanted, [text])["prompt_level_strict_acc"]
shouted = doc(instruction_id_list=["change_case:capital_word_frequency"],
              kwargs=[{"capital_frequency": 2, "capital_relation": "at least"}])
assert utils.process_results(shouted, ["A BIG dog."])["prompt_level_strict_acc"]
assert nltk.data.path == paths
assert functions == (nltk.word_tokenize, nltk.sent_tokenize, nltk.data.find, nltk.data.load)
for broken in (nltk.sent_tokenize, nltk.word_tokenize):
    try: broken("A. B.")
    except LookupError: continue
    raise AssertionError("nltk should not have Punkt")
print("done")
"""
    assert run(code, no_punkt).endswith("done\n")


def test_with_punkt_lm_evals_own_functions_count(small_punkt: Path) -> None:
    code = """
from evals.ifeval import prepare, sentence_splitter
from evals.ifeval.offline import sentences, tokens
assert prepare() == sentence_splitter() == "punkt_tab"
from lm_eval.tasks.ifeval import instructions_util
assert instructions_util.nltk is nltk
import json
for line in open("tests/evals/ifeval/sentences.jsonl", encoding="utf-8"):
    text = json.loads(line)["text"]
    assert sentences(text) == nltk.sent_tokenize(text)
    assert tokens(text) == nltk.word_tokenize(text)
    assert instructions_util.count_sentences(text) == len(nltk.sent_tokenize(text))
print("done")
"""
    assert run(code, small_punkt).endswith("done\n")


def test_an_empty_punkt_folder_is_no_punkt(no_punkt: Path) -> None:
    (no_punkt / "tokenizers" / "punkt_tab" / "english").mkdir(parents=True, mode=0o700)
    assert run("from evals.ifeval import prepare\nprint(prepare())", no_punkt) == "bundled\n"


def test_lm_eval_may_have_been_imported_before(small_punkt: Path) -> None:
    code = """
from lm_eval.tasks.ifeval import utils
from evals.ifeval import prepare
print(prepare())
"""
    assert run(code, small_punkt).endswith("punkt_tab\n")


def _verdicts(_: int) -> list[bool]:
    wanted = [
        ("language:response_language", {"language": "de"}),
        ("length_constraints:number_sentences", {"num_sentences": 2, "relation": "at least"}),
        (
            "change_case:capital_word_frequency",
            {"capital_frequency": 2, "capital_relation": "at least"},
        ),
        (
            "keywords:letter_frequency",
            {"letter": "#", "let_frequency": 3, "let_relation": "at least"},
        ),
    ]
    names, arguments = zip(*wanted, strict=True)
    response = "Das ist der ERSTE Satz. Hier kommt nun der ZWEITE."
    return list(check_ifeval(response, Constraints(names, arguments, "")).strict)


def test_verdicts_are_the_same_on_threads_and_in_processes() -> None:
    here = _verdicts(0)
    assert here[:3] == [True, True, True]
    with ThreadPoolExecutor(4) as threads:
        assert list(threads.map(_verdicts, range(8))) == [here] * 8
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as processes:
        assert processes.submit(_verdicts, 0).result() == here


def test_threads_that_come_first_meet_whole_language_profiles(no_punkt: Path) -> None:
    code = """
from concurrent.futures import ThreadPoolExecutor
from evals.ifeval import check_ifeval
from evals.ifeval.constraints import Constraints
wanted = Constraints(("language:response_language",), ({"language": "de"},), "")
text = "Das ist der erste Satz und hier kommt nun der zweite."
with ThreadPoolExecutor(4) as threads:
    got = list(threads.map(lambda _: check_ifeval(text, wanted).strict, range(8)))
assert got == [(True,)] * 8, got
print("done")
"""
    assert run(code, no_punkt).endswith("done\n")


def test_the_splitter_in_use_can_be_told() -> None:
    assert prepare() == sentence_splitter()
    assert sentence_splitter() in ("punkt_tab", "bundled")
