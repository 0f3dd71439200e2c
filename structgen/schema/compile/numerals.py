"""Write equal values in the one way that a grammar lets a model write them."""

from __future__ import annotations

from typing import Any

from structgen.schema.compile.forms import Defs, fits, leaves, types
from structgen.schema.compile.keywords import listed_values
from structgen.schema.json import same_json
from structgen.schema.validate.patterns import matches
from structgen.values import Json, JsonSchema


def as_decoded(schema: JsonSchema, answer: Json) -> Json:
    """An answer as a decoder would write it: `60000.0` as `60000`, `1.0` as the `1` of an enum.

    Args:
        schema: The compiled schema.
        answer: The answer, encoded from data that the user wrote.
    """
    return _written(schema.get("$defs", {}), schema, answer)


def _written(defs: Defs, node: Any, value: Json) -> Json:
    if isinstance(value, str | bool | None) or not isinstance(node, dict):
        return value
    forms = list(leaves(defs, node))
    for listed in map(listed_values, forms):
        for one in listed or ():
            if same_json(one, value):
                return one
    if isinstance(value, float):
        is_whole = value.is_integer() and not any("number" in types(form) for form in forms)
        return int(value) if is_whole else value
    if not isinstance(value, list | dict):
        return value
    if len(forms) > 1:
        forms = [form for form in forms if fits(defs, form)(value)]
    form = forms[0] if forms else {}
    if isinstance(value, list):
        head, rest = form.get("prefixItems", []), form.get("items")
        parts = [*head, *[rest] * (len(value) - len(head))]
        return [_written(defs, part, item) for part, item in zip(parts, value, strict=False)]
    return {name: _written(defs, _member(form, name), item) for name, item in value.items()}


def _member(form: JsonSchema, name: str) -> Any:
    """The schema of a member."""
    properties = form.get("properties", {})
    if name in properties:
        return properties[name]
    patterns = form.get("patternProperties", {}).items()
    found = (schema for pattern, schema in patterns if matches(pattern, name))
    return next(found, form.get("additionalProperties"))
