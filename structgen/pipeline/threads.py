"""Run an event loop in a thread of its own, for callers without one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import Future, wait
from contextlib import suppress
from typing import Any, Final, TypeVar

T = TypeVar("T")

_LOOK_EVERY: Final = 1.0
"""Seconds after which a waiting thread looks for an interrupt, which does not always wake it."""


async def await_to_end(working: Awaitable[object], stop: Callable[[], bool]) -> None:
    """Await; if cancelled, call `stop` and still await what is under way.

    If `stop` says that it was called before, the work is cancelled, too.
    """
    task = asyncio.ensure_future(working)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        if not stop():
            task.cancel()
        await task
        raise


def run_in_thread(make: Callable[[], Coroutine[Any, Any, T]], stop: Callable[[], object]) -> T:
    """Run a coroutine to its end on an event loop in a thread.

    The first interrupt (Ctrl-C) calls `stop`, the second one cancels the coroutine.
    """
    loop: asyncio.AbstractEventLoop | None = None
    task: asyncio.Task[Any] | None = None

    async def tracked() -> T:
        nonlocal loop, task
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        return await make()

    running = start_in_thread(tracked)
    interrupts = 0
    while True:
        try:
            while not running.done():
                wait((running,), timeout=_LOOK_EVERY)
            return running.result()
        except KeyboardInterrupt:
            interrupts += 1
            if loop is not None and task is not None:
                with suppress(RuntimeError):  # the loop has ended: there is nothing left to stop
                    loop.call_soon_threadsafe(stop if interrupts == 1 else task.cancel)
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None


def start_in_thread(make: Callable[[], Coroutine[Any, Any, T]]) -> Future[T]:
    """Start a coroutine on an event loop in a new thread."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(asyncio.run(make()))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="structgen-job", daemon=True).start()
    return future
