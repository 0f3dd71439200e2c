"""Follow a JSON text while it is written: which values are open, and whether its tokens repeat."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from structgen.answer.scanner import Scanner
from structgen.errors import NotJsonError
from structgen.schema.json import pointer_of

_QUOTE, _BACKSLASH = b'"\\'
_OPENERS: Final = {_QUOTE: "string", b"["[0]: "array", b"{"[0]: "object"}
_CLOSERS: Final = frozenset(b"]}")
_DIGITS: Final = frozenset(b"-+.0123456789eE")

_LONGEST_PERIOD: Final = 96
"""Tokens of the longest circle that is looked for: a record of a few fields."""
_ROUNDS: Final = 4
_CIRCLE: Final = 64
"""Tokens are a circle once they have come `_ROUNDS` times and are `_CIRCLE` together: real texts
repeat a short word more often, and a long passage less."""


@dataclass(slots=True)
class OpenValue:
    """A value that is being written."""

    kind: str
    """`object`, `array`, `string` or `number`."""
    start: int
    """Its first byte."""
    token: int
    """The token in which it begins."""
    floor: float | None = None
    """The slack, in tokens, at which it has to end; None until it is known. An array ends after the
    item it is in, unless only half of the floor is left."""
    endless: bool = False
    """Whether it goes round in circles, or is a number without end."""


class OpenValues:
    """The values that are open, outermost first. Keys count as strings."""

    def __init__(self) -> None:
        self.open: list[OpenValue] = []
        self.size = 0
        self.escaped = False

    @property
    def in_string(self) -> bool:
        return bool(self.open) and self.open[-1].kind == "string"

    @property
    def in_number(self) -> bool:
        return bool(self.open) and self.open[-1].kind == "number"

    def feed(self, piece: bytes, token: int) -> None:
        for byte in piece:
            if self.open and self.open[-1].kind == "number" and byte not in _DIGITS:
                self.open.pop()
            if self.in_string:
                if self.escaped or byte == _BACKSLASH:
                    self.escaped = not self.escaped
                elif byte == _QUOTE:
                    self.open.pop()
            elif byte in _OPENERS:
                self.open.append(OpenValue(_OPENERS[byte], self.size, token))
            elif byte in _CLOSERS and self.open:
                self.open.pop()
            elif byte in _DIGITS and not (self.open and self.open[-1].kind == "number"):
                self.open.append(OpenValue("number", self.size, token))
            self.size += 1

    def until(self, depth: int, way: bytes) -> int:
        """How many bytes of `way` close all values beyond `depth`."""
        ahead, at = self.copy(), 0
        while len(ahead.open) > depth and at < len(way):
            ahead.feed(way[at : at + 1], 0)
            at += 1
        return at

    def back_to(self, pieces: Sequence[bytes]) -> OpenValues:
        """The values that were open after a beginning of the text, with what is known of them.

        Args:
            pieces: The tokens of the beginning.
        """
        found, known = OpenValues(), {value.start: value for value in self.open}
        for number, piece in enumerate(pieces):
            found.feed(piece, number)
        found.open = [known.get(value.start, value) for value in found.open]
        return found

    def copy(self) -> OpenValues:
        other = OpenValues()
        other.open, other.size, other.escaped = list(self.open), self.size, self.escaped
        return other


def find_circle(tokens: Sequence[int]) -> int | None:
    """Find where the last tokens began to repeat.

    Args:
        tokens: The tokens of an answer.

    Returns:
        The index of the first token of the circle; None if the tokens do not repeat.
    """
    for period in range(1, min(_LONGEST_PERIOD, len(tokens) // _ROUNDS) + 1):
        around = max(_ROUNDS, -(-_CIRCLE // period)) * period
        if around <= len(tokens) and tokens[-around:-period] == tokens[period - around :]:
            return len(tokens) - around
    return None


def pointers_at(
    text: bytes, starts: Sequence[int], filled: Sequence[tuple[int, int]] = ()
) -> tuple[str, ...]:
    """Find the JSON Pointers of values that begin at some bytes, and of scalars in some ranges.

    Args:
        text: A JSON text.
        starts: The first bytes of values.
        filled: Ranges of bytes, each with its first byte and the byte after its last.
    """
    if not starts and not filled:
        return ()
    scanner, spans = Scanner(), []
    with suppress(NotJsonError):  # a grammar may describe something else than JSON
        spans = scanner.feed(text)
    found = [
        pointer_of(span.path)
        for span in spans
        if span.what != "closed"
        and (
            span.start in starts
            or (span.what == "scalar" and any(a <= span.start < b for a, b in filled))
        )
    ]
    return tuple(dict.fromkeys(found))
