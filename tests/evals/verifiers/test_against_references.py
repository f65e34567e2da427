"""Our verdicts beside math-verify's and lm-eval's own."""

from __future__ import annotations

from pathlib import Path

import cases_math
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evals.verifiers import verifier
from evals.verifiers.latex import boxes, tidy

DIFFERENT = {"a stop inside the box", "percent sign", "fbox"}


def boxed_cases() -> list[tuple[str, str, str]]:
    """Cases with one box in the response, and the reference as an answer."""
    return [
        (response, tidy(reference), why)
        for response, reference, _, why in cases_math.CASES
        if len(boxes(response)) == 1 and boxes(response)[0].content and "boxed" not in reference
        and "<think>" not in response and len(reference) < 1000
    ]  # fmt: skip


@pytest.mark.parametrize(("response", "reference", "why"), boxed_cases())
def test_math_agrees_with_math_verify_on_one_box(response: str, reference: str, why: str) -> None:
    from math_verify import parse, verify

    direct = verify(parse(rf"\boxed{{{reference}}}"), parse(response))
    if why in DIFFERENT:
        assert verifier("math")(response, reference).correct is not direct
    else:
        assert verifier("math")(response, reference).correct is direct


ATOMS = st.one_of(st.integers(-50, 50).map(str), st.sampled_from(["x", "y", r"\pi", "0.5", "2x"]))
EXPRESSIONS = st.recursive(
    ATOMS,
    lambda inner: st.one_of(
        st.builds(r"\frac{{{}}}{{{}}}".format, inner, inner),
        st.builds(r"\sqrt{{{}}}".format, inner),
        st.builds("({})".format, inner),
        st.builds("{}+{}".format, inner, inner),
        st.builds(r"\left({}, {}\right)".format, inner, inner),
    ),
    max_leaves=4,
)


@settings(deadline=None, max_examples=60)
@given(EXPRESSIONS, EXPRESSIONS)
def test_math_agrees_with_math_verify_on_made_up_answers(answer: str, reference: str) -> None:
    from math_verify import parse, verify

    box = r"\boxed{{{}}}".format
    direct = verify(parse(box(reference)), parse(box(answer)))
    assert verifier("math")(box(answer), reference).correct is direct
    assert verifier("math")(box(answer), answer).correct


def flexible_extract(response: str, target: str) -> bool:
    """lm-eval's own filter and metric, with the settings of its own task file."""
    import lm_eval
    import yaml
    from lm_eval.api.metrics import exact_match_fn
    from lm_eval.filters.extraction import RegexFilter

    file = Path(lm_eval.__file__).parent / "tasks" / "gsm8k" / "gsm8k.yaml"
    task = yaml.safe_load(file.read_text(encoding="utf-8"))
    (steps,) = [f["filter"] for f in task["filter_list"] if f["name"] == "flexible-extract"]
    options = {k: v for k, v in steps[0].items() if k != "function"}
    extracted = next(iter(RegexFilter(**options).apply([[response]], [{}])))[0]
    metric = {
        k: v for k, v in task["metric_list"][0].items() if k.startswith(("ignore", "regexes"))
    }
    return bool(
        exact_match_fn(predictions=[extracted], references=[target], **metric)["exact_match"]
    )


STOCK = st.sampled_from(
    [" He has 3 * {a} = {a} left.\n#### {a}", "The answer is {a}.", "So {b} + 1 = {a}\n#### {a}",
     "First {b}, then {b}. The answer is ${a}", "She pays ${a}.", "{b} - 5 is {a}", "{a}", "none",
     "She works <<{b}*1={b}>>{b} hours, so {a} in all"]
)  # fmt: skip


@settings(deadline=None)
@given(STOCK, st.integers(0, 10**6), st.integers(0, 10**6), st.booleans())
def test_gsm8k_agrees_with_lm_evals_flexible_extract_on_stock_responses(
    form: str, a: int, b: int, right: bool
) -> None:
    response, target = form.format(a=f"{a:,}", b=b), f"Work.\n#### {a if right else a + 1:,}"
    assert verifier("gsm8k")(response, target).correct is flexible_extract(response, target)


@pytest.mark.parametrize(
    ("response", "target", "ours"),
    [
        ("It is 18.00", "18", True),
        ("10-5", "5", True),
        ("#### 18\nStep 2", "18", True),
        ("The answer is 18 of 20", "18", True),
        ("It is 18...", "18", True),
        ("18 cm^2", "18", True),
        ("3/4", "4", False),
    ],
)
def test_where_gsm8k_and_flexible_extract_differ(response: str, target: str, ours: bool) -> None:
    assert verifier("gsm8k")(response, target).correct is ours
    assert flexible_extract(response, target) is not ours
