"""Promises of a type that no schema can express: marks in a schema that become notes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from structgen.schema.json import escape
from structgen.values import JsonSchema, Note

MARK: Final = "x-structgen-checked"


def marked(schema: JsonSchema, keyword: str, detail: str) -> JsonSchema:
    """A copy of `schema` that remembers what only the type can check here."""
    return schema | {MARK: [*schema.get(MARK, ()), (keyword, detail)]}


def take_marks(schema: Any, path: str = "") -> Iterator[Note]:
    """Remove the marks from a finished schema and give each as a note."""
    parts: Any = ()
    if isinstance(schema, dict):
        for keyword, detail in schema.pop(MARK, ()):
            yield Note(path, keyword, "checked", detail)
        parts = schema.items()
    elif isinstance(schema, list):
        parts = enumerate(schema)
    for key, inner in parts:
        if isinstance(inner, dict | list):
            yield from take_marks(inner, f"{path}/{escape(str(key))}")
