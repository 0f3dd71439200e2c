"""Keep back the text of an answer that may have to be taken back, until that is known.

Two things are taken back:

- An item of a list that the list has already. A small model that has listed everything begins
  again. So the text of an item waits as long as it is the beginning of an earlier item of its list.
  If it becomes equal to that one, it is taken back, and its list ends.
- A text that the rules take out (`answer.taking_back`), because the document does not hold it. It
  waits until it has closed; then null is written in its place, or its list ends.

If nothing is taken back, the text goes on. Nothing that was handed on is ever taken back.

Items that are compared are strings and objects. Equal numbers mean nothing, nor do equal strings of
a list in a list: they may be the cells of a row. A list may ask for equal items (`x-duplicates`).
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from structgen.schema.inside import described_by, inside, may_repeat
from structgen.schema.json import Path
from structgen.values import JsonSchema, Removed

if TYPE_CHECKING:
    from structgen.answer.taking_back import TakingBack, Unheld
    from structgen.local.decode.request import TextBuffer

_QUOTE, _BACKSLASH, _COMMA = b'"\\,'
_OPENERS: Final = b"{["
_CLOSERS: Final = b"}]"
_LIST: Final = b"["[0]
_BETWEEN_WORDS: Final = frozenset(b" .,;:/-_()&")
"""Bytes after which a word has ended."""


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
    start: int = 0
    """Its first byte."""
    count: int = 0
    """Items before the one that is being written."""
    items: dict[bytes, int] = field(default_factory=dict)
    """Its items that have closed, each with its first byte."""
    comma: int = 0
    """Where what comes before the item ends: the byte of its comma, or after the bracket."""
    item: int | None = None
    """The first byte of the item that is being written, if it is compared."""
    alike: list[bytes] | None = None
    """The earlier items that begin as this one does; None before it began."""
    key: str = ""
    """The name of the member that is being written, if it is an object."""
    texts: list[str] = field(default_factory=list)
    """The open texts among its members."""
    key_next: bool = True
    """Whether the next string of an object is a key."""

    @property
    def is_key_next(self) -> bool:
        """Whether the next string is a key."""
        return self.key_next and not self.is_list


@dataclass(frozen=True, slots=True, kw_only=True)
class TakenBack:
    """A value that is taken back."""

    keep: int
    """How many tokens lie before it, as a whole."""
    rest: bytes
    """What else lies before it: the beginning of the next token."""
    instead: bytes
    """What is written in its place."""
    start: int
    """Its first byte, or that of the comma before it."""
    string: int | None = None
    """The first byte of a text that the rules take out."""
    is_open: bool = False
    """Whether this text is still being written."""
    earlier: int | None = None
    """The first byte of the item that it repeats."""
    removed: Removed | None = None
    """What the rules take out."""


class HeldBack:
    """Follows an answer token by token, and keeps back the text that may be taken back.

    Args:
        schema: What the answer follows; None if it is no JSON, so that nothing is taken back.
        text: Takes the tokens that stay.
        pieces: The bytes of each token.
        rules: What texts are to be taken back; None for none.
    """

    found: TakenBack | None
    """The value that has just been written and is to be taken back."""
    tokens: list[int]
    """The tokens of the answer."""

    def __init__(
        self,
        schema: JsonSchema | None,
        text: TextBuffer,
        pieces: Sequence[bytes],
        rules: TakingBack | None = None,
    ) -> None:
        self.found = None
        self.tokens = []
        self._root, self._buffer, self._pieces, self._rules = schema, text, pieces, rules
        self._text = bytearray()  # as far as it was followed
        self._ahead = bytearray()  # what comes after it
        self._ends: list[int] = []  # where each token ends
        self._chances: list[float] = []
        self._handed_on = 0  # tokens
        self._frames: list[_Frame] = []
        self._string: int | None = None  # where the open string begins
        self._looked_up: Path = None  # the path of the open string, if the rules look it up
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
        """Keep the value, because nothing else fits in its place."""
        found, self.found = self.found, None
        if found is not None and found.is_open:
            self._string = found.string
        elif found is not None and found.string is not None:
            self._string_closed(found.string)
        self._go_on()

    def flush(self) -> None:
        """Hand on everything: nothing is going to be taken back."""
        self.found = None
        self._hand_on(len(self.tokens))

    def take_back(self, taken: TakenBack) -> float:
        """Remove a value, and what was written after it.

        Args:
            taken: The value. None of its tokens was handed on.

        Returns:
            The logarithm of the probability of the token in which `taken.rest` lies.
        """
        keep = taken.keep
        chance = self._chances[keep] if taken.rest else 0.0
        begun = self._ends[keep - 1] if keep else 0
        del self.tokens[keep:], self._ends[keep:], self._chances[keep:]
        del self._text[begun + len(taken.rest) :]
        self._ahead.clear()
        frame = self._frames[-1]
        frame.alike = frame.item = self.found = None
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
            elif self._looked_up is not None and byte in _BETWEEN_WORDS:
                self._look_up(self._string, self._looked_up)
        elif byte == _QUOTE:
            self._open_string(len(self._text) - 1)
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

    def _open_string(self, at: int) -> None:
        self._string = at
        frame = self._frames[-1] if self._frames else None
        if frame is None or not frame.is_row:
            self._begin(at)
        if frame is not None and self._rules is not None and not frame.is_key_next:
            path = self._path()
            self._looked_up = path if self._rules.looks_up(path) else None

    def _path(self) -> Path:
        """The path of the value that is being written."""
        path: Path = None
        for frame in self._frames:
            path = path, frame.count if frame.is_list else frame.key
        return path

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
        frame = _Frame(schemas, is_list, watched, is_row, start)
        frame.comma = start + 1
        self._frames.append(frame)

    def _close_string(self, start: int) -> None:
        path, self._string, self._looked_up = self._looked_up, None, None
        if path is not None and self._rules is not None:
            others, text = self._frames[-1].texts, json.loads(self._text[start:])
            unheld = self._rules.judge(path, text, others)
            if unheld is not None:
                self.found = self._taken_back(start, unheld)
                return
        self._string_closed(start)

    def _look_up(self, start: int, path: Path) -> None:
        """Look for what was written of a text: a long one that the document may not hold ends."""
        if self._rules is None:
            return
        unheld = self._rules.judge_begun(path, json.loads(self._text[start:] + b'"'))
        if unheld is not None:
            self._string = self._looked_up = None
            self.found = replace(self._taken_back(start, unheld), is_open=True)

    def _taken_back(self, start: int, unheld: Unheld) -> TakenBack:
        """A text that the rules take out: null takes its place, or its list ends before it."""
        at = self._frames[-1].comma if unheld.is_left_out else start
        keep, rest = self._before(at)
        return TakenBack(
            keep=keep,
            rest=rest,
            instead=b"]" if unheld.is_left_out else b"null",
            start=at,
            string=start,
            removed=unheld.removed,
        )

    def _before(self, at: int) -> tuple[int, bytes]:
        """The whole tokens before a byte, and what else lies before it."""
        keep = bisect_right(self._ends, at)
        begun = self._ends[keep - 1] if keep else 0
        return keep, bytes(self._text[begun:at])

    def _string_closed(self, start: int) -> None:
        frame = self._frames[-1] if self._frames else None
        if frame is None or frame.is_list:
            self._item_ended()
        elif not frame.key_next:
            if self._rules is not None and self._rules.is_open(self._path()):
                frame.texts.append(str(json.loads(self._text[start:])))
        else:
            frame.key, frame.key_next = str(json.loads(self._text[start:])), False

    def _item_ended(self) -> None:
        """Compare the item that has just closed with those before it."""
        frame = self._frames[-1] if self._frames else None
        if frame is None or frame.item is None:
            return
        item = bytes(self._text[frame.item :])
        if item in frame.items:
            keep, rest = self._before(frame.comma)
            self.found = TakenBack(
                keep=keep, rest=rest, instead=b"]", start=frame.comma, earlier=frame.items[item]
            )
        frame.items.setdefault(item, frame.item)
        frame.item = frame.alike = None

    # -- waiting

    def _waits_from(self) -> int:
        """The byte from which the text may be taken back."""
        certain = len(self._text)
        if self.found is not None:
            certain = self.found.start
        elif self._string is not None and self._looked_up is not None:
            frame = self._frames[-1]
            certain = frame.comma if frame.is_list else self._string
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
