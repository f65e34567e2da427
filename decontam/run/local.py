"""Shards scanned by the processes of this machine."""

from __future__ import annotations

import gc
import multiprocessing
import os
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import resource_tracker
from pathlib import Path
from threading import Thread

from decontam.rows.files import Shard
from decontam.run.place import lock_work
from decontam.run.scan import Scan
from decontam.run.shard import Done, Options, scan_shard

Task = tuple[Shard, Path]
"""A shard and the folder where its result is to stand."""

Scanned = Iterator[tuple[Shard, Done]]

_scan: Scan


def in_this_process(scan: Scan, tasks: Sequence[Task], options: Options) -> Scanned:
    """Scan shards one after the other."""
    for shard, folder in tasks:
        yield shard, scan_shard(scan, shard, folder, options)


def in_processes(
    index: Path, work: Path, tasks: Sequence[Task], options: Options, workers: int
) -> Scanned:
    """Scan shards in several processes, which map one index and end with this one.

    Args:
        index: Folder of the index.
        work: The folder that no other check may take before the processes have ended.
        tasks: Shards and where their results go.
        options: How they are scanned.
        workers: How many processes.

    Raises:
        ValueError: a worker died, or a shard cannot be read.
    """
    _begin_tracker()
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _begin, (index, work, options)) as pool:
        try:
            yield from _submitted(pool, tasks, options)
        except BrokenProcessPool as error:
            raise ValueError(
                "a worker died, perhaps for want of memory; the same command goes on where it was"
            ) from error
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


def _submitted(pool: ProcessPoolExecutor, tasks: Sequence[Task], options: Options) -> Scanned:
    waiting = {pool.submit(_work, s, folder, options): s for s, folder in tasks}
    while waiting:
        finished, _ = wait(waiting, return_when=FIRST_COMPLETED)
        for future in finished:
            yield waiting.pop(future), future.result()


def _begin_tracker() -> None:
    """Start Python's process that removes what is left of pools, so that it does so silently where
    this one is told to end."""
    quiet = "ignore:resource_tracker:UserWarning"
    sys.warnoptions.append(quiet)
    try:
        resource_tracker.ensure_running()
    finally:
        sys.warnoptions.remove(quiet)


def _begin(index: Path, work: Path, options: Options) -> None:
    global _scan
    lock_work(work)
    Thread(target=_end_with_parent, daemon=True).start()
    _scan = options.scan(index)
    gc.freeze()


def _end_with_parent() -> None:
    """End this process when its parent has: nothing else would, for a pool's workers keep its pipes
    open for each other."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(shard: Shard, folder: Path, options: Options) -> Done:
    return scan_shard(_scan, shard, folder, options)
