"""A target as types of TypeScript: what the JSON of its values looks like."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from structgen.schema.code.text import Definitions, comment, key, kinds_of, literal
from structgen.schema.target import target_of
from structgen.values import Json, JsonSchema

_MOST_ITEMS: Final = 20
"""Items of a tuple that are written one by one; beyond, it is a list."""
_PLAIN: Final = {
    "string": "string",
    "number": "number",
    "integer": "number",
    "boolean": "boolean",
    "null": "null",
}


def to_typescript(source: Any) -> str:
    """Write the types of TypeScript for a target: one for it, and one for each definition.

    Types say which members and kinds there are. Bounds, patterns and formats are in no type; those
    of zod hold them (`to_zod`).

    Args:
        source: A type that Pydantic knows, a Target, or a JSON Schema.

    Raises:
        TargetError: If `source` is not a target.
        SchemaError: If it has no JSON form.
    """
    types = Types(Definitions(target_of(source)))
    return "\n".join(types.declarations())


class Types:
    """Writes the types of a schema."""

    def __init__(self, definitions: Definitions) -> None:
        """Take the definitions.

        Args:
            definitions: The root and what it refers to.
        """
        self._definitions = definitions

    def declarations(self) -> Iterable[str]:
        """Give the declaration of each definition."""
        for one in self._definitions:
            yield f"{comment(one.schema)}export type {one.name} = {self.of(one.schema)};\n"

    def of(self, schema: Json, indent: str = "") -> str:
        """Give the type of a schema.

        Args:
            schema: The schema.
            indent: The white space before each line of it.
        """
        if not isinstance(schema, dict):
            return "never" if schema is False else "unknown"
        parts = [self._own(schema, indent)]
        if "$ref" in schema:
            parts.append(self._definitions.name_of(schema["$ref"]))
        parts += [self.of(one, indent) for one in schema.get("allOf", ())]
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                parts.append(_union(self.of(one, indent) for one in schema[keyword]))
        known = list(dict.fromkeys(part for part in parts if part != "unknown"))
        if len(known) < 2:
            return known[0] if known else "unknown"
        return " & ".join(f"({part})" if " | " in part else part for part in known)

    def _own(self, schema: JsonSchema, indent: str) -> str:
        """The type that the schema's own keywords give."""
        if "const" in schema:
            return constant_type(schema["const"])
        if "enum" in schema:
            return _union(map(constant_type, schema["enum"]))
        kinds = kinds_of(schema)
        return _union(self._of_kind(kind, schema, indent) for kind in kinds) if kinds else "unknown"

    def _of_kind(self, kind: str, schema: JsonSchema, indent: str) -> str:
        if kind == "array":
            return self._array(schema, indent)
        return self._object(schema, indent) if kind == "object" else _PLAIN.get(kind, "unknown")

    def _array(self, schema: JsonSchema, indent: str) -> str:
        head = schema.get("prefixItems", [])
        most = schema.get("maxItems", len(head) + 1)
        rest = schema.get("items", True)
        if not head or len(head) > _MOST_ITEMS:
            return f"Array<{self.of(rest if not head else True, indent)}>"
        least = schema.get("minItems", 0)
        items = [
            f"({self.of(one, indent)})?" if at >= least else self.of(one, indent)
            for at, one in enumerate(head)
        ]
        if rest is not False and most > len(head):
            items.append(f"...Array<{self.of(rest, indent)}>")
        return f"[{', '.join(items)}]"

    def _object(self, schema: JsonSchema, indent: str) -> str:
        members = schema.get("properties", {})
        required = schema.get("required", [])
        others = self._others(schema, indent)
        undeclared = [name for name in required if name not in members]
        if not members and not undeclared:
            return f"{{ [member: string]: {others} }}"  # a Record cannot lead back to itself
        inner = f"{indent}  "
        lines = [
            f"{comment(one, inner)}{inner}{key(name)}{'' if name in required else '?'}: "
            f"{self.of(one, inner)};\n"
            for name, one in members.items()
        ]
        lines += [f"{inner}{key(name)}: {others};\n" for name in undeclared]
        is_said = schema.keys() & {"additionalProperties", "patternProperties"}
        if is_said and others != "never":
            # An index signature has to take the declared members, too.
            lines.append(f"{inner}[member: string]: unknown;\n")
        return f"{{\n{''.join(lines)}{indent}}}"

    def _others(self, schema: JsonSchema, indent: str) -> str:
        """The type of members that are not declared."""
        by_pattern = [self.of(one, indent) for one in schema.get("patternProperties", {}).values()]
        rest = self.of(schema.get("additionalProperties", True), indent)
        return _union([*by_pattern, rest])


def _union(options: Iterable[str]) -> str:
    """A union of types, each of which comes once."""
    found = [one for one in dict.fromkeys(options) if one != "never"]
    if "unknown" in found:
        return "unknown"
    return " | ".join(f"({one})" if " & " in one else one for one in found) or "never"


def constant_type(value: Json) -> str:
    """Give the type that has one value.

    Args:
        value: The value, as plain JSON data.
    """
    if isinstance(value, list):
        return f"[{', '.join(map(constant_type, value))}]"
    if isinstance(value, dict):
        members = "; ".join(f"{key(name)}: {constant_type(one)}" for name, one in value.items())
        return f"{{ {members} }}" if members else "Record<string, never>"
    return literal(value)
