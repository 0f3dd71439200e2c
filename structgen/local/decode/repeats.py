"""End a list at an item that it has already.

A small model that has listed everything begins again. So the text of an item waits as long as it
is the beginning of an earlier item of its list. If it becomes equal to that one, it is taken back,
and its list ends; if not, the text goes on. Nothing that was handed on is ever taken back.

Items are strings and objects. Equal numbers mean nothing, nor do equal strings of a list in a list:
they may be the cells of a row. A list may ask for equal items (`x-duplicates`).
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from structgen.schema.inside import described_by, inside, may_repeat
from structgen.values import JsonSchema

if TYPE_CHECKING:
    from structgen.local.decode.request import TextBuffer

_QUOTE, _BACKSLASH, _COMMA = b'"\\,'
_OPENERS: Final = b"{["
_CLOSERS: Final = b"}]"
_LIST: Final = b"["[0]


@dataclass(slots=True)
class _Frame:
    """An open list or object."""

    schemas: list[JsonSchema]
    """What may describe it."""
    is_list: bool
    watched: bool
    """Whether it is a list whose items are compared."""
    is_row: bool = False
    """Whether it is a list in a list, whose strings may be cells."""
    count: int = 0
    """Items before the one that is being written."""
    items: dict[bytes, int] = field(default_factory=dict)
    """Its items that have closed, each with its first byte."""
    comma: int = 0
    """Where what comes before the item ends: the byte of its comma."""
    item: int | None = None
    """The first byte of the item that is being written, if it is compared."""
    alike: list[bytes] | None = None
    """The earlier items that begin as this one does; None before it began."""
    key: str = ""
    """The name of the member that is being written, if it is an object."""
    key_next: bool = True
    """Whether the next string of an object is a key."""


@dataclass(frozen=True, slots=True)
class Repeat:
    """An item that its list has already."""

    keep: int
    """How many tokens lie before the item's comma, as a whole."""
    rest: bytes
    """What else lies before the comma: the beginning of the next token."""
    earlier: int
    """The first byte of the item that it repeats."""


class Repeats:
    """Follows an answer token by token, and keeps back the text that may be taken back.

    Args:
        schema: What the answer follows; None if it is no JSON, so that nothing is compared.
        text: Takes the tokens that stay.
        pieces: The bytes of each token.
    """

    found: Repeat | None
    """The repeated item that has just been written."""
    tokens: list[int]
    """The tokens of the answer."""

    def __init__(
        self, schema: JsonSchema | None, text: TextBuffer, pieces: Sequence[bytes]
    ) -> None:
        self.found = None
        self.tokens = []
        self._root, self._buffer, self._pieces = schema, text, pieces
        self._text = bytearray()  # as far as it was followed
        self._ahead = bytearray()  # what comes after it
        self._ends: list[int] = []  # where each token ends
        self._chances: list[float] = []
        self._handed_on = 0  # tokens
        self._frames: list[_Frame] = []
        self._string: int | None = None  # where the open string begins
        self._escaped = False

    def write(self, token: int, chance: float) -> None:
        """Add a token.

        Args:
            token: The token.
            chance: The natural logarithm of its probability.
        """
        piece, at = self._pieces[token], self._ends[-1] if self._ends else 0
        self.tokens.append(token)
        self._chances.append(chance)
        self._ends.append(at + len(piece))
        if self._root is None:
            self.flush()
            return
        self._ahead += piece[len(self._text) + len(self._ahead) - at :]
        self._go_on()

    def accept(self) -> None:
        """Keep the repeated item, because its list may not end there."""
        self.found = None
        self._go_on()

    def flush(self) -> None:
        """Hand on everything: nothing is going to be taken back."""
        self.found = None
        self._hand_on(len(self.tokens))

    def take_back(self, repeat: Repeat) -> float:
        """Remove a repeated item, and what was written after it.

        Args:
            repeat: The item. None of its tokens was handed on.

        Returns:
            The logarithm of the probability of the token in which `repeat.rest` lies.
        """
        chance = self._chances[repeat.keep] if repeat.rest else 0.0
        begun = self._ends[repeat.keep - 1] if repeat.keep else 0
        del self.tokens[repeat.keep :], self._ends[repeat.keep :], self._chances[repeat.keep :]
        del self._text[begun + len(repeat.rest) :]
        self._ahead.clear()
        self._frames[-1].alike = self.found = None
        return chance

    # -- following

    def _go_on(self) -> None:
        """Follow the text up to a repeated item, and hand on what stays."""
        count = 0
        while count < len(self._ahead) and self.found is None:
            self._text.append(self._ahead[count])
            self._follow(self._ahead[count])
            count += 1
        del self._ahead[:count]
        self._hand_on(bisect_right(self._ends, self._waits_from()))

    def _follow(self, byte: int) -> None:
        if self._string is not None:
            if self._escaped or byte == _BACKSLASH:
                self._escaped = not self._escaped
            elif byte == _QUOTE:
                self._close_string(self._string)
        elif byte == _QUOTE:
            self._string = len(self._text) - 1
            if not (self._frames and self._frames[-1].is_row):
                self._begin(self._string)
        elif byte in _OPENERS:
            self._open(byte)
        elif byte in _CLOSERS and self._frames:
            self._frames.pop()
            self._item_ended()
        elif byte == _COMMA and self._frames:
            frame = self._frames[-1]
            frame.count += 1
            frame.comma = len(self._text) - 1
            frame.alike, frame.key_next = list(frame.items), True

    def _begin(self, at: int) -> None:
        """Note where an item begins."""
        if self._frames and self._frames[-1].watched:
            self._frames[-1].item = at

    def _open(self, byte: int) -> None:
        root: JsonSchema = self._root or {}
        if self._frames:
            above = self._frames[-1]
            key = above.count if above.is_list else above.key
            schemas = inside(root, above.schemas, key)
        else:
            schemas = described_by(root, [root])
        start, is_list = len(self._text) - 1, byte == _LIST
        self._begin(start)
        is_row = is_list and bool(self._frames) and self._frames[-1].is_list
        watched = is_list and not may_repeat(schemas)
        self._frames.append(_Frame(schemas, is_list, watched, is_row))

    def _close_string(self, start: int) -> None:
        self._string = None
        frame = self._frames[-1] if self._frames else None
        if frame is None or frame.is_list:
            self._item_ended()
        elif frame.key_next:
            frame.key, frame.key_next = str(json.loads(self._text[start:])), False

    def _item_ended(self) -> None:
        """Compare the item that has just closed with those before it."""
        frame = self._frames[-1] if self._frames else None
        if frame is None or frame.item is None:
            return
        item = bytes(self._text[frame.item :])
        if item in frame.items:
            keep = bisect_right(self._ends, frame.comma)
            begun = self._ends[keep - 1] if keep else 0
            self.found = Repeat(keep, bytes(self._text[begun : frame.comma]), frame.items[item])
        frame.items.setdefault(item, frame.item)
        frame.item = frame.alike = None

    # -- waiting

    def _waits_from(self) -> int:
        """The byte from which the text may be taken back."""
        certain = len(self._text)
        if self.found is not None:
            certain = self._frames[-1].comma
        for frame in reversed(self._frames):  # a list is compared without what may leave it
            if frame.alike and frame.item is not None:
                begun = bytes(self._text[frame.item : certain])
                frame.alike = [item for item in frame.alike if item.startswith(begun)]
            if frame.alike:
                certain = frame.comma
        return certain

    def _hand_on(self, count: int) -> None:
        for at in range(self._handed_on, count):
            self._buffer.add(self.tokens[at], self._chances[at])
        self._handed_on = max(self._handed_on, count)
