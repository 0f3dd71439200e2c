"""An event loop in a thread of its own, for callers without one."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from typing import Any


async def finishing(working: Any, stop: Callable[[], bool]) -> None:
    """Await; when cancelled, stop and await what is under way. Cancelled when it was stopped already, it ends at once."""
    task = asyncio.ensure_future(working)
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        if not stop():
            task.cancel()
        await task
        raise


def in_thread(arun: Callable[[], Any], stop: Callable[[], object]) -> Any:
    """Run a coroutine to its end on an event loop in a thread. The first interrupt stops it gently, the second cancels it."""
    loop: asyncio.AbstractEventLoop | None = None
    task: asyncio.Task[Any] | None = None

    async def held() -> Any:
        nonlocal loop, task
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        return await arun()

    running = start(held)
    interrupts = 0
    while True:
        try:
            return running.result()
        except KeyboardInterrupt:
            interrupts += 1
            if loop is not None and task is not None:
                with suppress(
                    RuntimeError
                ):  # the loop has ended meanwhile, and there is nothing to stop
                    loop.call_soon_threadsafe(stop if interrupts == 1 else task.cancel)
        except asyncio.CancelledError:
            raise KeyboardInterrupt from None


def start(arun: Callable[[], Any]) -> Future[Any]:
    future: Future[Any] = Future()

    def run() -> None:
        try:
            future.set_result(asyncio.run(arun()))
        except BaseException as error:
            future.set_exception(error)

    threading.Thread(target=run, name="structgen-job", daemon=True).start()
    return future
