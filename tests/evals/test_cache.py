"""The cache: no row is lost, none is asked for twice, and none is another model's."""

from __future__ import annotations

import json
import os
import random
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from toy_engine import IDENTITY, ToyEngine

from evals.cache import CachedEngine, MemoryRows, RowCache
from evals.cache import index as index_module
from evals.cache import segments as segments_module
from evals.cache.keys import generation_key, likelihood_key, normalised, seed_of
from evals.engines import Generation, Request, Sampling

GREEDY = Sampling(max_tokens=16, stop=("\n",))
SAMPLED = Sampling(max_tokens=16, temperature=0.8, top_p=0.95)
MODEL = Path(__file__).parents[2] / "recipe" / "tiny" / "model"


def requests(n: int, sampling: Sampling = GREEDY) -> list[Request]:
    return [Request(f"prompt {i}", sampling) for i in range(n)]


def answers(engine: CachedEngine, asked: Sequence[Request]) -> list[Generation]:
    found = dict(engine.generate(asked))
    return [found[i] for i in range(len(asked))]


def key(number: int) -> str:
    return f"{number:064x}"


# rows


def test_rows_are_there_for_the_next_process(tmp_path: Path) -> None:
    first = RowCache(tmp_path)
    first.put(key(1), {"text": "\ud800 naïve\n", "logprob": -0.1})
    first.close()
    assert RowCache(tmp_path).get(key(1)) == {"text": "\ud800 naïve\n", "logprob": -0.1}
    assert RowCache(tmp_path).get(key(2)) is None


def test_rows_are_there_before_the_writer_lets_go(tmp_path: Path) -> None:
    writer, reader = RowCache(tmp_path), RowCache(tmp_path)
    writer.put(key(1), {"a": 1})
    assert reader.get(key(1)) is None
    reader.refresh()
    assert reader.get(key(1)) == writer.get(key(1)) == {"a": 1}


def test_each_writer_has_a_file_of_its_own(tmp_path: Path) -> None:
    one, other = RowCache(tmp_path), RowCache(tmp_path)
    for number in range(40):
        (one if number % 2 else other).put(key(number), {"n": number})
    assert len(list(tmp_path.glob("*.jsonl"))) == 2
    everything = RowCache(tmp_path)
    assert [everything.get(key(n)) for n in range(40)] == [{"n": n} for n in range(40)]


def test_two_caches_are_merged_by_copying_their_files(tmp_path: Path) -> None:
    for name in ("a", "b"):
        cache = RowCache(tmp_path / name)
        cache.put(key(ord(name)), {"from": name})
        cache.close()
    for file in (tmp_path / "b").iterdir():
        shutil.copy(file, tmp_path / "a")
    assert RowCache(tmp_path / "a").get(key(ord("b"))) == {"from": "b"}


@given(cut=st.integers(1, 400))
@settings(max_examples=60, deadline=None)
def test_a_segment_cut_anywhere_keeps_the_rows_that_are_whole(cut: int, tmp_path_factory) -> None:  # type: ignore[no-untyped-def]
    folder = tmp_path_factory.mktemp("cache")
    writer = RowCache(folder)
    for number in range(5):
        writer.put(key(number), {"n": number, "text": "x" * 7 * number})
    writer.close()
    (file,) = folder.glob("*.jsonl")
    whole = file.read_bytes()
    kept = whole[: max(0, len(whole) - cut)]
    file.write_bytes(kept)
    cache = RowCache(folder)
    left = kept.count(b"\n")
    assert [cache.get(key(n)) is not None for n in range(5)] == [n < left for n in range(5)]
    cache.put(key(9), {"n": 9})
    assert RowCache(folder).get(key(9)) == {"n": 9}


def test_a_torn_line_that_another_process_ends_later_is_read_then(tmp_path: Path) -> None:
    line = segments_module.line_of(key(3), {"text": "late"})
    file = tmp_path / "other.jsonl"
    file.write_bytes(line[:50])
    cache = RowCache(tmp_path)
    assert cache.get(key(3)) is None
    file.write_bytes(line)
    cache.refresh()
    assert cache.get(key(3)) == {"text": "late"}


def test_a_folder_named_like_a_segment_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").mkdir()
    (tmp_path / "a.jsonl" / "inner").write_text("x")
    with pytest.raises(
        ValueError, match=r"a\.jsonl cannot be read \(Is a directory\); move it away"
    ):
        RowCache(tmp_path)


@pytest.mark.parametrize("chunk", [150, 8 * 2**20])
def test_a_damaged_middle_is_an_error_that_names_file_and_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, chunk: int
) -> None:
    monkeypatch.setattr(segments_module, "CHUNK", chunk)
    lines = [segments_module.line_of(key(n), {"n": n}) for n in range(4)]
    damaged = lines[0] + lines[1][:30] + b"\n" + lines[2] + lines[3]
    (tmp_path / "a.jsonl").write_bytes(damaged)
    with pytest.raises(ValueError, match=rf"a\.jsonl: the line at byte {len(lines[0])} is damaged"):
        RowCache(tmp_path)


def test_a_changed_byte_is_an_error_and_never_an_answer(tmp_path: Path) -> None:
    line = segments_module.line_of(key(1), {"text": "four"})
    (tmp_path / "a.jsonl").write_bytes(line.replace(b"four", b"five"))
    with pytest.raises(ValueError, match=r"a\.jsonl, byte 0: row .* does not have its checksum"):
        RowCache(tmp_path).get(key(1))


@pytest.mark.parametrize(("singly", "chunk"), [(1, 500), (10**6, 500), (1, 2**20), (10**6, 2**20)])
def test_the_index_finds_every_row_however_it_was_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, singly: int, chunk: int
) -> None:
    monkeypatch.setattr(index_module, "SINGLY", singly)
    monkeypatch.setattr(segments_module, "CHUNK", chunk)
    rng = random.Random(3)
    # Two keys in three share their first 64 bits with another.
    keys = [f"{rng.randrange(150):016x}{rng.getrandbits(192):048x}" for _ in range(400)]
    writer = RowCache(tmp_path)
    for number, name in enumerate(keys):
        writer.put(name, {"n": number, "text": "y" * (number % 50)})
    cache = RowCache(tmp_path)
    assert len(cache) == 400
    assert [cache.get(name)["n"] for name in keys] == list(range(400))  # type: ignore[index]


def test_a_segment_is_json_lines(tmp_path: Path) -> None:
    cache = RowCache(tmp_path)
    cache.put(key(5), {"text": "a"})
    (file,) = tmp_path.glob("*.jsonl")
    line = json.loads(file.read_text())
    assert (line["key"], line["row"]) == (key(5), {"text": "a"})


def test_a_row_that_does_not_fit_on_the_disk_leaves_no_half_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = RowCache(tmp_path)
    cache.put(key(1), {"n": 1})
    write = os.write
    monkeypatch.setattr("evals.cache.rows.os.write", lambda fd, line: write(fd, line[:40]))
    with pytest.raises(OSError, match="40 of"):
        cache.put(key(2), {"n": 2})
    monkeypatch.undo()
    cache.put(key(3), {"n": 3})
    again = RowCache(tmp_path)
    assert [again.get(key(n)) for n in (1, 2, 3)] == [{"n": 1}, None, {"n": 3}]


def test_a_cache_folder_that_is_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match=r"cache folder .*file"):
        RowCache(tmp_path / "file")


# keys: what an answer depends on, and nothing else


@pytest.mark.parametrize("field", sorted(IDENTITY))
def test_whatever_identifies_the_model_changes_the_key(field: str) -> None:
    other = {**IDENTITY, field: IDENTITY[field] + "'"}
    request = Request("p", GREEDY)
    assert generation_key(other, request) != generation_key(IDENTITY, request)
    assert likelihood_key(other, "a", "b") != likelihood_key(IDENTITY, "a", "b")


@pytest.mark.parametrize(
    "changed",
    [
        Request("prompt 1", SAMPLED),
        Request("prompt 0", replace(SAMPLED, max_tokens=17)),
        Request("prompt 0", replace(SAMPLED, temperature=0.7)),
        Request("prompt 0", replace(SAMPLED, temperature=0.0)),
        Request("prompt 0", replace(SAMPLED, top_p=0.9)),
        Request("prompt 0", replace(SAMPLED, stop=("\n",))),
        Request("prompt 0", replace(SAMPLED, seed=1)),
    ],
)
def test_whatever_changes_a_response_changes_the_key(changed: Request) -> None:
    base = Request("prompt 0", SAMPLED)
    assert generation_key(IDENTITY, changed) != generation_key(IDENTITY, base)


@pytest.mark.parametrize(
    "same",
    [
        replace(GREEDY, top_p=0.5),
        replace(GREEDY, seed=7),
        replace(GREEDY, temperature=0),
        replace(GREEDY, stop=("\n", "\n", "")),
    ],
)
def test_what_has_no_effect_on_a_response_is_not_in_the_key(same: Sampling) -> None:
    request = Request("p", GREEDY)
    assert generation_key(IDENTITY, replace(request, sampling=same)) == generation_key(
        IDENTITY, request
    )
    assert normalised(same) == normalised(GREEDY)


def test_where_context_ends_and_continuation_begins_is_in_the_key() -> None:
    assert likelihood_key(IDENTITY, "a ", "b") != likelihood_key(IDENTITY, "a", " b")


def test_golden_keys() -> None:
    """A change that alters these makes every cached row unreachable."""
    assert (
        generation_key(IDENTITY, Request("p", SAMPLED)),
        likelihood_key(IDENTITY, "a", "b"),
    ) == (
        "682203f86032ee276d24b6fd7fb411371ec229419764e8a60c9c0e159f3158f5",
        "8077b4cd283dad8b19a3d11efa1e42be4b1bee5d94e52dafbcb5de51c749b1e7",
    )


def test_a_seed_is_the_first_63_bits_of_the_key() -> None:
    assert seed_of("f" * 64) == 2**63 - 1
    assert seed_of("0" * 15 + "2" + "f" * 48) == 1


# the engine before the engine; each is a trap that lm-eval's own caches fall into


def test_a_second_run_asks_nothing(tmp_path: Path) -> None:
    toy = ToyEngine()
    first = answers(CachedEngine(toy, RowCache(tmp_path)), requests(9))
    again = CachedEngine(toy, RowCache(tmp_path))
    assert answers(again, requests(9)) == first
    assert len(toy.asked) == 9
    assert not again.generated


@pytest.mark.parametrize("field", sorted(IDENTITY))
def test_another_model_on_the_same_cache_gets_its_own_answers(tmp_path: Path, field: str) -> None:
    other = ToyEngine({**IDENTITY, field: "other"})
    mine = answers(CachedEngine(ToyEngine(), RowCache(tmp_path)), requests(3))
    theirs = answers(CachedEngine(other, RowCache(tmp_path)), requests(3))
    assert len(other.asked) == 3
    assert not {g.text for g in mine} & {g.text for g in theirs}
    pair = [("Bees are", " warm")]
    one = dict(CachedEngine(ToyEngine(), RowCache(tmp_path)).loglikelihood(pair))
    assert dict(CachedEngine(other, RowCache(tmp_path)).loglikelihood(pair)) != one


def test_a_cache_that_holds_a_part_is_asked_for_that_part(tmp_path: Path) -> None:
    toy = ToyEngine()
    answers(CachedEngine(toy, RowCache(tmp_path)), requests(9)[3:6])
    toy.asked.clear()
    engine = CachedEngine(toy, RowCache(tmp_path))
    found = answers(engine, requests(9))
    assert [r.prompt for r in toy.asked] == [f"prompt {i}" for i in (0, 1, 2, 6, 7, 8)]
    assert found == answers(CachedEngine(ToyEngine(), MemoryRows()), requests(9))


def test_other_settings_and_other_prompts_miss(tmp_path: Path) -> None:
    toy = ToyEngine()
    engine = CachedEngine(toy, RowCache(tmp_path))
    answers(engine, requests(1))
    answers(engine, requests(1, replace(GREEDY, max_tokens=32)))
    answers(engine, requests(1, replace(GREEDY, stop=())))
    chat = engine.chat([{"role": "user", "content": "prompt 0"}], add_generation_prompt=True)
    answers(engine, [Request(chat, GREEDY)])
    assert len(toy.asked) == 4


def test_replicates_are_calls_of_their_own_with_seeds_of_their_own(tmp_path: Path) -> None:
    toy = ToyEngine()
    asked = [Request("p", replace(SAMPLED, seed=replicate)) for replicate in range(4)]
    found = answers(CachedEngine(toy, RowCache(tmp_path)), asked)
    assert len({r.sampling.seed for r in toy.asked}) == len({g.text for g in found}) == 4
    fresh = ToyEngine()
    assert answers(CachedEngine(fresh, MemoryRows()), asked) == found
    assert [r.sampling.seed for r in fresh.asked] == [r.sampling.seed for r in toy.asked]


def test_the_same_request_twice_is_one_call() -> None:
    toy = ToyEngine()
    one, other = answers(CachedEngine(toy, MemoryRows()), requests(1) * 2)
    assert one == other
    assert len(toy.asked) == 1


def test_finish_reasons_and_token_counts_are_kept(tmp_path: Path) -> None:
    cut = ToyEngine(answer=lambda _identity, _request: Generation("a", "length", 16, 3))
    answers(CachedEngine(cut, RowCache(tmp_path)), requests(1))
    (found,) = answers(CachedEngine(cut, RowCache(tmp_path)), requests(1))
    assert found == Generation("a", "length", 16, 3)


def test_likelihoods_are_kept_to_the_last_bit(tmp_path: Path) -> None:
    toy = ToyEngine()
    pairs = [("context", f" {word}") for word in ("one", "two", "three words here")]
    first = dict(CachedEngine(toy, RowCache(tmp_path)).loglikelihood(pairs))
    assert dict(CachedEngine(toy, RowCache(tmp_path)).loglikelihood(pairs)) == first
    assert len(toy.scored) == 3


def test_rows_finished_before_a_failure_are_kept(tmp_path: Path) -> None:
    def fails_on_the_fourth(_identity: object, request: Request) -> Generation:
        if request.prompt == "prompt 3":
            raise ConnectionError("gone")
        return Generation(request.prompt, "stop", 1)

    broken = ToyEngine(answer=fails_on_the_fourth)
    with pytest.raises(ConnectionError):
        answers(CachedEngine(broken, RowCache(tmp_path)), requests(6))
    toy = ToyEngine()
    answers(CachedEngine(toy, RowCache(tmp_path)), requests(6))
    assert [r.prompt for r in toy.asked] == ["prompt 3", "prompt 4", "prompt 5"]


@pytest.mark.parametrize(
    ("file", "pattern"),
    [
        ("model.safetensors", None),
        ("chat_template.jinja", (b"<|end|>", b"<|End|>")),
        ("generation_config.json", (b"{", b'{"max_length": 9, ')),
    ],
)
def test_one_changed_byte_of_a_checkpoint_changes_its_identity(
    tmp_path: Path, file: str, pattern: tuple[bytes, bytes] | None
) -> None:
    from evals.engines.hf import HFEngine

    folder = tmp_path / "model"
    shutil.copytree(MODEL, folder)
    path = folder / file
    body = path.read_bytes()
    changed = body.replace(*pattern, 1) if pattern else body[:-1] + bytes([body[-1] ^ 1])
    assert changed != body
    path.write_bytes(changed)
    before = CachedEngine(HFEngine(MODEL), MemoryRows()).key(Request("p", GREEDY))
    after = CachedEngine(HFEngine(folder), MemoryRows()).key(Request("p", GREEDY))
    assert after != before


def test_an_adapter_changes_the_identity(tmp_path: Path) -> None:
    from evals.engines.weights import weights_digest

    folder = tmp_path / "model"
    shutil.copytree(MODEL, folder)
    before = weights_digest(str(folder), None)
    (folder / "adapter_config.json").write_text("{}")
    assert weights_digest(str(folder), None) != before
