"""A schema without some of its keywords, for fingerprints in which these play no part."""

from __future__ import annotations

from collections.abc import Set
from typing import Any, Final

_NAMED: Final = frozenset({"properties", "patternProperties", "$defs"})
"""Keywords whose members are named by the user."""


def without_keywords(schema: Any, keywords: Set[str]) -> Any:
    """Remove keywords from a schema and from all schemas in it.

    Args:
        schema: The schema. It is not changed.
        keywords: The keywords. Members of the user's that are called so stay.
    """
    if isinstance(schema, list):
        return [without_keywords(one, keywords) for one in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        key: {name: without_keywords(one, keywords) for name, one in inner.items()}
        if key in _NAMED and isinstance(inner, dict)
        else without_keywords(inner, keywords)
        for key, inner in schema.items()
        if key not in keywords
    }
