"""Some fields of a known value, as a question of their own; the rest of the value is settled.

A portion has the shape of the value around its open fields: records stay records, and a list in
which fields of some items are open is a record of these items (`item_1`, `item_3`). So the answer
says by itself which item each of its values belongs to, and items that are settled cannot change.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

from structgen.schema import open_fields
from structgen.schema.json import members_of, pointer, resolve, unescape
from structgen.schema.open_fields import Steps, Tree
from structgen.schema.splittable import (
    CHOICES,
    beside_null,
    narrowed,
    part_of,
    record_of,
    source_of,
    without_own_references,
)
from structgen.schema.target import Target
from structgen.schema.wire_names import WIRE_NAME, has_wire_names, on_wire, steps_on_wire
from structgen.values import Json, JsonSchema

_TOLD: Final = ("title", "description")
"""Keywords that tell people and models what a list is."""
_OF_ITEM: Final = "The open fields of item {} of the list."


@dataclass(frozen=True, slots=True)
class Portion:
    """Some fields of a known value, asked about in a question of their own."""

    fields: tuple[str, ...]
    """JSON Pointers of the open fields in the value."""
    target: Target[Json]
    """The open fields, in the shape of the value. Its values are plain data."""
    tree: Tree
    """The open fields, by step."""

    @property
    def has_items(self) -> bool:
        """Whether it asks about fields of single items of a list."""
        return open_fields.has_items(self.tree)

    def holds(self, path: str) -> bool:
        """Tell whether a place in the value is in an open field.

        Args:
            path: JSON Pointer into the value.
        """
        return any(path == one or path.startswith(f"{one}/") for one in self.fields)

    def without(self, places: Iterable[str]) -> Portion | None:
        """Give the portion without the fields that some places are in, or that are in them.

        Args:
            places: JSON Pointers into the value.

        Returns:
            None if no field is left, or every field is.
        """
        ends = [f"{place}/" for place in places]
        tree = open_fields.tree_of(
            path
            for path in open_fields.paths_of(self.tree)
            if not any(_touch(f"{pointer(path)}/", end) for end in ends)
        )
        fields = tuple(pointer(path) for path in open_fields.paths_of(tree))
        left = 0 < len(fields) < len(self.fields)
        return replace(self, fields=fields, tree=tree) if left else None

    def place(self, path: str) -> str:
        """Give the place in the value of a place in an answer.

        Args:
            path: JSON Pointer into the answer.
        """
        steps: list[str | int] = []
        node: Tree | None = self.tree
        for name in map(unescape, path.split("/")[1:]):
            step: str | int = name if node is None else open_fields.step_of(node, name)
            steps.append(step)
            node = node.get(step) if node is not None else None
        return pointer(steps)

    def place_in_schema(self, path: str) -> str:
        """Give the place in the schema of the whole of a place in that of the portion.

        Args:
            path: JSON Pointer into the schema of the portion.
        """
        steps: list[str | int] = []
        node: Tree | None = self.tree
        names = [unescape(step) for step in path.split("/")[1:]]
        while names:
            if node is None or names[0] != "properties" or len(names) == 1:
                steps += names
                break
            step = open_fields.step_of(node, names[1])
            steps += ["items"] if isinstance(step, int) else ["properties", step]
            node, names = node.get(step), names[2:]
        return pointer(steps)

    def merged(self, data: Json, answer: Json) -> Json:
        """Put the values of an answer into the value; nothing else changes.

        Args:
            data: The value, as plain data. It stays as it is.
            answer: A value of the portion.
        """
        return open_fields.merged(data, answer, self.tree)

    def settled(self, data: Json, root: JsonSchema) -> Json:
        """Give the value without its open fields, under the names that a model knows; lists are
        named as the portion names them.

        Args:
            data: The value, as plain data.
            root: The schema of the value.
        """
        if not has_wire_names(root):
            return open_fields.settled(data, self.tree)
        paths = [steps_on_wire(root, path) for path in open_fields.paths_of(self.tree)]
        return open_fields.settled(on_wire(root, data), open_fields.tree_of(paths))

    def of_example(self, data: Json) -> Json:
        """Give what the portion has of another value; only if it asks about no single items.

        Args:
            data: A value of the whole, as plain data.
        """
        return open_fields.projected(data, self.tree)


def portion(target: Target[Any], data: Json, places: Iterable[str]) -> Portion | None:
    """Make a question about some places of a value.

    Each place is widened to the nearest field that can be asked about by itself: a union, a map, a
    list of scalars or a record that contains itself is asked about whole, and so is a list if the
    place is an item, or if nothing is left by which an item could be told from the others.

    Args:
        target: The target of the whole.
        data: The value, as plain data.
        places: JSON Pointers into the value.

    Returns:
        The portion; None if the value has to be asked about as a whole.
    """
    maker = _Maker(target, data)
    before: list[Steps] = []
    paths = _outermost(maker.askable(place) for place in places)
    while paths != before:
        before, paths = paths, _outermost(_with_anchors(path, data, paths) for path in paths)
    if not paths or () in paths or not _has_value(data, paths):
        return None
    return maker.portion(paths)


class _Maker:
    def __init__(self, target: Target[Any], data: Json) -> None:
        self._target, self._data = target, data
        self._root, self._own = without_own_references(source_of(target))

    def askable(self, place: str) -> Steps:
        """The nearest field at or above a place that can be asked about by itself."""
        node, above, data = self._root, self._own, self._data
        at: Steps = ()
        found: Steps = ()
        for name in map(unescape, place.split("/")[1:]):
            if isinstance(data, list):
                inside = self._items(node, above)
                if inside is None or not name.isdecimal() or int(name) >= len(data):
                    break
                node, above = inside
                at, data = (*at, int(name)), data[int(name)]
                continue
            record = record_of(self._root, node, above) if isinstance(data, dict) else None
            if record is None or name not in record.schema["properties"]:
                break
            node, above = record.schema["properties"][name], record.above
            at = found = (*at, name)
            data = data.get(name) if isinstance(data, dict) else None
        return found

    def portion(self, paths: Iterable[Steps]) -> Portion:
        tree = open_fields.tree_of(paths)
        schema = self._pruned(self._root, self._data, tree, self._own)
        fields = tuple(pointer(path) for path in open_fields.paths_of(tree))
        return Portion(fields, part_of(self._root, schema, self._target.name), tree)

    def _items(self, node: Any, above: frozenset[str]) -> tuple[Any, frozenset[str]] | None:
        """The schema of the items of a list; None if they have none in common."""
        found = self._array(node, above)
        return None if found is None else (found[0]["items"], found[1])

    def _array(self, node: Any, above: frozenset[str]) -> tuple[JsonSchema, frozenset[str]] | None:
        while isinstance(node, dict) and "items" not in node:
            options = next((node[key] for key in CHOICES if key in node), None)
            ref = node.get("$ref")
            if isinstance(ref, str) and ref not in above:
                above |= {ref}
                node = resolve(self._root, ref)
            else:
                node = beside_null(options)
        is_list = isinstance(node, dict) and isinstance(node["items"], dict)
        return (node, above) if is_list and "prefixItems" not in node else None

    def _pruned(self, node: Any, data: Json, tree: Tree | None, above: frozenset[str]) -> Any:
        """The schema of the open fields in a part of the value."""
        if tree is None:
            return node
        if isinstance(data, list):
            return self._pruned_list(node, data, tree, above)
        record = record_of(self._root, node, above)
        assert record is not None  # noqa: S101 - a path leads through records and lists
        known = data if isinstance(data, dict) else {}
        fields = {
            name: self._pruned(inner, known.get(name), tree[name], record.above)
            for name, inner in record.schema["properties"].items()
            if name in tree
        }
        wanted = record.schema.get("required", ())
        required = [name for name in fields if name in wanted or tree[name] is not None]
        return narrowed(record.schema, fields, required)

    def _pruned_list(
        self, node: Any, data: list[Json], tree: Tree, above: frozenset[str]
    ) -> JsonSchema:
        array = self._array(node, above)
        assert array is not None  # noqa: S101 - a path leads through records and lists
        schema, inside = array
        fields = {}
        for step in sorted(step for step in tree if isinstance(step, int)):
            item = {**self._pruned(schema["items"], data[step], tree[step], inside)}
            item.pop(WIRE_NAME, None)  # it is for properties, and the number is to tell the items
            fields[open_fields.name_of(step)] = {**item, "description": _OF_ITEM.format(step + 1)}
        told: JsonSchema = {key: schema[key] for key in _TOLD if key in schema}
        if isinstance(node, dict) and WIRE_NAME in node:  # beside a reference to the list, or null
            told[WIRE_NAME] = node[WIRE_NAME]
        return narrowed({**told, "type": "object"}, fields, list(fields))


def _touch(one: str, other: str) -> bool:
    return one.startswith(other) or other.startswith(one)


def _outermost(paths: Iterable[Steps]) -> list[Steps]:
    """The paths that are in no other, each once."""
    found = dict.fromkeys(paths)
    return [one for one in found if not any(one[:end] in found for end in range(len(one)))]


def _with_anchors(path: Steps, data: Json, paths: list[Steps]) -> Steps:
    """A path, or that of the outermost list around it in which its item has no settled value."""
    for end, step in enumerate(path):
        if isinstance(step, int):
            item = path[: end + 1]
            open_in_it = [one[end + 1 :] for one in paths if one[: end + 1] == item]
            if not _has_value(_value_at(data, item), open_in_it):
                return path[:end]
    return path


def _value_at(data: Any, path: Steps) -> Json:
    for step in path:
        data = data[step]
    return data


def _has_value(data: Json, but: Iterable[Steps]) -> bool:
    """Whether a value states anything outside some fields."""
    left = list(but)
    if () in left:
        return False
    if not isinstance(data, dict | list):
        return data is not None
    return any(
        _has_value(value, [path[1:] for path in left if path[0] == step])
        for step, value in members_of(data)
    )
