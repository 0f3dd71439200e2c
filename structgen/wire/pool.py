"""A bounded free list: at most `limit` of a thing in use, the one used last handed out first, waiting in order.

What a connection pool does for every request, looking through its connections, is quadratic for many concurrent calls; taking the
last of a list is not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from threading import BoundedSemaphore
from typing import Generic, TypeVar

T = TypeVar("T")


class _Free(Generic[T]):
    """The things not in use. `shared`: there is only one, and everyone gets it."""

    def __init__(self, make: Callable[[], T], shared: bool) -> None:
        self._make = make
        self._shared = shared
        self._idle: list[T] = []

    def _get(self) -> T:
        try:
            return self._idle[-1] if self._shared else self._idle.pop()
        except IndexError:
            made = self._make()
            if self._shared:
                self._idle.append(made)
            return made

    def _put(self, thing: T) -> None:
        if not self._shared:
            self._idle.append(thing)

    def drain(self) -> list[T]:
        """The things not in use; they are the caller's to close."""
        idle, self._idle = self._idle, []
        return idle


class FreeList(_Free[T]):
    """For threads."""

    def __init__(self, make: Callable[[], T], limit: int, *, shared: bool = False) -> None:
        super().__init__(make, shared)
        self._places = BoundedSemaphore(limit)

    def take(self, timeout: float | None) -> T | None:
        """One to use, or None when none came free within `timeout` seconds."""
        if not self._places.acquire(timeout=timeout):
            return None
        try:
            return self._get()
        except BaseException:
            self._places.release()
            raise

    def give(self, thing: T) -> None:
        self._put(thing)
        self._places.release()


class AsyncFreeList(_Free[T]):
    """For the tasks of one event loop."""

    def __init__(self, make: Callable[[], T], limit: int, *, shared: bool = False) -> None:
        super().__init__(make, shared)
        self._places = asyncio.Semaphore(limit)

    async def take(self, timeout: float | None) -> T | None:
        """One to use, or None when none came free within `timeout` seconds."""
        try:
            if self._places.locked():
                await asyncio.wait_for(self._places.acquire(), timeout)
            else:
                await self._places.acquire()
        except asyncio.TimeoutError:
            return None
        try:
            return self._get()
        except BaseException:
            self._places.release()
            raise

    def give(self, thing: T) -> None:
        self._put(thing)
        self._places.release()
