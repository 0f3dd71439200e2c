"""One model and the way to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from threading import Event

from structgen.flow.ports import EnginePort, HttpPort, TextPort
from structgen.values import Mode
from structgen.wire.breaker import Breaker
from structgen.wire.link import Link
from structgen.wire.prices import Price


@dataclass(frozen=True, slots=True, kw_only=True)
class Backend:
    """One model and the way to it: a link to a server, or an engine in this process.

    `name` is for people ("groq:openai/gpt-oss-20b"); `modes`: (mode, name of the schema language it holds answers to), the
    strongest first. `ignores`: whether the server has been seen to answer outside a schema that it was told to enforce; servers
    that do not know the member of the request answer 200 all the same. `price`: of its tokens, where it is known.
    """

    name: str
    model: str
    modes: tuple[tuple[Mode, str], ...]
    via: Link | EnginePort
    price: Price | None = None
    breaker: Breaker = field(default_factory=Breaker, repr=False)
    ignores: Event = field(default_factory=Event, repr=False)

    @property
    def port(self) -> HttpPort | EnginePort:
        """What its steps are performed on."""
        return self.via.port if isinstance(self.via, Link) else self.via


def streams(backend: Backend, mode: Mode) -> bool:
    """Does this mode's answer come as it is written?"""
    if not isinstance(backend.via, Link):
        return isinstance(backend.via, TextPort)
    return backend.via.caps.stream_with_schema or mode in ("json-object", "prompt")
