"""Objects: records, maps, and both at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from structgen.schema.codecs.codec import KEY, SAME, VALUE, Codec, Member
from structgen.schema.codecs.records import Entries, Fields, Others
from structgen.schema.compile.builder import Builder, Built, Here
from structgen.schema.compile.forms import nullable
from structgen.schema.compile.normalise import Schema, Unsatisfiable, both, property_of
from structgen.schema.compile.regexes import pattern_for
from structgen.schema.compile.words import NOT_STATED
from structgen.schema.json import escape
from structgen.schema.validate.patterns import matches
from structgen.values import JsonSchema

_Absent: TypeAlias = Literal["never", "omitted", "null", "boxed", "noted"]
OTHERS: Final = "other_members"
"""The member for what is not declared, where it needs one."""


def free_name(properties: Any) -> str:
    """A name for the member that holds others, which no declared member has."""
    name = OTHERS
    while name in properties:
        name += "_"
    return name


def members(builder: Builder, core: JsonSchema, here: Here) -> Built:
    """An object."""
    for keyword in ("dependentRequired", "dependentSchemas", "unevaluatedProperties"):
        if core.get(keyword, True) not in (True, {}):
            builder.drop(here, keyword, core[keyword])
    core = _closed_by_evaluation(core)
    declared: dict[str, Schema] = dict(core.get("properties") or {})
    for name in core.get("required", ()):
        declared.setdefault(name, property_of(core, name))
    patterns: dict[str, Schema] = core.get("patternProperties") or {}
    for pattern, sub in patterns.items():
        declared = {
            name: both(own, sub) if matches(pattern, name) else own
            for name, own in declared.items()
        }
    additional = _additional(builder, core, declared, patterns)
    extra = _extra(builder, core, declared, additional, here)
    if extra and not declared and not builder.subset.maps:
        return _map(builder, core, extra, here)
    return _record(builder, core, declared, additional, extra, here)


def _closed_by_evaluation(core: JsonSchema) -> JsonSchema:
    """`unevaluatedProperties: false` closes an object whose members are all in sight."""
    if core.get("unevaluatedProperties") is False and not core.keys() & {
        "additionalProperties",
        "dependentSchemas",
    }:
        return {**core, "additionalProperties": False}
    return core


def _additional(
    builder: Builder, core: JsonSchema, declared: dict[str, Schema], patterns: dict[str, Schema]
) -> Schema | None:
    """What the schema says about further members: False for none, None where it says nothing that could be asked for."""
    additional: Schema | None = core.get("additionalProperties")
    if not builder.plain:
        return additional
    if additional is None and not declared and not patterns:
        return True
    return None if additional in (True, {}) and (declared or patterns) else additional


class _Extra(NamedTuple):
    """Further members that are asked for: their values, the keywords for languages with maps, the schema of their keys, and the
    patterns that a key must match to be one of them (others are noted)."""

    value: Built
    native: JsonSchema
    keys: JsonSchema
    patterns: tuple[str, ...] = ()


def _extra(
    builder: Builder,
    core: JsonSchema,
    declared: Mapping[str, Schema],
    additional: Schema | None,
    here: Here,
) -> _Extra | None:
    """What is asked for besides the declared members, None for nothing."""
    patterns: dict[str, Schema] = core.get("patternProperties") or {}
    kinds = [(f"patternProperties/{escape(pattern)}", sub) for pattern, sub in patterns.items()]
    if additional is not None and additional is not False:
        kinds.append(("additionalProperties", additional))
    built: list[Built] = []
    sources: list[Schema] = []
    for step, sub in kinds:
        try:
            built.append(builder.node(sub, here.down(step)))
        except Unsatisfiable:
            continue
        sources.append(sub)
    names: Schema = core.get("propertyNames", True)
    if not built or names is False:
        return None
    value = built[0] if len(built) == 1 else builder.union(built, sources, here)
    noted = tuple(patterns) if builder.plain and additional is None else ()
    only = next(iter(patterns)) if len(patterns) == 1 and (additional is False or noted) else ""
    if builder.subset.maps:
        native = _native(
            builder,
            only if not any(matches(only, name) for name in declared) else "",
            names,
            value,
            here,
        )
        if patterns and "patternProperties" not in native:
            builder.drop(here, "patternProperties", patterns)
        return _Extra(value, native, {}, noted)
    if patterns and not only:
        builder.drop(here, "patternProperties", patterns)
    return _Extra(
        value, {}, _keys(builder, both(names, {"pattern": only}) if only else names, here), noted
    )


def _native(builder: Builder, pattern: str, names: Schema, value: Built, here: Here) -> JsonSchema:
    """The keywords for further members where the language has maps. `pattern`: the only one that their keys may match."""
    same = value.codec is SAME
    taken = pattern_for(pattern, builder.subset.patterns) if pattern else None
    if (
        taken is not None
        and same
        and names is True
        and "object.patternProperties" in builder.subset.keywords
    ):
        return {"patternProperties": {taken: value.schema}, "additionalProperties": False}
    if names is not True:
        listed = (
            names.get("enum", [names["const"]] if "const" in names else None)
            if isinstance(names, dict)
            else None
        )
        if listed is not None and same:
            return {
                "properties": dict.fromkeys(filter(_is_text, listed), value.schema),
                "additionalProperties": False,
            }
        builder.drop(here, "propertyNames", names)
    return {"additionalProperties": value.schema}


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _keys(builder: Builder, names: Schema, here: Here) -> JsonSchema:
    """The schema of the keys, where they are written as entries."""
    if names is True:
        return {"type": "string"}
    return builder.node(both({"type": "string"}, names), here.down("propertyNames")).schema


def _map(builder: Builder, core: JsonSchema, extra: _Extra, here: Here) -> Built:
    """An object with no member of its own, as a list of entries."""
    builder.note(
        here,
        "additionalProperties",
        "rewritten",
        "a map, written as a list of entries of key and value",
    )
    builder.note(here, "additionalProperties", "checked", "each key once")
    schema: JsonSchema = {
        "type": "array",
        "items": builder.object({KEY: extra.keys, VALUE: extra.value.schema}),
    }
    bounds = {
        new: core[old]
        for old, new in (("minProperties", "minItems"), ("maxProperties", "maxItems"))
        if core.get(old) is not None
    }
    builder.keep(
        {name: bound for name, bound in bounds.items() if bound or name == "maxItems"},
        "array",
        bounds,
        schema,
        here,
    )
    return Built(
        schema,
        Entries(_noting(builder, Others("entries", extra.value.codec, patterns=extra.patterns))),
    )


def _noting(builder: Builder, others: Others) -> Others:
    """Remember that the root needs a member for what is noted."""
    builder.others |= others.way == "note" or bool(others.patterns)
    return others


def _record(
    builder: Builder,
    core: JsonSchema,
    declared: dict[str, Schema],
    additional: Schema | None,
    extra: _Extra | None,
    here: Here,
) -> Built:
    own, properties, required = _declared(builder, core, declared, here)
    bounds: JsonSchema = {
        key: core[key] for key in ("minProperties", "maxProperties") if key in core
    }
    if bounds.get("minProperties", 0) <= len(core.get("required", ())):
        bounds.pop("minProperties", None)
    kept: JsonSchema = {}
    if own or extra is None:
        for keyword, bound in bounds.items():
            builder.drop(here, keyword, bound)
    else:
        builder.keep(bounds, "object", bounds, kept, here)
    schema = {**builder.object(properties, required), **kept}
    if extra is None:
        others = _undeclared(builder, additional, here)
        if not builder.subset.closed and additional is not False:
            del schema["additionalProperties"]
        return Built(schema, _fields(own, _noting(builder, others)))
    if builder.subset.maps:
        native = extra.native
        schema |= {**native, "properties": {**native.get("properties", {}), **properties}}
        return Built(
            schema,
            _fields(
                own, _noting(builder, Others("keep", extra.value.codec, patterns=extra.patterns))
            ),
        )
    name = free_name(properties)
    builder.note(
        here,
        "additionalProperties",
        "rewritten",
        f"further members, written as a list of entries in {name!r}",
    )
    builder.note(here, "additionalProperties", "checked", "each key once, and no declared one")
    entry = builder.object({KEY: extra.keys, VALUE: extra.value.schema})
    properties[name] = {"description": "Further members.", "type": "array", "items": entry}
    others = _noting(builder, Others("entries", extra.value.codec, name, extra.patterns))
    return Built(builder.object(properties, [*required, name]), _fields(own, others))


def _fields(own: list[Member], others: Others) -> Codec:
    plain = others.way == "keep" and others.codec is SAME and not others.patterns
    return (
        SAME
        if plain and all(m.absent == "never" and m.codec is SAME for m in own)
        else Fields(tuple(own), others)
    )


def _undeclared(builder: Builder, additional: Schema | None, here: Here) -> Others:
    """What becomes of members that the schema says nothing about."""
    if additional is False or not builder.subset.closed:
        return Others("keep")
    if builder.subset.declared_only:
        builder.note(here, "additionalProperties", "narrowed", "declared members only")
        return Others("keep")
    return Others("note" if builder.plain else "drop")


def _declared(
    builder: Builder, core: JsonSchema, declared: dict[str, Schema], here: Here
) -> tuple[list[Member], dict[str, JsonSchema], list[str]]:
    subset, needed = builder.subset, set(core.get("required", ()))
    own: list[Member] = []
    properties: dict[str, JsonSchema] = {}
    required: list[str] = []
    for name, sub in declared.items():
        place = here.down(f"properties/{escape(name)}")
        absent: _Absent = "never"
        if name not in needed:
            omitted = subset.absent == "omit" or (
                subset.absent == "either" and builder.source.admits_null(sub)
            )
            absent = "omitted" if omitted else "null"
        if absent == "null":
            place.words.append(NOT_STATED)
        try:
            built = builder.node(sub, place)
        except Unsatisfiable:
            if name in needed:
                raise
            continue
        if absent == "null":
            absent = _state(builder, sub, built, place)
        own.append(Member(name, built.codec, absent))
        properties[name] = _absentable(builder, built.schema, absent)
        if absent == "never" or (
            absent != "omitted" and (subset.absent == "null" or subset.all_required)
        ):
            required.append(name)
    return own, properties, required


def _state(builder: Builder, sub: Schema, built: Built, here: Here) -> _Absent:
    """How to tell an optional member that is absent, where null says so, from one that is null."""
    if not builder.null_on_wire(sub, built):
        builder.note(here, "required", "rewritten", "null where the text does not state it")
        return "null"
    if not builder.plain and isinstance(sub, dict) and sub.get("default", ...) is None:
        return "null"
    if builder.plain:
        builder.others = True
        builder.note(
            here,
            "required",
            "rewritten",
            "null means that it is absent; a null of its own goes to the other members",
        )
        return "noted"
    builder.note(
        here,
        "required",
        "rewritten",
        "null where the text does not state it; what it does state is wrapped",
    )
    return "boxed"


def _absentable(builder: Builder, schema: JsonSchema, absent: _Absent) -> JsonSchema:
    if absent in ("never", "omitted"):
        return schema
    if absent == "boxed":
        head = {key: value for key, value in schema.items() if key in ("title", "description")}
        inner = {key: value for key, value in schema.items() if key not in head}
        return {**head, **nullable(builder.object({VALUE: inner}))}
    return nullable(schema)
