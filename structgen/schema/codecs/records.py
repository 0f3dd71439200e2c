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
class Others:
    """What becomes of members that are not declared.

    `keep` leaves them in place; `entries` writes them as a list of entries under the name `name`; both through `codec`. `drop`
    leaves them out, because the type does not read them; `note` notes each with its pointer. With `patterns`, only members whose
    key matches one of them are kept or written, and the others are noted.
    """

    way: Literal["keep", "entries", "drop", "note"]
    codec: Codec = SAME
    name: str = ""
    patterns: tuple[str, ...] = ()

    def take(self, left: dict[str, Json], path: Path, trace: Trace) -> dict[str, Json]:
        """Those that have a place; the others are noted or dropped."""
        if self.way == "drop":
            return {}
        if self.way == "keep" and not self.patterns:
            return left
        placed: dict[str, Json] = {}
        for key, item in left.items():
            if self.way == "note" or (
                self.patterns and not any(matches(pattern, key) for pattern in self.patterns)
            ):
                trace.others.append((pointer_of((path, key)), item))
            else:
                placed[key] = item
        return placed


@dataclass(frozen=True, slots=True, eq=False)
class Fields(Codec):
    """An object with declared members."""

    members: tuple[Member, ...]
    others: Others

    def parts(self) -> tuple[Codec, ...]:
        return (*(member.codec for member in self.members), self.others.codec)

    def changes(self) -> bool:
        return self.others.way in ("note", "entries") or any(
            m.absent in ("null", "boxed", "noted") for m in self.members
        )

    def link(self, link: Link) -> Pair:
        extra_into, extra_back = link(self.others.codec)
        linked = [(member, *link(member.codec)) for member in self.members]
        encoders, decoders = (
            [(m, into) for m, into, _ in linked],
            [(m, back) for m, _, back in linked],
        )
        return self._encoder(encoders, extra_into), self._decoder(decoders, extra_back)

    def _encoder(self, members: list[tuple[Member, Map | None]], extra: Map | None) -> Map | None:
        others = self.others
        if (
            not extra
            and others.way == "keep"
            and not others.patterns
            and not self.changes()
            and not any(m[1] for m in members)
        ):
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
                        trace.others.append((pointer_of((path, name)), None))
                    elif into:
                        item = into(item, (path, name), trace)
                    out[name] = {VALUE: item} if absent == "boxed" else item
                elif absent not in ("omitted", "never"):
                    out[name] = None
            if others.way == "entries" or not value.keys() <= names:
                left = others.take(
                    {key: item for key, item in value.items() if key not in names}, path, trace
                )
                if extra:
                    left = {key: extra(item, (path, key), trace) for key, item in left.items()}
                if others.way == "entries":
                    out[others.name] = [{KEY: key, VALUE: item} for key, item in left.items()]
                else:
                    out.update(left)
            return out

        return encode

    def _decoder(self, members: list[tuple[Member, Map | None]], extra: Map | None) -> Map | None:
        names = {member.name for member, _ in members}
        nulls = [m.name for m, back in members if m.absent in ("null", "noted") and not back]
        work = [
            (m.name, m.absent, back)
            for m, back in members
            if m.name not in set(nulls) and (m.absent != "never" or back)
        ]
        entries = self.others.name if self.others.way == "entries" else ""
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
                return _with_entries(
                    out, read_entries(out.pop(entries, None) or [], path, trace), names, path, trace
                )
            if extra:
                out.update(
                    (key, extra(item, (path, key), trace))
                    for key, item in value.items()
                    if key not in names
                )
            return out

        return decode


def _with_entries(
    out: dict[str, Json], left: Json, names: set[str], path: Path, trace: Trace
) -> Json:
    """The declared members, and those that came as entries."""
    if not isinstance(left, dict):
        return out
    for key in sorted(left.keys() & names):
        at = pointer_of((path, key))
        trace.faults.append(
            Violation(at, "", "an entry for a member that has its own place", "other keys only")
        )
    return {**left, **out}


@dataclass(frozen=True, slots=True, eq=False)
class Entries(Codec):
    """A map <-> a list of `{key, value}`. A key that comes twice is a fault, never a silent choice."""

    others: Others

    def parts(self) -> tuple[Codec, ...]:
        return (self.others.codec,)

    def changes(self) -> bool:
        return True

    def link(self, link: Link) -> Pair:
        into, back = link(self.others.codec)
        take = self.others.take

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
            if (
                not isinstance(entry, dict)
                or entry.keys() != _ENTRY
                or not isinstance(key := entry[KEY], str)
            ):
                trace.faults.append(
                    Violation(
                        pointer_of(path),
                        "",
                        "an entry without key and value",
                        "entries of key and value",
                    )
                )
            elif key in out:
                trace.faults.append(
                    Violation(pointer_of((path, key)), "", "the key twice", "each key once")
                )
            else:
                out[key] = back(entry[VALUE], (path, key), trace) if back else entry[VALUE]
        return out

    return decode
