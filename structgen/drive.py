"""The drivers: they perform the steps of a flow, on threads or on an event loop. Nothing is decided here.

Both perform the same flow, so that sync and async cannot differ.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, Generator
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from typing import Any, TypeVar

from structgen.errors import StructgenError
from structgen.flow import Emit, Flow, Gather, Open, Read, Send, Sleep, Start, Stream, TextStream

R = TypeVar("R")


def perform(flow: Flow[R]) -> R:
    """Perform a flow's steps and give its result. What it emits is dropped."""
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
    """Perform a flow's steps, yield what it emits, return its result. Closing it ends the flow and its stream."""
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


async def aperform(flow: Flow[R]) -> R:
    """As `perform`, on the running event loop."""
    streams: list[Stream | TextStream] = []
    try:
        emitted = True
        while emitted:
            emitted, value = await _aadvance(flow, streams)
        result: R = value
        return result
    finally:
        flow.close()
        await _aclose(streams)


async def aperform_stream(flow: Flow[Any]) -> AsyncGenerator[Any, None]:
    """As `perform_stream`, on the running event loop; an asynchronous generator has no result."""
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
    """Perform steps up to the next value the flow emits: (True, value); or to its end: (False, result)."""
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


async def _aadvance(flow: Flow[Any], streams: list[Stream | TextStream]) -> tuple[bool, Any]:
    move, value = flow.send, None
    try:
        while True:
            step = move(value)
            if type(step) is Emit:
                return True, step.value
            try:
                move, value = flow.send, await _ado(step, streams)
            except StructgenError as error:
                move, value = flow.throw, error
    except StopIteration as stop:
        return False, stop.value


def _do(step: Any, streams: list[Stream | TextStream]) -> Any:
    kind = type(step)
    if kind is Send:
        return step.port.send(step.request, step.timeout)
    if kind is Read:
        return step.stream.read()
    if kind is Open:
        _close(streams)  # a flow has one open stream at a time: the next one ends the last
        streams.append(step.port.open(step.request, step.timeout))
        return streams[-1]
    if kind is Sleep:
        return time.sleep(step.seconds)
    if kind is Start:
        return _started(step, streams)
    if kind is Gather:
        return _gathered(step)
    return step.port.generate(step.messages, step.schema, step.options, step.source)


async def _ado(step: Any, streams: list[Stream | TextStream]) -> Any:
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
        return await asyncio.sleep(step.seconds)
    if kind is Start:
        return _started(step, streams)
    if kind is Gather:
        return await _agathered(step)
    return await step.port.agenerate(step.messages, step.schema, step.options, step.source)


def _started(step: Start, streams: list[Stream | TextStream]) -> TextStream:
    stream = step.port.stream(step.messages, step.schema, step.options, step.source)
    streams.append(stream)
    return stream


def _gathered(step: Gather) -> list[Any]:
    """On threads, in the context of this one (spans, for one, hang below it)."""
    with ThreadPoolExecutor(step.at_most or len(step.flows)) as threads:
        return [future.result() for future in [threads.submit(copy_context().run, _outcome, flow) for flow in step.flows]]


async def _agathered(step: Gather) -> list[Any]:
    room = asyncio.Semaphore(step.at_most or len(step.flows))

    async def outcome(flow: Flow[Any]) -> Any:
        async with room:
            return await _aoutcome(flow)

    return await asyncio.gather(*map(outcome, step.flows))


def _outcome(flow: Flow[Any]) -> Any:
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
