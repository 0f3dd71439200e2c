"""The compiler: a target and a schema language in; the schema that language can hold, the way
there and back, and notes out.

One rule makes it simple: whatever a language cannot say is said more widely in the compiled
schema and noted as `checked`, because every answer is checked against the whole source
afterwards. So only two things must never fail: every value of the source has a form under the
compiled schema, and the way back from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, overload

from structgen.errors import InvalidOutputError, SchemaError
from structgen.schema.check import parse_json, validate, validate_json, validate_parsed
from structgen.schema.codecs.codec import VALUE, Codec, Map, Pair, Ref, Trace
from structgen.schema.codecs.root import PATH, Root
from structgen.schema.compile.alternatives import alternatives
from structgen.schema.compile.arrays import array
from structgen.schema.compile.builder import Builder, Built, Here, Shape
from structgen.schema.compile.forms import is_finite
from structgen.schema.compile.limits import within_limits
from structgen.schema.compile.names import other_members_name
from structgen.schema.compile.objects import members
from structgen.schema.compile.scalars import boolean, integer, null, number, string, values
from structgen.schema.compile.tags import changes, separate
from structgen.schema.json import pointer_of, to_text
from structgen.schema.subset import SchemaSubset, subset_of
from structgen.schema.target import Target, target_of
from structgen.values import Json, JsonSchema, Note

if TYPE_CHECKING:
    from typing_extensions import TypeForm

T = TypeVar("T")


class Compiled(Generic[T]):
    """A target in one schema language.

    `schema`: what to send; `notes`: what it does differently from the source; `name`: what to
    send it under. `encode` and `decode` are the way there and back; `decode_json` is the way
    back from text. `codec` is what they are made of, and `codecs` those of the definitions it
    refers to.
    """

    __slots__ = (
        "__dict__",
        "__weakref__",
        "codec",
        "codecs",
        "identity",
        "notes",
        "schema",
        "subset",
        "target",
    )

    def __init__(
        self,
        target: Target[T],
        subset: SchemaSubset,
        schema: JsonSchema,
        notes: tuple[Note, ...],
        codec: Codec,
        codecs: dict[str, Codec],
        identity: bool,
    ) -> None:
        self.target = target
        self.subset = subset
        self.schema = schema
        self.notes = notes
        self.identity = identity
        self.codec = codec
        self.codecs = codecs

    def __repr__(self) -> str:
        return f"Compiled({self.target.name}, {self.subset.name})"

    @property
    def name(self) -> str:
        return self.target.name

    @cached_property
    def _maps(self) -> Pair:
        return linked(self.codec, self.codecs)

    @cached_property
    def _text(self) -> bytes:
        return to_text(self.schema).encode()

    @property
    def wrapped(self) -> bool:
        """Is the answer an object that holds the value as its member `value`?"""
        return isinstance(self.codec, Root) and self.codec.wrapped

    def dumps(self) -> bytes:
        """The schema as compact JSON text, the same bytes every time."""
        return self._text

    def encode(self, value: T) -> Json:
        """A value in the form the compiled schema holds: for examples and prefilled forms.

        Raises SchemaError for a value that a `narrowed` note excludes.
        """
        data = self.target.dump(value)
        try:
            into = self._maps[0]
            return into(data, None, Trace()) if into else data
        except RecursionError:
            raise SchemaError(
                "The value is nested too deeply to be encoded.",
                hint="Split it into smaller values.",
            ) from None

    def decode(self, data: Json) -> T:
        """The value that an answer means. Raises InvalidOutputError."""
        return validate(self.target, data) if self.identity else self.read(data)[0]

    def decode_json(self, text: str | bytes) -> T:
        """The value that an answer's text means. Raises NotJsonError or InvalidOutputError."""
        if self.identity:
            return validate_json(self.target, text)
        return validate_parsed(self.target, self._restore(parse_json(text))[0])

    def restored(self, data: Json) -> tuple[Json, frozenset[str]]:
        """As `read`, of a value in its own JSON form, not checked. Raises InvalidOutputError
        where the answer has none."""
        restored, trace = self._restore(data)
        return restored, frozenset(map(pointer_of, trace.absent))

    def read(self, data: Json) -> tuple[T, frozenset[str]]:
        """The value, and the JSON Pointers of the optional fields that the answer leaves out.
        Raises InvalidOutputError."""
        restored, absent = self.restored(data)
        return validate(self.target, restored), absent

    def read_json(self, text: str | bytes) -> tuple[T, frozenset[str]]:
        """As `read`, from an answer's text. Raises NotJsonError or InvalidOutputError."""
        if self._maps[1] is None:
            return validate_json(self.target, text), frozenset()
        restored, absent = self.restored(parse_json(text))
        return validate_parsed(self.target, restored), absent

    def _restore(self, data: Json) -> tuple[Json, Trace]:
        trace = Trace()
        try:
            back = self._maps[1]
            restored = back(data, None, trace) if back else data
        except RecursionError:
            raise InvalidOutputError("The answer is nested too deeply.") from None
        if trace.faults:
            raise InvalidOutputError(
                "The answer does not follow the form it was asked for.", violations=trace.faults
            )
        return restored, trace


def linked(codec: Codec, codecs: dict[str, Codec]) -> Pair:
    """The two functions of a codec. A definition that uses itself calls itself through a cell."""
    cells: dict[str, list[Map | None]] = {}
    done: set[str] = set()

    def late(name: str, side: int) -> Map:
        def call(value: Json, path: Any, trace: Trace) -> Json:
            function = cells[name][side]
            return function(value, path, trace) if function else value

        return call

    def link(part: Codec) -> Pair:
        if not isinstance(part, Ref):
            return part.link(link)
        name = part.name
        if name not in cells:
            cells[name] = [None, None]
            cells[name][:] = link(codecs[name])
            done.add(name)
        if name in done:
            return cells[name][0], cells[name][1]
        return late(name, 0), late(name, 1)

    for name in reversed(
        list(codecs)
    ):  # the last ones are the innermost: a long chain of definitions needs no deep stack
        link(Ref(name))
    return link(codec)


@overload
def compile_schema(source: Target[T], subset: str | SchemaSubset) -> Compiled[T]: ...
@overload
def compile_schema(source: TypeForm[T], subset: str | SchemaSubset) -> Compiled[T]: ...
@overload
def compile_schema(source: JsonSchema, subset: str | SchemaSubset) -> Compiled[Json]: ...
def compile_schema(source: Any, subset: str | SchemaSubset) -> Compiled[Any]:
    """What `source` means in one schema language. The second call for the same target and
    language is a look-up.

    `source`: a Target, anything a Pydantic TypeAdapter takes, or a JSON Schema; `subset`: a
    name from `SUBSETS`, or a row. Raises TargetError, SchemaError (the language cannot hold
    it), SchemaLimitError (it is over a limit), ConfigurationError.
    """
    target = target_of(source)
    row = subset_of(subset)
    known: dict[SchemaSubset, Compiled[Any]] = target.compiled
    if row not in known:
        known[row] = _compile(target, row)
    return known[row]


_SHAPES: Final[Mapping[str, Shape]] = {
    "null": null,
    "boolean": boolean,
    "integer": integer,
    "number": number,
    "string": string,
    "array": array,
    "object": members,
    "values": values,
    "alternatives": alternatives,
}
"""A function for each form that a node can have."""


def _compile(target: Target[T], subset: SchemaSubset) -> Compiled[T]:
    builder = Builder(target, subset, _SHAPES)
    try:
        schema, codec = _rooted(builder, builder.root())
        if not is_finite(builder.defs, schema):
            hint = "Make the field that leads back optional, or a list."
            raise SchemaError(
                "No value of this schema ends: a definition needs itself.",
                keyword="$ref",
                hint=hint,
            )
        changed = separate(builder)
        schema = within_limits(
            builder, {**schema, "$defs": builder.defs} if builder.defs else schema
        )
    except RecursionError:
        raise SchemaError(
            "The schema is nested too deeply.", hint="Move parts into `$defs`."
        ) from None
    notes = tuple(dict.fromkeys((*builder.notes, *target.opaque)))
    return Compiled(
        target, subset, schema, notes, codec, builder.codecs, identity=not changes(codec, changed)
    )


def _rooted(builder: Builder, built: Built) -> Built:
    """The root in the form that the language wants, with the member for what has no place
    elsewhere."""
    schema, codec = built
    subset, here = builder.subset, Here("")
    others = other_members_name(schema.get("properties", ())) if builder.needs_other_members else ""
    is_object = schema.get("type") == "object"
    closed = (
        is_object
        and schema.get("additionalProperties") is False
        and "patternProperties" not in schema
    )
    wrapped = (subset.root == "object" and not is_object) or (bool(others) and not closed)
    if not wrapped and not others:
        return built
    if wrapped:
        builder.note(
            here, "type", "rewritten", f"the root is wrapped in an object, as its member {VALUE!r}"
        )
        schema = builder.object({VALUE: schema})
    if others:
        builder.note(
            here,
            "additionalProperties",
            "rewritten",
            f"members that the schema does not declare go to {others!r}",
        )
        builder.note(here, "additionalProperties", "checked", f"what {others!r} holds")
        entry = builder.object({PATH: {"type": "string"}, VALUE: {"type": "string"}})
        words = "Null. Only for what no other field can hold: its JSON Pointer, and its value as JSON text."
        member = {
            "description": words,
            "anyOf": [{"type": "array", "items": entry}, {"type": "null"}],
        }
        needed = [others] if subset.all_required else []
        schema = {
            **schema,
            "properties": {**schema["properties"], others: member},
            "required": [*schema["required"], *needed],
        }
    return Built(schema, Root(codec, wrapped, others))
