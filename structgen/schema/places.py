"""The places of a schema that a path of the user's names: a JSON Pointer with `*` for any step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from structgen.errors import ConfigurationError
from structgen.options import did_you_mean
from structgen.schema.json import escape, resolve, unescape
from structgen.values import JsonSchema

_ANYTHING: Final[JsonSchema] = {}
_MOST_LISTED: Final = 2_000
"""Paths that are compared with one that leads nowhere: unions and references may multiply."""


def nodes_at(root: JsonSchema, path: str, argument: str) -> list[JsonSchema]:
    """Give the schemas of a place, those of its options one by one.

    Args:
        root: The schema of the whole.
        path: A JSON Pointer with `*` for any key or index; "" is the root.
        argument: The argument that names the place, for the error.

    Raises:
        ConfigurationError: If there is no such place.
    """
    nodes = find_nodes(root, path)
    if not nodes:
        raise no_such_place(root, path, argument)
    return nodes


def find_nodes(root: JsonSchema, path: str) -> list[JsonSchema]:
    """Give the schemas of a place as `nodes_at` does; none if there is no such place.

    Args:
        root: The schema of the whole.
        path: A JSON Pointer with `*` for any key or index; "" is the root.
    """
    nodes = list(options_of(root, root))
    steps = path.split("/")
    for step in steps[1:]:
        name = unescape(step)
        nodes = [
            option
            for node in nodes
            for inner in _inner(node, name)
            for option in options_of(root, inner)
        ]
    return [] if steps[0] else nodes


def no_such_place(root: JsonSchema, path: str, argument: str) -> ConfigurationError:
    """Make the error for a path that leads nowhere.

    Args:
        root: The schema of the whole.
        path: The path.
        argument: The argument that names it.
    """
    return ConfigurationError(
        f"The target has no place {path!r}, which `{argument}` names.",
        hint=f"{did_you_mean([path], paths_in(root))}Give a JSON Pointer such as "
        '"/people/*/name", with * for any key or index.',
    )


def paths_in(root: JsonSchema) -> list[str]:
    """List the fields of a schema, each once: JSON Pointers with `*` for keys and indices.

    Args:
        root: The schema of the whole. What a definition has of itself is left out.
    """
    found: dict[str, None] = {}
    todo: list[tuple[str, Any, frozenset[str]]] = [("", root, frozenset({"#"}))]
    while todo and len(found) < _MOST_LISTED:
        at, node, above = todo.pop(0)
        if not isinstance(node, dict):
            continue
        if isinstance(ref := node.get("$ref"), str) and ref not in above:
            todo.append((at, resolve(root, ref), above | {ref}))
        for keyword in ("anyOf", "oneOf", "allOf"):
            todo += [(at, option, above) for option in node.get(keyword, ())]
        for name, inner in node.get("properties", {}).items():
            path = f"{at}/{escape(name)}"
            found.setdefault(path)
            todo.append((path, inner, above))
        inside = [*node.get("prefixItems", ()), node.get("items"), node.get("additionalProperties")]
        todo += [(f"{at}/*", inner, above) for inner in inside]
    return list(found)


def options_of(root: JsonSchema, node: Any) -> Iterator[JsonSchema]:
    """Give a schema without references, and each of its options.

    Args:
        root: The schema of the whole.
        node: The schema.
    """
    seen: set[str] = set()
    while isinstance(node, dict) and isinstance(ref := node.get("$ref"), str):
        if ref in seen:
            return
        seen.add(ref)
        node = resolve(root, ref)
    if node is True:
        yield _ANYTHING
    if not isinstance(node, dict):
        return
    inner = [*node.get("anyOf", ()), *node.get("oneOf", ()), *node.get("allOf", ())]
    if not inner or "properties" in node or "items" in node:
        yield node
    for option in inner:
        yield from options_of(root, option)


def _inner(node: JsonSchema, step: str) -> Iterator[Any]:
    """The schemas that one step of a pointer leads to."""
    if step == "*":
        yield from node.get("properties", {}).values()
    if step == "*" or step.isdecimal():
        yield from node.get("prefixItems", ())
        yield from (node["items"],) if "items" in node else ()
    yield from members_named(node, step)


def members_named(node: JsonSchema, name: str) -> Iterator[Any]:
    """Give the schemas of a member of a record or a map.

    Args:
        node: The schema of the record.
        name: The name of the member.
    """
    fields = node.get("properties", {})
    if name in fields:
        yield fields[name]
        return
    others = node.get("additionalProperties", not fields)
    types = types_named(node)
    if others is not False and (not types or "object" in types):
        yield others
    yield from node.get("patternProperties", {}).values()


def types_named(node: JsonSchema) -> frozenset[str]:
    """Give the types that a schema names, null aside.

    Args:
        node: The schema.
    """
    kinds = node.get("type", ())
    listed = {kinds} if isinstance(kinds, str) else set(kinds)
    return frozenset(listed - {"null"})
