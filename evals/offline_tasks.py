"""What stock tasks fetch from the network when they are loaded, given from here instead."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from lm_eval.api.task import Task

CODE, IFEVAL = "evals.sandbox.offline", "evals.ifeval.offline"


@contextmanager
def offline(settings: Mapping[str, Any]) -> Iterator[None]:
    """Let a task with these settings be loaded within, with nothing fetched.

    Tasks that run a model's code get the sandbox's metric, IFEval its sentence splitter.
    """
    with ExitStack() as stack:
        if settings.get("unsafe_code"):
            stack.enter_context(importlib.import_module(CODE).prepare())
        if settings.get("dataset_path") == "google/IFEval":
            importlib.import_module(IFEVAL).prepare()
        yield


def confirm_confined(task: Task) -> None:
    """Take lm-eval's mark for unsafe code from a task whose code runs in the sandbox alone."""
    if getattr(task, "UNSAFE_CODE", False) and importlib.import_module(CODE).confined(task):
        task.UNSAFE_CODE = False
