"""Two-way maps between a value's own JSON form and the form that a schema language can express.

There is one small class per construct. A codec is data: what it does, and the codecs of
its parts. `link` turns it into a pair of functions, `encode` and `decode`, each
`(value, path, trace) -> value`; None means "nothing to do", so a value that needs no
change costs nothing. Decoding never judges: a value of another form is passed on
unchanged and left to the check, unless reading it would hide a fault (a repeated key,
text that is not JSON).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Any, Final, Literal, TypeAlias

from structgen.errors import NotJsonError, SchemaError
from structgen.schema.check import parse_json
from structgen.schema.json import Path, constant_key, json_type, pointer_of, to_text
from structgen.values import Json, Violation

VALUE: Final = "value"
KEY: Final = "key"
KIND: Final = "kind"


@dataclass(slots=True)
class Trace:
    """The by-products of one pass over a value."""

    absent: list[Path] = field(default_factory=list)
    """Optional members that the answer leaves out."""
    faults: list[Violation] = field(default_factory=list)
    tries: dict[tuple[int, str], Any] = field(default_factory=dict)
    """What was found for a union at a place, so that it is not tried again."""
    unplaced: list[tuple[str, Json]] = field(default_factory=list)
    """Members that have no place in the compiled schema: the pointer and the value of
    each."""
    names: dict[str, str] = field(default_factory=dict)
    """The own names of members that have another one on the wire, by the pointer that they
    would have in the value under that."""
    contradicts: bool = False
    """Whether a member came under two names, with two values: no reading is the right one."""


Map: TypeAlias = Callable[[Json, Path, Trace], Json]
Pair: TypeAlias = "tuple[Map | None, Map | None]"
Link: TypeAlias = "Callable[[Codec], Pair]"


def misfit(value: Json, path: Path, wanted: str) -> SchemaError:
    """The error for a value that the compiled schema has no form for."""
    at = pointer_of(path)
    return SchemaError(
        f"Cannot encode the value at {at or 'the root'}: it is of type {json_type(value)}, "
        f"but the compiled schema takes only {wanted} there.",
        path=at,
        keyword="type",
        hint="Declare the type in the schema; a note in `notes` says what was left out.",
    )


class Codec:
    """The base: a codec that changes nothing, with no parts."""

    def parts(self) -> tuple[Codec, ...]:
        """The codecs of its parts."""
        return ()

    def changes(self) -> bool:
        """Whether it changes anything by itself, whatever its parts do."""
        return False

    def link(self, link: Link) -> Pair:
        """The functions that encode and decode; `link` gives those of a part."""
        return None, None


SAME: Final = Codec()


@dataclass(frozen=True, slots=True, eq=False)
class Ref(Codec):
    """A use of a definition, resolved by name and late, so that a definition may use itself."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Text(Codec):
    """A free-form value <-> its JSON text."""

    def changes(self) -> bool:
        return True

    def link(self, link: Link) -> Pair:
        return text_out, text_in


@dataclass(frozen=True, slots=True, eq=False)
class Listed(Codec):
    """One of listed values <-> its JSON text, as it is listed: an equal value has the same text."""

    values: tuple[Json, ...]

    def changes(self) -> bool:
        return True

    def link(self, link: Link) -> Pair:
        texts = {constant_key(value): to_text(value) for value in self.values}

        def encode(value: Json, path: Path, trace: Trace) -> Json:
            return texts.get(constant_key(value), to_text(value))

        return encode, text_in


def text_out(value: Json, path: Path, trace: Trace) -> Json:
    """A value as its JSON text."""
    return to_text(value)


def text_in(value: Json, path: Path, trace: Trace) -> Json:
    """The value of a JSON text; text that is not JSON is a fault."""
    if not isinstance(value, str):
        return value
    try:
        return parse_json(value)
    except NotJsonError as error:
        trace.faults.append(
            Violation(pointer_of(path), "", "text that is not JSON", f"JSON text ({error.message})")
        )
        return value


@dataclass(frozen=True, slots=True, eq=False)
class Nullable(Codec):
    """A part, or null."""

    part: Codec

    def parts(self) -> tuple[Codec, ...]:
        return (self.part,)

    def link(self, link: Link) -> Pair:
        encode, decode = link(self.part)
        return _unless_null(encode), _unless_null(decode)


def _unless_null(inner: Map | None) -> Map | None:
    if inner is None:
        return None
    return lambda value, path, trace: None if value is None else inner(value, path, trace)


@dataclass(frozen=True, slots=True, eq=False)
class Only(Codec):
    """A part that has a form only for values of some types, though the source allows others."""

    part: Codec
    types: tuple[str, ...]
    """The JSON types of those values."""

    def parts(self) -> tuple[Codec, ...]:
        return (self.part,)

    def link(self, link: Link) -> Pair:
        into, back = link(self.part)
        types = self.types

        def encode(value: Json, path: Path, trace: Trace) -> Json:
            kind = json_type(value)
            if kind not in types and not (kind == "integer" and "number" in types):
                raise misfit(value, path, f"values of type {' or '.join(types)}")
            return into(value, path, trace) if into else value

        return encode, back


@dataclass(frozen=True, slots=True, eq=False)
class Items(Codec):
    """A list, item by item."""

    part: Codec
    """For the items after the head."""
    head: tuple[Codec, ...] = ()
    """For the first positions, one each."""

    def parts(self) -> tuple[Codec, ...]:
        return (*self.head, self.part)

    def link(self, link: Link) -> Pair:
        rest, head = link(self.part), [link(codec) for codec in self.head]
        encode = _each([pair[0] for pair in head], rest[0], "an array")
        decode = _each([pair[1] for pair in head], rest[1], None)
        return encode, decode


def _each(head: list[Map | None], rest: Map | None, wanted: str | None) -> Map | None:
    if rest is None and not any(head):
        return None

    def each(value: Json, path: Path, trace: Trace) -> Json:
        if not isinstance(value, list):
            if wanted:
                raise misfit(value, path, wanted)
            return value
        pairs = enumerate(zip(value, chain(head, repeat(rest)), strict=False))
        return [change(item, (path, i), trace) if change else item for i, (item, change) in pairs]

    def all_alike(value: Json, path: Path, trace: Trace) -> Json:
        if rest is None or not isinstance(value, list):
            return each(value, path, trace)
        return [rest(item, (path, i), trace) for i, item in enumerate(value)]

    return each if head else all_alike


Absent: TypeAlias = Literal["never", "constant", "omitted", "unsaid", "null", "boxed", "noted"]
"""How a value without the member is written.

`never`: it always has the member; `constant`: with the only value that the member can
have; `omitted`: without it; `unsaid`: without it, as a member that is null; `null`: as
null; `boxed`: as null, and a value that has it is wrapped, because it may be null
itself; `noted`: as null, and a member that is null itself is recorded among the
unplaced ones.
"""


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """A member of an object, or a position of a tuple."""

    name: str
    codec: Codec
    absent: Absent
    constant: Json = None
    """The only value of a member that is always written."""
    wire: str = ""
    """The name that it is asked for under, if that is not its own."""

    @property
    def written(self) -> str:
        """The name that it has in an answer."""
        return self.wire or self.name


@dataclass(frozen=True, slots=True, eq=False)
class Positions(Codec):
    """A tuple <-> an object with one member per position, and one for a tail of any length.

    Positions after the end of a shorter tuple are null; if a position may be null
    itself, its values are boxed.
    """

    members: tuple[Member, ...]
    rest: Member | None

    def parts(self) -> tuple[Codec, ...]:
        own = tuple(member.codec for member in self.members)
        return (*own, self.rest.codec) if self.rest else own

    def changes(self) -> bool:
        return True

    def link(self, link: Link) -> Pair:
        linked = [(member, *link(member.codec)) for member in self.members]
        rest = (self.rest, *link(self.rest.codec)) if self.rest else None
        encode = self._encoder([(m, into) for m, into, _ in linked], rest)
        decode = self._decoder([(m, back) for m, _, back in linked], rest)
        return encode, decode

    def _encoder(
        self,
        members: list[tuple[Member, Map | None]],
        rest: tuple[Member, Map | None, Map | None] | None,
    ) -> Map:
        count = len(members)

        def encode(value: Json, path: Path, trace: Trace) -> Json:
            if not isinstance(value, list):
                raise misfit(value, path, "an array")
            out: dict[str, Json] = {}
            for i, (member, into) in enumerate(members):
                item = None
                if i < len(value):
                    item = into(value[i], (path, i), trace) if into else value[i]
                    if member.absent == "boxed":
                        item = {VALUE: item}
                out[member.name] = item
            if rest:
                tail, into, _ = rest
                items = enumerate(value[count:], count)
                out[tail.name] = [into(x, (path, i), trace) if into else x for i, x in items]
            return out

        return encode

    def _decoder(
        self,
        members: list[tuple[Member, Map | None]],
        rest: tuple[Member, Map | None, Map | None] | None,
    ) -> Map:
        known = {member.name for member, _ in members} | ({rest[0].name} if rest else set())

        def decode(value: Json, path: Path, trace: Trace) -> Json:
            if not isinstance(value, dict) or not value.keys() <= known:
                return value
            out: list[Json] = []
            for i, (member, back) in enumerate(members):
                item = value.get(member.name)
                if member.name not in value or (item is None and member.absent != "never"):
                    break
                if member.absent == "boxed" and isinstance(item, dict):
                    item = item.get(VALUE)
                out.append(back(item, (path, i), trace) if back else item)
            tail = value.get(rest[0].name) if rest else None
            missing = members[len(out) :]
            has_later = any(value.get(member.name) is not None for member, _ in missing)
            if missing and (has_later or tail):
                wanted = f"nothing after {missing[0][0].name}, which is left out"
                trace.faults.append(Violation(pointer_of(path), "", "a later position", wanted))
            elif rest and isinstance(tail, list):
                back, items = rest[2], enumerate(tail, len(out))
                out += [back(x, (path, i), trace) if back else x for i, x in items]
            return out

        return decode
