"""Check that policies and keys name places that the target has, before anything is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from structgen.documents.policies import Policy
from structgen.errors import ConfigurationError
from structgen.schema.json import short
from structgen.schema.places import members_named, nodes_at, options_of, types_named
from structgen.values import JsonSchema, kind_of_value

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
_KEYS: Final = 'Give lists of the names of members, such as keys={"/people": ["name"]}.'


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
        nodes = nodes_at(root, path, "policies")
        wanted = _TYPES.get(policy) if isinstance(policy, str) else None
        types = {kind for node in nodes for kind in types_named(node)}
        if wanted and types and not types & wanted:
            raise ConfigurationError(
                f"The policy {policy!r} is not for {path!r}, which is of the type "
                f"{' or '.join(sorted(types))}.",
                hint=f"It is for {' and '.join(sorted(wanted))}.",
            )
    if not isinstance(keys, Mapping):
        raise ConfigurationError(f"`keys` is {kind_of_value(keys)}.", hint=_KEYS)
    for path, names in keys.items():
        _check_keys(root, path, names)


def _check_keys(root: JsonSchema, path: str, names: Sequence[str]) -> None:
    if isinstance(names, str) or not names:
        raise ConfigurationError(
            f"The keys of {path!r} are {names!r}.",
            hint=_KEYS,
        )
    nodes = nodes_at(root, path, "keys")
    lists = [node for node in nodes if "items" in node or not types_named(node)]
    if not lists:
        raise ConfigurationError(
            f"{path!r} is no list, so its items have no keys.",
            hint="Give the JSON Pointer of a list.",
        )
    items = [one for node in lists for one in options_of(root, node.get("items", _ANYTHING))]
    for name in names:
        if not any(list(members_named(item, name)) for item in items):
            known = sorted({field for item in items for field in item.get("properties", ())})
            raise ConfigurationError(
                f"The items of {path!r} have no member {name!r}.",
                hint=f"They have {short(known)}." if known else "They are no records.",
            )
