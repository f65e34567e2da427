"""Shards scanned by the processes of this machine."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

from decontam.rows.shards import Shard
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


def in_processes(index: Path, tasks: Sequence[Task], options: Options, workers: int) -> Scanned:
    """Scan shards in several processes, which map one index.

    Raises:
        ValueError: a worker died, or a shard cannot be read.
    """
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _begin, (index, options)) as pool:
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


def _begin(index: Path, options: Options) -> None:
    global _scan
    _scan = options.scan(index)


def _work(shard: Shard, folder: Path, options: Options) -> Done:
    return scan_shard(_scan, shard, folder, options)
