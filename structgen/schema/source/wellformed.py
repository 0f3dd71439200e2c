"""What a JSON Schema document must be: plain data of a bounded size, keywords of the right
shape, references that end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf
from typing import Any, Final

from structgen.errors import SchemaError, SchemaLimitError
from structgen.schema.json import pointer
from structgen.schema.validate.pattern_tree import parse
from structgen.schema.verbatim import BY, VERBATIM
from structgen.values import JsonSchema

MAX_DEPTH: Final = 200
MAX_NODES: Final = 300_000
_IN_PLACE: Final = (
    "allOf",
    "anyOf",
    "oneOf",
    "not",
    "if",
    "then",
    "else",
    "dependentSchemas",
    "$ref",
)
"""Keywords whose subschemas look at the same value: a circle of these never ends."""

_TYPES: Final = frozenset({"null", "boolean", "object", "array", "number", "string", "integer"})


def _is_count(value: Any) -> bool:
    return (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and value >= 0
        and value == int(value)
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _is_type(value: Any) -> bool:
    return (
        (value in _TYPES)
        if isinstance(value, str)
        else _is_names(value) and _TYPES.issuperset(value)
    )


_SHAPES: Final[tuple[tuple[tuple[str, ...], Callable[[Any], bool], str], ...]] = (
    (
        ("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"),
        _is_count,
        "a whole number from 0",
    ),
    (("minContains", "maxContains"), _is_count, "a whole number from 0"),
    (("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"), _is_number, "a number"),
    (("multipleOf",), lambda v: _is_number(v) and v > 0, "a number above 0"),
    (("type",), _is_type, f"one or several of {', '.join(sorted(_TYPES))}"),
    (("required",), _is_names, "a list of names"),
    (("enum",), lambda v: isinstance(v, list), "a list"),
    (
        ("dependentRequired",),
        lambda v: isinstance(v, dict) and all(map(_is_names, v.values())),
        "lists of names",
    ),
    (("uniqueItems",), lambda v: isinstance(v, bool), "true or false"),
    ((VERBATIM,), lambda v: v in BY, " or ".join(BY)),
    (("title", "description", "format"), lambda v: isinstance(v, str), "a text"),
)
_SHAPE_OF: Final = {key: (test, words) for keys, test, words in _SHAPES for key in keys}


def require_bounded(document: Any) -> None:
    """The document is JSON, no deeper than MAX_DEPTH and no larger than MAX_NODES values."""
    stack: list[tuple[Any, int, str]] = [(document, 0, "")]
    count = 0
    while stack:
        node, depth, path = stack.pop()
        count += 1
        if depth > MAX_DEPTH:
            raise SchemaLimitError(
                "The schema is nested too deeply.",
                limit=MAX_DEPTH,
                actual=depth,
                path=path,
                hint="Use $defs.",
            )
        if count > MAX_NODES:
            raise SchemaLimitError(
                "The schema is too large.",
                limit=MAX_NODES,
                actual=count,
                hint="Split it into several targets.",
            )
        if isinstance(node, dict):
            if not all(isinstance(key, str) for key in node):
                raise SchemaError("A member's name is no text.", path=path)
            stack += [
                (inner, depth + 1, path if depth > 8 else path + pointer([key]))
                for key, inner in node.items()
            ]
        elif isinstance(node, list):
            stack += [(inner, depth + 1, path) for inner in node]
        elif node is not None and (
            not isinstance(node, str | int | float) or node != node or node in (inf, -inf)
        ):
            raise SchemaError(
                f"A {type(node).__name__} is no JSON value.",
                path=path,
                hint="A JSON Schema holds plain JSON data.",
            )


def require_end(schema: JsonSchema) -> None:
    """No reference leads back to itself without going into the value."""
    definitions = {f"#/$defs/{name}": inner for name, inner in schema.get("$defs", {}).items()} | {
        "#": schema
    }
    reached = {name: sorted(set(_in_place(inner))) for name, inner in definitions.items()}
    state: dict[str, int] = {}
    for start in reached:
        stack = [(start, iter(reached[start]))] if start not in state else []
        state.setdefault(start, 1)
        while stack:
            name, rest = stack[-1]
            following = next(rest, None)
            if following is None:
                state[name] = 2
                stack.pop()
            elif state.get(following) == 1:
                raise SchemaError(
                    f"The reference to {following!r} leads back to itself without going into the value.",
                    path=following[1:],
                    keyword="$ref",
                    hint="A recursive schema must step into a property or an item on its way.",
                )
            elif following not in state:
                state[following] = 1
                stack.append((following, iter(reached[following])))


def _in_place(node: Any) -> Iterator[str]:
    """The references that look at the same value as `node` itself."""
    if not isinstance(node, dict):
        return
    for key in _IN_PLACE:
        value = node.get(key)
        if key == "$ref" and isinstance(value, str):
            yield value
        elif key != "$ref":
            inner = (
                value
                if isinstance(value, list)
                else value.values()
                if key == "dependentSchemas" and value
                else [value]
            )
            for child in inner:
                yield from _in_place(child)


def require_shape(key: str, value: Any, path: str) -> None:
    """The value of a keyword is of the kind that it takes. Exclusive bounds may be true or
    false, as in draft 4."""
    if key == "pattern":
        require_pattern(key, value, path)
    test, words = _SHAPE_OF.get(key, (None, ""))
    boolean_bound = key in ("exclusiveMinimum", "exclusiveMaximum") and isinstance(value, bool)
    if test and not boolean_bound and not test(value):
        raise SchemaError(f"{key} is {str(value)[:40]!r}, and not {words}.", path=path, keyword=key)


def require_pattern(key: str, pattern: Any, path: str) -> None:
    try:
        parse(str(pattern))
    except SchemaError as error:
        raise SchemaError(error.message, path=path, keyword=key, hint=error.hint) from None
