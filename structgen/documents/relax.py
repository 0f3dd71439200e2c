"""What a part of a document can state of a target: the same schema, of which every field may be missing.

A field that the whole needs may stand in another part. So on the way from the root, through records and maps, nothing is required
and no list has a least length. An item of a list has to stand in one part whole, unless the list has identity keys: then its other
fields may be missing too, and come from where the same item is spoken of again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from structgen.schema.json import escape, resolve
from structgen.schema.target import Target, target_of
from structgen.values import Json, JsonSchema

IDENTITY: Final = "x-identity"
_WHOLE_ONLY: Final = frozenset(
    {
        "required",
        "minProperties",
        "minItems",
        "contains",
        "minContains",
        "maxContains",
        "dependentRequired",
        "dependentSchemas",
    }
    | {"if", "then", "else", "not", "default", "unevaluatedProperties", "unevaluatedItems"}
)
"""Keywords that hold of a whole and need not hold of its parts."""
_SCALARS: Final = ("string", "number", "integer", "boolean")
_DATA: Final = frozenset({"const", "enum", "default", "examples"})


@dataclass(frozen=True, slots=True)
class Identity:
    """Marks the fields that tell items of a list apart: `name: Annotated[str, Identity()]`. Items of several chunks that agree in
    them are the same one."""

    def __get_pydantic_json_schema__(self, core_schema: Any, handler: Any) -> JsonSchema:
        return {**handler(core_schema), IDENTITY: True}


def relaxed(
    target: Target[Any], keys: Mapping[str, Sequence[str]]
) -> tuple[Target[Json], Mapping[str, tuple[str, ...]]]:
    """The target of a part, whose values are plain data, and the identity keys of all lists.

    `keys`: identity keys by the list's pattern, a JSON Pointer with `*` for any key or index, besides those that the schema marks.
    """
    source = target.schema if target.adapter is None else _closed(target.schema)
    walk = _Relaxing(source, keys)
    schema = walk.part(source, "")
    if source.get("type") in _SCALARS:
        schema = {"anyOf": [schema, {"type": "null"}]}
    defs = {**source.get("$defs", {}), **walk.defs}
    schema = {**schema, "title": target.name, **({"$defs": defs} if defs else {})}
    return target_of(schema), walk.keys


def _closed(schema: Any) -> Any:
    """The schema of a type: its records have no other members than their fields."""
    if isinstance(schema, list):
        return [_closed(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: value if key in _DATA else _closed(value) for key, value in schema.items()}
    is_record = schema.get("type") == "object" and "properties" in schema
    return {"additionalProperties": False, **found} if is_record else found


class _Relaxing:
    def __init__(self, root: JsonSchema, keys: Mapping[str, Sequence[str]]) -> None:
        self._root = root
        self.keys = {pattern: tuple(names) for pattern, names in keys.items()}
        self.defs: dict[str, Any] = {}
        self._named: dict[tuple[str, tuple[str, ...]], str] = {}

    def part(self, node: Any, at: str, keep: tuple[str, ...] = ()) -> Any:
        """A node with nothing required but the fields to `keep`, and those that tell the options of a union apart."""
        if not isinstance(node, dict):
            return node
        if isinstance(ref := node.get("$ref"), str):
            return {**node, "$ref": self._reference(ref, at, keep)}
        found = {
            key: value
            for key, value in node.items()
            if key not in _WHOLE_ONLY and key not in ("$defs", "oneOf")
        }
        if needed := [
            name for name in node.get("required", ()) if name in keep or self._is_tag(node, name)
        ]:
            found["required"] = needed
        if "properties" in node:
            kept = found.get("required", ())
            fields = {
                name: inner if name in kept else _stated(inner)
                for name, inner in node["properties"].items()
            }
            found["properties"] = {
                name: self.part(inner, f"{at}/{escape(name)}") for name, inner in fields.items()
            }
        if isinstance(node.get("additionalProperties"), dict):
            found["additionalProperties"] = self.part(node["additionalProperties"], f"{at}/*")
        if isinstance(node.get("items"), dict):
            found["items"] = self._items(node["items"], at)
        for keyword in ("allOf", "anyOf", "oneOf"):
            if keyword in node:
                options = [self.part(option, at, keep) for option in node[keyword]]
                found["anyOf" if keyword == "oneOf" else keyword] = options
        return found

    def _items(self, items: JsonSchema, at: str) -> JsonSchema:
        keys = self.keys.get(at) or self._marked(items)
        if not keys:
            return items
        self.keys[at] = keys
        inner: JsonSchema = self.part(items, f"{at}/*", keys)
        return inner

    def _reference(self, ref: str, at: str, keep: tuple[str, ...]) -> str:
        if (ref, keep) not in self._named:
            name = f"{ref.rpartition('/')[2].lstrip('#') or 'root'}_part{len(self._named) or ''}"
            self._named[ref, keep] = f"#/$defs/{name}"
            self.defs[name] = self.part(resolve(self._root, ref), at, keep)
        return self._named[ref, keep]

    def _resolved(self, node: Any) -> JsonSchema:
        while isinstance(node, dict) and "$ref" in node:
            node = resolve(self._root, node["$ref"])
        return node if isinstance(node, dict) else {}

    def _marked(self, items: JsonSchema) -> tuple[str, ...]:
        fields = self._resolved(items).get("properties", {})
        return tuple(
            name
            for name, inner in fields.items()
            if isinstance(inner, dict) and inner.get(IDENTITY)
        )

    def _is_tag(self, node: JsonSchema, name: str) -> bool:
        field = node.get("properties", {}).get(name)
        return isinstance(field, dict) and ("const" in field or len(field.get("enum", ())) == 1)


def _stated(node: Any) -> Any:
    """The schema of a field that may be missing, without null: that says no more than a field that is missing."""
    if not isinstance(node, dict):
        return node
    kinds, options, listed = node.get("type"), node.get("anyOf"), node.get("enum")
    if isinstance(kinds, list) and len(kinds) > 1:
        node = {**node, "type": [kind for kind in kinds if kind != "null"]}
    if isinstance(listed, list) and len(listed) > 1:
        node = {**node, "enum": [value for value in listed if value is not None]}
    if isinstance(options, list) and len(options) > 1:
        node = {**node, "anyOf": [option for option in options if option != {"type": "null"}]}
    return node


def completed(target: Target[Any], data: Json) -> Json:
    """`data` with null, an empty list or an empty record for required fields that no part stated, where the target takes them."""
    validator = target.validator

    def fill(node: Any, value: Json) -> Json:
        while isinstance(node, dict) and "$ref" in node:
            node = resolve(target.schema, node["$ref"])
        if not isinstance(node, dict) or not isinstance(value, dict | list):
            return value
        for option in (*node.get("anyOf", ()), *node.get("oneOf", ())):
            if validator.evolve(schema=option).is_valid(whole := fill(option, value)):
                return whole
        if isinstance(value, list):
            return [fill(node.get("items"), item) for item in value]
        fields = node.get("properties", {})
        value = {
            name: fill(fields.get(name, node.get("additionalProperties")), inner)
            for name, inner in value.items()
        }
        for name in node.get("required", ()):
            if name not in value and "default" not in fields.get(name, {}):
                empties: tuple[Json, ...] = (None, [], fill(fields.get(name), {}))
                for empty in empties:
                    if validator.evolve(schema=fields.get(name, True)).is_valid(empty):
                        value[name] = empty
                        break
        return value

    starts: tuple[Json, ...] = ([], None, {}) if data is None else (data,)
    wholes = [fill(target.schema, start) for start in starts]
    return next(filter(validator.is_valid, wholes), wholes[-1])
