"""A target as schemas of zod, which check in JavaScript what the check does here.

A pattern that only Python's language has, and keywords that are rare in targets, are left out; the
first lines of the code name them. zod counts a text in UTF-16 units, has formats of its own, and
takes no whole number beyond 2^53.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from structgen.errors import SchemaError
from structgen.schema.code.text import Definitions, comment, key, kinds_of, literal
from structgen.schema.code.typescript import Types, constant_type
from structgen.schema.target import target_of
from structgen.schema.validate.pattern_tree import parse_ecma
from structgen.values import Json, JsonSchema

_UNCHECKED: Final = (
    "contains",
    "dependentRequired",
    "dependentSchemas",
    "if",
    "unevaluatedItems",
    "unevaluatedProperties",
)
"""Keywords that the code does not hold."""
_FORMATS: Final = {
    "date": "z.iso.date()",
    "date-time": "z.iso.datetime({ offset: true })",
    "duration": "z.iso.duration()",
    "email": "z.email()",
    "ipv4": "z.ipv4()",
    "ipv6": "z.ipv6()",
    "uuid": "z.guid()",
}
_UNICODE: Final = re.compile(r"\\[pP]\{|\\u\{")
_NUMBER_CHECKS: Final = {
    "minimum": "gte",
    "maximum": "lte",
    "exclusiveMinimum": "gt",
    "exclusiveMaximum": "lt",
    "multipleOf": "multipleOf",
}
_PLAIN: Final = {"boolean": "z.boolean()", "null": "z.null()"}
_ANYTHING: Final = "z.unknown()"
_PRESENT: Final = "z.unknown().refine((value) => value !== undefined)"
"""A member that has to be there, whatever it is."""
_EQUALS: Final = (
    "const same = (a: unknown, b: unknown): boolean =>\n"
    "  a === b ||\n"
    '  (typeof a === "object" && typeof b === "object" && a !== null && b !== null &&\n'
    "    Array.isArray(a) === Array.isArray(b) &&\n"
    "    Object.keys(a).length === Object.keys(b).length &&\n"
    "    Object.entries(a).every(([name, one]) =>\n"
    "      Object.hasOwn(b, name) && same(one, (b as Record<string, unknown>)[name])));\n"
)
"""Whether two JSON values are the same, for constants and unique items."""


def to_zod(source: Any) -> str:
    """Write schemas of zod 4 for a target, with the type of each: one for it and each definition.

    Args:
        source: A type that Pydantic knows, a Target, or a JSON Schema.

    Raises:
        TargetError: If `source` is not a target.
        SchemaError: If it has no JSON form.
    """
    definitions = Definitions(target_of(source))
    writer = _Writer(definitions)
    types = Types(definitions)
    parts = []
    for one in definitions:
        code = writer.of(one.schema)
        about = comment(one.schema)
        if one.is_cyclic:  # its type cannot be inferred
            written = types.of(one.schema)
            parts.append(f"{about}export type {one.name} = {written};\n")
            parts.append(f"export const {one.name}: z.ZodType<{one.name}> = {code};\n")
        else:
            parts.append(f"{about}export const {one.name} = {code};\n")
            parts.append(f"export type {one.name} = z.infer<typeof {one.name}>;\n")
    unchecked = [f"// Not checked here: {one}\n" for one in sorted(writer.unchecked)]
    head = ['import { z } from "zod";\n', *unchecked, *([_EQUALS] if writer.compares else [])]
    return "\n".join([*head, *parts])


class _Writer:
    """Writes the schemas of zod."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions
        self.unchecked: set[str] = set()
        """Names of the keywords that the code does not check."""
        self.compares = False
        """Whether the code compares values."""

    def of(self, schema: Json, indent: str = "") -> str:
        """The schema of zod for a JSON Schema."""
        if not isinstance(schema, dict):
            return "z.never()" if schema is False else _ANYTHING
        self.unchecked |= {name for name in _UNCHECKED if name in schema}
        parts = [self._own(schema, indent)]
        if "$ref" in schema:
            parts.append(self._reference(schema["$ref"]))
        parts += [self.of(one, indent) for one in schema.get("allOf", ())]
        if "anyOf" in schema:
            parts.append(_union([self.of(one, indent) for one in schema["anyOf"]]))
        if "oneOf" in schema:
            parts.append(self._one_of(schema, indent))
        known = [part for part in parts if part != _ANYTHING] or [_ANYTHING]
        code = known[0]
        for other in known[1:]:
            code = f"z.intersection({code}, {other})"
        if "not" in schema:
            inner = self.of(schema["not"], indent)
            code += f".refine((value) => !{inner}.safeParse(value).success)"
        return code

    def _reference(self, ref: str) -> str:
        name = self._definitions.name_of(ref)
        return f"z.lazy(() => {name})" if ref in self._definitions.cyclic else name

    def _own(self, schema: JsonSchema, indent: str) -> str:
        """The schema of a schema's own keywords."""
        if "const" in schema:
            return self._constants([schema["const"]])
        if "enum" in schema:
            return self._constants(schema["enum"])
        kinds = kinds_of(schema)
        if not kinds:
            return _ANYTHING
        return _union([self._of_kind(kind, schema, indent) for kind in kinds])

    def _constants(self, values: Sequence[Json]) -> str:
        scalars = [one for one in values if not isinstance(one, list | dict)]
        options = []
        if scalars and all(isinstance(one, str) for one in scalars) and len(scalars) > 1:
            options.append(f"z.enum([{', '.join(map(literal, scalars))}])")
        elif len(scalars) == 1:
            options.append(f"z.literal({literal(scalars[0])})")
        elif scalars:
            options.append(f"z.literal([{', '.join(map(literal, scalars))}])")
        for one in values:
            if isinstance(one, list | dict):
                self.compares = True
                kind = constant_type(one)
                options.append(f"z.custom<{kind}>((value) => same(value, {literal(one)}))")
        return _union(options)

    def _of_kind(self, kind: str, schema: JsonSchema, indent: str) -> str:
        if kind in ("number", "integer"):
            return _number(kind, schema)
        if kind == "string":
            return self._string(schema)
        if kind == "array":
            return self._array(schema, indent)
        return self._object(schema, indent) if kind == "object" else _PLAIN[kind]

    def _string(self, schema: JsonSchema) -> str:
        code = _FORMATS.get(schema.get("format", ""), "z.string()")
        if "format" in schema and code == "z.string()":
            self.unchecked.add(f"format {literal(schema['format'])}")
        code += _bounds(schema, "minLength", "maxLength")
        pattern = schema.get("pattern")
        if pattern is not None:
            regex = self._regex(pattern)
            code += f".regex({regex})" if regex else ""
        return code

    def _regex(self, pattern: str) -> str:
        """A pattern as a RegExp; "" if JavaScript has no such pattern."""
        try:
            parse_ecma(pattern)
        except SchemaError:
            self.unchecked.add(f"pattern {literal(pattern)}")
            return ""
        flags = ', "u"' if _UNICODE.search(pattern) else ""
        return f"new RegExp({literal(pattern)}{flags})"

    def _array(self, schema: JsonSchema, indent: str) -> str:
        head = schema.get("prefixItems", [])
        bounds = _bounds(schema, "minItems", "maxItems")
        if not head:
            code = f"z.array({self.of(schema.get('items', True), indent)}){bounds}"
        else:
            code = self._tuple(head, schema, indent)
        if schema.get("uniqueItems"):
            self.compares = True
            unique = "items.every((one, at) => items.slice(0, at).every((other) => "
            code += f".refine((items) => {unique}!same(one, other))))"
        return code

    def _tuple(self, head: Sequence[Json], schema: JsonSchema, indent: str) -> str:
        least, most = schema.get("minItems", 0), schema.get("maxItems")
        items = [self.of(one, indent) for one in head]
        shown = [f"{one}.optional()" if at >= least else one for at, one in enumerate(items)]
        rest = schema.get("items", True)
        is_open = rest is not False and (most is None or most > len(head))
        code = f"z.tuple([{', '.join(shown)}]"
        code += f", {self.of(rest, indent)})" if is_open else ")"
        if least > len(head):
            code += f".refine((items) => items.length >= {least})"
        if most is not None and (is_open or most < len(head)):
            code += f".refine((items) => items.length <= {most})"
        return code

    def _object(self, schema: JsonSchema, indent: str) -> str:
        members = schema.get("properties", {})
        required = schema.get("required", [])
        patterns = schema.get("patternProperties", {})
        others = schema.get("additionalProperties", True)
        if not members and not required:
            code = self._map(schema, patterns, others, indent)
        else:
            if patterns or "propertyNames" in schema:
                self.unchecked.add("patternProperties and propertyNames beside properties")
                others = True if patterns else others
            code = self._record(members, required, others, indent)
        if "minProperties" in schema:
            code += f".refine((value) => Object.keys(value).length >= {schema['minProperties']})"
        if "maxProperties" in schema:
            code += f".refine((value) => Object.keys(value).length <= {schema['maxProperties']})"
        return code

    def _map(self, schema: JsonSchema, patterns: JsonSchema, others: Json, indent: str) -> str:
        """The schema of an object whose members are all alike."""
        names = "z.string()"
        if "propertyNames" in schema:
            keys = schema["propertyNames"]
            is_open = isinstance(keys, dict) and "enum" not in keys and "const" not in keys
            names = self.of({"type": "string", **keys}, indent) if is_open else names
            if not is_open:
                code = self.of(keys, indent)
                inner = f"z.record(z.string(), {self.of(others, indent)})"
                check = f"Object.keys(value).every((name) => {code}.safeParse(name).success)"
                return f"{inner}.refine((value) => {check})"
        if not patterns:
            return f"z.record({names}, {self.of(others, indent)})"
        (pattern, value), *more = patterns.items()
        regex = self._regex(pattern)
        if more or others is not False or not regex:
            self.unchecked.add("patternProperties beside others")
            return f"z.record({names}, {_ANYTHING})"
        return f"z.record(z.string().regex({regex}), {self.of(value, indent)})"

    def _record(
        self, members: JsonSchema, required: Sequence[str], others: Json, indent: str
    ) -> str:
        inner = f"{indent}  "
        lines = []
        for name, one in members.items():
            code = self.of(one, inner)
            if name not in required:
                code += ".optional()"
            elif code == _ANYTHING:
                code = _PRESENT
            lines.append(f"{comment(one, inner)}{inner}{key(name)}: {code},\n")
        for name in required:
            if name not in members:
                rest = self.of(others, inner)
                code = _PRESENT if rest == _ANYTHING else rest
                lines.append(f"{inner}{key(name)}: {code},\n")
        shape = f"{{\n{''.join(lines)}{indent}}}"
        if others is False:
            return f"z.strictObject({shape})"
        if others is True or others == {}:
            return f"z.looseObject({shape})"
        return f"z.object({shape}).catchall({self.of(others, indent)})"

    def _one_of(self, schema: JsonSchema, indent: str) -> str:
        options = schema["oneOf"]
        codes = [self.of(one, indent) for one in options]
        tag = schema.get("discriminator", {})
        name = tag.get("propertyName") if isinstance(tag, dict) else None
        if isinstance(name, str) and all(self._is_tagged(one, name) for one in options):
            return f"z.discriminatedUnion({literal(name)}, [{', '.join(codes)}])"
        if len(codes) == 1:
            return codes[0]
        counted = f"[{', '.join(codes)}].filter((one) => one.safeParse(value).success).length"
        return f"{_union(codes)}.refine((value) => {counted} === 1)"

    def _is_tagged(self, option: Json, name: str) -> bool:
        """Whether zod can tell an option by its tag: an object of its own, with a constant."""
        if not isinstance(option, dict) or option.keys() != {"$ref"}:
            return False
        if option["$ref"] in self._definitions.cyclic:
            return False
        found = self._definitions.schema_of(option["$ref"])
        if not isinstance(found, dict) or found.keys() & {"anyOf", "oneOf", "allOf", "$ref"}:
            return False
        tag = found.get("properties", {}).get(name)
        is_constant = isinstance(tag, dict) and ("const" in tag or "enum" in tag)
        return is_constant and name in found.get("required", ())


def _number(kind: str, schema: JsonSchema) -> str:
    code = "z.int()" if kind == "integer" else "z.number()"
    for keyword, check in _NUMBER_CHECKS.items():
        if keyword in schema:
            code += f".{check}({literal(schema[keyword])})"
    return code


def _bounds(schema: JsonSchema, least: str, most: str) -> str:
    code = f".min({schema[least]})" if least in schema else ""
    return f"{code}.max({schema[most]})" if most in schema else code


def _union(options: Sequence[str]) -> str:
    found = [one for one in dict.fromkeys(options) if one != "z.never()"]
    if _ANYTHING in found:
        return _ANYTHING
    others = [one for one in found if one != _PLAIN["null"]]
    if others and len(others) < len(found):
        return f"{_union(others)}.nullable()"
    if len(found) < 2:
        return found[0] if found else "z.never()"
    return f"z.union([{', '.join(found)}])"
