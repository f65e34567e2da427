"""Content keys of what a model is asked.

Everything that can change an answer is in a key; scorers and filters are not, so that scoring
again costs no generation.
"""

from __future__ import annotations

import functools
import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace

from evals.engines import Request, Sampling


def generation_key(identity: Mapping[str, str], request: Request) -> str:
    """SHA-256 of canonical JSON of model, prompt, settings and replicate, in hexadecimal.

    Args:
        identity: The engine's.
        request: What is asked; its seed is the number of the replicate.
    """
    sampling = normalised(request.sampling)
    return _digest(
        {
            "engine": dict(identity),
            "method": "generate",
            "prompt": request.prompt,
            "settings": {
                "max_tokens": sampling.max_tokens,
                "temperature": sampling.temperature,
                "top_p": sampling.top_p,
                "stop": sampling.stop,
            },
            "replicate": sampling.seed,
        }
    )


def likelihood_key(identity: Mapping[str, str], context: str, continuation: str) -> str:
    """SHA-256 of canonical JSON of model, context and continuation, in hexadecimal."""
    return _digest(
        {
            "engine": dict(identity),
            "method": "loglikelihood",
            "context": context,
            "continuation": continuation,
        }
    )


def seed_of(key: str) -> int:
    """The seed a response is drawn with: the first 63 bits of its key."""
    return int(key[:16], 16) >> 1


@functools.lru_cache(maxsize=1024)
def normalised(sampling: Sampling) -> Sampling:
    """The same settings written in one way: what has no effect on a response is set to its default.

    Greedy decoding has neither a nucleus nor a seed, and neither the order of stop texts nor an
    empty one matters.
    """
    greedy = sampling.temperature == 0
    return replace(
        sampling,
        temperature=float(sampling.temperature),
        top_p=1.0 if greedy else float(sampling.top_p),
        seed=0 if greedy else sampling.seed,
        stop=tuple(sorted({s for s in sampling.stop if s})),
    )


def _digest(body: Mapping[str, object]) -> str:
    # Escaped, so that a lone surrogate in a prompt has bytes too.
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()
