"""The step `Run`: a flow within a flow, which the driver performs as `yield from` would."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Generator
from contextlib import suppress
from typing import Any, TypeAlias

import pytest

from structgen.errors import InputError
from structgen.flow.drive import aperform_stream, perform_stream
from structgen.flow.steps import Emit, Flow, Run

Drain: TypeAlias = "Callable[[Flow[Any], int | None], list[Any]]"


def _drain(flow: Flow[Any], count: int | None) -> list[Any]:
    """What a flow emits; only so many values, and then it is closed."""
    emitted: Generator[Any, None, Any] = perform_stream(flow)
    found: list[Any] = []
    while count is None or len(found) < count:
        with suppress(StopIteration):
            found.append(next(emitted))
            continue
        break
    emitted.close()
    return found


def _adrain(flow: Flow[Any], count: int | None) -> list[Any]:
    async def drain() -> list[Any]:
        emitted: AsyncGenerator[Any, None] = aperform_stream(flow)
        found: list[Any] = []
        while count is None or len(found) < count:
            with suppress(StopAsyncIteration):
                found.append(await anext(emitted))
                continue
            break
        await emitted.aclose()
        return found

    return asyncio.run(drain())


pytestmark = pytest.mark.parametrize("drain", [_drain, _adrain], ids=["sync", "async"])


def test_what_it_emits_and_returns_goes_the_same_way(drain: Drain) -> None:
    def inner(name: str) -> Flow[str]:
        yield Emit(f"within {name}")
        return name

    def middle() -> Flow[str]:
        first = yield Run(inner("a"))
        second = yield Run(inner("b"))
        return f"{first}{second}"

    def outer() -> Flow[None]:
        yield Emit((yield Run(middle())))

    assert drain(outer(), None) == ["within a", "within b", "ab"]


@pytest.mark.parametrize("error", [InputError("no"), ValueError("no")], ids=["ours", "another"])
def test_an_error_is_raised_where_the_flow_was_run(drain: Drain, error: Exception) -> None:
    def inner() -> Flow[None]:
        yield Emit("before")
        raise error

    def outer() -> Flow[None]:
        try:
            yield Run(inner())
        except type(error) as caught:
            yield Emit(caught)

    assert drain(outer(), None) == ["before", error]
    with pytest.raises(type(error)):
        drain(inner(), None)


def test_the_innermost_flow_is_closed_first(drain: Drain) -> None:
    closed: list[str] = []

    def inner() -> Flow[None]:
        try:
            yield Emit(1)
            yield Emit(2)
        finally:
            closed.append("inner")

    def outer() -> Flow[None]:
        try:
            yield Run(inner())
        finally:
            closed.append("outer")

    assert drain(outer(), 1) == [1]
    assert closed == ["inner", "outer"]


def test_all_flows_are_closed_though_one_raises_meanwhile(drain: Drain) -> None:
    closed: list[str] = []

    def inner() -> Flow[None]:
        try:
            yield Emit(1)
        finally:
            raise ValueError("while closing")

    def outer() -> Flow[None]:
        try:
            yield Run(inner())
        finally:
            closed.append("outer")

    with pytest.raises(ValueError, match="while closing"):
        drain(outer(), 1)
    assert closed == ["outer"]
