"""The two functions of a codec, with those of the definitions that it refers to."""

from __future__ import annotations

from typing import Any

from structgen.schema.codecs.codec import Codec, Map, Pair, Ref, Trace
from structgen.values import Json


def linked(codec: Codec, codecs: dict[str, Codec]) -> Pair:
    """The two functions of a codec. A definition that uses itself calls itself through a cell.

    Args:
        codec: The codec.
        codecs: The definitions that it refers to, by name.
    """
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

    # The last ones are the innermost, so that a long chain of definitions needs no deep stack.
    for name in reversed(list(codecs)):
        link(Ref(name))
    return link(codec)
