"""The compiler: from a target and a schema language to a schema, the way there and back, and notes.

One rule makes it simple: whatever a language cannot say is said more widely in the
compiled schema and noted as `checked`, because every answer is checked against the
whole source afterwards. So only two things must never fail: every value of the source
has a form under the compiled schema, and the way back from it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar, overload

from structgen.errors import InvalidOutputError, SchemaError
from structgen.schema.check import parse_json, validate, validate_json, validate_parsed
from structgen.schema.codecs.codec import VALUE, Codec, Pair, Trace
from structgen.schema.codecs.linked import linked
from structgen.schema.codecs.root import PATH, Root
from structgen.schema.compile.alternatives import alternatives
from structgen.schema.compile.arrays import array
from structgen.schema.compile.builder import Builder, Built, Shape
from structgen.schema.compile.forms import is_finite
from structgen.schema.compile.here import Here
from structgen.schema.compile.limits import within_limits
from structgen.schema.compile.names import other_members_name
from structgen.schema.compile.numerals import as_decoded
from structgen.schema.compile.objects import members
from structgen.schema.compile.scalars import boolean, integer, null, number, string, values
from structgen.schema.compile.tags import changes, separate
from structgen.schema.compile.words import NULL_MEANS, described
from structgen.schema.json import pointer_of, to_text
from structgen.schema.subset import SchemaSubset, subset_of
from structgen.schema.target import Target, target_of
from structgen.schema.wire_names import WIRE_NAME
from structgen.values import Json, JsonSchema, Note

if TYPE_CHECKING:
    from typing_extensions import TypeForm

T = TypeVar("T")


class Compiled(Generic[T]):
    """A target in one schema language."""

    target: Target[T]
    """The target that was compiled."""
    subset: SchemaSubset
    """The schema language."""
    schema: JsonSchema
    """The schema to send."""
    notes: tuple[Note, ...]
    """The differences between the schema and its source."""
    codec: Codec
    """The way there and back, as data."""
    codecs: dict[str, Codec]
    """The codecs of the definitions that the schema refers to."""
    identity: bool
    """Whether answers have the values' own JSON form."""

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

    def bound(self, target: Target[T]) -> Compiled[T]:
        """The same for a target that differs only in the context of its validators."""
        parts = self.subset, self.schema, self.notes, self.codec, self.codecs, self.identity
        return Compiled(target, *parts)

    @property
    def name(self) -> str:
        """The name to send the schema under."""
        return self.target.name

    @cached_property
    def _maps(self) -> Pair:
        return linked(self.codec, self.codecs)

    @cached_property
    def renames(self) -> bool:
        """Whether members have other names in an answer than in the value."""
        return any(note.keyword == WIRE_NAME for note in self.notes)

    @cached_property
    def _text(self) -> bytes:
        return to_text(self.schema).encode()

    @property
    def wrapped(self) -> bool:
        """Whether an answer is an object with the value as its member `value`."""
        return isinstance(self.codec, Root) and self.codec.wrapped

    @property
    def thoughts(self) -> str:
        """The name of the member for the model's thoughts, which comes first; "" for none."""
        return self.codec.thoughts if isinstance(self.codec, Root) else ""

    def dumps(self) -> bytes:
        """The schema as compact JSON text, the same bytes every time."""
        return self._text

    def encode(self, value: T) -> Json:
        """Write a value in the form of the compiled schema, for examples and prefilled forms.

        Args:
            value: A value of the target.

        Raises:
            SchemaError: If the value has no JSON form, or a `narrowed` note excludes
                it.
        """
        data = self.target.dump(value)
        try:
            into = self._maps[0]
            answer = into(data, None, Trace()) if into else data
            # A type writes a value in one way; data of the user's own may have several.
            return as_decoded(self.schema, answer) if self.target.adapter is None else answer
        except RecursionError:
            message = "The value is nested too deeply to be encoded."
            raise SchemaError(message, hint="Split it into smaller values.") from None

    def decode(self, data: Json) -> T:
        """Turn an answer into the value that it means.

        Args:
            data: The answer as plain JSON data.

        Raises:
            InvalidOutputError: If it is not a value of the target; it has the
                violations.
        """
        return validate(self.target, data) if self.identity else self.read(data)[0]

    def decode_json(self, text: str | bytes) -> T:
        """Turn the text of an answer into the value that it means.

        Args:
            text: The answer as JSON text.

        Raises:
            NotJsonError: If the text is not one JSON document.
            InvalidOutputError: If it is not a value of the target.
        """
        if self.identity:
            return validate_json(self.target, text)
        return self._read(parse_json(text), validate_parsed)[0]

    def restored(self, data: Json) -> tuple[Json, frozenset[str]]:
        """The value's own JSON form, not checked, and the pointers of the optional fields left out.

        Args:
            data: The answer as plain JSON data.

        Raises:
            InvalidOutputError: If the answer has no such form.
        """
        restored, trace = self.traced(data)
        return restored, frozenset(map(pointer_of, trace.absent))

    def traced(self, data: Json) -> tuple[Json, Trace]:
        """The value's own JSON form, not checked, and what was noted on the way.

        Args:
            data: The answer as plain JSON data.

        Raises:
            InvalidOutputError: If the answer has no such form.
        """
        restored, trace = self._restore(data)
        if self._may_be_plain and not _is_valid(self.target, restored):
            return self._as_plain(data) or (restored, trace)
        return restored, trace

    def read(self, data: Json) -> tuple[T, frozenset[str]]:
        """The value that an answer means, and the JSON Pointers of the optional fields left out.

        Args:
            data: The answer as plain JSON data.

        Raises:
            InvalidOutputError: If it is not a value of the target.
        """
        return self._read(data, validate)

    def read_json(self, text: str | bytes) -> tuple[T, frozenset[str]]:
        """The value and the fields left out, as `read`, from the text of an answer.

        Args:
            text: The answer as JSON text.

        Raises:
            NotJsonError: If the text is not one JSON document.
            InvalidOutputError: If it is not a value of the target.
        """
        if self._maps[1] is None:
            return validate_json(self.target, text), frozenset()
        return self._read(parse_json(text), validate_parsed)

    def _read(self, data: Json, check: Callable[[Target[T], Json], T]) -> tuple[T, frozenset[str]]:
        """The checked value of an answer, and the pointers of the optional fields left out."""
        restored, trace = self._restore(data)
        try:
            return check(self.target, restored), frozenset(map(pointer_of, trace.absent))
        except InvalidOutputError:
            if self._as_plain(data) is None:
                raise
        return check(self.target, data), frozenset()

    def _restore(self, data: Json) -> tuple[Json, Trace]:
        trace = Trace()
        try:
            back = self._maps[1]
            restored = back(data, None, trace) if back else data
        except RecursionError:
            message = "The answer is nested too deeply to be read."
            raise InvalidOutputError(message, hint="Ask for less nesting.") from None
        if trace.faults and not trace.contradicts and (plain := self._as_plain(data)):
            return plain
        if trace.faults:
            raise InvalidOutputError(
                "The answer does not have the form that was asked for.",
                violations=tuple(trace.faults),
            )
        return restored, trace

    @property
    def _may_be_plain(self) -> bool:
        """Whether an answer may have the form of the user's own schema instead.

        A model that nothing holds may write that, and it says the same.
        """
        return not self.subset.holds and not self.identity

    def _as_plain(self, data: Json) -> tuple[Json, Trace] | None:
        """The answer as it is, if it is valid under the user's own schema; else None."""
        return (data, Trace()) if self._may_be_plain and _is_valid(self.target, data) else None


def _is_valid(target: Target[Any], data: Json) -> bool:
    try:
        validate(target, data)
    except InvalidOutputError:
        return False
    return True


@overload
def compile_schema(source: Target[T], subset: str | SchemaSubset) -> Compiled[T]: ...
@overload
def compile_schema(source: TypeForm[T], subset: str | SchemaSubset) -> Compiled[T]: ...
@overload
def compile_schema(source: JsonSchema, subset: str | SchemaSubset) -> Compiled[Json]: ...
def compile_schema(source: Any, subset: str | SchemaSubset) -> Compiled[Any]:
    """Compile a target for one schema language. The second call for the same pair is a look-up.

    Args:
        source: A Target, anything that a Pydantic TypeAdapter takes, or a JSON Schema.
        subset: A name in `SUBSETS`, or a row.

    Raises:
        TargetError: If `source` is not a target.
        SchemaError: If it has no JSON form, or the language cannot take it.
        SchemaLimitError: If it is over one of the language's limits.
        ConfigurationError: If the language is unknown.
    """
    target = target_of(source)
    row = subset_of(subset)
    known: dict[SchemaSubset, Compiled[Any]] = target.compiled
    if row not in known and target.unbound is not None:
        known[row] = compile_schema(target.unbound, row).bound(target)
    elif row not in known:
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
        if builder.says_null and "description" in subset.annotations:
            schema = described(schema, NULL_MEANS)
        if not is_finite(builder.defs, schema):
            raise SchemaError(
                "No value of this schema is finite: a definition always contains itself.",
                keyword="$ref",
                hint="Make the field that leads back optional, or a list.",
            )
        changed = separate(builder)
        if builder.defs:
            schema = {**schema, "$defs": builder.defs}
        schema = within_limits(builder, schema)
    except RecursionError:
        message = "The schema is nested too deeply."
        raise SchemaError(message, hint="Move parts into `$defs`.") from None
    wider = {(note.path, note.keyword) for note in target.opaque if note.action == "wider"}
    found = (n for n in builder.notes if n.action != "checked" or (n.path, n.keyword) not in wider)
    notes = tuple(dict.fromkeys((*found, *target.opaque)))
    identity = not changes(codec, changed)
    return Compiled(target, subset, schema, notes, codec, builder.codecs, identity)


def _rooted(builder: Builder, built: Built) -> Built:
    """Give the root the form that the language wants, and the member for what has no place."""
    schema, codec = built
    subset, here = builder.subset, Here("")
    is_object = schema.get("type") == "object"
    is_closed = schema.get("additionalProperties") is False and "patternProperties" not in schema
    others = ""
    if builder.needs_other_members:
        others = other_members_name(schema.get("properties", ()))
    wrapped = subset.root == "object" and not is_object
    if others and not (is_object and is_closed):
        wrapped = True
    if not wrapped and not others:
        return built
    if wrapped:
        detail = f"the root is wrapped in an object, as its member {VALUE!r}"
        builder.note(here, "type", "rewritten", detail)
        schema = builder.object({VALUE: schema})
    if others:
        detail = f"members that the schema does not declare go to {others!r}"
        builder.note(here, "additionalProperties", "rewritten", detail)
        builder.note(here, "additionalProperties", "checked", f"the content of {others!r}")
        schema = {
            **schema,
            "properties": {**schema["properties"], others: _other_members(builder)},
            "required": [*schema["required"], *([others] if subset.all_required else [])],
        }
    return Built(schema, Root(codec, wrapped, others))


def _other_members(builder: Builder) -> JsonSchema:
    """The schema of the root's member for what has no place elsewhere."""
    entry = builder.object({PATH: {"type": "string"}, VALUE: {"type": "string"}})
    return {
        "description": "Null. Only for what no other field can hold: its JSON Pointer, and its "
        "value as JSON text.",
        "anyOf": [{"type": "array", "items": entry}, {"type": "null"}],
    }
