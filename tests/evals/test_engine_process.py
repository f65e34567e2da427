"""An engine in a process of its own answers as it would here, and fails as it would here."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path

import pytest
from toy_engine import ToyEngine

from evals.engines import Generation, Request, Sampling
from evals.engines.process import EngineProcess

ROOT = Path(__file__).parents[2]
MODEL = ROOT / "recipe" / "tiny" / "model"
REQUESTS = [Request(f"{i} + {i} =", Sampling(max_tokens=4)) for i in range(20)]


class Failing(ToyEngine):
    """Answers one request, then raises."""

    def __init__(self, error: Exception) -> None:
        super().__init__()
        self._error = error

    def generate(self, requests: Sequence[Request]) -> Iterator[tuple[int, Generation]]:  # noqa: ARG002
        yield 0, Generation("one", "stop", 1)
        raise self._error


def refusing(error: Exception) -> ToyEngine:
    raise error


def killed() -> ToyEngine:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


@pytest.fixture(scope="module")
def apart() -> Iterator[EngineProcess]:
    engine = EngineProcess(ToyEngine)
    yield engine
    engine.close()


def test_it_answers_as_the_engine_does_here(apart: EngineProcess) -> None:
    here = ToyEngine()
    assert apart.identity == here.identity
    assert apart.tokenizer_name == here.tokenizer_name
    said: list[Mapping[str, str]] = [{"role": "user", "content": "lone \ud800, \u00e9"}]
    for begin in (True, False):
        assert apart.chat(said, add_generation_prompt=begin) == here.chat(
            said, add_generation_prompt=begin
        )
    assert list(apart.generate(REQUESTS)) == list(here.generate(REQUESTS))
    pairs = [("a", " b"), ("c", " d e")]
    assert list(apart.loglikelihood(pairs)) == list(here.loglikelihood(pairs))


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (ValueError("too long"), ValueError, "^too long$"),
        (FileNotFoundError("no such model"), OSError, "^no such model$"),
        (ZeroDivisionError("by zero"), RuntimeError, "ZeroDivisionError: by zero"),
    ],
)
def test_what_the_engine_raises_is_raised_where_it_is_asked(
    error: Exception, kind: type[Exception], message: str
) -> None:
    broken = EngineProcess(partial(refusing, error))
    for _ in range(2):
        with pytest.raises(kind, match=message):
            _ = broken.identity
    broken.close()
    failing = EngineProcess(partial(Failing, error))
    rows = failing.generate(REQUESTS)
    assert next(rows) == (0, Generation("one", "stop", 1))
    with pytest.raises(kind, match=message):
        next(rows)
    assert failing.identity == ToyEngine().identity
    failing.close()


def test_a_process_that_died_is_an_error_that_says_so() -> None:
    with pytest.raises(RuntimeError, match="ended with exit code -9"):
        _ = EngineProcess(killed).identity


def test_an_answer_that_is_not_read_to_its_end_is_not_taken_for_the_next() -> None:
    engine = EngineProcess(ToyEngine)
    rows = engine.generate(REQUESTS)
    next(rows)
    rows.close()  # type: ignore[attr-defined]
    with pytest.raises(OSError, match="closed"):
        _ = engine.identity


def modules_after(code: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport json, sys\nprint(json.dumps(list(sys.modules)))"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return set(json.loads(done.stdout.splitlines()[-1]))


def test_what_is_not_the_engine_needs_no_torch(tmp_path: Path) -> None:
    run = [
        "run", "--model", "m", "--suite", "mini-dev", "--engine", "openai",
        "--base-url", "http://127.0.0.1:9/v1", "--out", str(tmp_path),
    ]  # fmt: skip
    loaded = modules_after(
        "from evals.__main__ import main\n"
        "from evals.engines.openai import OpenAIEngine\n"
        "def asked(self, requests):\n"
        "    raise ValueError('asked')\n"
        "OpenAIEngine.generate = asked\n"
        "OpenAIEngine.identity = {'engine': 'openai'}\n"
        f"assert main({run!r}) == 2"
    )
    assert "lm_eval.evaluator" in loaded
    assert not loaded & {"torch", "transformers", "scipy", "sklearn", "vllm"}


def test_a_run_that_finds_all_in_the_cache_loads_no_weights(tmp_path: Path) -> None:
    command = f"""
import evals.commands.run_engine as command
from evals.__main__ import main
from evals.engines.hf import HFEngine
engines = []
def make(args):
    engines.append(HFEngine(args.model))
    return engines[-1]
command.ENGINES = {{"hf": make}}
for loads in (True, False):
    assert main(["run", "--model", {str(MODEL)!r}, "--suite", "mini_ifeval", "--limit", "2",
                 "--out", {str(tmp_path)!r}]) == 0
    assert ("model" in vars(engines[-1])) == loads
"""
    subprocess.run([sys.executable, "-c", command], cwd=ROOT, check=True, capture_output=True)


def test_a_run_says_nothing_but_its_own_progress(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "evals", "run", "--model", str(MODEL), "--suite", "mini_math",
         "--limit", "2", "--out", str(tmp_path)],
        cwd=ROOT, check=True, capture_output=True, text=True,
    )  # fmt: skip
    (line,) = done.stderr.splitlines()
    assert line.startswith("mini_math: 2 rows, ")


def test_a_prompt_too_long_is_our_error_and_not_the_tokenizers_remark(
    caplog: pytest.LogCaptureFixture,
) -> None:
    from evals.engines.hf import HFEngine

    engine = HFEngine(MODEL)
    with pytest.raises(ValueError, match="do not fit into the model's 1024 positions"):
        list(engine.generate([Request("a b c d e f " * 400, Sampling(max_tokens=4))]))
    assert not caplog.records
