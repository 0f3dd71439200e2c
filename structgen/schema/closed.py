"""A type's schema with its records closed: such a schema leaves open what else they may have."""

from __future__ import annotations

from typing import Any, Final

_DATA: Final = frozenset({"const", "enum", "default", "examples"})
"""Keywords that hold data, in which nothing is a schema."""


def close_records(schema: Any) -> Any:
    """Allow no members besides a record's fields.

    Args:
        schema: The schema of a type.

    Returns:
        A copy in which every record that does not say otherwise is closed.
    """
    if isinstance(schema, list):
        return [close_records(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: value if key in _DATA else close_records(value) for key, value in schema.items()}
    is_record = schema.get("type") == "object" and "properties" in schema
    return {"additionalProperties": False, **found} if is_record else found
