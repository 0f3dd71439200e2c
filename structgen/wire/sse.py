"""Server-sent events as a pure push parser: bytes in, events out, no I/O.

The format is the WHATWG HTML standard's `text/event-stream`, with deliberate differences. An event that stands at the end of the
stream without its blank line is given, not dropped: a model's last words are often there. A JSON document without any framing is
given as one event, and so is a line `error: ...`: an error, or a whole answer from a server that does not stream. And data stays
bytes: invalid UTF-8 is then the JSON parser's to refuse, instead of being replaced silently.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from structgen.errors import StreamBrokenError

MAX_EVENT: Final = 32 * 1024 * 1024
"""Bytes one event may have; a server that never ends its line cannot eat all memory."""

_BOM: Final = b"\xef\xbb\xbf"


class Event(NamedTuple):
    """One event: its `data` (lines joined by a newline) and its `name` ("" where the server gave none)."""

    data: bytes
    name: str = ""


class Decoder:
    """Feed it what came, in pieces of any size; it gives the events that are complete.

    Linear in the length of the stream, however it is cut. `closed`: has it been told of the end?
    """

    __slots__ = (
        "_after_cr",
        "_data",
        "_held",
        "_name",
        "_size",
        "_start",
        "_stray",
        "_stray_size",
        "closed",
    )

    def __init__(self) -> None:
        self._held: list[bytes] = []  # pieces of a line that has not ended
        self._size = 0  # bytes held, in lines and in the open event
        self._data: list[bytes] = []
        self._name = ""
        self._after_cr = False  # the last piece ended in CR: a LF that follows belongs to it
        self._start: bytes | None = (
            b""  # the first bytes, until it is known whether they are a byte order mark
        )
        self._stray: list[bytes] = []  # lines that are no field of the format
        self._stray_size = 0
        self.closed = False

    def feed(self, piece: bytes) -> list[Event]:
        """The events that end in `piece`. Raises StreamBrokenError for an event above MAX_EVENT."""
        if self._start is None and not self._size and not self._name and _is_one_event(piece):
            self._after_cr = False
            return [Event(piece[6:-2])]
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
        """The event that stood open when the stream ended, if it has data; and a document that came without framing."""
        events = self.feed(b"\n") if self._held or self._start else []
        self._start, self.closed = None, True
        if last := self._dispatch():
            events.append(last)
        if self._stray and self._stray[0].lstrip().startswith((b"{", b"[")):
            events.append(Event(b"\n".join(self._stray)))
        return events

    def _lines(self, piece: bytes) -> list[Event]:
        lines = piece.splitlines()  # CR, LF and CRLF, for bytes
        ended = piece.endswith((b"\n", b"\r"))
        if self._held and (ended or len(lines) > 1):
            lines[:1] = [b"".join((*self._held, *lines[:1]))]
            self._size -= sum(map(len, self._held))
            self._held.clear()
        if not ended and lines:
            rest = lines.pop()
            self._held.append(rest)
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
            self._stray.append(line)
            self._stray_size += len(line)

    def _dispatch(self) -> Event | None:
        data, name = self._data, self._name
        if not data and not name:
            return None
        self._data, self._name = [], ""
        self._size = (
            len(self._held[0]) if self._held else 0
        )  # only the rest of this piece is held while its lines are read
        if not data:
            return None
        return Event(data[0] if len(data) == 1 else b"\n".join(data), name)

    def _check(self) -> None:
        if self._size + self._stray_size > MAX_EVENT:
            raise StreamBrokenError(
                f"one event of the stream is longer than {MAX_EVENT} bytes.",
                sent=True,
                hint="Is this a Chat Completions server?",
            )


def _is_one_event(piece: bytes) -> bool:
    """The common case: one event of one line of data, framed as a server writes it."""
    return (
        piece.startswith(b"data: ")
        and piece.endswith(b"\n\n")
        and piece.find(b"\n") == len(piece) - 2
        and b"\r" not in piece
    )
