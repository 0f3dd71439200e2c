"""A language's limits on a schema: rewrite it to keep within them, or fail before any call."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, Final

from structgen.errors import SchemaLimitError
from structgen.schema.compile.builder import AT, LONG, Builder
from structgen.schema.compile.keywords import listed_values
from structgen.schema.compile.names import definition_name, unused_name
from structgen.schema.compile.words import joined
from structgen.schema.json import escape, to_text
from structgen.values import JsonSchema, Note

_LONG_FOR_CHARS: Final = 250
"""An enum with more values than this has a limit on their characters (OpenAI's rule)."""
_SHOWN: Final = 10
"""Values of a long enum that its description still shows."""

_MAPS: Final = ("properties", "patternProperties", "$defs")
_ONES: Final = ("items", "additionalProperties")
_LISTS: Final = ("anyOf", "prefixItems")


def within_limits(builder: Builder, schema: JsonSchema) -> JsonSchema:
    """Bring a compiled schema within its language's limits.

    Long enums are left to the check, and deep parts become definitions.

    Args:
        builder: The compilation; it has the limits, and takes the notes.
        schema: The compiled schema, with its definitions.

    Raises:
        SchemaLimitError: If the schema is over a limit even so.
    """
    limits = builder.subset.limits
    for keyword in sorted(builder.subset.unwritten):
        schema = _without_keyword(builder, schema, keyword)
    if builder.has_long_enums:
        schema = _without_long_enums(builder, schema)
    if limits.depth is not None and builder.subset.defs:
        schema = _Hoist(schema, limits.depth).schema
    _check(builder, schema)
    return schema


def parts_of(node: JsonSchema) -> Iterator[tuple[str, JsonSchema]]:
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


def with_parts(node: JsonSchema, change: Callable[[str, JsonSchema], JsonSchema]) -> JsonSchema:
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


def _without_keyword(builder: Builder, schema: JsonSchema, keyword: str) -> JsonSchema:
    """Take a keyword out of a schema, wherever it is."""
    found = False

    def change(_: str, node: JsonSchema) -> JsonSchema:
        nonlocal found
        found = found or keyword in node
        rest = {key: value for key, value in node.items() if key != keyword}
        return with_parts(rest, change)

    schema = change("", schema)
    if found:
        detail = f"left out: {builder.subset.name} takes none"
        builder.notes.append(Note("", keyword, "checked", detail))
    return schema


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
        out = with_parts(node, change)
        at, values = out.pop(AT, None), out.get("enum", ())
        if at is None or (len(values) <= longest and _fits_chars(values, limits.enum_chars)):
            return out
        words = f"one of {len(values)} values, such as {', '.join(map(to_text, values[:_SHOWN]))}"
        detail = f"{words}: more than {builder.subset.name} takes"
        builder.notes.append(Note(at, "enum", "checked", detail))
        del out["enum"]
        description = joined(out.pop("description", ""), [words])
        return {"description": description, **out}

    return change("", schema)


def _fits_chars(values: list[Any], most: int | None) -> bool:
    if most is None or len(values) <= _LONG_FOR_CHARS:
        return True
    return sum(len(value) for value in values if isinstance(value, str)) <= most


# ---- depth ---------------------------------------------------------------------------


def _levels(node: JsonSchema) -> int:
    """How many objects and arrays are nested in a schema, definitions left out."""
    parts = [sub for step, sub in parts_of(node) if not step.startswith("$defs/")]
    below = max(map(_levels, parts), default=0)
    is_choice = "anyOf" in node or "$ref" in node
    return below + (not is_choice and _is_nesting(node))


def _is_nesting(node: JsonSchema) -> bool:
    return not {"properties", "items", "prefixItems"}.isdisjoint(node)


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
            own = unused_name(name or "Part", self.defs)
            self.defs[own] = {}
            self.defs[own] = self._flat(node)
            return {"$ref": f"#/$defs/{own}"}
        inside = level + _is_nesting(node)
        return with_parts(node, lambda key, sub: self._cut(definition_name(key), sub, inside))


# ---- bounds --------------------------------------------------------------------------


def _walk(schema: JsonSchema, at: str = "") -> Iterator[tuple[str, JsonSchema]]:
    todo = [(at, schema)]
    while todo:
        place, node = todo.pop()
        yield place, node
        todo += [(f"{place}/{step}", sub) for step, sub in parts_of(node)]


def _optional(node: JsonSchema) -> int:
    return len(node.get("properties", {}).keys() - set(node.get("required", ())))


def _chars(node: JsonSchema) -> int:
    values = [value for value in listed_values(node) or () if isinstance(value, str)]
    return sum(map(len, [*node.get("properties", {}), *node.get("$defs", {}), *values]))


def _is_union(node: JsonSchema) -> bool:
    return "anyOf" in node or isinstance(node.get("type"), list)


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
        _is_union,
        "unions",
        "Make fields required, or split the target.",
    ),
    "optional": (_optional, "optional properties", "Make fields required, or split the target."),
}
"""Limits on sums over all parts: how to count one part, what is counted, and what to
do."""


def _check(builder: Builder, schema: JsonSchema) -> None:
    """Raise SchemaLimitError for the first limit that the schema is over."""
    limits, name = builder.subset.limits, builder.subset.name
    for limit, (count, what, hint) in _TOTALS.items():
        most, total = getattr(limits, limit), _total(count, schema)
        if most is not None and total > most:
            shares = [(_total(count, sub), at) for at, sub in _branches(schema)]
            at = max(shares)[1] if shares else ""
            raise _over(f"{total} {what}", most, total, name, at, hint)
    if limits.object_properties is not None:
        size, at = max((len(node.get("properties", {})), at) for at, node in _walk(schema))
        if size > limits.object_properties:
            what, hint = f"{size} properties in one object", "Group fields into nested objects."
            raise _over(what, limits.object_properties, size, name, at, hint)
    if limits.depth is not None:
        depth, at = max((_levels(sub), at) for at, sub in [("", schema), *_branches(schema)])
        if depth > limits.depth:
            what, hint = f"{depth} nested levels", "Flatten the target."
            raise _over(what, limits.depth, depth, name, at, hint)
    if limits.schema_chars is not None and (size := len(to_text(schema))) > limits.schema_chars:
        sizes = [(len(to_text(sub)), at) for at, sub in _branches(schema)]
        at = max(sizes)[1] if sizes else ""
        what, hint = f"{size} characters of schema", "Shorten descriptions, or split the target."
        raise _over(what, limits.schema_chars, size, name, at, hint)


def _total(count: Callable[[JsonSchema], int], schema: JsonSchema) -> int:
    return sum(count(node) for _, node in _walk(schema))


def _branches(schema: JsonSchema) -> list[tuple[str, JsonSchema]]:
    """The root's fields and the definitions: where to look for what is too large."""
    return [(f"/{step}", sub) for step, sub in parts_of(schema)]


def _over(what: str, most: int, actual: int, language: str, at: str, hint: str) -> SchemaLimitError:
    where = f" Most of it is in {at}." if at else ""
    return SchemaLimitError(
        f"The schema has {what}, but {language} takes at most {most}.{where}",
        limit=most,
        actual=actual,
        path=at,
        hint=hint,
    )
