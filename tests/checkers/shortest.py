"""A bound that no answer to a compiled schema is shorter than.

The length is in bytes of the grammar's spacing, where null counts as one: it is one token, as a
digit and `""` are.

It is made from the schema alone, keyword by keyword, and shares no code with the search for
endings: what it leaves out (a divisor, a bound on a number) can only make an answer longer.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Iterator
from typing import Any

from structgen.errors import SchemaError
from structgen.schema.validate.pattern_nodes import Chars, Choice, Group, Node, Repeat, Sequence
from structgen.schema.validate.pattern_reader import parse
from tests.checkers.walk import resolve

FORMATS = {
    "date": 10,
    "time": 9,
    "date-time": 20,
    "duration": 3,
    "email": 3,
    "hostname": 1,
    "ipv4": 7,
    "ipv6": 2,
    "uri": 2,
    "uuid": 36,
}
EMPTY = {"null": 1, "boolean": 4, "integer": 1, "number": 1, "string": 2, "array": 2, "object": 2}


def shortest_answer(schema: Any) -> int:
    """The length that no answer is shorter than."""
    definitions = [f"#/$defs/{name}" for name in schema.get("$defs", {})]
    known: dict[str, float] = dict.fromkeys(["#", *definitions], math.inf)
    changed = True
    while changed:
        found = {ref: length(resolve(schema, ref), known.__getitem__) for ref in known}
        changed, known = found != known, found
    return int(known["#"])


def length(node: Any, of_ref: Callable[[str], float]) -> float:
    if not isinstance(node, dict):
        return 1
    if "$ref" in node:
        return of_ref(node["$ref"])
    if "const" in node or "enum" in node:
        options = node["enum"] if "enum" in node else [node["const"]]
        return min(written(option) for option in options)
    for keyword in ("anyOf", "oneOf"):
        if keyword in node:
            return min((length(part, of_ref) for part in node[keyword]), default=math.inf)
    kinds = node.get("type", list(EMPTY))
    return min(typed(node, kind, of_ref) for kind in ([kinds] if isinstance(kinds, str) else kinds))


def typed(node: Any, kind: str, of_ref: Callable[[str], float]) -> float:
    if kind == "object":
        properties = node.get("properties", {})
        needed = [name for name in node.get("required", ()) if name in properties]
        members = [written(name) + 2 + length(properties[name], of_ref) for name in needed]
        more = max(0, node.get("minProperties", 0) - len(needed))
        return joined([*members, *[6.0] * more])
    if kind == "array":
        first = node.get("prefixItems", [])
        rest = node.get("items", True)
        parts = [*first, *[rest] * max(0, node.get("minItems", 0) - len(first))]
        return joined([length(part, of_ref) for part in parts[: node.get("minItems", 0)]])
    if kind == "string":
        text = max(node.get("minLength", 0), FORMATS.get(node.get("format", ""), 0))
        return 2.0 + max(float(text), matched(node["pattern"]) if "pattern" in node else 0)
    return EMPTY[kind]


def joined(parts: list[float]) -> float:
    return 2 + sum(parts) + 2 * max(0, len(parts) - 1)


def written(value: Any) -> int:
    """The bytes of a value as the grammar writes it, with null as short as a digit."""
    return cost(json.dumps(value, ensure_ascii=False))


def cost(text: str) -> int:
    return len(text.encode()) - 3 * len(re.findall(r"\bnull\b(?=[,\]}]|$)", text))


def matched(pattern: str) -> int:
    try:
        return at_least(parse(pattern))
    except SchemaError:
        return 0


def at_least(node: Node) -> int:
    """Bytes of the shortest match; what only looks around has none."""
    match node:
        case Chars():
            return min((len(chr(low).encode()) for low in lowest(node)), default=1)
        case Sequence(parts):
            return sum(map(at_least, parts))
        case Choice(parts):
            return min(map(at_least, parts))
        case Repeat(body, least):
            return at_least(body) * least
        case Group(_, body):
            return at_least(body)
        case _:
            return 0


def lowest(chars: Chars) -> Iterator[int]:
    yield from (low for low, _ in chars.ranges if not 0xD800 <= low <= 0xDFFF)
