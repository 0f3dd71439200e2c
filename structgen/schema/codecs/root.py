"""The root of an answer: wrapped where a language wants an object, with one member for whatever has no place elsewhere.

A JSON Schema that does not close its objects has values with members it never names. Asking for them everywhere would drown the
answer, and losing them would be a lie: they go into one member of the root, each with its JSON Pointer and its JSON text.
"""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass
from typing import Final

from structgen.schema.codecs.codec import VALUE, Codec, Link, Pair, Trace, text_in
from structgen.schema.json import Path, pointer_of, to_text, unescape
from structgen.values import Json, Violation

PATH: Final = "path"


@dataclass(frozen=True, slots=True, eq=False)
class Root(Codec):
    """The whole answer. `wrapped`: it is the member `value` of an object; `others`: the member for the rest, "" for none."""

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
            inner = into(value, path, trace) if into else value
            out = {VALUE: inner} if wrapped else dict(inner)
            if others:
                out[others] = [
                    {PATH: at, VALUE: to_text(item)} for at, item in trace.others
                ] or None
            return out

        def decode(value: Json, path: Path, trace: Trace) -> Json:
            if not isinstance(value, dict) or (
                wrapped and not {VALUE} <= value.keys() <= {VALUE, others}
            ):
                return value
            noted = value.get(others) if others else None
            inner = (
                value[VALUE]
                if wrapped
                else {key: item for key, item in value.items() if key != others}
            )
            out = back(inner, path, trace) if back else inner
            for entry in noted if isinstance(noted, list) else ():
                out = _put(out, entry, trace)
            return out

        return encode, decode


def _put(root: Json, entry: Json, trace: Trace) -> Json:
    """`root` with one noted member where it belongs; what is changed is copied first."""
    at = entry.get(PATH) if isinstance(entry, dict) else None
    if not isinstance(at, str) or not at.startswith("/"):
        trace.faults.append(
            Violation("", "", "an entry without a path", "a JSON Pointer and a JSON text")
        )
        return root
    *parents, last = map(unescape, at[1:].split("/"))
    root = node = copy(root)
    for step in parents:
        slot: str | int = step
        if isinstance(node, list) and step.isdecimal() and int(step) < len(node):
            slot = int(step)
        elif not isinstance(node, dict) or step not in node:
            node = None
            break
        node[slot] = node = copy(node[slot])
    if not isinstance(node, dict) or last in node:
        trace.faults.append(
            Violation(
                at,
                "",
                "a path with a place of its own, or none",
                "the path of a member not declared",
            )
        )
        return root
    node[last] = text_in(entry.get(VALUE), None, trace)
    trace.absent = [path for path in trace.absent if pointer_of(path) != at]
    return root
