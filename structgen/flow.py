"""Flows: generators that hold the whole logic of a call and perform nothing.

A flow yields a `Step`, is sent what the step gave (or has the step's error thrown in), and returns the result. `perform` and
`aperform` drive the same flow, so sync and async cannot differ.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Generator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, TypeVar, runtime_checkable

from structgen.errors import StructgenError
from structgen.options import Options
from structgen.values import Answer, JsonSchema, Message, Reply, Request

R = TypeVar("R")


class Stream(Protocol):
    """An open HTTP answer: `reply` has status and headers (and the body, where it is an error); b"" ends it."""

    reply: Reply

    def read(self) -> bytes: ...

    async def aread(self) -> bytes: ...

    def close(self) -> None: ...

    async def aclose(self) -> None: ...


class TextStream(Protocol):
    """An answer of an in-process engine as it is written: "" ends it, and then `answer` is there. Raises EngineErrors only."""

    answer: Answer | None

    def read(self) -> str: ...

    async def aread(self) -> str: ...

    def close(self) -> None: ...

    async def aclose(self) -> None: ...


class HttpPort(Protocol):
    """What HTTP steps are performed on: a transport, or a script in a test. Raises TransportErrors only."""

    def send(self, request: Request, timeout: float | None) -> Reply: ...

    async def asend(self, request: Request, timeout: float | None) -> Reply: ...

    def open(self, request: Request, timeout: float | None) -> Stream: ...

    async def aopen(self, request: Request, timeout: float | None) -> Stream: ...

    def close(self) -> None: ...

    async def aclose(self) -> None: ...


class EnginePort(Protocol):
    """What Generate steps are performed on: an in-process engine, or a script in a test. Raises EngineErrors only.

    `name` is for people; `schema` is the compiled schema the answer must follow, None for free text; `source` is the text in which
    the values that it marks `x-verbatim` must stand, None where it marks none.
    """

    @property
    def name(self) -> str: ...

    def generate(
        self,
        messages: Sequence[Message],
        schema: JsonSchema | None,
        options: Options,
        source: str | None = None,
    ) -> Answer: ...

    async def agenerate(
        self,
        messages: Sequence[Message],
        schema: JsonSchema | None,
        options: Options,
        source: str | None = None,
    ) -> Answer: ...

    def close(self) -> None: ...

    async def aclose(self) -> None: ...


@runtime_checkable
class TextPort(Protocol):
    """What Start steps are performed on: an engine that hands out its answer as it is written."""

    def stream(
        self,
        messages: Sequence[Message],
        schema: JsonSchema | None,
        options: Options,
        source: str | None = None,
    ) -> TextStream: ...


@dataclass(frozen=True, slots=True)
class Send:
    """Send a request and take the whole answer. Gives a Reply, whatever its status."""

    port: HttpPort
    request: Request = field(repr=False)
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Open:
    """Send a request and leave the answer open. Gives a Stream; the driver closes it when the flow ends, however it ends."""

    port: HttpPort
    request: Request = field(repr=False)
    timeout: float | None = None


@dataclass(frozen=True, slots=True)
class Read:
    """Take what has come. Gives bytes, or str of an engine; empty at the end."""

    stream: Stream | TextStream


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait. Gives None."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Generate:
    """Let an in-process engine answer. Gives an Answer."""

    port: EnginePort
    messages: Sequence[Message] = field(repr=False)
    schema: JsonSchema | None = field(repr=False)
    options: Options = Options()
    source: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Start:
    """Let an in-process engine answer, and leave the answer open. Gives a TextStream; the driver closes it as it does others."""

    port: TextPort
    messages: Sequence[Message] = field(repr=False)
    schema: JsonSchema | None = field(repr=False)
    options: Options = Options()
    source: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Emit:
    """Hand a value to whoever iterates the flow. Gives None."""

    value: Any


@dataclass(frozen=True, slots=True)
class Gather:
    """Perform several flows at once, `at_most` so many at a time. Gives a list: of each flow its result, or the StructgenError it
    ended in."""

    flows: Sequence[Flow[Any]]
    at_most: int | None = None


Step: TypeAlias = "Send | Open | Read | Sleep | Generate | Start | Emit | Gather"
Flow: TypeAlias = "Generator[Step, Any, R]"


# ---- the drivers: they perform the steps of a flow, on threads or on an event loop; nothing is decided here -----------------


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
        import asyncio  # here: it brings ssl along

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
        return [
            future.result()
            for future in [
                threads.submit(copy_context().run, _outcome, flow) for flow in step.flows
            ]
        ]


async def _agathered(step: Gather) -> list[Any]:
    import asyncio

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
