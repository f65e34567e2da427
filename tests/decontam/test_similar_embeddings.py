"""Embeddings from a server or a folder: what is read, what is refused, what is tried again."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from loopback import Asked, Reply, reply, serving

from decontam.similar import HttpEmbedder
from decontam.similar import embeddings as embeddings_module
from decontam.similar.embeddings import Near, embed, nearest, unit
from evals.engines import server as server_module
from evals.engines.server import Server, ServerError

KEY = "sk-not-to-be-told"
Answer = Callable[[Asked], Reply]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "FIRST_WAIT_S", 0.01)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def vector(text: str) -> list[float]:
    return [float(len(text)), 1.0, 2.0]


def embeddings(asked: Asked) -> Reply:
    entries = [{"index": k, "embedding": vector(t)} for k, t in enumerate(asked.body["input"])]
    return reply({"data": entries[::-1]})


def first(failure: Reply, times: int = 1) -> Answer:
    return lambda asked: failure if asked.number < times else embeddings(asked)


def always(body: object) -> Answer:
    return lambda _: reply(body)


def server_at(url: str, key_variable: str | None = None, timeout: float = 0.3) -> Server:
    return Server(url, key_variable, timeout=timeout, retries=2)


def test_texts_become_unit_vectors_in_their_order_and_in_bounded_batches() -> None:
    texts = ["a" * n for n in range(1, 8)]
    with serving(embeddings) as server:
        found = HttpEmbedder(server_at(server.url), "m", batch=3, prefix="q: ")(texts)
    assert np.allclose(found, unit(np.array([vector("q: " + t) for t in texts])))
    assert found.dtype == np.float32
    assert [len(a.body["input"]) for a in server.asked] == [3, 3, 1]
    assert {(a.path, a.body["model"]) for a in server.asked} == {("/v1/embeddings", "m")}
    assert not any("Authorization" in a.headers for a in server.asked)


def test_half_a_surrogate_pair_in_a_text_can_be_sent() -> None:
    with serving(embeddings) as server:
        HttpEmbedder(server_at(server.url), "m")(["\ud800 \x00 你"])
    assert server.asked[0].body["input"] == ["\ud800 \x00 你"]


@pytest.mark.parametrize(
    "failure",
    [
        Reply(429, b"slow down", {"Retry-After": "0"}),
        Reply(503, b"busy"),
        Reply(200, b'{"data": [{"ind'),
        Reply(200, b'{"data": [', missing=50),
        Reply(200, b"[" * 100_000),
        Reply(silent_s=0.6),
        Reply(hangs_up=True),
    ],
    ids=["429", "503", "torn", "short", "deep", "silent", "hangs-up"],
)
def test_what_may_pass_is_tried_again(failure: Reply) -> None:
    with serving(first(failure)) as server:
        found = HttpEmbedder(server_at(server.url), "m")(["text"])
    assert len(server.asked) == 2
    assert found.shape == (1, 3)


@pytest.mark.parametrize(
    ("failure", "said", "times"),
    [
        (Reply(500, b"out of memory"), "answered 500: 'out of memory' .attempt 3 of 3.", 3),
        (Reply(silent_s=0.6), "ReadTimeout|no complete answer", 3),
        (Reply(hangs_up=True), "RemoteProtocolError", 3),
        (Reply(200, b'{"data"'), "that is not JSON", 3),
        (Reply(401, b"who are you"), "answered 401", 1),
        (Reply(404, b""), "answered 404", 1),
        (Reply(302, b"", {"Location": "http://example.invalid/"}), "answered 302", 1),
    ],
    ids=["500", "silent", "hangs-up", "torn", "401", "404", "redirect"],
)
def test_what_does_not_pass_is_an_error_that_says_what_happened(
    failure: Reply, said: str, times: int
) -> None:
    with serving(lambda _: failure) as server, pytest.raises(ServerError, match=said):
        HttpEmbedder(server_at(server.url, timeout=0.15), "m")(["text"])
    assert len(server.asked) == times


def test_a_server_that_is_not_there_is_an_error() -> None:
    with serving(embeddings) as server:
        pass
    with pytest.raises(ServerError, match="ConnectError"):
        HttpEmbedder(server_at(server.url), "m")(["text"])


@pytest.mark.parametrize(
    "body",
    [
        {"data": [{"index": 0, "embedding": [1.0, 2.0]}]},
        {"data": [{"index": 0, "embedding": [1.0]}] * 2},
        {"data": [{"index": 1, "embedding": [1.0]}, {"index": 2, "embedding": [1.0]}]},
        {"data": [{"index": 0, "embedding": [1.0, 2.0]}, {"index": 1, "embedding": [1.0]}]},
        {"data": [{"embedding": [0.0, 0.0]}, {"embedding": [1.0, 2.0]}]},
        {"data": [{"embedding": ["a"]}, {"embedding": ["b"]}]},
        {"data": [{"embedding": [None]}, {"embedding": [1.0]}]},
        {"data": [{"embedding": 1.0}, {"embedding": 1.0}]},
        {"data": [{"index": [], "embedding": [1.0]}, {"embedding": [1.0]}]},
        {"data": [{}, {}]},
        {"data": [1, 2]},
        {"data": None},
        {"error": "no such model"},
        [],
        None,
    ],
)
def test_an_answer_that_is_not_one_vector_for_each_text_is_an_error(body: object) -> None:
    with serving(always(body)) as server, pytest.raises(ServerError, match="answered"):
        HttpEmbedder(server_at(server.url), "m")(["one", "two"])
    assert len(server.asked) == 1


def test_a_dimension_that_changes_between_batches_is_an_error() -> None:
    def growing(asked: Asked) -> Reply:
        return reply({"data": [{"index": 0, "embedding": [1.0] * (asked.number + 1)}]})

    with serving(growing) as server, pytest.raises(ServerError, match="changed the dimension"):
        HttpEmbedder(server_at(server.url), "m", batch=1)(["one", "two"])


def test_the_key_is_sent_and_never_told(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("MODEL_KEY", f" {KEY}\n")
    caplog.set_level("DEBUG")

    def tells(asked: Asked) -> Reply:
        return Reply(403, f"bad key {asked.headers['Authorization']}".encode())

    with serving(tells) as server, pytest.raises(ServerError, match=r"Bearer \[key\]") as caught:
        HttpEmbedder(server_at(server.url, key_variable="MODEL_KEY"), "m")(["text"])
    assert server.asked[0].headers["Authorization"] == f"Bearer {KEY}"
    assert KEY not in f"{caught.value} {caplog.text} {caught.getrepr(style='native')}"


@pytest.mark.parametrize("block", [1, 3, 8_192])
def test_the_nearest_are_those_of_a_plain_search_whatever_the_block(
    monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(embeddings_module, "BLOCK", block)
    # small integers, so that products tie and are exact
    rng = np.random.default_rng(0)
    queries, items = (rng.integers(-2, 3, (n, 4)).astype(np.float32) for n in (20, 30))
    expected = []
    for q, query in enumerate(queries):
        scored = sorted((-float(query @ item), i) for i, item in enumerate(items))
        expected += [Near(q, i, -score) for score, i in scored[:3] if -score >= 2.0]
    assert nearest(queries, items, least=2.0, top_k=3) == expected
    assert expected


def test_rows_and_items_of_two_models_are_an_error() -> None:
    with pytest.raises(ValueError, match="3 dimensions and items in 4"):
        nearest(np.ones((1, 3), np.float32), np.ones((1, 4), np.float32), 0.5, 1)


@given(st.lists(st.text("ab你", max_size=6), min_size=1, max_size=20))
def test_equal_texts_are_embedded_once_and_cut_to_the_limit(texts: list[str]) -> None:
    seen: list[str] = []

    def embedder(asked: object) -> np.ndarray:
        seen.extend(asked)  # type: ignore[call-overload]
        return unit(np.array([[len(t), 1.0] for t in asked]))  # type: ignore[attr-defined]

    found = embed(embedder, texts, limit=4)
    assert np.allclose(found, unit(np.array([[len(t[:4]), 1.0] for t in texts])))
    assert len(seen) == len(set(seen)) == len({t[:4] for t in texts})


@pytest.mark.parametrize(
    "wrong", [np.ones(2), np.ones((3, 2)), np.ones((2, 2)), np.full((2, 2), np.nan)]
)
def test_an_embedder_that_does_not_keep_its_word_is_an_error(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match=r"were embedded as|not of unit length"):
        embed(lambda _: wrong, ["one", "two"], limit=9)


def test_the_tier_loads_no_torch_and_the_checker_not_the_tier() -> None:
    code = (
        "import sys, decontam; print('decontam.similar' in sys.modules, 'httpx' in sys.modules)\n"
        "import decontam.similar; print('torch' in sys.modules, 'transformers' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root
    )
    assert found.stdout.split() == ["False"] * 4
