"""Short texts that the patterns of a schema find: what a string that may not end yet may be waiting for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from structgen.errors import SchemaError
from structgen.schema.json import to_text
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


def samples(schema: Json) -> tuple[bytes, ...]:
    """A short match of each pattern in `schema`, as JSON writes it within quotes: the shortest ones first, at most 64."""
    found = {sample for pattern in _patterns(schema) if (sample := _sample(pattern))}
    return tuple(sorted(found, key=lambda sample: (len(sample), sample)))[:_MOST]


def _patterns(node: Json) -> Iterator[str]:
    """What stands under `pattern` or as a key of `patternProperties`; that a field may be called so does no harm."""
    if isinstance(node, dict):
        if isinstance(pattern := node.get("pattern"), str):
            yield pattern
        if isinstance(keys := node.get("patternProperties"), dict):
            yield from keys
    for part in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from _patterns(part)


def _sample(pattern: str) -> bytes | None:
    try:
        return to_text(_shortest(parse(pattern)))[1:-1].encode()
    except (SchemaError, UnicodeEncodeError):
        return None


def _shortest(node: Node) -> str:
    """The shortest text that a node matches, as far as one can see; where it looks around itself is left out of it."""
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
