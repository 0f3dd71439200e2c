"""Check that policies and keys name places that the target has, before anything is asked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from structgen.documents.policies import Policy
from structgen.errors import ConfigurationError
from structgen.schema.json import resolve, short, unescape
from structgen.values import JsonSchema

_TYPES: Final[Mapping[str, frozenset[str]]] = {
    "any": frozenset({"boolean"}),
    "all": frozenset({"boolean"}),
    "sum": frozenset({"number", "integer"}),
    "min": frozenset({"number", "integer"}),
    "max": frozenset({"number", "integer"}),
    "concat": frozenset({"array", "string"}),
    "union": frozenset({"array"}),
}
"""The JSON types that a policy is for; those that choose one of the values are for all."""
_ANYTHING: Final[JsonSchema] = {}


def check_places(
    root: JsonSchema, policies: Mapping[str, Policy], keys: Mapping[str, Sequence[str]]
) -> None:
    """Check where policies and keys are to hold.

    Args:
        root: The schema of the whole document.
        policies: What becomes of several values, by JSON Pointer with `*` for any key or index.
        keys: The members that tell the items of a list apart, by the list's pointer, as above.

    Raises:
        ConfigurationError: If the target has no such place, a policy is not for its type, or the
            items of a list have no such member.
    """
    for path, policy in policies.items():
        nodes = _nodes_at(root, path, "policies")
        wanted = _TYPES.get(policy) if isinstance(policy, str) else None
        types = {kind for node in nodes for kind in _types_of(node)}
        if wanted and types and not types & wanted:
            raise ConfigurationError(
                f"The policy {policy!r} is not for {path!r}, which is of the type "
                f"{' or '.join(sorted(types))}.",
                hint=f"It is for {' and '.join(sorted(wanted))}.",
            )
    for path, names in keys.items():
        _check_keys(root, path, names)


def _check_keys(root: JsonSchema, path: str, names: Sequence[str]) -> None:
    if isinstance(names, str) or not names:
        raise ConfigurationError(
            f"The keys of {path!r} are {names!r}.",
            hint='Give a list of the names of members, such as keys={"/people": ["name"]}.',
        )
    nodes = _nodes_at(root, path, "keys")
    lists = [node for node in nodes if "items" in node or not _types_of(node)]
    if not lists:
        raise ConfigurationError(
            f"{path!r} is no list, so its items have no keys.",
            hint="Give the JSON Pointer of a list.",
        )
    items = [one for node in lists for one in _options(root, node.get("items", _ANYTHING))]
    for name in names:
        if not any(list(_members(item, name)) for item in items):
            known = sorted({field for item in items for field in item.get("properties", ())})
            raise ConfigurationError(
                f"The items of {path!r} have no member {name!r}.",
                hint=f"They have {short(known)}." if known else "They are no records.",
            )


def _nodes_at(root: JsonSchema, path: str, argument: str) -> list[JsonSchema]:
    """The schemas of a place. Raises ConfigurationError if there is none."""
    nodes = list(_options(root, root))
    steps = path.split("/")
    for step in steps[1:]:
        name = unescape(step)
        nodes = [
            option
            for node in nodes
            for inner in _inner(node, name)
            for option in _options(root, inner)
        ]
    if steps[0] or not nodes:
        raise ConfigurationError(
            f"The target has no place {path!r}, which `{argument}` names.",
            hint='Give a JSON Pointer such as "/people/*/name", with * for any key or index.',
        )
    return nodes


def _options(root: JsonSchema, node: Any) -> Iterator[JsonSchema]:
    """A schema without references, and each of its options."""
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
        yield from _options(root, option)


def _inner(node: JsonSchema, step: str) -> Iterator[Any]:
    """The schemas that one step of a pointer leads to."""
    if step == "*":
        yield from node.get("properties", {}).values()
    if step == "*" or step.isdecimal():
        yield from node.get("prefixItems", ())
        yield from (node["items"],) if "items" in node else ()
    yield from _members(node, step)


def _members(node: JsonSchema, name: str) -> Iterator[Any]:
    """The schemas of a member of a record or a map."""
    fields = node.get("properties", {})
    if name in fields:
        yield fields[name]
        return
    others = node.get("additionalProperties", not fields)
    types = _types_of(node)
    if others is not False and (not types or "object" in types):
        yield others
    yield from node.get("patternProperties", {}).values()


def _types_of(node: JsonSchema) -> frozenset[str]:
    """The types that a schema names, null aside."""
    kinds = node.get("type", ())
    listed = {kinds} if isinstance(kinds, str) else set(kinds)
    return frozenset(listed - {"null"})
