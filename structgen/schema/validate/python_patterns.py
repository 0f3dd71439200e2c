"""Patterns in Python's language as trees of `pattern_tree`, so that they match in bounded time.

Python's own parser reads them. What Python has beyond ECMA-262 is written out: flags, `\\A`,
Unicode classes, a `$` that also matches before a last line break.
"""

from __future__ import annotations

import importlib
import re
import sys
import warnings
from functools import lru_cache
from typing import Any, Final

from structgen.errors import SchemaError
from structgen.schema.validate.pattern_nodes import (
    MAX_PATTERN,
    WORD,
    BackReference,
    Chars,
    Choice,
    Edge,
    Group,
    Look,
    Node,
    Repeat,
    Sequence,
    has_back_reference,
    require_bounded_size,
)

_PARSER: Final = importlib.import_module(
    "re._parser" if sys.version_info >= (3, 11) else "sre_parse"
)
_ANY: Final = Chars((), negated=True)
_NEWLINE: Final = Chars(((10, 10),))
_SPACE_ASCII: Final = ((9, 13), (32, 32))
_SPACE: Final = (
    *((9, 13), (28, 32), (0x85, 0x85), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A)),
    *((0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000)),
)
_ASCII: Final = {"DIGIT": Chars(((48, 57),)), "SPACE": Chars(_SPACE_ASCII), "WORD": Chars(WORD)}
_UNICODE: Final = {
    "DIGIT": Chars(categories=(("Nd", False),)),
    "SPACE": Chars(_SPACE),
    "WORD": Chars(((95, 95),), (("L", False), ("N", False))),
}
_WIDE: Final = 0x300
"""Ranges of more characters than this are not looked through for other cases."""


@lru_cache(maxsize=1024)
def parse_python(pattern: str, flags: int = 0, *, last_line_break: bool = True) -> Node:
    """The tree of a pattern in Python's language.

    Args:
        pattern: The pattern.
        flags: Flags of `re`, as an integer.
        last_line_break: Whether `$` also matches before a last line break, as in Python.

    Raises:
        SchemaError: If it is none, or cannot be matched in bounded time.
    """
    if len(pattern) > MAX_PATTERN:
        raise _fault(pattern, f"it is longer than {MAX_PATTERN} characters")
    try:
        with warnings.catch_warnings():
            # Of "[[" Python warns that it may mean a nested set one day.
            warnings.simplefilter("ignore", FutureWarning)
            parsed = _PARSER.parse(pattern, flags)
    except (re.error, RecursionError, OverflowError, ValueError) as error:
        raise _fault(pattern, str(error)) from None
    flags = parsed.state.flags
    if flags & re.LOCALE:
        raise _fault(pattern, "it depends on the locale")
    node = _Translation(pattern, last_line_break, False).sequence(parsed, flags)
    if has_back_reference(node):
        node = _Translation(pattern, last_line_break, True).sequence(parsed, flags)
    require_bounded_size(node, pattern)
    return node


def _fault(pattern: str, why: str) -> SchemaError:
    return SchemaError(
        f"Cannot use the pattern {pattern[:80]!r}: {why}.",
        keyword="pattern",
        hint="Write the pattern as an ECMA-262 (JavaScript) regular expression.",
    )


class _Translation:
    """One pattern of Python's as a tree."""

    def __init__(self, pattern: str, last_line_break: bool, has_references: bool) -> None:
        self.pattern = pattern
        self.last_line_break = last_line_break
        self.has_references = has_references

    def sequence(self, items: Any, flags: int) -> Node:
        parts = [self.node(code, value, flags) for code, value in items]
        return parts[0] if len(parts) == 1 else Sequence(tuple(parts))

    def node(self, code: Any, value: Any, flags: int) -> Node:
        match str(code):
            case "LITERAL":
                return _literal(value, flags)
            case "NOT_LITERAL":
                return _other_than([_literal(value, flags)])
            case "ANY":
                return _ANY if flags & re.DOTALL else Chars(((10, 10),), negated=True)
            case "IN":
                return self.members(value, flags)
            case "BRANCH":
                return Choice(tuple(self.sequence(branch, flags) for branch in value[1]))
            case "SUBPATTERN":
                number, added, removed, body = value
                inner = self.sequence(body, (flags | added) & ~removed)
                return Group(number, inner) if number and self.has_references else inner
            case "MAX_REPEAT" | "MIN_REPEAT":
                least, most, body = value
                top = None if most == _PARSER.MAXREPEAT else int(most)
                return Repeat(self.sequence(body, flags), int(least), top)
            case "AT":
                return self.edge(str(value), flags)
            case "ASSERT" | "ASSERT_NOT":
                direction, body = value
                is_negated = str(code) == "ASSERT_NOT"
                return Look(self.sequence(body, flags), direction < 0, is_negated)
            case "GROUPREF":
                return BackReference(value, bool(flags & re.IGNORECASE))
        raise _fault(self.pattern, f"it has a {str(code).lower()}, which has no bounded time")

    def edge(self, name: str, flags: int) -> Node:
        if name in ("AT_BEGINNING", "AT_BEGINNING_STRING"):
            start = Edge("^")
            is_line = name == "AT_BEGINNING" and flags & re.MULTILINE
            return Choice((start, Look(_NEWLINE, True, False))) if is_line else start
        if name == "AT_END_STRING":
            return Edge("$")
        if name == "AT_END":
            if flags & re.MULTILINE:
                return Choice((Edge("$"), Look(_NEWLINE, False, False)))
            before_last = Look(Sequence((_NEWLINE, Edge("$"))), False, False)
            return Choice((Edge("$"), before_last)) if self.last_line_break else Edge("$")
        word = _classes(flags)["WORD"]
        after, before = Look(word, True, False), Look(word, False, False)
        not_after, not_before = Look(word, True, True), Look(word, False, True)
        if name == "AT_BOUNDARY":
            return Choice((Sequence((after, not_before)), Sequence((not_after, before))))
        return Choice((Sequence((after, before)), Sequence((not_after, not_before))))

    def members(self, items: Any, flags: int) -> Node:
        """A class in brackets."""
        parts: list[Node] = []
        is_negated = False
        for code, value in items:
            name = str(code)
            if name == "NEGATE":
                is_negated = True
            elif name == "LITERAL":
                parts.append(_literal(value, flags))
            elif name == "RANGE":
                low, high = value
                parts.append(_range(low, high, flags))
            else:
                parts.append(_category(str(value), flags))
        if is_negated:
            return _other_than(parts)
        return parts[0] if len(parts) == 1 else Choice(tuple(parts))


def _other_than(parts: list[Node]) -> Node:
    """One character that none of the parts matches."""
    if len(parts) == 1 and isinstance(parts[0], Chars):
        only = parts[0]
        return Chars(only.ranges, only.categories, not only.negated)
    return Sequence((Look(Choice(tuple(parts)), False, True), _ANY))


def _classes(flags: int) -> dict[str, Chars]:
    return _ASCII if flags & re.ASCII else _UNICODE


def _category(name: str, flags: int) -> Chars:
    kind = name.removeprefix("CATEGORY_").removeprefix("UNI_").removeprefix("NOT_")
    found = _classes(flags)[kind]
    is_negated = "NOT_" in name
    return Chars(found.ranges, found.categories, not found.negated) if is_negated else found


def _literal(code: int, flags: int) -> Chars:
    return _range(code, code, flags)


def _range(low: int, high: int, flags: int) -> Chars:
    ranges = [(low, high)]
    if flags & re.IGNORECASE and high - low <= _WIDE:
        others = {
            ord(other)
            for code in range(low, high + 1)
            for other in (chr(code).lower(), chr(code).upper(), chr(code).swapcase())
            if len(other) == 1
        }
        ranges += [(code, code) for code in sorted(others) if not low <= code <= high]
    return Chars(tuple(ranges))
