"""Short texts that match the patterns of a schema: what a string that may not end yet may wait
for.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from structgen.errors import SchemaError
from structgen.schema.json import inner_values, to_text
from structgen.schema.validate.pattern_tree import (
    Chars,
    Choice,
    Edge,
    Look,
    Node,
    Repeat,
    Sequence,
    parse,
)
from structgen.values import Json

_CHARACTERS: Final = "a0A1 -._/:@,;+#" + "".join(map(chr, range(33, 127)))
_MOST: Final = 64
"""Samples of a schema. Each is tried whenever an ending is searched for within a string."""


def pattern_samples(schema: Json) -> tuple[bytes, ...]:
    """Make a short match of each pattern in a schema, as JSON writes it within quotes.

    Args:
        schema: A compiled schema.

    Returns:
        At most 64 texts, the shortest first.
    """
    found = {sample for pattern in _patterns(schema) if (sample := _sample(pattern))}
    return tuple(sorted(found, key=lambda sample: (len(sample), sample)))[:_MOST]


def _patterns(node: Json) -> Iterator[str]:
    """The patterns of a schema. A field that is named like a keyword does no harm."""
    if isinstance(node, dict):
        if isinstance(pattern := node.get("pattern"), str):
            yield pattern
        if isinstance(keys := node.get("patternProperties"), dict):
            yield from keys
    for part in inner_values(node):
        yield from _patterns(part)


def _sample(pattern: str) -> bytes | None:
    try:
        return to_text(_shortest(parse(pattern)))[1:-1].encode()
    except (SchemaError, UnicodeEncodeError):
        return None


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
        case Edge() | Look():
            return ""
