"""A language's bounds on a schema. What another form can bring within them is brought; the rest
is an error before any call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from structgen.errors import SchemaLimitError
from structgen.schema.compile.builder import AT, LONG, Builder
from structgen.schema.compile.words import joined
from structgen.schema.json import escape, to_text
from structgen.values import JsonSchema, Note

_LONG_FOR_CHARS: Final = 250
_SHOWN: Final = 10

_MAPS: Final = ("properties", "patternProperties", "$defs")
_ONES: Final = ("items", "additionalProperties")
_LISTS: Final = ("anyOf", "prefixItems")


def within_limits(builder: Builder, schema: JsonSchema) -> JsonSchema:
    """The schema, with long enums left to the check and deep parts made definitions where the
    language's bounds ask for it.

    Raises SchemaLimitError for what is over a bound even so.
    """
    limits = builder.subset.limits
    if builder.has_long_enums:
        schema = _without_long_enums(builder, schema)
    if limits.depth is not None and builder.subset.defs:
        schema = _Hoist(schema, limits.depth).schema
    _check(builder, schema)
    return schema


def _parts(node: JsonSchema) -> Iterator[tuple[str, JsonSchema]]:
    """The schemas directly inside one, with the steps to them."""
    for key in _MAPS:
        for name, sub in node.get(key, {}).items():
            yield f"{key}/{escape(name)}", sub
    for key in _ONES:
        if isinstance(node.get(key), dict):
            yield key, node[key]
    for key in _LISTS:
        for i, sub in enumerate(node.get(key, ())):
            yield f"{key}/{i}", sub


def _mapped(node: JsonSchema, change: Callable[[str, JsonSchema], JsonSchema]) -> JsonSchema:
    """A copy with `change(name, part)` in place of each part."""
    out = dict(node)
    for key in _MAPS:
        if key in node:
            out[key] = {name: change(name, sub) for name, sub in node[key].items()}
    for key in _ONES:
        if isinstance(node.get(key), dict):
            out[key] = change(key, node[key])
    for key in _LISTS:
        if key in node:
            out[key] = [change(key, sub) for sub in node[key]]
    return out


# ---- long enums ----------------------------------------------------------------------


def _without_long_enums(builder: Builder, schema: JsonSchema) -> JsonSchema:
    limits = builder.subset.limits
    found = [len(node["enum"]) for _, node in _walk(schema) if "enum" in node]
    most = limits.enum_values if limits.enum_values is not None else sum(found)
    total = sum(found)
    longest = max(found)
    for size in sorted(found, reverse=True):
        if total <= most or size < LONG:
            break
        total, longest = total - size, size - 1

    def change(_: str, node: JsonSchema) -> JsonSchema:
        out = _mapped(node, change)
        at, values = out.pop(AT, None), out.get("enum", ())
        if at is None or (len(values) <= longest and _fits_chars(values, limits.enum_chars)):
            return out
        words = f"one of {len(values)} values, such as {', '.join(map(to_text, values[:_SHOWN]))}"
        builder.notes.append(
            Note(at, "enum", "checked", f"{words}: more than {builder.subset.name} takes")
        )
        del out["enum"]
        return {
            "description": joined(out.get("description", ""), [words]),
            **{k: v for k, v in out.items() if k != "description"},
        }

    return change("", schema)


def _fits_chars(values: list[Any], most: int | None) -> bool:
    return (
        most is None
        or len(values) <= _LONG_FOR_CHARS
        or sum(len(v) for v in values if isinstance(v, str)) <= most
    )


# ---- depth ---------------------------------------------------------------------------


def _levels(node: JsonSchema) -> int:
    """How many objects and arrays are nested in a schema, definitions left out."""
    below = max(
        (_levels(sub) for step, sub in _parts(node) if not step.startswith("$defs/")), default=0
    )
    return below + (
        node.keys().isdisjoint(("anyOf", "$ref"))
        and not {"properties", "items", "prefixItems"}.isdisjoint(node)
    )


class _Hoist:
    """Makes definitions of what is nested too deeply."""

    def __init__(self, schema: JsonSchema, most: int) -> None:
        self.most = most
        self.defs: dict[str, JsonSchema] = dict(schema.get("$defs", {}))
        self.schema = self._flat({key: value for key, value in schema.items() if key != "$defs"})
        for name in list(self.defs):
            self.defs[name] = self._flat(self.defs[name])
        if self.defs:
            self.schema["$defs"] = self.defs

    def _flat(self, node: JsonSchema) -> JsonSchema:
        return node if _levels(node) <= self.most else self._cut("", node, 0)

    def _cut(self, name: str, node: JsonSchema, level: int) -> JsonSchema:
        """The node with its deep parts replaced by references."""
        if level + _levels(node) <= self.most:
            return node
        if level >= self.most // 2 and "properties" in node:
            own, n = name or "Part", 1
            while own in self.defs:
                n += 1
                own = f"{name or 'Part'}_{n}"
            self.defs[own] = {}
            self.defs[own] = self._flat(node)
            return {"$ref": f"#/$defs/{own}"}
        inside = level + ("properties" in node or "items" in node or "prefixItems" in node)
        return _mapped(node, lambda key, sub: self._cut(_plain_name(key), sub, inside))


def _plain_name(key: str) -> str:
    return "".join(c if c.isascii() and (c.isalnum() or c in "_-") else "_" for c in key)


# ---- bounds --------------------------------------------------------------------------


def _walk(schema: JsonSchema, at: str = "") -> Iterator[tuple[str, JsonSchema]]:
    todo = [(at, schema)]
    while todo:
        place, node = todo.pop()
        yield place, node
        todo += [(f"{place}/{step}", sub) for step, sub in _parts(node)]


def _optional(node: JsonSchema) -> int:
    return len(node.get("properties", {}).keys() - set(node.get("required", ())))


def _chars(node: JsonSchema) -> int:
    values = [*node.get("enum", ()), *([node["const"]] if "const" in node else ())]
    return sum(
        map(
            len,
            [
                *node.get("properties", {}),
                *node.get("$defs", {}),
                *(v for v in values if isinstance(v, str)),
            ],
        )
    )


_TOTALS: Final[dict[str, tuple[Callable[[JsonSchema], int], str, str]]] = {
    "properties": (
        lambda n: len(n.get("properties", {})),
        "properties",
        "Split the target, or leave out what is not needed.",
    ),
    "enum_values": (
        lambda n: len(n.get("enum", ())),
        "enum values",
        "Use a string for the longest list, and check it afterwards.",
    ),
    "string_chars": (
        _chars,
        "characters in names and listed values",
        "Shorten names or lists, or split the target.",
    ),
    "unions": (
        lambda n: int("anyOf" in n or isinstance(n.get("type"), list)),
        "unions",
        "Make fields required, or split the target.",
    ),
    "optional": (_optional, "optional properties", "Make fields required, or split the target."),
}
"""Limits on sums over all parts: how to count one part, what is counted, and the way out."""


def _check(builder: Builder, schema: JsonSchema) -> None:
    limits, name = builder.subset.limits, builder.subset.name
    for limit, (count, what, hint) in _TOTALS.items():
        most = getattr(limits, limit)
        if most is not None and (total := sum(count(node) for _, node in _walk(schema))) > most:
            shares = [
                (sum(count(node) for _, node in _walk(sub)), at) for at, sub in _branches(schema)
            ]
            raise _over(
                f"{total} {what}", most, total, name, max(shares)[1] if shares else "", hint
            )
    if limits.object_properties is not None:
        size, at = max((len(node.get("properties", {})), at) for at, node in _walk(schema))
        if size > limits.object_properties:
            hint = "Group fields into nested objects."
            raise _over(
                f"{size} properties in one object", limits.object_properties, size, name, at, hint
            )
    if limits.depth is not None:
        depth, at = max((_levels(sub), at) for at, sub in [("", schema), *_branches(schema)])
        if depth > limits.depth:
            raise _over(
                f"{depth} nested levels", limits.depth, depth, name, at, "Flatten the target."
            )
    if limits.schema_chars is not None and (size := len(to_text(schema))) > limits.schema_chars:
        longest = max(
            _branches(schema), key=lambda branch: len(to_text(branch[1])), default=("", schema)
        )[0]
        hint = "Shorten descriptions, or split the target."
        raise _over(f"{size} characters of schema", limits.schema_chars, size, name, longest, hint)


def _branches(schema: JsonSchema) -> list[tuple[str, JsonSchema]]:
    """The root's fields and the definitions: where to look for what is too large."""
    return [(f"/{step}", sub) for step, sub in _parts(schema)]


def _over(what: str, most: int, actual: int, language: str, at: str, hint: str) -> SchemaLimitError:
    where = f" Most of it is in {at}." if at else ""
    return SchemaLimitError(
        f"The schema comes to {what}; {language} takes {most}.{where}",
        limit=most,
        actual=actual,
        path=at,
        hint=hint,
    )
