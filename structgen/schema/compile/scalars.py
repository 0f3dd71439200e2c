"""Strings, numbers, and listed values."""

from __future__ import annotations

from math import inf
from typing import Final

from structgen.schema.codecs.codec import SAME, Text
from structgen.schema.compile.builder import AT, LONG, Builder, Built
from structgen.schema.compile.here import Here
from structgen.schema.compile.keywords import Unsatisfiable
from structgen.schema.compile.regexes import pattern_for
from structgen.schema.json import json_type, same_json, to_text
from structgen.schema.verbatim import VERBATIM
from structgen.values import Json, JsonSchema

BOUNDS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_FAMILY: Final = {f"uuid{n}": "uuid" for n in range(1, 9)}
"""Formats that narrow a standard one, and the one that they narrow."""
_FORMAT_PATTERNS: Final = {
    "date": r"^\d{4}-\d{2}-\d{2}$",
    "uuid": r"^[\da-fA-F]{8}(-[\da-fA-F]{4}){3}-[\da-fA-F]{12}$",
}
"""A format as a pattern, for languages that enforce patterns but not the format."""
_LARGEST_BOUND: Final = 1e15
_SMALLEST_BOUND: Final = 1e-9
"""Bounds outside of this range are left to the check: grammar engines write numbers
digit by digit, without exponents."""


def null(builder: Builder, core: JsonSchema, here: Here) -> Built:
    """Null."""
    return Built({"type": "null"}, SAME)


def boolean(builder: Builder, core: JsonSchema, here: Here) -> Built:
    """True or false."""
    return Built({"type": "boolean"}, SAME)


def integer(builder: Builder, core: JsonSchema, here: Here) -> Built:
    """A whole number."""
    return _numeric(builder, core, here, "integer")


def number(builder: Builder, core: JsonSchema, here: Here) -> Built:
    """A number."""
    return _numeric(builder, core, here, "number")


def _numeric(builder: Builder, core: JsonSchema, here: Here, type_: str) -> Built:
    kept: JsonSchema = {"type": type_}
    builder.keep(core, type_, (VERBATIM,), kept, here)
    for keyword in (*BOUNDS, "multipleOf"):
        size = abs(core.get(keyword, 0))
        if size > _LARGEST_BOUND or 0 < size < _SMALLEST_BOUND:
            builder.drop(here, keyword, core[keyword])
        else:
            builder.keep(core, type_, (keyword,), kept, here)
    low = max(core.get("minimum", -inf), core.get("exclusiveMinimum", -inf))
    high = min(core.get("maximum", inf), core.get("exclusiveMaximum", inf))
    if low > high:
        raise Unsatisfiable
    return Built(kept, SAME)


def string(builder: Builder, core: JsonSchema, here: Here) -> Built:
    """A string with as much of `pattern`, `format` and length as the language enforces."""
    subset = builder.subset
    kept: JsonSchema = {"type": "string"}
    pattern, name = core.get("pattern"), core.get("format")
    builder.keep(core, "string", (VERBATIM,), kept, here)
    takes_patterns = "string.pattern" in subset.keywords
    if pattern is not None:
        taken = pattern_for(pattern, subset.patterns) if takes_patterns else None
        if taken is None:
            builder.drop(here, "pattern", pattern)
        else:
            kept["pattern"] = taken
            if VERBATIM in kept:
                detail = "for a value that JSON writes with an escape"
                builder.note(here, "pattern", "checked", detail)
    if name is not None:
        family = _FAMILY.get(name) or str(name)
        free = not (subset.one_string_rule and "pattern" in kept) and VERBATIM not in kept
        if family in subset.formats and free:
            kept["format"] = family
        if kept.get("format") != name:
            builder.drop(here, "format", name)
            form = _FORMAT_PATTERNS.get(family)
            if form and "format" not in kept and pattern is None and takes_patterns:
                kept["pattern"] = pattern_for(form, subset.patterns)
    if core.get("minLength", 0) > core.get("maxLength", float("inf")):
        raise Unsatisfiable
    for keyword in ("minLength", "maxLength"):
        if keyword == "minLength" and core.get(keyword) == 0:
            continue
        if subset.one_string_rule and kept.keys() & {"pattern", "format"} and keyword in core:
            builder.drop(here, keyword, core[keyword])
        else:
            builder.keep(core, "string", (keyword,), kept, here)
    return Built(kept, SAME)


def values(builder: Builder, core: JsonSchema, here: Here) -> Built:
    """The values that `enum` and `const` list and the rest of the node allows."""
    listed: list[Json] = core["enum"] if "enum" in core else [core["const"]]
    if "const" in core:
        listed = [value for value in listed if same_json(value, core["const"])]
    rest = {key: value for key, value in core.items() if key not in ("enum", "const")}
    if rest:
        listed = list(filter(builder.validator(rest), listed))
    unique = list({to_text(value): value for value in listed}.values())
    if not unique:
        raise Unsatisfiable
    if builder.subset.plain_enums and any(isinstance(value, list | dict) for value in unique):
        builder.note(here, "enum", "rewritten", "one of the listed values, written as JSON text")
        return Built({"type": "string", "enum": [to_text(value) for value in unique]}, Text())
    types = list(dict.fromkeys(map(json_type, unique)))
    if "number" in types and "integer" in types:
        types.remove("integer")
    head: JsonSchema = {"type": types[0] if len(types) == 1 else types}
    builder.keep(core, "string", (VERBATIM,), head, here)
    if len(unique) == 1 and builder.subset.const:
        return Built({**head, "const": unique[0]}, SAME)
    if len(unique) >= LONG:
        builder.has_long_enums = True
        head[AT] = here.at
    return Built({**head, "enum": unique}, SAME)
