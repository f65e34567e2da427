"""Keys: equal values alike, everything that matters in them, nothing else."""

import json
import math
from pathlib import Path
from types import MappingProxyType

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.keys import canonical, file_digest, stage_key, tree_digest

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters())
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
SFT = {"kind": "sft", "code_version": 1, "params": {"lr": 2e-5}, "inputs": {"rows": "d"}, "seed": 1}


@given(values)
def test_canonical_text_is_json_of_the_same_value(value):
    assert json.loads(canonical(value)) == value


@given(values)
def test_reading_a_canonical_text_and_writing_it_again_changes_nothing(value):
    text = canonical(value)
    assert canonical(json.loads(text)) == text


@given(st.dictionaries(st.text(), values), st.randoms())
def test_the_order_of_fields_does_not_matter(value, random):
    names = list(value)
    random.shuffle(names)
    assert canonical({name: value[name] for name in names}) == canonical(value)


@given(values, values)
def test_two_values_have_one_text_only_if_they_are_equal(one, other):
    if canonical(one) == canonical(other):
        assert one == other


def test_equal_numbers_are_written_alike():
    assert canonical(1.0) == canonical(1) == "1"
    assert canonical(-0.0) == canonical(0)
    assert canonical(2.0**70) == canonical(2**70)


def test_true_is_not_one():
    assert canonical(True) != canonical(1)


def test_neighbouring_floats_are_told_apart():
    assert canonical(0.1) != canonical(math.nextafter(0.1, 1))


def test_tuples_and_read_only_mappings_are_lists_and_objects():
    assert canonical(MappingProxyType({"b": (1, 2), "a": None})) == '{"a":null,"b":[1,2]}'


@pytest.mark.parametrize(
    ("value", "error", "where"),
    [
        ({"lr": [1, math.nan]}, ValueError, r"value\.lr\[1\]: nan"),
        ({"lr": math.inf}, ValueError, r"value\.lr: inf"),
        ({"path": Path("/data")}, TypeError, r"value\.path: PosixPath"),
        ({"tags": {"a"}}, TypeError, r"value\.tags: set"),
        ({"a": {1: 2}}, TypeError, r"value\.a: key 1 is a int"),
        ([object()], TypeError, r"value\[0\]: object"),
        ({"lr": np.float64(0.1)}, TypeError, r"value\.lr: float64"),
        ({"data": b"x"}, TypeError, r"value\.data: bytes"),
    ],
)
def test_a_value_without_canonical_form_is_an_error_that_says_where(value, error, where):
    with pytest.raises(error, match=where):
        canonical(value)


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "dpo"},
        {"code_version": 2},
        {"params": {"lr": 1e-5}},
        {"params": {"lr": 2e-5, "epochs": 1}},
        {"inputs": {"rows": "e"}},
        {"inputs": {"start": "d"}},
        {"seed": 2},
        {"seed": None},
    ],
)
def test_every_field_changes_the_key(change):
    assert stage_key(**{**SFT, **change}) != stage_key(**SFT)


def test_swapping_two_inputs_changes_the_key():
    inputs = {"a": "1", "b": "2"}
    swapped = {"a": "2", "b": "1"}
    assert stage_key("mix", 1, {}, inputs, None) != stage_key("mix", 1, {}, swapped, None)


def test_golden_keys():
    """A change that alters these makes every published result unreachable."""
    assert stage_key(**SFT) == "0e8e76d51b87e20904f05ed85bdc5868c61fca52b41d2a27fdd3390b1f6eda45"
    source = stage_key("source", 1, {"source": "tiny:arithmetic", "rows": None}, {}, None)
    assert source == "d969b24981582a4cec4d4dd614161841f4f3fd00a0d6a64f892ce2e4116181a2"


def test_a_file_is_hashed_as_it_is_now(tmp_path):
    path = tmp_path / "rows.jsonl"
    path.write_text("a")
    before = file_digest(path)
    path.write_text("b")
    assert file_digest(path) != before


def test_a_tree_digest_covers_names_and_contents():
    base = tree_digest({"a": "1", "b": "2"})
    assert tree_digest({"b": "2", "a": "1"}) == base
    assert tree_digest({"a": "2", "b": "1"}) != base
    assert tree_digest({"a": "1", "c": "2"}) != base
