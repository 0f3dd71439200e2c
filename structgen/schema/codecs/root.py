"""The root of an answer.

It is wrapped if a language wants an object. It has one member for everything that has
no place elsewhere: a JSON Schema that does not close its objects has values with
members it never names. To ask for them everywhere would drown the answer, and to lose
them would be a lie, so each goes to the root, with its JSON Pointer and its JSON text.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass, field
from typing import Final

from structgen.errors import NotJsonError
from structgen.schema.check import parse_json
from structgen.schema.codecs.codec import VALUE, Codec, Link, Pair, Trace
from structgen.schema.json import Path, escape, pointer_of, same_json, to_text, unescape
from structgen.values import Json, Violation

PATH: Final = "path"


@dataclass(frozen=True, slots=True, eq=False)
class Root(Codec):
    """The whole answer."""

    part: Codec
    wrapped: bool
    """Whether the value is the member `value` of an object."""
    other_members: str
    """The name of the member for what has no place elsewhere, "" for none."""
    thoughts: str = ""
    """The name of the member for the model's thoughts, which is dropped; "" for none."""

    def parts(self) -> tuple[Codec, ...]:
        return (self.part,)

    def changes(self) -> bool:
        return self.wrapped or bool(self.other_members or self.thoughts)

    def link(self, link: Link) -> Pair:
        into, back = link(self.part)
        if not self.changes():
            return into, back
        wrapped, others, thoughts = self.wrapped, self.other_members, self.thoughts
        apart = {name for name in (others, thoughts) if name}  # a field of the source may be ""

        def encode(value: Json, path: Path, trace: Trace) -> Json:
            inner = into(value, path, trace) if into else value
            out: dict[str, Json] = {thoughts: _what_is_stated(inner)} if thoughts else {}
            out.update({VALUE: inner} if wrapped else inner)
            if others:
                entries = [{PATH: at, VALUE: to_text(item)} for at, item in trace.unplaced]
                out[others] = entries or None
            return out

        def decode(value: Json, path: Path, trace: Trace) -> Json:
            if not isinstance(value, dict):
                return value
            if wrapped:
                if not {VALUE} <= value.keys() <= {VALUE, *apart}:
                    return value
                inner = value[VALUE]
            else:
                inner = {key: item for key, item in value.items() if key not in apart}
            out = back(inner, path, trace) if back else inner
            placed = _Placed()
            for entry in _entries(value.get(others) if others else None):
                out = _with_member(out, entry, trace, placed)
            if placed.paths:
                trace.absent = [at for at in trace.absent if pointer_of(at) not in placed.paths]
            return out

        return encode, decode


def _what_is_stated(value: Json) -> str:
    """Thoughts for the value of a worked example: which of its members are null."""
    if not isinstance(value, dict):
        return "The document states it."
    stated = [name for name, item in value.items() if item is not None]
    missing = [name for name, item in value.items() if item is None]
    parts = {"Stated": stated, "Not stated": missing}
    return " ".join(f"{label}: {', '.join(names)}." for label, names in parts.items() if names)


def _entries(given: Json) -> list[Json]:
    """The entries of the member for others; models also write it as a plain object."""
    if isinstance(given, dict):
        return [{PATH: f"/{escape(name)}", VALUE: to_text(item)} for name, item in given.items()]
    return given if isinstance(given, list) else []


@dataclass(slots=True)
class _Placed:
    """The members that were put in their places."""

    paths: set[str] = field(default_factory=set)
    copies: set[int] = field(default_factory=set)
    """The identities of the containers that are copies already."""

    def own(self, container: Json) -> Json:
        if id(container) in self.copies:
            return container
        copied = copy(container)
        self.copies.add(id(copied))
        return copied


def _with_member(root: Json, entry: Json, trace: Trace, placed: _Placed) -> Json:
    """`root` with one member of an entry in its place; the containers on the way are copied once.

    Args:
        root: The value so far.
        entry: A path and a value.
        trace: Takes the faults.
        placed: Takes the member.
    """
    at = entry.get(PATH) if isinstance(entry, dict) else None
    if not isinstance(at, str) or not at:
        found, wanted = "an entry without a path", "a JSON Pointer and a JSON text"
        trace.faults.append(Violation("", "", found, wanted))
        return root
    if not at.startswith("/"):  # a name, and so a member of the root
        at = f"/{escape(at)}"
    item = _read(entry.get(VALUE))
    *parents, last = map(unescape, at[1:].split("/"))
    root = node = placed.own(root)
    for step in parents:
        slot: str | int = step
        if isinstance(node, list) and step.isdecimal() and int(step) < len(node):
            slot = int(step)
        elif not isinstance(node, dict) or step not in node:
            node = None
            break
        inner = placed.own(node[slot])
        node[slot] = inner
        node = inner
    if isinstance(node, dict) and last in node and same_json(node[last], item):
        return root
    if not isinstance(node, dict) or last in node:
        found, wanted = "the path of a declared member, or of none", "the path of an undeclared one"
        trace.faults.append(Violation(at, "", found, wanted))
        return root
    node[last] = item
    placed.paths.add(at)
    return root


def _read(value: Json) -> Json:
    """The value of an entry: JSON text, or else the text itself."""
    try:
        return parse_json(value) if isinstance(value, str) else value
    except NotJsonError:
        return value
