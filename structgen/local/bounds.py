"""Bounds that let an answer close within its token budget.

A weak model may write a string, an array or a row of digits without end. Where a schema sets no bound, or one beyond the budget, a
bound is set here, by one rule:

- The budget is shared out from the root. What an object writes in any case (keys, punctuation, numbers, enums) comes off first; the
  rest goes to its strings in equal parts, where an array or a map counts as `_ITEMS` times its item.
- A string may hold `_CHARACTERS` characters per token of its share, never fewer than `_SHORTEST`.
- An array or a map may hold as many items as fit its share at `_TYPICAL` tokens a string, never fewer than `_FEWEST`, and each item
  gets its part of the share.
- A number stays below 10**15, without an exponent and with at most nine decimals.

The rule is an estimate: text of many tokens per character, recursion and free-form values may still outgrow the budget, and then
the answer ends as a typed truncation. Each kind of bound that was set is one note.
"""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Final, NamedTuple

from structgen.types import Json, JsonSchema, Note

_CHARACTERS: Final = 3
_SHORTEST: Final = 64
_ITEMS: Final = 4
_TYPICAL: Final = 12
_FEWEST: Final = 4
_SCALAR: Final = 6
_LARGEST: Final = 10**15
_STEP: Final = 1e-9

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


def bounded(schema: JsonSchema, tokens: int, accepts: Callable[[JsonSchema], bool]) -> tuple[JsonSchema, tuple[Note, ...]]:
    """`schema` with bounds for an answer of `tokens` tokens, and what was narrowed.

    `accepts` tells whether the grammar engine can satisfy a schema: a bound that contradicts what a string or a number has to be is
    not set.
    """
    shares = _Shares(copy.deepcopy(schema), accepts)
    shares.allot(shares.root, tokens)
    notes = (Note("", keyword, "narrowed", _DETAILS[keyword].format(count, tokens)) for keyword, count in shares.set.items())
    return shares.root, tuple(notes)


class _Shares:
    """Shares a budget out over a schema, setting bounds in place. A definition used twice gets the smaller of its shares."""

    def __init__(self, root: JsonSchema, accepts: Callable[[JsonSchema], bool]) -> None:
        self.root = root
        self.set: Counter[str] = Counter()
        self._accepts = accepts
        self._sizes: dict[int, _Size] = {}
        self._allotted: dict[int, float] = {}

    def allot(self, node: Json, tokens: float) -> None:
        node = self._target(node)
        if not isinstance(node, dict) or "enum" in node or "const" in node or self._allotted.get(id(node), float("inf")) <= tokens:
            return
        self._allotted[id(node)] = tokens
        for branch in _branches(node):
            self.allot(branch, tokens)
        types = _types(node)
        if "object" in types:
            self._object(node, tokens)
        if "array" in types:
            self._array(node, tokens)
        if "string" in types:
            self._string(node, tokens)
        if types & {"integer", "number"}:
            self._number(node, types)

    def _object(self, node: JsonSchema, tokens: float) -> None:
        members: dict[str, Json] = node.get("properties", {})
        entries = [
            value for value in (node.get("additionalProperties", True), *node.get("patternProperties", {}).values()) if value
        ]
        keys = sum(_key(name) for name in members)
        self._divide(node, list(members.values()), entries, "maxProperties", tokens - keys)

    def _array(self, node: JsonSchema, tokens: float) -> None:
        items = node.get("items", True)
        self._divide(node, node.get("prefixItems", []), [items] if items else [], "maxItems", tokens)

    def _divide(self, node: JsonSchema, single: list[Json], repeated: list[Json], keyword: str, tokens: float) -> None:
        """Share `tokens` out among members that occur once and members that repeat, and bound how often those do."""
        sizes = [(member, self._size(member), False) for member in single] + [
            (member, self._repeated(member), True) for member in repeated
        ]
        spare = max(0.0, tokens - sum(size.fixed for _, size, _ in sizes))
        strings = sum(size.strings for _, size, _ in sizes) or 1.0
        for member, size, repeats in sizes:
            share = size.fixed + spare * size.strings / strings
            if repeats:
                count = max(_FEWEST, int(share / (1 + self._size(member).tokens())))
                count = self._limit(node, keyword, max(count, len(single)))
                share /= count
            self.allot(member, share)

    def _string(self, node: JsonSchema, tokens: float) -> None:
        length = max(_SHORTEST, int(tokens * _CHARACTERS), node.get("minLength", 0))
        if not node.keys() & {"pattern", "format"} or self._accepts({**node, "type": "string", "maxLength": length}):
            self._limit(node, "maxLength", length)

    def _number(self, node: JsonSchema, types: set[str]) -> None:
        limits: dict[str, float] = {
            "minimum": -_LARGEST,
            "maximum": _LARGEST,
            **({"multipleOf": _STEP} if "number" in types else {}),
        }
        tight = {**limits, **node, "type": "number" if "number" in types else "integer"}
        if tight.keys() - node.keys() and self._accepts(tight):
            node.update({name: tight[name] for name in limits})
            self.set["maximum"] += 1

    def _limit(self, node: JsonSchema, keyword: str, most: int) -> int:
        """Set an upper bound unless the schema's own is lower; gives the one that holds."""
        own = node.get(keyword)
        if own is None or most < own:
            node[keyword] = max(most, node.get(keyword.replace("max", "min"), 0))
            self.set[keyword] += 1
        return max(1, int(node[keyword]))

    def _repeated(self, item: Json) -> _Size:
        return _Size(2, _ITEMS * max(1.0, self._size(item).tokens() / _TYPICAL))

    def _size(self, node: Json) -> _Size:
        node = self._target(node)
        if not isinstance(node, dict):
            return _Size(0, 1)
        if id(node) not in self._sizes:
            self._sizes[id(node)] = _Size(0, 1)  # what a definition that contains itself counts for within itself
            self._sizes[id(node)] = self._measure(node)
        return self._sizes[id(node)]

    def _measure(self, node: JsonSchema) -> _Size:
        if "const" in node or "enum" in node:
            return _Size(max(_text(value) for value in node.get("enum") or [node.get("const")]), 0)
        sizes = [self._size(branch) for branch in _branches(node)]
        types = _types(node)
        if "object" in types:
            members = node.get("properties", {})
            sizes.append(_total([self._size(member) for member in members.values()], sum(_key(name) for name in members)))
        if "array" in types:
            sizes.append(_total([self._size(member) for member in node.get("prefixItems", ())], 2))
            if items := node.get("items", True):
                sizes.append(self._repeated(items))
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


def _branches(node: JsonSchema) -> Iterator[Json]:
    for keyword in ("anyOf", "oneOf", "allOf"):
        yield from node.get(keyword, ())


def _types(node: JsonSchema) -> set[str]:
    kind = node.get("type", ())
    return {kind} if isinstance(kind, str) else set(kind)


def _key(name: str) -> float:
    return _text(name) + 2


def _text(value: Json) -> float:
    """Tokens of a value that is known, with its punctuation."""
    return 1 + len(str(value)) / _CHARACTERS


def _total(sizes: list[_Size], extra: float) -> _Size:
    return _Size(extra + sum(size.fixed for size in sizes), sum(size.strings for size in sizes))
