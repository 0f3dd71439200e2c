"""Work on what a client sent, bounded in time and ended if nobody waits for it any more."""

from __future__ import annotations

import asyncio
import ctypes
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Final, Generic, TypeVar

from structgen.errors import BadRequestError
from structgen.server.members import TYPE

T = TypeVar("T")

MAX_SECONDS: Final = 20.0
"""Seconds that one piece of work may take. Schemas of hundreds of fields take less than one."""
_AGAIN: Final = 0.25
"""Seconds after which work that has not ended is told again to end."""


class _StoppedError(BaseException):
    """Ends the work. It is no Exception, so that the work does not handle it as its own error."""


class _Work(Generic[T]):
    """A call in a thread of its own, which other threads can end."""

    def __init__(self, call: Callable[[], T]) -> None:
        self.outcome: Future[T] = Future()
        self._call = call
        self._lock = threading.Lock()
        self._over = False
        # A daemon, so that a process that was told to stop does not wait for it.
        self._thread = threading.Thread(target=self._run, name="structgen-work", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            try:
                result = self._call()
            finally:
                with self._lock:
                    self._over = True
        except BaseException as error:
            self.outcome.set_exception(error)
        else:
            self.outcome.set_result(result)

    def stop(self) -> None:
        """Raise _StoppedError in the work at its next step.

        Python has no other way to end a thread, and a process for each schema would cost more than
        nearly all of them do. A finalizer that happens to run in the thread may swallow the error,
        so it is raised again until the work has ended.
        """
        with self._lock:
            if not self._over:
                thread = ctypes.c_ulong(self._thread.ident or 0)
                ctypes.pythonapi.PyThreadState_SetAsyncExc(thread, ctypes.py_object(_StoppedError))


async def run_bounded(call: Callable[[], T], what: str, seconds: float | None = None) -> T:
    """Make a call in a thread. Cancelling the task ends the call.

    Args:
        call: The call.
        what: What takes too long then, for the error: "The schema".
        seconds: Seconds that it may take; by default `MAX_SECONDS`.

    Returns:
        What the call returns.

    Raises:
        BadRequestError: If it takes too long. The call raises its own errors besides.
    """
    limit = MAX_SECONDS if seconds is None else seconds
    work = _Work(call)
    ended = asyncio.wrap_future(work.outcome)
    try:
        in_time, _ = await asyncio.wait({ended}, timeout=limit)
    finally:
        # A caller gives its place to the next one only after the work has ended.
        while not ended.done():
            work.stop()
            await asyncio.wait({ended}, timeout=_AGAIN)
        ended.exception()
    if not in_time:
        raise BadRequestError(
            f"{what} takes longer than {limit:g} seconds to process. Make it smaller.",
            status_code=400,
            type=TYPE,
            code="too_complex",
        )
    return ended.result()
