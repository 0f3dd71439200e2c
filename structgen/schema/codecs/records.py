"""Codecs for objects: declared members, members that may be absent, and maps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

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
)
from structgen.schema.json import Path, pointer_of
from structgen.schema.validate.patterns import matches
from structgen.values import Json, Violation

_ENTRY: Final = {KEY, VALUE}
_BOX: Final = {VALUE}


@dataclass(frozen=True, slots=True, eq=False)
class Undeclared:
    """How the members that an object does not declare are written."""

    way: Literal["keep", "entries", "drop", "root"]
    """`keep`: in their place; `entries`: as a list of entries in one member; `drop`:
    not at all, because the type does not read them; `root`: in the member of the root
    for what has no place."""
    codec: Codec = SAME
    """For the values of members that are kept or written as entries."""
    name: str = ""
    """The member that holds the entries."""
    patterns: tuple[str, ...] = ()
    """Only keys that match one of these are kept or written as entries; the rest goes
    to the root.
    """

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
            if self.way != "root" and self._takes(key):
                placed[key] = item
            else:
                trace.unplaced.append((pointer_of((path, key)), item))
        return placed

    def _takes(self, key: str) -> bool:
        return not self.patterns or any(matches(pattern, key) for pattern in self.patterns)


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
        return any(member.absent in ("null", "boxed", "noted") for member in self.members)

    def link(self, link: Link) -> Pair:
        extra_into, extra_back = link(self.undeclared.codec)
        linked = [(member, *link(member.codec)) for member in self.members]
        encode = self._encoder([(m, into) for m, into, _ in linked], extra_into)
        decode = self._decoder([(m, back) for m, _, back in linked], extra_back)
        return encode, decode

    def _encoder(self, members: list[tuple[Member, Map | None]], extra: Map | None) -> Map | None:
        undeclared = self.undeclared
        keeps_all = undeclared.way == "keep" and not undeclared.patterns and not extra
        if keeps_all and not self.changes() and not any(into for _, into in members):
            return None
        names = {member.name for member, _ in members}
        plan = [(member.name, member.absent, into) for member, into in members]

        def encode(value: Json, path: Path, trace: Trace) -> Json:
            if not isinstance(value, dict):
                raise misfit(value, path, "an object")
            out: dict[str, Json] = {}
            for name, absent, into in plan:
                if name in value:
                    item = value[name]
                    if item is None and absent == "noted":
                        trace.unplaced.append((pointer_of((path, name)), None))
                    elif into:
                        item = into(item, (path, name), trace)
                    out[name] = {VALUE: item} if absent == "boxed" else item
                elif absent not in ("omitted", "never"):
                    out[name] = None
            if undeclared.way == "entries" or not value.keys() <= names:
                left = {key: item for key, item in value.items() if key not in names}
                left = undeclared.take(left, path, trace)
                if extra:
                    left = {key: extra(item, (path, key), trace) for key, item in left.items()}
                if undeclared.way == "entries":
                    out[undeclared.name] = [{KEY: key, VALUE: item} for key, item in left.items()]
                else:
                    out.update(left)
            return out

        return encode

    def _decoder(self, members: list[tuple[Member, Map | None]], extra: Map | None) -> Map | None:
        names = {member.name for member, _ in members}
        nulls = [m.name for m, back in members if m.absent in ("null", "noted") and not back]
        rest = [(m, back) for m, back in members if m.name not in nulls]
        work = [(m.name, m.absent, back) for m, back in rest if m.absent != "never" or back]
        entries = self.undeclared.name if self.undeclared.way == "entries" else ""
        if not nulls and not work and not extra and not entries:
            return None
        read_entries = _entries_in(extra)

        def decode(value: Json, path: Path, trace: Trace) -> Json:
            if not isinstance(value, dict):
                return value
            out = value.copy()
            for name in nulls:
                if out.get(name) is None:
                    out.pop(name, None)
                    trace.absent.append((path, name))
            for name, absent, back in work:
                item = out.get(name)
                if item is None and absent != "never" and (absent != "omitted" or name not in out):
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
class Entries(Codec):
    """A map <-> a list of `{key, value}`. A repeated key is a fault, never a silent choice."""

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
            elif key in out:
                at = pointer_of((path, key))
                trace.faults.append(Violation(at, "", "a repeated key", "each key once"))
            else:
                out[key] = back(entry[VALUE], (path, key), trace) if back else entry[VALUE]
        return out

    return decode
