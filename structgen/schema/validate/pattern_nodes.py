"""Patterns as trees of nodes, whatever language they are written in."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import Final, TypeAlias

from structgen.errors import SchemaError

MAX_PATTERN: Final = 200_000
"""The longest pattern that is read, in characters."""
_MAX_REPEAT: Final = 100_000
"""The most steps that one pass through a pattern may take, its repetitions written out."""
WORD: Final = ((48, 57), (65, 90), (95, 95), (97, 122))
"""The characters of `\\w`: ASCII digits, letters and `_`."""


@dataclass(frozen=True, slots=True)
class Chars:
    """One character of a class."""

    ranges: tuple[tuple[int, int], ...] = ()
    """First and last code point of each range, both inside."""
    categories: tuple[tuple[str, bool], ...] = ()
    """Unicode categories (`L`, `Nd`); True for characters outside the category."""
    negated: bool = False
    """Whether the class holds all other characters instead."""

    def __contains__(self, char: str) -> bool:
        code, category = ord(char), unicodedata.category(char)
        in_range = any(low <= code <= high for low, high in self.ranges)
        in_category = any(category.startswith(name) is not out for name, out in self.categories)
        return (in_range or in_category) is not self.negated


@dataclass(frozen=True, slots=True)
class Sequence:
    """One part after another."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """Any one of the parts."""

    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """A body, several times."""

    body: Node
    least: int
    most: int | None
    """None for no upper bound."""


@dataclass(frozen=True, slots=True)
class Look:
    """A place where the body matches, without taking any text."""

    body: Node
    behind: bool
    """Whether the body ends here (lookbehind) and does not begin here (lookahead)."""
    negated: bool
    """Whether the body must not match."""


@dataclass(frozen=True, slots=True)
class Edge:
    """`^`, `$`, `b` (a word boundary) or `B`."""

    kind: str


@dataclass(frozen=True, slots=True)
class Group:
    """A group whose text a back-reference may repeat."""

    number: int
    body: Node


@dataclass(frozen=True, slots=True)
class BackReference:
    """The text of a group once more."""

    number: int
    folds: bool
    """Whether case does not matter."""


Node: TypeAlias = "Chars | Sequence | Choice | Repeat | Look | Edge | Group | BackReference"


def require_bounded_size(node: Node, pattern: str) -> None:
    """Check that one pass through a pattern takes a bounded number of steps.

    Args:
        node: Its tree.
        pattern: The pattern, for the error.

    Raises:
        SchemaError: If it takes more.
    """
    if _size(node) > _MAX_REPEAT:
        raise SchemaError(
            f"Cannot use the pattern {pattern[:80]!r}: it has more than {_MAX_REPEAT} repetitions.",
            keyword="pattern",
            hint="Use smaller numbers in braces, or `maxLength`.",
        )


def has_back_reference(node: Node) -> bool:
    """Whether a pattern repeats the text of a group, which no regular expression can."""
    match node:
        case BackReference():
            return True
        case Sequence(parts) | Choice(parts):
            return any(map(has_back_reference, parts))
        case Repeat(body) | Look(body) | Group(_, body):
            return has_back_reference(body)
    return False


def _size(node: Node) -> int:
    """The number of steps that one pass through the node takes."""
    match node:
        case Sequence(parts) | Choice(parts):
            return sum(map(_size, parts))
        case Repeat(body, least, most):
            return _size(body) * max(least, most or 1)
        case Look(body) | Group(_, body):
            return _size(body)
    return 1
