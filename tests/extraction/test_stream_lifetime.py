"""A stream gives back its connection, and a target that is gone takes all with it."""

from __future__ import annotations

import asyncio
import gc
import weakref

from pydantic import BaseModel

from structgen import AsyncClient, Client
from structgen.testing.scripted import ScriptedStream, ScriptedTransport
from structgen.values import Request
from tests.extraction.parts import ADA, Person, client


class WatchedStream(ScriptedStream):
    """Counts how often it was closed."""

    closed = 0

    def close(self) -> None:
        self.closed += 1


class Watched(ScriptedTransport):
    """Knows whether its last stream was closed."""

    def open(self, request: Request, timeout: float | None) -> WatchedStream:
        stream = super().open(request, timeout)
        self.stream = WatchedStream(stream.reply, iter(stream.read, b""))
        return self.stream

    @property
    def closed(self) -> int:
        return self.stream.closed


def test_leaving_early_closes_the_stream() -> None:
    port = Watched(ADA)
    with Client("vllm:m", transport=port).stream(Person, "x") as partials:
        next(partials)
        assert port.closed == 0
    assert port.closed == 1
    assert list(partials) == []

    async def leave() -> None:
        async with AsyncClient("vllm:m", transport=port).stream(Person, "x") as partials:
            await anext(partials)
            assert port.closed == 0

    asyncio.run(leave())
    assert port.closed == 1


def test_a_target_that_is_gone_takes_its_places_with_it() -> None:
    def used() -> weakref.ref[type[BaseModel]]:
        class Gone(BaseModel):
            words: list[str]

        list(client('{"words": ["x"]}').stream(Gone, "x"))
        return weakref.ref(Gone)

    gone = used()
    gc.collect()
    assert gone() is None
