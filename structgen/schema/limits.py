"""A language's bounds on a schema: what can be met by another form is, the rest is an error before any call."""

from __future__ import annotations

from structgen.schema.subset import SchemaSubset
from structgen.types import JsonSchema


def enforce_limits(schema: JsonSchema, subset: SchemaSubset) -> JsonSchema:
    return schema
