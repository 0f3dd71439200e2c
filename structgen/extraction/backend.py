"""One model and the way to it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from threading import Event
from typing import Protocol, runtime_checkable

from structgen.answer.taking_back import TakingBack
from structgen.flow.ports import EnginePort, HttpPort, TextPort
from structgen.values import Message, Mode
from structgen.wire.breaker import Breaker
from structgen.wire.link import Link
from structgen.wire.models.prices import Price


@runtime_checkable
class TakesBack(Protocol):
    """An engine that can take texts back while it writes."""

    def taking_back(self, rules: TakingBack) -> EnginePort:
        """The engine as it answers one call.

        Args:
            rules: What texts are taken back once they have closed.
        """
        ...


@runtime_checkable
class ChecksMessages(Protocol):
    """An engine that can say before it is asked what it cannot be shown."""

    def check(self, messages: Sequence[Message]) -> None:
        """Raise if the engine cannot be shown what messages hold.

        Args:
            messages: The messages to ask.

        Raises:
            InputError: If they hold something that it does not read.
        """
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """One model and the way to it: a link to a server, or an engine in this process."""

    name: str
    """Its name for people: "groq:openai/gpt-oss-20b"."""
    model: str
    """The model's name on the wire; "" if each call names one."""
    family: str = ""
    """The size and family of the model as its file tells them; "" if only its name does."""
    modes: tuple[tuple[Mode, str], ...]
    """Each mode with the name of the schema language it holds answers to, the strongest first."""
    via: Link | EnginePort
    """The link to its server, or the engine."""
    price: Price | None = None
    """The price of its tokens, if known."""
    breaker: Breaker = field(default_factory=Breaker, repr=False)
    """Stops calls for a while if the backend fails again and again."""
    ignores_schema: Event = field(default_factory=Event, repr=False)
    """Set once the server answered outside a schema that it was told to enforce.

    A server that does not know the member of the request answers 200 all the same.
    """

    lacks_decisions: Event = field(default_factory=Event, repr=False)
    """Set once the server turned out to have no endpoint of typed questions."""

    @property
    def is_server(self) -> bool:
        """Whether the model is asked over HTTP, rather than in this process."""
        return isinstance(self.via, Link)

    @property
    def port(self) -> HttpPort | EnginePort:
        """The port that performs this backend's steps."""
        return self.via.port if isinstance(self.via, Link) else self.via

    @property
    def context(self) -> int | None:
        """Tokens of prompt and answer together; None if that is not known."""
        if isinstance(self.via, Link):
            return self.via.context_of(self.model)
        context = getattr(self.via, "context", None)
        return context if isinstance(context, int) else None


def streams(backend: Backend, mode: Mode) -> bool:
    """Whether an answer in this mode arrives while it is written."""
    if mode == "decisions":
        return False
    if not isinstance(backend.via, Link):
        return isinstance(backend.via, TextPort)
    return backend.via.caps.stream_with_schema or mode in ("json-object", "prompt")
