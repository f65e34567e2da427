"""lm-eval's samples as our per-item scores."""

from __future__ import annotations

import json
import numbers
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from evals.digest import text_digest
from evals.items import ItemScore
from evals.prepared import Prepared
from evals.suite import BY_TASK

if TYPE_CHECKING:
    from evals.lm import EngineLM

Sample = Mapping[str, Any]


def item_score(lm: EngineLM, prepared: Prepared, task: str, sample: Sample) -> ItemScore:
    """What one item earned, as one filter reads it.

    Args:
        lm: What was asked and answered.
        prepared: The benchmark.
        task: Which of its tasks.
        sample: As lm-eval logs it.

    Raises:
        ValueError: the benchmark's metric is no number for each item.
    """
    benchmark, part = prepared.benchmark, prepared.parts[task]
    document = sample["doc"]
    metrics = {m: float(sample[m]) for m in sample["metrics"] if is_number(sample[m])}
    if benchmark.metric in sample["metrics"] and benchmark.metric not in metrics:
        raise ValueError(
            f"benchmark {benchmark.name}: metric {benchmark.metric!r} is no number for each item"
        )
    read = _generated if part.task.OUTPUT_TYPE == "generate_until" else _scored
    return ItemScore(
        benchmark=benchmark.name,
        item=part.items[sample["doc_id"]],
        replicate=lm.replicate,
        filter=str(sample["filter"]),
        document_digest=sample["doc_hash"],
        score=metrics[benchmark.metric] if benchmark.metric in metrics else float("nan"),
        metrics=metrics,
        cluster=_text(document[benchmark.cluster]) if benchmark.cluster else None,
        stratum=_stratum(prepared, task, document),
        **read(lm, sample),
    )


def _stratum(prepared: Prepared, task: str, document: Mapping[str, Any]) -> str | None:
    """The subtask: what the suite names, or the task of a group."""
    named = prepared.benchmark.stratum
    if named and named != BY_TASK:
        return _text(document[named])
    return task if named or len(prepared.parts) > 1 else None


def _generated(lm: EngineLM, sample: Sample) -> dict[str, Any]:
    prompt, settings = sample["arguments"][0][:2]
    repeats = len(sample["resps"][0])
    asked = [lm.request(prompt, settings, lm.replicate * repeats + i) for i in range(repeats)]
    rows = [lm.generations[request] for request in asked]
    texts = [row.text for row in rows]
    return {
        "prompt": prompt,
        "prompt_digest": text_digest(prompt),
        "response": texts[0] if repeats == 1 else json.dumps(texts, ensure_ascii=False),
        "extracted": _extracted(sample["filtered_resps"][0]),
        "finish": "length" if any(row.finish == "length" for row in rows) else "stop",
        "tokens": sum(row.tokens for row in rows),
        "prompt_tokens": rows[0].prompt_tokens,
    }


def _scored(lm: EngineLM, sample: Sample) -> dict[str, Any]:
    pairs = [(context, continuation) for context, continuation in sample["arguments"]]
    rows = [lm.likelihoods[pair] for pair in pairs]
    contexts = list(dict.fromkeys(context for context, _ in pairs if context))
    response = [
        {"continuation": continuation, "logprob": row.logprob, "greedy": row.greedy}
        for (_, continuation), row in zip(pairs, rows, strict=True)
    ]
    best = max(range(len(rows)), key=lambda i: rows[i].logprob)
    return {
        "prompt": "\n".join(contexts),
        "prompt_digest": text_digest(json.dumps(pairs)),
        "response": json.dumps(response, ensure_ascii=False),
        "extracted": pairs[best][1].strip(),
        "finish": "stop",
        "tokens": sum(row.tokens for row in rows),
        "prompt_tokens": 0,
    }


def _extracted(filtered: object) -> str | None:
    if isinstance(filtered, str):
        return filtered if filtered not in ("[invalid]", "") else None
    return None if filtered is None else json.dumps(filtered, ensure_ascii=False, default=str)


def is_number(value: object) -> bool:
    """Whether a metric's value is one number, not what a corpus-level one is computed from."""
    return isinstance(value, numbers.Real)


def _text(value: object) -> str | None:
    return None if value is None else str(value)
