"""What a type looks like from inside, while a value of it is being written: which of its parts can be shown before it is whole.

A compiled target is walked once along both of its descriptions, the codecs (what the answer holds) and the type's core schema (what
the user gets). Where both go member by member, so does the place; where one of them needs the whole value (a union, a map written
as entries, a validator that runs before the members are read), the place is shown as growing and read when it closes.

A part is read by the same check as a whole answer. A container is then put together from its parts by its own core schema, whose
parts are taken as they are: so every part is validated once, and the container's own validators and constraints run once, when it
closes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, cast

from pydantic_core import SchemaValidator

from structgen.errors import InvalidOutputError
from structgen.schema.check import parse_json, validate, validate_json
from structgen.schema.codecs.codec import SAME, VALUE, Codec, Items, Map, Nullable, Ref, Trace
from structgen.schema.codecs.records import Fields
from structgen.schema.codecs.root import Root
from structgen.schema.compiler import Compiled, linked
from structgen.schema.source.reader import Core, children
from structgen.schema.target import Target
from structgen.values import Json, JsonSchema

if TYPE_CHECKING:
    from pydantic import TypeAdapter

_ANY: Final = {"type": "any"}
_LAYERS: Final = frozenset({"function-after", "model", "dataclass"})
"""Nodes around a container's members that change nothing before these are read."""
_OF_RECORDS: Final = frozenset({"model-fields", "dataclass-args", "typed-dict"})
_WITH_A_SCHEMA_OF_THEIR_OWN: Final = frozenset({"model", "dataclass", "typed-dict"})


@dataclass(frozen=True, eq=False)
class Place:
    """One place of an answer.

    `read`: the closed value's JSON text -> the value; raises OutputErrors. `opens`: the kind of container that can be shown from
    inside, "" for none. `text`: can a string be shown while it grows? `optional`: null says that the text does not state it.
    `names`: of a record, attribute -> member. `inside`: the places of its members (by name), or of its items (under None).
    `build`: parts -> the container's value. `wrapper`: an object that only holds the root.
    """

    read: Callable[[bytes], Any]
    opens: Literal["object", "array", ""] = ""
    text: bool = False
    optional: bool = False
    names: Mapping[str, str] = field(default_factory=dict)
    inside: Callable[[], Mapping[str | None, Place]] = dict
    build: Callable[[Any], Any] = lambda parts: parts
    wrapper: bool = False

    @cached_property
    def _inside(self) -> Mapping[str | None, Place]:
        return self.inside()

    def part(self, key: str | int) -> Place:
        """The place of a member or an item."""
        inside = self._inside
        return inside.get(key if isinstance(key, str) else None) or inside.get(None) or UNKNOWN


UNKNOWN: Final = Place(parse_json)
"""The place of a member that nothing is said about."""


def place_of(compiled: Compiled[Any]) -> Place:
    """The place of a whole answer. The second call for the same target is a look-up."""
    held = vars(compiled)  # by what it describes, so that the two can be collected together
    if "place" not in held:
        held["place"] = _root(compiled)
    place: Place = held["place"]
    return place


def _root(compiled: Compiled[Any]) -> Place:
    codec: Codec = compiled.codec
    wrapped = False
    if isinstance(codec, Root):
        if codec.others:
            return UNKNOWN  # what has no place elsewhere comes last, and may belong anywhere
        wrapped, codec = codec.wrapped, codec.part
    adapter, codecs = compiled.target.adapter, compiled.codecs
    walk = (
        _Plain(codecs, compiled.target.schema)
        if adapter is None
        else _Typed(codecs, adapter.core_schema)
    )
    inner = walk.place(walk.root, codec)
    return (
        Place(parse_json, "object", inside=lambda: {VALUE: inner}, wrapper=True)
        if wrapped
        else inner
    )


class _Core(NamedTuple):
    """As much of a TypeAdapter as a Target needs to read."""

    core_schema: Core


class _Codecs:
    """The codecs of one compiled target."""

    def __init__(self, codecs: dict[str, Codec]) -> None:
        self._codecs = codecs

    def opened(self, codec: Codec) -> Codec:
        """The codec behind references and nullability."""
        while isinstance(codec, Ref | Nullable):
            codec = self._codecs[codec.name] if isinstance(codec, Ref) else codec.part
        return codec

    def back(self, codec: Codec) -> Map | None:
        """The way from the answer's form of a part to its own."""
        return linked(codec, self._codecs)[1]

    def members(self, codec: Codec) -> dict[str, tuple[Codec, str]] | None:
        """The members whose codec changes something, or that may be absent; None where the object has to be read as a whole."""
        if codec is SAME:
            return {}
        if (
            not isinstance(codec, Fields)
            or codec.others.way in ("note", "entries")
            or codec.others.patterns
        ):
            return None
        if codec.others.way == "keep" and codec.others.codec is not SAME:
            return None
        return {member.name: (member.codec, member.absent) for member in codec.members}

    def item(self, codec: Codec) -> Codec | None:
        """The codec of a list's items, None where the list has to be read as a whole."""
        if codec is SAME:
            return SAME
        return codec.part if isinstance(codec, Items) and not codec.head else None


# ---- types ----------------------------------------------------------------------------------------------------------------


class _Typed(_Codecs):
    """Places of a type."""

    def __init__(self, codecs: dict[str, Codec], core: Core) -> None:
        super().__init__(codecs)
        self._definitions = (
            {node["ref"]: node for node in core["definitions"]}
            if core["type"] == "definitions"
            else {}
        )
        self.root = core["schema"] if self._definitions else core

    def place(self, core: Core, codec: Codec, absent: str = "never") -> Place:
        read = self._reader(core, self.back(codec), boxed=absent == "boxed")
        optional = absent in ("null", "boxed", "noted")
        node = self._container(core)
        if absent == "boxed" or node is None:
            return Place(read, text=absent != "boxed" and self._is_text(core), optional=optional)
        codec, body = self.opened(codec), _body(node)
        if body["type"] in _OF_RECORDS:
            members = self.members(codec)
            if members is None:
                return Place(read, optional=optional)
            fields = _fields(body)
            names = (
                {}
                if body["type"] == "typed-dict"
                else {name: str(f.get("validation_alias", name)) for name, f in fields}
            )
            wanted = {str(f.get("validation_alias", name)): _of_field(f) for name, f in fields}
            return Place(
                read,
                "object",
                optional=optional,
                names=names,
                inside=lambda: {
                    key: self.place(inner, *members.get(key, (SAME, "never")))
                    for key, inner in wanted.items()
                },
                build=_shell(node),
            )
        item = self.item(codec) if body["type"] == "list" else SAME if codec is SAME else None
        if item is None:
            return Place(read, optional=optional)
        inner = body.get("items_schema" if body["type"] == "list" else "values_schema", _ANY)
        opens: Literal["object", "array"] = "array" if body["type"] == "list" else "object"
        return Place(
            read,
            opens,
            optional=optional,
            inside=lambda: {None: self.place(inner, item)},
            build=_shell(node),
        )

    def _reader(self, core: Core, back: Map | None, *, boxed: bool) -> Callable[[bytes], Any]:
        definitions = list(self._definitions.values())
        whole = (
            {"type": "definitions", "schema": core, "definitions": definitions}
            if definitions
            else core
        )
        part: Target[Any] = Target(None, "part", {}, cast("TypeAdapter[Any]", _Core(whole)), ())

        def read(text: bytes) -> Any:
            if back is None and not boxed:
                return validate_json(part, text)
            return validate(part, _restored(parse_json(text), back, boxed=boxed))

        return read

    def _resolved(self, core: Core) -> Core:
        while core["type"] in ("definition-ref", "nullable"):
            core = (
                self._definitions[core["schema_ref"]]
                if core["type"] == "definition-ref"
                else core["schema"]
            )
        return core

    def _is_text(self, core: Core) -> bool:
        core = self._resolved(core)
        while core["type"] in ("function-after", "chain") and (
            "schema" in core or core.get("steps")
        ):
            core = self._resolved(core["schema"] if "schema" in core else core["steps"][0])
        return bool(core["type"] == "str")

    def _container(self, core: Core) -> Core | None:
        """The node of a container that can be shown from inside; None for everything else."""
        node = self._resolved(core)
        body = _body(node)
        if body["type"] == "list":
            return node
        if body["type"] == "dict":
            return node if body.get("keys_schema", {"type": "str"})["type"] == "str" else None
        if body["type"] not in _OF_RECORDS:
            return None
        fields = [inner["schema"] for _, inner in _fields(body)]
        aliases = [inner.get("validation_alias", "") for _, inner in _fields(body)]
        whole = (
            any(
                layer.get("custom_init") or layer.get("root_model") or _keeps_extra(layer)
                for layer in _layers(node)
            )
            or not all(isinstance(alias, str) for alias in aliases)
            or any(_sees_the_others(inner) or _has_inner_default(inner) for inner in fields)
        )
        return None if whole else node


def _layers(node: Core) -> Iterable[Core]:
    yield node
    while node["type"] in _LAYERS:
        node = node["schema"]
        yield node


def _body(node: Core) -> Core:
    """The node of the members, below the layers around it."""
    *_, body = _layers(node)
    return body


def _fields(body: Core) -> list[tuple[str, Core]]:
    fields = body["fields"]
    return [(f["name"], f) for f in fields] if isinstance(fields, list) else list(fields.items())


def _of_field(member: Core) -> Core:
    """A field's schema, without its default: the answer states it, or it is absent."""
    core = member["schema"]
    return core["schema"] if core["type"] == "default" else core


def _keeps_extra(layer: Core) -> bool:
    return (
        layer.get("extra_behavior") == "allow"
        or "extras_schema" in layer
        or (layer.get("config") or {}).get("extra_fields_behavior") == "allow"
    )


def _sees_the_others(core: Core) -> bool:
    """Has a field a validator that is told about the fields before it?"""
    if core.get("type", "").startswith("function-") and core["function"].get("type") == "with-info":
        return True
    return core["type"] not in _WITH_A_SCHEMA_OF_THEIR_OWN and any(
        map(_sees_the_others, children(core))
    )


def _has_inner_default(core: Core) -> bool:
    """Has a field a default that its validators see?"""
    if core["type"] == "default":
        return bool(core.get("validate_default")) or "default_factory_takes_data" in core
    while core["type"].startswith("function-") and "schema" in core:
        core = core["schema"]
        if core["type"] == "default":
            return True
    return False


def _shell(node: Core) -> Callable[[Any], Any]:
    """Puts a container together from its parts, which are taken as they are."""
    made: list[SchemaValidator] = []

    def build(parts: Any) -> Any:
        if not made:
            made.append(SchemaValidator(_emptied(node), None, _use_prebuilt=False))
        return made[0].validate_python(parts, strict=False)

    return build


def _emptied(node: Core) -> Core:
    """A container's core schema that takes any parts."""
    node = {key: value for key, value in node.items() if key not in ("ref", "serialization")}
    if node["type"] in _LAYERS:
        return {**node, "schema": _emptied(node["schema"])}
    if node["type"] == "list":
        return {**node, "items_schema": _ANY}
    if node["type"] == "dict":
        return {**node, "values_schema": _ANY}
    fields = node["fields"]
    return {
        **node,
        "fields": [_any(f) for f in fields]
        if isinstance(fields, list)
        else {n: _any(f) for n, f in fields.items()},
    }


def _any(member: Core) -> Core:
    core = member["schema"]
    return {**member, "schema": {**core, "schema": _ANY} if core["type"] == "default" else _ANY}


def _restored(data: Json, back: Map | None, *, boxed: bool) -> Json:
    if boxed and isinstance(data, dict):
        data = data.get(VALUE)
    trace = Trace()
    restored = back(data, None, trace) if back else data
    if trace.faults:
        raise InvalidOutputError(
            "The answer does not follow the form it was asked for.", violations=trace.faults
        )
    return restored


# ---- JSON Schemas ---------------------------------------------------------------------------------------------------------


class _Plain(_Codecs):
    """Places of a JSON Schema: its values are plain data, and its keywords may relate any part to any other, so that nothing but
    the whole answer is checked."""

    def __init__(self, codecs: dict[str, Codec], schema: JsonSchema) -> None:
        super().__init__(codecs)
        self.root = schema

    def place(self, schema: Any, codec: Codec, absent: str = "never") -> Place:
        back, boxed = self.back(codec), absent == "boxed"
        optional = absent in ("null", "boxed", "noted")

        def read(text: bytes) -> Any:
            return _restored(parse_json(text), back, boxed=boxed)

        node, codec = self._resolved(schema), self.opened(codec)
        types = (
            {node.get("type")} if isinstance(node.get("type"), str) else set(node.get("type") or ())
        )
        if boxed:
            return Place(read, optional=optional)
        if types - {"null"} == {"object"} and (members := self.members(codec)) is not None:
            declared = node.get("properties") or {}
            return Place(
                read,
                "object",
                optional=optional,
                inside=lambda: {
                    key: self.place(inner, *members.get(key, (SAME, "never")))
                    for key, inner in declared.items()
                },
            )
        items = node.get("items")
        if (
            types - {"null"} == {"array"}
            and isinstance(items, dict)
            and (item := self.item(codec)) is not None
        ):
            return Place(
                read, "array", optional=optional, inside=lambda: {None: self.place(items, item)}
            )
        return Place(read, text="string" in types and back is None, optional=optional)

    def _resolved(self, schema: Any) -> JsonSchema:
        """The schema behind references, and behind a choice between it and null."""
        for _ in range(50):
            if not isinstance(schema, dict):
                return {}
            branches = [branch for branch in schema.get("anyOf", ()) if branch != {"type": "null"}]
            if "$ref" in schema:
                schema = (
                    self.root
                    if schema["$ref"] == "#"
                    else self.root["$defs"].get(schema["$ref"].removeprefix("#/$defs/"))
                )
            elif len(branches) == 1:
                schema = branches[0]
            else:
                return schema
        return {}
