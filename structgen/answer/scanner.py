"""A push parser for JSON: bytes in, spans out, no I/O.

It finds where each value begins and ends, and leaves it to its user to make values of them. It is
as strict as `parse_json`: what that refuses, this refuses, at the latest when the value that
holds the fault closes. Its time is linear in the length of the text, however the text is cut:
within a character, an escape or a number.
"""

from __future__ import annotations

import re
from contextlib import suppress
from typing import Final, Literal, NamedTuple, NoReturn

from pydantic_core import from_json

from structgen.errors import NotJsonError
from structgen.schema.check import parse_json
from structgen.schema.json import Path, pointer_of
from structgen.values import Json

MAX_DEPTH: Final = 201
"""How deep containers may be nested, as in `parse_json`."""

_SPACE: Final = re.compile(rb"[ \t\r\n]*")
_STOP: Final = re.compile(rb'["\\\x00-\x1f]')
_WORD: Final = re.compile(rb"[-+.0-9A-Za-z]*")
_BLANK: Final = b" \t\r\n"
_QUOTE, _BACKSLASH, _COMMA, _COLON_MARK = b'"\\,:'
_OPENERS: Final = {b"{"[0]: "object", b"["[0]: "array"}
_WORD_STARTS: Final = frozenset(b"-0123456789tfn")

# What may come next.
_VALUE, _FIRST_ITEM, _FIRST_KEY, _KEY, _COLON, _AFTER, _STRING, _IN_WORD, _DONE = range(9)
_WANTED: Final = (
    "a value",
    "a value or ]",
    "a key or }",
    "a key",
    ":",
    ", or the end of this value",
    "",
    "",
    "nothing further",
)


class Span(NamedTuple):
    """One value that opened, closed, or did both."""

    what: Literal["object", "array", "scalar", "closed"]
    """An `object` or `array` opened, a container `closed`, or a `scalar` did both."""
    path: Path
    """Where the value is."""
    start: int
    """Its first byte in the text."""
    end: int
    """The byte after it; if a container opened, the byte after its bracket."""
    value: Json = None
    """The value of a scalar."""


class _Frame:
    """An open container."""

    __slots__ = ("count", "keys", "path", "start")

    def __init__(self, path: Path, start: int, is_object: bool) -> None:
        self.path = path
        self.start = start
        self.count = 0  # items of an array, but for the last
        self.keys: set[str] | None = set() if is_object else None


class Scanner:
    """Takes one JSON text in pieces of any size, and tells what opened and closed.

    Args:
        alone: Whether text after the JSON text is a fault. If not, it is ignored.
    """

    text: bytearray
    """The text so far."""
    closed: int
    """The length of its longest beginning that ends with a whole value or an opening bracket."""
    closers: bytes
    """The brackets that would make that beginning a whole JSON text."""
    growing: tuple[Path, int] | None
    """Path and start of the string, number or word that is being written."""

    __slots__ = (
        "_alone",
        "_escaped",
        "_frames",
        "_in_key",
        "_path",
        "_start",
        "_state",
        "closed",
        "closers",
        "growing",
        "text",
    )

    def __init__(self, *, alone: bool = True) -> None:
        self.text = bytearray()
        self.closed = 0
        self.closers = b""
        self.growing: tuple[Path, int] | None = None
        self._alone = alone
        self._frames: list[_Frame] = []
        self._state = _VALUE
        self._path: Path = None
        self._start = 0
        self._in_key = False
        self._escaped = False

    @property
    def done(self) -> bool:
        """Whether the JSON text has ended. A bare number ends with `finish`, or what follows it."""
        return self._state == _DONE

    @property
    def depth(self) -> int:
        """How many containers are open."""
        return len(self._frames)

    @property
    def at_value(self) -> bool:
        """Whether a value comes next, or a string, number or word is being written as one."""
        return self._state <= _FIRST_ITEM or self.growing is not None

    @property
    def at_first_item(self) -> bool:
        """Whether an array is open that has nothing in it yet."""
        return self._state == _FIRST_ITEM

    @property
    def path(self) -> Path:
        """The path of the value that is being written, or comes next."""
        return self._path

    def seen(self, start: int) -> bytes:
        """The text from byte `start` on, without what came after the JSON text."""
        return bytes(self.text[start : self.closed if self.done else None])

    def pointer(self) -> str:
        """A JSON Pointer to the value that is being written, or comes next."""
        return pointer_of(self._path)

    def feed(self, piece: bytes, spans: list[Span] | None = None) -> list[Span]:
        """Read on.

        Args:
            piece: The next bytes of the text.
            spans: Takes what is found; if this raises, it has what was found before the fault.

        Returns:
            What opened and closed in the piece.

        Raises:
            NotJsonError: If the text is no JSON. The scanner is of no use afterwards.
        """
        spans = [] if spans is None else spans
        base, size = len(self.text), len(piece)
        self.text += piece
        at = 0
        while at < size:
            state = self._state
            if state == _STRING:
                found = None if self._escaped else _STOP.search(piece, at)
                if found is not None:
                    at = self._stopped(piece, found.start(), base, spans)
                elif self._escaped:  # the character after a backslash is judged at the string's end
                    self._escaped = False
                    at += 1
                else:
                    break
            elif state == _IN_WORD:
                at = _WORD.match(piece, at).end()  # type: ignore[union-attr]  # it always matches
                if at < size:
                    self._scalar(base + at, spans)
            else:
                byte = piece[at]
                if byte == _QUOTE and state <= _KEY:
                    self._begin_string(base + at, state)
                elif byte == _COMMA and state == _AFTER:
                    self._next()
                elif byte == _COLON_MARK and state == _COLON:
                    self._state = _VALUE
                elif byte in _BLANK:
                    at = _SPACE.match(piece, at).end() - 1  # type: ignore[union-attr]
                elif state == _DONE and not self._alone:
                    break
                else:
                    self._mark(byte, base + at, spans)
                at += 1
        return spans

    def finish(self) -> tuple[bool, list[Span]]:
        """Say that the text is over.

        Returns:
            Whether it was whole, and what closed with its end.

        Raises:
            NotJsonError: If it ends with something that looks like a number or word and is none.
        """
        spans: list[Span] = []
        if self._state == _IN_WORD and not self._frames:
            self._scalar(len(self.text), spans)
        return self.done, spans

    def _stopped(self, piece: bytes, at: int, base: int, spans: list[Span]) -> int:
        """Handle a byte that is no plain part of a string; return where to go on."""
        if piece[at] == _QUOTE:
            self._end_string(base + at + 1, spans)
        elif piece[at] == _BACKSLASH:
            self._escaped = True
        else:
            self._fail(base + at, "a control character within a string")
        return at + 1

    def _end_string(self, end: int, spans: list[Span]) -> None:
        if not self._in_key:
            self._scalar(end, spans)
            return
        key = self._read(end)
        frame = self._frames[-1]
        if key in frame.keys:  # type: ignore[operator]  # an object's frame has keys
            position = self._characters(self._start)
            raise NotJsonError(
                "An object of the answer has a member twice.",
                position=position,
                hint="An object may have each member once.",
            )
        frame.keys.add(key)  # type: ignore[union-attr]
        self._path = (frame.path, key)
        self._in_key = False
        self._state = _COLON

    def _mark(self, byte: int, at: int, spans: list[Span]) -> None:
        """Handle a byte that begins or ends a container, begins a word, or is wrong here."""
        state = self._state
        if state <= _FIRST_ITEM:
            if byte == 0x5D and state == _FIRST_ITEM:
                self._close(at, spans)
            else:
                self._begin(byte, at, spans)
        elif state in (_AFTER, _FIRST_KEY) and byte == self.closers[0]:
            self._close(at, spans)
        else:
            self._fail(at, f"something else than {_WANTED[state]}")

    def _begin_string(self, at: int, state: int) -> None:
        self._start, self._state, self._in_key = at, _STRING, state >= _FIRST_KEY
        if state < _FIRST_KEY:
            self.growing = self._path, at

    def _begin(self, byte: int, at: int, spans: list[Span]) -> None:
        if byte in _WORD_STARTS:
            self._start, self._state = at, _IN_WORD
            self.growing = self._path, at
            return
        what = _OPENERS.get(byte)
        if what is None:
            self._fail(at, f"something else than {_WANTED[self._state]}")
        if len(self._frames) == MAX_DEPTH:
            self._fail(at, f"more than {MAX_DEPTH} containers within one another")
        self._frames.append(_Frame(self._path, at, what == "object"))
        spans.append(Span(what, self._path, at, at + 1))  # type: ignore[arg-type]
        self.closed = at + 1
        if what == "object":
            self.closers = b"}" + self.closers
            self._state = _FIRST_KEY
        else:
            self.closers = b"]" + self.closers
            self._path = (self._path, 0)
            self._state = _FIRST_ITEM

    def _next(self) -> None:
        frame = self._frames[-1]
        if frame.keys is None:
            frame.count += 1
            self._path = (frame.path, frame.count)
            self._state = _VALUE
        else:
            self._state = _KEY

    def _close(self, at: int, spans: list[Span]) -> None:
        frame = self._frames.pop()
        self.closers = self.closers[1:]
        self._ended(Span("closed", frame.path, frame.start, at + 1), spans)

    def _scalar(self, end: int, spans: list[Span]) -> None:
        value = self._read(end)
        self._ended(Span("scalar", self._path, self._start, end, value), spans)

    def _ended(self, span: Span, spans: list[Span]) -> None:
        spans.append(span)
        self.growing = None
        self.closed = span.end
        self._state = _AFTER if self._frames else _DONE

    def _read(self, end: int) -> Json:
        """The value of the string, number or word that began last."""
        raw = self.text[self._start : end]
        try:
            value = from_json(raw, allow_inf_nan=False)
        except ValueError:
            return self._refused(bytes(raw))
        return self._refused(bytes(raw)) if type(value) is float and value in _INFINITE else value

    def _refused(self, raw: bytes) -> Json:
        """Raise what `parse_json` says about a scalar, with its place in the whole text."""
        try:
            return parse_json(raw)
        except NotJsonError as error:
            raise NotJsonError(
                error.message,
                position=self._characters(self._start) + error.position,
                hint=error.hint,
            ) from None

    def _fail(self, at: int, what: str) -> NoReturn:
        raise NotJsonError(
            f"The answer is not JSON: {what}.",
            position=self._characters(at),
            hint="The answer must be one JSON document.",
        )

    def _characters(self, at: int) -> int:
        return len(self.text[:at].decode(errors="ignore"))


_INFINITE: Final = (float("inf"), float("-inf"))


def closed_data(text: bytes | bytearray, closed: int, closers: bytes) -> Json:
    """The data of what had closed in a text at one moment.

    Args:
        text: The text, as far as it has come since.
        closed: `Scanner.closed` at that moment.
        closers: `Scanner.closers` at that moment.

    Returns:
        Plain data; None if nothing had closed.
    """
    return from_json(bytes(text[:closed]) + closers) if closed else None


def closed_part(text: str) -> Json:
    """The data of what is whole in a JSON text that is cut or broken.

    Args:
        text: The text.

    Returns:
        Plain data; None if nothing is whole. An object or array is there with what closed in it. A
        string or number that the cut may have shortened is left out.
    """
    scanner = Scanner()
    with suppress(NotJsonError):
        scanner.feed(text.encode(errors="surrogatepass"))
    return closed_data(scanner.text, scanner.closed, scanner.closers)
