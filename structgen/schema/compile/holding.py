"""Whether a value is one of a part of the source."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from structgen.schema.compile.keywords import Schema, assertions, types_of
from structgen.schema.compile.source import Source
from structgen.schema.json import json_type
from structgen.schema.target import Target
from structgen.values import Json


def test_of(target: Target[Any], source: Source, schema: Schema) -> Callable[[Json], bool]:
    """A test for a part of the source: by type first, by jsonschema if that is not enough.

    Args:
        target: The target whose schema it is a part of.
        source: The same schema, with its definitions at hand.
        schema: The part.
    """
    followed = source.follow(schema)
    types = types_of(followed) if isinstance(followed, dict) else None
    only_type = isinstance(followed, dict) and assertions(followed).keys() == {"type"}

    def test(value: Json) -> bool:
        if types is not None:
            actual = json_type(value)
            if actual not in types and not (actual == "integer" and "number" in types):
                return False
            if only_type:
                return True
        from structgen.schema.validate.validator import OverBudgetError

        try:
            return bool(target.validator.evolve(schema=schema).is_valid(value))
        except (OverBudgetError, RecursionError):
            return False

    return test
