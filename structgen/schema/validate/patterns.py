"""Whether an ECMA-262 pattern matches a text, in bounded time.

Python's `re` differs from ECMA-262 (`$` before a final newline, `\\d` and `\\w` beyond
ASCII, `\\p{L}`) and may backtrack for ever. Here a set of positions in the text is one
integer with a bit for each, and each node of the pattern maps a set of starts to the
set of ends. Nothing backtracks, not even look-around: a lookbehind asks where its body
can end, and a lookahead does the same in the reversed text.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from structgen.schema.validate.backtrack import OverStepsError, found_in
from structgen.schema.validate.pattern_nodes import (
    WORD,
    BackReference,
    Chars,
    Choice,
    Edge,
    Group,
    Look,
    Node,
    Repeat,
    Sequence,
    has_back_reference,
)
from structgen.schema.validate.pattern_reader import parse

_BUDGET: Final = 3 * 10**10
"""Bits touched for one match: a few seconds at worst."""


def matches(pattern: str, text: str) -> bool:
    """Whether `pattern` matches anywhere in `text`, as JSON Schema's `pattern` asks.

    A text that takes more than a few seconds to match counts as no match.

    Args:
        pattern: An ECMA-262 pattern.
        text: The text to look in.

    Raises:
        SchemaError: If `pattern` is none, or cannot be matched in bounded time.
    """
    return is_found(parse(pattern), text)


def is_found(node: Node, text: str) -> bool:
    """Whether the pattern with this tree matches anywhere in `text`, as `matches`.

    Args:
        node: The tree of the pattern.
        text: The text to look in.
    """
    try:
        if has_back_reference(node):
            return found_in(node, text)
        return bool(_Text(text).ends(node, (1 << (len(text) + 1)) - 1))
    except (_OverBudgetError, OverStepsError):
        return False


class _OverBudgetError(Exception):
    """The match would take longer than a few seconds."""


class _Text:
    """A text to match in; `positions[c]` is the set of positions of the character c."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.size = len(text)
        self.work = 0
        found: dict[str, bytearray] = {}
        for at, char in enumerate(text):
            bits = found.setdefault(char, bytearray(self.size // 8 + 1))
            bits[at >> 3] |= 1 << (at & 7)
        self.positions = {char: int.from_bytes(bits, "little") for char, bits in found.items()}
        self.masks: dict[Chars, int] = {}
        self.reversed: _Text | None = None

    def mask(self, chars: Chars) -> int:
        if chars not in self.masks:
            found = 0
            for char, bits in self.positions.items():
                if char in chars:
                    found |= bits
            self.masks[chars] = found
        return self.masks[chars]

    def ends(self, node: Node, starts: int) -> int:
        """The positions where `node` can end, having begun at one of `starts`."""
        self.work += self.size + 64
        if self.work > _BUDGET:
            raise _OverBudgetError
        if not starts:
            return 0
        match node:
            case Chars():
                return (starts & self.mask(node)) << 1
            case Sequence(parts):
                for part in parts:
                    starts = self.ends(part, starts)
                return starts
            case Choice(parts):
                found = 0
                for part in parts:
                    found |= self.ends(part, starts)
                return found
            case Repeat(body, least, most):
                return self.repeat(body, least, most, starts)
            case Look(body, behind, negated):
                everywhere = (1 << (self.size + 1)) - 1
                found = self.ends(body, everywhere) if behind else self.begins(body)
                return starts & (everywhere ^ found if negated else found)
            case Edge(kind):
                return starts & self.edge(kind)
            case Group(_, body):
                return self.ends(body, starts)
            case BackReference():
                raise AssertionError("a back-reference is matched by `backtrack`")

    def repeat(self, body: Node, least: int, most: int | None, starts: int) -> int:
        for _ in range(least):
            starts = self.ends(body, starts)
        if most is None and isinstance(body, Chars):
            # A carry runs through the ones of `mask`, so one addition reaches every run's end.
            mask = self.mask(body)
            return starts | (((starts & mask) + mask) ^ mask)
        reached = new = starts
        rounds = 0
        while new and (most is None or rounds < most - least):
            new = self.ends(body, new) & ~reached
            reached |= new
            rounds += 1
        return reached

    def begins(self, node: Node) -> int:
        """Where `node` can begin: where the reversed node ends in the reversed text."""
        if self.reversed is None:
            self.reversed = _Text(self.text[::-1])
            self.reversed.reversed = self
        size = self.size + 1
        ends = self.reversed.ends(_reversed(node), (1 << size) - 1)
        return int(format(ends, f"0{size}b")[::-1], 2)

    def edge(self, kind: str) -> int:
        if kind == "^":
            return 1
        if kind == "$":
            return 1 << self.size
        word = self.mask(Chars(WORD))
        boundary = word ^ (word << 1)
        return boundary if kind == "b" else ((1 << (self.size + 1)) - 1) ^ boundary


_REVERSED_EDGES: Final = {"^": "$", "$": "^"}


@lru_cache(maxsize=1024)
def _reversed(node: Node) -> Node:
    match node:
        case Sequence(parts):
            return Sequence(tuple(_reversed(part) for part in reversed(parts)))
        case Choice(parts):
            return Choice(tuple(_reversed(part) for part in parts))
        case Repeat(body, least, most):
            return Repeat(_reversed(body), least, most)
        case Look(body, behind, negated):
            return Look(_reversed(body), not behind, negated)
        case Edge(kind):
            return Edge(_REVERSED_EDGES.get(kind, kind))
        case Group(number, body):
            return Group(number, _reversed(body))
    return node
