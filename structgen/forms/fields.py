"""The fields of a form: which parts of a record are filled in one by one, and what of a target can be asked for at a time.

A record's members are fields, and so are those of records in it, however deep, each named by its JSON Pointer. Everything else is
one field: a text, a number, a union, a map, a tuple, a record that holds itself, a list.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from structgen.documents.merge import identity_key
from structgen.documents.relax import complete, relax
from structgen.errors import InputError, TargetError
from structgen.schema.json import escape, resolve, same_json, unescape
from structgen.schema.target import Target, target_of
from structgen.values import Json, JsonSchema

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Field:
    """`path`: JSON Pointer; `schema`: what a text may state of it; `required`: is each step of the way to it required."""

    path: str
    schema: JsonSchema = field(repr=False)
    required: tuple[bool, ...]

    @property
    def steps(self) -> tuple[str, ...]:
        return tuple(map(unescape, self.path.split("/")[1:]))

    @property
    def label(self) -> str:
        """Its name, in words."""
        return " of ".join(str(step).replace("_", " ") for step in reversed(self.steps))


class Fields(Generic[T]):
    """The fields of a target, by path, in its order; `keys`: identity keys of lists of records, by path.

    Raises TargetError for a target whose values are no records.
    """

    def __init__(self, target: Target[T], keys: Mapping[str, Sequence[str]]) -> None:
        self.target = target
        part, self.keys = relax(target, keys)
        self._part: JsonSchema = part.schema
        self._described: dict[str, str | None] = {}
        self.by_path = {
            found.path: found
            for found in self._walk(self._part, target.schema, "", (), frozenset())
        }
        if not self.by_path:
            raise TargetError(
                f"{target.name} has no fields to fill in.",
                hint="Take a record: a model, a dataclass, an object.",
            )

    def _walk(
        self, part: Any, whole: Any, at: str, required: tuple[bool, ...], open_: frozenset[str]
    ) -> Iterator[Field]:
        own, seen = _record(self._part, part, open_)
        source, _ = _record(self.target.schema, whole, frozenset())
        for name, inner in own.get("properties", {}).items():
            path, needed = f"{at}/{escape(name)}", (*required, name in source.get("required", ()))
            found = list(
                self._walk(inner, source.get("properties", {}).get(name), path, needed, seen)
            )
            if found:
                self._described[path] = inner.get("description") or _record(
                    self._part, inner, seen
                )[0].get("description")
                yield from found
            else:
                yield Field(path, inner if isinstance(inner, dict) else {}, needed)

    def part(self, paths: Collection[str]) -> Target[Json]:
        """The target that asks for some fields, any of which the text may leave out."""
        root: JsonSchema = {
            key: self._part[key] for key in ("title", "description", "$defs") if key in self._part
        }
        for path, known in self.by_path.items():
            if path in paths:
                *way, name = known.steps
                holder, at = _opened(root), ""
                for step in way:
                    at += f"/{escape(step)}"
                    said = self._described[at]
                    holder = _opened(holder.setdefault(step, {"description": said} if said else {}))
                holder[name] = known.schema
        return target_of(root)

    def at(self, path: str) -> Field:
        """Raises InputError where there is no such field."""
        if path not in self.by_path:
            raise InputError(
                f"The form has no field {path!r}.", hint=f"Its fields: {', '.join(self.by_path)}."
            )
        return self.by_path[path]

    def accepts(self, path: str, value: Json) -> bool:
        """Could a text state this value of the field?"""
        schema = {**self.by_path[path].schema, "$defs": self._part.get("$defs", {})}
        return bool(target_of(schema).validator.is_valid(value))

    def spread(self, path: str, value: Json) -> dict[str, Json]:
        """What a value of a field, or of a record, gives its fields. Raises InputError for one that has no place."""
        if path in self.by_path:
            return {path: value}
        if not isinstance(value, dict) or not any(
            known.startswith(f"{path}/") for known in self.by_path
        ):
            self.at(path)
            raise InputError(
                f"{path or '/'} is a record.",
                hint="Give it an object, or set its fields one by one.",
            )
        found: dict[str, Json] = {}
        for name, inner in value.items():
            found |= self.spread(f"{path}/{escape(name)}", inner)
        return found

    def stated(self, data: Json) -> dict[str, Json]:
        """The fields that an answer states. Null, an empty text and an empty list say nothing."""
        found = {}
        for path, known in self.by_path.items():
            value = data
            for step in known.steps:
                value = value.get(step) if isinstance(value, dict) else None
            if value not in (None, "", [], {}):
                found[path] = value
        return found

    def whole(self, values: Mapping[str, Json]) -> Json:
        """The fields' values as one record, with null, or nothing in them, where the target takes that for what is not stated."""
        return complete(self.target, self.nested(values))

    def nested(self, values: Mapping[str, Json]) -> Json:
        """The fields' values as one record, and nothing else."""
        data: dict[str, Any] = {}
        for path, value in values.items():
            *way, name = self.by_path[path].steps
            holder = data
            for step in way:
                holder = holder.setdefault(step, {})
            holder[name] = value
        return data

    def missing(self, data: Json) -> tuple[str, ...]:
        """The fields without which no whole record can be made of `data`."""
        return tuple(path for path, known in self.by_path.items() if _lacks(data, known))

    def updated(self, path: str, old: Json, new: Json) -> Json:
        """A field's value after a text stated `new`: items with known identity keys are changed, others of such a list added."""
        keys = self.keys.get(path)
        if not keys or not isinstance(old, list) or not isinstance(new, list):
            return new
        items = list(old)
        known = {identity_key(item, keys): at for at, item in enumerate(items)}
        for item in new:
            key = identity_key(item, keys)
            if key is not None and key in known:
                at = known[key]
                items[at] = {**items[at], **item}
            else:
                known[key] = len(items)
                items.append(item)
        return items


def _lacks(data: Json, known: Field) -> bool:
    for number, step in enumerate(known.steps):
        if not isinstance(data, dict):
            return False  # null stands in the record's place
        if step not in data:
            return all(known.required[number:])
        data = data[step]
    return False


def contradicts(old: Json, new: Json) -> bool:
    """Does `new` take back anything of `old`? What only adds members or items does not."""
    if isinstance(old, dict) and isinstance(new, dict):
        return any(key not in new or contradicts(value, new[key]) for key, value in old.items())
    if isinstance(old, list) and isinstance(new, list):
        return any(all(contradicts(item, other) for other in new) for item in old)
    return not same_json(old, new)


def _record(root: JsonSchema, node: Any, seen: frozenset[str]) -> tuple[JsonSchema, frozenset[str]]:
    """The record behind references and "or null"; {} where there is none, or it is open already."""
    while isinstance(node, dict):
        options = [
            option
            for option in (*node.get("anyOf", ()), *node.get("oneOf", ()))
            if option != {"type": "null"}
        ]
        if isinstance(ref := node.get("$ref"), str):
            if ref in seen:
                break
            seen, node = seen | {ref}, resolve(root, ref)
        elif len(options) == 1 and "properties" not in node:
            node = options[0]
        else:
            return (node if "properties" in node else {}), seen
    return {}, seen


def _opened(node: JsonSchema) -> dict[str, Any]:
    """The members of a node that holds a record, which it becomes."""
    node.setdefault("type", "object")
    node.setdefault("additionalProperties", False)
    members: dict[str, Any] = node.setdefault("properties", {})
    return members
