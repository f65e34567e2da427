"""A model of the mirror: `org/name` means its folder there, where that holds a model."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from evals.__main__ import main
from evals.hub import TOKENIZER, mirrored_model

TINY = Path(__file__).parents[2] / "recipe" / "tiny" / "model"


def files(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_text("{}")
    return folder


def test_an_id_means_the_mirrors_folder_where_that_holds_a_model(tmp_path: Path) -> None:
    folder = files(tmp_path / "org" / "m", "config.json")
    files(tmp_path / "org" / "data", "README.md")
    assert mirrored_model("org/m", tmp_path) == str(folder)
    for name in ("org/data", "org/absent", "org", ".", "../org/m", "./m", str(folder)):
        assert mirrored_model(name, tmp_path) == name
    assert mirrored_model("org/m", None) == "org/m"


def test_a_folder_here_comes_before_the_mirror(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files(tmp_path / "hub" / "org" / "m", "config.json")
    files(tmp_path / "org" / "m", "config.json")
    monkeypatch.chdir(tmp_path)
    assert mirrored_model("org/m", tmp_path / "hub") == "org/m"


@pytest.mark.parametrize("mark", TOKENIZER)
def test_a_tokenizer_needs_no_model_beside_it(mark: str, tmp_path: Path) -> None:
    folder = files(tmp_path / "org" / "t", mark)
    assert mirrored_model("org/t", tmp_path) == "org/t"
    assert mirrored_model("org/t", tmp_path, TOKENIZER) == str(folder)


@pytest.mark.parametrize("by", ["--hub", "ASSAY_HUB"])
def test_a_model_of_the_mirror_is_evaluated(
    by: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    hub = tmp_path / "hub"
    shutil.copytree(TINY, hub / "org" / "tiny")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.delenv("ASSAY_HUB", raising=False)
    run = ["run", "--model", "org/tiny", "--suite", "mini_gsm", "--limit", "2"]
    run += ["--out", str(tmp_path / "out")]
    if by == "--hub":
        run += ["--hub", str(hub)]
    else:
        monkeypatch.setenv("ASSAY_HUB", str(hub))
    assert main(run) == 0
    record = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert record["asked"]["model"] == "org/tiny"
    assert len(record["identity"]["weights"]) == 64
    assert main([*run, "--revision", "abc"]) == 2


def test_a_commit_of_a_mirrored_model_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = files(tmp_path / "hub" / "org" / "m", "config.json")
    run = ["run", "--model", "org/m", "--suite", "mini_gsm", "--revision", "abc"]
    assert main([*run, "--hub", str(tmp_path / "hub"), "--out", str(tmp_path / "out")]) == 2
    assert f"org/m is taken from {folder}, which has no commits" in capsys.readouterr().err
