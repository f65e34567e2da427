"""The model that `python -m evals run` asks, and the one that judges."""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING

from evals.hub import TOKENIZER, hub_folder, mirrored_model

if TYPE_CHECKING:
    from evals.engines import Engine


def loaded(args: argparse.Namespace) -> Engine:
    """The engine that was asked for; in a process of its own it is still being loaded.

    Raises:
        ValueError: the model cannot be had.
    """
    with model_named(args.model):
        return ENGINES[args.engine](args)


@contextmanager
def model_named(model: str) -> Iterator[None]:
    """Say of which model it is that it cannot be loaded."""
    try:
        yield
    except OSError as error:
        why = str(error).strip().partition("\n")[0]
        raise ValueError(
            f"--model {model} cannot be loaded: {why}\n"
            f"name a folder with config.json, a tokenizer and safetensors, or a Hub id that can be "
            f"reached"
        ) from error


def _source(args: argparse.Namespace) -> str:
    """What the model is loaded from.

    Raises:
        ValueError: a commit is named of a model that the mirror holds, which has no commits.
    """
    source = mirrored_model(args.model, hub_folder(args.hub))
    if args.revision and source != args.model:
        raise ValueError(
            f"--revision {args.revision}: {args.model} is taken from {source}, which has no "
            f"commits; leave --revision out, its files identify the model"
        )
    return source


def _tokenizer(args: argparse.Namespace) -> str | None:
    named: str | None = args.tokenizer
    return named and mirrored_model(named, hub_folder(args.hub), TOKENIZER)


def _hf(args: argparse.Namespace) -> Engine:
    from evals.engines.hf import HFEngine
    from evals.engines.process import EngineProcess

    return EngineProcess(functools.partial(HFEngine, _source(args), revision=args.revision))


def _vllm(args: argparse.Namespace) -> Engine:
    from evals.engines.vllm import VLLMEngine

    engine: Engine = VLLMEngine(_source(args), revision=args.revision)
    return engine


def judge(args: argparse.Namespace) -> Engine:
    """The model that judges."""
    from evals.engines.openai import OpenAIEngine

    return OpenAIEngine(args.judge_url, args.judge_model, api_key_env=args.judge_key_env or KEY)


def _openai(args: argparse.Namespace) -> Engine:
    from evals.engines.openai import OpenAIEngine

    engine: Engine = OpenAIEngine(
        args.base_url,
        args.model,
        api_key_env=args.api_key_env or KEY,
        mode=args.mode,
        tokenizer=_tokenizer(args),
    )
    return engine


ENGINES: Mapping[str, Callable[[argparse.Namespace], Engine]] = {
    "hf": _hf,
    "openai": _openai,
    "vllm": _vllm,
}
KEY = "OPENAI_API_KEY"
"""The variable that holds a server's key where none is named."""

APART = frozenset({"hf"})
"""Engines that start in a process of their own, while the tasks are being prepared."""
