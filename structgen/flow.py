"""Flows: generators that hold the whole logic of a call and perform nothing.

A flow yields a `Step`, is sent what the step gave (or has the step's error thrown in), and returns the result. `transport.perform`
and `transport.aperform` drive the same flow, so sync and async cannot differ.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeAlias, TypeVar

from structgen.dialects.base import Ask, Capabilities, Delta
from structgen.errors import APIError, DeadlineExceeded, OutputRejected, StreamBroken, TransportError
from structgen.retry import Policy, decide
from structgen.sse import Decoder, Event
from structgen.types import UNSET, Answer, Attempt, JsonSchema, Message, Options, Reply, Request

R = TypeVar("R")


class Stream(Protocol):
    """An open HTTP answer: `reply` has status and headers (and the body, where it is an error); b"" ends it."""

    reply: Reply

    def read(self) -> bytes: ...

    async def aread(self) -> bytes: ...

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

    `name` is for people; `schema` is the compiled schema the answer must follow, None for free text.
    """

    @property
    def name(self) -> str: ...

    def generate(self, messages: Sequence[Message], schema: JsonSchema | None, options: Options) -> Answer: ...

    async def agenerate(self, messages: Sequence[Message], schema: JsonSchema | None, options: Options) -> Answer: ...

    def close(self) -> None: ...

    async def aclose(self) -> None: ...


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
    """Take what has come. Gives bytes; b"" at the end."""

    stream: Stream


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


@dataclass(frozen=True, slots=True)
class Emit:
    """Hand a value to whoever iterates the flow. Gives None."""

    value: Any


Step: TypeAlias = "Send | Open | Read | Sleep | Generate | Emit"
Flow: TypeAlias = "Generator[Step, Any, R]"


# ---- one question over HTTP: sent, retried, read --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """The way to one server: shared by all calls of a client."""

    port: HttpPort
    caps: Capabilities
    policy: Policy = Policy()


def exchange(
    link: Link, question: Ask, options: Options, ends_at: float | None = None, attempts: list[Attempt] | None = None
) -> Flow[Answer]:
    """The answer to a question, tried again as `retry` decides. `ends_at`: the deadline, as `time.monotonic()` counts.

    `attempts` takes a record of every try that failed and was repeated. Raises TransportErrors, APIErrors and ConfigurationError.
    """
    request = link.caps.dialect.build(question, link.caps)
    tries = _Tries(link, question, options, ends_at, attempts)
    while True:
        try:
            reply: Reply = yield Send(link.port, request, tries.timeout())
            return link.caps.dialect.parse(reply, link.caps, request)
        except (TransportError, APIError) as error:
            wait = tries.wait_after(error)
        yield Sleep(wait)


class Deltas:
    """The answer to a question as it comes, `next()` by `next()`.

    A failure before the first piece of the answer is tried again like any other; a later one is raised, since what came cannot be
    taken back. An answer that ends without its end marker and without a finish reason raises StreamBroken.
    """

    __slots__ = ("_decoder", "_error", "_finished", "_given", "_held", "_link", "_request", "_stream", "_tries")

    def __init__(
        self, link: Link, question: Ask, options: Options, ends_at: float | None = None, attempts: list[Attempt] | None = None
    ) -> None:
        self._link = link
        self._request = link.caps.dialect.build(question, link.caps)
        self._tries = _Tries(link, question, options, ends_at, attempts)
        self._given = False  # has anything of the answer been handed on?
        self._error: TransportError | APIError | None = None
        self._reset()

    def _reset(self) -> None:
        self._stream: Stream | None = None
        self._decoder = Decoder()
        self._held: list[Delta] = []  # deltas that say nothing yet: a role, an id
        self._finished = False

    def next(self) -> Flow[list[Delta]]:
        """The deltas that came since; [] when the answer is complete. Raises TransportErrors and APIErrors."""
        while True:
            try:
                return (yield from self._next())
            except (TransportError, APIError) as error:
                if self._given:
                    raise
                wait = self._tries.wait_after(error)
            yield Sleep(wait)
            self._reset()

    def _next(self) -> Flow[list[Delta]]:
        if self._error:
            raise self._error
        if self._stream is None:
            self._stream = yield Open(self._link.port, self._request, self._tries.timeout())
            reply = self._stream.reply
            if reply.status != 200:
                raise self._link.caps.dialect.fault(reply, self._link.caps, self._request)
        while True:
            self._tries.check()
            try:
                piece: bytes = yield Read(self._stream)
            except TransportError:
                if not self._finished:
                    raise
                piece = b""  # the answer is whole; how the connection ends is of no interest
            deltas = self._read(self._decoder.feed(piece) if piece else self._decoder.close())
            if deltas:
                self._given = True
                return deltas
            if self._error:
                raise self._error
            if not piece:
                self._end()
                return []

    def _read(self, events: list[Event]) -> list[Delta]:
        """The deltas to hand on. An error behind them waits for the next call."""
        for event in events:
            try:
                delta = self._link.caps.dialect.parse_event(event, self._link.caps, self._request)
            except (TransportError, APIError) as error:
                self._error = error
                break
            self._finished = self._finished or delta.done or delta.finish is not None
            self._held.append(delta)
        if not self._given and not any(_says_something(delta) for delta in self._held):
            return []
        deltas, self._held = self._held, []
        return deltas

    def _end(self) -> None:
        """Was that all of it? Raises the error that came without framing, or StreamBroken."""
        if self._finished:
            return
        stray = self._decoder.stray.strip().removeprefix(b"error:")
        if b'"error"' in stray or b'"message"' in stray:
            raise self._link.caps.dialect.fault(Reply(200, {}, stray), self._link.caps, self._request)
        raise StreamBroken(
            "The stream ended without its end marker and without a finish reason: the answer is cut.",
            sent=True,
            hint="The server or a proxy gave up. Ask again.",
        )


def _says_something(delta: Delta) -> bool:
    return bool(delta.text or delta.reasoning or delta.refusal or delta.tool_calls or delta.finish or delta.done)


class _Tries:
    """The tries of one question: their time, their count, their record."""

    __slots__ = ("_attempts", "_began", "_count", "_ends_at", "_link", "_options", "_question")

    def __init__(self, link: Link, question: Ask, options: Options, ends_at: float | None, attempts: list[Attempt] | None) -> None:
        self._link, self._question, self._options = link, question, options
        self._ends_at, self._attempts = ends_at, attempts
        self._count = 0
        self._began = 0.0

    def timeout(self) -> float | None:
        """Seconds the coming try may take. Raises DeadlineExceeded when there are none left."""
        limit = None if self._options.timeout is UNSET else self._options.timeout
        self._began = time.monotonic()
        if self._ends_at is None:
            return limit
        left = self._ends_at - self._began
        if left <= 0:
            raise DeadlineExceeded("The deadline of the call is over.", sent=self._count > 0, hint="Raise `deadline`.")
        return left if limit is None else min(left, limit)

    def check(self) -> None:
        """Raises DeadlineExceeded where the deadline has passed in the middle of an answer."""
        if self._ends_at is not None and time.monotonic() >= self._ends_at:
            raise DeadlineExceeded("The deadline of the call is over.", sent=True, hint="Raise `deadline`.")

    def wait_after(self, error: TransportError | APIError) -> float:
        """Seconds to wait before the next try. Raises the error where there is to be none."""
        self._count += 1
        now = time.monotonic()
        policy = self._link.policy
        if self._options.max_retries is not UNSET:
            policy = replace(policy, max_retries=self._options.max_retries)
        if self._link.caps.retried:
            policy = replace(policy, statuses=policy.statuses | self._link.caps.retried)
        wait = decide(error, tries=self._count, policy=policy, remaining=None if self._ends_at is None else self._ends_at - now)
        if self._attempts is not None:
            self._attempts.append(
                Attempt(
                    backend=f"{self._link.caps.provider}:{self._question.model}",
                    mode=self._question.mode,
                    text=error.failed_generation if isinstance(error, OutputRejected) else None,
                    seconds=now - self._began,
                    error=error,
                )
            )
        return wait
