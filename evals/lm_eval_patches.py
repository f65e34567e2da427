"""lm-eval made quiet and cheap while it is at work, and made to tell what it shows."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lm_eval.api.task import Task


@contextmanager
def quiet() -> Iterator[None]:
    """Hold back the progress bars and remarks of lm-eval and `datasets`; errors still raise."""
    import logging

    import datasets

    logger = logging.getLogger("lm_eval")
    level, bars = logger.level, datasets.are_progress_bars_disabled()
    logger.setLevel(logging.ERROR)
    datasets.disable_progress_bars()
    try:
        yield
    finally:
        logger.setLevel(level)
        if not bars:
            datasets.enable_progress_bars()


@contextmanager
def cheaply() -> Iterator[None]:
    """Let lm-eval compile each Jinja template once, where it would compile one per document.

    Templates have no state, so the samples are the same; a task of 500 items takes half the time.
    Its progress bar over the documents is left out too.
    """
    from lm_eval import utils
    from lm_eval.api import task

    compile_template, bar = utils.env.from_string, task.tqdm
    utils.env.from_string = functools.lru_cache(maxsize=1024)(_flat(compile_template))
    task.tqdm = _no_bar
    try:
        yield
    finally:
        utils.env.from_string, task.tqdm = compile_template, bar


def _flat(compile_template: Callable[[str], Any]) -> Callable[[str], Any]:
    """Templates whose globals are one plain dictionary, which each rendering copies."""

    def compiled(source: str) -> Any:
        template = compile_template(source)
        template.globals = dict(template.globals)
        return template

    return compiled


def _no_bar(documents: Iterable[Any], **_settings: object) -> Iterable[Any]:
    return documents


@contextmanager
def recorded_examples(tasks: Mapping[str, tuple[Task, dict[int, Any]]]) -> Iterator[None]:
    """Have tasks note which documents they show as few-shot examples.

    Args:
        tasks: Name -> a task and where its examples are noted, by identity.
    """
    samplers = [(t.sampler, shown) for t, shown in tasks.values() if hasattr(t, "sampler")]
    for sampler, shown in samplers:
        sampler.sample = _noting(sampler.sample, shown)
    try:
        yield
    finally:
        for sampler, _ in samplers:
            del sampler.sample


def _noting(draw: Callable[..., Any], shown: dict[int, Any]) -> Callable[..., Any]:
    def noted(*args: Any, **kwargs: Any) -> Any:
        examples = list(draw(*args, **kwargs))
        shown.update((id(example), example) for example in examples)
        return examples

    return noted
