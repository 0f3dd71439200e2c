"""Two-way maps between a value's own JSON form and the form a schema language can hold: one small class per construct.

A codec is data: what it does, and the codecs of its parts. `link` turns it into a pair of functions, `encode` and `decode`, each
`(value, path, trace) -> value`; None stands for "nothing to do", so what needs no change costs nothing. Decoding never judges: what
does not have the expected form is passed on as it is and left to the check, except where reading it would hide a fault (a key
twice, text that is no JSON).
"""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import copy
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeAlias

from structgen.errors import NotJson, SchemaError
from structgen.schema.check import parse_json
from structgen.types import Json, JsonSchema, Violation

Path: TypeAlias = "tuple[Any, Any] | None"
"""Where a value stands: (path of its parent, key), None for the root. A pointer is built from it only when one is needed."""

VALUE: Final = "value"
KEY: Final = "key"
KIND: Final = "kind"


@dataclass(slots=True)
class Trace:
    """What one pass over a value leaves besides the value: pointers of absent fields, faults, and members that have no place."""

    absent: list[str] = field(default_factory=list)
    faults: list[Violation] = field(default_factory=list)
    others: list[tuple[str, Json]] = field(default_factory=list)


Map: TypeAlias = Callable[[Json, Path, Trace], Json]
Pair: TypeAlias = "tuple[Map | None, Map | None]"
Link: TypeAlias = "Callable[[Codec], Pair]"


def escape(key: str) -> str:
    """One step of a JSON Pointer (RFC 6901)."""
    return key.replace("~", "~0").replace("/", "~1")


def pointer(path: Path) -> str:
    """The JSON Pointer of a path."""
    steps = []
    while path is not None:
        path, key = path
        steps.append(escape(str(key)))
    return "".join(f"/{step}" for step in reversed(steps))


def same_json(a: Json, b: Json) -> bool:
    """Equality of JSON values: 1 equals 1.0, but True is no number."""
    if isinstance(a, bool) or isinstance(b, bool):
        return a is b
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(same_json, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same_json(value, b[key]) for key, value in a.items())
    return bool(a == b)


def to_text(value: Json) -> str:
    """Compact JSON text."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _misfit(value: Json, path: Path, wanted: str) -> SchemaError:
    return SchemaError(
        f"The value at {pointer(path) or 'the root'} is {_kind(value)}; the compiled schema holds only {wanted} there.",
        path=pointer(path),
        keyword="type",
        hint="See the note on it in `notes`; declare the type in the schema to have every value of it carried.",
    )


def _kind(value: Json) -> str:
    for type_, name in ((bool, "a boolean"), (dict, "an object"), (list, "an array"), (str, "a string"), (type(None), "null")):
        if isinstance(value, type_):
            return name
    return "a number"


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
        return _text_out, _text_in


def _text_out(value: Json, path: Path, trace: Trace) -> Json:
    return to_text(value)


def _text_in(value: Json, path: Path, trace: Trace) -> Json:
    if not isinstance(value, str):
        return value
    try:
        return parse_json(value)
    except NotJson as error:
        trace.faults.append(Violation(pointer(path), "", "text that is no JSON", f"JSON text ({error.message})"))
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
        return _each([h[0] for h in head], rest[0], "an array"), _each([h[1] for h in head], rest[1], None)


def _each(head: list[Map | None], rest: Map | None, wanted: str | None) -> Map | None:
    if rest is None and not any(head):
        return None
    count = len(head)

    def each(value: Json, path: Path, trace: Trace) -> Json:
        if not isinstance(value, list):
            if wanted:
                raise _misfit(value, path, wanted)
            return value
        if not count and rest:
            return [rest(item, (path, i), trace) for i, item in enumerate(value)]
        return [
            function(item, (path, i), trace) if (function := head[i] if i < count else rest) else item
            for i, item in enumerate(value)
        ]

    return each


@dataclass(frozen=True, slots=True, eq=False)
class Positions(Codec):
    """A tuple <-> an object with one member per position, and `rest` for a tail of any length.

    `optional`: how many positions must be there; a later one is null when the tuple ends before it (boxed where the position
    itself may be null).
    """

    members: tuple[Member, ...]
    rest: Member | None

    def parts(self) -> tuple[Codec, ...]:
        return tuple(member.codec for member in (*self.members, *([self.rest] if self.rest else [])))

    def changes(self) -> bool:
        return True

    def link(self, link: Link) -> Pair:
        members = [(member.name, member.absent, *link(member.codec)) for member in self.members]
        tail = (self.rest.name, *link(self.rest.codec)) if self.rest else None

        def encode(value: Json, path: Path, trace: Trace) -> Json:
            if not isinstance(value, list):
                raise _misfit(value, path, "an array")
            out: dict[str, Json] = {}
            for i, (name, absent, into, _) in enumerate(members):
                if i < len(value):
                    item = into(value[i], (path, i), trace) if into else value[i]
                    out[name] = {VALUE: item} if absent == "boxed" else item
                else:
                    out[name] = None
            if tail:
                left = value[len(members) :]
                out[tail[0]] = [tail[1](x, (path, i), trace) for i, x in enumerate(left, len(members))] if tail[1] else left
            return out

        def decode(value: Json, path: Path, trace: Trace) -> Json:
            if not isinstance(value, dict):
                return value
            out = []
            for i, (name, absent, _, back) in enumerate(members):
                item = value.get(name)
                if name not in value or (item is None and absent != "never"):
                    break
                if absent == "boxed":
                    item = item.get(VALUE) if isinstance(item, dict) else item
                out.append(back(item, (path, i), trace) if back else item)
            left = value.get(tail[0]) if tail else None
            gap = [name for name, *_ in members[len(out) :] if value.get(name) is not None]
            if gap or (left and len(out) < len(members)):
                wanted = f"nothing after {members[len(out)][0]}, which is null"
                trace.faults.append(Violation(pointer(path), "", "a position after one left out", wanted))
            elif tail and isinstance(left, list):
                out += [tail[2](x, (path, i), trace) for i, x in enumerate(left, len(out))] if tail[2] else left
            return out

        return encode, decode


@dataclass(frozen=True, slots=True, eq=False)
class Member:
    """A member of an object, or a position of a tuple.

    `absent` is how a value without it is written: `never` (it is always there), `omitted`, `null`, `boxed` (null; a present value is
    wrapped, because it may be null itself), `noted` (null; a member that is there and null is noted among the others).
    """

    name: str
    codec: Codec
    absent: Literal["never", "omitted", "null", "boxed", "noted"]


@dataclass(frozen=True, slots=True, eq=False)
class Fields(Codec):
    """An object: its declared members, and what becomes of others.

    `others`: `keep` passes them through `extra`; `drop` leaves them out (the type does not read them); `note` notes each with its
    pointer; `entries` writes them as a list of entries under the name `entries`, through `extra`.
    """

    members: tuple[Member, ...]
    others: Literal["keep", "drop", "note", "entries"]
    extra: Codec = SAME
    entries: str = ""

    def parts(self) -> tuple[Codec, ...]:
        return (*(member.codec for member in self.members), self.extra)

    def changes(self) -> bool:
        return self.others in ("note", "entries") or any(m.absent in ("null", "boxed", "noted") for m in self.members)

    def link(self, link: Link) -> Pair:
        return self._encoder(link), self._decoder(link)

    def _encoder(self, link: Link) -> Map | None:
        members = [(member.name, member.absent, link(member.codec)[0]) for member in self.members]
        others, entries, extra = self.others, self.entries, link(self.extra)[0]
        if others == "keep" and not extra and not any(into or absent not in ("never", "omitted") for _, absent, into in members):
            return None
        names = {name for name, *_ in members}

        def encode(value: Json, path: Path, trace: Trace) -> Json:
            if not isinstance(value, dict):
                raise _misfit(value, path, "an object")
            out: dict[str, Json] = {}
            for name, absent, into in members:
                if name in value:
                    item = value[name]
                    if item is None and absent == "noted":
                        trace.others.append((pointer((path, name)), None))
                    elif into:
                        item = into(item, (path, name), trace)
                    out[name] = {VALUE: item} if absent == "boxed" else item
                elif absent not in ("omitted", "never"):
                    out[name] = None
            if others == "drop":
                return out
            left = {key: item for key, item in value.items() if key not in names}
            if others == "note":
                trace.others += [(pointer((path, key)), item) for key, item in left.items()]
                return out
            if extra:
                left = {key: extra(item, (path, key), trace) for key, item in left.items()}
            if others == "entries":
                out[entries] = [{KEY: key, VALUE: item} for key, item in left.items()]
                return out
            return {**out, **left}

        return encode

    def _decoder(self, link: Link) -> Map | None:
        members = [(member.name, member.absent, link(member.codec)[1]) for member in self.members]
        work = [member for member in members if member[1] != "never" or member[2]]
        entries, extra = self.entries, link(self.extra)[1]
        names = {name for name, *_ in members}
        if not work and not extra and self.others != "entries":
            return None
        read_entries = _entries_in(extra)

        def decode(value: Json, path: Path, trace: Trace) -> Json:
            if not isinstance(value, dict):
                return value
            out = value.copy()
            for name, absent, back in work:
                item = out.get(name)
                if item is None and absent != "never" and (name not in out or absent != "omitted"):
                    out.pop(name, None)
                    trace.absent.append(pointer((path, name)))
                elif name in out:
                    if absent == "boxed" and isinstance(item, dict) and item.keys() == {VALUE}:
                        item = item[VALUE]
                    out[name] = back(item, (path, name), trace) if back else item
            if entries:
                left = read_entries(out.pop(entries, None) or [], path, trace)
                if isinstance(left, dict):
                    for key in left.keys() & names:
                        trace.faults.append(Violation(pointer((path, key)), "", "an entry for a declared member", "other keys"))
                    out.update((key, item) for key, item in left.items() if key not in names)
            elif extra:
                out.update((key, extra(item, (path, key), trace)) for key, item in out.items() if key not in names)
            return out

        return decode


@dataclass(frozen=True, slots=True, eq=False)
class Entries(Codec):
    """A map <-> a list of `{key, value}`. A key that comes twice is a fault, never a silent choice."""

    part: Codec

    def parts(self) -> tuple[Codec, ...]:
        return (self.part,)

    def changes(self) -> bool:
        return True

    def link(self, link: Link) -> Pair:
        into, back = link(self.part)

        def encode(value: Json, path: Path, trace: Trace) -> Json:
            if not isinstance(value, dict):
                raise _misfit(value, path, "an object")
            return [{KEY: key, VALUE: into(item, (path, key), trace) if into else item} for key, item in value.items()]

        return encode, _entries_in(back)


def _entries_in(back: Map | None) -> Map:
    def decode(value: Json, path: Path, trace: Trace) -> Json:
        if not isinstance(value, list):
            return value
        out: dict[str, Json] = {}
        for entry in value:
            if not isinstance(entry, dict) or not isinstance(key := entry.get(KEY), str) or VALUE not in entry:
                trace.faults.append(Violation(pointer(path), "", "an entry without key and value", "entries of key and value"))
            elif key in out:
                trace.faults.append(Violation(pointer((path, key)), "", "the key twice", "each key once"))
            else:
                out[key] = back(entry[VALUE], (path, key), trace) if back else entry[VALUE]
        return out

    return decode


@dataclass(frozen=True, slots=True, eq=False)
class Option:
    """One branch of a union.

    `holds(value)`: is this one of its values; `fits(answer)`: has this answer its form. Of the options that change anything, at
    most one fits an answer. `kind`: the tag of a wrapped option, "" for one that is written as it is.
    """

    codec: Codec
    holds: Callable[[Json], bool]
    fits: Callable[[Json], bool]
    kind: str


@dataclass(slots=True, eq=False)
class Union(Codec):
    """A value of one of several forms. The options are set when all definitions are compiled (see `unions.py`).

    A wrapped option is `{"kind": name, "value": ...}`: for languages that need a tag, and where the form alone would not tell
    which option an answer means. `schemas`: the compiled branches, in the very list that the compiled schema holds.
    """

    branches: tuple[Codec, ...]
    schemas: list[JsonSchema]
    kinds: dict[int, str] = field(default_factory=dict)
    options: tuple[Option, ...] = ()

    def parts(self) -> tuple[Codec, ...]:
        return self.branches

    def changes(self) -> bool:
        return bool(self.kinds)

    def link(self, link: Link) -> Pair:
        linked = [(option, *link(option.codec)) for option in self.options]
        if not any(option.kind or into or back for option, into, back in linked):
            return None, None
        wrapped = {option.kind: back for option, _, back in linked if option.kind}
        plain = [(option.fits, back) for option, _, back in linked if back and not option.kind]

        def decode(value: Json, path: Path, trace: Trace) -> Json:
            if wrapped and isinstance(value, dict) and value.keys() == {KIND, VALUE}:
                kind = value[KIND]
                if isinstance(kind, str) and kind in wrapped:
                    back = wrapped[kind]
                    return back(value[VALUE], path, trace) if back else value[VALUE]
            for fits, back in plain:
                if fits(value):
                    return back(value, path, trace)
            return value

        return _chooser(linked), decode


def _chooser(linked: list[tuple[Option, Map | None, Map | None]]) -> Map:
    """Encode by the option whose way there and back loses nothing, and notes the least."""

    def attempt(option: Option, into: Map | None, value: Json, path: Path) -> tuple[Json, Trace]:
        trace = Trace()
        out = into(value, path, trace) if into else value
        return ({KIND: option.kind, VALUE: out} if option.kind else out), trace

    def encode(value: Json, path: Path, trace: Trace) -> Json:
        fitting = [entry for entry in linked if entry[0].holds(value)]
        if not fitting:
            raise _misfit(value, path, "values of one of the options")
        best: tuple[int, Json, Trace] | None = None
        for option, into, back in fitting:
            out, seen = attempt(option, into, value, path)
            if len(fitting) > 1:
                inner = out[VALUE] if option.kind else out
                again = back(inner, path, Trace()) if back else inner
                lost = len(seen.others) + (0 if seen.others or same_json(again, value) else 1_000_000)
            else:
                lost = 0
            if best is None or lost < best[0]:
                best = lost, out, seen
            if not lost:
                break
        assert best is not None  # noqa: S101 - `fitting` is not empty
        trace.others += best[2].others
        return best[1]

    return encode


@dataclass(frozen=True, slots=True, eq=False)
class Choice(Codec):
    """One of listed values that are no scalars <-> its JSON text."""

    def changes(self) -> bool:
        return True

    def link(self, link: Link) -> Pair:
        return _text_out, _text_in


@dataclass(frozen=True, slots=True, eq=False)
class Root(Codec):
    """The whole answer: wrapped in an object where the language wants one, with a member for what has no place elsewhere.

    `others`: the name of that member, a list of `{path, value}` with the JSON text of each value, or null.
    """

    part: Codec
    wrapped: bool
    others: str

    def parts(self) -> tuple[Codec, ...]:
        return (self.part,)

    def changes(self) -> bool:
        return self.wrapped or bool(self.others)

    def link(self, link: Link) -> Pair:
        into, back = link(self.part)
        if not self.changes():
            return into, back
        wrapped, others = self.wrapped, self.others

        def encode(value: Json, path: Path, trace: Trace) -> Json:
            out = into(value, path, trace) if into else value
            out = {VALUE: out} if wrapped else dict(out)
            if others:
                out[others] = [{"path": at, VALUE: to_text(item)} for at, item in trace.others] or None
            return out

        def decode(value: Json, path: Path, trace: Trace) -> Json:
            if not isinstance(value, dict) or (wrapped and VALUE not in value):
                return value
            noted = value.get(others) if others else None
            inner = value[VALUE] if wrapped else {key: item for key, item in value.items() if key != others}
            out = back(inner, path, trace) if back else inner
            for entry in noted or ():
                out = _put(out, entry, trace)
            return out

        return encode, decode


def _put(root: Json, entry: Json, trace: Trace) -> Json:
    """`root` with one noted member put where it belongs."""
    if not isinstance(entry, dict) or not isinstance(at := entry.get("path"), str) or not at.startswith("/"):
        trace.faults.append(Violation("", "", "an entry without a path", "a JSON Pointer and a JSON text"))
        return root
    *parents, last = [step.replace("~1", "/").replace("~0", "~") for step in at[1:].split("/")]
    root = node = copy(root)
    for step in parents:
        slot = int(step) if isinstance(node, list) and step.isdecimal() and int(step) < len(node) else step
        if isinstance(slot, int) or (isinstance(node, dict) and slot in node):
            node[slot] = node = copy(node[slot])
        else:
            node = None
    if not isinstance(node, dict) or last in node:
        trace.faults.append(Violation(at, "", "a member that has its own place, or none", "the path of an undeclared member"))
        return root
    node[last] = _text_in(entry.get(VALUE), None, trace)
    if at in trace.absent:
        trace.absent.remove(at)
    return root
