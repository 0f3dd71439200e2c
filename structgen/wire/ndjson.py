"""A parser of streams of JSON texts, one per line: bytes go in, events come out, without any I/O.

As with server-sent events, a last line that lacks its line break is given, not dropped, and data
stays bytes, so that the JSON parser refuses invalid UTF-8.
"""

from __future__ import annotations

from typing import Final

from structgen.errors import StreamBrokenError
from structgen.wire.sse import MAX_EVENT, Event

_BOM: Final = b"\xef\xbb\xbf"


class LineDecoder:
    """Turns the pieces of a stream into events, one for each line, wherever the stream is cut."""

    __slots__ = ("_at_start", "_open_line", "_size", "closed")

    def __init__(self) -> None:
        self._open_line: list[bytes] = []  # pieces of a line that has not ended
        self._size = 0
        self._at_start = True
        self.closed = False
        """Whether `close` has been called."""

    def feed(self, piece: bytes) -> list[Event]:
        """Read the next piece of the stream.

        Args:
            piece: The bytes that came, of any length.

        Returns:
            The lines that end in this piece; empty ones are left out.

        Raises:
            StreamBrokenError: If a line is longer than MAX_EVENT.
        """
        is_one_line = piece.find(b"\n") == len(piece) - 1
        if is_one_line and not self._size and not self._at_start:  # as it is most of the time
            line = piece.strip()
            return [Event(line)] if line else []
        first, *others = piece.split(b"\n")
        self._open_line.append(first)
        self._size += len(first)
        events: list[Event] = []
        for line in others:
            events += self._end_line()
            self._open_line.append(line)
            self._size += len(line)
        if self._size > MAX_EVENT:
            raise StreamBrokenError(
                f"A line of the stream is longer than {MAX_EVENT} bytes.",
                sent=True,
                hint="Check that `base_url` is the address of the server's API.",
            )
        return events

    def close(self) -> list[Event]:
        """End the stream, and give the line that was still open."""
        self.closed = True
        return self._end_line()

    def _end_line(self) -> list[Event]:
        line = b"".join(self._open_line)
        self._open_line.clear()
        self._size = 0
        if self._at_start and line:
            line, self._at_start = line.removeprefix(_BOM), False
        line = line.strip()
        return [Event(line)] if line else []
