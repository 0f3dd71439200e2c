"""Codecs for objects: declared members, members that may be absent, and maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from structgen.errors import SchemaError
from structgen.schema.codecs.codec import (
    KEY,
    SAME,
    VALUE,
    Codec,
    Link,
    Map,
    Member,
    Pair,
    Trace,
    misfit,
    text_in,
)
from structgen.schema.json import Path, pointer_of, same_json
from structgen.schema.validate.patterns import matches
from structgen.schema.wire_names import WIRE_NAME
from structgen.values import Json, Violation

_ENTRY: Final = {KEY, VALUE}
_BOX: Final = {VALUE}
_WITH_NULL: Final = ("null", "boxed", "noted", "unsaid")
"""The ways to write an absent member that read null as absent."""


@dataclass(frozen=True, slots=True, eq=False)
class Undeclared:
    """How the members that an object does not declare are written."""

    way: Literal["keep", "entries", "drop", "root", "refuse"]
    """`keep`: in their place; `entries`: as a list of entries in one member; `drop`:
    not at all, because the type does not read them; `root`: in the member of the root
    for what has no place; `refuse`: not at all, because nothing asks for them."""
    codec: Codec = SAME
    """For the values of members that are kept or written as entries."""
    name: str = ""
    """The member that holds the entries."""
    patterns: tuple[str, ...] = ()
    """Only keys that match one of these are kept or written as entries; the rest goes
    to the root, or is refused.
    """
    has_root: bool = True
    """Whether the root has a member for the rest."""

    def take(self, left: dict[str, Json], path: Path, trace: Trace) -> dict[str, Json]:
        """The members that have a place here; the rest is dropped, or goes to the root.

        Args:
            left: The undeclared members.
            path: Where the object is.
            trace: Records the members that go to the root.
        """
        if self.way == "drop":
            return {}
        if self.way == "keep" and not self.patterns:
            return left
        placed: dict[str, Json] = {}
        for key, item in left.items():
            if self.way not in ("root", "refuse") and self._takes(key):
                placed[key] = item
            elif self.has_root and self.way != "refuse":
                trace.unplaced.append((pointer_of((path, key)), item))
            else:
                raise _undeclared(path, key)
        return placed

    def _takes(self, key: str) -> bool:
        return not self.patterns or any(matches(pattern, key) for pattern in self.patterns)


def _undeclared(path: Path, key: str) -> SchemaError:
    at = pointer_of((path, key))
    return SchemaError(
        f"Cannot encode the value at {at}: the schema does not declare this member.",
        path=at,
        keyword="additionalProperties",
        hint="Declare it, or say `additionalProperties: true` to ask for members of any name.",
    )


def _named_like_another(path: Path, key: str) -> SchemaError:
    at = pointer_of((path, key))
    return SchemaError(
        f"Cannot encode the value at {at}: a field of the record has that name on the wire.",
        path=at,
        keyword=WIRE_NAME,
        hint="Give the field another name there.",
    )


@dataclass(frozen=True, slots=True, eq=False)
class Fields(Codec):
    """An object with declared members."""

    members: tuple[Member, ...]
    undeclared: Undeclared

    def parts(self) -> tuple[Codec, ...]:
        return (*(member.codec for member in self.members), self.undeclared.codec)

    def changes(self) -> bool:
        if self.undeclared.way in ("root", "entries"):
            return True
        return any(member.absent in _WITH_NULL or member.wire for member in self.members)

    def link(self, link: Link) -> Pair:
        extra_into, extra_back = link(self.undeclared.codec)
        linked = [(member, *link(member.codec)) for member in self.members]
        encode = self._encoder([(m, into) for m, into, _ in linked], extra_into)
        decode = self._decoder([(m, back) for m, _, back in linked], extra_back)
        return encode, decode

    def _encoder(self, members: list[tuple[Member, Map | None]], extra: Map | None) -> Map | None:
        undeclared = self.undeclared
        keeps_all = undeclared.way == "keep" and not undeclared.patterns and not extra
        is_written_in = any(into or member.absent == "constant" for member, into in members)
        if keeps_all and not self.changes() and not is_written_in:
            return None
        names = {member.name for member, _ in members}
        wires = {member.wire for member, _ in members if member.wire}
        plan = [(m.name, m.written, m.absent, into, m.constant) for m, into in members]

        def encode(value: Json, path: Path, trace: Trace) -> Json:
            if not isinstance(value, dict):
                raise misfit(value, path, "an object")
            out: dict[str, Json] = {}
            for name, written, absent, into, constant in plan:
                if absent == "constant" and name not in value:
                    out[written] = constant
                elif name in value:
                    item = value[name]
                    if item is None and absent == "unsaid":
                        continue
                    if item is None and absent == "noted":
                        trace.unplaced.append((pointer_of((path, name)), None))
                    elif into:
                        item = into(item, (path, name), trace)
                    out[written] = {VALUE: item} if absent == "boxed" else item
                elif absent not in ("omitted", "unsaid", "never"):
                    out[written] = None
            if undeclared.way == "entries" or not value.keys() <= names:
                left = {key: item for key, item in value.items() if key not in names}
                left = undeclared.take(left, path, trace)
                if extra:
                    left = {key: extra(item, (path, key), trace) for key, item in left.items()}
                if undeclared.way == "entries":
                    out[undeclared.name] = [{KEY: key, VALUE: item} for key, item in left.items()]
                else:
                    for key in left.keys() & wires:
                        raise _named_like_another(path, key)
                    out.update(left)
            return out

        return encode

    def _decoder(self, members: list[tuple[Member, Map | None]], extra: Map | None) -> Map | None:
        names = {member.name for member, _ in members}
        nulls = [m.name for m, back in members if m.absent in ("null", "noted") and not back]
        rest = [(m, back) for m, back in members if m.name not in nulls]
        always = ("never", "constant")
        work = [(m.name, m.absent, back) for m, back in rest if m.absent not in always or back]
        entries = self.undeclared.name if self.undeclared.way == "entries" else ""
        wires = {member.wire: member.name for member, _ in members if member.wire}
        if not nulls and not work and not extra and not entries and not wires:
            return None
        read_entries = _entries_in(extra)

        def decode(value: Json, path: Path, trace: Trace) -> Json:
            if not isinstance(value, dict):
                return value
            if wires:
                value = _under_own_names(value, wires, path, trace)
            out = value.copy()
            for name in nulls:
                if out.get(name) is None:
                    out.pop(name, None)
                    trace.absent.append((path, name))
            for name, absent, back in work:
                item = out.get(name)
                is_left_out = name not in out or (item is None and absent != "omitted")
                if is_left_out and absent not in always:
                    out.pop(name, None)
                    trace.absent.append((path, name))
                elif absent == "boxed" and isinstance(item, dict) and item.keys() == _BOX:
                    out[name] = back(item[VALUE], (path, name), trace) if back else item[VALUE]
                elif back and name in out:
                    out[name] = back(item, (path, name), trace)
            if entries:
                left = read_entries(out.pop(entries, None) or [], path, trace)
                return _with_entries(out, left, names, path, trace)
            if extra:
                for key, item in value.items():
                    if key not in names:
                        out[key] = extra(item, (path, key), trace)
            return out

        return decode


def _under_own_names(
    value: dict[str, Json], wires: dict[str, str], path: Path, trace: Trace
) -> dict[str, Json]:
    """A record with its fields' own names, which a model that nothing holds may have used, too."""
    out: dict[str, Json] = {}
    for key, item in value.items():
        name = wires.get(key, key)
        if name in out and not same_json(out[name], item):
            found = f"two values, of which one is called {key!r}"
            trace.faults.append(Violation(pointer_of((path, name)), "", found, "one value"))
            trace.contradicts = True
        out.setdefault(name, item)
    trace.names.update({pointer_of((path, wire)): name for wire, name in wires.items()})
    return out


def _with_entries(
    out: dict[str, Json], left: Json, names: set[str], path: Path, trace: Trace
) -> Json:
    """The declared members, and those that came as entries."""
    if not isinstance(left, dict):
        return out
    for key in sorted(left.keys() & names):
        found = "an entry for a member that has its own place"
        trace.faults.append(Violation(pointer_of((path, key)), "", found, "other keys only"))
    return {**left, **out}


@dataclass(frozen=True, slots=True, eq=False)
class Memberless(Codec):
    """An object that declares no member <-> the JSON text of one, whatever else a value has."""

    undeclared: Undeclared

    def changes(self) -> bool:
        return True

    def link(self, link: Link) -> Pair:
        take = self.undeclared.take

        def encode(value: Json, path: Path, trace: Trace) -> Json:
            if not isinstance(value, dict) or take(value, path, trace):
                raise misfit(value, path, "an object without members")
            return "{}"

        return encode, text_in


@dataclass(frozen=True, slots=True, eq=False)
class Entries(Codec):
    """A map <-> a list of `{key, value}`. A key with two values is a fault, never a silent
    choice.
    """

    undeclared: Undeclared

    def parts(self) -> tuple[Codec, ...]:
        return (self.undeclared.codec,)

    def changes(self) -> bool:
        return True

    def link(self, link: Link) -> Pair:
        into, back = link(self.undeclared.codec)
        take = self.undeclared.take

        def encode(value: Json, path: Path, trace: Trace) -> Json:
            if not isinstance(value, dict):
                raise misfit(value, path, "an object")
            placed = take(value, path, trace)
            return [
                {KEY: key, VALUE: into(item, (path, key), trace) if into else item}
                for key, item in placed.items()
            ]

        return encode, _entries_in(back)


def _entries_in(back: Map | None) -> Map:
    def decode(value: Json, path: Path, trace: Trace) -> Json:
        if not isinstance(value, list):
            return value
        out: dict[str, Json] = {}
        for entry in value:
            key = entry[KEY] if isinstance(entry, dict) and entry.keys() == _ENTRY else None
            if not isinstance(key, str):
                found, wanted = "an entry without key and value", "entries of key and value"
                trace.faults.append(Violation(pointer_of(path), "", found, wanted))
                continue
            item = back(entry[VALUE], (path, key), trace) if back else entry[VALUE]
            if key in out and not same_json(item, out[key]):
                at = pointer_of((path, key))
                trace.faults.append(Violation(at, "", "a repeated key", "each key once"))
            out.setdefault(key, item)
        return out

    return decode
