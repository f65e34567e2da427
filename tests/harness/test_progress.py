"""What a person sees while a plan runs."""

import io
import json

import pytest
from rich.console import Console

from harness.progress import LiveProgress, Settled, last_line, read_steps, show_progress
from harness.store import Store


@pytest.fixture
def store(tmp_path):
    work = tmp_path / "work" / "k" / "scratch"
    work.mkdir(parents=True)
    return Store(tmp_path)


def drive(progress):
    progress.begin(47, 11)
    progress.start("k", "sft mix=skills seed=1")
    progress.tick()
    progress.finish(Settled("sft mix=skills seed=1", "k", "ran", 21.26))
    progress.finish(Settled("eval gsm", None, "skipped", None))


def test_away_from_a_terminal_each_finished_stage_is_one_plain_line(store):
    text = io.StringIO()
    with show_progress(store, Console(file=text, width=20)) as progress:
        drive(progress)
    assert text.getvalue().splitlines() == [
        "47 stages, 11 cached",
        "[12/47] sft mix=skills seed=1  21.3 s",
        "[13/47] eval gsm  skipped",
    ]


def test_nothing_is_said_when_all_is_cached(store):
    text = io.StringIO()
    with show_progress(store, Console(file=text)) as progress:
        progress.begin(47, 47)
    assert text.getvalue() == ""


def render(store):
    view = LiveProgress(store)
    view.begin(47, 11)
    view.start("k", "sft mix=skills seed=1")
    console = Console(file=io.StringIO(), width=120)
    console.print(view.render())
    return console.file.getvalue()


def test_a_running_stage_shows_its_last_words(store):
    (store.work("k") / "log.txt").write_text("loading\nready\n\n")
    said = render(store)
    assert "sft mix=skills seed=1" in said
    assert "ready" in said
    assert "11/47" in said
    assert "11 cached" in said


def test_a_training_stage_shows_steps_and_loss(store):
    path = store.work("k") / "scratch" / "progress.json"
    path.write_text(json.dumps({"step": 30, "total": 120, "loss": 0.51234}))
    assert "30/120" in render(store)
    assert "loss 0.512" in render(store)


@pytest.mark.parametrize("text", ["", '{"step": 3', '{"step": 3}', "[]"])
def test_a_half_written_step_count_is_none(store, text):
    (store.work("k") / "scratch" / "progress.json").write_text(text)
    assert read_steps(store.work("k")) == {}


def test_a_terminal_gets_the_live_view(store):
    text = io.StringIO()
    with show_progress(store, Console(file=text, force_terminal=True, width=100)) as progress:
        drive(progress)
    assert "sft mix=skills seed=1" in text.getvalue()
    assert "21.3 s" in text.getvalue()


@pytest.mark.parametrize(
    ("text", "line"),
    [("", ""), ("a\nb\n", "b"), ("a\n 5%\r50%", "50%"), ("x" * 9000 + "\nend\n", "end")],
)
def test_the_last_line_of_a_log(tmp_path, text, line):
    (tmp_path / "log.txt").write_text(text)
    assert last_line(tmp_path / "log.txt") == line
    assert last_line(tmp_path / "none.txt") == ""
