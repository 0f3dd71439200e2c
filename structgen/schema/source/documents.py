"""The schemas inside a JSON Schema document, and the references between them.

Every reference is followed inside the document (pointers into any place, `$id`,
`$anchor`, embedded resources) or into the bundled meta-schemas; nothing is fetched.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote, urldefrag, urljoin

from structgen.errors import SchemaError
from structgen.schema.json import pointer, unescape
from structgen.values import JsonSchema

SUBSCHEMAS: Final = (
    "additionalProperties",
    "additionalItems",
    "contains",
    "contentSchema",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
    "then",
    "unevaluatedItems",
    "unevaluatedProperties",
)
SUBSCHEMA_LISTS: Final = ("allOf", "anyOf", "oneOf", "prefixItems", "items")
SUBSCHEMA_MAPS: Final = (
    "$defs",
    "definitions",
    "dependentSchemas",
    "patternProperties",
    "properties",
    "dependencies",
)

_DRAFT: Final = re.compile(r"draft-0?([1-7])\b|draft/(2019)-09|draft/(2020)-12")


def draft_of(uri: Any, default: int) -> int:
    """The draft that a `$schema` names, as a number that sorts: 4, 6, 7, 2019, 2020.

    Args:
        uri: The value of `$schema`.
        default: The draft if `uri` names none.

    Raises:
        SchemaError: If it names a draft before 4.
    """
    found = _DRAFT.search(uri) if isinstance(uri, str) else None
    if not found:
        return default
    draft = int(found[found.lastindex or 1])
    if draft < 4:
        raise SchemaError(
            f"Draft {draft} of JSON Schema is not supported.",
            keyword="$schema",
            hint="Use draft 4 or later.",
        )
    return draft


@dataclass(frozen=True, slots=True)
class Place:
    """A subschema and what it takes to read it."""

    node: Any = field(compare=False, repr=False)
    key: int
    """The identity of the node."""
    base: str
    """The URI of the resource that it belongs to."""
    draft: int
    path: str
    """Its JSON Pointer in the document."""


def _joined(base: str, uri: str) -> str:
    """`uri` seen from `base`; the standard library does not join a fragment to a URN."""
    return base + uri if uri.startswith("#") else urljoin(base, uri)


def _subschemas(node: Any) -> Iterator[tuple[str, Any]]:
    """The subschemas directly inside a schema, with their pointers from it."""
    if not isinstance(node, dict):
        return
    for key in SUBSCHEMAS:
        if isinstance(node.get(key), dict):
            yield pointer([key]), node[key]
    for key in SUBSCHEMA_LISTS:
        if isinstance(node.get(key), list):
            parts = enumerate(node[key])
            yield from ((f"/{key}/{at}", part) for at, part in parts if isinstance(part, dict))
    for key in SUBSCHEMA_MAPS:
        if isinstance(node.get(key), dict):
            members = node[key].items()
            yield from (
                (pointer([key, name]), part) for name, part in members if isinstance(part, dict)
            )


class SchemaDocument:
    """A document, with everything in it that a reference can name."""

    def __init__(self, document: Any) -> None:
        self.places: dict[int, Place] = {}
        self._resources: dict[str, Place] = {}
        self._anchors: dict[tuple[str, str], Place] = {}
        self._dynamic_anchors: dict[str, dict[str, Place]] = {}
        uri = document.get("$schema") if isinstance(document, dict) else None
        self.root = self._index(document, "", draft_of(uri, 2020), "")

    def dynamic_anchors(self, base: str) -> dict[str, Place]:
        """The dynamic anchors of a resource; the name "" is its `$recursiveAnchor`."""
        return self._dynamic_anchors.get(base, {})

    def place(self, node: Any, around: Place, way: str) -> Place:
        """The place of a node inside another.

        Args:
            node: The node.
            around: The place that it is in.
            way: Its pointer from there.
        """
        known = self.places.get(id(node)) if isinstance(node, dict) else None
        return known or Place(node, id(node), around.base, around.draft, around.path + way)

    def _index(self, node: Any, base: str, draft: int, path: str) -> Place:
        """Register a schema, with everything inside it that a reference can name."""
        if isinstance(node, dict):
            own_draft = draft_of(node.get("$schema"), draft)
            given = node.get("$id" if own_draft > 4 or "$id" in node else "id")
            is_ignored = own_draft <= 7 and "$ref" in node
            if isinstance(given, str) and not is_ignored:
                uri, fragment = urldefrag(_joined(base, given))
                if uri != base or not path:
                    base, draft = uri, own_draft
                    self._resources.setdefault(base, Place(node, id(node), base, draft, path))
                if fragment and not fragment.startswith("/"):
                    place = Place(node, id(node), base, draft, path)
                    self._anchors.setdefault((base, fragment), place)
            elif not path:
                draft = own_draft
        place = self.places.setdefault(id(node), Place(node, id(node), base, draft, path))
        if not path:
            self._resources.setdefault(base, place)
        if isinstance(node, dict):
            self._index_anchors(node, place)
            for way, child in _subschemas(node):
                self._index(child, base, draft, path + way)
        return place

    def _index_anchors(self, node: JsonSchema, place: Place) -> None:
        anchor, dynamic = node.get("$anchor"), node.get("$dynamicAnchor")
        if place.draft >= 2019 and isinstance(anchor, str):
            self._anchors.setdefault((place.base, anchor), place)
        if place.draft >= 2020 and isinstance(dynamic, str):
            self._anchors.setdefault((place.base, dynamic), place)
            self._dynamic_anchors.setdefault(place.base, {})[dynamic] = place
        is_resource = self._resources[place.base].key == place.key
        if node.get("$recursiveAnchor") is True and is_resource:
            self._dynamic_anchors.setdefault(place.base, {})[""] = place

    def resolve(self, ref: str, here: Place) -> Place:
        """The place that a reference names.

        Args:
            ref: The reference.
            here: Where it is written.

        Raises:
            SchemaError: If it names nothing, or something outside of the document.
        """
        uri, fragment = urldefrag(_joined(here.base, ref))
        resource = self._resources.get(uri) or self._bundled(uri)
        if resource is None:
            raise SchemaError(
                f"The reference {ref[:200]!r} leads out of the document, and nothing is fetched.",
                path=here.path,
                keyword="$ref",
                hint="Copy the schema that it names into `$defs`.",
            )
        fragment = unquote(fragment)
        if fragment and not fragment.startswith("/"):
            found = self._anchors.get((uri, fragment))
        else:
            found = self._walk(resource, fragment)
        if found is None or not isinstance(found.node, dict | bool):
            raise SchemaError(
                f"The reference {ref[:200]!r} does not point to anything in the document.",
                path=here.path,
                keyword="$ref",
                hint="Correct the reference, or add the schema that it names.",
            )
        return found

    def _bundled(self, uri: str) -> Place | None:
        """A meta-schema of JSON Schema itself."""
        from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]

        resource = REGISTRY.get(uri) or REGISTRY.get(uri + "#")
        if resource is None:
            return None
        contents: Any = resource.contents
        draft = draft_of(contents.get("$schema"), 2020)
        self._resources[uri] = Place(contents, id(contents), uri, draft, "")
        self._resources[uri] = self._index(contents, uri, draft, "")
        return self._resources[uri]

    def _walk(self, start: Place, fragment: str) -> Place | None:
        """Follow a JSON Pointer, also through places that are not schemas."""
        place, node, way = start, start.node, ""
        for part in fragment.split("/")[1:]:
            key = unescape(part)
            if isinstance(node, dict) and key in node:
                node = node[key]
            elif isinstance(node, list) and key.isdecimal() and int(key) < len(node):
                node = node[int(key)]
            else:
                return None
            way += pointer([key])
            known = self.places.get(id(node)) if isinstance(node, dict) else None
            place = known or Place(node, id(node), place.base, place.draft, start.path + way)
        if place.key not in self.places and isinstance(node, dict):
            return self._index(node, place.base, place.draft, place.path)
        return place
