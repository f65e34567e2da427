"""The schema of sweep files and their parser know the same keys."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator
from test_sweep_file import GOOD, project, refusal

from harness.errors import RequestError
from harness.sweep import SourceSpec, Sweep
from harness.sweep_file import sweep_schema
from harness.sweep_file.keys import SWEEP
from harness.sweep_file.node import Node, read_yaml


@pytest.fixture(autouse=True)
def _hub_is_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return project(tmp_path_factory.mktemp("project"))


def records(schema: dict[str, Any], value: Any, path: tuple[str, ...] = ()) -> Iterator[Any]:
    """(path, schema, mapping) of every mapping in `value`, the schema of its own kind."""
    if not isinstance(value, dict):
        return
    for option in schema.get("anyOf", [schema]):
        if option.get("type") == "object" and set(option["required"]) <= set(value):
            yield path, option, value
            for key, child in value.items():
                inner = option["properties"].get(key, option["additionalProperties"])
                yield from records(inner, child, (*path, key))


def as_node(value: Any, path: str = "") -> Node:
    inner = f"{path}." if path else ""
    if isinstance(value, dict):
        value = {key: as_node(child, inner + key) for key, child in value.items()}
    elif isinstance(value, list):
        value = [as_node(child, path) for child in value]
    return Node(Path("sweep.yaml"), 1, path, value, str(value))


def with_first(document: Any, path: tuple[str, ...], key: str, value: Any) -> Any:
    """A copy of `document` whose mapping at `path` holds `key` before all else."""
    if not path:
        return {key: value} | {k: v for k, v in document.items() if k != key}
    return document | {path[0]: with_first(document[path[0]], path[1:], key, value)}


@pytest.fixture(scope="module")
def document(folder: Path) -> Any:
    (folder / "good.yaml").write_text(GOOD)
    return read_yaml(folder / "good.yaml").plain()


def all_keys(schema: Any) -> set[str]:
    if isinstance(schema, list):
        return set().union(*(all_keys(item) for item in schema))
    if not isinstance(schema, dict):
        return set()
    return set(schema.get("properties", ())).union(*(all_keys(v) for v in schema.values()))


def test_the_schema_has_exactly_the_keys_that_the_parser_accepts(document):
    schema = sweep_schema()
    universe = {*all_keys(schema), "stranger"}
    assert len(universe) > 60
    seen = 0
    for path, record, _ in records(schema, document):
        if record["additionalProperties"] is not False:
            continue
        seen += 1
        unknown = set()
        for key in universe:
            with pytest.raises(RequestError) as caught:
                SWEEP.check(as_node(with_first(document, path, key, object())))
            if "unknown key" in str(caught.value) or "belongs to" in str(caught.value):
                unknown.add(key)
        assert universe - unknown == set(record["properties"]), path
    assert seen >= 14


def test_the_schema_accepts_the_good_file_and_no_stranger(document):
    Draft202012Validator.check_schema(sweep_schema())
    validator = Draft202012Validator(sweep_schema())
    assert not list(validator.iter_errors(document))
    for path, record, _ in records(sweep_schema(), document):
        if record["additionalProperties"] is False:
            assert not validator.is_valid(with_first(document, path, "stranger", 1)), path


def test_the_keys_are_the_fields_of_what_they_make():
    properties = sweep_schema()["properties"]
    parsed = {f.name for f in dataclasses.fields(Sweep)} - {"path", "revision"}
    assert {{"data": "sources"}.get(key, key) for key in properties} == parsed
    source = properties["data"]["additionalProperties"]["properties"]
    assert set(source) == {f.name for f in dataclasses.fields(SourceSpec)} - {"name"}


def edits(word: str) -> set[str]:
    """Every word one letter away: left out, put in, replaced, or swapped with its neighbour."""
    letters = "abcdefghijklmnopqrstuvwxyz_"
    cuts = [(word[:i], word[i:]) for i in range(len(word) + 1)]
    near = {a + b[1:] for a, b in cuts if b} | {a + c + b for a, b in cuts for c in letters}
    near |= {a + c + b[1:] for a, b in cuts if b for c in letters}
    near |= {a + b[1] + b[0] + b[2:] for a, b in cuts if len(b) > 1}
    return near - {word}


@settings(deadline=None, max_examples=80)
@given(data=st.data())
def test_a_key_misspelt_by_one_letter_is_refused_with_the_right_one(data, folder, document):
    places = [
        (path, key, set(record["properties"]) | set(mapping))
        for path, record, mapping in records(sweep_schema(), document)
        for key in mapping
        if key in record["properties"] and "default" not in mapping
    ]
    path, key, known = data.draw(st.sampled_from(places))
    wrong = data.draw(st.sampled_from(sorted(edits(key))))
    assume(wrong and wrong[0] != "_" and edits(wrong) & known == {key} and wrong not in known)
    mapping = document
    for step in path:
        mapping = mapping[step]
    renamed = {wrong if k == key else k: v for k, v in mapping.items()}
    text = yaml.safe_dump(replaced(document, path, renamed), sort_keys=False)
    message = refusal(folder, text)
    assert f"did you mean {key!r}?" in message, message


def replaced(document: Any, path: tuple[str, ...], value: Any) -> Any:
    if not path:
        return value
    return document | {path[0]: replaced(document[path[0]], path[1:], value)}
