"""The forms that a compiled schema allows, and whether two of them can be told apart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from structgen.schema.compile.keywords import SCALARS, TYPES, listed_values, types_of
from structgen.schema.json import json_type, same_json
from structgen.values import Json, JsonSchema

Defs: TypeAlias = Mapping[str, JsonSchema]
_ANNOTATIONS: Final = ("title", "description", "examples")


def nullable(schema: JsonSchema, *, mixed_enums: bool) -> JsonSchema:
    """A schema for null and the values of `schema`.

    Args:
        schema: A compiled schema.
        mixed_enums: Whether an enum may have null among its values.
    """
    head: JsonSchema = {key: schema[key] for key in _ANNOTATIONS if key in schema}
    body = {key: value for key, value in schema.items() if key not in head}
    if not body:
        return schema
    types = types_of(body) or ()
    listed = listed_values(body)
    is_apart = listed is not None and not mixed_enums and types != ("null",)
    if "anyOf" in body:
        if {"type": "null"} not in body["anyOf"]:
            # In place, because the codec of a union holds this very list.
            body["anyOf"].append({"type": "null"})
    elif types and all(t in SCALARS for t in types) and not is_apart:
        if "null" not in types:
            body["type"] = [*types, "null"]
        if listed is not None and None not in listed:
            body.pop("const", None)
            body["enum"] = [*listed, None]
    else:
        body = {"anyOf": [body, {"type": "null"}]}
    return {**head, **body}


def leaves(defs: Defs, schema: JsonSchema) -> Iterator[JsonSchema]:
    """The forms that a compiled schema allows, each definition once.

    Args:
        defs: The compiled definitions.
        schema: The schema whose references and unions are opened.
    """
    seen: set[str] = set()
    todo = [schema]
    while todo:
        node = todo.pop()
        if "$ref" in node:
            name = node["$ref"].rsplit("/", 1)[-1]
            if name not in seen:
                seen.add(name)
                todo.append(defs[name])
        elif "anyOf" in node:
            todo += reversed(node["anyOf"])
        else:
            yield node


def is_finite(defs: Defs, schema: JsonSchema) -> bool:
    """Whether a compiled schema has a finite value. A definition that needs itself has none."""
    ending: set[str] = set()
    open_, before = dict(reversed(list(defs.items()))), -1  # the last ones are the innermost
    while len(open_) != before:
        before = len(open_)
        for name in [*open_]:
            if _ends(open_[name], ending):
                ending.add(name)
                del open_[name]
    return _ends(schema, ending)


def _ends(node: JsonSchema, ending: set[str]) -> bool:
    if "$ref" in node:
        return node["$ref"].rsplit("/", 1)[-1] in ending
    if "anyOf" in node:
        return any(_ends(branch, ending) for branch in node["anyOf"])
    properties = node.get("properties", {})
    needed = [properties[name] for name in node.get("required", ()) if name in properties]
    least = node.get("minItems", 0)
    needed += node.get("prefixItems", [])[:least]
    if least > len(node.get("prefixItems", ())) and isinstance(node.get("items"), dict):
        needed.append(node["items"])
    return all(_ends(part, ending) for part in needed)


def types(form: JsonSchema) -> set[str]:
    """The JSON types a form allows."""
    declared = form.get("type", TYPES)
    found = {declared} if isinstance(declared, str) else set(declared)
    return found | {"integer"} if "number" in found else found


def overlap(a: JsonSchema, b: JsonSchema, defs: Defs) -> bool:
    """Whether a value might have both forms."""
    common = types(a) & types(b)
    if not common:
        return False
    one, two = listed_values(a), listed_values(b)
    if one is not None and two is not None:
        return any(same_json(x, y) for x in one for y in two)
    if common != {"object"}:
        return True
    mine, theirs = _tags(a, defs), _tags(b, defs)
    for name in mine.keys() & theirs.keys():
        if not any(same_json(x, y) for x in mine[name] for y in theirs[name]):
            return False
    return not (_requires_unknown(a, b) or _requires_unknown(b, a))


def distinct(objects: list[JsonSchema], defs: Defs) -> bool:
    """Whether objects follow Groq's rule: they differ in one constant, or in their keys."""
    if len(objects) < 2:
        return True
    tags = [
        {name: values[0] for name, values in _tags(form, defs).items() if len(values) == 1}
        for form in objects
    ]
    shared = [name for name in tags[0] if all(name in other for other in tags)]
    if shared:
        values = [tag[shared[0]] for tag in tags]
        return len(shared) == 1 and not any(
            same_json(x, y) for i, x in enumerate(values) for y in values[:i]
        )
    return not any(
        name in other.get("properties", {})
        for i, form in enumerate(objects)
        for j, other in enumerate(objects)
        if i != j
        for name in form.get("required", ())
    )


def fits(defs: Defs, schema: JsonSchema) -> Callable[[Json], bool]:
    """A quick test for an answer's form, as exact as telling options apart requires."""
    tests = [_test(form, defs) for form in leaves(defs, schema)]
    return lambda value: any(test(value) for test in tests)


def _requires_unknown(a: JsonSchema, b: JsonSchema) -> bool:
    """Whether `a` requires a member that `b`, which is closed, cannot have."""
    return _is_closed(b) and any(
        name not in b.get("properties", {}) for name in a.get("required", ())
    )


def _is_closed(form: JsonSchema) -> bool:
    """Whether an object has no members but those in `properties`."""
    return form.get("additionalProperties") is False and not form.get("patternProperties")


def _tags(form: JsonSchema, defs: Defs) -> dict[str, list[Any]]:
    """The required members of an object that have listed values only."""
    found = {}
    for name in form.get("required", ()):
        values = [
            listed_values(leaf) for leaf in leaves(defs, form.get("properties", {}).get(name, {}))
        ]
        if len(values) == 1 and values[0] is not None:
            found[name] = values[0]
    return found


def _test(form: JsonSchema, defs: Defs) -> Callable[[Json], bool]:
    allowed, listed, tags = types(form), listed_values(form), _tags(form, defs)
    required = set(form.get("required", ()))
    known = set(form.get("properties", {})) if _is_closed(form) else None

    def test(value: Json) -> bool:
        if json_type(value) not in allowed:
            return False
        if listed is not None:
            return any(same_json(value, x) for x in listed)
        if not isinstance(value, dict):
            return True
        keys = value.keys()
        if not required <= keys or (known is not None and not keys <= known):
            return False
        return all(any(same_json(value[name], x) for x in values) for name, values in tags.items())

    return test
