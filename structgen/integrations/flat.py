"""A target as one flat form of plain fields, as MCP's elicitation allows, and back without loss.

The compiler writes the target in a schema language that has just what such forms can hold. What is
nested is then lifted to the top, under the path of its names; what has no flat form, such as a list
of records, is one text field that holds JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any, Final, Generic, NamedTuple, TypeVar

from structgen.errors import InvalidOutputError
from structgen.schema.compiler import compile_schema
from structgen.schema.subset import SchemaSubset
from structgen.values import Json, JsonSchema, Violation

T = TypeVar("T")

_FORMATS: Final = frozenset({"date", "date-time", "email", "uri"})
ELICITATION: Final = SchemaSubset(
    name="mcp-elicitation",
    holds=False,
    absent="omit",
    text_enums=True,
    mixed_enums=False,
    const=False,
    keywords=frozenset({"string.minLength", "string.maxLength"})
    | {f"{kind}.{bound}" for kind in ("integer", "number") for bound in ("minimum", "maximum")},
    formats=_FORMATS,
)
"""Specification of MCP, revision 2025-11-25, "Elicitation": schemas of primitive types."""
_KEPT: Final[tuple[str, ...]] = (
    "title",
    "description",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "format",
)
_MISSING: Final = object()


class _Field(NamedTuple):
    """One field of the flat form."""

    path: tuple[str, ...]
    """The names of the members that lead to its value."""
    schema: JsonSchema
    """Its schema in the form."""
    required: bool
    """Whether the form needs it."""
    is_json: bool
    """Whether it holds its value as JSON text."""
    null_if_absent: bool
    """Whether an empty field means null."""

    @property
    def name(self) -> str:
        """Its name in the form: the names of its path, with dots between them."""
        return ".".join(one.replace("~", "~0").replace(".", "~1") for one in self.path)


class FlatForm(Generic[T]):
    """A target as a flat form.

    Args:
        target: A type, a JSON Schema or a Target.
    """

    def __init__(self, target: Any) -> None:
        self._compiled = compile_schema(target, ELICITATION)
        self._definitions: Mapping[str, Any] = self._compiled.schema.get("$defs", {})
        self._objects: list[tuple[str, ...]] = []
        self._fields = list(self._members((), self._compiled.schema, True, frozenset()))

    @property
    def schema(self) -> JsonSchema:
        """The form, as the `requestedSchema` of an elicitation."""
        required = [field.name for field in self._fields if field.required]
        properties = {field.name: field.schema for field in self._fields}
        return {"type": "object", "properties": properties, "required": required}

    def content(self, value: T) -> dict[str, Json]:
        """Write a value as the content of the form.

        Args:
            value: A value of the target.
        """
        data = self._compiled.encode(value)
        found: dict[str, Json] = {}
        for field in self._fields:
            held = _held(data, field.path)
            if held is _MISSING or (held is None and field.null_if_absent):
                continue
            found[field.name] = _json_text(held) if field.is_json else held
        return found

    def value(self, content: Mapping[str, Json]) -> T:
        """Read the content of the form.

        Args:
            content: The fields that were filled in, by name.

        Raises:
            InvalidOutputError: If it is no value of the target; it says which field is wrong.
        """
        data: dict[str, Any] = {}
        for field in self._fields:
            held = content.get(field.name)
            if held is not None:
                _put(data, field.path, _from_json(field, held) if field.is_json else held)
        for path in self._objects:
            _set_default(data, path, {})
        for field in self._fields:
            if field.null_if_absent:
                _set_default(data, field.path, None)
        value: T = self._compiled.decode(data)
        return value

    def _members(
        self, path: tuple[str, ...], schema: JsonSchema, required: bool, seen: frozenset[str]
    ) -> Iterator[_Field]:
        """The fields of an object; each is required if it and all around it are."""
        wanted = frozenset(schema.get("required", ()))
        for name, member in schema.get("properties", {}).items():
            yield from self._field((*path, name), member, name in wanted, required, seen)

    def _field(
        self,
        path: tuple[str, ...],
        schema: JsonSchema,
        wanted: bool,
        around: bool,
        seen: frozenset[str],
    ) -> Iterator[_Field]:
        shape, seen = self._resolved(schema, seen)
        inside = _not_null(shape) if wanted else None
        if inside is not None:
            other, _ = self._resolved(inside, seen)
            leaf = _leaf({**other, **_annotations(shape)})
            if leaf is not None:
                yield _Field(path, leaf, False, False, True)
                return
        if shape.get("type") == "object" and shape.get("properties"):
            if wanted:
                self._objects.append(path)
                yield from self._members(path, shape, around, seen)
                return
            if self._shows_itself(shape, seen):
                yield from self._members(path, shape, False, seen)
                return
        leaf = _leaf(shape)
        flat = _json_field(shape) if leaf is None else leaf
        yield _Field(path, flat, wanted and around, leaf is None, False)

    def _shows_itself(self, schema: JsonSchema, seen: frozenset[str]) -> bool:
        """Whether an object always has a field in the form, so that its absence can be told."""
        for name in schema.get("required", ()):
            member, _ = self._resolved(schema["properties"][name], seen)
            is_object = member.get("type") == "object" and member.get("properties")
            if not is_object and _not_null(member) is None:
                return True
        return False

    def _resolved(
        self, schema: JsonSchema, seen: frozenset[str]
    ) -> tuple[JsonSchema, frozenset[str]]:
        """The schema behind a reference; one that comes again inside itself has no shape."""
        reference = schema.get("$ref")
        if reference is None:
            return schema, seen
        name = str(reference).removeprefix("#/$defs/")
        if name in seen or name not in self._definitions:
            return {}, seen
        return {**self._definitions[name], **_annotations(schema)}, seen | {name}


def _not_null(schema: JsonSchema) -> JsonSchema | None:
    """The other option of a schema that is null or one other; None if it is no such schema."""
    kinds = schema.get("type")
    if isinstance(kinds, list) and len(kinds) == 2 and "null" in kinds:
        return {**schema, "type": next(kind for kind in kinds if kind != "null")}
    others = [one for one in schema.get("anyOf", ()) if one != {"type": "null"}]
    return others[0] if len(others) == 1 and len(schema["anyOf"]) == 2 else None


def _leaf(schema: JsonSchema) -> JsonSchema | None:
    """The schema of a plain field; None if it cannot be one."""
    kept = {name: schema[name] for name in _KEPT if name in schema}
    if kept.get("format") not in _FORMATS:
        kept.pop("format", None)
    options = schema.get("enum")
    if options is not None:
        if not all(isinstance(one, str) for one in options):
            return None
        return {"type": "string", **_annotations(schema), "enum": options}
    if schema.get("type") in ("string", "integer", "number", "boolean"):
        return {"type": schema["type"], **kept}
    return None


def _json_field(schema: JsonSchema) -> JsonSchema:
    said = schema.get("description")
    told = "Write JSON" + (", such as [...]." if schema.get("type") == "array" else ".")
    return {"type": "string", "description": f"{said} {told}" if said else told}


def _annotations(schema: JsonSchema) -> dict[str, Any]:
    return {name: schema[name] for name in ("title", "description") if name in schema}


def _held(data: Any, path: tuple[str, ...]) -> Any:
    for name in path:
        if not isinstance(data, dict) or name not in data:
            return _MISSING
        data = data[name]
    return data


def _put(data: dict[str, Any], path: tuple[str, ...], value: Json) -> None:
    *around, last = path
    for name in around:
        data = data.setdefault(name, {})
    data[last] = value


def _set_default(data: dict[str, Any], path: tuple[str, ...], value: Json) -> None:
    """Add a member that is missing, if the object around it is there."""
    around = _held(data, path[:-1])
    if isinstance(around, dict):
        around.setdefault(path[-1], value)


def _json_text(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)


def _from_json(field: _Field, text: Json) -> Json:
    try:
        found: Json = json.loads(text) if isinstance(text, str) else text
    except ValueError:
        raise InvalidOutputError(
            f"The field {field.name} does not hold JSON.",
            violations=(Violation("/" + "/".join(field.path), "", repr(text), "JSON"),),
        ) from None
    return found
