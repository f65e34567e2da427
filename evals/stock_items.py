"""Where the items of an lm-eval task lie, from its YAML settings alone.

Templates are rendered in a sandbox; a task that needs code of its own is refused.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import replace
from operator import itemgetter
from typing import Any

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from evals.dataset_rows import Row
from evals.item_parts import ItemSource, Part
from evals.item_sources import known_dataset
from evals.question import question_in
from evals.stock_tasks import Function, Settings

_REMEDY = "pass a file of items instead"
_TEXTS = ("doc_to_text", "doc_to_target", "doc_to_choice")
_LETTER = re.compile(r"\(?[A-Z]\)?\.?")

_ENVIRONMENT = ImmutableSandboxedEnvironment(undefined=StrictUndefined, keep_trailing_newline=True)
_ENVIRONMENT.filters["regex_replace"] = lambda text, pattern, value="", count=0: re.sub(
    pattern, value, str(text), count=count
)


def stock_source(task: str, settings: Settings) -> ItemSource:
    """Where a task's items lie and how their parts are read.

    The columns of a known dataset are those of `item_sources`; else the task's own templates tell.

    Args:
        task: Its name, for messages.
        settings: As `stock_tasks` gives them.

    Raises:
        ValueError: data or texts come from Python code, which is not run here, or the data is no
            plain dataset of the Hub.
    """
    dataset = settings.get("dataset_path")
    known = known_dataset(dataset) if isinstance(dataset, str) else None
    _refuse_code(task, settings, ("process_docs", *(() if known else _TEXTS)))
    split = settings.get("test_split") or settings.get("validation_split")
    own_files = set(settings.get("dataset_kwargs") or ()) - {"trust_remote_code"}
    if not isinstance(dataset, str) or own_files or not split:
        raise ValueError(f"task {task}: its data is no split of a plain Hub dataset; {_REMEDY}")
    config = settings.get("dataset_name")
    if known:
        return replace(known, configs=(config,), splits=(split,), also=())
    return _from_templates(task, settings, dataset, config, split)


def _refuse_code(task: str, settings: Settings, keys: tuple[str, ...]) -> None:
    if "class" in settings:
        raise ValueError(f"task {task} is Python code, which is not run here; {_REMEDY}")
    for key in ("custom_dataset", *keys):
        if isinstance(settings.get(key), Function):
            raise ValueError(
                f"task {task}: {key} is Python code ({settings[key]}), which is not run here; "
                f"{_REMEDY}"
            )


def _from_templates(
    task: str, settings: Settings, dataset: str, config: str | None, split: str
) -> ItemSource:
    template = settings.get("doc_to_text")
    if not isinstance(template, str) or not template.strip():
        raise ValueError(f"task {task}: doc_to_text holds no question; {_REMEDY}")
    try:
        question = question_in(template)
    except ValueError as error:
        raise ValueError(f"task {task}: doc_to_text: {error}; {_REMEDY}") from error
    passage = _text(task, "doc_to_text", question.passage) if question.passage else None
    choices = _choices(task, settings.get("doc_to_choice"))
    shown = [_text(task, "doc_to_text", option) for option in question.options]
    options = _shown(shown, choices)
    return ItemSource(
        dataset=dataset,
        configs=(config,),
        splits=(split,),
        prompt=_text(task, "doc_to_text", question.text),
        passage=passage,
        options=options,
        answer=_answer(task, settings, choices, options),
    )


def _text(task: str, key: str, template: str) -> Part:
    """A column, or a template."""
    if "{" not in template:
        return Part((template,), itemgetter(template))
    try:
        compiled = _ENVIRONMENT.from_string(template)
    except TemplateError as error:
        raise ValueError(f"task {task}: {key} is no template: {error}") from error

    def read(row: Row) -> str:
        try:
            return compiled.render(**row)
        except (TemplateError, ArithmeticError, LookupError, TypeError, AttributeError) as error:
            raise ValueError(
                f"task {task}: {key} cannot be rendered: {error}; the row has {', '.join(row)}"
            ) from error

    return Part((), read)


def _choices(task: str, choices: object) -> Part | None:
    """The task's choices, as lm-eval reads them."""
    if isinstance(choices, Mapping):
        choices = list(choices.values())
    if isinstance(choices, list):
        fixed = [str(c) for c in choices]
        return Part((), lambda _row: fixed)
    if not isinstance(choices, str) or not choices:
        return None
    text = _text(task, "doc_to_choice", choices)
    return Part(text.columns, lambda row: _literal(text.read(row)))


def _shown(shown: list[Part], choices: Part | None) -> Part | None:
    """The texts a model chooses from: the lines of the prompt where the choices are letters."""

    def read(row: Row) -> list[str]:
        texts = [str(c) for c in choices.read(row)] if choices else []
        if not all(_LETTER.fullmatch(text) for text in texts):
            return texts
        return [part.read(row) for part in shown]

    return Part(choices.columns if choices else (), read) if shown or choices else None


def _answer(
    task: str, settings: Settings, choices: Part | None, options: Part | None
) -> Part | None:
    target = settings.get("doc_to_target")
    # The target of a task that runs code is its tests.
    if target in (None, "") or settings.get("unsafe_code"):
        return None
    if isinstance(target, str):
        part = _text(task, "doc_to_target", target)
    else:
        part = Part((), lambda _row: target)

    def read(row: Row) -> Any:
        value = _literal(part.read(row))
        if choices is None or options is None:
            return value
        return _chosen(value, choices.read(row), options.read(row))

    return Part(part.columns, read)


def _chosen(value: Any, choices: list[Any], options: list[str]) -> Any:
    """The text of the right option, from its index or its letter."""
    if isinstance(value, str) and value.strip() in choices:
        value = choices.index(value.strip())
    texts = options or [str(c) for c in choices]
    inside = isinstance(value, int) and 0 <= value < len(texts)
    return texts[value] if inside else value


def _literal(value: Any) -> Any:
    """A rendered number or list as what it stands for."""
    if not isinstance(value, str) or not (value.isdigit() or value[:1] + value[-1:] == "[]"):
        return value
    try:
        return ast.literal_eval(value)
    except (SyntaxError, ValueError):
        return value
