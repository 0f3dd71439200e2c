"""Checks of a JSON Schema document: it is bounded, well-formed, and its references end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import inf
from typing import Any, Final

from structgen.errors import SchemaError, SchemaLimitError
from structgen.schema.inside import DUPLICATES
from structgen.schema.json import pointer, to_text
from structgen.schema.validate.pattern_reader import parse
from structgen.schema.verbatim import BY, INFERRED, VERBATIM
from structgen.values import JsonSchema, kind_of_value

MAX_DEPTH: Final = 200
"""The deepest nesting of a document."""
MAX_NODES: Final = 300_000
"""The most values that a document may have."""
_MAX_POINTER_DEPTH: Final = 8
"""How deep an error still names the place; longer pointers would make a large document
slow."""
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
    return _is_number(value) and value >= 0 and value == int(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_positive(value: Any) -> bool:
    return _is_number(value) and value > 0


def _is_names(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(name, str) for name in value)


def _is_table_of_names(value: Any) -> bool:
    return isinstance(value, dict) and all(map(_is_names, value.values()))


def _is_type(value: Any) -> bool:
    if isinstance(value, str):
        return value in _TYPES
    return _is_names(value) and bool(value) and _TYPES.issuperset(value)


def _is_list(value: Any) -> bool:
    return isinstance(value, list)


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


COUNTS: Final = (
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
    "minContains",
    "maxContains",
)
_BOUNDS: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_SHAPES: Final[tuple[tuple[tuple[str, ...], Callable[[Any], bool], str], ...]] = (
    (COUNTS, _is_count, "a whole number of at least 0"),
    (_BOUNDS, _is_number, "a number"),
    (("multipleOf",), _is_positive, "a number above 0"),
    (("type",), _is_type, f"one of {', '.join(sorted(_TYPES))}, or a list of them"),
    (("required",), _is_names, "a list of names"),
    (("enum",), _is_list, "a list"),
    (("dependentRequired",), _is_table_of_names, "an object of lists of names"),
    (("uniqueItems", DUPLICATES, INFERRED), lambda value: isinstance(value, bool), "true or false"),
    ((VERBATIM,), lambda value: value in BY, " or ".join(BY)),
    (("title", "description", "format", "pattern"), _is_text, "a string"),
    (("allOf", "anyOf", "oneOf", "prefixItems"), _is_list, "a list of schemas"),
)
"""Keywords, the test of their values, and what a value must be."""
_SHAPE_OF: Final = {key: (test, words) for keys, test, words in _SHAPES for key in keys}


def require_bounded(document: Any) -> None:
    """Check that a document is JSON data of bounded size.

    Args:
        document: The document.

    Raises:
        SchemaLimitError: If it is deeper than MAX_DEPTH or has more than MAX_NODES
            values.
        SchemaError: If it holds anything but JSON data.
    """
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
                hint="Move parts into `$defs`.",
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
                raise SchemaError(
                    "The schema has a member whose name is not a string.",
                    path=path,
                    hint="In JSON every name is a string.",
                )
            for key, inner in node.items():
                place = path + pointer([key]) if depth <= _MAX_POINTER_DEPTH else path
                stack.append((inner, depth + 1, place))
        elif isinstance(node, list):
            stack += [(inner, depth + 1, path) for inner in node]
        elif not _is_scalar(node):
            raise SchemaError(
                f"The schema holds {kind_of_value(node)} that JSON cannot represent.",
                path=path,
                hint="Use plain JSON data: null, booleans, finite numbers, strings, lists, dicts.",
            )


def _is_scalar(node: Any) -> bool:
    if isinstance(node, float):
        return node == node and node not in (inf, -inf)
    return node is None or isinstance(node, str | int)


def require_characters(schema: Any) -> None:
    """Check that every text of a schema can be sent.

    Args:
        schema: The schema, as plain JSON data.

    Raises:
        SchemaError: If it has half of a surrogate pair, which is not a character.
    """
    try:
        to_text(schema).encode()
    except UnicodeEncodeError as error:
        raise SchemaError(
            "The schema has half of a surrogate pair, which is not a character: "
            f"{error.object[error.start]!a}.",
            hint="Remove it from names, descriptions, values and patterns.",
        ) from None


def require_end(schema: JsonSchema) -> None:
    """Check that no reference leads back to itself without a step into the value.

    Args:
        schema: A schema whose references are "#" or "#/$defs/NAME".

    Raises:
        SchemaError: If one does.
    """
    definitions = {f"#/$defs/{name}": inner for name, inner in schema.get("$defs", {}).items()}
    definitions["#"] = schema
    reached = {name: sorted(set(_in_place(inner))) for name, inner in definitions.items()}
    open_, closed = set[str](), set[str]()
    for start in reached:
        if start in closed:
            continue
        stack = [(start, iter(reached[start]))]
        open_.add(start)
        while stack:
            name, rest = stack[-1]
            following = next(rest, None)
            if following is None:
                open_.remove(name)
                closed.add(name)
                stack.pop()
            elif following in open_:
                raise SchemaError(
                    f"The reference to {following!r} leads back to itself "
                    "without a step into the value.",
                    path=following[1:],
                    keyword="$ref",
                    hint="Let a recursive schema refer to itself in a property or an item.",
                )
            elif following not in closed:
                open_.add(following)
                stack.append((following, iter(reached[following])))


def _in_place(node: Any) -> Iterator[str]:
    """The references that look at the same value as `node` itself."""
    if not isinstance(node, dict):
        return
    for key in _IN_PLACE:
        value = node.get(key)
        if key == "$ref":
            if isinstance(value, str):
                yield value
            continue
        if key == "dependentSchemas" and value:
            value = [*value.values()]
        for child in value if isinstance(value, list) else [value]:
            yield from _in_place(child)


def require_shape(key: str, value: Any, path: str) -> None:
    """Check that the value of a keyword is of the kind that it takes.

    Args:
        key: The keyword; unknown ones take any value.
        value: Its value. Exclusive bounds may be true or false, as in draft 4.
        path: Where the schema is, for the error.

    Raises:
        SchemaError: If the value is of another kind.
    """
    test, words = _SHAPE_OF.get(key, (None, ""))
    is_draft_4 = key in ("exclusiveMinimum", "exclusiveMaximum") and isinstance(value, bool)
    if test and not is_draft_4 and not test(value):
        shown = repr(str(value)[:40])
        raise SchemaError(f"{key} must be {words}, not {shown}.", path=path, keyword=key)
    if key == "pattern":
        require_pattern(key, value, path)


def require_pattern(key: str, pattern: Any, path: str) -> None:
    """Check that a pattern can be used.

    Args:
        key: The keyword that it belongs to.
        pattern: The pattern.
        path: Where the schema is, for the error.

    Raises:
        SchemaError: If it cannot.
    """
    try:
        parse(str(pattern))
    except SchemaError as error:
        raise SchemaError(error.message, path=path, keyword=key, hint=error.hint) from None
