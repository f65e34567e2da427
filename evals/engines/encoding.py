"""What engines do alike before a model is asked: tokens, room, seeds."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

from evals.digest import text_digest


class WithTokenizer:
    """An engine whose tokenizer is at hand."""

    tokenizer: Any

    @functools.cached_property
    def tokenizer_name(self) -> str:
        """Digest of tokenizer and chat template."""
        return tokenizer_digest(self.tokenizer)

    def chat(self, messages: Sequence[Mapping[str, str]], *, add_generation_prompt: bool) -> str:
        """A conversation as the prompt text the model expects."""
        text: str = self.tokenizer.apply_chat_template(
            list(messages), tokenize=False, add_generation_prompt=add_generation_prompt
        )
        return text


def tokenizer_digest(tokenizer: Any) -> str:
    """SHA-256 over a transformers tokenizer's vocabulary, rules and chat template."""
    fast = getattr(tokenizer, "backend_tokenizer", None)
    rules = fast.to_str() if fast else str(sorted(tokenizer.get_vocab().items()))
    return text_digest(f"{rules}{tokenizer.chat_template or ''}")


def encode(tokenizer: Any, texts: Sequence[str]) -> list[list[int]]:
    """Tokens of final texts: what is special in them stands there already.

    Whether they fit is for `require_room` to say, not for the tokenizer's remark.
    """
    ids: list[list[int]] = tokenizer(list(texts), add_special_tokens=False, verbose=False)[
        "input_ids"
    ]
    return ids


def encode_pair(tokenizer: Any, context: str, continuation: str) -> tuple[list[int], list[int]]:
    """Tokens of both, split where the context's own tokens end (as lm-eval does).

    Spaces that end the context go to the continuation; an empty context is the end token.
    """
    moved = len(context) - len(context.rstrip())
    if moved:
        context, continuation = context[:-moved], context[-moved:] + continuation
    whole, before = encode(tokenizer, [context + continuation, context])
    start = len(before)
    return whole[:start] or [tokenizer.eos_token_id], whole[start:]


def require_room(prompt: int, response: int, room: int | None) -> None:
    """Refuse what does not fit into a model's positions.

    Args:
        prompt: Tokens of the prompt.
        response: Tokens that the response may take.
        room: The model's positions; None where it states none.

    Raises:
        ValueError: prompt and response together are longer.
    """
    if room is not None and prompt + response > room:
        raise ValueError(
            f"a prompt of {prompt} tokens and a response of {response} do not fit into the "
            f"model's {room} positions; lower max_tokens or shots"
        )


def wire_seed(seed: int) -> int:
    """A seed as back ends take it: 63 bits without sign, since some read -1 as "no seed"."""
    return seed & (2**63 - 1)
