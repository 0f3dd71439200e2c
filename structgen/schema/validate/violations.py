"""Faults of an answer, in lines that a model can act on: place, found value, wanted value.

They are made from jsonschema's errors against the target's schema. For a union, only
the branch that the value comes closest to is reported.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final

from jsonschema import ValidationError

from structgen.schema.json import pointer, resolve, short
from structgen.schema.validate import text_forms
from structgen.values import JsonSchema, Violation


def violations_of(
    errors: Iterable[ValidationError], root: JsonSchema, most: int
) -> tuple[Violation, ...]:
    """The first violations that jsonschema's errors report, in the order of the value.

    Args:
        errors: What jsonschema found.
        root: The whole schema, in which references are resolved.
        most: How many to report.
    """
    found: dict[tuple[str, str], Violation] = {}
    for error in errors:
        for violation in _violations(error, root):
            found.setdefault((violation.path, violation.schema_path), violation)
        if len(found) >= most:
            break
    return tuple(found.values())[:most]


# ---- unions --------------------------------------------------------------------------


def _of_union(error: ValidationError, root: JsonSchema) -> Iterator[Violation]:
    """The faults of the closest branch; or the choice itself, if the value fits none."""
    branches = _branches(error)
    tags = [fault for branch in branches for fault in branch if _is_tag(fault)]
    names = {fault.relative_path[0] for fault in tags}
    if len(branches) > 1 and len(names) == 1 and len(tags) == len(branches):
        allowed: list[Any] = []
        for tag in tags:
            value: Any = tag.validator_value
            allowed += value if tag.validator == "enum" else [value]
        yield Violation(
            pointer(tags[0].absolute_path),
            schema_pointer(error.absolute_schema_path, root),
            short(tags[0].instance),
            _WORDS["enum"](allowed),
        )
    elif not branches or all(map(_is_of_another_kind, branches)):
        yield from _of_keyword(error, root)
    else:
        for inner in min(branches, key=_distance):
            yield from _violations(inner, root)


def _is_tag(error: ValidationError) -> bool:
    """Whether a member of the value itself is not the constant that it must be."""
    return error.validator in ("const", "enum") and len(error.relative_path) == 1


def _branches(error: ValidationError) -> list[list[ValidationError]]:
    branches: dict[Any, list[ValidationError]] = {}
    for inner in error.context or ():
        branches.setdefault(next(iter(inner.schema_path), None), []).append(inner)
    return list(branches.values())


def _is_of_another_kind(branch: Sequence[ValidationError]) -> bool:
    """Whether a branch fails at the value itself, by its type or its constant."""
    return any(
        not error.relative_path and error.validator in ("type", "const", "enum") for error in branch
    )


def _distance(branch: Sequence[ValidationError]) -> tuple[bool, int, int, int]:
    """How far a value is from a branch: by type, tag, shape, and number of faults."""
    own = [error.validator for error in branch if not error.relative_path]
    shape = own.count("required") + own.count("additionalProperties")
    return _is_of_another_kind(branch), sum(map(_is_tag, branch)), shape, len(branch)


# ---- one error -----------------------------------------------------------------------


def _violations(error: ValidationError, root: JsonSchema) -> Iterator[Violation]:
    is_union = error.validator in ("anyOf", "oneOf")
    yield from (_of_union if is_union else _of_keyword)(error, root)


def _of_keyword(error: ValidationError, root: JsonSchema) -> Iterator[Violation]:
    path, where = list(error.absolute_path), schema_pointer(error.absolute_schema_path, root)
    value: Any = error.validator_value
    schema: Any = error.schema
    instance: Any = error.instance
    if error.validator == "required":
        for name in value:
            if name not in instance:
                inner = schema.get("properties", {}).get(name, True)
                wanted = f"{_wanted(inner, root)} (a required member)"
                yield Violation(pointer([*path, name]), where, "nothing", wanted)
    elif error.validator == "dependentRequired":
        needed = [(name, other) for other in value if other in instance for name in value[other]]
        for name, other in needed:
            if name not in instance:
                wanted = f"a member (required with {short(other)})"
                yield Violation(pointer([*path, name]), where, "nothing", wanted)
    elif error.validator == "oneOf" and not error.context:
        wanted = "a value that matches only one of the options"
        yield Violation(pointer(path), where, short(instance), wanted)
    else:
        words = _WORDS.get(str(error.validator))
        wanted = words(value) if words else _wanted(schema, root)
        yield Violation(pointer(path), where, short(instance), wanted)


def schema_pointer(parts: Iterable[str | int], root: JsonSchema) -> str:
    """The pointer into the schema for a path of jsonschema's, which leaves out references.

    Args:
        parts: jsonschema's `absolute_schema_path`.
        root: The whole schema.
    """
    node: Any = root
    path: list[str | int] = []
    for part in parts:
        while isinstance(node, dict) and part not in node and "$ref" in node:
            path = [*node["$ref"].split("/")[1:]]
            node = resolve(root, node["$ref"])
        path.append(part)
        if isinstance(node, list):
            is_inside = isinstance(part, int) and part < len(node)
        else:
            is_inside = isinstance(node, dict) and part in node
        node = node[part] if is_inside else None
    return pointer(path)


def _listed(values: Sequence[Any], most: int = 12) -> str:
    text = ", ".join(short(value) for value in values[:most])
    return f"{text} or {len(values) - most} more" if len(values) > most else text


_NOUNS: Final = {
    "object": "an object",
    "array": "an array",
    "string": "a string",
    "number": "a number",
    "integer": "an integer",
    "boolean": "true or false",
    "null": "null",
}
_ARTICLES: Final = {
    "date": f"a date ({text_forms.FORMATS_IN_WORDS['date']})",
    "time": f"a time ({text_forms.FORMATS_IN_WORDS['time']})",
    "date-time": f"a date and time ({text_forms.FORMATS_IN_WORDS['date-time']})",
    "duration": f"a duration ({text_forms.FORMATS_IN_WORDS['duration']})",
    "email": "an e-mail address",
    "uri": "a URI",
    "uuid": "a UUID",
    "ipv4": "an IPv4 address",
    "ipv6": "an IPv6 address",
}


def _types(value: str | Sequence[str]) -> str:
    return _NOUNS[value] if isinstance(value, str) else " or ".join(_NOUNS[name] for name in value)


_WORDS: Final[dict[str, Callable[[Any], str]]] = {
    "type": _types,
    "const": short,
    "enum": lambda value: f"one of {_listed(value)}" if len(value) > 1 else _listed(value),
    "minLength": lambda value: f"at least {value} characters",
    "maxLength": lambda value: f"at most {value} characters",
    "pattern": lambda value: text_forms.in_words(value) or f"text that matches {short(value)}",
    "format": lambda value: _ARTICLES.get(value, f"a {value}"),
    "minimum": lambda value: f"at least {value}",
    "maximum": lambda value: f"at most {value}",
    "exclusiveMinimum": lambda value: f"more than {value}",
    "exclusiveMaximum": lambda value: f"less than {value}",
    "multipleOf": lambda value: f"a multiple of {value}",
    "minItems": lambda value: f"at least {value} items",
    "maxItems": lambda value: f"at most {value} items",
    "uniqueItems": lambda value: "items that are all different",
    "minProperties": lambda value: f"at least {value} members",
    "maxProperties": lambda value: f"at most {value} members",
    "additionalProperties": lambda value: "no such member",
    "unevaluatedProperties": lambda value: "no such member",
    "items": lambda value: "no further items",
    "unevaluatedItems": lambda value: "no further items",
    "not": lambda value: f"anything that is not {short(value)}",
    "contains": lambda value: f"an item that is {short(value)}",
}


def _wanted(schema: Any, root: JsonSchema, depth: int = 0) -> str:
    """A schema in a few words."""
    if not isinstance(schema, dict):
        return "any value" if schema is True else "nothing here"
    for keyword in ("const", "enum"):
        if keyword in schema:
            return _WORDS[keyword](schema[keyword])
    for keyword in ("anyOf", "oneOf"):
        if keyword in schema and depth < 3:
            choices = dict.fromkeys(_wanted(choice, root, depth + 1) for choice in schema[keyword])
            text = " or ".join(list(choices)[:8])
            return f"just one of: {text}" if keyword == "oneOf" and len(choices) > 1 else text
    if "$ref" in schema and depth < 3:
        return _wanted(resolve(root, schema["$ref"]), root, depth + 1)
    noun = _types(schema["type"]) if "type" in schema else "a value"
    if schema.get("type") == "string" and "format" in schema:
        noun = f"{_WORDS['format'](schema['format'])} as a string"
    title = schema.get("title")
    if schema.get("type") == "object" and isinstance(title, str):
        return f"{noun} ({title[:40]})"
    return noun
