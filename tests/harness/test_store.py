"""Publication, locks, records and verification."""

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from harness.record import (
    OutputFile,
    RecordError,
    StageRecord,
    environment,
    product_digest,
    read_outputs,
)
from harness.store import Store, main

PARAMS = {"lr": 0.1}


def record_of(attempt) -> StageRecord:
    outputs = read_outputs(attempt / "out")
    fields = {
        "key": "", "kind": "source", "code_version": 1, "params": PARAMS, "inputs": {},
        "seed": None, "outputs": outputs, "digest": product_digest(outputs, None),
        "label": "source a", "environment": environment(), "started": "2026-01-01T00:00:00+00:00",
        "seconds": 0.5, "peak_rss_bytes": 1,
    }  # fmt: skip
    record = StageRecord(**fields)
    return replace(record, key=record.expected_key())


def with_seed(record, seed) -> StageRecord:
    seeded = replace(record, seed=seed)
    return replace(seeded, key=seeded.expected_key())


def attempt_of(store, text="rows", name="1"):
    attempt = store.work("k") / name
    (attempt / "out").mkdir(parents=True)
    (attempt / "out" / "rows.jsonl").write_text(text)
    (attempt / "log.txt").write_text("said\n")
    return attempt


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "results")


@pytest.fixture
def published(store):
    attempt = attempt_of(store)
    record = record_of(attempt)
    assert store.publish(attempt, record)
    return record


def test_a_published_stage_is_found_with_what_it_wrote(store, published):
    key = published.key
    assert store.has("source", key)
    assert store.find(key) == "source"
    assert store.record("source", key) == published
    assert (store.out("source", key) / "rows.jsonl").read_text() == "rows"
    entry = store.root / "store" / "source" / key[:2] / key
    assert sorted(p.name for p in entry.iterdir()) == ["log.txt", "manifest.json", "out"]
    assert list(store.records()) == [published]


def test_a_stage_nobody_published_is_not_there(store):
    assert not store.has("source", "ab" * 32)
    assert store.find("ab" * 32) is None
    assert store.record("source", "ab" * 32) is None
    assert store.verify() == ()


def test_who_publishes_first_wins(store, published):
    second = attempt_of(store, text="other", name="2")
    assert not store.publish(second, record_of(second))
    assert (store.out("source", published.key) / "rows.jsonl").read_text() == "rows"


def test_a_record_survives_its_json(store, published):
    assert StageRecord.from_json(published.to_json()) == published


def test_a_reader_sees_nothing_or_the_whole_record_while_it_is_published(store):
    made = []
    for seed in range(60):
        attempt = attempt_of(store, name=str(seed))
        made.append((attempt, with_seed(record_of(attempt), seed)))

    def publish_all():
        for attempt, record in made:
            store.publish(attempt, record)

    with ThreadPoolExecutor() as pool:
        done = pool.submit(publish_all)
        for _, record in made:
            while (seen := store.record("source", record.key)) is None:
                assert not done.done() or store.has("source", record.key)
            assert seen == record


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[]", "fields differ"),
        ('{"key": "a"}', "fields differ.*'code_version'"),
    ],
)
def test_an_unreadable_manifest_is_an_error_that_names_file_and_remedy(
    store, published, text, message
):
    path = store.entry("source", published.key) / "manifest.json"
    path.write_text(text)
    with pytest.raises(RecordError, match=message) as caught:
        store.record("source", published.key)
    assert str(path) in str(caught.value)
    assert "harness.store verify" in str(caught.value)


def test_a_missing_manifest_is_an_error(store, published):
    (store.entry("source", published.key) / "manifest.json").unlink()
    with pytest.raises(RecordError, match="missing"):
        store.record("source", published.key)


def test_the_digest_covers_the_product_only():
    files = {"rows.jsonl": OutputFile("1", 1), "info.json": OutputFile("2", 1)}
    other = {**files, "info.json": OutputFile("3", 1)}
    rows = ("rows.jsonl",)
    assert product_digest(files, rows) == product_digest(other, rows)
    assert product_digest(files, None) != product_digest(other, None)


def test_a_product_that_was_not_written_is_an_error():
    with pytest.raises(ValueError, match=r"rows\.jsonl"):
        product_digest({"info.json": OutputFile("2", 1)}, ("rows.jsonl",))
    with pytest.raises(ValueError, match="anything"):
        product_digest({}, None)


def test_the_environment_names_versions_without_importing_anything():
    code = (
        "import sys; from harness.record import environment; environment();"
        "import harness.execute, harness.store;"
        "print(sorted({'torch', 'transformers', 'pandas', 'datasets'} & set(sys.modules)))"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout == "[]\n"
    assert {"python", "torch", "transformers", "trl", "lm-eval", "datasets"} <= set(environment())


def test_verify_finds_nothing_wrong_with_what_was_published(store, published):
    assert store.verify() == ()
    assert store.has("source", published.key)


def _change(entry):
    (entry / "out" / "rows.jsonl").write_text("r0ws")


def _remove(entry):
    (entry / "out" / "rows.jsonl").unlink()


def _add(entry):
    (entry / "out" / "foreign").touch()


def _garble(entry):
    (entry / "manifest.json").write_text("{")


def _reword(entry):
    body = json.loads((entry / "manifest.json").read_text())
    (entry / "manifest.json").write_text(json.dumps({**body, "params": {"lr": 0.2}}))


@pytest.mark.parametrize("harm", [_change, _remove, _add, _garble, _reword])
def test_verify_sets_damage_aside_and_deletes_nothing(store, published, harm):
    entry = store.entry("source", published.key)
    harm(entry)
    names = sorted(p.name for p in entry.rglob("*"))
    (damage,) = store.verify()
    assert (damage.kind, damage.key) == ("source", published.key)
    assert not store.has("source", published.key)
    assert sorted(p.name for p in damage.moved_to.rglob("*")) == names
    assert store.verify() == ()


def test_the_same_key_can_be_set_aside_twice(store, published):
    for _ in range(2):
        _change(store.entry("source", published.key))
        assert len(store.verify()) == 1
        attempt = attempt_of(store)
        store.publish(attempt, record_of(attempt))
    assert len(list((store.root / "quarantine").iterdir())) == 2


def test_the_verify_command_says_what_it_found(store, published, capsys):
    assert main(["verify", "--results", str(store.root)]) == 0
    _change(store.entry("source", published.key))
    assert main(["verify", "--results", str(store.root)]) == 1
    assert "changed, missing or foreign: rows.jsonl" in capsys.readouterr().out


def test_a_lock_is_exclusive_and_free_afterwards(store):
    with store.lock("k"), pytest.raises(BlockingIOError), store.lock("k"):
        pass
    with store.lock("k"):
        pass


def test_a_lock_dies_with_its_holder(store):
    code = (
        "import sys, time; from pathlib import Path; from harness.store import Store\n"
        "with Store(Path(sys.argv[1])).lock('k'): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, store.root], stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(BlockingIOError), store.lock("k"):
            pass
        waited = []
        with store.lock("k", waiting=lambda: waited.append(holder.kill())):
            assert waited == [None]


def test_tidying_leaves_a_stage_alone_that_somebody_works_on(store):
    attempt_of(store)
    with store.lock("k"):
        store.tidy("k")
        assert store.work("k").exists()
    store.tidy("k")
    assert not store.work("k").exists()


def test_links_and_pipes_are_not_published(tmp_path):
    (tmp_path / "link").symlink_to("/etc/hostname")
    with pytest.raises(ValueError, match="link"):
        read_outputs(tmp_path)
    (tmp_path / "link").unlink()
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="pipe"):
        read_outputs(tmp_path)
