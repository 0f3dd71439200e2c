"""Any JSON Schema document, draft 4 to 2020-12, as one draft 2020-12 schema of the same values.

Each place that a reference names becomes one entry of `$defs`, so the result has no
references but "#" and "#/$defs/NAME". A dynamic reference depends on the way that led
to it, so its place is converted once for each way that matters: dynamic scope becomes
plain references (draft 2020-12 core, §7.1 and §8.2.3.2).
"""

from __future__ import annotations

import re
from typing import Any, Final, TypeAlias
from urllib.parse import unquote, urldefrag

from structgen.errors import SchemaError, SchemaLimitError
from structgen.schema.json import pointer
from structgen.schema.source.documents import (
    SUBSCHEMA_LISTS,
    SUBSCHEMA_MAPS,
    SUBSCHEMAS,
    Place,
    SchemaDocument,
)
from structgen.schema.source.wellformed import (
    COUNTS,
    require_bounded,
    require_end,
    require_pattern,
    require_shape,
)
from structgen.values import JsonSchema, kind_of_value

MAX_DEFINITIONS: Final = 10_000

_KEYWORDS_SINCE: Final[dict[int, tuple[str, ...]]] = {
    6: ("const", "contains", "propertyNames"),
    7: ("if", "then", "else"),
    2019: (
        "dependentRequired",
        "dependentSchemas",
        "maxContains",
        "minContains",
        "unevaluatedItems",
        "unevaluatedProperties",
    ),
    2020: ("prefixItems",),
}
_SINCE: Final = {name: draft for draft, names in _KEYWORDS_SINCE.items() for name in names}
"""The draft that brought a keyword; an older one ignores it."""

_REFERENCES: Final = ("$ref", "$dynamicRef", "$recursiveRef")
_NAMING: Final = frozenset(
    {
        *_REFERENCES,
        "$schema",
        "$id",
        "id",
        "$anchor",
        "$dynamicAnchor",
        "$recursiveAnchor",
        "$vocabulary",
        "$defs",
        "definitions",
        "additionalItems",
        "dependencies",
    }
)
"""Keywords that are not copied: they name or refer, or a later draft writes them
otherwise."""
_KNOWN: Final = frozenset(
    {
        *SUBSCHEMAS,
        *SUBSCHEMA_LISTS,
        *SUBSCHEMA_MAPS,
        "const",
        "default",
        "enum",
        "examples",
        "required",
        "dependentRequired",
        "type",
        "evaluation_config",
        "x-aws-stickler-comparator-config",
    }
)
"""Keywords whose values may be objects or arrays. Any other such value means nothing
here, but may look like a schema, so it is left out."""

_Scope: TypeAlias = tuple[tuple[str, Place], ...]
"""The dynamic anchors in force, outermost first: name and place."""


def upgrade(document: Any) -> JsonSchema:
    """A JSON Schema document as one draft 2020-12 schema without outside references.

    Args:
        document: The document as plain JSON data.

    Raises:
        SchemaError: If the document is not a valid JSON Schema; it names the place and
            the keyword.
        SchemaLimitError: If it is too large or too deep.
    """
    require_bounded(document)
    result = _Upgrade(document).run()
    require_end(result)
    return result


class _Upgrade:
    """One conversion. A definition is made for each place and dynamic scope that is referred to."""

    def __init__(self, document: Any) -> None:
        self.document = SchemaDocument(document)
        self.names: dict[tuple[int, _Scope], str] = {}
        self.queue: list[tuple[str, Place, _Scope]] = []

    def run(self) -> JsonSchema:
        root = self.document.root
        scope = self.scope_in((), root)
        self.names[root.key, scope] = ""
        result: Any = self.schema(root, scope)
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
                    hint="Split it into several targets.",
                )
        document: JsonSchema = {**result, "$defs": definitions} if definitions else result
        return document

    def scope_in(self, scope: _Scope, place: Place) -> _Scope:
        """The dynamic scope after entering the resource of `place`: outer anchors win."""
        names = {name for name, _ in scope}
        anchors = self.document.dynamic_anchors(place.base).items()
        return scope + tuple((name, at) for name, at in anchors if name not in names)

    def refer(self, ref: str, target: Place, scope: _Scope) -> str:
        """The plain reference to a place, whose definition is queued if it is new."""
        scope = self.scope_in(scope, target)
        if (target.key, scope) not in self.names:
            taken = set(self.names.values())
            wanted = _name_from(ref)
            name, count = wanted, 1
            while name in taken:
                count += 1
                name = f"{wanted}_{count}"
            self.names[target.key, scope] = name
            self.queue.append((name, target, scope))
        name = self.names[target.key, scope]
        return f"#/$defs/{name}" if name else "#"

    def schema(self, place: Place, scope: _Scope) -> Any:
        node = place.node
        if isinstance(node, bool):
            return node
        if not isinstance(node, dict):
            raise SchemaError(
                f"Expected a schema, but found {kind_of_value(node)}.",
                path=place.path,
                hint="A schema is an object, or true or false.",
            )
        if "$ref" in node and place.draft <= 7:
            return {"$ref": self.reference(place, "$ref", scope)}
        result: JsonSchema = {}
        for word in _REFERENCES:
            if word in node and (word == "$ref" or place.draft >= 2019):
                ref = {"$ref": self.reference(place, word, scope)}
                if "$ref" in result:
                    result.setdefault("allOf", []).append(ref)
                else:
                    result = ref
        for key, value in node.items():
            is_unknown = key not in _KNOWN and isinstance(value, dict | list)
            if key in _NAMING or is_unknown or _SINCE.get(key, 0) > place.draft:
                continue
            converted = self.keyword(place, key, value, scope)
            if key == "allOf" and "allOf" in result:  # made above, of several references
                result["allOf"] += converted
            else:
                result[key] = converted
        self.older_forms(place, result, scope)
        return result

    def reference(self, place: Place, word: str, scope: _Scope) -> str:
        ref = place.node[word]
        if not isinstance(ref, str):
            raise SchemaError(
                f"{word} must be a string, not {kind_of_value(ref)}.",
                path=place.path,
                keyword=word,
                hint="Write a reference such as '#/$defs/Name'.",
            )
        target = self.document.resolve(ref, place)
        node = target.node if isinstance(target.node, dict) else {}
        anchor = node.get("$dynamicAnchor")
        if word == "$recursiveRef" and node.get("$recursiveAnchor") is True:
            target = dict(scope).get("", target)
        elif word == "$dynamicRef" and anchor is not None and urldefrag(ref)[1] == anchor:
            target = dict(scope).get(anchor, target)
        return self.refer(ref, target, scope)

    def inner(self, place: Place, key: str, value: Any, scope: _Scope, *way: str | int) -> Any:
        """A subschema of `place`, at `key` and `way` from there."""
        child = self.document.place(value, place, pointer([key, *way]))
        if child.base != place.base:
            scope = self.scope_in(scope, child)
        return self.schema(child, scope)

    def keyword(self, place: Place, key: str, value: Any, scope: _Scope) -> Any:
        if key in SUBSCHEMA_LISTS and isinstance(value, list):
            return [self.inner(place, key, item, scope, at) for at, item in enumerate(value)]
        if key in SUBSCHEMA_MAPS:
            if not isinstance(value, dict):
                raise SchemaError(
                    f"{key} must be an object, not {kind_of_value(value)}.",
                    path=place.path,
                    keyword=key,
                    hint="Map each name to a schema.",
                )
            if key == "patternProperties":
                for pattern in value:
                    require_pattern(key, pattern, place.path)
            return {name: self.inner(place, key, item, scope, name) for name, item in value.items()}
        if key in SUBSCHEMAS:
            return self.inner(place, key, value, scope)
        require_shape(key, value, place.path)
        return int(value) if key in COUNTS else value

    def older_forms(self, place: Place, result: JsonSchema, scope: _Scope) -> None:
        """Convert the keywords that drafts before 2020-12 wrote otherwise."""
        node = place.node
        if isinstance(result.get("items"), list):
            result["prefixItems"] = result.pop("items")
            if "additionalItems" in node:
                rest = self.inner(place, "additionalItems", node["additionalItems"], scope)
                result["items"] = rest
            if not result["prefixItems"]:
                del result["prefixItems"]
        for bound, exclusive in (("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")):
            if isinstance(result.get(exclusive), bool):
                is_exclusive = result.pop(exclusive)
                if is_exclusive and bound in result:
                    result[exclusive] = result.pop(bound)
        dependencies = node.get("dependencies")
        if not isinstance(dependencies, dict):
            return
        for name, needed in dependencies.items():
            if isinstance(needed, dict | bool):
                schema = self.inner(place, "dependencies", needed, scope, name)
                result.setdefault("dependentSchemas", {})[name] = schema
            else:
                names = [needed] if isinstance(needed, str) else needed
                required = self.keyword(place, "required", names, scope)
                result.setdefault("dependentRequired", {})[name] = required


def _name_from(ref: str) -> str:
    """A name for a definition, from the last step of the reference to it."""
    last = unquote(ref).rstrip("#/").rsplit("/", 1)[-1].lstrip("#")
    return re.sub(r"[^A-Za-z0-9_.-]+", "_", last).strip("_")[:60] or "root"
