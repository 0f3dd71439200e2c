"""Bounds that let an answer close within its token budget.

A weak model may write a string, an array or a row of digits without end. Where a schema sets no bound, or one beyond the budget, a
bound is set here, by one rule:

- The budget is shared out from the root. What an object writes in any case (keys, punctuation, numbers, enums) comes off first; the
  rest goes to its strings in equal parts, where an array or a map counts as `_ITEMS` times its item.
- A string may hold `_CHARACTERS` characters per token of its share, never fewer than those of `_TYPICAL` tokens.
- An array or a map may hold as many items as fit its share at `_TYPICAL` tokens a string, never fewer than `_FEWEST`, and each item
  gets its part of the share.
- A number stays below 10**15, without an exponent and with at most nine decimals.

The rule is an estimate: a small model's endless words have two to three characters a token, but its digits one. Those, recursion
and free-form values may still outgrow the budget, and then the answer ends as a typed truncation. Each kind of bound is one note.
"""

from __future__ import annotations

import copy
import math
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from structgen.types import Json, JsonSchema, Note

_CHARACTERS: Final = 2
_ITEMS: Final = 4
_TYPICAL: Final = 24
_FEWEST: Final = 4
_SCALAR: Final = 13
_LARGEST: Final = 10**15
_STEP: Final = 1e-9

_FIXED: Final = {"date", "uuid", "ipv4", "ipv6"}

_DETAILS: Final = {
    "maxLength": "{} strings are held to a share of the {} tokens an answer may have",
    "maxItems": "{} arrays are held to a share of the {} tokens an answer may have",
    "maxProperties": "{} maps are held to a share of the {} tokens an answer may have",
    "maximum": "{} numbers are held below 10**15, without an exponent and to nine decimals",
}


class _Size(NamedTuple):
    """What a value takes: `fixed` tokens in any case, and `strings` whose length is open (items counted `_ITEMS` times)."""

    fixed: float
    strings: float

    def tokens(self) -> float:
        return self.fixed + _TYPICAL * self.strings


class _Container(NamedTuple):
    """What an object or an array is made of: parts that occur once, parts that repeat, and `fixed` tokens around them."""

    single: list[Json]
    repeated: list[Json]
    fixed: float
    keyword: str


def bounded(schema: JsonSchema, tokens: int, accepts: Callable[[JsonSchema], bool]) -> tuple[JsonSchema, tuple[Note, ...]]:
    """`schema` with bounds for an answer of `tokens` tokens, and what was narrowed.

    `accepts` tells whether the grammar engine can satisfy a schema: a bound that contradicts what a string or a number has to be is
    not set.
    """
    shares = _Shares(copy.deepcopy(schema), accepts)
    shares.allot(shares.root, tokens)
    notes = (
        Note("", keyword, "narrowed", _DETAILS[keyword].format(len(nodes), tokens)) for keyword, nodes in shares.bounds.items()
    )
    return shares.root, tuple(notes)


class _Shares:
    """Shares a budget out over a schema, setting bounds in place. A definition used twice gets the smaller of its shares."""

    def __init__(self, root: JsonSchema, accepts: Callable[[JsonSchema], bool]) -> None:
        self.root = root
        self.bounds: defaultdict[str, set[int]] = defaultdict(set)
        self._accepts = accepts
        self._sizes: dict[int, _Size] = {}
        self._allotted: dict[int, float] = {}
        self._within: set[int] = set()

    def allot(self, node: Json, tokens: float) -> None:
        """Bound what a schema may take to `tokens`. Recursion ends where a definition meets itself: depth has no bound here."""
        node = self._target(node)
        known = id(node) in self._within or self._allotted.get(id(node), math.inf) <= tokens
        if known or not isinstance(node, dict) or "enum" in node or "const" in node:
            return
        self._allotted[id(node)] = tokens
        self._within.add(id(node))
        for branch in _branches(node):
            self.allot(branch, tokens)
        for container in _containers(node):
            self._divide(node, container, tokens)
        types = _types(node)
        if "string" in types and node.get("format") not in _FIXED:
            self._string(node, tokens)
        if types & {"integer", "number"}:
            self._number(node, types)
        self._within.discard(id(node))

    def _divide(self, node: JsonSchema, container: _Container, tokens: float) -> None:
        single = [(part, self._size(part)) for part in container.single]
        repeated = [(part, self._repeated(part)) for part in container.repeated]
        sizes = _total([size for _, size in (*single, *repeated)], container.fixed)
        spare = max(0.0, tokens - sizes.fixed) / (sizes.strings or 1)
        for part, size in single:
            self.allot(part, size.fixed + spare * size.strings)
        for part, size in repeated:
            share = size.fixed + spare * size.strings
            most = len(container.single) + max(_FEWEST, int(share / (1 + self._size(part).tokens())))
            self.allot(part, share / self._limit(node, container.keyword, most))

    def _string(self, node: JsonSchema, tokens: float) -> None:
        length = int(max(tokens, _TYPICAL) * _CHARACTERS)
        if not node.keys() & {"pattern", "format"} or self._accepts({**node, "type": "string", "maxLength": length}):
            self._limit(node, "maxLength", length)

    def _number(self, node: JsonSchema, types: set[str]) -> None:
        limits: dict[str, float] = {"minimum": -_LARGEST, "maximum": _LARGEST}
        if "number" in types:
            limits["multipleOf"] = _STEP
        tight = {**limits, **node, "type": "number" if "number" in types else "integer"}
        if limits.keys() - node.keys() and self._accepts(tight):
            node.update({name: tight[name] for name in limits})
            self.bounds["maximum"].add(id(node))

    def _limit(self, node: JsonSchema, keyword: str, most: int) -> int:
        """Set an upper bound unless the schema's own is lower; gives the one that holds, at least 1."""
        own = node.get(keyword, math.inf)
        if most < own:
            node[keyword] = max(most, node.get(keyword.replace("max", "min"), 0))
            self.bounds[keyword].add(id(node))
        return max(1, int(node[keyword]))

    def _size(self, node: Json) -> _Size:
        node = self._target(node)
        if not isinstance(node, dict):
            return _Size(0, 1)
        if id(node) not in self._sizes:
            self._sizes[id(node)] = _Size(0, 1)  # what a definition that contains itself counts for within itself
            self._sizes[id(node)] = self._measure(node)
        return self._sizes[id(node)]

    def _repeated(self, part: Json) -> _Size:
        return _Size(2, _ITEMS * max(1.0, self._size(part).tokens() / _TYPICAL))

    def _measure(self, node: JsonSchema) -> _Size:
        if "const" in node or "enum" in node:
            return _Size(max(map(_text, node.get("enum") or [node.get("const")])), 0)
        sizes = [self._size(branch) for branch in _branches(node)]
        for container in _containers(node):
            parts = [*map(self._size, container.single), *map(self._repeated, container.repeated)]
            sizes.append(_total(parts, container.fixed))
        types = _types(node)
        if "string" in types:
            sizes.append(_Size(1, 1))
        if types & {"integer", "number", "boolean", "null"}:
            sizes.append(_Size(_SCALAR, 0))
        return _Size(max((size.fixed for size in sizes), default=0), max((size.strings for size in sizes), default=1))

    def _target(self, node: Json) -> Json:
        """The definition a reference leads to; a reference that leads nowhere counts as any value."""
        seen: set[str] = set()
        while isinstance(node, dict) and isinstance(pointer := node.get("$ref"), str) and pointer not in seen:
            seen.add(pointer)
            node = _resolve(self.root, pointer)
        return node


def _resolve(root: JsonSchema, pointer: str) -> Json:
    node: Json = root
    for step in pointer.removeprefix("#").split("/")[1:]:
        key = step.replace("~1", "/").replace("~0", "~")
        node = node.get(key, True) if isinstance(node, dict) else True
    return node


def _containers(node: JsonSchema) -> Iterator[_Container]:
    types = _types(node)
    if "object" in types:
        members: dict[str, Json] = node.get("properties", {})
        entries = [node.get("additionalProperties", True), *node.get("patternProperties", {}).values()]
        keys = sum(2 + _text(name) for name in members)
        yield _Container(list(members.values()), [entry for entry in entries if entry is not False], keys, "maxProperties")
    if "array" in types:
        first = node.get("prefixItems", [])
        item = node.get("items", True)
        more = item is not False and node.get("maxItems", math.inf) > len(first)
        yield _Container(first, [item] if more else [], 2, "maxItems")


def _branches(node: JsonSchema) -> Iterator[Json]:
    for keyword in ("anyOf", "oneOf", "allOf"):
        yield from node.get(keyword, ())


def _types(node: JsonSchema) -> set[str]:
    kind = node.get("type", ())
    return {kind} if isinstance(kind, str) else set(kind)


def _text(value: Json) -> float:
    """Tokens of a value that is known, with its punctuation."""
    return 1 + len(str(value)) / _CHARACTERS


def _total(sizes: list[_Size], extra: float) -> _Size:
    return _Size(extra + sum(size.fixed for size in sizes), sum(size.strings for size in sizes))
