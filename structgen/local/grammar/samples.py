"""A short text that matches a pattern."""

from __future__ import annotations

from typing import Final

from structgen.errors import SchemaError
from structgen.schema.validate.pattern_nodes import (
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
from structgen.schema.validate.pattern_reader import parse

_CHARACTERS: Final = "a0A1 -._/:@,;+#" + "".join(map(chr, range(33, 127)))


def pattern_sample(pattern: str) -> str | None:
    """Make a short text that a pattern matches; None if the pattern cannot be read.

    Args:
        pattern: A regular expression.
    """
    try:
        sample = _shortest(parse(pattern))
        sample.encode()
    except (SchemaError, UnicodeEncodeError):
        return None
    return sample


def _shortest(node: Node) -> str:
    """The shortest text that a node seems to match. Lookarounds are left out."""
    match node:
        case Chars():
            return next(
                filter(node.__contains__, _CHARACTERS),
                chr(node.ranges[0][0] if node.ranges else 0xE9),
            )
        case Sequence(parts):
            return "".join(map(_shortest, parts))
        case Choice(parts):
            return min(map(_shortest, parts), key=len)
        case Repeat(body, least):
            return _shortest(body) * least
        case Group(_, body):
            return _shortest(body)
        case Edge() | Look() | BackReference():
            return ""
