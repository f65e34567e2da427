"""The metric `code_eval` with verdicts from the sandbox: the same call, the same result."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import TypedDict

from evals.sandbox.limits import Limits, Outcome
from evals.sandbox.pool import Program

MEMORY_BYTES = 4 << 30


class Result(TypedDict):
    """What became of one candidate."""

    task_id: int
    passed: bool
    result: str
    """`passed`, `timed out`, or `failed: ` and why."""
    completion_id: int


Results = dict[int, list[tuple[int, Result]]]


class CodeEval:
    """Stands in for `evaluate.load("code_eval")`.

    It needs no HF_ALLOW_CODE_EVAL: that variable confirms that code may run unconfined, and here
    none does.
    """

    def compute(
        self,
        *,
        references: Sequence[str],
        predictions: Sequence[Sequence[str]],
        k: Sequence[int] = (1, 10, 100),
        num_workers: int = 4,
        timeout: float = 3.0,
    ) -> tuple[dict[str, float], Results]:
        """Estimate pass@k (Chen et al. 2021, arXiv 2107.03374, equation 1).

        Args:
            references: One test program for each problem; it follows a candidate's text after a
                line end and is one program with it.
            predictions: Candidates of each problem.
            k: Numbers of candidates to choose; those above the number there is are left out.
            num_workers: Ignored; the sandbox has as many workers as there are processors.
            timeout: Seconds of wall clock, and of processor time rounded up, for one candidate.

        Returns:
            `pass@k` for each k, and by problem its candidates' number and result.

        Raises:
            ValueError: other numbers of references and predictions; no problem at all; a
                candidate list is text; this machine cannot confine a program.
        """
        from evals.sandbox import shared_sandbox

        del num_workers
        _require_aligned(references, predictions)
        limits = Limits(
            wall_seconds=timeout, cpu_seconds=math.ceil(timeout), memory_bytes=MEMORY_BYTES
        )
        which = [(t, c) for t, some in enumerate(predictions) for c in range(len(some))]
        programs = [Program(f"{predictions[t][c]}\n{references[t]}", "", limits) for t, c in which]
        results: Results = defaultdict(list)
        for (task, candidate), outcome in zip(
            which, shared_sandbox(False).run_all(programs), strict=True
        ):
            results[task].append((candidate, _result(task, candidate, outcome)))
        return _pass_at_k(results, k), results


def _require_aligned(references: Sequence[str], predictions: Sequence[Sequence[str]]) -> None:
    if len(references) != len(predictions):
        raise ValueError(
            f"code_eval: {len(references)} references for {len(predictions)} lists of candidates"
        )
    if not any(len(candidates) for candidates in predictions):
        raise ValueError("code_eval: no candidate to run")
    for index, candidates in enumerate(predictions):
        if isinstance(candidates, str):
            raise ValueError(f"code_eval: candidates {index} are one text, not a list of texts")


def _result(task: int, candidate: int, outcome: Outcome) -> Result:
    said = {"passed": "passed", "timeout": "timed out"}
    text = said.get(outcome.status, f"failed: {outcome.detail}")
    return Result(task_id=task, passed=outcome.passed, result=text, completion_id=candidate)


def _pass_at_k(results: Results, ks: Sequence[int]) -> dict[str, float]:
    counts = [(len(some), sum(r["passed"] for _, r in some)) for some in results.values()]
    return {
        f"pass@{k}": _mean([_estimate(n, c, k) for n, c in counts])
        for k in ks
        if all(n >= k for n, _ in counts)
    }


def _estimate(n: int, c: int, k: int) -> float:
    """1 - C(n - c, k) / C(n, k), as a product, in the metric's own order of operations: a score
    must not differ in its last digit.
    """
    import numpy as np

    if n - c < k:
        return 1.0
    return 1.0 - float(np.prod(1.0 - k / np.arange(n - c + 1, n + 1)))


def _mean(values: Sequence[float]) -> float:
    import numpy as np

    return float(np.mean(values))
