"""Run an event loop in a thread of its own, for callers without one."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Future, wait
from contextlib import contextmanager, suppress
from contextvars import copy_context
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


def run_in_thread(make: Callable[[], Coroutine[Any, Any, T]], stop: Callable[[], bool]) -> T:
    """Run a coroutine to its end on an event loop in a thread.

    The first interrupt (Ctrl-C, SIGTERM, SIGHUP) calls `stop`, the second one cancels the
    coroutine, as does the first one if `stop` says that there is nothing to stop yet. If a signal
    handler of the program's own raises something else, as those of task schedulers do, it counts as
    an interrupt, and is raised again once the coroutine has ended.
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


def _run_in_thread(make: Callable[[], Coroutine[Any, Any, T]], stop: Callable[[], bool]) -> T:
    loop: asyncio.AbstractEventLoop | None = None
    task: asyncio.Task[Any] | None = None
    interrupts: list[BaseException] = []

    async def tracked() -> T:
        nonlocal loop, task
        loop, task = asyncio.get_running_loop(), asyncio.current_task()
        if interrupts:
            raise asyncio.CancelledError
        return await make()

    def end() -> None:
        if task is not None and (len(interrupts) > 1 or not stop()):
            task.cancel()

    running = start_in_thread(tracked)
    while not running.done():
        try:
            wait((running,), timeout=_LOOK_EVERY)
        except BaseException as error:  # Ctrl-C, or what a handler of the program's own raises
            interrupts.append(error)
            if loop is not None:
                with suppress(RuntimeError):  # the loop has ended: there is nothing left to stop
                    loop.call_soon_threadsafe(end)
    foreign = [one for one in interrupts if not isinstance(one, KeyboardInterrupt)]
    if foreign:
        raise foreign[0] from running.exception()
    try:
        return running.result()
    except asyncio.CancelledError:
        raise KeyboardInterrupt from None


def start_in_thread(make: Callable[[], Coroutine[Any, Any, T]]) -> Future[T]:
    """Start a coroutine on an event loop in a new thread, in the caller's context."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(asyncio.run(make()))
        except BaseException as error:
            future.set_exception(error)

    context = copy_context()  # spans of OpenTelemetry are then children of the caller's
    threading.Thread(target=context.run, args=(run,), name="structgen-job", daemon=True).start()
    return future
