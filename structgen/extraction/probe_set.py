"""The schemas that a probe asks, one for each keyword and construct."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final, NamedTuple

from structgen.values import Json, JsonSchema

_STRING: Final[JsonSchema] = {"type": "string"}
_INTEGER: Final[JsonSchema] = {"type": "integer"}


class Construct(NamedTuple):
    """One construct, and what tempts a model to break it."""

    name: str
    """What it is called in a probe: `type.keyword` for an assertion."""
    keyword: str
    """What a row does without if a server refuses it; "" if no row can."""
    part: JsonSchema
    """The schema of the answer's member `value`."""
    broken: Json
    """What the model is told to write, which the schema forbids if it is enforced."""
    root: Mapping[str, Json] = MappingProxyType({})
    """Further members of the root, such as definitions."""

    @property
    def schema(self) -> JsonSchema:
        """The whole schema, in the form that every vendor's strict mode takes."""
        return {
            "type": "object",
            "properties": {"value": self.part},
            "required": ["value"],
            "additionalProperties": False,
            **self.root,
        }


def _text(keyword: str, value: Json, broken: str) -> Construct:
    return Construct(f"string.{keyword}", keyword, {**_STRING, keyword: value}, broken)


def _number(keyword: str, value: int, broken: int) -> Construct:
    return Construct(f"integer.{keyword}", keyword, {**_INTEGER, keyword: value}, broken)


def _list(keyword: str, value: Json, broken: list[str]) -> Construct:
    part = {"type": "array", "items": _STRING, keyword: value}
    return Construct(f"array.{keyword}", keyword, part, broken)


def _format(name: str) -> Construct:
    keyword = f"format:{name}"
    return Construct(keyword, keyword, {**_STRING, "format": name}, "no such thing")


def _other(name: str, keyword: str, part: Any, broken: Json, **root: Json) -> Construct:
    return Construct(name, keyword, part, broken, root)


def _object(keyword: str, value: Json, broken: Json) -> Construct:
    part = {"type": "object", "additionalProperties": _INTEGER, keyword: value}
    return Construct(f"object.{keyword}", keyword, part, broken)


_NODE: Final[JsonSchema] = {
    "type": "object",
    "properties": {"next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]}},
    "required": ["next"],
    "additionalProperties": False,
}

BASE: Final = Construct("a plain object", "", _STRING, 7)
"""What every server takes that takes a schema at all."""

CONSTRUCTS: Final[tuple[Construct, ...]] = (
    _text("minLength", 12, "ab"),
    _text("maxLength", 3, "abcdefgh"),
    _text("pattern", "^[a-z]{3}-[0-9]{2}$", "hello"),
    *map(_format, ("date", "time", "date-time", "duration", "email", "hostname")),
    *map(_format, ("ipv4", "ipv6", "uuid", "uri")),
    _number("minimum", 100, 5),
    _number("maximum", 10, 500),
    _number("exclusiveMinimum", 100, 100),
    _number("exclusiveMaximum", 10, 10),
    _number("multipleOf", 7, 10),
    _list("minItems", 3, ["a"]),
    _list("maxItems", 1, ["a", "b", "c"]),
    _list("uniqueItems", True, ["a", "a"]),
    _object("minProperties", 2, {"a": 1}),
    _object("maxProperties", 1, {"a": 1, "b": 2}),
    _other(
        "object.patternProperties",
        "patternProperties",
        {
            "type": "object",
            "patternProperties": {"^x-": _INTEGER},
            "additionalProperties": False,
        },
        {"a": 1},
    ),
    _other(
        "a map", "additionalProperties", {"type": "object", "additionalProperties": _INTEGER}, 7
    ),
    _other("enum", "", {**_STRING, "enum": ["red", "green"]}, "blue"),
    _other("enum of integers", "", {**_INTEGER, "enum": [1, 2]}, 3),
    _other("const", "const", {**_STRING, "const": "red"}, "blue"),
    _other("several types", "", {"type": ["string", "null"]}, 7),
    _other("anyOf", "", {"anyOf": [_STRING, _INTEGER]}, True),
    _other("$ref", "$ref", {"$ref": "#/$defs/name"}, 7, **{"$defs": {"name": _STRING}}),
    _other("recursion", "", {"$ref": "#/$defs/node"}, 7, **{"$defs": {"node": _NODE}}),
    _other(
        "prefixItems",
        "prefixItems",
        {"type": "array", "prefixItems": [_STRING, _INTEGER], "items": False},
        [1, "a"],
    ),
    _other("an optional member", "", {"type": "object", "properties": {"a": _STRING}}, 7),
    _other("an empty object", "", {"type": "object", "properties": {}}, 7),
    _other("no type", "", {}, 7),
    _other("title", "title", {**_STRING, "title": "Name"}, 7),
    _other("examples", "examples", {**_STRING, "examples": ["a"]}, 7),
)
"""What a probe asks, in this order."""
