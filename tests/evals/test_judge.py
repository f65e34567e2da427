"""A judge: what it is shown, what is read from its words, and the benchmarks it scores."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from mirrors import mirror

from evals.alpaca_eval import first_place, gamed_rows, preference
from evals.conversations import converse
from evals.engines import Generation, Likelihood, Request, Sampling
from evals.judge import JudgePrompt, ask, choice, judge_prompt, rating
from evals.judged import JUDGED, run_judged
from evals.judged_items import JudgedResult
from evals.load_items import load_items
from evals.suite import Benchmark, load_suite


class ToyEngine:
    """Answers by a function of the prompt, last request first, and keeps what it was asked."""

    def __init__(self, answer: Callable[[str], str]) -> None:
        self.answer = answer
        self.asked: list[Request] = []

    @property
    def identity(self) -> Mapping[str, str]:
        return {"engine": "toy"}

    @property
    def tokenizer_name(self) -> str:
        return "toy"

    def chat(self, messages: Sequence[Mapping[str, str]], *, add_generation_prompt: bool) -> str:
        assert add_generation_prompt
        return json.dumps([dict(m) for m in messages], ensure_ascii=False)

    def generate(self, requests: Sequence[Request]) -> Iterator[tuple[int, Generation]]:
        self.asked += requests
        for index in reversed(range(len(requests))):
            text = self.answer(requests[index].prompt)
            yield index, Generation(text, "stop", len(text.split()), 7)

    def loglikelihood(self, pairs: Sequence[tuple[str, str]]) -> Iterator[tuple[int, Likelihood]]:
        raise AssertionError(f"likelihoods of {len(pairs)} pairs: a judge is asked for words")


RATINGS = [
    ("Rating: [[8]]", 8.0),
    ("[[8.5]]", 8.5),
    ("[[10]]", 10.0),
    ("[[1]] is what I give", 1.0),
    ("First [[7]], then again [[9]]", 7.0),
    ("Rating: [6]", 6.0),
    ("[1] cites a source. Rating: [[9]]", 9.0),
    ("[[0]]", None),
    ("[[11]]", None),
    ("[[-3]]", None),
    ("[[rating]]", None),
    ("[[8/10]]", None),
    ("Rating: 8", None),
    ("8", None),
    ("", None),
    ("[[ 8 ]]", None),
]


@pytest.mark.parametrize(("verdict", "grade"), RATINGS)
def test_a_grade_is_read_or_there_is_none(verdict: str, grade: float | None) -> None:
    assert rating(verdict) == grade


CHOICES = [
    ("m", "m"),
    ("M", "M"),
    (" M\n", "M"),
    ('"m"', "m"),
    ("**M**", "M"),
    ("M.", "M"),
    ("m or M", None),
    ("model m", None),
    ("mM", None),
    ("", None),
    ("Both", None),
    ("N", None),
]


@pytest.mark.parametrize(("verdict", "named"), CHOICES)
def test_a_choice_is_one_of_two_names_alone(verdict: str, named: str | None) -> None:
    assert choice(verdict) == named


def test_a_brace_in_a_response_is_no_hole() -> None:
    prompt = JudgePrompt("s", 'Q {question} A {answer} {"json": 1} {}')
    _, user = prompt.messages(question="{answer}", answer="{question} {0} {}")
    assert user["content"] == 'Q {answer} A {question} {0} {} {"json": 1} {}'


def test_a_text_without_a_hole_is_refused() -> None:
    with pytest.raises(ValueError, match="no place for reference"):
        JudgePrompt("s", "{question}").messages(question="q", reference="r")


@pytest.mark.parametrize(
    ("name", "holes"),
    [
        ("mt_bench_first", {"question", "answer"}),
        ("mt_bench_first_reference", {"question", "answer", "ref_answer_1"}),
        ("mt_bench_second", {"question_1", "question_2", "answer_1", "answer_2"}),
        (
            "mt_bench_second_reference",
            {"question_1", "question_2", "answer_1", "answer_2", "ref_answer_1", "ref_answer_2"},
        ),
        ("alpaca_eval", {"instruction", "output_1", "output_2"}),
    ],
)
def test_every_prompt_that_ships_has_its_holes(name: str, holes: set[str]) -> None:
    messages = judge_prompt(name).messages(**{hole: f"<{hole}>" for hole in holes})
    for hole in holes:
        assert f"<{hole}>" in messages[1]["content"]
        assert f"{{{hole}}}" not in messages[1]["content"]


def test_an_unknown_prompt_is_told_which_there_are() -> None:
    with pytest.raises(ValueError, match="unknown judge prompt 'x'; there are alpaca_eval, mt_"):
        judge_prompt("x")


def test_verdicts_come_in_the_order_of_the_questions_and_greedily() -> None:
    judge = ToyEngine(lambda prompt: json.loads(prompt)[-1]["content"].upper())
    asked = [[{"role": "user", "content": text}] for text in ("a", "b", "c")]
    assert [g.text for g in ask(judge, asked, max_tokens=5)] == ["A", "B", "C"]
    assert {r.sampling for r in judge.asked} == {Sampling(5)}


def test_a_conversation_goes_on_from_its_own_responses() -> None:
    engine = ToyEngine(lambda prompt: f"re {json.loads(prompt)[-1]['content']}")
    greedy = Sampling(5)
    played = converse(engine, [["a", "b"], ["c"], []], [[greedy] * 2, [greedy], []])
    assert [[t.generation.text for t in turns] for turns in played] == [
        ["re a", "re b"],
        ["re c"],
        [],
    ]
    assert [m["content"] for m in json.loads(played[0][1].prompt)] == ["a", "re a", "b"]
    assert [m["role"] for m in json.loads(played[0][1].prompt)] == ["user", "assistant", "user"]
    assert converse(engine, [], []) == []


QUESTIONS = [
    {"question_id": 81, "category": "writing", "turns": ["Write.", "Rewrite."]},
    {"question_id": 101, "category": "math", "turns": ["Add.", "Add more."]},
]
(_, MT_BENCH) = load_suite("judged").benchmarks
MT_BENCH = replace(MT_BENCH, items=4)


def questions(hub: Path, rows: Sequence[Mapping[str, Any]] = QUESTIONS) -> Path:
    return mirror(hub, "lmsys/mt_bench", {"default": {"train": rows}})


def echo(prompt: str) -> str:
    return f"answer to {json.loads(prompt)[-1]['content']}"


def graded(prompt: str) -> str:
    return "Good. Rating: [[4]]" if "Rewrite" in prompt else "Rating: [[9]]"


def test_both_turns_are_played_and_graded_each_with_what_came_before(tmp_path: Path) -> None:
    engine, judge = ToyEngine(echo), ToyEngine(graded)
    result = run_judged(MT_BENCH, engine, judge, questions(tmp_path))
    assert result.scores() == {"81/0": 0.9, "81/1": 0.4, "101/0": 0.9, "101/1": 0.9}
    assert set(result.scores()) == {i.id for i in load_items(MT_BENCH, tmp_path)}
    second = json.loads(judge.asked[1].prompt)[1]["content"]
    places = [second.index(t) for t in ("Write.", "answer to Write.", "Rewrite.", "to Rewrite.")]
    assert places == sorted(places)
    assert [i.generation.text for i in result.items][:2] == [
        "answer to Write.",
        "answer to Rewrite.",
    ]
    assert {i.document["category"] for i in result.items} == {"writing", "math"}


def test_each_category_has_its_temperature_and_each_turn_its_seed(tmp_path: Path) -> None:
    engine = ToyEngine(echo)
    run_judged(MT_BENCH, engine, ToyEngine(graded), questions(tmp_path))
    assert [r.sampling.temperature for r in engine.asked] == [0.7, 0.0, 0.7, 0.0]
    assert {r.sampling.max_tokens for r in engine.asked} == {MT_BENCH.max_tokens}
    again = ToyEngine(echo)
    run_judged(MT_BENCH, again, ToyEngine(graded), tmp_path, replicate=1)
    seeds = {r.sampling.seed for r in [*engine.asked, *again.asked]}
    assert len(seeds) == 8
    fixed = ToyEngine(echo)
    run_judged(replace(MT_BENCH, temperature=0.3), fixed, ToyEngine(graded), tmp_path)
    assert {r.sampling.temperature for r in fixed.asked} == {0.3}


def test_a_sample_has_as_many_items_as_asked_for(tmp_path: Path) -> None:
    for limit in (1, 2, 3, 4):
        benchmark = replace(MT_BENCH, limit=limit)
        result = run_judged(
            benchmark, ToyEngine(echo), ToyEngine(graded), questions(tmp_path / str(limit))
        )
        assert len(result.items) == limit


def test_reference_answers_are_shown_to_the_judge_where_there_are_any(tmp_path: Path) -> None:
    rows = [{**QUESTIONS[1], "reference": ["It is 4.", "It is 9."]}]
    judge = ToyEngine(graded)
    run_judged(replace(MT_BENCH, items=2), ToyEngine(echo), judge, questions(tmp_path, rows))
    first, second = (json.loads(r.prompt)[1]["content"] for r in judge.asked)
    assert "It is 4." in first
    assert "It is 9." not in first
    assert "It is 4." in second
    assert "It is 9." in second


def test_verdicts_that_cannot_be_read_are_counted_and_are_no_number(tmp_path: Path) -> None:
    judge = ToyEngine(lambda prompt: "Fine." if "Rewrite" in prompt else "[[5]]")
    result = run_judged(MT_BENCH, ToyEngine(echo), judge, questions(tmp_path))
    assert result.unread == 1
    assert [i.metrics["rating"] for i in result.items] == [0.5, None, 0.5, 0.5]
    with pytest.raises(ValueError, match="mt_bench: 1 of 4 verdicts of the judge could not be"):
        result.scores()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([{**QUESTIONS[0], "turns": ["one"]}], "question 81: 1 turns"),
        ([{**QUESTIONS[0], "category": "cooking"}], "category 'cooking'"),
        (QUESTIONS[:1], "2 items found where its suite states 4"),
    ],
)
def test_other_questions_are_refused(
    tmp_path: Path, rows: Sequence[Mapping[str, Any]], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        run_judged(MT_BENCH, ToyEngine(echo), ToyEngine(graded), questions(tmp_path, rows))


def test_an_unknown_task_and_an_unknown_metric_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="'gsm8k' is not judged; judged are alpaca_eval, mt_bench"):
        run_judged(replace(MT_BENCH, task="gsm8k"), ToyEngine(echo), ToyEngine(graded), tmp_path)
    with pytest.raises(ValueError, match="no metric 'win_rate'; there are rating"):
        run_judged(
            replace(MT_BENCH, metric="win_rate"),
            ToyEngine(echo),
            ToyEngine(graded),
            questions(tmp_path),
        )


N = 60
INSTRUCTIONS = [
    {"instruction": f"Do {i}.", "output": "good " * (1 + i % 7), "dataset": "d"} for i in range(N)
]


def instructions(hub: Path, *, gamed: bool = True) -> Path:
    folder = hub / "tatsu-lab/alpaca_eval"
    folder.mkdir(parents=True)
    (folder / "alpaca_eval_gpt4_baseline.json").write_text(json.dumps(INSTRUCTIONS))
    if gamed:
        rows = ["model,index,preference,std_delta_len,instruction_difficulty,not_gamed_baseline"]
        for i in range(N):
            rows.append(f"short,{i},0.3,1.0,{i / N - 0.5},False")
            rows.append(f"long,{i},0.6,-1.0,{i / N - 0.5},False")
        (folder / "df_gamed.csv").write_text("\n".join(rows) + "\n")
    return hub


ALPACA = Benchmark(
    name="alpaca_eval", task="alpaca_eval", items=N, skill="chat", metric="win_rate", max_tokens=99
)


def likes(word: str) -> Callable[[str], str]:
    """A judge that prefers the output that holds a word."""

    def verdict(prompt: str) -> str:
        content = json.loads(prompt)[1]["content"]
        return "m" if content.index(word) < content.index('"model_identifier": "M"') else "M"

    return verdict


def test_a_model_is_preferred_wherever_its_response_stands(tmp_path: Path) -> None:
    hub = instructions(tmp_path)
    engine = ToyEngine(lambda _: "better")
    assert {first_place(row["instruction"]) for row in INSTRUCTIONS} == {"model", "baseline"}
    won = run_judged(ALPACA, engine, ToyEngine(likes("better")), hub)
    assert set(won.scores().values()) == {1.0}
    lost = run_judged(ALPACA, engine, ToyEngine(likes("good")), hub)
    assert set(lost.scores().values()) == {0.0}
    assert set(won.scores()) == {i.id for i in load_items(ALPACA, hub)}


def test_a_judge_that_likes_the_first_place_favours_neither(tmp_path: Path) -> None:
    result = run_judged(
        ALPACA, ToyEngine(lambda _: "x"), ToyEngine(lambda _: "m"), instructions(tmp_path)
    )
    assert 0.3 < sum(result.scores().values()) / N < 0.7


@pytest.mark.parametrize(
    ("verdict", "place", "preferred"),
    [
        ("m", "model", 1.0),
        ("M", "model", 0.0),
        ("m", "baseline", 0.0),
        ("M", "baseline", 1.0),
        ("neither", "model", None),
        ("", "baseline", None),
    ],
)
def test_a_preference_follows_the_place(verdict: str, place: Any, preferred: float | None) -> None:
    assert preference(verdict, place) == preferred


def test_length_controlled_scores_need_the_gamed_baselines_and_leave_unread_items_out(
    tmp_path: Path,
) -> None:
    controlled = replace(ALPACA, metric="length_controlled_win_rate")
    engine = ToyEngine(lambda prompt: "longer " * 40 if "7." in prompt else "short")
    judge = ToyEngine(lambda p: "?" if "Do 11." in p else likes("o")(p))
    with pytest.raises(ValueError, match=r"df_gamed\.csv does not exist"):
        run_judged(controlled, engine, judge, instructions(tmp_path / "a", gamed=False))
    result: JudgedResult = run_judged(controlled, engine, judge, instructions(tmp_path / "b"))
    assert result.unread == 1
    for item in result.items:
        read = "Do 11." not in item.prompt
        assert (item.metrics["win_rate"] is not None) == read
        value = item.metrics["length_controlled_win_rate"]
        assert (value is not None) == read
        assert value is None or 0 < value < 1


def test_the_file_of_gamed_baselines_must_have_its_columns(tmp_path: Path) -> None:
    hub = instructions(tmp_path)
    difficulty, gamed = gamed_rows(hub)
    assert len(difficulty) == N
    assert len(gamed.preferences) == 2 * N
    (hub / "tatsu-lab/alpaca_eval/df_gamed.csv").write_text("index,preference\n1,0.5\n")
    with pytest.raises(ValueError, match="it needs rows with the columns index, instruction_"):
        gamed_rows(hub)


def test_every_judged_task_is_one_of_a_shipped_suite() -> None:
    assert {b.task for b in load_suite("judged").benchmarks} == set(JUDGED)
