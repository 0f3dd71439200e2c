"""The chunks of a streamed answer, for threads and for event loops."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator
from typing import Any

from typing_extensions import Self

from structgen.chat.completion import ChatCompletionChunk


class Stream(Iterator[ChatCompletionChunk]):
    """The chunks of a streamed answer, as they come.

    Leaving its `with` block stops the stream. Iterating raises TransportErrors and APIErrors; what
    is wrong with the request is raised by `create`.
    """

    def __init__(self, events: Generator[Any, None, None]) -> None:
        self._events = events
        self._first = next(events, None)  # so that `create` raises what is wrong with the request

    def __next__(self) -> ChatCompletionChunk:
        if self._first is not None:
            raw, self._first = self._first, None
        else:
            raw = next(self._events)
        return ChatCompletionChunk(raw)

    def close(self) -> None:
        """Stop the stream and close its connection. Iterating afterwards yields nothing."""
        self._events.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class AsyncStream(AsyncIterator[ChatCompletionChunk]):
    """The chunks of a streamed answer, as `Stream`, for `async for` and `async with`."""

    def __init__(self, events: AsyncGenerator[Any, None], first: Any) -> None:
        self._events = events
        self._first = first

    async def __anext__(self) -> ChatCompletionChunk:
        if self._first is not None:
            raw, self._first = self._first, None
        else:
            raw = await self._events.__anext__()
        return ChatCompletionChunk(raw)

    async def close(self) -> None:
        """Stop the stream and close its connection. Iterating afterwards yields nothing."""
        await self._events.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()
