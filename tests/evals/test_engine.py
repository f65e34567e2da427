"""The transformers engine and the run, against lm-eval's own model class."""

from __future__ import annotations

import importlib.util
import json
import math
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from evals.engines import Generation, Request, Sampling
from evals.engines.decoding import STOP_CHECK_EVERY
from evals.engines.hf import HFEngine
from evals.engines.vllm import VLLMEngine
from evals.lm_eval_tasks import load_task
from evals.prepared import _require_supported
from evals.run import run
from evals.suite import Benchmark, load_suite

MODEL = Path(__file__).parents[2] / "recipe" / "tiny" / "model"
PROMPTS = ["Question: How many?\nAnswer:", "12 + 13 =", "Task: Write about bees.\nText: Bees are"]


@pytest.fixture(scope="module")
def engine() -> HFEngine:
    return HFEngine(MODEL)


def answers(engine: HFEngine, requests: list[Request]) -> list[Generation]:
    found = dict(engine.generate(requests))
    return [found[i] for i in range(len(requests))]


def answer(engine: HFEngine, prompt: str, sampling: Sampling) -> Generation:
    (found,) = answers(engine, [Request(prompt, sampling)])
    return found


def small(name: str, limit: int = 24) -> Benchmark:
    (found,) = (b for b in load_suite("mini-dev").benchmarks if b.name == name)
    return replace(found, limit=limit)


def test_a_batch_generates_what_each_prompt_generates_alone(engine: HFEngine) -> None:
    sampling = Sampling(max_tokens=12)
    alone = [answer(engine, p, sampling) for p in PROMPTS]
    assert answers(engine, [Request(p, sampling) for p in PROMPTS]) == alone


def test_a_sampled_response_depends_on_its_seed_and_not_on_its_batch(engine: HFEngine) -> None:
    requests = [
        Request(p, Sampling(max_tokens=12, temperature=1.0, top_p=0.95, seed=seed))
        for p in PROMPTS
        for seed in (1, 2, 3)
    ]
    together = answers(engine, requests)
    assert together == [answer(engine, r.prompt, r.sampling) for r in requests]
    assert len({g.text for g in together[:3]}) > 1


def test_samples_are_drawn_with_the_models_probabilities(engine: HFEngine) -> None:
    draws = 400
    prompt = "Bees are"
    (first,) = (engine.tokenizer(" warm", add_special_tokens=False)["input_ids"][:1],)
    piece = engine.tokenizer.decode(first)
    ((_, likelihood),) = engine.loglikelihood([(prompt, piece)])
    requests = [Request(prompt, Sampling(1, temperature=1.0, seed=s)) for s in range(draws)]
    share = sum(g.text == piece for g in answers(engine, requests)) / draws
    p = math.exp(likelihood.logprob)
    assert abs(share - p) < 4 * math.sqrt(p * (1 - p) / draws) + 1 / draws


def test_a_narrow_nucleus_is_greedy(engine: HFEngine) -> None:
    narrow = Sampling(max_tokens=12, temperature=1.0, top_p=1e-6, seed=5)
    greedy = Sampling(max_tokens=12)
    for prompt in PROMPTS:
        assert answer(engine, prompt, narrow) == answer(engine, prompt, greedy)


def test_the_identity_names_weights_tokenizer_and_precision(
    engine: HFEngine, tmp_path: Path
) -> None:
    other = tmp_path / "model"
    shutil.copytree(MODEL, other)
    config = json.loads((other / "generation_config.json").read_text())
    (other / "generation_config.json").write_text(json.dumps({**config, "max_length": 3}))
    one, two = dict(engine.identity), dict(HFEngine(other).identity)
    assert one.pop("weights") != two.pop("weights")
    assert one == two
    assert {"engine", "version", "dtype", "tokenizer"} <= set(one)


def test_a_stop_text_ends_a_response_and_is_not_part_of_it(engine: HFEngine) -> None:
    whole = answer(engine, "12 + 13 =", Sampling(max_tokens=12))
    stop = whole.text[3:5]
    cut = answer(engine, "12 + 13 =", Sampling(max_tokens=12, stop=(stop,)))
    assert cut.text == whole.text[: whole.text.index(stop)]
    assert cut.finish == "stop"
    assert cut.tokens < whole.tokens


def test_a_stop_text_ends_the_work_too(engine: HFEngine) -> None:
    whole = answer(engine, "12 + 13 =", Sampling(max_tokens=64))
    stop = whole.text[1:3]
    steps = 0

    def count(*_args: object) -> None:
        nonlocal steps
        steps += 1

    hook = engine.model.register_forward_hook(count)
    answer(engine, "12 + 13 =", Sampling(max_tokens=64, stop=(stop,)))
    hook.remove()
    assert steps <= STOP_CHECK_EVERY


def test_a_response_that_fills_its_room_was_cut(engine: HFEngine) -> None:
    cut = answer(engine, "12 + 13 =", Sampling(max_tokens=2))
    assert (cut.finish, cut.tokens) == ("length", 2)


@pytest.fixture(scope="module")
def reference():  # type: ignore[no-untyped-def]
    from lm_eval.models.huggingface import HFLM

    return HFLM(pretrained=str(MODEL), dtype="float32", device="cpu", batch_size=8)


def test_loglikelihoods_equal_lm_evals(engine: HFEngine, reference) -> None:  # type: ignore[no-untyped-def]
    from lm_eval.api.instance import Instance

    pairs = [("12 + 13 =", " 25"), ("Bees are", " warm."), ("Yes, I think ", "owls are wise.")]
    requests = [Instance("loglikelihood", {}, pair, i) for i, pair in enumerate(pairs)]
    expected = reference.loglikelihood(requests, disable_tqdm=True)
    found = dict(engine.loglikelihood(pairs))
    for index, theirs in enumerate(expected):
        assert found[index].logprob == pytest.approx(theirs[0], abs=1e-4)
        assert found[index].greedy == theirs[1]


@pytest.mark.parametrize("name", ["mini_gsm", "mini_ifeval"])
def test_responses_and_scores_equal_lm_evals_on_every_item(
    engine: HFEngine,
    reference,  # type: ignore[no-untyped-def]
    name: str,
) -> None:
    from lm_eval.evaluator import evaluate

    benchmark = small(name)
    ours = run(engine, [benchmark]).scores(benchmark)
    indices = sorted(int(s.item.split("/")[1]) for s in ours)
    theirs = evaluate(
        reference,
        {"tasks": {name: load_task(benchmark, None)}, "groups": {}, "group_map": {}},
        samples={name: indices},
        bootstrap_iters=0,
        apply_chat_template=True,
    )["samples"][name]
    assert len(ours) == len(theirs) == 24
    for mine, sample in zip(ours, theirs, strict=True):
        assert mine.response == sample["resps"][0][0]
        assert mine.score == sample[benchmark.metric]
        assert mine.item == f"{name}/{sample['doc_id']}"


def test_a_benchmark_of_another_size_than_its_suite_says_is_an_error(engine: HFEngine) -> None:
    with pytest.raises(ValueError, match="500 items found where its suite states 499"):
        run(engine, [replace(small("mini_gsm"), items=499)])


def test_a_metric_that_the_task_lacks_is_an_error(engine: HFEngine) -> None:
    with pytest.raises(ValueError, match=r"no metric 'acc'; the task has \['exact_match'\]"):
        run(engine, [replace(small("mini_gsm", 2), metric="acc")])


def test_templates_compiled_once_are_put_back(engine: HFEngine) -> None:
    from lm_eval import utils

    before = utils.env.from_string
    run(engine, [small("mini_gsm", 2)])
    assert utils.env.from_string == before


def test_a_task_over_whole_texts_is_refused_before_it_runs(engine: HFEngine) -> None:
    class Choice:
        OUTPUT_TYPE = "loglikelihood_rolling"

    with pytest.raises(ValueError, match="loglikelihood_rolling are not supported"):
        _require_supported(small("mini_gsm"), Choice())  # type: ignore[arg-type]


def test_a_prompt_that_does_not_fit_is_an_error_and_not_a_score(engine: HFEngine) -> None:
    with pytest.raises(ValueError, match="do not fit into the model's 1024 positions"):
        answer(engine, "12 + 13 = " * 400, Sampling(max_tokens=12))


def test_benchmarks_of_one_name_are_refused(engine: HFEngine) -> None:
    one = small("mini_gsm", 2)
    with pytest.raises(ValueError, match="the same name"):
        run(engine, [one, one])


@pytest.mark.skipif(importlib.util.find_spec("vllm") is not None, reason="vLLM is installed")
def test_the_vllm_engine_without_vllm_says_how_to_get_it() -> None:
    with pytest.raises(ValueError, match=r"needs the module vllm, .*assay\[vllm\]"):
        VLLMEngine(MODEL)
