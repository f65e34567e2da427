"""Shards scanned by a Ray cluster whose nodes see the same folders."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from decontam.rows.files import Shard
from decontam.run.local import Scanned, Task
from decontam.run.scan import Scan
from decontam.run.shard import Done, Options, published, scan_shard

TRIES = 20
"""Nodes that a shard may lose under it before the check gives up."""


def on_cluster(index: Path, tasks: Sequence[Task], options: Options) -> Scanned:
    """Scan shards as tasks of the cluster that `ray.init` finds (named by RAY_ADDRESS, or started
    here), or of one on this machine.  This package is installed on every node.

    A shard whose node is lost is scanned again elsewhere; one that has been published is not.

    Args:
        index: Folder of the index, on storage that every node sees, as are files and results.
        tasks: Shards and where their results go.
        options: How they are scanned.

    Raises:
        ValueError: Ray is not installed, a shard cannot be read, or nodes were lost too often.
    """
    ray = _ray()
    scan = ray.remote(max_retries=TRIES, retry_exceptions=False)(_work)
    waiting = {
        scan.remote(index, shard, folder.absolute(), options): shard for shard, folder in tasks
    }
    while waiting:
        finished, _ = ray.wait(list(waiting), num_returns=1)
        for reference in finished:
            try:
                done: Done = ray.get(reference)
            except ray.exceptions.RayTaskError as error:
                if isinstance(error.cause, ValueError):
                    raise ValueError(str(error.cause)) from error
                raise
            except ray.exceptions.RayError as error:
                raise ValueError(f"the cluster lost a shard: {error}; run it again") from error
            yield waiting.pop(reference), done


def _ray() -> Any:
    try:
        import ray
    except ImportError as error:
        raise ValueError("Ray is not installed; pip install 'assay[ray]'") from error
    if not ray.is_initialized():
        ray.init(log_to_driver=False)
    return ray


_scans: dict[tuple[str, str], Scan] = {}
"""Index and policy -> the scan that a worker keeps for its next shard."""


def _work(index: Path, shard: Shard, folder: Path, options: Options) -> Done:
    found = published(folder)
    if found is not None:
        return found  # the node was lost after it had published
    key = str(index), json.dumps(options.policy, sort_keys=True)
    if key not in _scans:
        _scans[key] = options.scan(index)
    return scan_shard(_scans[key], shard, folder, options)
