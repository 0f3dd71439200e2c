"""`anyOf` and `oneOf`: each option compiled together with the keywords beside it."""

from __future__ import annotations

from typing import Final

from structgen.schema.compile.builder import Builder, Built
from structgen.schema.compile.here import Here
from structgen.schema.compile.keywords import TYPES, Schema, Unsatisfiable, listed_values, types_of
from structgen.schema.compile.source import Source
from structgen.schema.json import json_type, to_text
from structgen.values import Json, JsonSchema

MAX_SPREAD: Final = 300
"""Options are written out together with the keywords beside them for up to this many
members; beyond it they are checked afterwards."""
_TELLING: Final = frozenset(
    {
        "properties",
        "patternProperties",
        "additionalProperties",
        "items",
        "prefixItems",
        "type",
        "enum",
        "const",
        "$ref",
        "allOf",
        "anyOf",
        "oneOf",
    }
)
"""Keywords that give an option a form of its own."""
_NOT_BESIDE: Final = ("anyOf", "oneOf", "not", "if", "then", "else")


def alternatives(builder: Builder, core: JsonSchema, here: Here) -> Built:
    """A value of one of several options, each merged with the keywords beside them."""
    keyword = "anyOf" if "anyOf" in core else "oneOf"
    beside = {key: value for key, value in core.items() if key not in _NOT_BESIDE}
    if keyword == "anyOf" and "oneOf" in core:
        builder.drop(here, "oneOf", core["oneOf"])
    branches = core[keyword]
    if beside and _is_too_wide(builder.source, beside, branches):
        builder.drop(here, keyword, branches)
        return builder.shape(beside, here)
    built: list[Built] = []
    sources: list[Schema] = []
    for i, branch in enumerate(branches):
        merged = {"allOf": [beside, branch]} if beside else branch
        try:
            built.append(builder.node(merged, here.down(f"{keyword}/{i}")))
        except Unsatisfiable:
            continue
        sources.append(merged)
    if not built:
        raise Unsatisfiable
    if keyword == "oneOf" and not are_exclusive(builder.source, sources):
        builder.note(here, "oneOf", "checked", "exactly one of the options")
    return builder.union(built, sources, here)


def _is_too_wide(source: Source, beside: JsonSchema, branches: list[Schema]) -> bool:
    """Whether writing the options out would add nothing to `beside`, or take too much room."""
    own = [source.follow(branch) for branch in branches]
    has_form = any(isinstance(branch, dict) and branch.keys() & _TELLING for branch in own)
    if beside.keys() & _TELLING and not has_form:
        return True
    return len(branches) * len(beside.get("properties", ())) > MAX_SPREAD


def are_exclusive(source: Source, branches: list[Schema]) -> bool:
    """Whether no value meets two options, judged by type or by one shared constant."""
    own = [branch for branch in map(source.follow, branches) if isinstance(branch, dict)]
    if len(own) < len(branches):
        return False
    types = [_wide_types(branch) for branch in own]
    if all(a.isdisjoint(b) for i, a in enumerate(types) for b in types[:i]):
        return True
    tags = [_constants(source, branch) for branch in own]
    for name in tags[0]:
        lists = [tag[name] for tag in tags if name in tag]
        values = [to_text(value) for listed in lists for value in listed]
        if len(lists) == len(tags) and len(set(values)) == len(values):
            return all(types_of(branch) == ("object",) for branch in own)
    return False


def _wide_types(schema: JsonSchema) -> set[str]:
    listed = listed_values(schema)
    types = set(types_of(schema) or TYPES) if listed is None else set(map(json_type, listed))
    return types | {"integer"} if "number" in types else types


def _constants(source: Source, schema: JsonSchema) -> dict[str, list[Json]]:
    """The required properties that have listed values only."""
    found = {}
    for name, sub in schema.get("properties", {}).items():
        sub = source.follow(sub)
        if name in schema.get("required", ()) and isinstance(sub, dict):
            listed = listed_values(sub)
            if listed is not None:
                found[name] = listed
    return found
