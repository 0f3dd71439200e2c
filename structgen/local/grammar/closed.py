"""Closed values: those with few options, all known from the schema.

The compiled schema says at which places of an answer a value may be closed (`ClosedPlaces`). The
grammar says which options there are in the answer as it is (`options_after`): it knows the branch
of a union that was taken, and what a document leaves of a grounded enum.
"""

from __future__ import annotations

from typing import Final

import numpy

from structgen.local.grammar.matcher import Matcher
from structgen.schema.compile.keywords import listed_values, types_of
from structgen.schema.inside import described_by, inside
from structgen.schema.json import Path, inner_values
from structgen.schema.verbatim import VERBATIM
from structgen.values import Json, JsonSchema

MOST_OPTIONS: Final = 1024
"""Options of a closed value: more are written token by token."""
_MOST_NUMBERS: Final = 64
"""Whole numbers between the bounds of a closed integer."""
_MOST_STATES: Final = 1 << 14
"""States of the grammar that are looked at for the options of one value: about 0.1 s."""
_DEEPEST: Final = 100
"""Choices on the way to one option: more mean a number or text without end."""
_OPEN: Final = 128
"""Bytes that may come next in a string that is open: more than in any list of words."""
_END: Final = 256
_QUOTE, _BACKSLASH, _LIST_END = b'"\\]'
_BLANK: Final = frozenset(b" \n\t\r")
_WORD: Final = frozenset(b"-+.0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
"""Bytes of numbers, `true`, `false` and `null`."""


# ---- what the schema says -----------------------------------------------------------------------


class ClosedPlaces:
    """The places of answers to a schema at which a value may be closed."""

    def __init__(self, schema: JsonSchema) -> None:
        self.schema = schema
        self._positions = _longest_tuple(schema)
        self._schemas: dict[Path, list[JsonSchema]] = {None: described_by(schema, [schema])}

    def __bool__(self) -> bool:
        """Whether there may be any."""
        return _has_closed(self.schema)

    def __contains__(self, path: Path) -> bool:
        """Whether the value at a path has, in some branch of the schema, few known options."""
        return any(map(_is_closed, self._at(self._place_of(path))))

    def _at(self, path: Path) -> list[JsonSchema]:
        """The schemas that may describe a value."""
        if path not in self._schemas:
            assert path is not None  # noqa: S101 - the root is there from the beginning
            parent, key = path
            self._schemas[path] = inside(self.schema, self._at(parent), key)
        return self._schemas[path]

    def _place_of(self, path: Path) -> Path:
        """A path in which the items of a list that no tuple tells apart are one."""
        if path is None:
            return None
        parent, key = path
        return self._place_of(parent), min(key, self._positions) if isinstance(key, int) else key


def _has_closed(node: Json) -> bool:
    """Whether a schema or a part of one is closed. Fields may be named like keywords."""
    is_schema = isinstance(node, dict) and not isinstance(node.get("type"), dict)
    if is_schema and _is_closed(node):
        return True
    return any(map(_has_closed, inner_values(node)))


def _longest_tuple(node: Json) -> int:
    inner = max(map(_longest_tuple, inner_values(node)), default=0)
    own = node.get("prefixItems") if isinstance(node, dict) else None
    return max(inner, len(own) if isinstance(own, list) else 0)


def _is_closed(node: JsonSchema) -> bool:
    """Whether a schema alone, without its unions, has few options besides null."""
    options = listed_values(node)
    if options is not None:
        return len(options) <= MOST_OPTIONS and options != [None]
    kinds = set(types_of(node) or ()) - {"null"}
    return kinds == {"boolean"} or (
        kinds <= {"integer", "boolean"}
        and "integer" in kinds
        and _is_narrow(node)
        and VERBATIM not in node
    )


def _is_narrow(node: JsonSchema) -> bool:
    low = node.get("minimum", node.get("exclusiveMinimum"))
    high = node.get("maximum", node.get("exclusiveMaximum"))
    return low is not None and high is not None and high - low < _MOST_NUMBERS


# ---- what the grammar says ----------------------------------------------------------------------


def options_after(matcher: Matcher, begun: bytes) -> list[bytes] | None:
    """Find the ways to end the scalar that is begun or comes next.

    Args:
        matcher: The grammar over bytes (`byte_tokenizer`), after what was written. It stays as it
            is.
        begun: What was written of the value; b"" if it comes next.

    Returns:
        The bytes still to be written for each option, in the order of these bytes; None if the
        value is no scalar or has too many options. Of a list that may end here, the end is left
        out.
    """
    search = _Options(matcher)
    return sorted(search.found) if search.collect(begun) else None


class _Options:
    """A walk through all ways to end a scalar."""

    def __init__(self, matcher: Matcher) -> None:
        self._matcher = matcher
        self._words = numpy.zeros((_END + 32) // 32, dtype=numpy.int32)
        self._states = self._depth = 0
        self.found: list[bytes] = []

    def collect(self, begun: bytes) -> bool:
        """Collect the ends. Returns whether the value is closed."""
        kind = "start"
        for byte in begun:
            kind = _next_kind(kind, byte)
        taken = [0]
        try:
            return self._go_on(b"", kind, taken)
        finally:
            self._matcher.rollback(taken[0])

    def _go_on(self, written: bytes, kind: str, taken: list[int]) -> bool:
        """Collect what may follow `written`; `taken` counts the bytes to take back."""
        self._states += 1
        has_many = self._states > _MOST_STATES or len(self.found) > MOST_OPTIONS
        if has_many or self._depth > _DEEPEST:
            return False
        forced = bytes(self._matcher.compute_ff_bytes())
        for at, byte in enumerate(forced):
            kind = _next_kind(kind, byte)
            if kind == "other":
                return False
            if kind == "end":
                self.found.append(written + forced[: at + (byte == _QUOTE)])
                return True
        if forced:
            self._matcher.consume_tokens(list(forced))
            taken[0] += len(forced)
            written += forced
        allowed = self._allowed()
        if len(allowed) > _OPEN:
            return False
        ends = False
        for byte in allowed:
            after = _next_kind(kind, byte)
            if after == "other":
                if byte == _LIST_END and kind == "start":
                    continue
                return False
            if after == "end":
                if not ends or byte == _QUOTE:
                    self.found.append(written + (b'"' if byte == _QUOTE else b""))
                ends = True
                continue
            if not self._branch(written + bytes([byte]), after):
                return False
        return True

    def _branch(self, written: bytes, kind: str) -> bool:
        """Collect what may follow one of several bytes, the last of `written`."""
        self._matcher.consume_tokens([written[-1]])
        self._depth += 1
        taken = [1]
        try:
            return self._go_on(written, kind, taken)
        finally:
            self._depth -= 1
            self._matcher.rollback(taken[0])

    def _allowed(self) -> list[int]:
        self._matcher.unsafe_compute_mask_ptr(self._words.ctypes.data, self._words.nbytes)
        bits = numpy.unpackbits(self._words.view(numpy.uint8), bitorder="little")
        found: list[int] = numpy.flatnonzero(bits).tolist()
        return found


def _next_kind(kind: str, byte: int) -> str:
    """What one more byte of an answer makes of the scalar that is being written.

    `start`, `string`, `escape` and `word` go on; `end` has ended (a word with the byte before);
    `other` is no scalar.
    """
    if kind == "string":
        return "end" if byte == _QUOTE else "escape" if byte == _BACKSLASH else "string"
    if kind == "escape":
        return "string"
    if kind == "word":
        return "word" if byte in _WORD else "end"
    if byte == _QUOTE:
        return "string"
    if byte in _WORD:
        return "word"
    return "start" if byte in _BLANK else "other"
