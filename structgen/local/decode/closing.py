"""A short way to end an answer under a grammar, found by asking the matcher.

What is forced is taken. Where there is a choice, what ends soonest comes first: the end of what is open, then `null`, an empty
string, list or object, a short number, and last what opens more. Within a string that may not end yet, the `samples` come first:
short matches of the schema's patterns, for a pattern that may stand anywhere in a string leads no search to itself. Then comes the
character used or refused least so far, so that whatever a grammar waits for is tried before long. Choices are taken back only where
they lead too deep, as a schema that contains itself may; then the way is looked for again in one level more, two, and so on. All
this proves no way the shortest, but each to be one, and costs what its length costs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from structgen.local.decode.open_values import Outline

if TYPE_CHECKING:
    from llguidance import LLMatcher, LLTokenizer

_ENDS: Final = (b"}", b"]", b", ", b": ", b",", b":")
_DIGITS: Final = tuple(b"%d" % digit for digit in range(10))
_VALUES: Final = (
    b"null",
    b'""',
    b"[]",
    b"{}",
    *_DIGITS[:2],
    b"-1",
    b"false",
    b"true",
    *_DIGITS[2:],
    b"-",
    b'"',
    b"[",
    b"{",
)
_MORE_DIGITS: Final = (*_DIGITS, *(b"%02d" % number for number in range(100)))
_ESCAPED: Final = (b"n", b'"', b"u")
_CHARACTERS: Final = tuple(
    bytes([byte])
    for byte in dict.fromkeys(
        (*b"a0 A1.-_@/:eEzZ9,;+()#%&'!?*=<>|~^$[]{}`", *range(33, 127), *range(0x80, 0xC0))
    )
    if byte not in b'"\\'
)
_REFUSED: Final = 4
_WORD: Final = re.compile(rb" *[^ ]+| +")
_ROOM: Final = 64
_BYTES_A_TOKEN: Final = 8
_STRAIGHT: Final = 16
_SEARCHES: Final = (
    (_STRAIGHT, 20_000),
    (1, 2_000),
    (2, 2_000),
    (3, 3_000),
    (4, 3_000),
    (6, 4_000),
    (8, 4_000),
)
"""Levels beyond those that are open, and how often the matcher is asked; within the most levels no choice is taken back."""


def closing(
    matcher: LLMatcher,
    engine: LLTokenizer,
    limit: int,
    outline: Outline,
    samples: Sequence[bytes] = (),
) -> list[int] | None:
    """Tokens, at most `limit`, that end the partial answer the matcher stands in; [] where it may end here, None for none found.

    `outline`: what is open in it; `samples`: what strings of the grammar may have to hold, as JSON writes it. The matcher stays as
    it was. Takes some 20 us for each open field, and a tenth of a second where there is nothing to be found.
    """
    if matcher.is_accepting():
        return []
    way = _Way(matcher.deep_copy(), engine, outline, samples)
    for depth, tries in _SEARCHES:
        text = way.within(len(outline.open) + depth, limit * _BYTES_A_TOKEN + _ROOM, tries)
        tokens = [token for word in _WORD.findall(text) for token in _tokens(engine, word)]
        if text and len(tokens) <= limit and matcher.validate_tokens(tokens) == len(tokens):
            return tokens
    return None


@dataclass(frozen=True, slots=True)
class _Fork:
    """Where a choice was made: how much had been written, and what else may be chosen."""

    consumed: int
    written: int
    outline: Outline
    choices: Iterator[bytes]


class _Way:
    """Ways from where a matcher stands."""

    def __init__(
        self, probe: LLMatcher, engine: LLTokenizer, outline: Outline, samples: Sequence[bytes]
    ) -> None:
        self._probe, self._engine, self._begin = probe, engine, outline
        self._samples = tuple(sample + b'"' for sample in samples)
        self._consumed = 0
        self._start()

    def _start(self) -> None:
        self._probe.rollback(self._consumed)
        self._consumed, self._tries, self._written, self._outline = (
            0,
            0,
            bytearray(),
            self._begin.copy(),
        )
        self._used: Counter[bytes] = Counter()
        self._forks: list[_Fork] = []

    def within(self, depth: int, room: int, tries: int) -> bytes:
        """A text of at most `room` bytes and `depth` values open at a time, behind which the answer may end; b"" for none found."""
        self._start()
        straight = depth - len(self._outline.open) == _STRAIGHT
        while not self._probe.is_accepting():
            forced = bytes(self._probe.compute_ff_bytes())
            if not (self._write(forced) if forced and self._takes(forced) else self._choose()):
                return b""
            while len(self._outline.open) > depth:
                if straight or not self._back():
                    return b""
            if len(self._written) > room or self._tries > tries:
                return b""
        return bytes(self._written)

    def _choose(self) -> bool:
        number = self._end_of_number()
        if number:
            return self._write(number)
        self._forks.append(
            _Fork(self._consumed, len(self._written), self._outline.copy(), self._choices())
        )
        return self._go_on()

    def _back(self) -> bool:
        """Take the last choice back, and choose something else."""
        if not self._forks:
            return False
        fork = self._forks[-1]
        self._probe.rollback(self._consumed - fork.consumed)
        self._consumed, self._outline = fork.consumed, fork.outline.copy()
        del self._written[fork.written :]
        return self._go_on()

    def _go_on(self) -> bool:
        """Choose what comes next at the last fork, or at one before it."""
        for piece in self._forks[-1].choices:
            if self._takes(piece):
                self._used[piece] += 1
                return self._write(piece)
            self._used[piece] += _REFUSED
        self._forks.pop()
        return self._back()

    def _choices(self) -> Iterator[bytes]:
        if self._outline.escaped:
            yield from _ESCAPED
        elif self._outline.in_string:
            yield b'"'
            yield from self._samples
        elif self._written.endswith(b" "):
            yield from _VALUES
            yield from _ENDS
        else:
            yield from _ENDS
            yield from _VALUES
        yield from sorted(_CHARACTERS, key=self._used.__getitem__) if self._used else _CHARACTERS

    def _end_of_number(self) -> bytes | None:
        """One or two digits, behind which the number that is being written may end, where it may not end at once. Taken."""
        if self._outline.in_number and not self._may_end():
            for digits in _MORE_DIGITS:
                if self._takes(digits):
                    if self._may_end():
                        return digits
                    self._probe.rollback(len(_tokens(self._engine, digits)))
                    self._consumed -= len(_tokens(self._engine, digits))
        return None

    def _may_end(self) -> bool:
        ends = (_tokens(self._engine, end) for end in _ENDS)
        return self._probe.is_accepting() or any(
            self._probe.validate_tokens(tokens) == len(tokens) for tokens in ends
        )

    def _takes(self, piece: bytes) -> bool:
        """Go on with `piece` where the grammar allows it."""
        self._tries += 1
        tokens = _tokens(self._engine, piece)
        taken = self._probe.try_consume_tokens(tokens)
        if taken < len(tokens):
            self._probe.rollback(taken)
            return False
        self._consumed += taken
        return True

    def _write(self, piece: bytes) -> bool:
        self._written += piece
        self._outline.feed(piece, 0)
        return True


@lru_cache(maxsize=1 << 14)
def _tokens(engine: LLTokenizer, piece: bytes) -> list[int]:
    tokens: list[int] = engine.tokenize_bytes(piece)
    return tokens
