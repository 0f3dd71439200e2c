"""What a streamed call gives its caller: the values as they come, and at the end the result."""

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
    """Keeps the result of the flow."""

    result: Extraction[T] | None = None

    def _kept(self, flow: Flow[Extraction[T]]) -> Flow[None]:
        self.result = yield from flow


class Streaming(_Call[T], Iterator[E], Generic[E, T]):
    """The values of a streamed call: iterate it, in a `with` block where it may be left early, which ends the answer and frees its
    connection. Raises what `extract` raises. `result`: the Extraction, when the last value has come; None before."""

    def __init__(self, flow: Flow[Extraction[T]]) -> None:
        self._values = perform_stream(self._kept(flow))

    def __iter__(self) -> Iterator[E]:
        return self._values

    def __next__(self) -> E:
        value: E = next(self._values)
        return value

    def close(self) -> None:
        """End the answer; its connection is closed. What comes afterwards is nothing."""
        self._values.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class AsyncStreaming(_Call[T], AsyncIterator[E], Generic[E, T]):
    """As `Streaming`, for `async for` and `async with`."""

    def __init__(self, flow: Flow[Extraction[T]]) -> None:
        self._values = aperform_stream(self._kept(flow))

    async def __anext__(self) -> E:
        value: E = await anext(self._values)
        return value

    async def close(self) -> None:
        """As `Streaming.close`."""
        await self._values.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: Any) -> None:
        await self.close()
