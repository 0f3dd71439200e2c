"""A parser of server-sent events: bytes go in, events come out, without any I/O.

The format is `text/event-stream` of the WHATWG HTML standard, with deliberate differences:

- An event at the end of the stream that lacks its blank line is given, not dropped: the last words
  of a model are often there.
- A JSON document without any framing is given as one event, and so is a line `error: ...`: they are
  errors, or whole answers of servers that do not stream.
- Data stays bytes, so that the JSON parser refuses invalid UTF-8 instead of it being replaced
  silently.
"""

from __future__ import annotations

from typing import Final, NamedTuple, Protocol

from structgen.errors import StreamBrokenError

MAX_EVENT: Final = 32 * 1024 * 1024
"""The greatest size of one event, in bytes, so that an endless line cannot fill the memory."""

_BOM: Final = b"\xef\xbb\xbf"


class Event(NamedTuple):
    """One event of a stream."""

    data: bytes
    """The lines of its data, joined by newlines."""
    name: str = ""
    """Its type, as in `event: error`; empty if the server gave none."""


class EventDecoder(Protocol):
    """Turns the pieces of one stream into events. Server-sent events are the usual framing."""

    @property
    def closed(self) -> bool:
        """Whether `close` has been called."""
        ...

    def feed(self, piece: bytes) -> list[Event]:
        """Read the next piece of the stream, and give the events that end in it.

        Args:
            piece: The bytes that came, of any length.
        """
        ...

    def close(self) -> list[Event]:
        """End the stream, and give the events that were still open."""
        ...


class Decoder:
    """Turns the pieces of a stream into events, wherever the stream is cut.

    The time is linear in the length of the stream.
    """

    __slots__ = (
        "_after_cr",
        "_data",
        "_name",
        "_open_line",
        "_size",
        "_start",
        "_unframed",
        "_unframed_size",
        "closed",
    )

    def __init__(self) -> None:
        self._open_line: list[bytes] = []  # pieces of a line that has not ended
        self._size = 0  # bytes in the open line and the open event
        self._data: list[bytes] = []
        self._name = ""
        self._after_cr = False  # the last piece ended in CR, so a LF that follows belongs to it
        # The first bytes, until they are known to be a byte order mark or not.
        self._start: bytes | None = b""
        self._unframed: list[bytes] = []  # lines that are no field of the format
        self._unframed_size = 0
        self.closed = False
        """Whether `close` has been called."""

    def feed(self, piece: bytes) -> list[Event]:
        """Read the next piece of the stream.

        Args:
            piece: The bytes that came, of any length.

        Returns:
            The events that end in this piece.

        Raises:
            StreamBrokenError: If an event is larger than MAX_EVENT.
        """
        if self._start is None and not self._size and not self._name:
            event = _only_event(piece)
            if event is not None:
                self._after_cr = False
                return [event]
        if self._start is not None:
            piece = self._start + piece
            if len(piece) < len(_BOM) and _BOM.startswith(piece):
                self._start = piece
                return []
            self._start = None
            piece = piece.removeprefix(_BOM)
        if not piece:
            return []
        if self._after_cr and piece.startswith(b"\n"):
            piece = piece[1:]
        self._after_cr = piece.endswith(b"\r")
        return self._lines(piece)

    def close(self) -> list[Event]:
        """End the stream.

        Returns:
            The event that was still open, if it has data, and a JSON document without framing.

        Raises:
            StreamBrokenError: If an event is larger than MAX_EVENT.
        """
        events = self.feed(b"\n") if self._open_line or self._start else []
        self._start, self.closed = None, True
        if last := self._dispatch():
            events.append(last)
        if self._unframed and self._unframed[0].lstrip().startswith((b"{", b"[")):
            events.append(Event(b"\n".join(self._unframed)))
        return events

    def _lines(self, piece: bytes) -> list[Event]:
        lines = piece.splitlines()  # CR, LF and CRLF, for bytes
        ended = piece.endswith((b"\n", b"\r"))
        if self._open_line and (ended or len(lines) > 1):
            lines[:1] = [b"".join((*self._open_line, *lines[:1]))]
            self._size -= sum(map(len, self._open_line))
            self._open_line.clear()
        if not ended and lines:
            rest = lines.pop()
            self._open_line.append(rest)
            self._size += len(rest)
        events = []
        for line in lines:
            if line.startswith(b"data: "):
                self._data.append(line[6:])
                self._size += len(line)
            elif line:
                self._field(line)
            elif event := self._dispatch():
                events.append(event)
        self._check()
        return events

    def _field(self, line: bytes) -> None:
        name, _, value = line.partition(b":")
        if name == b"event":
            self._name = value.removeprefix(b" ").decode("utf-8", "replace")
        elif name in (b"data", b"error"):
            self._name = self._name or ("error" if name == b"error" else "")
            self._data.append(value.removeprefix(b" "))
            self._size += len(line)
        elif name not in (b"", b"id", b"retry"):  # "" is a comment
            self._unframed.append(line)
            self._unframed_size += len(line)

    def _dispatch(self) -> Event | None:
        data, name = self._data, self._name
        if not data and not name:
            return None
        self._data, self._name = [], ""
        # While lines are read, only the rest of this piece can be open.
        self._size = len(self._open_line[0]) if self._open_line else 0
        if not data:
            return None
        return Event(data[0] if len(data) == 1 else b"\n".join(data), name)

    def _check(self) -> None:
        if self._size + self._unframed_size > MAX_EVENT:
            raise StreamBrokenError(
                f"An event of the stream is longer than {MAX_EVENT} bytes.",
                sent=True,
                hint="Check that `base_url` is the address of the server's API.",
            )


def _only_event(piece: bytes) -> Event | None:
    """The event of a piece that is just one with one line of data, as it is most of the time.

    None if the piece is anything else.
    """
    start, name = 0, ""
    if piece.startswith(b"event: "):
        start = piece.find(b"\n") + 1
        name = piece[7 : start - 1].decode("utf-8", "replace")
    if not piece.startswith(b"data: ", start):
        return None
    end = piece.find(b"\n", start)
    if end == len(piece) - 2 and piece.endswith(b"\n"):
        return Event(piece[start + 6 : end], name) if b"\r" not in piece else None
    # Gemini ends its lines with CR and LF.
    if end == len(piece) - 3 and piece.endswith(b"\r\n\r\n") and piece.find(b"\r") == end - 1:
        return Event(piece[start + 6 : end - 1], name)
    return None
