"""The fields of a schema as a bullet list, in which each definition is described once.

The list is at most a constant times as long as the schema: a definition is written out at its first
use and only named at later ones, and what lies deeper than a few levels gets a list of its own, so
that indentation does not add up.
"""

from __future__ import annotations

import json
from collections import Counter, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from structgen.errors import SchemaError
from structgen.prompt.inline import json_in_line, name_in_line, one_line, without_null_phrase
from structgen.prompt.views import (
    View,
    Views,
    items_of,
    list_of,
    members_of,
    properties_of,
    values_of_map,
)
from structgen.values import JsonSchema

_MAX_OPTIONS: Final = 60
"""Listed values of one field: more would push the document out of a small context."""
_MAX_DEPTH: Final = 6
"""Levels of one list: what lies deeper gets a list of its own."""
_MAX_KINDS: Final = 8
"""Types inside the type of one field, as in a list of lists."""
_MAX_CHARACTERS: Final = 1_000_000
"""The longest list: about 250,000 tokens, more than most models can read."""

_COMPOUND: Final = frozenset(
    {"$ref", "anyOf", "oneOf", "enum", "items", "prefixItems", "additionalProperties"}
)
"""Keywords of schemas that are described once if they are definitions."""


@dataclass(frozen=True, slots=True)
class Detail:
    """What the list says of each field, beside its name."""

    types: bool = True
    """Its type, and the options of a closed field."""
    descriptions: bool = True
    """Its description."""


EVERYTHING: Final = Detail()
NAMES_ALONE: Final = Detail(types=False)


def fields_of(schema: bytes, detail: Detail = EVERYTHING) -> str:
    """List the fields of a schema.

    Args:
        schema: The schema, as JSON text.
        detail: What is said of each field.

    Returns:
        One line for each field, its inner fields indented; "" if the schema has none.

    Raises:
        SchemaError: If the list is longer than a million characters.
    """
    lines, length = [], 0
    for line in _FieldList(json.loads(schema), detail).lines():
        lines.append(line)
        length += len(line) + 1
        if length > _MAX_CHARACTERS:
            raise SchemaError(
                f"The schema's fields take more than {_MAX_CHARACTERS:,} characters of the prompt.",
                hint="Split the schema, or leave the list out with prompt='plain'.",
            )
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class _Structure:
    """An object in a field: itself, or as an item or a value."""

    name: str
    node: Mapping[str, Any]
    description: str = ""


class _FieldList:
    """Writes the list of one schema."""

    def __init__(self, root: JsonSchema, detail: Detail) -> None:
        self._root, self._detail = root, detail
        self._views = Views(root)
        self._described = set[int | None]()
        self._spelled = set[int | None]()
        self._later = deque[tuple[str, list[_Structure]]]()
        self._titles = set[str]()
        self._numbers = Counter[str]()

    def lines(self) -> Iterator[str]:
        yield from self._structures_lines(self._structures(self._views.view({"$ref": "#"})), 0)
        while self._later:
            title, structures = self._later.popleft()
            yield ""
            yield f"{title}:"
            yield from self._structures_lines(structures, 0)

    # ---- fields -----------------------------------------------------------------------------

    def _structures_lines(self, structures: list[_Structure], depth: int) -> Iterator[str]:
        if len(structures) == 1:
            yield from self._object_lines(structures[0].node, depth, None)
        elif structures:
            yield from self._alternatives_lines(structures, depth)

    def _object_lines(self, node: Mapping[str, Any], depth: int, tag: str | None) -> Iterator[str]:
        for name, child in properties_of(node).items():
            if name != tag:
                yield from self._field_lines(name, child, depth)
        for member in list_of(node.get("allOf")):
            view = self._views.view(member)
            if view.key in self._described:
                yield f"{'  ' * depth}- the fields of {name_in_line(view.name)}"
                continue
            for one in self._structures(view):
                yield from self._object_lines(one.node, depth, None)

    def _field_lines(self, name: str, child: Any, depth: int) -> Iterator[str]:
        view = self._views.view(child)
        is_new = view.key not in self._described
        kind = self._kind(view) if self._detail.types else ""
        structures = self._structures(view)
        if structures and depth + 1 >= _MAX_DEPTH:
            title = self._title(view.name or structures[0].name or name)
            self._later.append((title, structures))
            kind = f"{kind}, listed below as {title}".removeprefix(", ")
            structures = []
        label = f"{name_in_line(name)} ({kind})" if kind else name_in_line(name)
        own = isinstance(child, dict) and child.get("description")
        described = view.description if own or is_new else ""
        yield f"{'  ' * depth}- {self._with_description(label, described)}"
        yield from self._structures_lines(structures, depth + 1)

    def _with_description(self, label: str, description: str) -> str:
        text = one_line(without_null_phrase(description)) if self._detail.descriptions else ""
        return f"{label}: {text}" if text else label

    def _title(self, wanted: str) -> str:
        name = title = name_in_line(wanted)
        while title in self._titles:
            self._numbers[name] += 1
            title = f"{name} {self._numbers[name] + 1}"
        self._titles.add(title)
        return title

    # ---- unions -----------------------------------------------------------------------------

    def _alternatives_lines(self, structures: list[_Structure], depth: int) -> Iterator[str]:
        """Objects of which a field is one, told apart by their tag if they have one."""
        tag = _tag_of(structures)
        before = "  " * depth
        for number, one in enumerate(structures):
            if tag is not None:
                value = json_in_line(_constant(properties_of(one.node)[tag]))
                title = f"if {name_in_line(tag)} is {value}"
            else:
                name = name_in_line(one.name or _title_of(one.node) or f"alternative {number + 1}")
                title = f"{'or' if number else 'either'} {name}"
            title = self._with_description(title, one.description)
            inner = list(self._object_lines(one.node, depth + 1, tag))
            yield f"{before}- {title}{':' if inner and not title.endswith('.') else ''}"
            yield from inner

    def _structures(self, view: View) -> list[_Structure]:
        """The objects in a field that are not described yet. From now on they count as described.

        They are looked for in unions, in items of lists and in values of maps.
        """
        found: list[_Structure] = []
        waiting = [view]
        while waiting:
            one = waiting.pop()
            if one.key in self._described:
                continue
            if one.key is not None and any(map(_is_compound, one.options)):
                self._described.add(one.key)
            if len(one.options) > 1:
                waiting += [self._views.view(option) for option in reversed(one.options)]
                continue
            for node in one.options:
                if not isinstance(node, dict):
                    continue
                if _is_object(node):
                    found.append(_Structure(one.name, node, one.description))
                inner = [*items_of(node), values_of_map(node)]
                waiting += [self._views.view(item) for item in reversed(inner) if item is not None]
        return found

    # ---- types ------------------------------------------------------------------------------

    def _kind(self, view: View, depth: int = 0) -> str:
        """A type in words: "string", "list of Item", "one of: "red", "green"."""
        name = name_in_line(view.name) if view.name else ""
        if view.key in self._spelled or depth > _MAX_KINDS or not view.options:
            return name or "value"
        if len(view.options) == 1 and _is_object(view.options[0]):
            return name or "object"
        is_named = name != "" and any(map(_is_compound, view.options))
        if is_named:
            self._spelled.add(view.key)
        kinds = [self._kind_of_option(one, depth) for one in view.options]
        text = " or ".join(dict.fromkeys(kinds))
        return f"{name}: {text}" if is_named else text

    def _kind_of_option(self, option: Any, depth: int) -> str:
        if not isinstance(option, dict):
            return "value"
        if "$ref" in option or members_of(option):
            return self._kind(self._views.view(option), depth + 1)
        return "object" if _is_object(option) else self._kind_of_values(option, depth)

    def _kind_of_values(self, node: Mapping[str, Any], depth: int) -> str:
        if "const" in node:
            return json_in_line(node["const"])
        if options := [one for one in list_of(node.get("enum")) if one is not None]:
            values = [json_in_line(value) for value in options[:_MAX_OPTIONS]]
            more = f", and {len(options) - _MAX_OPTIONS} more"
            return f"one of: {', '.join(values)}{more if len(options) > _MAX_OPTIONS else ''}"
        kinds = node.get("type", "value")
        named = [kind for kind in list_of(kinds) if kind != "null"] or [kinds]
        text = " or ".join(self._simple_kind(str(kind), node, depth) for kind in named)
        return f"{text}, {one_line(str(node['format']))}" if "format" in node else text

    def _simple_kind(self, kind: str, node: Mapping[str, Any], depth: int) -> str:
        if kind == "array":
            items = [self._kind(self._views.view(one), depth + 1) for one in items_of(node)]
            fixed = list_of(node.get("prefixItems"))
            return f"[{', '.join(items)}]" if fixed else f"list of {(items or ['value'])[0]}"
        if kind == "object" and (value := values_of_map(node)) is not None:
            return f"map from text to {self._kind(self._views.view(value), depth + 1)}"
        return one_line(kind)


def _is_object(node: Any) -> bool:
    """Whether a schema declares the properties of an object."""
    return isinstance(node, dict) and bool(properties_of(node) or list_of(node.get("allOf")))


def _is_compound(node: Any) -> bool:
    """Whether a schema is worth a name: it is more than a type."""
    if not isinstance(node, dict):
        return False
    return _is_object(node) or not _COMPOUND.isdisjoint(node)


def _tag_of(structures: list[_Structure]) -> str | None:
    """The property that tells objects apart by a constant of its own; None if there is none."""
    first = properties_of(structures[0].node)
    for name in first:
        tags = [_constant(properties_of(one.node).get(name)) for one in structures]
        if all(isinstance(tag, str) for tag in tags) and len(set(tags)) == len(tags):
            return name
    return None


def _constant(node: Any) -> Any:
    """The only value of a schema; None if it has several."""
    if not isinstance(node, dict):
        return None
    options = list_of(node.get("enum"))
    return node.get("const", options[0] if len(options) == 1 else None)


def _title_of(node: Mapping[str, Any]) -> str:
    title = node.get("title")
    return one_line(title) if isinstance(title, str) else ""
