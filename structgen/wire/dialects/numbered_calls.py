"""A stream whose events each hold whole calls of tools, counted on their way.

Chat Completions numbers the calls of an answer. Gemini and Ollama do not, and the functions that
read events know one event at a time, so that the decoder of the stream counts: the name of an event
is the number of calls that came before it.
"""

from __future__ import annotations

from collections.abc import Callable

from structgen.wire.sse import Event, EventDecoder


class CallCounter:
    """Gives the events of another decoder, each with the number of calls before it as its name.

    Args:
        decoder: The decoder of the stream's framing.
        mark: Bytes that every event with a call has.
        count: Counts the calls in the data of such an event.
    """

    __slots__ = ("_count", "_decoder", "_mark", "_seen")

    def __init__(self, decoder: EventDecoder, mark: bytes, count: Callable[[bytes], int]) -> None:
        self._decoder, self._mark, self._count = decoder, mark, count
        self._seen = 0

    @property
    def closed(self) -> bool:
        """Whether `close` has been called."""
        return self._decoder.closed

    def feed(self, piece: bytes) -> list[Event]:
        """Read the next piece of the stream, and give the events that end in it.

        Args:
            piece: The bytes that came, of any length.
        """
        events = self._decoder.feed(piece)
        for event in events:
            if self._seen or self._mark in event.data:
                return [self._numbered(one) for one in events]
        return events

    def close(self) -> list[Event]:
        """End the stream, and give the events that were still open."""
        return [self._numbered(event) for event in self._decoder.close()]

    def _numbered(self, event: Event) -> Event:
        before = self._seen
        if self._mark in event.data:
            self._seen += self._count(event.data)
        return Event(event.data, str(before)) if before and not event.name else event


def calls_before(event: Event) -> int:
    """Give the number of calls that came before an event.

    Args:
        event: An event of a `CallCounter`.
    """
    return int(event.name) if event.name.isascii() and event.name.isdigit() else 0
