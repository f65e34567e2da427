"""Many questions asked at once by a background event loop, answered to ordinary code."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Generic, TypeVar

T = TypeVar("T")

Emit = Callable[[T], None]


@dataclass(frozen=True, slots=True)
class _End:
    error: BaseException | None


@dataclass(frozen=True, slots=True)
class _Item(Generic[T]):
    value: T


def iterate(produce: Callable[[Emit[T]], Awaitable[None]]) -> Iterator[T]:
    """What a coroutine emits, while it goes on in an event loop of its own thread.

    It works ahead of the caller, so that a slow caller does not hold up what is under way.  When
    the caller stops, for whatever reason, the coroutine is cancelled and its thread has ended.

    Args:
        produce: Is given a function to emit values with.

    Raises:
        BaseException: whatever the coroutine raised, after all it had emitted.
    """
    results: SimpleQueue[_Item[T] | _End] = SimpleQueue()
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Task[None]]] = Future()

    async def main() -> None:
        task = asyncio.current_task()
        assert task is not None
        started.set_result((asyncio.get_running_loop(), task))
        await produce(lambda value: results.put(_Item(value)))

    def body() -> None:
        try:
            asyncio.run(main())
        except BaseException as error:  # noqa: BLE001 - raised again where the caller waits
            if not started.done():
                started.set_exception(error)
            results.put(_End(error))
        else:
            results.put(_End(None))

    thread = threading.Thread(target=body, name="evals-background", daemon=True)
    thread.start()
    try:
        while isinstance(result := results.get(), _Item):
            yield result.value
        if result.error is not None:
            raise result.error
    finally:
        if started.exception() is None:
            loop, task = started.result()
            with contextlib.suppress(RuntimeError):  # the loop has closed: all is done
                loop.call_soon_threadsafe(task.cancel)
        thread.join()


async def bounded(
    count: int, concurrency: int, ask: Callable[[int], Awaitable[T]]
) -> AsyncIterator[tuple[int, T]]:
    """Answers to questions 0 to `count` - 1 as each comes in, at most `concurrency` at a time.

    After the first failure nothing new is asked; what is under way is waited for and yielded.

    Raises:
        Exception: the first failure, at the end.
    """
    waiting = iter(range(count))
    running: dict[asyncio.Task[T], int] = {}
    failure: BaseException | None = None
    try:
        while True:
            while failure is None and len(running) < concurrency:
                index = next(waiting, None)
                if index is None:
                    break
                running[asyncio.ensure_future(ask(index))] = index
            if not running:
                break
            done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                index = running.pop(task)
                error = task.exception()
                if error is None:
                    yield index, task.result()
                failure = failure or error
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)
    if failure is not None:
        raise failure
