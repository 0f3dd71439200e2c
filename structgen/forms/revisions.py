"""The part of an answer that revises what a form holds already: fields to empty, items to add or
remove.

A turn states values in the members of the record itself. These words about held fields come beside
them, each in a closed form, so that the model decides them and nobody has to guess: null says that
a field was not spoken of.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from structgen.documents.merge import identity_key
from structgen.schema.json import same_json
from structgen.schema.wire_names import WIRE_NAME
from structgen.values import Json, JsonSchema

EVERYTHING: Final = "everything"
"""The word that empties all fields. A field's path begins with a slash, so none has this name."""
_ADD: Final = "add"
_REMOVE: Final = "remove"
_BOUNDS: Final = frozenset(
    {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minLength"}
    | {"maxLength", "minItems", "maxItems", "uniqueItems", "minProperties", "maxProperties"}
)
_OF_FIELD: Final[tuple[str, ...]] = ("description", WIRE_NAME)
"""Keywords that are about a list as a field, and not about its values."""
_DATA: Final = frozenset({"const", "enum", "default", "examples"})
_NAMED: Final = frozenset({"properties", "patternProperties", "$defs"})


def without_bounds(schema: Any) -> Any:
    """Remove the bounds of numbers, texts and lists from a schema.

    A user may say "twenty people" where twelve is the most. A model that may write no more than 12
    would write another number; without bounds the form holds what was said and lists it as invalid.
    """
    if isinstance(schema, list):
        return [without_bounds(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: _named_without_bounds(value) if key in _NAMED else _inner(key, value)
        for key, value in schema.items()
        if key not in _BOUNDS
    }


def _named_without_bounds(schemas: Any) -> Any:
    if not isinstance(schemas, dict):
        return schemas
    return {name: without_bounds(schema) for name, schema in schemas.items()}


def _inner(key: str, value: Any) -> Any:
    return value if key in _DATA else without_bounds(value)


def clearing(paths: Sequence[str]) -> JsonSchema:
    """Make the schema of the fields that a turn empties.

    Args:
        paths: The fields that the form holds and may empty.
    """
    return {
        "type": "array",
        "items": {"type": "string", "enum": [*paths, EVERYTHING]},
        "description": "the fields that the user takes back, so that they are empty again; "
        f'"{EVERYTHING}" to start over',
    }


def list_revision(schema: JsonSchema) -> JsonSchema:
    """Make the schema of what a turn says about a list that the form holds.

    Args:
        schema: The schema of the list.

    Returns:
        Either a list, which replaces the one that is held, or items to add and to remove.
    """
    items = schema.get("items", {})
    whole = {key: value for key, value in schema.items() if key not in _OF_FIELD}
    some = {"type": "array", "items": items}
    change = {
        "type": "object",
        "description": "items to add to the list that the form holds, and items to remove from it",
        "properties": {_ADD: some, _REMOVE: some},
        "additionalProperties": False,
    }
    described: JsonSchema = {key: schema[key] for key in _OF_FIELD if key in schema}
    return {**described, "anyOf": [whole, change]}


def is_revision(value: dict[str, Json]) -> bool:
    """Whether an object says what to add to a list and to remove from it."""
    return bool(value) and value.keys() <= {_ADD, _REMOVE}


def revised(
    held: Sequence[Json], change: dict[str, Json], keys: Sequence[str]
) -> tuple[list[Json], list[Json]]:
    """Change a list by what a turn adds and removes.

    Args:
        held: The list.
        change: A value of the second option of `list_revision`.
        keys: The members that tell the items apart; none for lists without identity.

    Returns:
        The items that are left, and the items to add.
    """
    removed, added = _items(change.get(_REMOVE)), _items(change.get(_ADD))
    is_removed = _finder(removed, keys)
    left = [item for item in held if not is_removed(item)]
    if keys:
        return left, added
    new: list[Json] = []
    for item in added:
        if not _finder([*left, *new], ())(item):
            new.append(item)
    return left, new


def _items(value: Json) -> list[Json]:
    return value if isinstance(value, list) else []


def _finder(items: Iterable[Json], keys: Sequence[str]) -> Callable[[Json], bool]:
    """A test whether an item is one of these: by identity, else by value, in any letter case."""
    known = list(items)
    if keys:
        found = {identity_key(item, keys) for item in known} - {None}
        return lambda item: identity_key(item, keys) in found
    return lambda item: any(same_json(_folded(item), _folded(one)) for one in known)


def _folded(value: Json) -> Json:
    return " ".join(value.split()).casefold() if isinstance(value, str) else value
