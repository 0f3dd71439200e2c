"""Run an event loop in a thread of its own, for callers without one."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from typing import Any, Final, NoReturn, TypeVar

T = TypeVar("T")

_LOOK_EVERY: Final = 1.0
"""Seconds after which a waiting thread looks for an interrupt, which does not always wake it."""
_ENDING: Final = ("SIGTERM", "SIGHUP", "SIGBREAK")
"""Signals that ask a process to end, besides Ctrl-C: from Docker, Kubernetes, schedulers, a closed
terminal. Each system knows some of them."""


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

    The first interrupt (Ctrl-C, SIGTERM, SIGHUP) calls `stop`, the second one cancels the
    coroutine.
    """
    with _ending_signals_interrupt():
        return _run_in_thread(make, stop)


@contextmanager
def _ending_signals_interrupt() -> Iterator[None]:
    """Let signals that would end the process at once raise KeyboardInterrupt instead.

    A signal that the program handles or ignores (`nohup`) keeps its meaning.
    """
    taken: list[signal.Signals] = []
    if threading.current_thread() is threading.main_thread():
        known = [getattr(signal, name) for name in _ENDING if hasattr(signal, name)]
        taken = [number for number in known if signal.getsignal(number) is signal.SIG_DFL]
    for number in taken:
        signal.signal(number, _interrupt)
    try:
        yield
    finally:
        for number in taken:
            signal.signal(number, signal.SIG_DFL)


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


def _run_in_thread(make: Callable[[], Coroutine[Any, Any, T]], stop: Callable[[], object]) -> T:
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
