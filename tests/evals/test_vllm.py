"""The vLLM engine, and the OpenAI engine against vLLM's own server, with the embedded model.

Run by `make test-vllm`, in an environment that has vLLM.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from loopback import Asked, Reply, reply, serving

from evals.engines import Engine, Generation, Request, Sampling
from evals.engines import server as server_module
from evals.engines.hf import HFEngine
from evals.engines.openai import OpenAIEngine
from evals.engines.vllm import ENVIRONMENT, VLLMEngine
from evals.load_items import named_items

pytestmark = [
    pytest.mark.vllm,
    pytest.mark.skipif(importlib.util.find_spec("vllm") is None, reason="vLLM is not installed"),
]

MODEL = Path(__file__).parents[2] / "recipe" / "tiny" / "model"
PROMPTS = ["Question: How many?\nAnswer:", "12 + 13 =", "Task: Write about bees.\nText: Bees are"]
PAIRS = [
    ("12 + 13 =", " 25"),
    ("12 + 13 =", " 26"),
    ("Bees are", " warm."),
    ("Yes, I think ", "owls are wise."),
    ("", "12 + 13"),
]
STARTS_WITHIN_S = 400


@dataclass
class Server:
    """vLLM's own server of the embedded model, in a process group that can be killed."""

    folder: Path
    port: int
    process: subprocess.Popen[bytes] | None = None
    started: list[float] = field(default_factory=list)
    """Seconds that each start took."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def start(self) -> None:
        options = ["--dtype", "float32", "--load-format", "safetensors", "--enforce-eager"]
        options += ["--served-model-name", "tiny", "--host", "127.0.0.1", "--port", str(self.port)]
        run = [sys.executable, "-m", "vllm.entrypoints.openai.api_server", "--model", str(MODEL)]
        settings = {k: v for k, v in ENVIRONMENT.items() if "MULTIPROCESSING" not in k}
        settings["VLLM_LOGGING_STREAM"] = "ext://sys.stdout"
        with (self.folder / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*run, *options],
                cwd=self.folder,
                env={k: v for k, v in os.environ.items() if not k.startswith("VLLM_")} | settings,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def kill(self) -> None:
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def wait(self) -> None:
        assert self.process is not None
        began = time.monotonic()
        while time.monotonic() - began < STARTS_WITHIN_S:
            if self.process.poll() is not None:
                break
            try:
                httpx.get(f"{self.url}/models", timeout=2).raise_for_status()
            except httpx.HTTPError:
                time.sleep(0.5)
            else:
                self.started.append(time.monotonic() - began)
                return
        log = (self.folder / "server.log").read_text(errors="replace")
        pytest.fail(f"the server did not start:\n{log[-4000:]}")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def starting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that starts while the engine is tested."""
    server = Server(tmp_path_factory.mktemp("server"), free_port())
    server.start()
    yield server
    server.kill()


@pytest.fixture(scope="session")
def server(starting: Server) -> Server:
    if not starting.started:
        starting.wait()
    return starting


@pytest.fixture(scope="session")
def engine(starting: Server) -> VLLMEngine:
    return VLLMEngine(MODEL)


@pytest.fixture(scope="session")
def reference() -> HFEngine:
    return HFEngine(MODEL)


def answers(engine: Engine, requests: list[Request]) -> list[Generation]:
    pairs = list(engine.generate(requests))
    assert sorted(i for i, _ in pairs) == list(range(len(requests)))
    found = dict(pairs)
    return [found[i] for i in range(len(requests))]


def answer(engine: Engine, prompt: str, sampling: Sampling) -> Generation:
    (found,) = answers(engine, [Request(prompt, sampling)])
    return found


def embedded_prompts(engine: Engine, each: int = 32) -> list[str]:
    """Conversations about the first items of each embedded benchmark."""
    return [
        engine.chat([{"role": "user", "content": item.prompt}], add_generation_prompt=True)
        for name in ("mini_gsm", "mini_math", "mini_ifeval")
        for item in named_items(name)[:each]
    ]


def test_greedy_responses_equal_the_transformers_engines(
    engine: VLLMEngine, reference: HFEngine, record_property: Any
) -> None:
    prompts = embedded_prompts(engine) + PROMPTS
    limits = (Sampling(max_tokens=48, stop=("\n",)), Sampling(max_tokens=16))
    requests = [Request(p, greedy) for p in prompts for greedy in limits]
    ours, theirs = answers(engine, requests), answers(reference, requests)
    same = [a == b for a, b in zip(ours, theirs, strict=True)]
    record_property("greedy agreement", f"{sum(same)} of {len(same)}")
    print(f"greedy agreement: {sum(same)} of {len(same)}")
    assert all(same)
    assert len({g.finish for g in ours}) == 2


def test_loglikelihoods_equal_the_transformers_engines(
    engine: VLLMEngine, reference: HFEngine
) -> None:
    items = [i for i in named_items("mini_gsm")[:16] if i.answer]
    pairs = PAIRS + [(f"{i.prompt}\nAnswer:", f" {i.answer}") for i in items]
    ours, theirs = dict(engine.loglikelihood(pairs)), dict(reference.loglikelihood(pairs))
    assert sorted(ours) == list(range(len(pairs)))
    for index, expected in theirs.items():
        assert ours[index].logprob == pytest.approx(expected.logprob, abs=1e-3)
        assert ours[index].tokens == expected.tokens
        assert ours[index].greedy == expected.greedy
    assert len({found.greedy for found in ours.values()}) == 2


def test_chat_templates_and_tokenizer_are_the_transformers_engines(
    engine: VLLMEngine, reference: HFEngine
) -> None:
    messages = [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]
    for prompt in (True, False):
        assert engine.chat(messages, add_generation_prompt=prompt) == reference.chat(
            messages, add_generation_prompt=prompt
        )
    mine, theirs = engine.identity, reference.identity
    assert {k for k in mine if mine[k] == theirs[k]} == {"weights", "tokenizer", "dtype", "device"}
    assert mine["version"].startswith("vllm ")


def test_responses_come_as_they_finish(engine: VLLMEngine) -> None:
    long, short = Sampling(max_tokens=200), Sampling(max_tokens=2)
    requests = [Request("12 + 13 =", s) for s in (long, short, short)]
    assert [index for index, _ in engine.generate(requests)][-1] == 0


def test_more_requests_than_are_in_flight_are_each_answered(
    engine: VLLMEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_in_flight", 3)
    requests = [Request(f"{i} + 1 =", Sampling(max_tokens=4)) for i in range(20)]
    most = 0
    for _ in engine.generate(requests):
        most = max(most, engine.engine.get_num_unfinished_requests())
    assert most <= 3
    narrow = answers(engine, requests)
    monkeypatch.undo()
    assert narrow == answers(engine, requests)


def test_a_caller_that_stops_leaves_nothing_behind(engine: VLLMEngine) -> None:
    requests = [Request("12 + 13 =", Sampling(max_tokens=200 + i)) for i in range(8)]
    found = engine.generate([Request("12 + 13 =", Sampling(max_tokens=2)), *requests])
    next(found)
    found.close()  # type: ignore[attr-defined]
    assert not engine.engine.has_unfinished_requests()
    assert answer(engine, PROMPTS[1], Sampling(max_tokens=4)).tokens == 4


def test_interleaved_calls_get_their_own_responses(engine: VLLMEngine) -> None:
    requests = [Request(p, Sampling(max_tokens=12)) for p in PROMPTS]
    alone = answers(engine, requests)
    one, two = engine.generate(requests), engine.generate(requests[::-1])
    pairs = [(next(one), next(two)) for _ in requests]
    assert [g for _, g in sorted((p for p, _ in pairs), key=lambda p: p[0])] == alone
    assert [g for _, g in sorted((p for _, p in pairs), key=lambda p: p[0])] == alone[::-1]


def test_a_sampled_response_depends_on_its_seed_and_not_on_its_batch(engine: VLLMEngine) -> None:
    requests = [
        Request(p, Sampling(max_tokens=12, temperature=1.0, top_p=0.95, seed=seed))
        for p in PROMPTS
        for seed in (1, 2, 3, -1)
    ]
    together = answers(engine, requests)
    assert together == [answer(engine, r.prompt, r.sampling) for r in requests]
    assert together == answers(engine, requests[::-1])[::-1]
    assert len({g.text for g in together[:4]}) > 1


def test_a_narrow_nucleus_is_greedy(engine: VLLMEngine) -> None:
    narrow = Sampling(max_tokens=12, temperature=1.0, top_p=1e-6, seed=5)
    for prompt in PROMPTS:
        assert answer(engine, prompt, narrow) == answer(engine, prompt, Sampling(max_tokens=12))


def test_a_stop_text_ends_a_response_and_is_not_part_of_it(
    engine: VLLMEngine, reference: HFEngine
) -> None:
    whole = answer(engine, "12 + 13 =", Sampling(max_tokens=12))
    stopped = Sampling(max_tokens=12, stop=("", whole.text[3:5], "never"))
    cut = answer(engine, "12 + 13 =", stopped)
    assert cut.text == whole.text[:3]
    assert cut.finish == "stop"
    assert cut.tokens < whole.tokens
    assert cut == answer(reference, "12 + 13 =", stopped)


def test_the_end_token_is_no_part_of_a_response(engine: VLLMEngine, reference: HFEngine) -> None:
    requests = [Request(p, Sampling(max_tokens=120)) for p in embedded_prompts(engine, 8)]
    found = zip(answers(engine, requests), requests, strict=True)
    stopped = [(a, r) for a, r in found if a.finish == "stop"]
    assert stopped
    assert [a for a, _ in stopped] == answers(reference, [r for _, r in stopped])


def test_a_response_that_fills_its_room_was_cut(engine: VLLMEngine) -> None:
    prompt = engine.tokenizer("12 + 13 =", add_special_tokens=False)["input_ids"]
    cut = answer(engine, "12 + 13 =", Sampling(max_tokens=2))
    assert (cut.finish, cut.tokens, cut.prompt_tokens) == ("length", 2, len(prompt))


def test_a_prompt_that_does_not_fit_is_an_error_and_not_a_score(engine: VLLMEngine) -> None:
    long = "12 + 13 = " * 400
    with pytest.raises(ValueError, match="do not fit into the model's 1024 positions"):
        answer(engine, long, Sampling(max_tokens=12))
    with pytest.raises(ValueError, match="do not fit into the model's 1024 positions"):
        list(engine.loglikelihood([(long, "25")]))
    with pytest.raises(ValueError, match="request 0: the prompt is empty"):
        answer(engine, "", Sampling(max_tokens=12))


def test_a_folder_without_safetensors_is_refused(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").touch()
    with pytest.raises(ValueError, match=r"holds no \.safetensors file"):
        VLLMEngine(tmp_path)


def counted_by_the_server(found: Generation, max_tokens: int) -> int:
    """vLLM's server counts an end token; after a stop text or at the limit there is none."""
    return found.tokens + (found.finish == "stop" and found.tokens < max_tokens)


def test_the_server_answers_conversations_as_the_engine_does(
    engine: VLLMEngine, server: Server
) -> None:
    asking = OpenAIEngine(server.url, "tiny")
    talks = [[{"role": "user", "content": i.prompt}] for i in named_items("mini_gsm")[:24]]
    ours = [Request(asking.chat(t, add_generation_prompt=True), Sampling(32)) for t in talks]
    theirs = [Request(engine.chat(t, add_generation_prompt=True), Sampling(32)) for t in talks]
    for found, expected in zip(answers(asking, ours), answers(engine, theirs), strict=True):
        assert (found.text, found.finish) == (expected.text, expected.finish)
        assert found.prompt_tokens == expected.prompt_tokens
        assert found.tokens == counted_by_the_server(expected, 32)
    assert sum(asking.served.values()) == len(talks)
    assert asking.identity["version"].startswith("vllm ")
    assert asking.identity["root"] == str(MODEL)


def test_the_server_completes_prompts_as_the_engine_does(
    engine: VLLMEngine, server: Server
) -> None:
    asking = OpenAIEngine(server.url, "tiny", mode="completions", tokenizer=MODEL)
    greedy = Sampling(32)
    sampled = Sampling(12, temperature=0.8, top_p=0.9, seed=7)
    stopped = Sampling(32, stop=("\n", "a", "b", "c", "d", "5"))
    prompts = PROMPTS + embedded_prompts(asking, 4)
    requests = [Request(p, s) for s in (greedy, sampled, stopped) for p in prompts]
    for found, expected in zip(answers(asking, requests), answers(engine, requests), strict=True):
        assert (found.text, found.finish) == (expected.text, expected.finish)
        assert found.prompt_tokens == expected.prompt_tokens


def test_the_server_scores_continuations_as_the_engine_does(
    engine: VLLMEngine, server: Server
) -> None:
    asking = OpenAIEngine(server.url, "tiny", mode="completions", tokenizer=MODEL)
    require_same(asking, engine)


def test_an_echo_scores_continuations_as_the_engine_does(
    engine: VLLMEngine, server: Server
) -> None:
    """A server that does not say it is vLLM is asked to repeat the prompt."""
    other = reply({"data": [{"id": "tiny", "owned_by": "someone"}]})
    with serving(lambda asked: forwarded(server, asked), models=other) as proxy:
        asking = OpenAIEngine(proxy.url, "tiny", mode="completions", tokenizer=MODEL)
        require_same(asking, engine)
        assert all(a.body["echo"] for a in proxy.asked if a.body)


def require_same(asking: OpenAIEngine, engine: VLLMEngine) -> None:
    found, expected = dict(asking.loglikelihood(PAIRS)), dict(engine.loglikelihood(PAIRS))
    for index in range(len(PAIRS)):
        assert found[index].logprob == pytest.approx(expected[index].logprob, abs=1e-3)
        assert found[index].greedy == expected[index].greedy
        assert found[index].tokens == expected[index].tokens


def forwarded(server: Server, asked: Asked) -> Reply:
    try:
        said = httpx.post(
            f"http://127.0.0.1:{server.port}{asked.path}", json=asked.body, timeout=60
        )
    except httpx.TransportError:
        return Reply(hangs_up=True)
    return Reply(said.status_code, said.content)


def test_a_server_killed_and_started_again_loses_nothing_and_is_asked_nothing_twice(
    engine: VLLMEngine, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_module, "LONGEST_WAIT_S", 2.0)
    prompts = [f"{i} + {i + 1} =" for i in range(80)]
    requests = [Request(p, Sampling(max_tokens=24)) for p in prompts]
    answered: Counter[str] = Counter()
    again: list[str] = []

    def recorded(asked: Asked) -> Reply:
        if answered[asked.text]:
            again.append(asked.text)
        said = forwarded(server, asked)
        if said.status == 200 and not said.hangs_up:
            answered[asked.text] += 1
            if answered.total() == 20:
                server.kill()
                server.start()
        return said

    with serving(recorded, models=reply({"data": [{"id": "tiny"}]})) as proxy:
        asking = OpenAIEngine(
            proxy.url, "tiny", mode="completions", tokenizer=MODEL, concurrency=4, retries=600
        )
        found = answers(asking, requests)
    assert len(proxy.asked) > len(requests) + 1, "no request met the restart"
    assert [g.text for g in found] == [g.text for g in answers(engine, requests)]
    assert again == []
    assert answered == Counter(prompts)
