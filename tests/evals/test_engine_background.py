"""Requests are worked on beside the caller, and stop where it stops."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator

import pytest
from loopback import Reply, completion, reply, serving
from test_openai import answers, engine, requests

from evals.engines.background import iterate


def background_threads() -> list[str]:
    return [t.name for t in threading.enumerate() if t.name == "evals-background"]


def test_closing_the_iterator_stops_the_work() -> None:
    with serving(lambda _: reply(completion("x"), silent_s=0.05)) as served:
        asking = engine(served.url, concurrency=2)
        found = asking.generate(requests(asking, *map(str, range(100))))
        next(found)
        found.close()  # type: ignore[attr-defined]
        assert not background_threads()
        asked = len(served.asked)
        time.sleep(0.1)
        assert len(served.asked) == asked < 100


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Workers of pytest-xdist ignore the signal."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_interrupt_stops_the_work(interruptible: None) -> None:
    interrupt = (threading.main_thread().ident, signal.SIGINT)
    with serving(lambda _: Reply(silent_s=30.0)) as served:
        asking = engine(served.url, concurrency=2, timeout=60.0)
        found = asking.generate(requests(asking, *map(str, range(100))))
        threading.Timer(0.2, signal.pthread_kill, interrupt).start()
        with pytest.raises(KeyboardInterrupt):
            next(found)
        assert not background_threads()
        assert len(served.asked) <= 2


def test_work_goes_on_while_the_caller_is_busy() -> None:
    with serving() as served:
        asking = engine(served.url, concurrency=1)
        found = asking.generate(requests(asking, *map(str, range(10))))
        next(found)
        deadline = time.monotonic() + 10
        while len(served.asked) < 10 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(served.asked) == 10
        assert len(list(found)) == 9


def test_it_works_inside_a_running_event_loop() -> None:
    import asyncio

    async def notebook(url: str) -> str:
        return answers(engine(url), "a")[0].text

    with serving() as served:
        assert asyncio.run(notebook(served.url)) == "re: a"


def test_an_error_of_the_coroutine_reaches_the_caller_after_its_values() -> None:
    async def produce(emit: Callable[[int], None]) -> None:
        emit(1)
        raise LookupError("broken")

    found = iterate(produce)
    assert next(found) == 1
    with pytest.raises(LookupError, match="broken"):
        next(found)
