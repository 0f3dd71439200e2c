"""Promises of a type that no schema can express, and JSON that a type reads beyond its schema.

Both are marks in a schema while it is generated, and become notes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, Literal, NamedTuple

from structgen.schema.json import escape
from structgen.values import JsonSchema, Note

MARK: Final = "x-structgen-marks"
ALL: Final = ("*",)
"""Every keyword of a schema."""


class Mark(NamedTuple):
    """What is to be said about one place."""

    keyword: str
    detail: str
    action: Literal["checked", "wider"]
    free: tuple[str, ...] = ()
    """The keywords of the schema that the type does not hold JSON to."""


def marked(schema: JsonSchema, keyword: str, detail: str) -> JsonSchema:
    """A copy of `schema` that remembers what only the type can check here."""
    return _with(schema, Mark(keyword, detail, "checked"))


def widened(schema: JsonSchema, keyword: str, detail: str, free: tuple[str, ...]) -> JsonSchema:
    """A copy of `schema` that remembers that the type reads more than it says.

    Args:
        schema: The schema.
        keyword: The construct that the note names.
        detail: One line for people.
        free: The keywords that the type does not hold JSON to.
    """
    return _with(schema, Mark(keyword, detail, "wider", free))


def _with(schema: JsonSchema, mark: Mark) -> JsonSchema:
    return schema | {MARK: [*schema.get(MARK, ()), mark]}


def take_marks(schema: Any, path: str = "") -> Iterator[Note]:
    """Remove the marks from a finished schema and give each as a note."""
    parts: Any = ()
    if isinstance(schema, dict):
        for keyword, detail, action, _ in schema.pop(MARK, ()):
            yield Note(path, keyword, action, detail)
        parts = schema.items()
    elif isinstance(schema, list):
        parts = enumerate(schema)
    for key, inner in parts:
        if isinstance(inner, dict | list):
            yield from take_marks(inner, f"{path}/{escape(str(key))}")


def held_part(schema: Any) -> Any:
    """A copy of a marked schema without the keywords that the type does not hold JSON to."""
    if isinstance(schema, list):
        return [held_part(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    free = {keyword for mark in schema.get(MARK, ()) for keyword in mark.free}
    if free.issuperset(ALL):
        return {"$defs": held_part(schema["$defs"])} if "$defs" in schema else {}
    kept = {key: value for key, value in schema.items() if key != MARK and key not in free}
    return {key: held_part(value) for key, value in kept.items()}
