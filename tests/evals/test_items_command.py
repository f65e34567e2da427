"""`python -m evals items`: one JSON object a line, or one line of error."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from test_load_items import gsm8k
from toy_engine import ToyEngine

from evals.__main__ import main
from evals.load_items import named_items

ROOT = Path(__file__).parent.parent.parent

pytestmark = pytest.mark.usefixtures("without_the_hub")


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "evals", *arguments], capture_output=True, text=True, cwd=ROOT
    )


def test_the_command_prints_one_json_object_a_line(tmp_path: Path) -> None:
    done = command("items", "gsm8k", "--hub", str(gsm8k(tmp_path)))
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout.splitlines()[0]) == {
        "benchmark": "gsm8k",
        "id": "gsm8k/0",
        "prompt": "How many?",
        "answer": "3",
        "passage": None,
        "options": [],
    }


def test_of_a_suite_it_prints_what_a_run_asks(toy: ToyEngine, tmp_path: Path) -> None:
    assert main(["run", "--model", "m", "--suite", "smoke", "--out", str(tmp_path)]) in (0, 1)
    scored = pd.read_parquet(tmp_path / "items.parquet")
    printed = [json.loads(line) for line in command("items", "smoke").stdout.splitlines()]
    assert [(i["benchmark"], i["id"]) for i in printed] == [
        *scored[["benchmark", "item"]].itertuples(index=False, name=None)
    ]
    assert len(printed) == 24
    assert len(named_items("smoke")) == 1500


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["gsm9k"], "error: unknown suite or task 'gsm9k'; did you mean 'gsm8k'"),
        (["gsm8k", "--hub", "/nowhere"], "error: --hub /nowhere is not a folder"),
        (["gsm8k"], "error: dataset openai/gsm8k: the Hub is off"),
    ],
)
def test_a_wrong_request_is_one_line_and_exit_code_2(arguments: list[str], message: str) -> None:
    done = command("items", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(message)
    assert len(done.stderr.splitlines()) == 1


def test_a_reader_that_has_enough_is_no_error() -> None:
    items = subprocess.Popen(
        [sys.executable, "-m", "evals", "items", "mini-dev"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    )
    assert items.stdout
    assert items.stderr
    items.stdout.readline()
    items.stdout.close()
    assert items.stderr.read() == b""
    assert items.wait() == 0
    items.stderr.close()
