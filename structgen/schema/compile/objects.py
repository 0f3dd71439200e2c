"""Objects: records, maps, and both at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Final, NamedTuple

from structgen.schema.codecs.codec import KEY, SAME, VALUE, Absent, Codec, Member
from structgen.schema.codecs.records import Entries, Fields, Memberless, Undeclared
from structgen.schema.compile.builder import Builder, Built
from structgen.schema.compile.here import Here
from structgen.schema.compile.keywords import Schema, Unsatisfiable, listed_values
from structgen.schema.compile.merge import both, property_of
from structgen.schema.compile.names import other_members_name
from structgen.schema.compile.regexes import pattern_for
from structgen.schema.compile.words import NOT_STATED, without_repeated_title
from structgen.schema.json import escape
from structgen.schema.validate.patterns import matches
from structgen.schema.wire_names import WIRE_NAME, wire_names_of
from structgen.values import Json, JsonSchema


def members(builder: Builder, core: JsonSchema, here: Here) -> Built:
    """An object: a record, a map, or both."""
    declared: dict[str, Schema] = dict(core.get("properties") or {})
    wires = wire_names_of(declared, core.get("required", ()), here.at)
    for keyword in ("dependentRequired", "dependentSchemas", "unevaluatedProperties"):
        if core.get(keyword, True) not in (True, {}):
            builder.drop(here, keyword, _in_words(keyword, core[keyword], wires))
    core = _closed_by_evaluation(core)
    for name in core.get("required", ()):
        declared.setdefault(name, property_of(core, name))
    patterns: dict[str, Schema] = core.get("patternProperties") or {}
    for pattern, sub in patterns.items():
        for name, own in declared.items():
            if matches(pattern, name):
                declared[name] = both(own, sub)
    additional = _additional(builder, core, declared, patterns)
    further = _further(builder, core, {*declared, *wires.values()}, additional, here)
    if further and not declared and not builder.subset.maps:
        return _map(builder, core, further, here)
    return _record(builder, core, _Declared(declared, wires), additional, further, here)


class _Declared(NamedTuple):
    """The members of its own that an object has."""

    schemas: Mapping[str, Schema]
    """Their schemas in the source."""
    wires: Mapping[str, str]
    """The names under which some of them are asked for."""


def _in_words(keyword: str, value: Any, wires: Mapping[str, str]) -> Any:
    """What a dropped keyword says, with the names that a model knows."""
    if keyword != "dependentRequired" or not wires:
        return value
    return {
        wires.get(name, name): [wires.get(other, other) for other in others]
        for name, others in value.items()
    }


def _closed_by_evaluation(core: JsonSchema) -> JsonSchema:
    """`unevaluatedProperties: false` closes an object whose members are all in sight."""
    is_in_sight = not core.keys() & {"additionalProperties", "dependentSchemas"}
    if core.get("unevaluatedProperties") is False and is_in_sight:
        return {**core, "additionalProperties": False}
    return core


def _additional(
    builder: Builder, core: JsonSchema, declared: dict[str, Schema], patterns: dict[str, Schema]
) -> Schema | None:
    """The schema of further members; False for none, None if the source asks for none."""
    additional: Schema | None = core.get("additionalProperties")
    if not builder.keeps_undeclared:
        return additional
    if additional is None and not declared and not patterns:
        return True
    says_nothing = additional in (True, {}) and (declared or patterns)
    if says_nothing or (additional is None and not core.keys().isdisjoint(_CONDITIONS)):
        return True if _holds_anything(builder) else None
    return additional


def _holds_anything(builder: Builder) -> bool:
    """Whether members of any name and value are held in their place, and not left to the check."""
    subset = builder.subset
    return subset.holds and subset.untyped and subset.declared_only


class _Further(NamedTuple):
    """Undeclared members that are asked for."""

    value: Built
    """Their values."""
    native: JsonSchema
    """The keywords for them, if the language has maps."""
    keys: JsonSchema
    """The schema of their keys, if they are written as entries."""
    patterns: tuple[str, ...] = ()
    """Patterns that a key must match to be one of them; the rest has no place here."""


def _further(
    builder: Builder,
    core: JsonSchema,
    declared: Iterable[str],
    additional: Schema | None,
    here: Here,
) -> _Further | None:
    """The undeclared members to ask for, which have none of the `declared` names; None for none."""
    patterns: dict[str, Schema] = core.get("patternProperties") or {}
    value = _further_values(builder, patterns, additional, here)
    names: Schema = core.get("propertyNames", True)
    if value is None or names is False:
        return None
    others = tuple(patterns) if builder.keeps_undeclared and additional is None else ()
    only = ""
    if len(patterns) == 1 and (additional is False or others):
        only = next(iter(patterns))
    if builder.subset.maps:
        is_free = not any(matches(only, name) for name in declared)
        native = _native(builder, only if is_free else "", names, value, here)
        if patterns and "patternProperties" not in native:
            builder.drop(here, "patternProperties", patterns)
        return _Further(value, native, {}, others)
    if patterns and not only:
        builder.drop(here, "patternProperties", patterns)
    keys = _keys(builder, both(names, {"pattern": only}) if only else names, here)
    return _Further(value, {}, keys, others)


def _further_values(
    builder: Builder, patterns: Mapping[str, Schema], additional: Schema | None, here: Here
) -> Built | None:
    """The values that undeclared members may have: by any pattern, or by none of them."""
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
    if len(built) > 1:
        return builder.union(built, sources, here)
    return built[0] if built else None


def _native(builder: Builder, pattern: str, names: Schema, value: Built, here: Here) -> JsonSchema:
    """The keywords for further members, in a language with maps.

    `pattern` is the only one that their keys may match, "" for any.
    """
    same = value.codec is SAME
    taken = pattern_for(pattern, builder.subset.patterns) if pattern else None
    takes_patterns = "object.patternProperties" in builder.subset.keywords
    if taken is not None and same and names is True and takes_patterns:
        return {"patternProperties": {taken: value.schema}, "additionalProperties": False}
    if names is not True:
        listed = listed_values(names) if isinstance(names, dict) else None
        if listed is not None and same:
            keys = [key for key in listed if isinstance(key, str)]
            properties = dict.fromkeys(keys, value.schema)
            return {"properties": properties, "additionalProperties": False}
        builder.drop(here, "propertyNames", names)
    return {"additionalProperties": value.schema}


def _keys(builder: Builder, names: Schema, here: Here) -> JsonSchema:
    """The schema of the keys, where they are written as entries."""
    if names is True:
        return {"type": "string"}
    return builder.node(both({"type": "string"}, names), here.down("propertyNames")).schema


def _map(builder: Builder, core: JsonSchema, further: _Further, here: Here) -> Built:
    """An object with no member of its own, as a list of entries."""
    detail = "a map, written as a list of entries of key and value"
    builder.note(here, "additionalProperties", "rewritten", detail)
    builder.note(here, "additionalProperties", "checked", "each key once")
    entry = builder.object({KEY: further.keys, VALUE: further.value.schema})
    schema: JsonSchema = {"type": "array", "items": entry}
    bounds: JsonSchema = {}
    if core.get("minProperties"):
        bounds["minItems"] = core["minProperties"]
    if core.get("maxProperties") is not None:
        bounds["maxItems"] = core["maxProperties"]
    builder.keep(bounds, "array", bounds, schema, here)
    here.words.append("each key once")
    undeclared = Undeclared("entries", further.value.codec, patterns=further.patterns)
    return Built(schema, Entries(_announced(builder, undeclared, here)))


def _announced(builder: Builder, undeclared: Undeclared, here: Here) -> Undeclared:
    """Remember that the root needs a member, if some members go there."""
    if undeclared.patterns and builder.subset.declared_only:
        builder.note(here, "additionalProperties", "narrowed", _DECLARED)
        return replace(undeclared, has_root=False)
    builder.needs_other_members |= undeclared.way == "root" or bool(undeclared.patterns)
    return undeclared


def _record(
    builder: Builder,
    core: JsonSchema,
    declared: _Declared,
    additional: Schema | None,
    further: _Further | None,
    here: Here,
) -> Built:
    """An object with members of its own."""
    own, properties, required = _declared(builder, core, declared, here)
    if not properties and further is None and not builder.subset.empty_objects:
        builder.note(here, "properties", "rewritten", "an empty object, written as JSON text")
        undeclared = _announced(builder, _rule_for_undeclared(builder, core, here), here)
        return Built({"type": "string", "enum": ["{}"]}, Memberless(undeclared))
    bounds: JsonSchema = {
        key: core[key] for key in ("minProperties", "maxProperties") if key in core
    }
    if bounds.get("minProperties", 0) <= len(core.get("required", ())):
        bounds.pop("minProperties", None)
    kept: JsonSchema = {}
    if own or further is None:
        for keyword, bound in bounds.items():
            builder.drop(here, keyword, bound)
    else:
        builder.keep(bounds, "object", bounds, kept, here)
    schema = {**builder.object(properties, required), **kept}
    keeps_others = further is not None if builder.subset.closed else additional is not False
    if declared.wires and keeps_others:
        builder.note(here, WIRE_NAME, "narrowed", _NOT_TWICE)
    if further is None:
        undeclared = _rule_for_undeclared(builder, core, here)
        if not builder.subset.closed and additional is not False:
            del schema["additionalProperties"]
        return Built(schema, _fields(own, _announced(builder, undeclared, here)))
    values, patterns = further.value.codec, further.patterns
    if builder.subset.maps:
        native = further.native
        listed = native.get("properties", {})
        others = {name: one for name, one in listed.items() if name not in declared.wires}
        schema |= {**native, "properties": {**others, **properties}}
        undeclared = Undeclared("keep", values, patterns=patterns)
        return Built(schema, _fields(own, _announced(builder, undeclared, here)))
    name = other_members_name({**declared.schemas, **properties})
    detail = f"further members, written as a list of entries in {name!r}"
    builder.note(here, "additionalProperties", "rewritten", detail)
    builder.note(here, "additionalProperties", "checked", "each key once, and no declared one")
    entry = builder.object({KEY: further.keys, VALUE: further.value.schema})
    properties[name] = {"description": _FURTHER, "type": "array", "items": entry}
    undeclared = _announced(builder, Undeclared("entries", values, name, patterns), here)
    return Built(builder.object(properties, [*required, name]), _fields(own, undeclared))


def _fields(own: list[Member], undeclared: Undeclared) -> Codec:
    keeps_all = undeclared.way == "keep" and undeclared.codec is SAME and not undeclared.patterns
    if keeps_all and all(m.absent == "never" and m.codec is SAME and not m.wire for m in own):
        return SAME
    return Fields(tuple(own), undeclared)


def _rule_for_undeclared(builder: Builder, core: JsonSchema, here: Here) -> Undeclared:
    """How members that the schema says nothing about are written."""
    additional = core.get("additionalProperties")
    if additional is False or not builder.subset.closed:
        return Undeclared("keep")
    if not builder.keeps_undeclared:
        return Undeclared("drop")
    is_invited = additional is not None or not core.keys().isdisjoint(_CONDITIONS)
    if builder.subset.declared_only and not is_invited:
        builder.note(here, "additionalProperties", "narrowed", _DECLARED)
        return Undeclared("refuse")
    return Undeclared("root")


_CONDITIONS: Final = ("if", "dependentSchemas")
"""Keywords that may declare members that no `properties` beside them has."""
_DECLARED: Final = "only declared members are asked for"
_NOT_TWICE: Final = "no further member has the name that a field has on the wire"
_FURTHER: Final = "Further members that the text states, each key once; empty if there are none."


def _declared(
    builder: Builder, core: JsonSchema, declared: _Declared, here: Here
) -> tuple[list[Member], dict[str, JsonSchema], list[str]]:
    """The declared members: their codecs, their schemas, and the names of those required."""
    subset, needed = builder.subset, set(core.get("required", ()))
    own: list[Member] = []
    properties: dict[str, JsonSchema] = {}
    required: list[str] = []
    for name, sub in declared.schemas.items():
        place = here.down(f"properties/{escape(name)}")
        wire = declared.wires.get(name, "")
        if wire:
            builder.note(place, WIRE_NAME, "rewritten", f"asked for as {wire!r}")
            sub = without_repeated_title(sub, wire)
        absent: Absent = "never" if name in needed else _way_to_leave_out(builder, sub)
        builder.says_null |= absent == "null"
        if absent == "unsaid":
            sub = _without_null(builder, sub, place)
        try:
            built = builder.node(sub, place)
        except Unsatisfiable:
            if name in needed:
                raise
            continue
        if absent == "null":
            absent = _way_with_null(builder, sub, built, place)
        constant = _constant(builder, sub)[0] if absent == "constant" else None
        own.append(Member(name, built.codec, absent, constant, wire))
        properties[wire or name] = _absentable(builder, built.schema, absent)
        lists_nullable = subset.absent == "null" or subset.all_required
        if absent in _ALWAYS or (absent not in _NOT_SAID and lists_nullable):
            required.append(wire or name)
    return own, properties, required


_ALWAYS: Final = ("never", "constant")
_NOT_SAID: Final = ("omitted", "unsaid")


def _way_to_leave_out(builder: Builder, sub: Schema) -> Absent:
    """How the language says that an optional member is absent."""
    if _constant(builder, sub):
        return "constant"
    way = builder.subset.absent
    is_refused = not builder.subset.null_objects and builder.source.may_be_object(sub)
    if way == "omit" or is_refused:
        is_null_by_default = isinstance(sub, dict) and sub.get("default", ...) is None
        return "unsaid" if is_null_by_default and not builder.keeps_undeclared else "omitted"
    if way == "either" and builder.source.admits_null(sub):
        return "omitted"
    return "null"


def _constant(builder: Builder, sub: Schema) -> list[Json]:
    """The only value of a member with a default, in a list; [] if it may have several.

    Such a member is a tag: if it could be null, options would not be told apart. In a
    JSON Schema without a default its absence may mean something.
    """
    has_default = isinstance(sub, dict) and "default" in sub
    followed = builder.source.follow(sub)
    if not has_default or not isinstance(followed, dict):
        return []
    listed = listed_values(followed) or []
    return listed if len(listed) == 1 and listed[0] is not None else []


def _without_null(builder: Builder, sub: Schema, here: Here) -> Schema:
    """A member's schema without the null that its absence says."""
    followed = builder.source.follow(sub)
    if not isinstance(followed, dict) or {"type": "null"} not in followed.get("anyOf", ()):
        return sub
    if builder.subset.absent != "omit":  # where a prompt tells it of all fields, once
        here.words.append("leave it out if the text does not state it")
    return {**followed, "anyOf": [one for one in followed["anyOf"] if one != {"type": "null"}]}


def _way_with_null(builder: Builder, sub: Schema, built: Built, here: Here) -> Absent:
    """How null tells an absent member from one that is null itself."""
    if not builder.null_on_wire(sub, built):
        builder.note(here, "required", "rewritten", NOT_STATED)
        return "null"
    if builder.keeps_undeclared and builder.subset.declared_only:
        builder.note(here, "required", "narrowed", f"{NOT_STATED}; no other null is asked for")
        return "null"
    if builder.keeps_undeclared:
        builder.needs_other_members = True
        detail = "null means that it is absent; a null of its own goes to the other members"
        builder.note(here, "required", "rewritten", detail)
        return "noted"
    if isinstance(sub, dict) and sub.get("default", ...) is None:
        return "null"
    detail = f"{NOT_STATED}; a value that it does state is wrapped"
    builder.note(here, "required", "rewritten", detail)
    return "boxed"


def _absentable(builder: Builder, schema: JsonSchema, absent: Absent) -> JsonSchema:
    """The schema of a member that may be absent."""
    if absent in _ALWAYS or absent in _NOT_SAID:
        return schema
    if absent == "boxed":
        head = {key: value for key, value in schema.items() if key in ("title", "description")}
        inner = {key: value for key, value in schema.items() if key not in head}
        return {**head, **builder.nullable(builder.object({VALUE: inner}))}
    return builder.nullable(schema)
