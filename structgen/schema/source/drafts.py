"""Any JSON Schema document, draft 4 to 2020-12, as one self-contained draft 2020-12 schema that
accepts the same values.

Every reference is followed inside the document (pointers into any place, `$id`, `$anchor`,
embedded resources) or into the bundled meta-schemas; nothing is fetched. Each place that
something refers to becomes one entry of `$defs`, so the result has no references but "#" and
"#/$defs/NAME". A dynamic reference depends on the way that led to it, so its place is converted
once for each way that matters: dynamic scope becomes plain references (draft 2020-12 core, §7.1
and §8.2.3.2).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import unquote, urldefrag, urljoin

from structgen.errors import SchemaError, SchemaLimitError
from structgen.schema.json import pointer
from structgen.schema.source.wellformed import (
    require_bounded,
    require_end,
    require_pattern,
    require_shape,
)
from structgen.values import JsonSchema

MAX_DEFINITIONS: Final = 10_000

_ONE: Final = (
    "additionalProperties",
    "additionalItems",
    "contains",
    "contentSchema",
    "else",
    "if",
    "items",
    "not",
    "propertyNames",
)
_ONE_NEW: Final = ("then", "unevaluatedItems", "unevaluatedProperties")
_LIST: Final = ("allOf", "anyOf", "oneOf", "prefixItems", "items")
_MAP: Final = (
    "$defs",
    "definitions",
    "dependentSchemas",
    "patternProperties",
    "properties",
    "dependencies",
)
_SINCE: Final = {
    **dict.fromkeys(("const", "contains", "propertyNames"), 6),
    **dict.fromkeys(("if", "then", "else"), 7),
    **dict.fromkeys(("dependentRequired", "dependentSchemas", "maxContains", "minContains"), 2019),
    **dict.fromkeys(("unevaluatedItems", "unevaluatedProperties"), 2019),
    "prefixItems": 2020,
}
"""The draft that brought a keyword; an older one ignores it."""

_NAMING: Final = frozenset(
    {
        "$schema",
        "$id",
        "id",
        "$anchor",
        "$dynamicAnchor",
        "$recursiveAnchor",
        "$vocabulary",
        "$defs",
        "definitions",
        "$ref",
    }
    | {"$dynamicRef", "$recursiveRef", "additionalItems", "dependencies"}
)
_KNOWN: Final = frozenset(
    {
        *_ONE,
        *_ONE_NEW,
        *_LIST,
        *_MAP,
        "const",
        "default",
        "enum",
        "examples",
        "required",
        "dependentRequired",
        "type",
    }
)
"""Keywords whose values may be composite. What else is composite means nothing here, and may
look like a schema: it is left out."""

_DRAFT: Final = re.compile(r"draft-0?([1-7])\b|draft/(2019)-09|draft/(2020)-12")


def draft_of(uri: Any, default: int) -> int:
    """The draft that a `$schema` names, as a number that sorts: 4, 6, 7, 2019, 2020."""
    if isinstance(uri, str) and (found := _DRAFT.search(uri)):
        draft = int(found[found.lastindex or 1])
        if draft < 4:
            raise SchemaError(
                f"Draft {draft} of JSON Schema is not supported.",
                keyword="$schema",
                hint="Use draft 4 or later.",
            )
        return draft
    return default


@dataclass(frozen=True, slots=True)
class _Place:
    """A subschema: where it stands, in which resource (`base`), and by which draft it is read."""

    node: Any = field(compare=False, repr=False)
    key: int
    base: str
    draft: int
    path: str


Scope = tuple[tuple[str, _Place], ...]
"""The dynamic anchors in force, outermost first: name and place."""


def upgrade(document: Any) -> JsonSchema:
    """`document` as a draft 2020-12 schema. Raises SchemaError naming the place and the
    keyword, or SchemaLimitError."""
    require_bounded(document)
    result = _Upgrade(document).run()
    require_end(result)
    return result


def _joined(base: str, uri: str) -> str:
    """`uri` seen from `base`; the standard library does not join a fragment to a URN."""
    return base + uri if uri.startswith("#") else urljoin(base, uri)


def _subschemas(node: Any) -> Iterator[tuple[str, Any]]:
    """The subschemas directly inside a schema, with their pointers from it."""
    if not isinstance(node, dict):
        return
    for key in (*_ONE, *_ONE_NEW):
        if isinstance(node.get(key), dict):
            yield pointer([key]), node[key]
    for key in _LIST:
        if isinstance(node.get(key), list):
            yield from (
                (f"/{key}/{at}", inner)
                for at, inner in enumerate(node[key])
                if isinstance(inner, dict)
            )
    for key in _MAP:
        if isinstance(node.get(key), dict):
            yield from (
                (pointer([key, name]), inner)
                for name, inner in node[key].items()
                if isinstance(inner, dict)
            )


class _Upgrade:
    def __init__(self, document: Any) -> None:
        self.resources: dict[str, _Place] = {}
        self.anchors: dict[tuple[str, str], _Place] = {}
        self.dynamic: dict[str, dict[str, _Place]] = {}
        self.places: dict[int, _Place] = {}
        self.names: dict[tuple[int, Scope], str] = {}
        self.queue: list[tuple[str, _Place, Scope]] = []
        self.root = self.index(
            document,
            "",
            draft_of(document.get("$schema") if isinstance(document, dict) else None, 2020),
            "",
        )

    # ---- what stands where -----------------------------------------------------------

    def index(self, node: Any, base: str, draft: int, path: str) -> _Place:
        """Registers a schema with everything inside it that can be referred to by name."""
        if isinstance(node, dict):
            inner = draft_of(node.get("$schema"), draft)
            word = "$id" if inner > 4 or "$id" in node else "id"
            given = node.get(word)
            ignored = inner <= 7 and "$ref" in node
            if isinstance(given, str) and not ignored:
                uri, fragment = urldefrag(_joined(base, given))
                if uri != base or not path:
                    base, draft = uri, inner
                    self.resources.setdefault(base, _Place(node, id(node), base, draft, path))
                if fragment and not fragment.startswith("/"):
                    self.anchors.setdefault(
                        (base, fragment), _Place(node, id(node), base, draft, path)
                    )
            elif not path:
                draft = inner
        place = self.places.setdefault(id(node), _Place(node, id(node), base, draft, path))
        if not path:
            self.resources.setdefault(base, place)
        if isinstance(node, dict):
            self.index_anchors(node, place)
            for way, child in _subschemas(node):
                self.index(child, base, draft, path + way)
        return place

    def index_anchors(self, node: JsonSchema, place: _Place) -> None:
        if place.draft >= 2019 and isinstance(name := node.get("$anchor"), str):
            self.anchors.setdefault((place.base, name), place)
        if place.draft >= 2020 and isinstance(name := node.get("$dynamicAnchor"), str):
            self.anchors.setdefault((place.base, name), place)
            self.dynamic.setdefault(place.base, {})[name] = place
        if node.get("$recursiveAnchor") is True and self.resources[place.base].key == place.key:
            self.dynamic.setdefault(place.base, {})[""] = place

    def resolve(self, ref: str, here: _Place) -> _Place:
        """The place that `ref` names, seen from `here`."""
        uri, fragment = urldefrag(_joined(here.base, ref))
        resource = self.resources.get(uri) or self.bundled(uri)
        if resource is None:
            raise SchemaError(
                f"The reference {ref[:200]!r} leads out of the document, and nothing is fetched.",
                path=here.path,
                keyword="$ref",
                hint="Put what it refers to under $defs.",
            )
        fragment = unquote(fragment)
        found = (
            self.anchors.get((uri, fragment))
            if fragment and not fragment.startswith("/")
            else self.walk(resource, fragment)
        )
        if found is None or not isinstance(found.node, dict | bool):
            raise SchemaError(
                f"The reference {ref[:200]!r} leads nowhere.", path=here.path, keyword="$ref"
            )
        return found

    def bundled(self, uri: str) -> _Place | None:
        """A meta-schema of JSON Schema itself."""
        from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]

        resource = REGISTRY.get(uri) or REGISTRY.get(uri + "#")
        if resource is None:
            return None
        contents: Any = resource.contents
        draft = draft_of(contents.get("$schema"), 2020)
        self.resources[uri] = _Place(contents, id(contents), uri, draft, "")
        self.resources[uri] = self.index(contents, uri, draft, "")
        return self.resources[uri]

    def walk(self, start: _Place, fragment: str) -> _Place | None:
        """Follows a JSON Pointer, through places that are no schemas too."""
        place, node, way = start, start.node, ""
        for part in fragment.split("/")[1:]:
            key = part.replace("~1", "/").replace("~0", "~")
            if isinstance(node, dict) and key in node:
                node = node[key]
            elif isinstance(node, list) and key.isdecimal() and int(key) < len(node):
                node = node[int(key)]
            else:
                return None
            way += pointer([key])
            known = self.places.get(id(node)) if isinstance(node, dict) else None
            place = known or _Place(node, id(node), place.base, place.draft, start.path + way)
        if place.key not in self.places and isinstance(node, dict):
            return self.index(node, place.base, place.draft, place.path)
        return place

    # ---- the new document ------------------------------------------------------------

    def run(self) -> JsonSchema:
        scope = self.scope_in((), self.root)
        self.names[self.root.key, scope] = ""
        result: Any = self.schema(self.root, scope)
        if isinstance(result, bool):
            result = {} if result else {"not": {}}
        definitions: JsonSchema = {}
        while self.queue:
            name, place, inner = self.queue.pop(0)
            definitions[name] = self.schema(place, inner)
            if len(definitions) > MAX_DEFINITIONS:
                raise SchemaLimitError(
                    "The schema has too many definitions.",
                    limit=MAX_DEFINITIONS,
                    actual=len(definitions),
                )
        document: JsonSchema = result | ({"$defs": definitions} if definitions else {})
        return document

    def scope_in(self, scope: Scope, place: _Place) -> Scope:
        """The dynamic scope after entering the resource of `place`: what is outermost stays."""
        names = {name for name, _ in scope}
        return scope + tuple(
            (name, at) for name, at in self.dynamic.get(place.base, {}).items() if name not in names
        )

    def refer(self, ref: str, target: _Place, scope: Scope) -> str:
        scope = self.scope_in(scope, target)
        if (target.key, scope) not in self.names:
            taken = set(self.names.values())
            wanted = (
                re.sub(
                    r"[^A-Za-z0-9_.-]+",
                    "_",
                    unquote(ref).rstrip("#/").rsplit("/", 1)[-1].lstrip("#"),
                ).strip("_")[:60]
                or "root"
            )
            name, count = wanted, 1
            while name in taken:
                count += 1
                name = f"{wanted}_{count}"
            self.names[target.key, scope] = name
            self.queue.append((name, target, scope))
        name = self.names[target.key, scope]
        return f"#/$defs/{name}" if name else "#"

    def schema(self, place: _Place, scope: Scope) -> Any:
        node = place.node
        if isinstance(node, bool):
            return node
        if not isinstance(node, dict):
            raise SchemaError(
                f"A {type(node).__name__} stands where a schema is wanted.", path=place.path
            )
        if "$ref" in node and place.draft <= 7:
            return {"$ref": self.reference(place, "$ref", scope)}
        result: JsonSchema = {}
        for word in ("$ref", "$dynamicRef", "$recursiveRef"):
            if word in node and (word == "$ref" or place.draft >= 2019):
                ref = self.reference(place, word, scope)
                result = (
                    {"$ref": ref}
                    if "$ref" not in result
                    else result | {"allOf": [*result.get("allOf", ()), {"$ref": ref}]}
                )
        for key, value in node.items():
            is_own = key not in _KNOWN and isinstance(value, dict | list)
            if key not in _NAMING and _SINCE.get(key, 0) <= place.draft and not is_own:
                if key == "allOf" and "allOf" in result:
                    result["allOf"] += self.keyword(place, key, value, scope)
                else:
                    result[key] = self.keyword(place, key, value, scope)
        self.older_forms(place, result, scope)
        return result

    def reference(self, place: _Place, word: str, scope: Scope) -> str:
        ref = place.node[word]
        if not isinstance(ref, str):
            raise SchemaError("A reference is no text.", path=place.path, keyword=word)
        target = self.resolve(ref, place)
        anchor = target.node.get("$dynamicAnchor") if isinstance(target.node, dict) else None
        if (
            word == "$recursiveRef"
            and isinstance(target.node, dict)
            and target.node.get("$recursiveAnchor") is True
        ):
            target = dict(scope).get("", target)
        elif word == "$dynamicRef" and anchor is not None and urldefrag(ref)[1] == anchor:
            target = dict(scope).get(anchor, target)
        return self.refer(ref, target, scope)

    def inner(self, place: _Place, key: str, value: Any, scope: Scope, *way: str | int) -> Any:
        known = self.places.get(id(value)) if isinstance(value, dict) else None
        child = known or _Place(
            value, id(value), place.base, place.draft, place.path + pointer([key, *way])
        )
        return self.schema(
            child, scope if child.base == place.base else self.scope_in(scope, child)
        )

    def keyword(self, place: _Place, key: str, value: Any, scope: Scope) -> Any:
        if key in _LIST and isinstance(value, list):
            return [self.inner(place, key, item, scope, at) for at, item in enumerate(value)]
        if key in _MAP:
            if not isinstance(value, dict):
                raise SchemaError(f"{key} is no object.", path=place.path, keyword=key)
            if key == "patternProperties":
                for pattern in value:
                    require_pattern(key, pattern, place.path)
            return {name: self.inner(place, key, item, scope, name) for name, item in value.items()}
        if key in _ONE or key in _ONE_NEW:
            return self.inner(place, key, value, scope)
        require_shape(key, value, place.path)
        return value

    def older_forms(self, place: _Place, result: JsonSchema, scope: Scope) -> None:
        """What drafts before 2020-12 wrote otherwise."""
        node = place.node
        if isinstance(result.get("items"), list):
            result["prefixItems"] = result.pop("items")
            if "additionalItems" in node:
                result["items"] = self.inner(
                    place, "additionalItems", node["additionalItems"], scope
                )
            if not result["prefixItems"]:
                del result["prefixItems"]
        for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
            if (
                isinstance(result.get(exclusive), bool)
                and result.pop(exclusive)
                and bound in result
            ):
                result[exclusive] = result.pop(bound)
        for name, needed in (
            node.get("dependencies", {}).items()
            if isinstance(node.get("dependencies"), dict)
            else ()
        ):
            if isinstance(needed, dict | bool):
                result.setdefault("dependentSchemas", {})[name] = self.inner(
                    place, "dependencies", needed, scope, name
                )
            else:
                names = [needed] if isinstance(needed, str) else needed
                result.setdefault("dependentRequired", {})[name] = self.keyword(
                    place, "required", names, scope
                )
