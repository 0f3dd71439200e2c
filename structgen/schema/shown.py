"""Plain data of a value that is looked at, whether or not its type reads it back."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from structgen.errors import SchemaError
from structgen.schema.source.writer import json_serializer, write
from structgen.values import Json

if TYPE_CHECKING:
    from structgen.schema.target import Target


def shown(target: Target[Any], value: Any) -> Json:
    """Write a value as plain JSON data in which its leaves can be looked up.

    `Target.dump` refuses a value whose validators do not accept what they return, as one that puts
    a prefix before a number does. Confidence, evidence and doubts are still told of it.

    Args:
        target: What the value is of.
        value: The value.

    Returns:
        What `dump` gives; if it refuses the value, the value by its fields' validation aliases.

    Raises:
        SchemaError: If JSON cannot represent the value.
    """
    try:
        return target.dump(value)
    except SchemaError:
        if target.adapter is None:
            raise
        with suppress(Exception):  # a serializer may raise anything; the error here says more
            mirror = json_serializer(target.adapter.core_schema, "none")
            return write(mirror, value, set_only=False)[0]
        raise
