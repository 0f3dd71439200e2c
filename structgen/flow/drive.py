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
from structgen.flow.steps import Emit, Flow, Gather, Open, Read, Run, Send, Sleep, Start

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
    flows, streams = _stacks(flow)
    try:
        emitted = True
        while emitted:
            emitted, value = _advance(flows, streams)
        result: R = value
        return result
    finally:
        _end(flows)
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
    flows, streams = _stacks(flow)
    try:
        while True:
            emitted, value = _advance(flows, streams)
            if not emitted:
                result: R = value
                return result
            yield value
    finally:
        _end(flows)
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
    flows, streams = _stacks(flow)
    try:
        emitted = True
        while emitted:
            emitted, value = await _aadvance(flows, streams, rest)
        result: R = value
        return result
    finally:
        _end(flows)
        await _aclose(streams)


async def aperform_stream(flow: Flow[Any]) -> AsyncGenerator[Any, None]:
    """Do what `perform_stream` does, on the running event loop, but return no result."""
    flows, streams = _stacks(flow)
    try:
        while True:
            emitted, value = await _aadvance(flows, streams)
            if not emitted:
                return
            yield value
    finally:
        _end(flows)
        await _aclose(streams)


_Flows: TypeAlias = "list[Flow[Any]]"
"""Flows that are being performed, each within the one before it."""
_Streams: TypeAlias = "list[Stream | TextStream]"
_Move: TypeAlias = "tuple[Callable[[Any], Any], Any]"
"""How to go on with a flow: its `send` or `throw`, and what to give to it."""


def _stacks(flow: Flow[Any]) -> tuple[_Flows, _Streams]:
    return [flow], []


def _advance(flows: _Flows, streams: _Streams) -> tuple[bool, Any]:
    """Perform steps until a flow emits or the outermost ends.

    Returns (True, the emitted value) or (False, the result).
    """
    move, value = flows[-1].send, None
    while True:
        try:
            step = move(value)
        except StopIteration as stop:
            flows.pop()
            if not flows:
                return False, stop.value
            move, value = flows[-1].send, stop.value
            continue
        except BaseException as error:
            move, value = _move_after(error, flows)
            continue
        if type(step) is Emit:
            return True, step.value
        if type(step) is Run:
            flows.append(step.flow)
            move, value = step.flow.send, None
            continue
        try:
            move, value = flows[-1].send, _do(step, streams)
        except StructgenError as error:
            move, value = flows[-1].throw, error


async def _aadvance(flows: _Flows, streams: _Streams, rest: Rest | None = None) -> tuple[bool, Any]:
    """Do what `_advance` does, on the running event loop."""
    move, value = flows[-1].send, None
    while True:
        try:
            step = move(value)
        except StopIteration as stop:
            flows.pop()
            if not flows:
                return False, stop.value
            move, value = flows[-1].send, stop.value
            continue
        except BaseException as error:
            move, value = _move_after(error, flows)
            continue
        if type(step) is Emit:
            return True, step.value
        if type(step) is Run:
            flows.append(step.flow)
            move, value = step.flow.send, None
            continue
        try:
            if rest is not None and type(step) is Sleep:
                await rest(step.seconds)
                move, value = flows[-1].send, None
            else:
                move, value = flows[-1].send, await _ado(step, streams)
        except StructgenError as error:
            move, value = flows[-1].throw, error


def _move_after(error: BaseException, flows: _Flows) -> _Move:
    """Throw what the innermost flow raised into the one around it; raise it if there is none."""
    flows.pop()
    if not flows:
        raise error
    return flows[-1].throw, error


def _end(flows: _Flows) -> None:
    """Close the flows, the innermost first."""
    try:
        while flows:
            flows.pop().close()
    finally:
        if flows:  # one of them raised
            _end(flows)


def _do(step: Any, streams: _Streams) -> Any:
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


async def _ado(step: Any, streams: _Streams) -> Any:
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


def _start(step: Start, streams: _Streams) -> TextStream:
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


def _close(streams: _Streams) -> None:
    while streams:
        streams.pop().close()


async def _aclose(streams: _Streams) -> None:
    while streams:
        await streams.pop().aclose()
