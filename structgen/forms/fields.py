"""The fields of a form: the parts of a record that are filled in one by one.

A record's members are fields, and so are those of records in it, however deep. Each is named by
its JSON Pointer. Everything else is one field: a text, a number, a union, a map, a tuple, a list,
a record that contains itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Generic, TypeVar

from structgen.documents.merge import identity_key
from structgen.documents.places import check_places
from structgen.documents.relax import complete, relax
from structgen.errors import InputError, TargetError
from structgen.forms.revisions import clearing, list_revision, without_bounds
from structgen.schema.json import constant_key, escape, pointer, resolve, same_json, unescape
from structgen.schema.target import Target, target_of
from structgen.schema.wire_names import (
    WIRE_NAME,
    has_wire_names,
    off_wire,
    on_wire,
    path_on_wire,
    steps_on_wire,
)
from structgen.values import Json, JsonSchema

T = TypeVar("T")

_TOLD: Final = ("description", WIRE_NAME)
"""Keywords that tell a model what a record or a list is, and what it is called."""


@dataclass(frozen=True, slots=True)
class Field:
    """A part of a record that is filled in on its own."""

    path: str
    """JSON Pointer into the record."""
    schema: JsonSchema = field(repr=False)
    """The values that a text may state for it."""
    required: tuple[bool, ...]
    """For each step of the path: whether the record that it is in requires it."""
    may_be_empty: bool = False
    """Whether the target takes null or an empty list for it; `complete` fills it in then."""

    @property
    def steps(self) -> tuple[str, ...]:
        """The names on the way to the field, its own last."""
        return tuple(map(unescape, self.path.split("/")[1:]))

    @property
    def label(self) -> str:
        """Its name in words, such as "town of address"."""
        return " of ".join(str(step).replace("_", " ") for step in reversed(self.steps))


class Fields(Generic[T]):
    """The fields of a target, by path, in the target's order."""

    def __init__(self, target: Target[T], keys: Mapping[str, Sequence[str]]) -> None:
        """Find the fields.

        Args:
            target: A target whose values are records.
            keys: The members that tell the items of a list apart, by the list's path.

        Raises:
            TargetError: If the target's values are not records.
            ConfigurationError: If the target has no such list, or its items no such members.
        """
        check_places(target.schema, {}, keys)
        self.target = target
        part, self.keys, _ = relax(target, keys)
        self._part: JsonSchema = part.schema
        self._is_renamed = has_wire_names(part.schema)  # once: it reads the whole schema
        self._told: dict[str, JsonSchema] = {}
        self._targets: dict[tuple[frozenset[str], bool], Target[Json]] = {}
        self.by_path = {
            found.path: found
            for found in self._walk(self._part, target.schema, "", (), frozenset())
        }
        roots = {f"/{escape(found.steps[0])}" for found in self.by_path.values()}
        self._roots = {*roots, *map(self.on_wire, roots)}
        if not self.by_path:
            raise TargetError(
                f"{target.name} has no fields to fill in.",
                hint="Use a model, a dataclass, or a schema of objects with `properties`.",
            )

    def _walk(
        self, part: Any, whole: Any, at: str, required: tuple[bool, ...], seen: frozenset[str]
    ) -> Iterator[Field]:
        """The fields below a place; `part` is its relaxed schema, `whole` the target's own."""
        record, seen = _record_schema(self._part, part, seen)
        source, _ = _record_schema(self.target.schema, whole, frozenset())
        needed, whole_fields = source.get("required", ()), source.get("properties", {})
        for name, inner in record.get("properties", {}).items():
            path, steps_required = f"{at}/{escape(name)}", (*required, name in needed)
            below = list(self._walk(inner, whole_fields.get(name), path, steps_required, seen))
            if not below:
                own = whole_fields.get(name, True)
                schema = inner if isinstance(inner, dict) else {}
                yield Field(path, schema, steps_required, self._may_be_empty(own))
                continue
            inner_record, _ = _record_schema(self._part, inner, seen)
            told = {**inner_record, **inner}
            self._told[path] = {key: told[key] for key in _TOLD if told.get(key)}
            yield from below

    def _may_be_empty(self, schema: Any) -> bool:
        if isinstance(schema, dict) and "default" in schema:
            return False
        validator = self.target.validator.evolve(schema=schema)
        return bool(validator.is_valid(None) or validator.is_valid([]))

    def target_for(self, paths: Collection[str], *, revise: bool = False) -> Target[Json]:
        """Make the target that asks for some fields; a text may leave out any of them.

        Args:
            paths: The fields to ask about.
            revise: Whether fields can also be emptied, and items added to lists or removed.
        """
        asked = frozenset(paths)
        if (asked, revise) not in self._targets:
            self._targets[asked, revise] = target_of(self._schema_for(asked, revise))
        return self._targets[asked, revise]

    def _schema_for(self, paths: Collection[str], revise: bool) -> JsonSchema:
        root: JsonSchema = {
            key: self._part[key] for key in ("title", "description", "$defs") if key in self._part
        }
        for path, known in self.by_path.items():
            if path in paths:
                *way, name = known.steps
                members, at = _members_of(root), ""
                for step in way:
                    at += f"/{escape(step)}"
                    members = _members_of(members.setdefault(step, {**self._told[at]}))
                lists = self._list_schema(known.schema) if revise else None
                members[name] = known.schema if lists is None else list_revision(lists)
        if revise:
            names = [self.on_wire(path) for path in self.by_path if path in paths]
            _members_of(root)[self.clearing_member] = clearing(names)
        unbounded: JsonSchema = without_bounds(root)
        return unbounded

    @property
    def clearing_member(self) -> str:
        """The member of an answer that names the fields to empty; no field has its name."""
        name = "cleared"
        while f"/{name}" in self._roots:
            name += "_fields"
        return name

    def on_wire(self, path: str) -> str:
        """The path of a field as a model knows it."""
        return path_on_wire(self._part, path) if self._is_renamed else path

    def off_wire(self, answer: Json, paths: Collection[str], *, revise: bool) -> Json:
        """What was written as an answer of `target_for`, with the fields' own names."""
        if not self._is_renamed:
            return answer
        return off_wire(self.target_for(paths, revise=revise).schema, answer)

    def shown(self, values: Mapping[str, Json]) -> dict[str, Json]:
        """The fields' values by path, under the names that a model knows."""
        if not self._is_renamed:
            return dict(values)
        found: dict[str, Json] = {}
        for path, value in values.items():
            steps = steps_on_wire(self._part, self.by_path[path].steps)
            held: Any = on_wire(self._part, self.record_of({path: value}))
            for step in steps:
                held = held[step]
            found[pointer(steps)] = held
        return found

    def is_list(self, path: str) -> bool:
        """Whether a field's values are lists."""
        return self._list_schema(self.by_path[path].schema) is not None

    def _list_schema(self, schema: JsonSchema) -> JsonSchema | None:
        """The schema of a list, out of an option with a single branch or a reference; else None."""
        if schema.get("type") == "array":
            return schema
        branches = schema.get("anyOf", ())
        inner = branches[0] if len(branches) == 1 else None
        if isinstance(ref := schema.get("$ref"), str):
            inner = resolve(self._part, ref)
        if not isinstance(inner, dict):
            return None
        found = self._list_schema(inner)
        told: JsonSchema = {key: schema[key] for key in ("title", *_TOLD) if key in schema}
        return None if found is None else {**found, **told}

    def field_at(self, path: str) -> Field:
        """Give the field of this path. Raises InputError if there is none."""
        if path not in self.by_path:
            raise InputError(
                f"The form has no field {path!r}.", hint=f"Its fields: {', '.join(self.by_path)}."
            )
        return self.by_path[path]

    def check_place(self, path: str) -> None:
        """Raise InputError if there is no field and no record of this path."""
        if not any(f"{known}/".startswith(f"{path}/") for known in self.by_path):
            self.field_at(path)

    def accepts(self, path: str, value: Json) -> bool:
        """Whether a text could state this value for the field."""
        schema = {**self.by_path[path].schema, "$defs": self._part.get("$defs", {})}
        return bool(target_of(schema).validator.is_valid(value))

    def values_by_field(self, path: str, value: Json) -> dict[str, Json]:
        """Split the value of a field, or of a record, into the values of its fields.

        Raises:
            InputError: If there is no such field or record, or a record's value is no object.
        """
        if path in self.by_path:
            return {path: value}
        self.check_place(path)
        if not isinstance(value, dict):
            raise InputError(
                f"{path or 'The form'} is a record, and the value is no object.",
                hint="Give it an object, or set its fields one by one; `clear` empties them.",
            )
        found: dict[str, Json] = {}
        for name, inner in value.items():
            found |= self.values_by_field(f"{path}/{escape(name)}", inner)
        return found

    def values_in(self, data: Json) -> dict[str, Json]:
        """Give the members of an answer that are fields, null and empty ones included, by path."""
        found = {}
        for path, known in self.by_path.items():
            value = data
            for step in known.steps:
                if not isinstance(value, dict) or step not in value:
                    break
                value = value[step]
            else:
                found[path] = value
        return found

    def leaves_out(self, data: Json, path: str) -> bool:
        """Whether an answer says nothing of a field, not even null for it or its record."""
        value = data
        for step in self.by_path[path].steps:
            if not isinstance(value, dict):
                return False
            if step not in value:
                return True
            value = value[step]
        return False

    def record_of(self, values: Mapping[str, Json]) -> Json:
        """Put the fields' values together as one record, with nothing else in it."""
        record: dict[str, Any] = {}
        for path, value in values.items():
            *way, name = self.by_path[path].steps
            holder = record
            for step in way:
                holder = holder.setdefault(step, {})
            holder[name] = value
        return record

    def complete_record(self, values: Mapping[str, Json]) -> Json:
        """As `record_of`, with null or an empty list for "not stated", if the target takes that."""
        return complete(self.target, self.record_of(values))

    def missing(self, data: Json) -> tuple[str, ...]:
        """List the fields without which `data` cannot become a complete record."""
        return tuple(
            path
            for path, known in self.by_path.items()
            if _is_missing(data, known) and not known.may_be_empty
        )

    def updated(self, path: str, old: Json, new: Json) -> Json:
        """Give a field's value after a text stated `new`.

        In a list with identity keys, items that it has already are changed, and others are added.
        """
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


def _is_missing(data: Json, known: Field) -> bool:
    for number, step in enumerate(known.steps):
        if not isinstance(data, dict):
            return False  # null is in the record's place
        if step not in data:
            return all(known.required[number:])
        data = data[step]
    return False


def contradicts(old: Json, new: Json) -> bool:
    """Whether `new` takes back anything of `old`, rather than only adding members or items."""
    if isinstance(old, dict) and isinstance(new, dict):
        return any(key not in new or contradicts(value, new[key]) for key, value in old.items())
    if isinstance(old, list) and isinstance(new, list):
        kept = set(map(constant_key, new))
        others = (item for item in old if constant_key(item) not in kept)
        return any(all(contradicts(item, other) for other in new) for item in others)
    return not same_json(old, new)


def _record_schema(
    root: JsonSchema, node: Any, seen: frozenset[str]
) -> tuple[JsonSchema, frozenset[str]]:
    """Follow references and "or null" to a record's schema.

    Gives {} if there is none, or if one of the references was followed before (`seen`), and the
    references that are followed by then.
    """
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


def _members_of(node: JsonSchema) -> dict[str, Any]:
    """Make a node the schema of a record, if it is none yet, and give its members."""
    node.setdefault("type", "object")
    node.setdefault("additionalProperties", False)
    members: dict[str, Any] = node.setdefault("properties", {})
    return members
