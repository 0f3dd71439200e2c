"""Unions that can be told apart: by an answer's form where that is sure, by a tag where it is not or where the language wants one."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from structgen.schema.codec import KIND, VALUE, Codec, Option, Ref, same_json
from structgen.schema.normalise import json_type
from structgen.types import Json, JsonSchema

if TYPE_CHECKING:
    from structgen.schema.nodes import Alternatives, Builder


def changes(codec: Codec, changed: frozenset[str]) -> bool:
    """Does a codec change any value, given the definitions that do?"""
    if isinstance(codec, Ref):
        return codec.name in changed
    return codec.changes() or any(changes(part, changed) for part in codec.parts())


def changed_definitions(codecs: Mapping[str, Codec]) -> frozenset[str]:
    """The definitions whose codec changes any value: the least set that contains what it must."""
    changed: frozenset[str] = frozenset()
    while True:
        grown = frozenset(name for name, codec in codecs.items() if changes(codec, changed))
        if grown == changed:
            return changed
        changed = grown


def separate(builder: Builder) -> frozenset[str]:
    """Tag what cannot be told apart, and set the options of every union. Gives the definitions that change any value."""
    while True:
        changed = changed_definitions(builder.codecs)
        tagged = [_tag(builder, union, changed) for union in builder.unions]
        if not any(tagged):
            break
    for union in builder.unions:
        codec = union.codec
        codec.options = tuple(
            Option(part, builder.validator(source), _fits(builder.defs, schema), codec.kinds.get(i, ""))
            for i, (part, source, schema) in enumerate(zip(codec.branches, union.sources, codec.schemas, strict=False))
        )
    return changed


def _tag(builder: Builder, union: Alternatives, changed: frozenset[str]) -> bool:
    codec = union.codec
    forms = [list(_leaves(builder.defs, schema)) for schema in codec.schemas[: len(codec.branches)]]
    active = [changes(part, changed) or i in codec.kinds for i, part in enumerate(codec.branches)]
    unclear = {
        k
        for i, one in enumerate(forms)
        for j, two in enumerate(forms[:i])
        if (active[i] or active[j]) and any(_overlap(a, b, builder.defs) for a in one for b in two)
        for k in (i, j)
    }
    if builder.subset.any_of == "tagged":
        objects = [form for leaves in forms for form in leaves if _is(form, "object")]
        if not _distinct(objects, builder.defs):
            unclear |= {i for i, leaves in enumerate(forms) if any(_is(form, "object") for form in leaves)}
    new = sorted(unclear - codec.kinds.keys())
    if not new:
        return False
    for i in new:
        kind = _kind_name(codec.schemas[i], set(codec.kinds.values()))
        codec.kinds[i] = kind
        tag = {"type": "string", "const": kind} if builder.subset.const else {"type": "string", "enum": [kind]}
        codec.schemas[i] = builder.object({KIND: tag, VALUE: codec.schemas[i]})
    builder.note(union.here, "anyOf", "rewritten", f"options are told apart by {KIND!r}: {', '.join(codec.kinds.values())}")
    return True


def _kind_name(schema: JsonSchema, taken: set[str]) -> str:
    ref = schema.get("$ref", "").rsplit("/", 1)[-1]
    base = own = ref or schema.get("title") or (schema["type"] if isinstance(schema.get("type"), str) else "other")
    n = 1
    while own in taken:
        n += 1
        own = f"{base}_{n}"
    return str(own)


# ---- forms ----------------------------------------------------------------------------------------------------------------


def _leaves(defs: Mapping[str, JsonSchema], schema: JsonSchema, seen: frozenset[str] = frozenset()) -> Iterator[JsonSchema]:
    """The forms that a compiled schema allows, with references and unions opened."""
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        if name not in seen:
            yield from _leaves(defs, defs[name], seen | {name})
    elif "anyOf" in schema:
        for branch in schema["anyOf"]:
            yield from _leaves(defs, branch, seen)
    else:
        yield schema


def _types(form: JsonSchema) -> set[str]:
    declared = form.get("type")
    types = set(declared) if isinstance(declared, list) else {declared} if declared else {"null", "boolean", "number", "string"}
    if not declared:
        types |= {"array", "object"}
    return types | {"integer"} if "number" in types else types


def _is(form: JsonSchema, type_: str) -> bool:
    return type_ in _types(form)


def _listed(form: JsonSchema) -> list[Any] | None:
    return [form["const"]] if "const" in form else form.get("enum")


def _overlap(a: JsonSchema, b: JsonSchema, defs: Mapping[str, JsonSchema]) -> bool:
    """Might a value have both forms?"""
    common = _types(a) & _types(b)
    if not common:
        return False
    one, two = _listed(a), _listed(b)
    if one is not None and two is not None:
        return any(same_json(x, y) for x in one for y in two)
    if common != {"object"}:
        return True
    tags = _tags(a, defs), _tags(b, defs)
    if any(not any(same_json(x, y) for x in tags[0][name] for y in tags[1][name]) for name in tags[0].keys() & tags[1].keys()):
        return False
    return not (_strange(a, b) or _strange(b, a))


def _strange(a: JsonSchema, b: JsonSchema) -> bool:
    """Does `a` require a member that `b`, being closed, cannot have?"""
    return b.get("additionalProperties") is False and any(name not in b.get("properties", {}) for name in a.get("required", ()))


def _tags(form: JsonSchema, defs: Mapping[str, JsonSchema]) -> dict[str, list[Any]]:
    """The required members of an object that have listed values only."""
    found = {}
    for name in form.get("required", ()):
        leaves = list(_leaves(defs, form.get("properties", {}).get(name, {})))
        if len(leaves) == 1 and (values := _listed(leaves[0])) is not None:
            found[name] = values
    return found


def _distinct(objects: list[JsonSchema], defs: Mapping[str, JsonSchema]) -> bool:
    """Groq's rule: one shared constant property with distinct values, or required keys that no other variant has."""
    if len(objects) < 2:
        return True
    tags = [{name: values[0] for name, values in _tags(form, defs).items() if len(values) == 1} for form in objects]
    shared = [name for name in tags[0] if all(name in other for other in tags)]
    if shared:
        values = [tag[shared[0]] for tag in tags]
        return len(shared) == 1 and not any(same_json(x, y) for i, x in enumerate(values) for y in values[:i])
    return not any(
        name in other.get("properties", {})
        for i, form in enumerate(objects)
        for j, other in enumerate(objects)
        if i != j
        for name in form.get("required", ())
    )


def _fits(defs: Mapping[str, JsonSchema], schema: JsonSchema) -> Callable[[Json], bool]:
    """A quick test: has an answer this form, as far as it is needed to tell options apart?"""
    tests = [_test(form, defs) for form in _leaves(defs, schema)]
    return lambda value: any(test(value) for test in tests)


def _test(form: JsonSchema, defs: Mapping[str, JsonSchema]) -> Callable[[Json], bool]:
    types, listed, tags = _types(form), _listed(form), _tags(form, defs)
    required = set(form.get("required", ()))
    known = set(form.get("properties", {})) if form.get("additionalProperties") is False else None

    def test(value: Json) -> bool:
        if json_type(value) not in types:
            return False
        if listed is not None:
            return any(same_json(value, x) for x in listed)
        if not isinstance(value, dict):
            return True
        keys = value.keys()
        return (
            required <= keys
            and (known is None or keys <= known)
            and all(any(same_json(value[name], x) for x in values) for name, values in tags.items())
        )

    return test
