"""The vLLM engine: any checkpoint folder or Hub id, on GPU or, with vLLM's CPU build, on CPU."""

from __future__ import annotations

import functools
import itertools
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from evals.engines.encoding import WithTokenizer, encode, encode_pair, require_room, wire_seed
from evals.engines.generation import Generation, Likelihood, Request, Sampling
from evals.engines.weights import require_safetensors, weights_digest

ENVIRONMENT: Mapping[str, str] = {
    "VLLM_NO_USAGE_STATS": "1",
    "VLLM_LOGGING_LEVEL": "WARNING",
    "VLLM_LOGGING_STREAM": "ext://sys.stderr",
    # in this process: what is scheduled together then depends on the requests alone
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    # vLLM would pin this whole process to its cores
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",
}
"""What vLLM reads from the environment, where it is not set there; cache space in GiB."""

ROUNDS_IN_FLIGHT = 2
"""Requests handed over, in multiples of what vLLM runs at a time."""


class VLLMEngine(WithTokenizer):
    """Generates with vLLM, and yields each response in the step in which it ends."""

    def __init__(
        self,
        model: str | Path,
        *,
        revision: str | None = None,
        max_model_len: int | None = None,
        tensor_parallel_size: int = 1,
        gpu_memory_utilization: float = 0.9,
    ) -> None:
        """Load a model in float32 on CPU, or bfloat16 on a GPU.

        Args:
            model: Folder or Hub id; only safetensors are loaded.
            revision: Commit of a Hub id.
            max_model_len: Positions to make room for; the model's own if None.
            tensor_parallel_size: GPUs that share the model.
            gpu_memory_utilization: Share of a GPU's memory to take.

        Raises:
            ValueError: vLLM is not installed, or a folder without safetensors.
        """
        require_safetensors(str(model))
        for name, value in ENVIRONMENT.items():
            os.environ.setdefault(name, value)
        try:
            from vllm.engine.arg_utils import EngineArgs
            from vllm.platforms import current_platform
            from vllm.v1.engine.llm_engine import LLMEngine
        except ModuleNotFoundError as error:
            raise ValueError(
                f"the vLLM engine needs the module {error.name}, which is not installed; "
                "install assay[vllm] on a machine with a GPU, or see `make test-vllm` for CPU"
            ) from None
        from transformers import AutoTokenizer

        on_cpu = current_platform.is_cpu()
        self.tokenizer: Any = AutoTokenizer.from_pretrained(model, revision=revision)
        self.engine: Any = LLMEngine.from_engine_args(
            EngineArgs(
                model=str(model),
                revision=revision,
                tokenizer_revision=revision,
                load_format="safetensors",
                use_tqdm_on_load=False,
                trust_remote_code=False,
                dtype="float32" if on_cpu else "bfloat16",
                max_model_len=max_model_len,
                enable_prefix_caching=True,
                enforce_eager=on_cpu,
                tensor_parallel_size=tensor_parallel_size,
                gpu_memory_utilization=gpu_memory_utilization,
                disable_log_stats=True,
            )
        )
        self._source = str(model)
        self._in_flight = ROUNDS_IN_FLIGHT * self.engine.vllm_config.scheduler_config.max_num_seqs
        self._calls = itertools.count()
        self._done: dict[str, Any] = {}

    @functools.cached_property
    def identity(self) -> Mapping[str, str]:
        """Weights, tokenizer, precision, and the versions of what computes."""
        import torch
        import vllm

        config = self.engine.vllm_config
        parts = config.parallel_config.tensor_parallel_size
        device = str(config.device_config.device_type)
        commit = getattr(config.model_config.hf_config, "_commit_hash", None)
        return {
            "engine": "vllm",
            "version": f"vllm {vllm.__version__}, torch {torch.__version__}",
            "device": device if parts == 1 else f"{device} x {parts}",
            "dtype": str(config.model_config.dtype),
            "weights": weights_digest(self._source, commit),
            "tokenizer": self.tokenizer_name,
        }

    def generate(self, requests: Sequence[Request]) -> Iterator[tuple[int, Generation]]:
        """Answer requests: the index of a request and its response, as each finishes.

        Raises:
            ValueError: a prompt is empty, or does not fit into the model's positions together
                with its response.
        """
        if not requests:
            return
        ids = encode(self.tokenizer, [r.prompt for r in requests])
        for index, (request, row) in enumerate(zip(requests, ids, strict=True)):
            if not row:
                raise ValueError(f"request {index}: the prompt is empty; give it at least a token")
            require_room(len(row), request.sampling.max_tokens, self._positions)
        params = [_sampling_params(r.sampling) for r in requests]
        for index, output in self._finished(ids, params):
            yield index, _generation(output)

    def loglikelihood(self, pairs: Sequence[tuple[str, str]]) -> Iterator[tuple[int, Likelihood]]:
        """Log-probability of each continuation given its context, and whether it is greedy.

        Raises:
            ValueError: context and continuation leave no position free; vLLM needs one.
        """
        from vllm import SamplingParams
        from vllm.sampling_params import RequestOutputKind

        encoded = [encode_pair(self.tokenizer, *pair) for pair in pairs]
        for context, target in encoded:
            require_room(len(context) + len(target), 1, self._positions)
        scoring = SamplingParams(
            max_tokens=1,
            temperature=0.0,
            prompt_logprobs=1,
            detokenize=False,
            output_kind=RequestOutputKind.FINAL_ONLY,
        )
        rows = [context + target for context, target in encoded]
        for index, output in self._finished(rows, [scoring] * len(rows)):
            context, target = encoded[index]
            yield index, _likelihood(output.prompt_logprobs[len(context) :], target)

    @property
    def _positions(self) -> int:
        room: int = self.engine.vllm_config.model_config.max_model_len
        return room

    def _finished(
        self, prompts: Sequence[list[int]], params: Sequence[Any]
    ) -> Iterator[tuple[int, Any]]:
        """vLLM's outputs as they are complete; what is left when the caller stops is aborted."""
        call, waiting = next(self._calls), iter(range(len(prompts)))
        own: dict[str, int] = {}
        try:
            while True:
                for index in itertools.islice(waiting, self._in_flight - len(own)):
                    name = f"{call}/{index}"
                    self._add(name, prompts[index], params[index])
                    own[name] = index
                if not own:
                    return
                while not (finished := [name for name in self._done if name in own]):
                    self._step()
                for name in finished:
                    yield own.pop(name), self._done.pop(name)
        finally:
            self.engine.abort_request(list(own))
            for name in own:
                self._done.pop(name, None)

    def _add(self, name: str, prompt: list[int], params: Any) -> None:
        (rendered,) = self.engine.renderer.render_cmpl([{"prompt_token_ids": prompt}])
        self.engine.add_request(name, rendered, params)

    def _step(self) -> None:
        """Compute once.  Another call's outputs are kept for it: calls may be interleaved."""
        for output in self.engine.step():
            if output.finished:
                self._done[output.request_id] = output


def _sampling_params(sampling: Sampling) -> Any:
    from vllm import SamplingParams
    from vllm.sampling_params import RequestOutputKind

    return SamplingParams(
        max_tokens=sampling.max_tokens,
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        seed=wire_seed(sampling.seed),
        stop=[s for s in sampling.stop if s],
        output_kind=RequestOutputKind.FINAL_ONLY,
    )


def _generation(output: Any) -> Generation:
    (response,) = output.outputs
    if response.finish_reason not in ("stop", "length"):
        raise RuntimeError(f"vLLM ended a request with {response.finish_reason!r}")
    # a stop without a stop text is an end token, which is no part of the response
    ended = response.finish_reason == "stop" and not isinstance(response.stop_reason, str)
    return Generation(
        text=response.text,
        finish=response.finish_reason,
        tokens=len(response.token_ids) - ended,
        prompt_tokens=len(output.prompt_token_ids),
    )


def _likelihood(steps: Sequence[Mapping[int, Any]], target: Sequence[int]) -> Likelihood:
    """From the logprobs of each target token and of the likeliest token beside it."""
    chosen = [step[token].logprob for step, token in zip(steps, target, strict=True)]
    best = [max(choice.logprob for choice in step.values()) for step in steps]
    return Likelihood(sum(chosen), chosen == best, len(target))
