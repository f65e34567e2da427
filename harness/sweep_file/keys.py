"""The keys of `sweep.yaml`: one grammar that checks the file and is its JSON schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args, get_origin, get_type_hints

from harness.sweep import Action
from harness.sweep_file.node import Node
from harness.sweep_file.shape import (
    HUB_ID,
    ByKind,
    Choice,
    Flag,
    ListOf,
    Number,
    Record,
    Shape,
    Text,
    Value,
    hint,
    wrong,
)
from recipe.config import CONFIGS, PRESETS

POSITIVE = Number(above=0)
ROWS = {"sft": "mix", "dpo": "data", "rlvr": "prompts"}
"""Method -> the key that names what a stage trains on."""

SETTINGS: Mapping[str, Shape] = {
    "lr": POSITIVE,
    "epochs": POSITIVE,
    "beta": POSITIVE,
    "temperature": POSITIVE,
    "reward": POSITIVE,
    "warmup": Number(least=0, below=1),
}
"""Settings with bounds of their own; the others are at least 1 if whole, at least 0 if not."""


@dataclass(frozen=True, slots=True)
class Stage:
    """A training stage; its method says which keys it has."""

    methods: Mapping[str, Record]
    what: str = "stages"

    def check(self, node: Node) -> None:
        """Refuse an unknown method and whatever a stage of this method does not have."""
        if not isinstance(node.value, dict):
            raise wrong(node, "a mapping")
        if node.get("method"):
            Choice(tuple(self.methods)).check(node["method"])
        method = method_of(node)
        if method not in self.methods:
            near = hint(method, self.methods)
            raise node.error(f"'method' is missing, and {method!r} is no method; {near}")
        shape = self.methods[method]
        for key, child in node:
            owners = [name for name, other in self.methods.items() if key in other.keys]
            if owners and method not in owners:
                raise child.error(
                    f"{key!r} belongs to {' and '.join(owners)} stages; this one is {method}, "
                    f"trained on `{ROWS[method]}`"
                )
        shape.check(node)

    def schema(self) -> dict[str, Any]:
        """The shape as JSON schema."""
        return {"anyOf": [shape.schema() for shape in self.methods.values()]}


def method_of(node: Node) -> str:
    """The training method of a stage: its `method`, else its name."""
    method = node.get("method")
    return str(method.value) if method else node.path.removeprefix("stages.")


def _one_or_more(shape: Shape) -> ByKind:
    return ByKind(scalar=shape, sequence=ListOf(shape))


def _setting(name: str, kind: Any) -> Shape:
    if get_origin(kind) is Literal:
        return Choice(get_args(kind))
    if kind is bool:
        return Flag()
    assert kind in (int, float), f"no shape for setting {name}: {kind}"
    return SETTINGS.get(name) or Number(whole=kind is int, least=1 if kind is int else 0)


def _stage(method: str) -> Record:
    settings = get_type_hints(CONFIGS[method])
    presets = tuple(name for name, methods in PRESETS.items() if method in methods)
    return Record(
        {
            "method": Choice(tuple(CONFIGS)),
            "from": Text("the name of a stage"),
            "promote": Record({"top": COUNT, "by": Choice(("dev",))}),
            ROWS[method]: _one_or_more(Text("a name")),
            "preset": Choice(presets),
            "zip": ListOf(ByKind(scalar=Text("a key"), sequence=ListOf(Text("a key")))),
            **{name: _one_or_more(_setting(name, kind)) for name, kind in settings.items()},
        },
        required=(ROWS[method],),
    )


COUNT = Number(whole=True, least=1)
SEED = Number(whole=True, least=0, below=2**32)
ACTION = Choice(get_args(Action))
MARGIN = Number(above=0, below=1, remedy="margins are in score units: one point is 0.01")
ARM = Record({"stage": Text("the name of a stage")}, ("stage",), Value())
COLUMNS = Text('a format string over columns, such as "{question}"')

SOURCE = Record(
    {
        "source": Text("tiny:NAME, a file or a Hub id org/name"),
        "config": Text(),
        "split": Text(),
        "revision": Text(),
        "rows": COUNT,
        "seed": SEED,
        "format": Choice(("chat", "preference")),
        "user": COLUMNS,
        "assistant": COLUMNS,
        "verifier": Text("the name of a verifier"),
        "reference": COLUMNS,
    },
    required=("source",),
)

MIX = Record(
    {},
    others=ByKind(
        scalar=Number(above=0, most=1, remedy="for a number of rows write {rows: N}"),
        mapping=Record(
            {"rows": COUNT, "max_repeats": COUNT, "fraction": Number(above=0, most=1)},
        ),
    ),
)

DECONTAM = Record(
    {
        "against": _one_or_more(Text("a suite or a task")),
        "preset": Text("the name of a preset"),
        "action": ByKind(scalar=ACTION, mapping=Record({}, others=ACTION)),
    },
    remedy="the check is never off; with `action: report` it drops nothing and shows what it finds",
)

GATE = Record(
    {
        "suite": Text("a role in `suites`"),
        "against": ARM,
        "noninferior": Record({}, others=MARGIN, remedy="write {default: 0.01}"),
        "improve": Record({"suite": Text("a role in `suites`")}, ("suite",)),
        "min_seeds": COUNT,
        "max_contamination": Number(least=0, most=1),
        "max_looks": COUNT,
    }
)

SWEEP = Record(
    {
        "name": Text("a folder name of a-z, 0-9, '-', '_' and '.'", r"[a-z0-9][a-z0-9._-]{0,99}"),
        "model": ByKind(
            scalar=Text("a preset or a folder"),
            mapping=Record({"id": Text("a Hub id org/name", HUB_ID), "revision": Text()}, ("id",)),
        ),
        "seeds": _one_or_more(SEED),
        "suites": Record({"dev": Text("a suite"), "heldout": Text("a suite")}, ("dev",)),
        "data": Record({}, others=SOURCE),
        "mixes": Record({}, others=MIX),
        "decontam": DECONTAM,
        "stages": Record({}, others=Stage({method: _stage(method) for method in CONFIGS})),
        "baseline": ARM,
        "contrasts": Record({}, others=Record({"of": ARM, "against": ARM}, ("of", "against"))),
        "gate": GATE,
        "executor": Choice(("local",)),
    },
    required=("name", "model", "seeds", "suites", "data", "stages"),
)


def sweep_schema() -> dict[str, Any]:
    """The JSON schema of `sweep.yaml`, for editors.

    What a schema cannot say (shares sum to one, names resolve) only `load_sweep` checks.
    """
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "sweep.yaml",
        **SWEEP.schema(),
    }
