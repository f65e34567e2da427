"""The architecture holds: floors, light imports, names."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FLOORS = {
    "evals": {"evals"},
    "decontam": {"decontam", "evals"},
    "recipe": {"recipe", "evals"},
    "harness": {"harness", "recipe", "decontam", "evals"},
}


def imported_packages(path: Path) -> set[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = {
        alias.name for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names
    } | {n.module for n in ast.walk(tree) if isinstance(n, ast.ImportFrom) and n.module}
    return {name.split(".")[0] for name in names} & set(FLOORS)


@pytest.mark.parametrize("package", FLOORS)
def test_a_package_imports_only_from_its_own_floor_and_below(package: str) -> None:
    files = sorted((ROOT / package).rglob("*.py"))
    assert files
    wrong = {
        str(f.relative_to(ROOT)): extra
        for f in files
        if (extra := imported_packages(f) - FLOORS[package])
    }
    assert not wrong


@pytest.mark.parametrize(
    "module",
    [
        "harness.ablate",
        "harness.planner",
        "harness.gate",
        "harness.report",
        "decontam",
        "evals.load_items",
    ],
)
def test_light_modules_load_neither_torch_nor_transformers(module: str) -> None:
    heavy = "{'torch', 'transformers', 'trl', 'lm_eval', 'datasets', 'vllm', 'ray'}"
    code = f"import sys, {module}; print(sorted({heavy} & set(sys.modules)))"
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert found.stdout.strip() == "[]"


def test_no_file_is_named_for_nothing_in_particular() -> None:
    names = {p.stem for package in FLOORS for p in (ROOT / package).rglob("*.py")}
    assert not names & {"utils", "util", "common", "helpers", "misc"}


def test_every_public_module_says_what_it_is_for() -> None:
    for package in FLOORS:
        for path in (ROOT / package).rglob("*.py"):
            assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path
