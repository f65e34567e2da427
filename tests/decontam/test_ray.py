"""Shards scanned by the nodes of a Ray cluster: the bytes of a check by one process."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from planted import ITEMS, left, lines, results, rows, write_items

import decontam.rows.shards
import decontam.run.ray
import decontam.run.run
from decontam.command import main
from decontam.items.index import Index
from decontam.items.item import read_items
from decontam.policy import resolve
from decontam.rules.rule import prepare
from decontam.run.run import Request, run

pytestmark = [
    pytest.mark.ray,
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed"),
]

CHECKOUT = Path(__file__).parents[2]

NODE = {"num_cpus": 1, "object_store_memory": 80 << 20, "include_dashboard": False}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keeps the clusters of several pytest-xdist workers apart: two starting at once time out."""
    with (tmp_path_factory.getbasetemp().parent / "ray.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@pytest.fixture(scope="module")
def cluster(alone: None) -> Iterator[Any]:
    """Two nodes, one of them without the driver."""
    with pytest.MonkeyPatch.context() as patch:
        # A token of its own, which Ray reads when it is imported, and not the one in the home.
        patch.setenv("RAY_AUTH_MODE", "token")
        patch.setenv("RAY_AUTH_TOKEN", uuid4().hex)
        # Nodes of a busy machine take their time.
        patch.setenv("RAY_raylet_start_wait_time_s", "180")
        import ray
        from ray.cluster_utils import Cluster

        # What nodes import from, as if the package were installed on them.
        path = os.pathsep.join(map(str, (CHECKOUT, Path(__file__).parent)))
        patch.setenv("PYTHONPATH", path)
        cluster = Cluster()
        try:
            cluster.add_node(**NODE)
            cluster.add_node(**NODE)
            cluster.wait_for_nodes()
            patch.setenv("RAY_ADDRESS", cluster.address)
            yield cluster
        finally:
            ray.shutdown()
            cluster.shutdown()


@pytest.fixture(scope="module")
def index() -> Index:
    return prepare(resolve("default"), read_items(ITEMS))


@pytest.fixture
def train(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of about ten shards."""
    monkeypatch.setattr(decontam.rows.shards, "SHARD", 2000)
    monkeypatch.setattr(decontam.run.run, "SHARD", 2000)
    (tmp_path / "train.jsonl").write_bytes(lines(rows(200)))
    return tmp_path / "train.jsonl"


def test_a_cluster_leaves_the_bytes_of_one_process(
    cluster: Any, train: Path, index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(Request((str(train),), tmp_path / "alone", clean=True), index)
    monkeypatch.chdir(tmp_path)
    items = str(write_items(tmp_path))
    assert main(["clean", train.name, "--against", items, "--executor", "ray", "--out", "out"]) == 0
    assert results(tmp_path / "out") == results(tmp_path / "alone")
    assert left(tmp_path / "out") == left(tmp_path / "alone")


def test_a_file_that_cannot_be_read_is_named_across_the_cluster(
    cluster: Any, index: Index, tmp_path: Path
) -> None:
    path = tmp_path / "cut.jsonl.gz"
    path.write_bytes(b"\x1f\x8b\x08\x00torn")
    with pytest.raises(ValueError, match=r"^cut.jsonl.gz: cannot be read to its end") as error:
        run(Request((str(path),), tmp_path / "out", executor="ray"), index)
    assert "\n" not in str(error.value)


def test_an_unreadable_row_is_named_across_the_cluster(
    cluster: Any, train: Path, index: Index, tmp_path: Path
) -> None:
    train.write_bytes(lines(rows(100)) + b"{torn\n")
    with pytest.raises(ValueError, match=r"^train.jsonl: row 100 is not JSON"):
        run(Request((str(train),), tmp_path / "out", executor="ray"), index)


def test_a_lost_node_costs_time_and_no_rows(
    cluster: Any, train: Path, index: Index, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(Request((str(train),), tmp_path / "alone", clean=True), index)
    seen = tmp_path / "seen"
    seen.mkdir()
    work, lost = decontam.run.ray._work, cluster.add_node(**NODE)
    doomed = lost.node_id

    def held(*told: Any) -> Any:
        """Scan when the node that is to be lost holds a shard too, and there never."""
        import time

        import ray

        node = ray.get_runtime_context().get_node_id()
        (seen / node).touch()
        while node == doomed or not (seen / doomed).exists():
            time.sleep(0.05)
        return work(*told)

    def lose(done: int, total: int) -> None:
        """Kill the node, once: the first shard that is done was scanned elsewhere."""
        if not killed:
            cluster.remove_node(lost, allow_graceful=False)
            killed.append(done)

    killed: list[int] = []
    monkeypatch.setattr(decontam.run.ray, "_work", held)
    request = Request((str(train),), tmp_path / "out", clean=True, executor="ray", progress=lose)
    cluster.wait_for_nodes()
    run(request, index)
    assert killed
    assert results(tmp_path / "out") == results(tmp_path / "alone")
