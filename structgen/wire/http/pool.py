"""Bounded free lists: at most so many connections in use, and the one used last is taken first.

A connection pool looks through its connections for every request, which takes quadratic time for
many concurrent calls. Taking the last item of a list does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from threading import BoundedSemaphore
from typing import Generic, Protocol, TypeVar

T = TypeVar("T")


class _Idle(Generic[T]):
    """The things that are not in use. If `shared`, there is one thing that everyone gets."""

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

    def _give_back(self, thing: T) -> None:
        if not self._shared:
            self._idle.append(thing)

    def drain(self) -> list[T]:
        """Remove and return the things that are not in use; the caller closes them."""
        idle, self._idle = self._idle, []
        return idle


class FreeList(_Idle[T]):
    """A free list for threads.

    Args:
        make: Makes a thing if none is idle.
        capacity: How many things may be in use at a time.
        shared: Whether there is one thing that all share.
    """

    def __init__(self, make: Callable[[], T], capacity: int, *, shared: bool = False) -> None:
        super().__init__(make, shared)
        self._places = BoundedSemaphore(capacity)

    def take(self, timeout: float | None) -> T | None:
        """Take a thing to use; give it back with `give`.

        Args:
            timeout: Seconds to wait for one; None for no limit.

        Returns:
            The thing; None if none came free in time.
        """
        if not self._places.acquire(timeout=timeout):
            return None
        try:
            return self._get()
        except BaseException:
            self._places.release()
            raise

    def give(self, thing: T) -> None:
        """Give a thing back, so that the next one who waits gets it.

        Args:
            thing: A thing from `take`.
        """
        self._give_back(thing)
        self._places.release()


class AsyncFreeList(_Idle[T]):
    """A free list for the tasks of one event loop.

    Args:
        make: Makes a thing if none is idle.
        capacity: How many things may be in use at a time.
        shared: Whether there is one thing that all share.
    """

    def __init__(self, make: Callable[[], T], capacity: int, *, shared: bool = False) -> None:
        super().__init__(make, shared)
        self._places = asyncio.Semaphore(capacity)

    async def take(self, timeout: float | None) -> T | None:
        """Take a thing to use; give it back with `give`.

        Args:
            timeout: Seconds to wait for one; None for no limit.

        Returns:
            The thing; None if none came free in time.
        """
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
        """Give a thing back, so that the next one who waits gets it.

        Args:
            thing: A thing from `take`.
        """
        self._give_back(thing)
        self._places.release()


class _Closable(Protocol):
    def close(self) -> None: ...


class _AsyncClosable(Protocol):
    async def aclose(self) -> None: ...


Thing = TypeVar("Thing", bound=_Closable)
AsyncThing = TypeVar("AsyncThing", bound=_AsyncClosable)


def close_idle(free_list: FreeList[Thing]) -> None:
    """Close the things that are not in use.

    Args:
        free_list: The list that has them.
    """
    for thing in free_list.drain():
        thing.close()


async def aclose_idle(free_list: AsyncFreeList[AsyncThing]) -> None:
    """Close the things that are not in use.

    Args:
        free_list: The list that has them.
    """
    for thing in free_list.drain():
        await thing.aclose()


class LoopFreeLists(Generic[AsyncThing]):
    """A free list for each event loop, whose idle things are closed with the loop.

    Args:
        make: Makes the free list of an event loop when the loop first asks for it.
    """

    def __init__(self, make: Callable[[], AsyncFreeList[AsyncThing]]) -> None:
        self._make = make
        self._by_loop: dict[
            asyncio.AbstractEventLoop, tuple[AsyncFreeList[AsyncThing], AsyncGenerator[None, None]]
        ] = {}

    def __len__(self) -> int:
        return len(self._by_loop)

    async def current(self) -> AsyncFreeList[AsyncThing]:
        """Return the free list of the running event loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._by_loop:
            free_list = self._make()
            closer = self._close_with(loop, free_list)
            self._by_loop[loop] = free_list, closer
            await anext(closer)
        return self._by_loop[loop][0]

    async def _close_with(
        self, loop: asyncio.AbstractEventLoop, free_list: AsyncFreeList[AsyncThing]
    ) -> AsyncGenerator[None, None]:
        """Close the idle things of an event loop when this generator is closed.

        `aclose` does that, and so does the loop when it shuts down its asynchronous generators,
        as `asyncio.run` does at its end.
        """
        try:
            yield
        finally:
            self._by_loop.pop(loop, None)
            await aclose_idle(free_list)

    async def aclose(self) -> None:
        """Close the idle things of the running event loop."""
        if here := self._by_loop.get(asyncio.get_running_loop()):
            await here[1].aclose()
