"""What a node of a schema may be: references followed, unions flat, null left out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from structgen.schema.json import unescape
from structgen.values import JsonSchema

Node = Mapping[str, Any]

_UNIONS: Final = ("anyOf", "oneOf")


@dataclass(frozen=True, slots=True)
class View:
    """What the schema of a field, or of an item of a list, may be."""

    options: tuple[Any, ...]
    """The schemas that it may be, without null. References to definitions stay references."""
    description: str = ""
    """Its own description, else the one of the definition that it refers to."""
    name: str = ""
    """The name of that definition; "" if it refers to none."""
    key: int | None = None
    """What that definition is known by."""


class Views:
    """The views of the nodes of one schema. Each definition is looked at once."""

    def __init__(self, root: JsonSchema) -> None:
        self._root = root
        self._known: dict[int, View] = {}

    def view(self, node: Any) -> View:
        """Look at a node through its references, and through unions of one option and null."""
        steps: list[tuple[int | None, str]] = []
        reached: int | None = None
        passed = set[int]()
        end = View(())
        while True:
            steps.append((reached, _text(node.get("description")) if _is_node(node) else ""))
            reached = None
            if _is_node(node) and isinstance(ref := node.get("$ref"), str):
                node = self._lookup(ref)
                reached = id(node)
                if reached in self._known:
                    end = self._known[reached]
                    break
                end = View((), "", self._name(ref), reached)
                if reached in passed:
                    break
                passed.add(reached)
                continue
            options = _options_of(node)
            if len(options) != 1 or options[0] is node:
                end = replace(end, options=options)
                break
            node = options[0]
        for definition, description in reversed(steps):
            end = replace(end, description=description or end.description)
            if definition is not None:
                self._known[definition] = end
        return end

    def _lookup(self, ref: str) -> Any:
        node: Any = self._root
        for step in ref.removeprefix("#").split("/")[1:]:
            node = node.get(unescape(step)) if isinstance(node, dict) else None
        return node

    def _name(self, ref: str) -> str:
        if ref != "#":
            return unescape(ref.rpartition("/")[2])
        return _text(self._root.get("title")) or "the whole record"


def _options_of(node: Any) -> tuple[Any, ...]:
    """The options of a union, those of unions inside it included; null is none."""
    found, waiting = [], [node]
    while waiting:
        one = waiting.pop()
        members = members_of(one) if _is_node(one) else []
        if members:
            waiting.extend(reversed(members))
        elif one is not None and not is_null(one):
            found.append(one)
    return tuple(found)


def _is_node(value: Any) -> bool:
    return isinstance(value, dict)


def members_of(node: Node) -> list[Any]:
    """Give the members of a union; [] if the node is none."""
    return [member for word in _UNIONS for member in list_of(node.get(word))]


def is_null(node: Any) -> bool:
    """Whether a schema takes null and nothing else."""
    if not isinstance(node, dict):
        return False
    is_const = "const" in node and node["const"] is None
    return is_const or node.get("type") == "null" or node.get("enum") == [None]


def takes_null(schema: JsonSchema) -> bool:
    """Whether null is a value anywhere in a schema."""
    return any(_names_null(node) for node in _nodes(schema))


def has_optional(schema: JsonSchema) -> bool:
    """Whether a record of a schema may leave out properties."""
    return any(
        properties_of(node).keys() - set(map(str, list_of(node.get("required"))))
        for node in _nodes(schema)
    )


def properties_of(node: Node) -> Mapping[str, Any]:
    """Give the properties of an object; none if they are not declared."""
    properties = node.get("properties")
    return properties if isinstance(properties, dict) else {}


def values_of_map(node: Node) -> Any:
    """Give the schema of the values of a map; None if the node is none."""
    inner = node.get("additionalProperties")
    return inner if isinstance(inner, dict) and not properties_of(node) else None


def items_of(node: Node) -> list[Any]:
    """Give the schemas of the items of a list; [] if it has none."""
    items = node.get("items")
    return [*list_of(node.get("prefixItems")), *([items] if isinstance(items, dict) else [])]


def list_of(value: Any) -> list[Any]:
    """Give a keyword's list; [] if it is something else."""
    return value if isinstance(value, list) else []


def _names_null(node: Node) -> bool:
    kinds = node.get("type")
    if kinds == "null" or (isinstance(kinds, list) and "null" in kinds):
        return True
    return is_null(node) or any(value is None for value in list_of(node.get("enum")))


def _nodes(schema: JsonSchema) -> Iterator[Node]:
    """Every schema inside a schema, its definitions included."""
    waiting: list[Any] = [schema]
    for word in ("$defs", "definitions"):
        definitions = schema.get(word)
        waiting.extend(definitions.values() if isinstance(definitions, dict) else ())
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting += [*members_of(node), *list_of(node.get("allOf")), *items_of(node)]
            waiting += [*properties_of(node).values(), node.get("additionalProperties")]


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""
