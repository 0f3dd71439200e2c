"""Match patterns with back-references, which are not regular, within a number of steps."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

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
)

_STEPS: Final = 300_000
"""Nodes tried for one text: about a second."""
_Groups: TypeAlias = "dict[int, tuple[int, int]]"
_State: TypeAlias = "tuple[int, _Groups]"


class OverStepsError(Exception):
    """The text takes too many steps to match."""


def found_in(node: Node, text: str) -> bool:
    """Whether a pattern with back-references matches anywhere in a text.

    Args:
        node: The tree of the pattern.
        text: The text.

    Raises:
        OverStepsError: If that takes more than about a second.
    """
    try:
        search = _Search(text)
        return any(True for start in range(len(text) + 1) for _ in search.ends(node, start, {}))
    except RecursionError:
        raise OverStepsError from None


class _Search:
    def __init__(self, text: str) -> None:
        self.text = text
        self.steps = 0

    def ends(self, node: Node, at: int, groups: _Groups) -> Iterator[_State]:
        """Where `node` can end, having begun at `at`, longest first, each with its groups."""
        self.steps += 1
        if self.steps > _STEPS:
            raise OverStepsError
        match node:
            case Chars():
                if at < len(self.text) and self.text[at] in node:
                    yield at + 1, groups
            case Sequence(parts):
                yield from self.sequence(parts, at, groups)
            case Choice(parts):
                for part in parts:
                    yield from self.ends(part, at, groups)
            case Repeat(body, least, most):
                yield from self.repeat(body, least, most, at, groups)
            case Group(number, body):
                for end, inner in self.ends(body, at, groups):
                    yield end, {**inner, number: (at, end)}
            case BackReference(number, folds):
                yield from self.again(number, folds, at, groups)
            case Look():
                yield from self.look(node, at, groups)
            case Edge(kind):
                if self.is_edge(kind, at):
                    yield at, groups

    def sequence(self, parts: tuple[Node, ...], at: int, groups: _Groups) -> Iterator[_State]:
        if not parts:
            yield at, groups
            return
        for end, inner in self.ends(parts[0], at, groups):
            yield from self.sequence(parts[1:], end, inner)

    def repeat(
        self, body: Node, least: int, most: int | None, at: int, groups: _Groups
    ) -> Iterator[_State]:
        if most is None or most > 0:
            fewer, top = max(least - 1, 0), None if most is None else most - 1
            for end, inner in self.ends(body, at, groups):
                if end > at or least > 0:
                    yield from self.repeat(body, fewer, top, end, inner)
        if least == 0:
            yield at, groups

    def again(self, number: int, folds: bool, at: int, groups: _Groups) -> Iterator[_State]:
        """The text of a group once more; a group that matched nothing fails, as in Python."""
        if number in groups:
            start, end = groups[number]
            wanted, found = self.text[start:end], self.text[at : at + end - start]
            if wanted == found or (folds and wanted.lower() == found.lower()):
                yield at + len(wanted), groups

    def look(self, node: Look, at: int, groups: _Groups) -> Iterator[_State]:
        if node.behind:
            starts = range(at, -1, -1)
            is_there = any(
                end == at for start in starts for end, _ in self.ends(node.body, start, groups)
            )
        else:
            is_there = any(True for _ in self.ends(node.body, at, groups))
        if is_there is not node.negated:
            yield at, groups

    def is_edge(self, kind: str, at: int) -> bool:
        if kind == "^":
            return at == 0
        if kind == "$":
            return at == len(self.text)
        word = Chars(WORD)
        before = at > 0 and self.text[at - 1] in word
        after = at < len(self.text) and self.text[at] in word
        return (before is not after) is (kind == "b")
