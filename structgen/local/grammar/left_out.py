"""Leave to the check what the grammar engine refuses, one keyword at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, Final, TypeAlias

from structgen.schema.json import pointer
from structgen.values import JsonSchema, Note

Accepts: TypeAlias = Callable[[JsonSchema], bool]

MAX_DEPTH: Final = 800
"""How deep schemas may lead into one another, through references too. llguidance recurses, and a
stack of 8 MB ends at about 2,000.
"""
_KEYWORDS: Final = (
    "pattern",
    "format",
    "enum",
    "const",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "multipleOf",
)
"""Keywords that a schema can do without."""
_COST_OF_PATTERNS: Final = 20_000**2
"""The most that the squares of all patterns' lengths may add up to: 20,000 characters take a second
and 250 MB.
"""
_MANY_OPTIONS: Final = 100
"""Values of an enum that may be too many for a grammar, beside others as large."""
_MANY_MEMBERS: Final = 1_000
"""Members of an object that may be too many."""
_ROUNDS: Final = 5
"""How often large parts are left out before a schema is given up."""


def depth_of(schema: JsonSchema) -> int:
    """How deep the schemas of a compiled schema lead into one another.

    A reference counts one step more than its target; one that leads back counts as an end.

    Args:
        schema: The compiled schema.
    """
    definitions: dict[str, JsonSchema] = {"#": schema}
    definitions |= {f"#/$defs/{name}": part for name, part in schema.get("$defs", {}).items()}
    ways = {ref: list(_ways(part)) for ref, part in definitions.items()}
    depths: dict[str, int] = {}
    stack = ["#"]
    while stack:
        ref = stack[-1]
        missing = [to for _, to in ways.get(ref, ()) if to and to not in depths]
        depths.setdefault(ref, 0)
        if missing:
            stack += missing
            continue
        stack.pop()
        depths[ref] = max((at + depths.get(to, 0) for at, to in ways.get(ref, ())), default=0)
    return depths["#"]


def _ways(schema: JsonSchema) -> Iterator[tuple[int, str]]:
    """How deep each end of a schema lies, and the reference there, "" for none."""
    todo: list[tuple[int, Any]] = [(0, schema)]
    while todo:
        depth, node = todo.pop()
        yield depth, str(node.get("$ref", ""))
        todo += [(depth + 1, part) for _, part in _parts(node)]


def _parts(node: JsonSchema) -> Iterator[tuple[tuple[str | int, ...], JsonSchema]]:
    """The schemas directly inside one, with the steps to them; definitions left out."""
    for key in ("properties", "patternProperties"):
        for name, part in (node.get(key) or {}).items():
            yield (key, name), part
    for key in ("items", "additionalProperties"):
        if isinstance(node.get(key), dict):
            yield (key,), node[key]
    for key in ("anyOf", "prefixItems"):
        yield from (((key, i), part) for i, part in enumerate(node.get(key, ())))


def without_long_patterns(schema: JsonSchema) -> tuple[JsonSchema, list[Note]]:
    """A schema without its longest patterns, if all together cost too much, and a note for each.

    Args:
        schema: The compiled schema.
    """
    notes: list[Note] = []
    found: list[int] = []

    def collect(node: JsonSchema, at: tuple[str | int, ...]) -> JsonSchema:
        found.append(len(node.get("pattern", "")))
        return node

    def visit(node: JsonSchema, at: tuple[str | int, ...]) -> JsonSchema:
        if len(node.get("pattern", "")) <= longest:
            return node
        notes.append(_note("pattern", at, "it is too long for a grammar"))
        return {key: value for key, value in node.items() if key != "pattern"}

    _mapped(schema, collect)
    longest = _longest_that_fits(sorted(found))
    return (_mapped(schema, visit) if max(found) > longest else schema), notes


def _longest_that_fits(lengths: list[int]) -> int:
    """The longest of some patterns that is held, with all that are shorter."""
    cost, longest = 0, 0
    for length in lengths:
        cost += length * length
        if cost > _COST_OF_PATTERNS:
            return longest
        longest = length
    return longest


def without_refused(schema: JsonSchema, accepts: Accepts) -> tuple[JsonSchema, list[Note]]:
    """A schema without the keywords that the engine refuses, and a note for each.

    Args:
        schema: The compiled schema, which the engine refuses as a whole.
        accepts: Asks the engine.
    """
    notes: list[Note] = []
    known: dict[str, bool] = {}

    def keeps(node: JsonSchema, keyword: str) -> bool:
        alone = {"type": node["type"]} if "type" in node else {}
        alone[keyword] = node[keyword]
        key = repr(alone)
        if key not in known:
            known[key] = accepts(alone)
        return known[key]

    def visit(node: JsonSchema, at: tuple[str | int, ...]) -> JsonSchema:
        refused = [word for word in _KEYWORDS if word in node and not keeps(node, word)]
        notes.extend(_note(word, at) for word in refused)
        return {key: value for key, value in node.items() if key not in refused}

    schema = _mapped(schema, visit)
    for _ in range(_ROUNDS):
        large = [] if accepts(schema) else _largest(schema)
        if not large:
            break
        notes += [_note(keyword, place) for keyword, place in large]
        schema = _mapped(schema, partial(_without, places=frozenset(large)))
    return schema, notes


def _note(
    keyword: str, at: tuple[str | int, ...], why: str = "the grammar engine refuses it"
) -> Note:
    detail = f"not held while decoding: {why} at {pointer(at) or 'the root'}"
    return Note("", keyword, "checked", detail)


Large: TypeAlias = tuple[str, tuple[str | int, ...]]
"""A keyword with many values or members, and the place of its schema."""


def _largest(schema: JsonSchema) -> list[Large]:
    """The largest enums, or else the largest object; [] if none is large."""
    sizes: dict[Large, int] = {}

    def visit(node: JsonSchema, at: tuple[str | int, ...]) -> JsonSchema:
        sizes.update({(key, at): len(node[key]) for key in ("enum", "properties") if key in node})
        return node

    _mapped(schema, visit)
    enums = {large: size for large, size in sizes.items() if large[0] == "enum"}
    most = max(enums.values(), default=0)
    if most >= _MANY_OPTIONS:
        return [large for large, size in enums.items() if size > most / 2]
    largest = max(sizes, key=sizes.__getitem__, default=None)
    return [largest] if largest and sizes[largest] >= _MANY_MEMBERS else []


def _without(node: JsonSchema, at: tuple[str | int, ...], places: frozenset[Large]) -> JsonSchema:
    if ("properties", at) in places:
        return {"type": "object"}
    if ("enum", at) in places:
        return {key: value for key, value in node.items() if key != "enum"}
    return node


def _mapped(
    schema: JsonSchema, change: Callable[[JsonSchema, tuple[str | int, ...]], JsonSchema]
) -> JsonSchema:
    """A copy with every schema changed, from the outside in."""
    root: JsonSchema = {}
    todo: list[tuple[JsonSchema, tuple[str | int, ...], Any, Any]] = [(schema, (), root, "")]
    while todo:
        node, at, holder, slot = todo.pop()
        copy = dict(change(node, at))
        holder[slot] = copy
        for key in ("properties", "patternProperties", "$defs"):
            if key in copy:
                copy[key] = dict(copy[key])
                todo += [
                    (part, (*at, key, name), copy[key], name) for name, part in copy[key].items()
                ]
        for key in ("items", "additionalProperties"):
            if isinstance(copy.get(key), dict):
                todo.append((copy[key], (*at, key), copy, key))
        for key in ("anyOf", "prefixItems"):
            if key in copy:
                copy[key] = list(copy[key])
                todo += [(part, (*at, key, i), copy[key], i) for i, part in enumerate(copy[key])]
    changed: JsonSchema = root[""]
    return changed
