"""The framing of a stream of Anthropic's Messages: server-sent events of blocks."""

from __future__ import annotations

from typing import Any, Final

from pydantic_core import from_json

from structgen.wire.dialects.reading import string
from structgen.wire.sse import Decoder, Event

BLOCKS: Final = frozenset({"text", "thinking", "tool_use"})
"""Types of blocks that have words in Chat Completions."""

_BEGINNING: Final = b"content_block_start"
"""What every event has that begins a block."""


class BlockDecoder:
    """Turns the pieces of a stream into events, without those of blocks of other types.

    A tool that the server runs itself, such as its web search, streams its input as a call of a
    function of the caller's does. Only the event that begins the block tells the two apart.
    """

    __slots__ = ("_events", "_other")

    def __init__(self) -> None:
        self._events = Decoder()
        self._other: set[int] = set()  # the numbers of blocks of other types

    @property
    def closed(self) -> bool:
        """Whether `close` has been called."""
        return self._events.closed

    def feed(self, piece: bytes) -> list[Event]:
        """Read the next piece of the stream, and give the events that end in it.

        Args:
            piece: The bytes that came, of any length.

        Raises:
            StreamBrokenError: If an event is too large.
        """
        events = self._events.feed(piece)
        for event in events:
            if self._other or _BEGINNING in event.data:
                return [one for one in events if self._concerns_us(one)]
        return events

    def close(self) -> list[Event]:
        """End the stream, and give the events that were still open.

        Raises:
            StreamBrokenError: If an event is too large.
        """
        return [event for event in self._events.close() if self._concerns_us(event)]

    def _concerns_us(self, event: Event) -> bool:
        """Whether an event is of no block, or of one that has words in Chat Completions."""
        if _BEGINNING in event.data:
            raw = _object_in(event)
            block = raw.get("content_block")
            if isinstance(block, dict) and isinstance(raw.get("index"), int):
                is_known = string(block.get("type")) in BLOCKS
                (self._other.discard if is_known else self._other.add)(raw["index"])
        elif self._other and b"content_block_delta" in event.data:
            index = _object_in(event).get("index")
            return not isinstance(index, int) or index not in self._other
        return True


def _object_in(event: Event) -> dict[str, Any]:
    try:
        raw = from_json(event.data)
    except ValueError:
        return {}
    return raw if isinstance(raw, dict) else {}
