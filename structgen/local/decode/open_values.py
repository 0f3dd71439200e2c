"""What of a JSON text is open while it is written, whether its tokens go round in circles, and where its values stand."""

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
_ROUNDS: Final = 4
_CIRCLE: Final = 64


@dataclass(slots=True)
class Open:
    """A value that is being written, from byte `start` and token `token` on. It is ended when the slack has fallen to `floor`,
    which is None until it is known; an array behind its item, unless only half of that is left."""

    kind: str
    start: int
    token: int
    floor: float | None = None
    endless: bool = False


class Outline:
    """Which values are open, outermost first. Keys count as strings."""

    def __init__(self) -> None:
        self.open: list[Open] = []
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
                self.open.append(Open(_OPENERS[byte], self.size, token))
            elif byte in _CLOSERS and self.open:
                self.open.pop()
            elif byte in _DIGITS and not (self.open and self.open[-1].kind == "number"):
                self.open.append(Open("number", self.size, token))
            self.size += 1

    def until(self, depth: int, way: bytes) -> int:
        """How much of `way` has to be written until no more than `depth` values are open."""
        ahead, at = self.copy(), 0
        while len(ahead.open) > depth and at < len(way):
            ahead.feed(way[at : at + 1], 0)
            at += 1
        return at

    def copy(self) -> Outline:
        other = Outline()
        other.open, other.size, other.escaped = list(self.open), self.size, self.escaped
        return other


def going_round(tokens: Sequence[int]) -> int | None:
    """Where the tokens began to go round in circles: the same ones at least four times, and 64 of them. None where they do not."""
    for period in range(1, min(_LONGEST_PERIOD, len(tokens) // _ROUNDS) + 1):
        around = max(_ROUNDS, -(-_CIRCLE // period)) * period
        if around <= len(tokens) and tokens[-around:-period] == tokens[period - around :]:
            return len(tokens) - around
    return None


def pointers_at(
    text: bytes, starts: Sequence[int], filled: Sequence[tuple[int, int]] = ()
) -> tuple[str, ...]:
    """JSON Pointers of the values that begin at some bytes, and of the scalars in some ranges.

    Args:
        text: A JSON text.
        starts: The first bytes of values.
        filled: Ranges of bytes, each with its first byte and the byte after its last.
    """
    if not starts and not filled:
        return ()
    scanner, spans = Scanner(), []
    with suppress(NotJsonError):  # a grammar may be of something else than JSON
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
