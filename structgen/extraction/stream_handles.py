"""What a streamed call returns: an iterator over the values, which has the result at its end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, Generic, TypeVar

from typing_extensions import Self

from structgen.flow.drive import aperform_stream, perform_stream
from structgen.flow.steps import Flow
from structgen.results import Extraction

E = TypeVar("E")
T = TypeVar("T")


class _Call(Generic[T]):
    """Keeps the result of a flow."""

    result: Extraction[T] | None = None
    """The result once the last value has come; None before."""

    def _keep_result(self, flow: Flow[Extraction[T]]) -> Flow[None]:
        self.result = yield from flow


class Streaming(_Call[T], Iterator[E], Generic[E, T]):
    """The values of a streamed call. Iterating raises what `extract` raises.

    Use it in a `with` block if you may leave early: the block stops the stream and closes its
    connection.

    Args:
        flow: The call; `Client.stream` and `Client.stream_items` make it.
    """

    def __init__(self, flow: Flow[Extraction[T]]) -> None:
        self._values = perform_stream(self._keep_result(flow))

    def __iter__(self) -> Iterator[E]:
        return self._values

    def __next__(self) -> E:
        value: E = next(self._values)
        return value

    def close(self) -> None:
        """Stop the stream and close its connection. Iterating afterwards yields nothing."""
        self._values.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class AsyncStreaming(_Call[T], AsyncIterator[E], Generic[E, T]):
    """The same as `Streaming`, for `async for` and `async with`.

    Args:
        flow: The call; `AsyncClient.stream` and `AsyncClient.stream_items` make it.
    """

    def __init__(self, flow: Flow[Extraction[T]]) -> None:
        self._values = aperform_stream(self._keep_result(flow))

    async def __anext__(self) -> E:
        value: E = await anext(self._values)
        return value

    async def close(self) -> None:
        """Stop the stream and close its connection. Iterating afterwards yields nothing."""
        await self._values.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: Any) -> None:
        await self.close()
