"""Split the schema of a record that is too wide into parts that can be asked about one by one.

A part is the same record with some of its fields. Records in records are kept whole if they fit and
split as well if they do not, so a value has one place in the parts and in the whole, under one JSON
Pointer. Lists, maps, unions and records that contain themselves are never split: which item or
option a half belongs to could not be told afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Final, NamedTuple

from structgen.errors import SchemaLimitError
from structgen.schema.json import pointer, resolve, unescape
from structgen.schema.open_fields import projected, tree_of
from structgen.schema.splittable import (
    CHOICES,
    NULL,
    WHOLE_ONLY,
    Record,
    narrowed,
    part_of,
    record_of,
    source_of,
    without_own_references,
)
from structgen.schema.target import Target
from structgen.schema.wire_names import WIRE_NAME
from structgen.values import Json, JsonSchema, Note

TooWide = Callable[[Target[Json]], SchemaLimitError | None]
"""Gives the limit that a part is over; None if it fits."""

_NOT_NOTED: Final = frozenset({"default", "examples"})
"""Those among them that no value can break."""


@dataclass(frozen=True, slots=True)
class SplitPart:
    """A part of a record: some of its fields, asked about in a question of their own."""

    fields: tuple[str, ...]
    """JSON Pointers of the fields, in the order of the schema; a record that is whole is one."""
    target: Target[Json]
    """The record with these fields alone. Its values are plain data."""
    size: int
    """How many fields that hold no others it has."""


class _Field(NamedTuple):
    """A field that may be split further."""

    path: tuple[str, ...]
    schema: Any
    above: frozenset[str]
    """The references on the way to it."""
    size: int


def split(target: Target[Any], too_wide: TooWide, width: int | None) -> tuple[SplitPart, ...]:
    """Split a target into as few parts as fit, in the order of its fields.

    Args:
        target: The target of the whole.
        too_wide: Tells whether a part is over a limit.
        width: How many fields a part should have at most; None for no such bound. A field that
            cannot be split may have more.

    Returns:
        The parts, two at least; none if the target is not a record, or cannot be split.

    Raises:
        SchemaLimitError: If a field that cannot be split is over a limit by itself.
    """
    return _Splitter(target, too_wide, width).parts()


def notes_of_split(target: Target[Any], parts: Sequence[SplitPart]) -> tuple[Note, ...]:
    """The notes that a split adds to those of its parts.

    Args:
        target: The target of the whole.
        parts: Its parts.
    """
    asked = f"asked about in {len(parts)} questions, whose answers are merged"
    notes = [Note("", "properties", "rewritten", asked)]
    root, _ = without_own_references(source_of(target))
    inner = {path[:end] for path in _paths(parts) for end in range(len(path))}
    for path in sorted(inner):
        record = _record_at(root, path)
        if record is None:
            continue
        where = "".join(f"/properties{pointer([name])}" for name in path)
        for keyword in sorted(record.schema.keys() & (WHOLE_ONLY - _NOT_NOTED)):
            notes.append(Note(where, keyword, "checked", "by the record that the parts make"))
        if record.schema.get("additionalProperties", False) is not False:
            detail = "a record that is split has its declared members alone"
            notes.append(Note(where, "additionalProperties", "narrowed", detail))
    return tuple(notes)


def project(part: SplitPart, data: Json) -> Json:
    """Give what a part has of a value.

    Args:
        part: The part.
        data: A value of the whole, as plain data.
    """
    return projected(data, tree_of(map(_steps, part.fields)))


def size_of(target: Target[Any]) -> int:
    """Count the fields of a target that hold no others; those of a list count once.

    Args:
        target: The target.
    """
    root = source_of(target)
    return _size(root, root, frozenset())


class _Splitter:
    def __init__(self, target: Target[Any], too_wide: TooWide, width: int | None) -> None:
        self._target, self._too_wide, self._width = target, too_wide, width
        self._root, self._own = without_own_references(source_of(target))

    def parts(self) -> tuple[SplitPart, ...]:
        whole = _Field((), self._root, self._own, 0)
        todo = [small for field in self._inside(whole) for small in self._that_fit(field)]
        found: list[SplitPart] = []
        while todo:
            part, count = self._longest(todo)
            found.append(part)
            del todo[:count]
        return tuple(found) if len(found) > 1 else ()

    def _that_fit(self, field: _Field) -> Iterator[_Field]:
        """A field, or the fields in it if it does not fit into a part."""
        inner = self._inside(field)
        is_wide = self._width is not None and field.size > self._width
        if inner and (is_wide or self._too_wide(self._part([field]).target)):
            for one in inner:
                yield from self._that_fit(one)
        else:
            yield field

    def _longest(self, todo: Sequence[_Field]) -> tuple[SplitPart, int]:
        """The longest part that the first fields make, and how many they are."""
        count = self._within_width(todo)
        while True:
            part = self._part(todo[:count])
            over = self._too_wide(part.target)
            if over is None:
                return part, count
            if count == 1:
                raise self._unsplittable(todo[0], over)
            # Most limits are on sums, so the share that fits is close to this one.
            count = min(count - 1, max(1, count * over.limit // over.actual))

    def _within_width(self, todo: Sequence[_Field]) -> int:
        """How many fields are within the width; one at least."""
        if self._width is None:
            return len(todo)
        sums = accumulate(field.size for field in todo)
        return max(1, sum(total <= self._width for total in sums))

    def _inside(self, field: _Field) -> list[_Field]:
        """The fields of a record; none if it cannot be split."""
        record = record_of(self._root, field.schema, field.above)
        if record is None:
            return []
        return [
            _Field((*field.path, name), inner, record.above, _size(self._root, inner, record.above))
            for name, inner in record.schema["properties"].items()
        ]

    def _part(self, fields: Sequence[_Field]) -> SplitPart:
        schema = _pruned(self._root, self._root, [field.path for field in fields])
        names = tuple(pointer(field.path) for field in fields)
        target = part_of(self._root, schema, self._target.name)
        return SplitPart(names, target, sum(field.size for field in fields))

    def _unsplittable(self, field: _Field, over: SchemaLimitError) -> SchemaLimitError:
        at = pointer(field.path)
        over.message = (
            f"{at} of {self._target.name} is too large for a question of its own, and it is no "
            f"record whose fields can be asked about apart. {over.message}"
        )
        over.path, over.args = at, (over.message,)
        return over


def _record_at(root: JsonSchema, path: Sequence[str]) -> Record | None:
    record = record_of(root, root, frozenset())
    for name in path:
        if record is None:
            return None
        record = record_of(root, record.schema["properties"][name], record.above)
    return record


def _pruned(root: JsonSchema, node: Any, paths: Sequence[tuple[str, ...]]) -> Any:
    """A record with some of its fields alone."""
    if () in paths:
        return node
    record = record_of(root, node, frozenset())
    assert record is not None  # noqa: S101 - a path leads through records
    asked = dict.fromkeys(path[0] for path in paths)
    fields = {
        name: _pruned(root, inner, [path[1:] for path in paths if path[0] == name])
        for name, inner in record.schema["properties"].items()
        if name in asked
    }
    required = [name for name in record.schema.get("required", ()) if name in asked]
    found = narrowed(record.schema, fields, required)
    if not record.nullable:
        return found
    told: JsonSchema = {key: found[key] for key in (WIRE_NAME,) if key in found}
    return {**told, "anyOf": [found, NULL]}


def _size(root: JsonSchema, node: Any, above: frozenset[str]) -> int:
    """How many fields that hold no others a schema has; a union has those of its widest option."""
    if not isinstance(node, dict):
        return 1
    if isinstance(ref := node.get("$ref"), str):
        return 1 if ref in above else _size(root, resolve(root, ref), above | {ref})
    options = [option for key in CHOICES for option in node.get(key, ())]
    inside = [*node.get("properties", {}).values(), *node.get("allOf", ())]
    inside += [node[key] for key in ("items", "additionalProperties") if _is_schema(node, key)]
    widest = max((_size(root, option, above) for option in options), default=0)
    return max(1, sum(_size(root, one, above) for one in inside) + widest)


def _is_schema(node: JsonSchema, key: str) -> bool:
    return isinstance(node.get(key), dict)


def _paths(parts: Sequence[SplitPart]) -> Iterator[tuple[str, ...]]:
    for part in parts:
        yield from map(_steps, part.fields)


def _steps(field: str) -> tuple[str, ...]:
    return tuple(map(unescape, field.split("/")[1:]))
