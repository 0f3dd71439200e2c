"""The drivers: they perform the steps of a flow, on threads or on an event loop.

A flow is a generator that holds the whole logic of a call and does no I/O itself. It yields a step,
is sent what the step gave (or has the step's error thrown in), and returns the result. Both drivers
run the same flow and decide nothing, so sync and async cannot differ.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeAlias, TypeVar

from structgen.errors import StructgenError
from structgen.flow.ports import Stream, TextStream
from structgen.flow.steps import Emit, Flow, Gather, Open, Read, Send, Sleep, Start

R = TypeVar("R")

Rest: TypeAlias = "Callable[[float], Awaitable[None]]"
"""Waits for so many seconds."""


def perform(flow: Flow[R]) -> R:
    """Run a flow to its end. What it emits is dropped.

    Args:
        flow: The flow; it is closed in any case.

    Returns:
        What the flow returns.

    Raises:
        StructgenError: Whatever the flow raises.
    """
    streams: list[Stream | TextStream] = []
    try:
        emitted = True
        while emitted:
            emitted, value = _advance(flow, streams)
        result: R = value
        return result
    finally:
        flow.close()
        _close(streams)


def perform_stream(flow: Flow[R]) -> Generator[Any, None, R]:
    """Run a flow and yield what it emits. Closing the generator ends the flow and its stream.

    Args:
        flow: The flow; it is closed in any case.

    Yields:
        Each emitted value.

    Returns:
        What the flow returns.

    Raises:
        StructgenError: Whatever the flow raises.
    """
    streams: list[Stream | TextStream] = []
    try:
        while True:
            emitted, value = _advance(flow, streams)
            if not emitted:
                result: R = value
                return result
            yield value
    finally:
        flow.close()
        _close(streams)


async def aperform(flow: Flow[R], rest: Rest | None = None) -> R:
    """Do what `perform` does, on the running event loop.

    Args:
        flow: The flow; it is closed in any case.
        rest: Waits for so many seconds, in place of `asyncio.sleep`: a job lets other calls go on
            in the meantime. Flows that are gathered wait by themselves.

    Returns:
        What the flow returns.

    Raises:
        StructgenError: Whatever the flow raises.
    """
    streams: list[Stream | TextStream] = []
    try:
        emitted = True
        while emitted:
            emitted, value = await _aadvance(flow, streams, rest)
        result: R = value
        return result
    finally:
        flow.close()
        await _aclose(streams)


async def aperform_stream(flow: Flow[Any]) -> AsyncGenerator[Any, None]:
    """Do what `perform_stream` does, on the running event loop, but return no result."""
    streams: list[Stream | TextStream] = []
    try:
        while True:
            emitted, value = await _aadvance(flow, streams)
            if not emitted:
                return
            yield value
    finally:
        flow.close()
        await _aclose(streams)


def _advance(flow: Flow[Any], streams: list[Stream | TextStream]) -> tuple[bool, Any]:
    """Perform steps until the flow emits or ends.

    Returns (True, the emitted value) or (False, the result).
    """
    move, value = flow.send, None
    try:
        while True:
            step = move(value)
            if type(step) is Emit:
                return True, step.value
            try:
                move, value = flow.send, _do(step, streams)
            except StructgenError as error:
                move, value = flow.throw, error
    except StopIteration as stop:
        return False, stop.value


async def _aadvance(
    flow: Flow[Any], streams: list[Stream | TextStream], rest: Rest | None = None
) -> tuple[bool, Any]:
    """Do what `_advance` does, on the running event loop."""
    move, value = flow.send, None
    try:
        while True:
            step = move(value)
            if type(step) is Emit:
                return True, step.value
            try:
                if rest is not None and type(step) is Sleep:
                    await rest(step.seconds)
                    move, value = flow.send, None
                else:
                    move, value = flow.send, await _ado(step, streams)
            except StructgenError as error:
                move, value = flow.throw, error
    except StopIteration as stop:
        return False, stop.value


def _do(step: Any, streams: list[Stream | TextStream]) -> Any:
    """Perform one step."""
    kind = type(step)
    if kind is Send:
        return step.port.send(step.request, step.timeout)
    if kind is Read:
        return step.stream.read()
    if kind is Open:
        _close(streams)  # a flow has one open stream at a time
        streams.append(step.port.open(step.request, step.timeout))
        return streams[-1]
    if kind is Sleep:
        return time.sleep(step.seconds)
    if kind is Start:
        return _start(step, streams)
    if kind is Gather:
        return _gather(step)
    return step.port.generate(step.messages, step.schema, step.options, step.document)


async def _ado(step: Any, streams: list[Stream | TextStream]) -> Any:
    """Perform one step on the running event loop."""
    kind = type(step)
    if kind is Send:
        return await step.port.asend(step.request, step.timeout)
    if kind is Read:
        return await step.stream.aread()
    if kind is Open:
        await _aclose(streams)
        streams.append(await step.port.aopen(step.request, step.timeout))
        return streams[-1]
    if kind is Sleep:
        import asyncio  # imported here because it loads ssl

        return await asyncio.sleep(step.seconds)
    if kind is Start:
        return _start(step, streams)
    if kind is Gather:
        return await _agather(step)
    return await step.port.agenerate(step.messages, step.schema, step.options, step.document)


def _start(step: Start, streams: list[Stream | TextStream]) -> TextStream:
    stream = step.port.stream(step.messages, step.schema, step.options, step.document)
    streams.append(stream)
    return stream


def _gather(step: Gather) -> list[Any]:
    """Run the flows on threads, each in a copy of this thread's context, so that spans nest."""
    with ThreadPoolExecutor(step.at_most or len(step.flows)) as threads:
        futures = [threads.submit(copy_context().run, _outcome, flow) for flow in step.flows]
        return [future.result() for future in futures]


async def _agather(step: Gather) -> list[Any]:
    import asyncio

    slots = asyncio.Semaphore(step.at_most or len(step.flows))

    async def outcome(flow: Flow[Any]) -> Any:
        async with slots:
            return await _aoutcome(flow)

    return await asyncio.gather(*map(outcome, step.flows))


def _outcome(flow: Flow[Any]) -> Any:
    """Give a flow's result, or the error it raised."""
    try:
        return perform(flow)
    except StructgenError as error:
        return error


async def _aoutcome(flow: Flow[Any]) -> Any:
    try:
        return await aperform(flow)
    except StructgenError as error:
        return error


def _close(streams: list[Stream | TextStream]) -> None:
    while streams:
        streams.pop().close()


async def _aclose(streams: list[Stream | TextStream]) -> None:
    while streams:
        await streams.pop().aclose()
