"""Stock tasks that score code get our metric: they load another at import, from the network."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from evals.sandbox.code_eval import CodeEval

if TYPE_CHECKING:
    from lm_eval.api.task import Task

_ONE_AT_A_TIME = threading.RLock()


@contextmanager
def prepare() -> Iterator[None]:
    """Let lm-eval's tasks be loaded within: `evaluate.load("code_eval")` gives a `CodeEval`.

    What was loaded keeps it.  Every other metric is loaded as ever, and afterwards this one is,
    too.
    """
    import evaluate

    with _ONE_AT_A_TIME:
        load = evaluate.load

        def load_ours(path: str, *arguments: Any, **settings: Any) -> Any:
            return CodeEval() if path == "code_eval" else load(path, *arguments, **settings)

        evaluate.load = load_ours
        try:
            yield
        finally:
            evaluate.load = load


def confined(task: Task) -> bool:
    """Whether running a task runs no code of a model's outside the sandbox.

    True for a task that runs none, and for one whose metrics' modules hold a `CodeEval` and no
    other metric.  It answers lm-eval's `confirm_run_unsafe_code`.
    """
    if not getattr(task, "UNSAFE_CODE", False):
        return True
    # lm-eval keeps a function's `__call__`, whose function is its `__self__`.
    metrics = [getattr(m, "__self__", m) for m in task._metric_fn_list.values()]
    return bool(metrics) and all(_holds_only_ours(getattr(m, "__globals__", {})) for m in metrics)


def _holds_only_ours(names: dict[str, Any]) -> bool:
    from evaluate import EvaluationModule

    theirs = any(isinstance(value, EvaluationModule) for value in names.values())
    return not theirs and any(isinstance(value, CodeEval) for value in names.values())
