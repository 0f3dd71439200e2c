"""Which kind of leaf a confidence is about: each kind has a curve of its own.

Options that are few and known, free texts, numbers, dates and the items of lists are wrong for
different reasons, and what the document does not hold is wrong more often than what it holds. A
null says that the document does not state a value, which is a claim, too.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Final, TypeAlias

from structgen.schema.inside import described_by, inside
from structgen.schema.json import json_type, members_of, pointer
from structgen.schema.verbatim import SourceText
from structgen.values import Json, JsonSchema

NULL: Final = "null"
"""The kind of a leaf that says that the document states nothing."""
ELSEWHERE: Final = ", not in the document"
"""Ends the name of a kind whose values the document does not hold."""
TWICE: Final = ", in another field, too"
"""Ends the name of the kind of a text that the record has more than once."""

_Path: TypeAlias = "tuple[str | int, ...]"
_DATES: Final = frozenset({"date", "date-time", "time", "duration"})
_OPTIONS: Final = ("enum", "const")
COPIED: Final = frozenset({"text", "number", "item"})
"""Kinds that are split by whether the document holds the value: a date is rarely written as JSON
writes it, and an option is often a label for what the document says."""


def kinds_of(
    schema: JsonSchema, value: Json, document: str, absent: Collection[str] = ()
) -> dict[str, str]:
    """Name the kind of each leaf of a value.

    Args:
        schema: The target's schema.
        value: Plain data of the target.
        document: The text that it was extracted from.
        absent: JSON Pointers of the fields that the model left out, which hold their defaults.

    Returns:
        By JSON Pointer: `closed`, `text`, `number`, `date`, `item` (of a list) or `null`; with
        ", not in the document" after it if the kind is one that documents hold, and this one does
        not; with ", in another field, too" after `text` if the record has the same text again.
        An empty list states as little as a null.
    """
    text = SourceText(" ".join(document.casefold().split()))
    leaves = list(_leaves(schema, described_by(schema, [schema]), value))
    texts = Counter(leaf for _, _, leaf in leaves if isinstance(leaf, str))
    found = {}
    for path, nodes, leaf in leaves:
        at = pointer(path)
        kind = NULL if at in absent else _named(nodes, leaf, path)
        if kind in COPIED and not _holds(text, leaf):
            kind += ELSEWHERE
        elif kind == "text" and texts[leaf] > 1:
            kind += TWICE
        found[at] = kind
    return found


def _leaves(
    root: JsonSchema, nodes: list[JsonSchema], value: Json
) -> Iterator[tuple[_Path, list[JsonSchema], Json]]:
    """Every leaf of a value: its place, the schemas that describe it, and itself."""
    todo: list[tuple[_Path, list[JsonSchema], Json]] = [((), nodes, value)]
    while todo:
        path, here, found = todo.pop()
        inner = [((*path, key), inside(root, here, key), one) for key, one in members_of(found)]
        if inner:
            todo += reversed(inner)
        else:
            yield path, here, found


def _named(nodes: list[JsonSchema], value: Json, path: _Path) -> str:
    if value is None or isinstance(value, list | dict):
        return NULL
    if any(isinstance(step, int) for step in path):
        return "item"
    fitting = [node for node in nodes if _takes(node, json_type(value))]
    if isinstance(value, bool) or (
        fitting and all(any(word in node for word in _OPTIONS) for node in fitting)
    ):
        return "closed"
    if not isinstance(value, str):
        return "number"
    is_date = any(node.get("format") in _DATES for node in fitting)
    return "date" if is_date else "text"


def _takes(node: JsonSchema, kind: str) -> bool:
    """Whether a subschema speaks of values of a JSON type, by `type` or by its options."""
    for word in _OPTIONS:
        if word in node:
            return kind in map(json_type, node[word] if word == "enum" else [node[word]])
    allowed = node.get("type", ())
    allowed = (allowed,) if isinstance(allowed, str) else allowed
    return kind in allowed or (kind == "integer" and "number" in allowed)


def _holds(text: SourceText, value: Json) -> bool:
    """Whether a text holds a value, letter case and white space aside; a number as a numeral."""
    if isinstance(value, str):
        value = re.sub(r"\s+", " ", value.casefold()).strip()
    return text.holds(value, "words")
