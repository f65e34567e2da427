"""What the engine for OpenAI-compatible servers asks, and how it reads the answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from loopback import Asked, Reply, completion, reply, serving
from test_openai import PLAIN, answers, engine

from evals.engines import Generation, Request, Sampling
from evals.engines import server as server_module
from evals.engines.openai import OpenAIEngine
from evals.engines.server import ServerError

MODEL = Path(__file__).parents[2] / "recipe" / "tiny" / "model"


@pytest.fixture(autouse=True)
def short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "FIRST_WAIT_S", 0.001)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)


def test_settings_are_sent() -> None:
    sampling = Sampling(64, temperature=0.7, top_p=0.9, stop=("", "Q:"), seed=-1)
    with serving() as served:
        answers(engine(served.url), "a", sampling=sampling)
    assert served.asked[0].path == "/v1/chat/completions"
    assert served.asked[0].body == {
        "model": "m",
        "messages": [{"role": "user", "content": "a"}],
        "max_tokens": 64,
        "temperature": 0.7,
        "top_p": 0.9,
        "stop": ["Q:"],
        "seed": 2**63 - 1,
    }


def test_stop_texts_beyond_what_servers_take_are_applied_here() -> None:
    stops = tuple("vwxyz")
    with serving(lambda _: reply(completion("ab z cd", "length"))) as served:
        (found,) = answers(engine(served.url), "a", sampling=Sampling(9, stop=stops))
    assert served.asked[0].body["stop"] == list("vwxy")
    assert (found.text, found.finish) == ("ab ", "stop")


@pytest.mark.parametrize(("reason", "finish"), [("stop", "stop"), ("length", "length")])
def test_finish_reasons_and_counts_are_the_servers(reason: str, finish: str) -> None:
    with serving(lambda _: reply(completion("x", reason))) as served:
        assert answers(engine(served.url), "a") == [Generation("x", finish, 2, 3)]  # type: ignore[arg-type]


def test_a_response_whose_room_went_to_reasoning_is_cut_and_empty() -> None:
    with serving(lambda _: reply(completion(None, "length"))) as served:
        assert answers(engine(served.url), "a") == [Generation("", "length", 2, 3)]


def test_half_a_character_is_replaced_and_a_whole_pair_is_read() -> None:
    body = completion("half \ud83d, whole \ud83d\ude00")
    with serving(lambda _: reply(body)) as served:
        (found,) = answers(engine(served.url), "a")
    assert found.text == "half \ufffd, whole \U0001f600"


def test_a_conversation_is_canonical_json() -> None:
    asking = engine("http://127.0.0.1:9/v1")
    one = asking.chat([{"role": "user", "content": "é"}], add_generation_prompt=True)
    two = asking.chat([{"content": "é", "role": "user"}], add_generation_prompt=True)
    assert one == two == '[{"content":"é","role":"user"}]'


def test_chat_mode_refuses_what_it_cannot_do() -> None:
    asking = engine("http://127.0.0.1:9/v1")
    with pytest.raises(ValueError, match="does not score texts; use mode 'completions'"):
        next(asking.loglikelihood([("a", "b")]))
    with pytest.raises(ValueError, match="cannot continue a begun answer"):
        asking.chat([{"role": "assistant", "content": "So"}], add_generation_prompt=False)
    for prompt in ("2 + 2 =", "[]", "[1]", '{"role": "user"}', "[" * 100_000):
        with pytest.raises(ValueError, match="request 0: the prompt is not a conversation"):
            next(asking.generate([Request(prompt, PLAIN)]))


def test_completions_post_the_prompt_and_template_with_the_models_tokenizer() -> None:
    from evals.engines.hf import HFEngine

    with serving() as served:
        asking = engine(served.url, mode="completions", tokenizer=MODEL)
        messages = [{"role": "user", "content": "Hi"}]
        prompt = asking.chat(messages, add_generation_prompt=True)
        ((_, found),) = asking.generate([Request(prompt, PLAIN)])
        reference = HFEngine(MODEL)
        assert prompt == reference.chat(messages, add_generation_prompt=True)
        assert asking.tokenizer_name == reference.tokenizer_name
    assert served.asked[-1].path == "/v1/completions"
    assert served.asked[-1].body["prompt"] == prompt
    assert found.text == f"re: {prompt}"


def test_completions_without_a_tokenizer_say_what_is_missing() -> None:
    asking = engine("http://127.0.0.1:9/v1", mode="completions")
    with pytest.raises(ValueError, match="name its folder"):
        asking.chat([{"role": "user", "content": "a"}], add_generation_prompt=True)


def echoed(asked: Asked) -> dict[str, Any]:
    scores = [None, *(-float(i) for i in range(1, len(asked.body["prompt"]) + 1))]
    likeliest = [None, *({"x": -1.5} for _ in scores[1:])]
    return {"token_logprobs": scores, "top_logprobs": likeliest}


def test_an_echoed_prompt_is_scored_from_where_the_continuation_begins() -> None:
    with serving(lambda a: reply(completion("", "length", logprobs=echoed(a)))) as served:
        asking = engine(served.url, mode="completions", tokenizer=MODEL)
        found = dict(asking.loglikelihood([("12 +", " 13"), ("", "12 +")]))
    (first, second) = (len(a.body["prompt"]) for a in served.asked if a.body)
    assert served.asked[-1].body["echo"] is True
    context = len(asking.tokenizer("12 +")["input_ids"])
    assert found[0].tokens == first - context
    assert found[0].logprob == -sum(range(context, first))
    assert not found[0].greedy
    assert found[1].tokens == second - 1
    assert found[1].logprob == -sum(range(1, second))


@pytest.mark.parametrize(
    "logprobs", [None, {}, {"token_logprobs": [None, -1.0], "top_logprobs": [None, {}]}]
)
def test_a_server_that_does_not_echo_is_an_error_and_not_a_score(logprobs: object) -> None:
    with serving(lambda _: reply(completion("", "length", logprobs=logprobs))) as served:
        asking = engine(served.url, mode="completions", tokenizer=MODEL, retries=0)
        with pytest.raises(ServerError, match="logprobs"):
            list(asking.loglikelihood([("12 + 13 =", " 25 and more")]))


def test_the_identity_names_model_root_mode_and_address() -> None:
    with serving() as served:
        found = dict(engine(served.url).identity)
    assert found == {
        "engine": "openai",
        "version": "",
        "mode": "chat",
        "model": "m",
        "root": "org/m",
        "tokenizer": "server",
        "address": served.url,
    }


def test_a_given_version_of_the_model_stands_in_place_of_the_address() -> None:
    with serving() as one, serving() as two:
        same = [dict(engine(s.url, model_version="v1").identity) for s in (one, two)]
        other = dict(engine(one.url, model_version="v2").identity)
    assert same[0] == same[1] != other
    assert "address" not in same[0]


def test_a_model_that_the_server_lacks_is_an_error_that_lists_what_it_has() -> None:
    with serving() as served, pytest.raises(ValueError, match=r"no model 'other'; .*\['m'\]"):
        OpenAIEngine(served.url, "other").identity  # noqa: B018


def test_a_server_without_a_list_of_models_still_has_an_identity() -> None:
    with serving(models=Reply(404)) as served:
        assert engine(served.url).identity["root"] == ""


def test_what_the_server_says_it_ran_is_counted() -> None:
    with serving() as served:
        asking = engine(served.url)
        answers(asking, "a", "b")
    assert asking.served == {("m-2026", "fp"): 2}
