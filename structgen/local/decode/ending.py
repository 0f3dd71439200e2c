"""Find a short ending of an answer under a grammar, by asking the matcher.

Forced bytes are taken. If there is a choice, the search tries first whatever ends soonest: the end
of an open value, then `null`, an empty string, list or object, the shortest values of the schema's
parts, a short number, and last whatever opens more. Within a string that may not end yet, the ends
of those values come first: they finish an option, or a pattern that may match anywhere in a string.
Then comes the character that was used or refused least so far, so that whatever the grammar waits
for is tried before long.

Choices are taken back only if they lead too deep, as a schema that contains itself may. Then the
search begins again with one level more, two, and so on. It proves no ending to be the shortest, but
each to be one, and its cost is that of the length it finds.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from structgen.local.decode.open_values import OpenValues

if TYPE_CHECKING:
    from llguidance import LLTokenizer

    from structgen.local.grammar.matcher import Matcher

_ENDS: Final = (b"}", b"]", b", ", b": ", b",", b":")
_BEFORE_VALUE: Final = b'": '
_DIGITS: Final = tuple(b"%d" % digit for digit in range(10))
_EMPTY: Final = (b"null", b'""', b"[]", b"{}")
_VALUES: Final = (
    *_EMPTY,
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
        (*b"a0 A1.-_@/:eEzZ9,;+()#%&'!?*=<>|~^$[]{}`", *range(33, 127), *range(0x80, 0xF5), *b"\\")
    )
    if byte not in b'"\xc0\xc1'
)
"""Bytes of strings: after ASCII those of UTF-8, which words without ASCII begin with, and last what
begins an escape."""
_REFUSED: Final = 4
"""How many uses one refusal counts as: a refused character is tried again, but late."""
_MOST_ENDS: Final = 256
"""How many ends of strings to try."""
_WORD: Final = re.compile(rb" *[^ ]+| +")
_ROOM: Final = 64
_BYTES_A_TOKEN: Final = 8
"""An ending of `limit` tokens is given up beyond `limit * _BYTES_A_TOKEN + _ROOM` bytes: tokens of
punctuation and words have 2 to 5 bytes, so no ending that fits is lost."""
_STRAIGHT: Final = 16
"""Levels of the first search, which takes no choice back: deeper than schemas that people write."""
_SEARCHES: Final = (
    (_STRAIGHT, 20_000),
    (1, 2_000),
    (2, 2_000),
    (3, 3_000),
    (4, 3_000),
    (6, 4_000),
    (8, 4_000),
)
"""The searches, in order: levels beyond the open ones, and how often the matcher may be asked
(about 1 us each, so that all of them together stay below a tenth of a second).
"""


def find_ending(
    matcher: Matcher,
    engine: LLTokenizer,
    limit: int,
    open_values: OpenValues,
    shortest: Sequence[bytes] = (),
) -> list[int] | None:
    """Find tokens that end a partial answer.

    It takes about 20 us for each open field, and a tenth of a second if there is nothing to find.

    Args:
        matcher: The grammar, after the partial answer. It stays as it is.
        engine: The grammar engine's tokenizer.
        limit: Tokens that the ending may have.
        open_values: The values that are open in the partial answer.
        shortest: The shortest values of the schema's parts, as JSON, the shortest first.

    Returns:
        The tokens; [] if the answer may end here; None if no ending was found.
    """
    if matcher.is_accepting():
        return []
    way = _Search(matcher.deep_copy(), engine, open_values, shortest)
    for depth, tries in _SEARCHES:
        text = way.within(len(open_values.open) + depth, limit * _BYTES_A_TOKEN + _ROOM, tries)
        by_word = [token for word in _WORD.findall(text) for token in _tokens(engine, word)]
        for tokens in sorted((by_word, engine.tokenize_bytes(text)), key=len):
            if text and len(tokens) <= limit and matcher.validate_tokens(tokens) == len(tokens):
                return list(tokens)
    return None


@dataclass(frozen=True, slots=True)
class _Fork:
    """A choice that was made: how much had been written, and the choices that are left."""

    consumed: int
    written: int
    open_values: OpenValues
    choices: Iterator[bytes]


class _Search:
    """A search for endings from one state of a matcher."""

    def __init__(
        self,
        probe: Matcher,
        engine: LLTokenizer,
        open_values: OpenValues,
        shortest: Sequence[bytes],
    ) -> None:
        self._probe, self._engine, self._begin = probe, engine, open_values
        self._shortest = tuple(shortest)
        self._records = [text for text in shortest if text.startswith(b"{")]
        self._ends_of_strings = _ends_of_strings(tuple(shortest))
        self._consumed = 0
        self._start()

    def _start(self) -> None:
        self._probe.rollback(self._consumed)
        self._consumed, self._tries, self._written, self._open_values = (
            0,
            0,
            bytearray(),
            self._begin.copy(),
        )
        self._used: Counter[bytes] = Counter()
        self._forks: list[_Fork] = []

    def within(self, depth: int, room: int, tries: int) -> bytes:
        """Find a text after which the answer may end; b"" for none.

        Args:
            depth: Values that may be open at a time.
            room: Bytes that the text may have.
            tries: How often the matcher may be asked.
        """
        self._start()
        straight = depth - len(self._open_values.open) == _STRAIGHT
        while not self._probe.is_accepting():
            if not self._go_ahead():
                return b""
            while len(self._open_values.open) > depth:
                if straight or not self._back():
                    return b""
            if len(self._written) > room or self._tries > tries:
                return b""
        return bytes(self._written)

    def _go_ahead(self) -> bool:
        """Write a whole record, or what is forced up to the next value, or a choice."""
        forced = bytes(self._probe.compute_ff_bytes())
        if self._at_value() and forced.startswith(b"{"):
            for text in self._records:
                if self._takes(text):
                    return self._write(text)
        elif _BEFORE_VALUE in forced:
            forced = forced[: forced.index(_BEFORE_VALUE) + len(_BEFORE_VALUE)]
        return self._write(forced) if forced and self._takes(forced) else self._choose()

    def _at_value(self) -> bool:
        if self._open_values.in_string:
            return False
        return self._written.endswith(_BEFORE_VALUE) or self._open_values.size == 0

    def _choose(self) -> bool:
        number = self._end_of_number()
        if number:
            return self._write(number)
        self._forks.append(
            _Fork(self._consumed, len(self._written), self._open_values.copy(), self._choices())
        )
        return self._go_on()

    def _back(self) -> bool:
        """Take the last choice back and choose something else."""
        if not self._forks:
            return False
        fork = self._forks[-1]
        self._probe.rollback(self._consumed - fork.consumed)
        self._consumed, self._open_values = fork.consumed, fork.open_values.copy()
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
        if self._open_values.escaped:
            yield from _ESCAPED
        elif self._open_values.in_string:
            yield b'"'
            yield from self._ends_of_strings
        elif self._written.endswith(b" "):
            yield from self._values()
            yield from _ENDS
        else:
            yield from _ENDS
            yield from self._values()
        yield from sorted(_CHARACTERS, key=self._used.__getitem__) if self._used else _CHARACTERS

    def _values(self) -> Iterator[bytes]:
        yield from _EMPTY
        yield from self._shortest
        yield from _VALUES

    def _end_of_number(self) -> bytes | None:
        """Write one or two digits after which an open number may end, if it may not end at once."""
        if self._open_values.in_number and not self._may_end():
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
        """Write `piece` if the grammar allows it."""
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
        self._open_values.feed(piece, 0)
        return True


@lru_cache(maxsize=1 << 8)
def _ends_of_strings(values: tuple[bytes, ...]) -> tuple[bytes, ...]:
    """The last bytes of the strings among some values, closing quote included, shortest first."""
    texts = [value for value in values if value.startswith(b'"')]
    ends = {text[at:] for text in texts for at in range(1, len(text) - 1)}
    return tuple(sorted(ends, key=lambda end: (len(end), end))[:_MOST_ENDS])


@lru_cache(maxsize=1 << 14)
def _tokens(engine: LLTokenizer, piece: bytes) -> list[int]:
    tokens: list[int] = engine.tokenize_bytes(piece)
    return tokens
