"""Two-way maps between a value's own JSON form and the form a schema language can hold: one small class per construct.

A codec is data: what it does, and the codecs of its parts. `link` turns it into a pair of functions, `encode` and `decode`, each
`(value, path, trace) -> value`; None stands for "nothing to do", so what needs no change costs nothing. Decoding never judges: what
does not have the expected form is passed on as it is and left to the check, except where reading it would hide a fault (a key
twice, text that is no JSON).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain, repeat
from typing import Final, Literal, TypeAlias

from structgen.errors import NotJsonError, SchemaError
from structgen.schema.check import parse_json
from structgen.schema.json import Path, json_type, pointer_of, to_text
from structgen.values import Json, Violation

VALUE: Final = "value"
KEY: Final = "key"
KIND: Final = "kind"


@dataclass(slots=True)
class Trace:
    """What one pass over a value leaves besides the value: absent fields, faults, and members that have no place."""

    absent: list[Path] = field(default_factory=list)
    faults: list[Violation] = field(default_factory=list)
    others: list[tuple[str, Json]] = field(default_factory=list)


Map: TypeAlias = Callable[[Json, Path, Trace], Json]
Pair: TypeAlias = "tuple[Map | None, Map | None]"
Link: TypeAlias = "Callable[[Codec], Pair]"


def misfit(value: Json, path: Path, wanted: str) -> SchemaError:
    at = pointer_of(path)
    return SchemaError(
        f"The value at {at or 'the root'} is of type {json_type(value)}; the compiled schema holds only {wanted} there.",
        path=at,
        keyword="type",
        hint="See the note on it in `notes`; declare the type in the schema to have every value of it carried.",
    )


class Codec:
    """The base: a codec that changes nothing, with no parts."""

    def parts(self) -> tuple[Codec, ...]:
        return ()

    def changes(self) -> bool:
        """Does it change anything by itself, whatever its parts do?"""
        return False

    def link(self, link: Link) -> Pair:
        return None, None


SAME: Final = Codec()


@dataclass(frozen=True, slots=True, eq=False)
class Ref(Codec):
    """A use of a definition. The linker resolves it by name, late, so that definitions may refer to themselves."""

    name: str


@dataclass(frozen=True, slots=True, eq=False)
class Text(Codec):
    """A free-form value <-> its JSON text."""

    def changes(self) -> bool:
        return True

    def link(self, link: Link) -> Pair:
        return text_out, text_in


def text_out(value: Json, path: Path, trace: Trace) -> Json:
    return to_text(value)


def text_in(value: Json, path: Path, trace: Trace) -> Json:
    if not isinstance(value, str):
        return value
    try:
        return parse_json(value)
    except NotJsonError as error:
        trace.faults.append(
            Violation(pointer_of(path), "", "text that is no JSON", f"JSON text ({error.message})")
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
class Items(Codec):
    """A list, item by item. `head`: codecs of the first positions; `part`: of the rest."""

    part: Codec
    head: tuple[Codec, ...] = ()

    def parts(self) -> tuple[Codec, ...]:
        return (*self.head, self.part)

    def link(self, link: Link) -> Pair:
        rest, head = link(self.part), [link(codec) for codec in self.head]
        return _each([h[0] for h in head], rest[0], "an array"), _each(
            [h[1] for h in head], rest[1], None
        )


def _each(head: list[Map | None], rest: Map | None, wanted: str | None) -> Map | None:
    if rest is None and not any(head):
        return None
    count = len(head)

    def each(value: Json, path: Path, trace: Trace) -> Json:
        if not isinstance(value, list):
            if wanted:
                raise misfit(value, path, wanted)
            return value
        pairs = enumerate(zip(value, chain(head, repeat(rest)), strict=False))
        return [change(item, (path, i), trace) if change else item for i, (item, change) in pairs]

    def every(value: Json, path: Path, trace: Trace) -> Json:
        if count or rest is None or not isinstance(value, list):
            return each(value, path, trace)
        return [rest(item, (path, i), trace) for i, item in enumerate(value)]

    return every


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """A member of an object, or a position of a tuple.

    `absent` is how a value without it is written: `never` (it is always there), `omitted`, `null`, `boxed` (null; a present value
    is wrapped, because it may be null itself), `noted` (null; a member that is there and null is noted among the others).
    """

    name: str
    codec: Codec
    absent: Literal["never", "omitted", "null", "boxed", "noted"]


@dataclass(frozen=True, slots=True, eq=False)
class Positions(Codec):
    """A tuple <-> an object with one member per position, and one for a tail of any length. Positions that the tuple may end
    before are null where it does (boxed where the position itself may be null)."""

    members: tuple[Member, ...]
    rest: Member | None

    def parts(self) -> tuple[Codec, ...]:
        return tuple(
            member.codec for member in (*self.members, *([self.rest] if self.rest else []))
        )

    def changes(self) -> bool:
        return True

    def link(self, link: Link) -> Pair:
        linked = [(member, *link(member.codec)) for member in self.members]
        rest = (self.rest, *link(self.rest.codec)) if self.rest else None
        return self._encoder([(m, into) for m, into, _ in linked], rest), self._decoder(
            [(m, back) for m, _, back in linked], rest
        )

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
                    item = {VALUE: item} if member.absent == "boxed" else item
                out[member.name] = item
            if rest:
                tail, into, _ = rest
                out[tail.name] = [
                    into(x, (path, i), trace) if into else x
                    for i, x in enumerate(value[count:], count)
                ]
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
            later = [
                member.name
                for member, _ in members[len(out) :]
                if value.get(member.name) is not None
            ]
            if len(out) < len(members) and (later or tail):
                wanted = f"nothing after {members[len(out)][0].name}, which is left out"
                trace.faults.append(Violation(pointer_of(path), "", "a later position", wanted))
            elif rest and isinstance(tail, list):
                back = rest[2]
                out += [
                    back(x, (path, i), trace) if back else x for i, x in enumerate(tail, len(out))
                ]
            return out

        return decode
