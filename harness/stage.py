"""The worker: `python -m harness.stage KEY... --results DIR`."""

from __future__ import annotations

import argparse
import io
import os
import resource
import shutil
import sys
import time
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

from harness.job import STAGES, Job, StageKind, load_stages
from harness.keys import stage_key
from harness.record import StageRecord, environment, product_digest, read_outputs
from harness.request import StageError, StageRequest, read_request
from harness.store import Store

FAILED = 3
"""Exit status of a worker of which some stage failed."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run stages whose requests lie in `work/`, and publish them.

    Returns:
        0, or 3 if some stage failed.
    """
    parser = argparse.ArgumentParser(prog="python -m harness.stage")
    parser.add_argument("keys", nargs="+", metavar="KEY")
    parser.add_argument("--results", type=Path, required=True)
    parser.add_argument("--hub", type=Path, help="mirror folder that stands in for the Hub")
    parser.add_argument("--stages", default=STAGES, metavar="MODULE:NAME")
    options = parser.parse_args(arguments)
    store = Store(options.results)
    return run_stages(options.keys, store, load_stages(options.stages), options.hub)


def run_stages(
    keys: Sequence[str], store: Store, kinds: Mapping[str, StageKind], hub: Path | None
) -> int:
    """Run stages one after the other; a failed one does not stop the next.

    Args:
        keys: Stage keys.
        store: Where requests lie and results go.
        kinds: What each kind of stage does.
        hub: Mirror folder that stands in for the Hub.

    Returns:
        0, or 3 if some stage failed.
    """
    done = [_run_stage(key, store, kinds, hub) for key in keys]
    return 0 if all(done) else FAILED


def _run_stage(key: str, store: Store, kinds: Mapping[str, StageKind], hub: Path | None) -> bool:
    request = read_request(store, key)
    if request is None:
        # Its folder is swept away once somebody has published the stage.
        published = store.find(key) is not None
        if not published:
            sys.stderr.write(f"ERROR: no request for stage {key} in {store.work(key)}\n")
        return published
    with store.lock(key, waiting=lambda: _say(f"{request.label}: waiting for another process")):
        if store.has(request.kind, key):
            return True
        with _output_to(store.work(key) / "log.txt"):
            return _attempt(request, store, kinds, hub)


def _attempt(
    request: StageRequest, store: Store, kinds: Mapping[str, StageKind], hub: Path | None
) -> bool:
    try:
        _run_and_publish(request, store, kinds, hub)
    except BaseException as error:
        traceback.print_exc()
        message = str(error) or "no message"
        StageError(type(error).__name__, message).write(store, request.key)
        _say(f"ERROR: {type(error).__name__}: {message}")
        if isinstance(error, KeyboardInterrupt):
            raise
        return False
    return True


def _run_and_publish(
    request: StageRequest, store: Store, kinds: Mapping[str, StageKind], hub: Path | None
) -> None:
    kind = kinds[request.kind]
    _check_key(request, kind)
    started, clock = datetime.now(UTC), time.monotonic()
    _reset_peak_rss()
    work = store.work(request.key)
    attempt = _new_attempt(work)
    kind.run(_job(request, store, attempt, hub))
    outputs = read_outputs(attempt / "out")
    record = StageRecord(
        key=request.key,
        kind=request.kind,
        code_version=kind.code_version,
        params=request.params,
        inputs={role: ref.value for role, ref in request.inputs.items()},
        seed=request.seed,
        outputs=outputs,
        digest=product_digest(outputs, kind.product),
        label=request.label,
        environment=environment(),
        started=started.isoformat(timespec="seconds"),
        seconds=round(time.monotonic() - clock, 3),
        peak_rss_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    )
    _flush()
    shutil.copyfile(work / "log.txt", attempt / "log.txt")
    store.publish(attempt, record)
    shutil.rmtree(work, ignore_errors=True)


def _check_key(request: StageRequest, kind: StageKind) -> None:
    values = {role: ref.value for role, ref in request.inputs.items()}
    version = kind.code_version
    if stage_key(request.kind, version, request.params, values, request.seed) != request.key:
        raise ValueError(
            f"{request.label}: the request does not have the key it was made for; "
            f"the code changed since (code_version is {version} now), run the sweep again"
        )


def _job(request: StageRequest, store: Store, attempt: Path, hub: Path | None) -> Job:
    for role, ref in request.inputs.items():
        if not store.has(ref.kind, ref.key):
            raise FileNotFoundError(f"input {role} ({ref.kind} {ref.key}) is not published")
    return Job(
        kind=request.kind,
        params=request.params,
        inputs={role: store.out(ref.kind, ref.key) for role, ref in request.inputs.items()},
        input_keys={role: ref.value for role, ref in request.inputs.items()},
        seed=request.seed,
        where=request.where,
        out=attempt / "out",
        scratch=attempt.parent / "scratch",
        threads=request.threads,
        hub=hub,
    )


def _new_attempt(work: Path) -> Path:
    """An empty folder to write to; what killed attempts left is removed, `scratch/` is kept."""
    for left in work.iterdir():
        if left.is_dir() and left.name != "scratch":
            shutil.rmtree(left)
    (work / "error.json").unlink(missing_ok=True)
    (work / "scratch").mkdir(exist_ok=True)
    attempt = work / f"{time.time_ns():x}-{os.getpid()}"
    (attempt / "out").mkdir(parents=True)
    return attempt


def _reset_peak_rss() -> None:
    with suppress(OSError):  # not every kernel lets a process reset its high-water mark
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


@contextmanager
def _output_to(log: Path) -> Iterator[None]:
    """Send standard output and error to a log, C libraries' included."""
    _flush()
    if isinstance(sys.stdout, io.TextIOWrapper):
        # What is printed must be in the log before what C libraries write after it.
        sys.stdout.reconfigure(line_buffering=True)
    before = [os.dup(1), os.dup(2)]
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    _attach([file, file])
    os.close(file)
    try:
        yield
    finally:
        _flush()
        _attach(before)
        for handle in before:
            os.close(handle)


def _attach(handles: Sequence[int]) -> None:
    for number, handle in enumerate(handles, start=1):
        os.dup2(handle, number)


def _flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
