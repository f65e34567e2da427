"""The third tier as a person asks for it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from hostile import FINE, assert_refused, call, items_file, put, summary
from loopback import Asked, Reply, reply, serving

from decontam.text.tokens import words

QUESTION = (
    "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in "
    "May. How many clips did Natalia sell altogether in April and May?"
)
REWORDED = (
    "In the month of April, 48 of her friends were sold clips by Natalia. During May she then sold "
    "half that number. How many clips altogether did Natalia sell over April and May?"
)
UNLIKE = "A train leaves the station at noon and travels north for several hours without a stop."
TURNED = "Im April hat sie achtundvierzig Spangen an Freundinnen verkauft, im Mai nur halb so viele"


SIMILAR = ("similar", "translation")


def against(folder: Path) -> Path:
    item = {"benchmark": "b", "id": "1", "prompt": QUESTION, "answer": "72"}
    return items_file(folder / "against", item)


def rows(folder: Path, *texts: str) -> Path:
    lines = "".join(json.dumps({"text": text}) + "\n" for text in texts)
    return put(folder / "t.jsonl", FINE + lines.encode())


def found(out: Path) -> list[dict[str, object]]:
    columns = ["row", "item", "label", "rule", "train_start", "train_end"]
    table = pq.read_table(out / "matches.parquet", columns=columns)
    return [r for r in table.to_pylist() if r["label"] in SIMILAR]


def test_a_reworded_item_is_reported_and_not_flagged(tmp_path: Path) -> None:
    train, out = rows(tmp_path, UNLIKE, REWORDED), tmp_path / "out"
    assert call("check", [train], out, "--similar", against=against(tmp_path)) == 0
    (match,) = found(out)
    assert (match["row"], match["item"]) == (2, "1")
    assert str(match["rule"]).startswith("minhash")
    assert summary(out)["rows_flagged"] == 0


def test_without_being_asked_for_it_does_not_look(tmp_path: Path) -> None:
    train, out = rows(tmp_path, REWORDED), tmp_path / "out"
    assert call("check", [train], out, against=against(tmp_path)) == 0
    assert not found(out)


def test_workers_find_the_same(tmp_path: Path) -> None:
    train, given = rows(tmp_path, UNLIKE, REWORDED), against(tmp_path)
    other = put(tmp_path / "u.jsonl", json.dumps({"text": REWORDED}).encode() + b"\n")
    for name, workers in (("one", 1), ("two", 2)):
        call(
            "check",
            [train, other],
            tmp_path / name,
            "--similar",
            "--workers",
            workers,
            against=given,
        )
    one, two = (pq.read_table(tmp_path / n / "matches.parquet") for n in ("one", "two"))
    assert one.equals(two)
    assert len(found(tmp_path / "one")) == 2


def vector(text: str) -> list[float]:
    """A fake embedding by which the translation means what the question means."""
    natalia = {"natalia", "spangen"} & set(words(text))
    return [1.0, 0.01] if natalia else [0.01, 1.0]


def embeddings(asked: Asked) -> Reply:
    given = asked.body["input"]
    return reply({"data": [{"index": k, "embedding": vector(t)} for k, t in enumerate(given)]})


def verdict(asked: Asked) -> Reply:
    number = asked.body["messages"][-1]["content"].splitlines()[0].removeprefix("Request ")
    said = json.dumps({"request": number, "verdict": "translation", "reason": "the same story"})
    return reply({"choices": [{"message": {"content": said}, "finish_reason": "stop"}]})


def test_a_servers_embeddings_find_a_translation_and_a_judge_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HUSH", "sk-secret")
    train, out = rows(tmp_path, UNLIKE, TURNED), tmp_path / "out"
    with serving(lambda a: embeddings(a) if "embed" in a.path else verdict(a)) as server:
        code = call(
            "check", [train], out, "--similar", "--embed-url", server.url,
            "--embed-model", "e", "--judge-url", server.url, "--judge-model", "j",
            "--key-variable", "HUSH", against=against(tmp_path),
        )  # fmt: skip
    assert code == 0
    (match,) = found(out)
    assert (match["row"], match["label"]) == (2, "translation")
    assert "judged translation" in str(match["rule"])
    assert {a.path for a in server.asked} == {"/v1/embeddings", "/v1/chat/completions"}
    assert all(a.headers["Authorization"] == "Bearer sk-secret" for a in server.asked)
    assert not any(b"sk-secret" in p.read_bytes() for p in out.rglob("*") if p.is_file())


def test_a_server_that_does_not_answer_is_an_error_and_no_verdict(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    with serving(lambda _: Reply(status=400, body=b"no such model")) as server:
        code = call(
            "check", [rows(tmp_path, TURNED)], out, "--similar", "--embed-url",
            server.url, "--embed-model", "e", against=against(tmp_path),
        )  # fmt: skip
    assert_refused(code, capsys.readouterr().err, "no such model", out=out)


@pytest.mark.parametrize("value", ["", "  "])
def test_a_variable_named_for_a_key_that_holds_none_is_refused_before_anything_is_asked(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    value: str,
) -> None:
    monkeypatch.setenv("HUSH", value)
    out = tmp_path / "out"
    with serving(embeddings) as server:
        code = call(
            "check", [rows(tmp_path, TURNED)], out, "--similar", "--embed-url", server.url,
            "--embed-model", "e", "--key-variable", "HUSH", against=against(tmp_path),
        )  # fmt: skip
    assert_refused(code, capsys.readouterr().err, "HUSH holds no key", out=out)
    assert not server.asked


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--embed-folder", "m"], "need --similar"),
        (["--similar", "--embed-url", "http://localhost:1"], "go together"),
        (["--similar", "--judge-model", "j"], "go together"),
        (
            ["--similar", "--embed-folder", "m", "--embed-url", "http://localhost:1",
             "--embed-model", "e"],
            "not both",
        ),
    ],
)  # fmt: skip
def test_options_that_do_not_fit_are_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: list[str], told: str
) -> None:
    out = tmp_path / "out"
    assert_refused(
        call("check", [rows(tmp_path, UNLIKE)], out, *options),
        capsys.readouterr().err,
        told,
        out=out,
    )


def test_the_fake_embeddings_tell_the_texts_apart() -> None:
    assert np.dot(vector(QUESTION), vector(TURNED)) > 0.9 > np.dot(vector(QUESTION), vector(UNLIKE))
