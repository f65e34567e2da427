"""The engine for OpenAI-compatible servers, against a server that fails in every usual way."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from loopback import Asked, Reply, completion, echo, reply, serving

from evals.engines import Generation, Request, Sampling
from evals.engines import server as server_module
from evals.engines.openai import OpenAIEngine
from evals.engines.server import ServerError

MODEL = Path(__file__).parents[2] / "recipe" / "tiny" / "model"
PLAIN = Sampling(max_tokens=8)
JSON = {"Content-Type": "application/json"}

pytestmark = pytest.mark.usefixtures("short_waits")


def engine(url: str, **how: Any) -> OpenAIEngine:
    return OpenAIEngine(url, "m", **{"timeout": 5.0, "retries": 3, **how})


def said(engine: OpenAIEngine, text: str) -> str:
    return engine.chat([{"role": "user", "content": text}], add_generation_prompt=True)


def requests(engine: OpenAIEngine, *texts: str, sampling: Sampling = PLAIN) -> list[Request]:
    return [Request(said(engine, text), sampling) for text in texts]


def answers(engine: OpenAIEngine, *texts: str, sampling: Sampling = PLAIN) -> list[Generation]:
    pairs = list(engine.generate(requests(engine, *texts, sampling=sampling)))
    assert sorted(index for index, _ in pairs) == list(range(len(texts)))
    return [generation for _, generation in sorted(pairs, key=lambda p: p[0])]


def failing(*failures: Reply) -> Callable[[Asked], Reply]:
    """Each body fails in these ways, one after another, and is answered then."""
    return lambda a: failures[a.attempt] if a.attempt < len(failures) else echo(a)


GOOD = json.dumps(completion("re: a")).encode()
PASSING: dict[str, Reply] = {
    "429 with Retry-After": Reply(429, b"{}", {"Retry-After": "0.01"}),
    "429 without Retry-After": Reply(429, b'{"error": {"message": "slow down"}}'),
    "408": Reply(408),
    "409": Reply(409),
    "500": Reply(500, b"oops", {"Content-Type": "text/plain"}),
    "502": Reply(502),
    "503 with a page": Reply(503, b"<html><body>Busy</body></html>", {"Content-Type": "text/html"}),
    "torn JSON": Reply(body=GOOD[: len(GOOD) // 2]),
    "not UTF-8": Reply(body=b"\xff\xfe" + GOOD),
    "a page in place of JSON": Reply(body=b"<html></html>", headers={"Content-Type": "text/html"}),
    "hangs up before the answer": Reply(hangs_up=True),
    "hangs up in the body": Reply(body=GOOD, missing=10),
    "hangs up between chunks": Reply(body=GOOD, chunk=20, missing=10),
    "silence": Reply(body=GOOD, silent_s=1.0),
    "a byte now and then": Reply(body=GOOD, pause_s=0.02),
    "an error under status 200": reply({"error": {"message": "overloaded"}}),
    "no choices": reply({**completion("x"), "choices": []}),
    "choices missing": reply({"id": "x", "usage": {}}),
    "choices of nothing": reply({**completion("x"), "choices": [None]}),
    "no message": reply({**completion("x"), "choices": [{"finish_reason": "stop"}]}),
    "no finish reason": reply(completion("x", None)),
    "aborted": reply(completion("x", "abort")),
    "a list": reply([1, 2]),
    "null": reply(None),
    "usage that is true": reply(
        {**completion("x"), "usage": {"completion_tokens": True, "prompt_tokens": 3}}
    ),
    "usage in words": reply({**completion("x"), "usage": {"completion_tokens": "two"}}),
}


@pytest.mark.parametrize("failure", PASSING.values(), ids=PASSING)
def test_a_passing_failure_is_tried_again_until_answered(failure: Reply) -> None:
    timeout = 0.4 if failure.silent_s or failure.pause_s else 5.0
    with serving(failing(failure, failure)) as served:
        found = answers(engine(served.url, timeout=timeout), "a", "b")
    assert [g.text for g in found] == ["re: a", "re: b"]
    assert (served.posts("a"), served.posts("b")) == (3, 3)


LASTING: dict[str, tuple[Reply, str]] = {
    "400": (Reply(400, b'{"error": {"message": "bad seed"}}'), "400: 'bad seed'"),
    "the context's length": (
        Reply(400, b'{"error": {"message": "maximum context length is 1024", "code": 400}}'),
        "maximum context length is 1024",
    ),
    "401": (Reply(401, b"{}"), "environment variable OPENAI_API_KEY, which is not set"),
    "403": (Reply(403, b"{}"), "environment variable OPENAI_API_KEY, which is not set"),
    "404": (Reply(404, b'{"message": "no such model"}'), "404: 'no such model'; is the address"),
    "422": (Reply(422, b"[]"), "422"),
    "redirect": (Reply(307, b"", {"Location": "http://127.0.0.1:9/v1"}), "are not followed"),
    "content filter": (reply(completion("x", "content_filter")), "filter held the response back"),
    "tool call": (reply(completion(None, "tool_calls")), "called a tool"),
    "null content": (reply(completion(None)), "content is NoneType, not text"),
    "content in parts": (reply(completion([])), "content is list, not text"),  # type: ignore[arg-type]
    "no usage": (reply({**completion("x"), "usage": None}), "tokens are unknown"),
}


@pytest.mark.parametrize(("failure", "message"), LASTING.values(), ids=LASTING)
def test_a_lasting_failure_is_an_error_at_once(failure: Reply, message: str) -> None:
    with serving(lambda a: failure if a.text == "b" else echo(a)) as served:
        asking = engine(served.url, concurrency=1)
        found = asking.generate(requests(asking, "a", "b", "c"))
        assert next(found)[1].text == "re: a"
        with pytest.raises(ServerError) as caught:
            list(found)
    assert message in str(caught.value)
    assert str(caught.value).startswith("request 1: ")
    assert str(caught.value).endswith("\n1 of 3 requests were answered")
    assert (served.posts("b"), served.posts("c")) == (1, 0)


def test_a_failure_lets_what_is_under_way_end_and_yields_it() -> None:
    both = threading.Barrier(2)

    def answer(asked: Asked) -> Reply:
        both.wait(10)
        return Reply(400) if asked.text == "bad" else reply(completion("kept"), silent_s=0.1)

    found: list[tuple[int, Generation]] = []
    with serving(answer) as served:
        asking = engine(served.url, concurrency=2)
        with pytest.raises(ServerError, match="1 of 3 requests were answered"):
            found.extend(asking.generate(requests(asking, "bad", "good", "never")))
    assert [(index, g.text) for index, g in found] == [(1, "kept")]
    assert served.posts("never") == 0


def test_an_exhausted_budget_says_how_often_and_how_many_were_answered() -> None:
    with serving(lambda a: Reply(503, b"busy") if a.text == "b" else echo(a)) as served:
        asking = engine(served.url, concurrency=1, retries=2)
        with pytest.raises(ServerError, match=r"(?s)request 1: .*503: 'busy'.*3 of 3.*1 of 2 re"):
            list(asking.generate(requests(asking, "a", "b")))
    assert served.posts("b") == 3


def test_a_server_that_is_not_there_is_an_error_that_names_it() -> None:
    with serving() as served:
        pass
    with pytest.raises(ServerError, match=r"http://127.0.0.1:\d+/v1.*ConnectError.*\n0 of 1"):
        answers(engine(served.url, retries=1), "a")


def test_a_body_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "LARGEST_BODY", 10_000)
    with (
        serving(lambda _: Reply(body=b" " * 20_000)) as served,
        pytest.raises(ServerError, match="more than 10000 bytes"),
    ):
        answers(engine(served.url), "a")


def test_a_chunked_answer_is_read_whole() -> None:
    with serving(lambda _: reply(completion("é" * 500), chunk=7)) as served:
        assert answers(engine(served.url), "a")[0].text == "é" * 500


def test_json_counts_whatever_its_content_type_says() -> None:
    with serving(lambda _: Reply(body=GOOD, headers={"Content-Type": "text/plain"})) as served:
        assert answers(engine(served.url), "a")[0].text == "re: a"


def test_a_message_of_the_server_is_cut_short() -> None:
    with (
        serving(lambda _: Reply(400, b"x" * 100_000)) as served,
        pytest.raises(ServerError) as caught,
    ):
        answers(engine(served.url), "a")
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("concurrency", [1, 5])
def test_as_many_requests_are_under_way_as_allowed_and_no_more(concurrency: int) -> None:
    together = threading.Barrier(concurrency)

    def answer(asked: Asked) -> Reply:
        together.wait(30)
        return reply(completion(asked.text))

    with serving(answer) as served:
        found = answers(engine(served.url, concurrency=concurrency), *map(str, range(30)))
    assert [g.text for g in found] == [str(i) for i in range(30)]
    assert served.most_at_once == concurrency
    assert len(served.asked) == 30


def test_each_request_is_answered_once_under_a_mix_of_failures() -> None:
    kinds = [f for f in PASSING.values() if not (f.silent_s or f.pause_s)]

    def answer(asked: Asked) -> Reply:
        rank = int(asked.text)
        return (
            kinds[(rank + asked.attempt) % len(kinds)] if asked.attempt < rank % 4 else echo(asked)
        )

    with serving(answer) as served:
        found = answers(engine(served.url, concurrency=8), *map(str, range(60)))
    assert [g.text for g in found] == [f"re: {i}" for i in range(60)]
    assert [served.posts(str(i)) for i in range(60)] == [i % 4 + 1 for i in range(60)]


def test_answers_come_as_they_finish() -> None:
    gate = threading.Event()

    def answer(asked: Asked) -> Reply:
        if asked.text == "slow":
            gate.wait(10)
        return echo(asked)

    with serving(answer) as served:
        asking = engine(served.url)
        found = asking.generate(requests(asking, "slow", "fast"))
        assert next(found)[0] == 1
        gate.set()
        assert next(found)[0] == 0


def test_equal_requests_are_each_answered() -> None:
    with serving() as served:
        assert len(answers(engine(served.url), "a", "a", "a")) == 3
    assert served.posts("a") == 3


def test_no_requests_ask_nothing() -> None:
    with serving() as served:
        assert list(engine(served.url).generate([])) == []
    assert served.asked == []
