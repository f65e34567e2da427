"""The stages of `sweep.yaml`: axes, their product, and pointers to single arms."""

from __future__ import annotations

import itertools
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import MISSING, fields
from typing import Any, cast, get_type_hints

from harness.sweep import Arm, ArmRef, Method, Mix, Promote, Scalar, SourceSpec, StageSpec
from harness.sweep_file.keys import ROWS, method_of
from harness.sweep_file.node import Node
from harness.sweep_file.shape import hint
from recipe.config import CONFIGS, PRESETS

MAX_ARMS = 10_000


def pick(node: Node, known: Collection[str], what: str) -> str:
    """The name that `node` holds.

    Args:
        node: A text.
        known: The names there are.
        what: What they name, for the error.

    Raises:
        RequestError: it is none of `known`; the message has the nearest.
    """
    name: str = node.value
    if name not in known:
        raise node.error(f"unknown {what} {name!r:.60}; {hint(name, known)}")
    return name


def read_stages(
    node: Node, mixes: Mapping[str, Mix], sources: Mapping[str, SourceSpec]
) -> tuple[StageSpec, ...]:
    """Read `stages` into grids of arms, in dependency order.

    Args:
        node: The mapping under `stages`, of the grammar's shape.
        mixes: What SFT stages may train on.
        sources: What DPO and RLVR stages may train on.

    Raises:
        RequestError: a name does not resolve, stages form a circle, axes do not fit together, a
            setting is missing.
    """
    stages: dict[str, StageSpec] = {}
    for name in _in_order(node):
        body = node[name]
        start = body.get("from")
        stages[name] = StageSpec(
            name=name,
            method=cast(Method, method_of(body)),
            arms=tuple(_arms(name, body, mixes, sources)),
            start=start.value if start else None,
            promote=_promote(body, stages[start.value] if start else None),
        )
    return tuple(stages.values())


def read_arm(node: Node, stages: Sequence[StageSpec]) -> ArmRef:
    """Read a pointer such as `{stage: sft, mix: base}`.

    Args:
        node: The mapping, of the grammar's shape.
        stages: What it points into.

    Raises:
        RequestError: it fits no arm, or more than one.
    """
    by_name = {stage.name: stage for stage in stages}
    stage = by_name[pick(node["stage"], by_name, "stage")]
    axes = {
        axis: list(dict.fromkeys(arm.choice[axis] for arm in stage.arms))
        for axis in stage.arms[0].choice
    }
    choice = {key: _value(key, child, axes, stage.name) for key, child in node if key != "stage"}
    fits = [a for a in stage.arms if choice.items() <= a.choice.items()]
    if len(fits) != 1:
        said = "; ".join(f"{axis}: {_listed(values)}" for axis, values in axes.items())
        raise node.error(f"{len(fits)} arms of stage {stage.name!r} fit, not one; it has {said}")
    return ArmRef(stage.name, choice)


def _value(axis: str, node: Node, axes: Mapping[str, list[Scalar]], stage: str) -> Scalar:
    if axis not in axes:
        raise node.error(f"stage {stage!r} has no axis {axis!r}; {hint(axis, ['stage', *axes])}")
    for value in axes[axis]:
        if value == node.value and isinstance(value, bool) == isinstance(node.value, bool):
            return value
    raise node.error(f"found {node.found}; the values of {axis!r} are {_listed(axes[axis])}")


def _listed(values: Sequence[Scalar]) -> str:
    shown = ", ".join(str(value) for value in values[:12])
    return shown + (", ..." if len(values) > 12 else "")


def _in_order(node: Node) -> list[str]:
    """Names of the stages, every stage after the one it continues from."""
    done: list[str] = []
    for first in node.value:
        chain: list[str] = []
        name: str | None = first
        while name is not None and name not in done:
            start = node[name].get("from")
            chain.insert(0, name)
            if start and pick(start, node.value, "stage") in chain:
                circle = [start.value, *chain[: chain.index(start.value) + 1]]
                raise start.error(f"stages form a circle: {' -> '.join(circle)}")
            name = start.value if start else None
        done += chain
    return done


def _promote(body: Node, start: StageSpec | None) -> Promote | None:
    promote = body.get("promote")
    if start is None:
        if promote:
            raise promote.error("only a stage with `from` has arms to promote")
        if method_of(body) != "sft":
            raise body.error(f"{method_of(body)} continues from another stage; add `from: STAGE`")
        return None
    if promote is None:
        return None
    top = promote.get("top")
    if top and top.value > len(start.arms):
        raise top.error(f"found {top.value}; stage {start.name!r} has {len(start.arms)} arms")
    return Promote(**promote.plain())


def _arms(
    name: str, body: Node, mixes: Mapping[str, Mix], sources: Mapping[str, SourceSpec]
) -> Iterator[Arm]:
    method = method_of(body)
    rows = ROWS[method]
    for node in body[rows].value if isinstance(body[rows].value, list) else [body[rows]]:
        _check_rows(node, method, mixes, sources)
    types = get_type_hints(CONFIGS[method]) | {rows: str}
    fixed, axes = _settings(body, types)
    settings = _defaults(body, method) | fixed
    missing = [key for key in types if key not in settings and key not in axes]
    if missing:
        presets = [preset for preset, methods in PRESETS.items() if method in methods]
        raise body.error(f"{missing[0]!r} is missing; give it, or a preset ({', '.join(presets)})")
    for choice in _product(body, axes):
        values = settings | choice
        arm = {key: values[key] for key in types if key != rows}
        yield Arm(name, choice, arm, str(values[rows]))


def _settings(
    body: Node, types: Mapping[str, type]
) -> tuple[dict[str, Scalar], dict[str, list[Scalar]]]:
    """Fixed settings and axes, in the order of the file, whole numbers made floats where due."""
    fixed: dict[str, Scalar] = {}
    axes: dict[str, list[Scalar]] = {}
    for key, node in body:
        if key in types and isinstance(node.value, list):
            axes[key] = [_typed(item.value, types[key]) for item in node.value]
        elif key in types:
            fixed[key] = _typed(node.value, types[key])
    return fixed, axes


def _typed(value: Any, kind: type) -> Scalar:
    return float(value) if kind is float else cast(Scalar, value)


def _defaults(body: Node, method: str) -> dict[str, Scalar]:
    preset = body.get("preset")
    given: Mapping[str, Any] = PRESETS[preset.value][method] if preset else {}
    own = {f.name: f.default for f in fields(CONFIGS[method]) if f.default is not MISSING}
    return {**own, **given}


def _product(body: Node, axes: Mapping[str, list[Scalar]]) -> Iterator[dict[str, Scalar]]:
    """The grid, the last axis fastest; tied axes move together, at the first one's place."""
    groups = _groups(body, axes)
    columns = [list(zip(*(axes[axis] for axis in group), strict=True)) for group in groups]
    for group, column in zip(groups, columns, strict=True):
        for i, value in enumerate(column):
            if value in column[:i]:
                again = body[group[0]].value[i]
                raise again.error(f"found {_listed(value)} a second time; an axis repeats nothing")
    arms = math.prod(len(column) for column in columns)
    if arms > MAX_ARMS:
        raise body.error(f"the grid has {arms} arms; {MAX_ARMS} are the most")
    for point in itertools.product(*columns):
        tied = zip(groups, point, strict=True)
        value_of = {a: v for group, vs in tied for a, v in zip(group, vs, strict=True)}
        yield {axis: value_of[axis] for axis in axes}


def _groups(body: Node, axes: Mapping[str, list[Scalar]]) -> list[tuple[str, ...]]:
    ties = _ties(body, axes)
    groups = (next((tie for tie in ties if axis in tie), (axis,)) for axis in axes)
    return list(dict.fromkeys(groups))


def _ties(body: Node, axes: Mapping[str, list[Scalar]]) -> list[tuple[str, ...]]:
    node = body.get("zip")
    if node is None:
        return []
    nested = [isinstance(item.value, list) for item in node.value]
    if any(nested) and not all(nested):
        raise node.error(
            "found names beside lists; write [beta, lr] or [[beta, lr], [mix, epochs]]"
        )
    seen: set[str] = set()
    ties = []
    for tie in node.value if all(nested) else [node]:
        ties.append(_tie(tie, axes, seen))
    return ties


def _tie(node: Node, axes: Mapping[str, list[Scalar]], seen: set[str]) -> tuple[str, ...]:
    for item in node.value:
        if pick(item, axes, "axis") in seen:
            raise item.error(f"axis {item.value!r} is tied already")
        seen.add(item.value)
    names = tuple(item.value for item in node.value)
    lengths = ", ".join(f"{name} has {len(axes[name])}" for name in names)
    if len(names) < 2:
        raise node.error("`zip` ties two axes or more")
    if len({len(axes[name]) for name in names}) > 1:
        raise node.error(f"tied axes are equally long; {lengths}")
    return names


def _check_rows(
    node: Node, method: str, mixes: Mapping[str, Mix], sources: Mapping[str, SourceSpec]
) -> None:
    if method == "sft":
        pick(node, mixes, "mix")
        return
    source = sources[pick(node, sources, "source")]
    if (source.format == "preference") != (method == "dpo"):
        wanted = "preference pairs (`format: preference`)" if method == "dpo" else "prompts"
        raise node.error(
            f"source {source.name!r} holds {source.format} rows; {method} needs {wanted}"
        )
    if method == "rlvr" and not source.verifier and not source.source.startswith("tiny:"):
        raise node.error(f"source {source.name!r} has no `verifier`, so nothing rewards a response")
