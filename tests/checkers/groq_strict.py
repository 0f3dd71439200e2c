"""What Groq's Structured Outputs page allows with `strict: true`, as a checker of its own.

Only the keywords that page names are let through, and those that Groq's engineers send
(groq/openbench, pull request 365). Its rule for unions is not documented; it is
known from its error messages ("anyOf disambiguation failed":
`discriminator_multiple_candidates`, overlapping discriminator value,
`keyset_required_overlap`): objects in one union need exactly one shared constant property with
distinct values, or the required keys of each must be strangers to every other. Groq publishes
no limits; OpenAI's stand in for them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.checkers.openai_strict import (
    ANNOTATIONS,
    STRUCTURE,
    check_limits,
    check_name,
    check_nodes,
    check_root,
)
from tests.checkers.walk import follow, nodes, types_of

TAKEN = {
    "pattern",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
}


def violations(schema: Any, name: str) -> list[str]:
    """Every breach of the rules, empty for a schema that Groq takes."""
    found = check_name(name)
    if not isinstance(schema, dict):
        return [*found, "/: the root is no object"]
    return (
        found
        + check_root(schema)
        + check_nodes(schema, STRUCTURE | ANNOTATIONS | TAKEN)
        + check_unions(schema)
        + check_limits(schema)
    )


def check_unions(root: dict[str, Any]) -> list[str]:
    """The undocumented rule for unions of objects."""
    return [
        f"{path or '/'}: {problem}"
        for path, node in nodes(root)
        if isinstance(node, dict) and "anyOf" in node
        for problem in _ambiguous(root, list(_objects(root, node)))
    ]


def _objects(
    root: dict[str, Any], union: dict[str, Any], depth: int = 0
) -> Iterator[dict[str, Any]]:
    """The object variants of a union, those of unions inside it included."""
    for variant in union["anyOf"]:
        target = follow(root, variant)
        if not isinstance(target, dict) or depth > 20:
            continue
        if "anyOf" in target:
            yield from _objects(root, target, depth + 1)
        elif "object" in types_of(target):
            yield target


def _ambiguous(root: dict[str, Any], variants: list[dict[str, Any]]) -> list[str]:
    if len(variants) < 2:
        return []
    tags = [_constants(root, variant) for variant in variants]
    shared = [key for key in tags[0] if all(key in other for other in tags)]
    if len(shared) > 1:
        return [f"discriminator_multiple_candidates: {shared}"]
    if shared:
        values = [repr(other[shared[0]]) for other in tags]
        return [
            f"overlapping discriminator value {value}"
            for value in sorted({v for v in values if values.count(v) > 1})
        ]
    return [
        f"keyset_required_overlap: required key {key!r} is in another variant's properties"
        for i, one in enumerate(variants)
        for j, other in enumerate(variants)
        if i != j
        for key in one.get("required", [])
        if key in other.get("properties", {})
    ]


def _constants(root: dict[str, Any], variant: dict[str, Any]) -> dict[str, Any]:
    """The variant's properties that can have one value only."""
    constants = {}
    for key, sub in variant.get("properties", {}).items():
        target = follow(root, sub)
        if isinstance(target, dict):
            if "const" in target:
                constants[key] = target["const"]
            elif len(target.get("enum", [])) == 1:
                constants[key] = target["enum"][0]
    return constants
