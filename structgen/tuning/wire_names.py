"""Names that fields could be asked for under, made of what the target itself says of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from structgen.errors import StructgenError
from structgen.schema.json import unescape
from structgen.schema.places import nodes_at, paths_in
from structgen.schema.renamed import renamed
from structgen.schema.target import Target
from structgen.values import JsonSchema

_MOST_WORDS: Final = 6
"""Words of a name that is made of a description: more are a sentence, and no name."""
_ARTICLES: Final = frozenset({"a", "an", "the"})
_WORD: Final = re.compile(r"[^\W_]+")
_ENDS: Final = re.compile(r"[.,;:()\n]|\s[-–—]\s")
"""The end of the first phrase of a description."""


def proposed_names(target: Target[Any]) -> list[dict[str, str]]:
    """Propose names on the wire: of the titles of fields, and of their descriptions.

    Args:
        target: What is extracted.

    Returns:
        Names by path, as the option `wire_names` has them; a way that gives no field another name
        is left out.
    """
    ways = [_names(target.schema, way) for way in (_of_title, _of_description)]
    return [names for names in ways if names and _can_be_given(target, names)]


def _can_be_given(target: Target[Any], names: Mapping[str, str]) -> bool:
    try:
        renamed(target, names)
    except StructgenError:
        return False
    return True


def _names(root: JsonSchema, way: Callable[[Mapping[str, Any]], str]) -> dict[str, str]:
    """The names that one way gives, but for those that another field of the record has."""
    found: dict[str, str] = {}
    taken: dict[str, set[str]] = {}
    for path in paths_in(root):
        above, _, last = path.rpartition("/")
        own = unescape(last)
        records = [node["properties"] for node in _records_at(root, above)]
        fields = [fields[own] for fields in records if own in fields]
        said: dict[str, Any] = {}
        for field in fields:
            said = {**(field if isinstance(field, dict) else {}), **said}
        name = way(said)
        others = taken.setdefault(above, {name for fields in records for name in fields})
        if name and _plain(name) != _plain(own) and name not in others:
            others.add(name)
            found[path] = name
    return found


def _records_at(root: JsonSchema, path: str) -> list[JsonSchema]:
    return [node for node in nodes_at(root, path, "wire_names") if node.get("properties")]


def _of_title(field: Mapping[str, Any]) -> str:
    title = field.get("title")
    return _as_name(title) if isinstance(title, str) else ""


def _of_description(field: Mapping[str, Any]) -> str:
    description = field.get("description")
    if not isinstance(description, str):
        return ""
    phrase = _ENDS.split(description.strip(), maxsplit=1)[0]
    name = _as_name(phrase)
    return name if name.count("_") < _MOST_WORDS else ""


def _as_name(text: str) -> str:
    words = _WORD.findall(text.lower())
    return "_".join(word for word in words if word not in _ARTICLES)


def _plain(name: str) -> str:
    return "".join(_WORD.findall(name.lower()))
