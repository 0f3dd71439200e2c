"""Strings, numbers, and listed values."""

from __future__ import annotations

from math import inf
from typing import Final

from structgen.schema.codecs.codec import SAME, Listed
from structgen.schema.compile.builder import AT, LONG, Builder, Built
from structgen.schema.compile.here import Here
from structgen.schema.compile.keywords import Unsatisfiable
from structgen.schema.compile.regexes import pattern_for
from structgen.schema.compile.words import in_words, known_form
from structgen.schema.json import constant_key, json_type, same_json, to_text
from structgen.schema.validate.formats import FORMATS
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
    """A string with as much of `pattern`, `format` and length as the language takes."""
    subset = builder.subset
    kept: JsonSchema = {"type": "string"}
    builder.keep(core, "string", (VERBATIM,), kept, here)
    if "pattern" in core:
        _pattern(builder, core["pattern"], kept, here)
    if "format" in core:
        _format(builder, core, kept, here)
    if core.get("minLength", 0) > core.get("maxLength", inf):
        raise Unsatisfiable
    for keyword in ("minLength", "maxLength"):
        if keyword == "minLength" and core.get(keyword) == 0:
            continue
        if subset.one_string_rule and kept.keys() & {"pattern", "format"} and keyword in core:
            builder.drop(here, keyword, core[keyword])
        else:
            builder.keep(core, "string", (keyword,), kept, here)
    return Built(kept, SAME)


def _pattern(builder: Builder, pattern: str, kept: JsonSchema, here: Here) -> None:
    """Keep a pattern; one that may not be enforced, and has words of its own, is told instead."""
    subset, known = builder.subset, known_form("pattern", pattern)
    is_held = subset.holds and "string.pattern" in subset.keywords
    is_sent = is_held or (builder.is_taken("string.pattern") and not known)
    taken = pattern_for(pattern, subset.patterns) if is_sent else None
    if known and "such as" in known and taken is not None:
        here.words.append(known)
    if taken is not None and "string.pattern" in subset.taken:
        builder.note_taken(here, "pattern", pattern)
    if taken is None:
        builder.drop(here, "pattern", pattern)
        return
    kept["pattern"] = taken
    if VERBATIM in kept:
        builder.note(here, "pattern", "checked", "for a value that JSON writes with an escape")


def _format(builder: Builder, core: JsonSchema, kept: JsonSchema, here: Here) -> None:
    """Keep a format, the standard one that it narrows, or a pattern in its place."""
    subset, name = builder.subset, core["format"]
    family = _FAMILY.get(name) or str(name)
    free = not (subset.one_string_rule and "pattern" in kept) and VERBATIM not in kept
    if family in subset.formats and free:
        kept["format"] = family
    if kept.get("format") == name:
        return
    if builder.keeps_undeclared and name not in FORMATS:
        # A type checks its own formats; for a JSON Schema this one is a word to the model.
        here.words.append(in_words("format", name))
        builder.note(here, "format", "wider", f"nothing checks the format {name}")
        return
    builder.drop(here, "format", name)
    form = _FORMAT_PATTERNS.get(family)
    takes_patterns = "string.pattern" in subset.keywords
    if form and "format" not in kept and "pattern" not in core and takes_patterns:
        kept["pattern"] = pattern_for(form, subset.patterns)


def values(builder: Builder, core: JsonSchema, here: Here) -> Built:
    """The values that `enum` and `const` list and the rest of the node allows."""
    listed: list[Json] = core["enum"] if "enum" in core else [core["const"]]
    if "const" in core:
        listed = [value for value in listed if same_json(value, core["const"])]
    rest = {key: value for key, value in core.items() if key not in ("enum", "const")}
    if rest:
        listed = list(filter(builder.validator(rest), listed))
    unique = _different(listed)
    if not unique:
        raise Unsatisfiable
    if unique == [None]:
        return null(builder, {}, here)
    if None in unique and not builder.subset.mixed_enums:
        return _or_null(builder, unique, here)
    if not _are_plain(builder, unique):
        builder.note(here, "enum", "rewritten", "one of the listed values, written as JSON text")
        texts = [to_text(value) for value in unique]
        return Built({"type": "string", "enum": texts}, Listed(tuple(unique)))
    types = list(dict.fromkeys(map(json_type, unique)))
    if "number" in types and "integer" in types:
        types.remove("integer")
    if len(types) > 1 and not builder.subset.mixed_enums:
        return _by_type(builder, unique, here)
    head: JsonSchema = {"type": types[0] if len(types) == 1 else types}
    builder.keep(core, "string", (VERBATIM,), head, here)
    if len(unique) == 1 and builder.subset.const:
        return Built({**head, "const": unique[0]}, SAME)
    if len(unique) >= LONG:
        builder.has_long_enums = True
        head[AT] = here.at
    return Built({**head, "enum": unique}, SAME)


def _or_null(builder: Builder, unique: list[Json], here: Here) -> Built:
    """Listed values beside null, as a union of a list and null."""
    rest: JsonSchema = {"enum": [value for value in unique if value is not None]}
    options = [values(builder, rest, here), null(builder, {}, here)]
    return builder.union(options, [rest, {"type": "null"}], here)


def _different(listed: list[Json]) -> list[Json]:
    """The values without those that equal an earlier one, and whole numbers without a fraction."""
    found: dict[str, Json] = {}
    for value in listed:
        # A grammar for whole numbers writes none with a fraction.
        is_whole = isinstance(value, float) and value.is_integer()
        found.setdefault(constant_key(value), int(value) if is_whole else value)
    return list(found.values())


def _are_plain(builder: Builder, unique: list[Json]) -> bool:
    """Whether the language can list these values as they are."""
    subset = builder.subset
    if subset.text_enums and not all(isinstance(value, str) for value in unique):
        return False
    return not subset.plain_enums or not any(isinstance(value, list | dict) for value in unique)


def _by_type(builder: Builder, unique: list[Json], here: Here) -> Built:
    """Listed values of several types, as a union of lists of one type each."""
    kinds: dict[str, list[Json]] = {}
    for value in unique:
        kind = json_type(value)
        kinds.setdefault("number" if kind == "integer" else kind, []).append(value)
    built = [values(builder, {"enum": alike}, here) for alike in kinds.values()]
    return builder.union(built, [{"enum": alike} for alike in kinds.values()], here)
