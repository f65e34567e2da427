"""What a server is told of keys and addresses, and how long it is waited for."""

from __future__ import annotations

import logging
import time
from email.utils import formatdate
from typing import Any

import httpx
import pytest
from loopback import Asked, Reply, serving
from test_openai import JSON, answers, engine

from evals.engines import server as server_module
from evals.engines.openai import OpenAIEngine
from evals.engines.server import LONGEST_ASKED_S, ServerError, _retry_after, _wait

KEY = "sk-very-secret-0123456789"

pytestmark = pytest.mark.usefixtures("short_waits")


def test_the_key_is_sent_and_told_to_nobody(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, capfd: Any
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    caplog.set_level(logging.DEBUG)

    def leaky(asked: Asked) -> Reply:
        text = f'{{"error": {{"message": "wrong key {KEY}"}}}}'.encode()
        return Reply(401 if asked.text == "b" else 500, text, {**JSON, "X-Key": "none"})

    with serving(leaky) as served:
        asking = engine(served.url, api_key_env="MY_KEY", retries=1)
        errors = []
        for text in "ab":
            with pytest.raises(ServerError) as caught:
                answers(asking, text)
            errors.append(caught)
    assert served.asked[0].headers["Authorization"] == f"Bearer {KEY}"
    told = "".join(f"{e.getrepr(style='long', showlocals=False)}" for e in errors)
    assert "environment variable MY_KEY, which was sent" in told
    assert "wrong key [key]" in told
    output = "".join(capfd.readouterr())
    assert KEY not in told + caplog.text + output + repr(asking.server) + str(asking.__dict__)


def test_no_key_sends_no_authorization() -> None:
    with serving() as served:
        answers(engine(served.url), "a")
    assert "Authorization" not in served.asked[0].headers


def test_a_key_that_cannot_be_sent_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "schlüssel")
    with serving() as served, pytest.raises(ValueError, match="printable ASCII") as caught:
        answers(engine(served.url), "a")
    assert "schl" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["http://user:pass@host/v1", "ftp://host/v1", "host/v1", "http://host/v1?key=1", "http://"],
)
def test_an_address_with_a_password_or_without_a_host_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match="must read http") as caught:
        OpenAIEngine(url, "m")
    assert "pass@" not in str(caught.value)


@pytest.mark.parametrize(
    "wrong", [{"concurrency": 0}, {"timeout": 0}, {"retries": -1}, {"mode": "embeddings"}]
)
def test_arguments_out_of_range_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        OpenAIEngine("http://127.0.0.1:9/v1", "m", **wrong)


def test_waits_double_with_jitter_and_keep_to_retry_after(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_module, "FIRST_WAIT_S", 1.0)
    for attempt in range(12):
        span = min(2.0**attempt, server_module.LONGEST_WAIT_S)
        draws = [_wait(attempt, 0.0) for _ in range(50)]
        assert all(span / 2 <= d <= span for d in draws)
        assert len(set(draws)) > 1
    assert _wait(0, 20.0) == 20.0
    assert _wait(0, 1e9) == LONGEST_ASKED_S


def retry_after(value: str) -> float:
    return _retry_after(httpx.Response(429, headers={"Retry-After": value}))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        ("0.5", 0.5),
        (formatdate(0, usegmt=True), 0.0),
        ("soon", 0.0),
        ("-3", 0.0),
        ("", 0.0),
        ("Mon, 99 Foo 2026", 0.0),
    ],
)
def test_retry_after_is_seconds(value: str, seconds: float) -> None:
    assert retry_after(value) == seconds


def test_retry_after_may_be_a_date() -> None:
    assert 1800 < retry_after(formatdate(time.time() + 7200, usegmt=True)) <= 7200
