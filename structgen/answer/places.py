"""Which parts of a value can be shown while it is being written.

A compiled target is walked once, along its codecs (what the answer holds) and along the type's core
schema (what the user gets). If both go member by member, so does the place. If one of them needs
the whole value (a union, a map written as entries, a validator that runs before the members are
read), the place is shown as growing and read when it closes.

A part is read by the same check as a whole answer. A container is then built from its parts by its
own core schema, with parts that are taken as they are. So every part is validated once, and the
container's own validators and constraints run once, when it closes.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, TypeAlias, cast

from structgen.answer.core_schema import (
    ANY,
    RECORDS,
    body_of,
    builder,
    fields_of,
    has_inner_default,
    keeps_extra,
    layers,
    schema_of_field,
    sees_other_fields,
)
from structgen.errors import InvalidOutputError
from structgen.schema.check import parse_json, validate, validate_json
from structgen.schema.codecs.codec import SAME, VALUE, Codec, Items, Map, Nullable, Ref, Trace
from structgen.schema.codecs.linked import linked
from structgen.schema.codecs.records import Fields
from structgen.schema.codecs.root import Root
from structgen.schema.compile.keywords import types_of
from structgen.schema.compiler import Compiled
from structgen.schema.source.reader import Core
from structgen.schema.target import Target
from structgen.values import Json, JsonSchema

if TYPE_CHECKING:
    from pydantic import TypeAdapter


_OPTIONAL: Final = frozenset({"null", "boxed", "noted"})
"""The ways of a codec in which an answer says that a member is absent."""
_MOST_REFERENCES: Final = 50
"""How many references in a row are followed: a schema may refer to itself."""


Mend: TypeAlias = Callable[[Json], Json]
"""Changes plain data, or gives the very same."""


def as_it_is(data: Json) -> Json:
    """Change nothing."""
    return data


@dataclass(frozen=True, eq=False)
class Place:
    """One place of an answer."""

    read: Callable[[bytes, Mend], Any]
    """Makes a value of its JSON text once it has closed, after the text's plain data was mended in
    the value's own form. Raises OutputError."""
    opens: Literal["object", "array", ""] = ""
    """The kind of container whose parts can be shown; "" if it is none, or they cannot."""
    text: bool = False
    """Whether a string can be shown while it grows."""
    optional: bool = False
    """Whether null means that the document does not state it."""
    names: Mapping[str, str] = field(default_factory=dict)
    """The attributes of a record, each with the name of its member."""
    own: Mapping[str, str] = field(default_factory=dict)
    """The own names of members that have another one in an answer, by that."""
    inside: Callable[[], Mapping[str | None, Place]] = dict
    """The places of the members by name, or of all items under None."""
    build: Callable[[Any], Any] = lambda parts: parts
    """Makes the container's value of its parts."""
    wrapper: bool = False
    """Whether it is an object that only holds the root."""
    dropped: bool = False
    """Whether what is there is no part of the value."""

    @cached_property
    def _inside(self) -> Mapping[str | None, Place]:
        return self.inside()

    def part(self, key: str | int) -> Place:
        """The place of a member or an item."""
        inside = self._inside
        return inside.get(key if isinstance(key, str) else None) or inside.get(None) or UNKNOWN


UNKNOWN: Final = Place(lambda text, mend: mend(parse_json(text)))
"""The place of a member that the schema says nothing about."""
DROPPED: Final = replace(UNKNOWN, dropped=True)
"""The place of the model's thoughts."""


def place_of(compiled: Compiled[Any]) -> Place:
    """The place of a whole answer. It is made by the first call for each target."""
    kept = vars(compiled)  # kept with the target, so that both can be collected together
    if "place" not in kept:
        kept["place"] = _root(compiled)
    place: Place = kept["place"]
    return place


def _root(compiled: Compiled[Any]) -> Place:
    codec: Codec = compiled.codec
    wrapped, apart = False, dict[str | None, Place]()
    if isinstance(codec, Root):
        if codec.other_members:
            return UNKNOWN  # other members come last, and may belong anywhere
        if codec.thoughts:
            apart[codec.thoughts] = DROPPED
        wrapped, codec = codec.wrapped, codec.part
    adapter, codecs = compiled.target.adapter, compiled.codecs
    walk = (
        _SchemaWalk(codecs, compiled.target.schema)
        if adapter is None
        else _TypeWalk(codecs, adapter.core_schema, compiled.target.context)
    )
    inner = walk.place(walk.root, codec)
    if wrapped:
        members: dict[str | None, Place] = {VALUE: inner, **apart}
        return replace(UNKNOWN, opens="object", inside=lambda: members, wrapper=True)
    return replace(inner, inside=lambda: {**inner.inside(), **apart}) if apart else inner


class _Core(NamedTuple):
    """The part of a TypeAdapter that a Target needs to read."""

    core_schema: Core


class _Codecs:
    """The codecs of one compiled target."""

    def __init__(self, codecs: dict[str, Codec]) -> None:
        self._codecs = codecs

    def opened(self, codec: Codec) -> Codec:
        """The codec that references and nullability lead to."""
        while isinstance(codec, Ref | Nullable):
            codec = self._codecs[codec.name] if isinstance(codec, Ref) else codec.part
        return codec

    def back(self, codec: Codec) -> Map | None:
        """The function from the answer's form of a part to its own; None if they are the same."""
        return linked(codec, self._codecs)[1]

    def members(self, codec: Codec) -> dict[str, tuple[Codec, str]] | None:
        """The members whose codec changes something, or that may be absent.

        None if the object has to be read as a whole.
        """
        if codec is SAME:
            return {}
        if (
            not isinstance(codec, Fields)
            or codec.undeclared.way in ("root", "entries")
            or codec.undeclared.patterns
        ):
            return None
        if codec.undeclared.way == "keep" and codec.undeclared.codec is not SAME:
            return None
        return {member.name: (member.codec, member.absent) for member in codec.members}

    def own_names(self, codec: Codec) -> dict[str, str]:
        """The own names of a record's members that have another one in an answer."""
        members = codec.members if isinstance(codec, Fields) else ()
        return {member.wire: member.name for member in members if member.wire}

    def item(self, codec: Codec) -> Codec | None:
        """The codec of a list's items; None if the list has to be read as a whole."""
        if codec is SAME:
            return SAME
        return codec.part if isinstance(codec, Items) and not codec.head else None


# ---- types --------------------------------------------------------------------------------------


class _TypeWalk(_Codecs):
    """Finds the places of a type."""

    def __init__(self, codecs: dict[str, Codec], core: Core, context: Any) -> None:
        super().__init__(codecs)
        self._context = context
        self._definitions = (
            {node["ref"]: node for node in core["definitions"]}
            if core["type"] == "definitions"
            else {}
        )
        self.root = core["schema"] if self._definitions else core

    def place(self, core: Core, codec: Codec, absent: str = "never") -> Place:
        """The place of a part. `absent`: how the answer says that it is absent."""
        boxed = absent == "boxed"
        node = None if boxed else self._container(core)
        plain = Place(
            self._reader(core, self.back(codec), boxed=boxed),
            text=node is None and not boxed and self._is_text(core),
            optional=absent in _OPTIONAL,
        )
        if node is None:
            return plain
        codec, body = self.opened(codec), body_of(node)
        if body["type"] in RECORDS:
            return self._record(plain, node, codec)
        if body["type"] == "list":
            return self._series(plain, node, self.item(codec), "array", "items_schema")
        return self._series(plain, node, SAME if codec is SAME else None, "object", "values_schema")

    def _record(self, plain: Place, node: Core, codec: Codec) -> Place:
        members = self.members(codec)
        if members is None:
            return plain
        body = body_of(node)
        fields = [(name, str(f.get("validation_alias", name)), f) for name, f in fields_of(body)]
        has_attributes = body["type"] != "typed-dict"
        return replace(
            plain,
            opens="object",
            names={name: member for name, member, _ in fields} if has_attributes else {},
            own=self.own_names(codec),
            inside=lambda: {
                member: self.place(schema_of_field(f), *members.get(member, (SAME, "never")))
                for _, member, f in fields
            },
            build=builder(node),
        )

    def _series(
        self,
        plain: Place,
        node: Core,
        codec: Codec | None,
        opens: Literal["object", "array"],
        keyword: str,
    ) -> Place:
        """The place of a list, or of a map with free keys."""
        if codec is None:
            return plain
        inner = body_of(node).get(keyword, ANY)
        return replace(
            plain,
            opens=opens,
            inside=lambda: {None: self.place(inner, codec)},
            build=builder(node),
        )

    def _reader(self, core: Core, back: Map | None, *, boxed: bool) -> Callable[[bytes, Mend], Any]:
        definitions = list(self._definitions.values())
        if definitions:
            core = {"type": "definitions", "schema": core, "definitions": definitions}
        part: Target[Any] = Target(None, "part", {}, cast("TypeAdapter[Any]", _Core(core)), ())
        part.context = self._context

        def read(text: bytes, mend: Mend) -> Any:
            is_plain = back is None and not boxed
            if is_plain and mend is as_it_is:
                return validate_json(part, text)
            data = _restored(parse_json(text), back, boxed=boxed)
            mended = mend(data)
            if is_plain and mended is data:
                return validate_json(part, text)
            return validate(part, mended)

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
        """The node of a container whose parts can be shown; None for everything else."""
        node = self._resolved(core)
        body = body_of(node)
        if body["type"] == "list":
            return node
        if body["type"] == "dict":
            return node if body.get("keys_schema", {"type": "str"})["type"] == "str" else None
        if body["type"] not in RECORDS:
            return None
        fields = [inner["schema"] for _, inner in fields_of(body)]
        aliases = [inner.get("validation_alias", "") for _, inner in fields_of(body)]
        read_whole = (
            any(
                layer.get("custom_init") or layer.get("root_model") or keeps_extra(layer)
                for layer in layers(node)
            )
            or not all(isinstance(alias, str) for alias in aliases)
            or any(sees_other_fields(inner) or has_inner_default(inner) for inner in fields)
        )
        return None if read_whole else node


def _restored(data: Json, back: Map | None, *, boxed: bool) -> Json:
    """A part of an answer in its own form. Raises InvalidOutputError."""
    if boxed and isinstance(data, dict):
        data = data.get(VALUE)
    trace = Trace()
    restored = back(data, None, trace) if back else data
    if trace.faults:
        raise InvalidOutputError(
            "The answer does not have the form that was asked for.",
            violations=tuple(trace.faults),
        )
    return restored


# ---- JSON Schemas -------------------------------------------------------------------------------


class _SchemaWalk(_Codecs):
    """Finds the places of a JSON Schema.

    Its values are plain data. Its keywords may relate any part to any other, so nothing but the
    whole answer is checked.
    """

    def __init__(self, codecs: dict[str, Codec], schema: JsonSchema) -> None:
        super().__init__(codecs)
        self.root = schema

    def place(self, schema: Any, codec: Codec, absent: str = "never") -> Place:
        """The place of a part. `absent`: how the answer says that it is absent."""
        back, boxed = self.back(codec), absent == "boxed"

        def read(text: bytes, mend: Mend) -> Any:
            return mend(_restored(parse_json(text), back, boxed=boxed))

        plain = Place(read, optional=absent in _OPTIONAL)
        if boxed:
            return plain
        node, codec = self._resolved(schema), self.opened(codec)
        kinds = set(types_of(node) or ()) - {"null"}
        members, item = self.members(codec), self.item(codec)
        if kinds == {"object"} and members is not None:
            declared = node.get("properties") or {}
            return replace(
                plain,
                opens="object",
                own=self.own_names(codec),
                inside=lambda: {
                    key: self.place(inner, *members.get(key, (SAME, "never")))
                    for key, inner in declared.items()
                },
            )
        items = node.get("items")
        if kinds == {"array"} and isinstance(items, dict) and item is not None:
            return replace(plain, opens="array", inside=lambda: {None: self.place(items, item)})
        return replace(plain, text="string" in kinds and back is None)

    def _resolved(self, schema: Any) -> JsonSchema:
        """The schema that references, and choices between a schema and null, lead to."""
        for _ in range(_MOST_REFERENCES):
            if not isinstance(schema, dict):
                return {}
            branches = [branch for branch in schema.get("anyOf", ()) if branch != {"type": "null"}]
            if "$ref" in schema:
                schema = self._referenced(schema["$ref"])
            elif len(branches) == 1:
                schema = branches[0]
            else:
                return schema
        return {}

    def _referenced(self, ref: str) -> Any:
        return self.root if ref == "#" else self.root["$defs"].get(ref.removeprefix("#/$defs/"))
