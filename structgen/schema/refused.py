"""A schema language without the keywords that a server refused."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Any, Final

from structgen.schema.compile.limits import parts_of
from structgen.schema.subset import SchemaSubset
from structgen.values import JsonSchema

FORMAT: Final = "format:"
"""What a refused value of `format` begins with, as in "format:uri"."""
_CHANGES: Final[dict[str, dict[str, Any]]] = {
    "format": {"formats": frozenset()},
    "const": {"const": False},
    "prefixItems": {"tuples": "none"},
    "$ref": {"defs": False, "recursion": False},
    "$defs": {"defs": False, "recursion": False},
}
"""What changes in a row, by the keyword that its server refuses."""


def without(row: SchemaSubset, refused: Iterable[str]) -> SchemaSubset:
    """Give a schema language without some keywords. What they say is told in words and checked.

    Args:
        row: The language.
        refused: Keywords, and values of `format` as "format:uri". Those that no schema can do
            without, such as `type` and `anyOf`, are passed over.

    Returns:
        The language, with another name; the same row if nothing changes.
    """
    changed, left_out = row, []
    for keyword in sorted(refused):
        narrower = _without(changed, keyword)
        if narrower != changed:
            changed = narrower
            left_out.append(keyword)
    if not left_out:
        return row
    return replace(changed, name=f"{row.name} without {', '.join(left_out)}")


def _without(row: SchemaSubset, keyword: str) -> SchemaSubset:
    if keyword.startswith(FORMAT):
        return replace(row, formats=row.formats - {keyword.removeprefix(FORMAT)})
    if keyword == "additionalProperties":
        return replace(row, maps=False, unwritten=row.unwritten | {keyword})
    if keyword in row.annotations:
        return replace(row, annotations=row.annotations - {keyword})
    return replace(
        row,
        keywords=frozenset(word for word in row.keywords if not _is(word, keyword)),
        taken=frozenset(word for word in row.taken if not _is(word, keyword)),
        **_CHANGES.get(keyword, {}),
    )


def _is(word: str, keyword: str) -> bool:
    """Whether a `type.keyword` is about a keyword."""
    return word.partition(".")[2] == keyword


def keywords_of(schema: JsonSchema) -> frozenset[str]:
    """All keywords of a compiled schema, with `format:` and its value for each format.

    Args:
        schema: The schema.
    """
    return frozenset(_keywords(schema))


def _keywords(schema: JsonSchema) -> Iterator[str]:
    todo: list[JsonSchema] = [schema]
    while todo:
        node = todo.pop()
        yield from node
        if "format" in node:
            yield f"{FORMAT}{node['format']}"
        todo += [part for _, part in parts_of(node)]
