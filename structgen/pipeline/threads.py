"""Run an event loop in a thread of its own, for callers without one."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import CancelledError, Future, wait
from contextlib import contextmanager, suppress
from contextvars import copy_context
from typing import Any, Final, Generic, NoReturn, TypeVar

T = TypeVar("T")

LOOK_EVERY: Final = 1.0
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
    interrupts: list[BaseException] = []
    running = LoopThread(make)
    while True:
        try:
            running.join()
            break
        except BaseException as error:  # Ctrl-C, or what a handler of the program's own raises
            interrupts.append(error)
            running.cancel(unless=lambda: len(interrupts) == 1 and stop())
    foreign = [one for one in interrupts if not isinstance(one, KeyboardInterrupt)]
    try:
        value = running.result()
    except BaseException as error:
        if foreign:
            raise foreign[0] from error
        if isinstance(error, (asyncio.CancelledError, CancelledError)):
            raise KeyboardInterrupt from None
        raise
    if foreign:
        raise foreign[0]
    return value


class LoopThread(Generic[T]):
    """A coroutine on an event loop in a thread of its own, in the caller's context.

    An interrupt may strike at any line, that of the start, too. Whoever made a LoopThread can
    always cancel it, started or not, and knows whether it is done.

    Args:
        make: Makes the coroutine, in the thread.
    """

    def __init__(self, make: Callable[[], Coroutine[Any, Any, T]]) -> None:
        self._make = make
        self._future: Future[T] = Future()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[Any] | None = None
        self._cancelled = False
        self._started = False
        context = copy_context()  # spans of OpenTelemetry are then children of the caller's
        self._thread = threading.Thread(
            target=context.run, args=(self._run,), name="structgen-job", daemon=True
        )

    def start(self) -> None:
        """Start the thread; do nothing if it was started before."""
        if not self._started:
            self._started = True  # whatever interrupts the start: it is not tried again
            self._thread.start()

    def join(self) -> None:
        """Start the thread if it is not started, and wait until it is done."""
        self.start()
        while not self.done():
            wait((self._future,), timeout=LOOK_EVERY)

    def done(self) -> bool:
        """Whether the coroutine has ended, or never will begin."""
        return self._future.done()

    def result(self) -> T:
        """Give what the coroutine returned, or raise what it raised."""
        return self._future.result()

    def cancel(self, unless: Callable[[], bool] = lambda: False) -> None:
        """Cancel the coroutine; if it has not begun, it never will.

        Args:
            unless: Called on the loop, if the coroutine has begun; True leaves it running.
        """

        def end() -> None:
            if not unless() and self._task is not None:
                self._task.cancel()

        self._cancelled = True
        if not self._future.cancel() and self._loop is not None:
            with suppress(RuntimeError):  # the loop has ended: there is nothing left to cancel
                self._loop.call_soon_threadsafe(end)

    def _run(self) -> None:
        if not self._future.set_running_or_notify_cancel():
            return
        try:
            self._future.set_result(asyncio.run(self._tracked()))
        except BaseException as error:
            self._future.set_exception(error)

    async def _tracked(self) -> T:
        self._task, self._loop = asyncio.current_task(), asyncio.get_running_loop()
        if self._cancelled:  # before the loop could be told
            raise asyncio.CancelledError
        return await self._make()
