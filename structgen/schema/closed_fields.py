"""Records of which every value is closed: it has few options, all known from the schema.

Such a record can be asked for field by field, as typed questions that are answered by
probabilities.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from structgen.schema.compile.keywords import listed_values, types_of
from structgen.schema.compiler import Compiled
from structgen.schema.json import pointer_of, resolve, same_json, to_text
from structgen.schema.verbatim import VERBATIM
from structgen.values import Json, JsonSchema

MOST_OPTIONS: Final = 255
"""Options of a question: as many as the servers take."""
MOST_QUESTIONS: Final = 256
"""Questions of a request."""
_MOST_NUMBERS: Final = 64
"""Whole numbers between the bounds of a closed integer."""
_DEEPEST: Final = 20
"""Levels of references and records that are followed: a schema may refer to itself."""
NOT_STATED: Final = "not stated"
"""The label of null."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClosedField:
    """A value of a record, with its options."""

    keys: tuple[str, ...]
    """Where it is: the names of the members on the way."""
    options: tuple[Json, ...] = field(repr=False)
    """What it may be: different scalars, at least one."""
    description: str = field(default="", repr=False)
    """What it is about."""

    @property
    def pointer(self) -> str:
        """Its JSON Pointer."""
        path: Any = None
        for key in self.keys:
            path = path, key
        return pointer_of(path)

    @property
    def is_truth(self) -> bool:
        """Whether it is true or false, and nothing else."""
        return set(map(type, self.options)) == {bool} and len(self.options) == 2

    @property
    def labels(self) -> tuple[str, ...]:
        """A text for each option, all different."""
        plain = tuple(map(_label, self.options))
        if len(set(plain)) == len(plain):
            return plain
        return tuple(map(to_text, self.options))  # "2" beside 2, or "not stated" beside null


def _label(option: Json) -> str:
    if option is None:
        return NOT_STATED
    return option if isinstance(option, str) else to_text(option)


def closed_fields(compiled: Compiled[Any]) -> tuple[ClosedField, ...]:
    """Find the values of a record, if all of them are closed. The second call is a look-up.

    Args:
        compiled: The compiled target.

    Returns:
        The values in the order of the schema; () if one of them is not closed, there are more of
        them than a request takes, or none has two options.
    """
    kept = vars(compiled)
    if "closed_fields" not in kept:
        kept["closed_fields"] = _closed_fields(compiled.schema)
    found: tuple[ClosedField, ...] = kept["closed_fields"]
    return found


def _closed_fields(schema: JsonSchema) -> tuple[ClosedField, ...]:
    found: list[ClosedField] = []
    for one in _walk(schema, schema, (), _DEEPEST):
        if one is None or len(found) == MOST_QUESTIONS:
            return ()
        found.append(one)
    return tuple(found) if any(len(one.options) > 1 for one in found) else ()


def _walk(
    root: JsonSchema, node: Json, keys: tuple[str, ...], levels: int
) -> Iterator[ClosedField | None]:
    """The values of a part of a record; None for one that is not closed."""
    node = _resolved(root, node)
    if not isinstance(node, dict) or levels == 0:
        yield None
        return
    if types_of(node) == ("object",):
        is_closed = node.get("additionalProperties") is False and "patternProperties" not in node
        members = node.get("properties") if is_closed else None
        if not isinstance(members, dict):
            yield None
            return
        if set(members) != set(node.get("required", ())):
            yield None  # a member that may be left out has no option that says so
            return
        for key, inner in members.items():
            yield from _walk(root, inner, (*keys, key), levels - 1)
        return
    options = _options(root, node, levels)
    if options is None or not 0 < len(options) <= MOST_OPTIONS:
        yield None
        return
    yield ClosedField(keys=keys, options=tuple(options), description=_description(node))


def _description(node: JsonSchema) -> str:
    text = node.get("description") or node.get("title")
    return text if isinstance(text, str) else ""


def _resolved(root: JsonSchema, node: Json) -> Json:
    """The schema that references lead to, with what is said beside them."""
    for _ in range(_DEEPEST):
        if not isinstance(node, dict) or "$ref" not in node:
            return node
        beside = {key: value for key, value in node.items() if key != "$ref"}
        target = resolve(root, node["$ref"])
        node = {**target, **beside} if isinstance(target, dict) else target
    return None


def _options(root: JsonSchema, node: Json, levels: int) -> list[Json] | None:
    """The options of a scalar; None if they are not known, or too many."""
    node = _resolved(root, node)
    if not isinstance(node, dict) or levels == 0 or VERBATIM in node:
        return None
    listed = listed_values(node)
    if listed is not None:
        return None if any(isinstance(one, dict | list) for one in listed) else _distinct(listed)
    branches = node.get("anyOf") or node.get("oneOf")
    if branches:
        parts = [_options(root, branch, levels - 1) for branch in branches]
        if any(part is None for part in parts):
            return None
        return _distinct([option for part in parts for option in part or ()])
    found: list[Json] = []
    for kind in types_of(node) or ("any",):
        values = _of_kind(kind, node)
        if values is None:
            return None
        found += values
    return found


def _of_kind(kind: str, node: JsonSchema) -> list[Json] | None:
    """The values of a type, if they are few."""
    if kind == "boolean":
        return [True, False]
    if kind == "null":
        return [None]
    low, high = node.get("minimum"), node.get("maximum")
    if kind != "integer" or not isinstance(low, int) or not isinstance(high, int):
        return None
    is_narrow = "multipleOf" not in node and 0 <= high - low < _MOST_NUMBERS
    return list(range(low, high + 1)) if is_narrow else None


def _distinct(values: list[Json]) -> list[Json]:
    found: list[Json] = []
    for value in values:
        if not any(same_json(value, one) for one in found):
            found.append(value)
    return found
