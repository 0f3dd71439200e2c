"""The steps that a flow may yield: plain data, which a driver performs."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from structgen.flow.ports import EnginePort, HttpPort, Stream, TextPort, TextStream
from structgen.options import Options
from structgen.values import JsonSchema, Message, Request

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Send:
    """Send a request and wait for the whole response. Gives a Reply, whatever its status."""

    port: HttpPort
    """The transport that sends it."""
    request: Request = field(repr=False)
    """What to send."""
    timeout: float | None = None
    """Seconds; None for no limit."""


@dataclass(frozen=True, slots=True)
class Open:
    """Send a request and leave the response open. Gives a Stream.

    The driver closes the stream when the flow ends, however it ends.
    """

    port: HttpPort
    """The transport that sends it."""
    request: Request = field(repr=False)
    """What to send."""
    timeout: float | None = None
    """Seconds to wait for the headers, and for each piece; None for no limit."""


@dataclass(frozen=True, slots=True)
class Read:
    """Wait for the next piece of a stream. Gives bytes, or str for an engine; empty at the end."""

    stream: Stream | TextStream
    """The stream that an Open or a Start gave."""


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait. Gives None."""

    seconds: float
    """How long."""


@dataclass(frozen=True, slots=True)
class Generate:
    """Let an engine in this process answer. Gives an Answer."""

    port: EnginePort
    """The engine."""
    messages: Sequence[Message] = field(repr=False)
    """The conversation."""
    schema: JsonSchema | None = field(repr=False)
    """The compiled schema that the answer must follow; None for free text."""
    options: Options = Options()
    """The options of the call."""
    document: str | None = field(default=None, repr=False)
    """The text that verbatim values must be copied from; None if there are none."""


@dataclass(frozen=True, slots=True)
class Start:
    """Let an engine in this process answer, and leave the answer open. Gives a TextStream.

    The driver closes the stream when the flow ends, however it ends.
    """

    port: TextPort
    """The engine."""
    messages: Sequence[Message] = field(repr=False)
    """The conversation."""
    schema: JsonSchema | None = field(repr=False)
    """The compiled schema that the answer must follow; None for free text."""
    options: Options = Options()
    """The options of the call."""
    document: str | None = field(default=None, repr=False)
    """The text that verbatim values must be copied from; None if there are none."""


@dataclass(frozen=True, slots=True)
class Emit:
    """Hand a value to whoever iterates the flow. Gives None."""

    value: Any
    """What to hand out."""


@dataclass(frozen=True, slots=True)
class Gather:
    """Perform several flows at the same time.

    Gives a list: for each flow its result, or the StructgenError that it raised.
    """

    flows: Sequence[Flow[Any]]
    """The flows, in the order of the results."""
    at_most: int | None = None
    """How many may run at the same time; None for all."""


@dataclass(frozen=True, slots=True)
class Run:
    """Perform another flow to its end. Gives its result, or raises its error.

    This is `yield from`, but the driver talks to the other flow itself. A step of `yield from`
    passes through every flow above it, which is dear when there are many of both.
    """

    flow: Flow[Any]
    """The other flow."""


Step: TypeAlias = "Send | Open | Read | Sleep | Generate | Start | Emit | Gather | Run"
"""What a flow yields."""

Flow: TypeAlias = "Generator[Step, Any, R]"
"""A call: it yields steps, is sent what each gave, and returns the result of type R."""
