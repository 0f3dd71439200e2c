"""Flows: generators that hold the whole logic of a call and perform nothing.

A flow yields a `Step`, is sent what the step gave (or has the step's error thrown in), and returns the result. `drive.perform` and
`drive.aperform` drive the same flow, so sync and async cannot differ.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeAlias, TypeVar, runtime_checkable

from structgen.types import Answer, JsonSchema, Message, Options, Reply, Request

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
        self, messages: Sequence[Message], schema: JsonSchema | None, options: Options, source: str | None = None
    ) -> Answer: ...

    async def agenerate(
        self, messages: Sequence[Message], schema: JsonSchema | None, options: Options, source: str | None = None
    ) -> Answer: ...

    def close(self) -> None: ...

    async def aclose(self) -> None: ...


@runtime_checkable
class TextPort(Protocol):
    """What Start steps are performed on: an engine that hands out its answer as it is written."""

    def stream(
        self, messages: Sequence[Message], schema: JsonSchema | None, options: Options, source: str | None = None
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
