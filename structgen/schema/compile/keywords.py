"""The keywords of JSON Schema that say something about values, and the types that they speak of."""

from __future__ import annotations

from typing import Final, TypeAlias

from structgen.schema.inside import DUPLICATES
from structgen.schema.verbatim import VERBATIM
from structgen.values import Json, JsonSchema

Schema: TypeAlias = "JsonSchema | bool"

TYPES: Final = ("null", "boolean", "integer", "number", "string", "array", "object")
SCALARS: Final = ("string", "integer", "number", "boolean", "null")

_KEYWORDS_OF_TYPE: Final[dict[str, tuple[str, ...]]] = {
    "string": ("minLength", "maxLength", "pattern", "format", VERBATIM),
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "array": (
        "items",
        "prefixItems",
        "minItems",
        "maxItems",
        "uniqueItems",
        "contains",
        "unevaluatedItems",
        DUPLICATES,
    ),
    "object": (
        "properties",
        "required",
        "additionalProperties",
        "patternProperties",
        "propertyNames",
        "minProperties",
        "maxProperties",
        "dependentRequired",
        "dependentSchemas",
        "unevaluatedProperties",
    ),
}
TYPE_OF_KEYWORD: Final = {
    keyword: type_ for type_, keywords in _KEYWORDS_OF_TYPE.items() for keyword in keywords
}
_ANY_TYPE: Final = ("$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "enum", "const", "type")
_CONDITIONS: Final = ("not", "if", "then", "else")
_COUNTS: Final = ("minContains", "maxContains")
ASSERTIONS: Final = frozenset({*TYPE_OF_KEYWORD, *_ANY_TYPE, *_CONDITIONS, *_COUNTS})


class Unsatisfiable(Exception):
    """No value meets this schema.

    It never leaves this package: a branch is left out, or a SchemaError is raised.
    """


def assertions(schema: JsonSchema) -> JsonSchema:
    """The keywords that say something about values; not the annotations."""
    return {key: value for key, value in schema.items() if key in ASSERTIONS}


def types_of(schema: JsonSchema) -> tuple[str, ...] | None:
    """The declared types; None if any type is allowed."""
    declared = schema.get("type")
    if declared is None:
        return None
    return tuple(declared) if isinstance(declared, list) else (declared,)


def listed_values(schema: JsonSchema) -> list[Json] | None:
    """The values that `const` or `enum` lists; None if there is neither."""
    return [schema["const"]] if "const" in schema else schema.get("enum")


def without_single_all_of(schema: JsonSchema) -> JsonSchema:
    """A schema that asserts nothing but one `allOf` of one part, as that part."""
    core = assertions(schema)
    parts = core.get("allOf", ())
    if len(core) != 1 or len(parts) != 1 or not isinstance(parts[0], dict):
        return schema
    return {**parts[0], **{key: value for key, value in schema.items() if key != "allOf"}}
