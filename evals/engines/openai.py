"""The engine for OpenAI-compatible servers: a hosted model, or vLLM's own server."""

from __future__ import annotations

import functools
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from evals.engines.answers import field, read_echo, read_generation, read_prompt_logprobs
from evals.engines.background import Emit, bounded, iterate
from evals.engines.encoding import encode_pair, tokenizer_digest, wire_seed
from evals.engines.generation import Generation, Likelihood, Request, Sampling
from evals.engines.server import Server, ServerError

T = TypeVar("T")

STOPS = 4
"""Stop texts that OpenAI and vLLM take in a request; further ones are applied to the answer."""


@dataclass(frozen=True, slots=True)
class Reported:
    """What a server says of a model in `GET /models`.

    `created` is not kept: servers that run a model themselves answer with the time of the question.
    """

    root: str = ""
    owner: str = ""
    version: str = ""
    """Of the server's software, where it is vLLM."""

    @property
    def is_vllm(self) -> bool:
        """Whether vLLM's additions to the protocol may be used."""
        return self.owner == "vllm"


class OpenAIEngine:
    """Asks a server, many requests at a time, and yields each response as it comes in."""

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        api_key_env: str = "OPENAI_API_KEY",
        mode: Literal["chat", "completions"] = "chat",
        tokenizer: str | Path | None = None,
        model_version: str | None = None,
        concurrency: int = 32,
        timeout: float = 600.0,
        retries: int = 8,
    ) -> None:
        """Name a model on a server; nothing is asked yet.

        What a request does not name (top-k, penalties) is left to the server's own defaults.

        Args:
            base_url: Up to and including the version: `http://127.0.0.1:8000/v1`.
            model: Its name on the server.
            api_key_env: Environment variable that holds the key; unset, no key is sent.
            mode: `chat` posts conversations to `/chat/completions`; `completions` posts prompts to
                `/completions` and can score continuations.
            tokenizer: For `completions`, folder or Hub id of the model's tokenizer: templates of
                conversations, and where continuations begin.
            model_version: What tells this model from any other, on the caller's word.  It stands
                in `identity` in place of the address, so that answers are shared between addresses.
            concurrency: Requests under way at a time.
            timeout: Seconds for one attempt, from connecting to the last byte.
            retries: Attempts after the first, on 408, 409, 425, 429, 5xx, silence, a lost
                connection, or a broken answer.

        Raises:
            ValueError: an argument is out of its range, or the address holds a password.
        """
        if mode not in ("chat", "completions"):
            raise ValueError(f"mode {mode!r} is neither 'chat' nor 'completions'")
        if concurrency < 1:
            raise ValueError(f"concurrency {concurrency}: make it at least 1")
        self.server = Server(base_url, api_key_env, timeout, retries)
        self.model = model
        self.mode = mode
        self.served: Counter[tuple[str, str]] = Counter()
        """Answers by the model and the `system_fingerprint` that the server named in them."""
        self._tokenizer_source = tokenizer
        self._model_version = model_version
        self._concurrency = concurrency

    @functools.cached_property
    def identity(self) -> Mapping[str, str]:
        """The model as the server names it, and the server, or else the version that was given.

        Raises:
            ServerError: the server does not answer, or has no such model.
        """
        where = (
            {"model_version": self._model_version}
            if self._model_version
            else {"address": self.server.base_url.rstrip("/")}
        )
        return {
            "engine": "openai",
            "version": self.reported.version,
            "mode": self.mode,
            "model": self.model,
            "root": self.reported.root,
            "tokenizer": self.tokenizer_name,
            **where,
        }

    @functools.cached_property
    def tokenizer_name(self) -> str:
        """Digest of tokenizer and chat template, or that they are the server's."""
        return "server" if self._tokenizer_source is None else tokenizer_digest(self.tokenizer)

    @functools.cached_property
    def tokenizer(self) -> Any:
        """The model's tokenizer.

        Raises:
            ValueError: none was named.
        """
        if self._tokenizer_source is None:
            raise ValueError(
                "chat templates and log-likelihoods through a server's completions need the "
                "model's tokenizer: name its folder"
            )
        from transformers import AutoTokenizer

        return AutoTokenizer.from_pretrained(self._tokenizer_source)

    @functools.cached_property
    def reported(self) -> Reported:
        """What the server says of the model.

        Raises:
            ServerError: the server does not answer, or has no such model.
        """

        async def produce(emit: Emit[Reported]) -> None:
            async with self.server.connect(1) as client:
                emit(await _reported(self.server, client, self.model))

        (found,) = iterate(produce)
        return found

    def chat(self, messages: Sequence[Mapping[str, str]], *, add_generation_prompt: bool) -> str:
        """A conversation as prompt text: in chat mode, canonical JSON of the messages.

        Raises:
            ValueError: a begun answer is to be continued, which conversations cannot ask for.
        """
        if self.mode == "chat":
            if not add_generation_prompt:
                raise ValueError(
                    "a server of conversations cannot continue a begun answer; use mode "
                    "'completions' for this benchmark"
                )
            return json.dumps(
                [dict(m) for m in messages],
                ensure_ascii=False,
                sort_keys=True,
                separators=(",", ":"),
            )
        text: str = self.tokenizer.apply_chat_template(
            list(messages), tokenize=False, add_generation_prompt=add_generation_prompt
        )
        return text

    def generate(self, requests: Sequence[Request]) -> Iterator[tuple[int, Generation]]:
        """Answer requests: the index of a request and its response, as each comes in.

        Tokens are what the server counts: vLLM's counts an end token too, and what was generated
        past a stop text that it was not told of.

        Raises:
            ValueError: in chat mode, a prompt is not the JSON of a conversation.
            ServerError: a request is refused, or has no usable answer after all attempts; what was
                answered has been yielded.
        """
        chat = self.mode == "chat"
        asked = [_messages(i, r.prompt) if chat else r.prompt for i, r in enumerate(requests)]
        extra = {"add_special_tokens": False} if not chat and self.reported.is_vllm else {}

        def body(index: int) -> dict[str, object]:
            prompt = {"messages" if chat else "prompt": asked[index]}
            return {**prompt, **_settings(requests[index].sampling), **extra}

        def read(index: int, answer: Any) -> Generation:
            return read_generation(answer, requests[index].sampling, chat=chat)

        path = "/chat/completions" if chat else "/completions"
        yield from self._ask_all(len(requests), path, body, read)

    def loglikelihood(self, pairs: Sequence[tuple[str, str]]) -> Iterator[tuple[int, Likelihood]]:
        """Log-probability of each continuation given its context, and whether it is greedy.

        Raises:
            ValueError: in chat mode, or no tokenizer was named.
            ServerError: as for `generate`.
        """
        if self.mode == "chat":
            raise ValueError(
                "a server of conversations does not score texts; use mode 'completions' for "
                "benchmarks of log-likelihoods"
            )
        encoded = [encode_pair(self.tokenizer, *pair) for pair in pairs]
        vllm = self.reported.is_vllm
        how = {"prompt_logprobs": 1} if vllm else {"echo": True, "logprobs": 1}
        reader = read_prompt_logprobs if vllm else read_echo

        def body(index: int) -> dict[str, object]:
            context, target = encoded[index]
            return {"prompt": context + target, "max_tokens": 1, "temperature": 0.0, **how}

        def read(index: int, answer: Any) -> Likelihood:
            context, target = encoded[index]
            return reader(answer, len(context), target)

        yield from self._ask_all(len(pairs), "/completions", body, read)

    def _ask_all(
        self,
        count: int,
        path: str,
        body: Callable[[int], Mapping[str, object]],
        read: Callable[[int, Any], T],
    ) -> Iterator[tuple[int, T]]:
        """Ask; after a failure, what is under way may end but is not tried again."""
        answered, failed = 0, False

        async def produce(emit: Emit[tuple[int, T]]) -> None:
            async def ask(index: int) -> T:
                nonlocal failed
                try:
                    return await self.server.ask(
                        client,
                        "POST",
                        path,
                        lambda answer: self._noted(answer, read(index, answer)),
                        body={"model": self.model, **body(index)},
                        stop=lambda: failed,
                    )
                except ServerError as error:
                    failed = True
                    raise ServerError(f"request {index}: {error}", error.status) from None

            async with self.server.connect(self._concurrency) as client:
                async for pair in bounded(count, self._concurrency, ask):
                    emit(pair)

        try:
            for pair in iterate(produce):
                answered += 1
                yield pair
        except ServerError as error:
            raise ServerError(
                f"{error}\n{answered} of {count} requests were answered", error.status
            ) from None

    def _noted(self, answer: Mapping[str, Any], result: T) -> T:
        name, fingerprint = answer.get("model"), answer.get("system_fingerprint")
        self.served[str(name or ""), str(fingerprint or "")] += 1
        return result


async def _reported(server: Server, client: Any, model: str) -> Reported:
    try:
        cards = await server.ask(client, "GET", "/models", lambda a: field(a, "data", list))
    except ServerError as error:
        if error.status in (404, 405):
            return Reported()  # the list is not part of what every compatible server offers
        raise
    names = [card.get("id") for card in cards if isinstance(card, dict)]
    if model not in names:
        raise ServerError(
            f"{server.base_url} serves no model {model!r}; it serves {sorted(map(str, names))[:20]}"
        )
    card = cards[names.index(model)]
    root, owner = str(card.get("root") or ""), str(card.get("owned_by") or "")
    version = ""
    if owner == "vllm":
        address = server.base_url.rstrip("/").removesuffix("/v1") + "/version"
        version = await server.ask(client, "GET", address, lambda a: field(a, "version", str))
    return Reported(root, owner, version and f"vllm {version}")


def _messages(index: int, prompt: str) -> list[dict[str, str]]:
    try:
        found = json.loads(prompt)
    except (ValueError, RecursionError):
        found = None
    if (
        not isinstance(found, list)
        or not found
        or not all(isinstance(m, dict) and {"role", "content"} <= m.keys() for m in found)
    ):
        raise ValueError(
            f"request {index}: the prompt is not a conversation, and a server of conversations "
            "takes no other; use mode 'completions' for benchmarks that are not chat"
        )
    return found


def _settings(sampling: Sampling) -> dict[str, object]:
    stop = [s for s in sampling.stop if s][:STOPS]
    return {
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "seed": wire_seed(sampling.seed),
        **({"stop": stop} if stop else {}),
    }
