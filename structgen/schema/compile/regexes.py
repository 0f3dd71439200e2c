"""A pattern of a JSON Schema, rewritten with the same meaning for the engine of a language."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from structgen.errors import SchemaError
from structgen.schema.validate.pattern_nodes import Chars, Choice, Edge, Node, Repeat, Sequence
from structgen.schema.validate.pattern_reader import parse

_DOT: Final = Chars(((10, 10), (13, 13), (0x2028, 0x2029)), negated=True)
_CONTROL: Final = {9: r"\t", 10: r"\n", 13: r"\r"}
_ANY: Final = r"[\s\S]*"
_BASIC_ANY: Final = "([^a]|a)*"


class _InexpressibleError(Exception):
    """The dialect cannot express this."""


@lru_cache(maxsize=4096)
def pattern_for(pattern: str, dialect: str) -> str | None:
    """A pattern in one dialect; None if the dialect cannot express it.

    Args:
        pattern: An ECMA-262 pattern.
        dialect: One of the values of `SchemaSubset.patterns`.
    """
    if dialect == "none":
        return None
    try:
        tree = parse(pattern)
        if dialect == "search":
            return _written(tree, basic=False)
        return f"^{_anchored(tree, basic=dialect == 'basic')}$"
    except (SchemaError, _InexpressibleError):
        return None


def _anchored(tree: Node, *, basic: bool) -> str:
    """A pattern that matches every whole text in which `tree` is found, without anchors."""
    parts = list(tree.parts) if isinstance(tree, Sequence) else [tree]
    opened, closed = parts[:1] == [Edge("^")], parts[-1:] == [Edge("$")] and len(parts) > 1
    inner = Sequence(tuple(parts[int(opened) : len(parts) - int(closed)]))
    if _has_edge(inner):
        raise _InexpressibleError
    anything = _BASIC_ANY if basic else _ANY
    text = "".join(_grouped(part, basic=basic, choices=True) for part in inner.parts)
    return f"{'' if opened else anything}{text}{'' if closed else anything}"


def _has_edge(node: Node) -> bool:
    if isinstance(node, Sequence | Choice):
        return any(map(_has_edge, node.parts))
    return isinstance(node, Edge) or (isinstance(node, Repeat) and _has_edge(node.body))


def _written(node: Node, *, basic: bool) -> str:
    if isinstance(node, Chars):
        return _chars(node, basic=basic)
    if isinstance(node, Sequence):
        return "".join(_grouped(part, basic=basic, choices=True) for part in node.parts)
    if isinstance(node, Choice):
        return "|".join(_written(part, basic=basic) for part in node.parts)
    if isinstance(node, Repeat):
        return _grouped(node.body, basic=basic) + _times(node)
    if isinstance(node, Edge) and node.kind in "^$":
        return node.kind
    raise _InexpressibleError


def _grouped(node: Node, *, basic: bool, choices: bool = False) -> str:
    """A part of a sequence (`choices`: only choices need a group), or the body of a repetition."""
    text = _written(node, basic=basic)
    needs = isinstance(node, Choice) if choices else not isinstance(node, Chars)
    return f"({text})" if needs else text


def _times(node: Repeat) -> str:
    least, most = node.least, node.most
    short = {(0, None): "*", (1, None): "+", (0, 1): "?"}.get((least, most))
    if short:
        return short
    return f"{{{least}}}" if least == most else f"{{{least},{'' if most is None else most}}}"


def _chars(node: Chars, *, basic: bool) -> str:
    if node == _DOT and not basic:
        return "."
    if node.categories:
        raise _InexpressibleError
    spans = _merged(node.ranges)
    if spans == [(0, 0x10FFFF)] and not node.negated:
        return _BASIC_ANY[:-1] if basic else _ANY[:-1]
    if len(spans) == 1 and spans[0][0] == spans[0][1] and not node.negated:
        return _one(spans[0][0])
    singles = [
        code
        for low, high in spans
        if high - low < 3 or {45, 94} & {low, high}
        for code in range(low, high + 1)
    ]
    ranges = [
        f"{_member(low)}-{_member(high)}"
        for low, high in spans
        if not (high - low < 3 or {45, 94} & {low, high})
    ]
    if len(singles) > 300:
        raise _InexpressibleError
    last = [chr(code) for code in (94, 45) if code in singles]
    inner = "".join([*ranges, *(_member(code) for code in singles if code not in (45, 94)), *last])
    if not inner:
        raise _InexpressibleError
    if inner.startswith("^"):
        inner = rf"\{inner}"
    return f"[{'^' if node.negated else ''}{inner}]"


def _merged(ranges: tuple[tuple[int, int], ...]) -> list[tuple[int, int]]:
    spans: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if spans and low <= spans[-1][1] + 1:
            spans[-1] = spans[-1][0], max(high, spans[-1][1])
        else:
            spans.append((low, high))
    return spans


def _one(code: int) -> str:
    """A character outside a class."""
    if chr(code) in r"\^$.|?*+()[]{}":
        return "\\" + chr(code)
    return _CONTROL.get(code) or (f"\\x{code:02x}" if code < 32 else chr(code))


def _member(code: int) -> str:
    """A character inside a class; `^` and `-` are placed where they need no escape."""
    if chr(code) in r"\[]":
        return "\\" + chr(code)
    if 0xD800 <= code < 0xE000:
        raise _InexpressibleError
    return _CONTROL.get(code) or (f"\\x{code:02x}" if code < 32 else chr(code))
