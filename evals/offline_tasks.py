"""What stock tasks fetch from the network when they are loaded, made beforehand."""

from __future__ import annotations

import importlib
import importlib.util


def prepare_code_tasks() -> None:
    """Let tasks that run a model's code do so in the sandbox, with the same verdicts."""
    _prepare("evals.sandbox")


def prepare_ifeval() -> None:
    """Let IFEval split sentences without fetching nltk's tokeniser."""
    _prepare("evals.ifeval")


def _prepare(package: str) -> None:
    importlib.import_module(f"{package}.offline").prepare()
