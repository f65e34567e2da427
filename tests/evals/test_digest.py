"""Digests of folders."""

from __future__ import annotations

from pathlib import Path

from evals.digest import tree_digest


def test_a_folders_digest_changes_with_names_and_bytes_but_not_with_compiled_python(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.py").write_text("x = 1")
    before = tree_digest(tmp_path)
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "a.cpython-311.pyc").write_bytes(b"compiled")
    assert tree_digest(tmp_path) == before
    (tmp_path / "a.py").write_text("x = 2")
    assert tree_digest(tmp_path) != before
