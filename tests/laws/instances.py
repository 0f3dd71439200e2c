"""A strategy for the instances of a JSON Schema (draft 2020-12), recursion included.

It builds what the schema says, keyword by keyword; what it cannot build exactly (`not`,
overlapping siblings), jsonschema sorts out afterwards, so that everything it gives is an
instance.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import date, time
from typing import Any

from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.protocols import Validator

from tests.checkers.walk import resolve
from tests.laws.leaves import AWARE, INTS, JSON, TEXT

MAX_LEVEL = 4
NEVER = math.inf
PRINTABLE = st.characters(min_codepoint=32, max_codepoint=126)


ASSERTED = FormatChecker()
"""The formats as RFC 3339 and its kin define them; jsonschema leaves most of them out without
further packages."""


@ASSERTED.checks("date-time", raises=ValueError)
def _is_date_time(text: object) -> bool:
    if not isinstance(text, str):
        return True
    return text[10:11] in ("T", "t") and bool(date.fromisoformat(text[:10])) and _is_time(text[11:])


@ASSERTED.checks("time", raises=ValueError)
def _is_time(text: object) -> bool:
    parts = (
        re.fullmatch(r"(\d\d:\d\d:\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)", text)
        if isinstance(text, str)
        else None
    )
    return not isinstance(text, str) or bool(
        parts and time.fromisoformat(parts[1] + parts[3].upper().replace("Z", "+00:00"))
    )


@ASSERTED.checks("duration")
def _is_duration(text: object) -> bool:
    clock = r"T(?=\d)(\d+H)?(\d+M)?(\d+S)?"
    return not isinstance(text, str) or bool(
        re.fullmatch(rf"P(\d+W|(?=\d|T)(\d+Y)?(\d+M)?(\d+D)?({clock})?)", text)
    )


def validator(schema: Any) -> Validator:
    return Draft202012Validator(schema, format_checker=ASSERTED)


@st.composite
def instances(draw: DrawFn, schema: dict[str, Any]) -> Any:
    """Plain data that the schema admits."""
    data = _Builder(draw, schema).build(schema, 0)
    assume(validator(schema).is_valid(data))
    return data


def _aware_text() -> SearchStrategy[str]:
    return AWARE.filter(lambda moment: moment.year >= 1000).map(
        lambda moment: moment.isoformat().replace("+00:00", "Z")
    )


FORMATS: dict[str, SearchStrategy[str]] = {
    "date": st.dates().map(str),
    "time": st.times().map(lambda t: f"{t.isoformat()}Z"),
    "date-time": _aware_text(),
    "duration": st.sampled_from(["PT0S", "P1D", "P3W", "PT1H30M", "P1DT2H3M4S"]),
    "uuid": st.uuids().map(str),
    "email": st.sampled_from(["a@example.org", "first.last+tag@sub.example.com"]),
    "hostname": st.sampled_from(["localhost", "example.org"]),
    "ipv4": st.ip_addresses(v=4).map(str),
    "ipv6": st.ip_addresses(v=6).map(str),
    "uri": st.sampled_from(["https://example.org/a?b#c", "mailto:a@b.example"]),
    "json-pointer": st.sampled_from(["", "/a/0"]),
    "regex": st.sampled_from(["^a$", "b+"]),
}


class _Builder:
    """One draw of an instance. Deep inside a recursion it takes the shortest way out."""

    def __init__(self, draw: DrawFn, root: dict[str, Any]) -> None:
        self.draw = draw
        self.root = root

    def build(self, schema: Any, level: int) -> Any:
        if schema is True or schema == {}:
            return self.draw(JSON)
        assume(schema is not False)
        if "$ref" in schema:
            siblings = {key: value for key, value in schema.items() if key != "$ref"}
            return self.build({**resolve(self.root, schema["$ref"]), **siblings}, level)
        if "const" in schema:
            return schema["const"]
        if "enum" in schema:
            return self.draw(st.sampled_from(schema["enum"]))
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                rest = {key: value for key, value in schema.items() if key != keyword}
                return self.build(_merged(rest, self.branch(schema[keyword], level)), level)
        if "allOf" in schema:
            merged: dict[str, Any] = {key: value for key, value in schema.items() if key != "allOf"}
            for part in schema["allOf"]:
                merged = _merged(merged, self.followed(part))
            return self.build(merged, level)
        return self.typed(schema, level)

    def followed(self, schema: Any) -> Any:
        while isinstance(schema, dict) and "$ref" in schema:
            schema = {
                **resolve(self.root, schema["$ref"]),
                **{k: v for k, v in schema.items() if k != "$ref"},
            }
        return schema

    def branch(self, branches: list[Any], level: int) -> Any:
        if level >= MAX_LEVEL:
            return min((self.followed(branch) for branch in branches), key=self.cost)
        return self.followed(self.draw(st.sampled_from(branches)))

    def typed(self, schema: dict[str, Any], level: int) -> Any:
        types = schema.get("type") or _implied(schema)
        kind = self.draw(st.sampled_from(types)) if isinstance(types, list) else types
        if kind == "object":
            return self.object(schema, level)
        if kind == "array":
            return self.array(schema, level)
        if kind == "string":
            return self.draw(_strings(schema))
        if kind in ("integer", "number"):
            return self.draw(_numbers(schema, kind))
        return (
            self.draw(st.booleans())
            if kind == "boolean"
            else None
            if kind == "null"
            else self.draw(JSON)
        )

    def object(self, schema: dict[str, Any], level: int) -> Any:
        properties: dict[str, Any] = schema.get("properties", {})
        required = schema.get("required", [])
        out = {}
        for key in [*properties, *(key for key in required if key not in properties)]:
            if key in required or (level < MAX_LEVEL and self.draw(st.booleans())):
                out[key] = self.build(properties.get(key, True), level + 1)
        patterns = schema.get("patternProperties", {})
        others = schema.get("additionalProperties", not patterns)
        least = max(0, schema.get("minProperties", 0) - len(out))
        most = max(least, min(3, schema.get("maxProperties", 9) - len(out)))
        names: list[tuple[Any, Any]] = [(_regex(pattern), sub) for pattern, sub in patterns.items()]
        if others is not False:
            names.append((self.key_strategy(schema), others))
        if names:
            wanted = self.draw(st.integers(least, most)) if level < MAX_LEVEL else least
            for _ in range(wanted):
                keys, sub = self.draw(st.sampled_from(names))
                key = self.draw(keys)
                if key not in out and key not in properties:
                    out[key] = self.build(sub, level + 1)
        return out

    def key_strategy(self, schema: dict[str, Any]) -> SearchStrategy[Any]:
        rule = self.followed(schema.get("propertyNames", True))
        if isinstance(rule, dict) and rule:
            return st.builds(lambda: None).flatmap(lambda _: self.lazy({"type": "string", **rule}))
        return TEXT

    def lazy(self, schema: Any) -> SearchStrategy[Any]:
        @st.composite
        def built(draw: DrawFn) -> Any:
            return _Builder(draw, self.root).build(schema, MAX_LEVEL)

        return built()

    def array(self, schema: dict[str, Any], level: int) -> Any:
        prefix = schema.get("prefixItems", [])
        items = schema.get("items", True)
        least = schema.get("minItems", 0)
        most = min(schema.get("maxItems", math.inf), max(least, len(prefix)) + 2)
        if items is False:
            most = min(most, len(prefix))
        length = self.draw(st.integers(least, int(most))) if level < MAX_LEVEL else least
        out: list[Any] = []
        for i in range(length):
            item = self.build(prefix[i] if i < len(prefix) else items, level + 1)
            if not (schema.get("uniqueItems") and item in out):
                out.append(item)
        return out

    def cost(self, schema: Any, depth: int = 0) -> float:
        """How many levels an instance needs at least."""
        schema = self.followed(schema)
        if depth > 8 or schema is False:
            return NEVER
        if schema is True or "const" in schema or "enum" in schema:
            return 0
        return max((self.cost_of_need(need, depth) for need in _needs(schema)), default=0)

    def cost_of_need(self, need: list[Any], depth: int) -> float:
        return 1 + min(self.cost(choice, depth + 1) for choice in need)


def _needs(schema: dict[str, Any]) -> Iterator[list[Any]]:
    """For everything an instance must have inside, the schemas to choose from."""
    types = schema.get("type", [])
    if isinstance(types, list) and "null" in types:
        return
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema:
            yield schema[keyword]
    for key in schema.get("required", []):
        yield [schema.get("properties", {}).get(key, True)]
    for sub in schema.get("allOf", []):
        yield [sub]
    if schema.get("minItems", 0) > 0:
        yield [schema["prefixItems"][0] if schema.get("prefixItems") else schema.get("items", True)]


def _merged(one: dict[str, Any], two: Any) -> Any:
    """Both on one level, as far as that is simple."""
    if not isinstance(two, dict):
        return one if two else False
    out = {**one, **two}
    if "properties" in one and "properties" in two:
        out["properties"] = {**one["properties"], **two["properties"]}
    if "required" in one and "required" in two:
        out["required"] = [*one["required"], *two["required"]]
    return out


def _implied(schema: dict[str, Any]) -> str | None:
    if schema.keys() & {
        "properties",
        "required",
        "additionalProperties",
        "patternProperties",
        "propertyNames",
    }:
        return "object"
    if schema.keys() & {"items", "prefixItems", "minItems", "maxItems"}:
        return "array"
    if schema.keys() & {"pattern", "format", "minLength", "maxLength"}:
        return "string"
    return (
        "number"
        if schema.keys()
        & {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}
        else None
    )


def _regex(pattern: str) -> SearchStrategy[str]:
    r"""Strings that match. As in ECMA-262, `$` is only at the end and `\d` only ASCII."""
    closed = pattern.endswith("$") and not pattern.endswith("\\$")
    exact = re.compile(pattern[:-1] + r"\Z" if closed else pattern, re.ASCII)
    return st.from_regex(exact, alphabet=PRINTABLE)


def _strings(schema: dict[str, Any]) -> SearchStrategy[str]:
    low, high = schema.get("minLength", 0), schema.get("maxLength", math.inf)
    if "pattern" in schema:
        made = _regex(schema["pattern"])
    elif "format" in schema:
        made = FORMATS.get(schema["format"], TEXT)
    elif low or high < 6:
        return st.text(PRINTABLE, min_size=low, max_size=int(min(high, low + 5)))
    else:
        return TEXT.filter(lambda text: len(text) <= high)
    return made.filter(lambda text: low <= len(text) <= high) if low or high < math.inf else made


def _numbers(schema: dict[str, Any], kind: str) -> SearchStrategy[Any]:
    low, high = schema.get("minimum", -math.inf), schema.get("maximum", math.inf)
    above, below = (
        schema.get("exclusiveMinimum", -math.inf),
        schema.get("exclusiveMaximum", math.inf),
    )
    if "multipleOf" in schema or kind == "integer":
        step = schema.get("multipleOf", 1)
        first = max(
            math.ceil(low / step) if low > -math.inf else -math.inf,
            math.floor(above / step) + 1 if above > -math.inf else -math.inf,
        )
        last = min(
            math.floor(high / step) if high < math.inf else math.inf,
            math.ceil(below / step) - 1 if below < math.inf else math.inf,
        )
        if first == -math.inf and last == math.inf:
            return INTS.map(lambda n: n * step)
        first = last - 100 if first == -math.inf else first
        return st.integers(int(first), int(min(last, first + 1000))).map(lambda n: n * step)
    bounds = {"min_value": max(low, above), "max_value": min(high, below)}
    finite = {name: value for name, value in bounds.items() if math.isfinite(value)}
    strict = {"exclude_min": above >= low} if above > -math.inf else {}
    strict |= {"exclude_max": below <= high} if below < math.inf else {}
    return (
        st.floats(**finite, **strict, allow_nan=False, allow_infinity=False)
        if finite
        else JSON_NUMBERS
    )


JSON_NUMBERS = st.floats(-1e9, 1e9) | st.integers(-3, 3)
