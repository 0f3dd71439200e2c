"""jsonschema's validator for draft 2020-12, with patterns in bounded time and our own formats.

The schemas are those that `drafts.upgrade` and `generate` make: references are "#" or
"#/$defs/NAME".
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Final

from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend

from structgen.schema.json import constant_key, resolve
from structgen.schema.validate.formats import FORMATS
from structgen.schema.validate.patterns import matches
from structgen.values import Json, JsonSchema


class _Formats(FormatChecker):
    """The formats that are checked, and what the validators of all parts share."""

    def __init__(self, root: JsonSchema, budget: int) -> None:
        super().__init__(formats=())
        self.root = root
        self.references_left = budget
        self.valid: set[tuple[str, int]] = set()
        """The references that a container was found valid under, by its identity."""

    def conforms(self, instance: object, format: str) -> bool:
        return not isinstance(instance, str) or format not in FORMATS or FORMATS[format](instance)


_REFERENCES: Final = 20_000
"""References followed for one small value: a few seconds. A schema can ask for
exponentially many.
"""


class OverBudgetError(Exception):
    """The check would take longer than a few seconds."""


def validator_of(schema: JsonSchema, size: int = 0) -> Validator:
    """A validator for one value; its methods raise OverBudgetError.

    Args:
        schema: A target's schema.
        size: How long the value is as JSON, in characters; longer values may follow
            more references.
    """
    formats = _Formats(schema, _REFERENCES + 10 * size)
    validator: Validator = _DRAFT(schema, format_checker=formats)
    return validator


def _ref(validator: Any, ref: str, value: Json, schema: JsonSchema) -> Iterator[ValidationError]:
    shared = validator.format_checker
    shared.references_left -= 1
    if shared.references_left < 0:
        raise OverBudgetError
    known = (ref, id(value))
    if known in shared.valid:
        return
    is_valid = True
    for error in validator.descend(value, _end_of_chain(shared, ref)):
        is_valid = False
        yield error
    if is_valid and isinstance(value, dict | list):
        shared.valid.add(known)


def _end_of_chain(shared: _Formats, ref: str) -> Any:
    """The schema that a reference leads to, through others that are nothing but a reference."""
    schema = resolve(shared.root, ref)
    while isinstance(schema, dict) and schema.keys() == {"$ref"} and shared.references_left > 0:
        shared.references_left -= 1
        schema = resolve(shared.root, schema["$ref"])
    return schema


def _pattern(
    validator: Any, pattern: str, value: Json, schema: JsonSchema
) -> Iterator[ValidationError]:
    if isinstance(value, str) and not matches(pattern, value):
        yield ValidationError(f"does not match {pattern!r}")


def _format(
    validator: Any, name: str, value: Json, schema: JsonSchema
) -> Iterator[ValidationError]:
    if not validator.format_checker.conforms(value, name):
        yield ValidationError(f"is not a {name}")


def _multiple_of(
    validator: Any, divisor: float, value: Json, schema: JsonSchema
) -> Iterator[ValidationError]:
    """Compare the numbers as they are written in decimal: 0.3 is a multiple of 0.1."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return
    if (Fraction(str(value)) / Fraction(str(divisor))).denominator != 1:
        yield ValidationError(f"is not a multiple of {divisor}")


def _unique_items(
    validator: Any, is_unique: bool, value: Json, schema: JsonSchema
) -> Iterator[ValidationError]:
    if is_unique and isinstance(value, list) and len(set(map(constant_key, value))) < len(value):
        yield ValidationError("has an item twice")


def _properties(
    validator: Any, properties: JsonSchema, value: Json, schema: JsonSchema
) -> Iterator[ValidationError]:
    if not isinstance(value, dict):
        return
    for name in properties:
        if name in value:
            yield from _member(validator, properties[name], value, name, name)


def _pattern_properties(
    validator: Any, patterns: JsonSchema, value: Json, schema: JsonSchema
) -> Iterator[ValidationError]:
    if not isinstance(value, dict):
        return
    for pattern, inner in patterns.items():
        for name in value:
            if matches(pattern, name):
                yield from _member(validator, inner, value, name, pattern)


def _additional_properties(
    validator: Any, inner: Any, value: Json, schema: JsonSchema
) -> Iterator[ValidationError]:
    if isinstance(value, dict):
        yield from _undeclared(validator, inner, value, _declared(schema, value))


def _unevaluated_properties(
    validator: Any, inner: Any, value: Json, schema: JsonSchema
) -> Iterator[ValidationError]:
    if isinstance(value, dict):
        yield from _undeclared(validator, inner, value, _evaluated(validator, schema, value))


def _undeclared(
    validator: Any, inner: Any, value: JsonSchema, known: set[str]
) -> Iterator[ValidationError]:
    for name in value:
        if name not in known:
            yield from _member(validator, inner, value, name, None)


def _member(
    validator: Any, inner: Any, value: JsonSchema, name: str, step: str | None
) -> Iterator[ValidationError]:
    """The errors of one member; jsonschema's own for a schema `false` do not say where."""
    if inner is False:
        yield ValidationError(
            "is not allowed",
            path=[name],
            schema_path=() if step is None else (step,),
            instance=value[name],
            schema=False,
        )
    else:
        yield from validator.descend(value[name], inner, path=name, schema_path=step)


def _declared(schema: JsonSchema, value: JsonSchema) -> set[str]:
    """The members of `value` that `properties` or `patternProperties` cover."""
    properties, patterns = schema.get("properties", {}), schema.get("patternProperties", {})

    def is_declared(name: str) -> bool:
        return name in properties or any(matches(pattern, name) for pattern in patterns)

    return {name for name in value if is_declared(name)}


def _evaluated(validator: Any, schema: Any, value: JsonSchema) -> set[str]:
    """The members that a schema and its subschemas evaluate (draft 2020-12 core, §11.3)."""
    if not isinstance(schema, dict):
        return set()
    if "additionalProperties" in schema:
        return set(value)
    found = _declared(schema, value)
    inner = _applied_in_place(validator, schema, value)
    if schema.get("unevaluatedProperties") is True and inner:
        found |= set(value)
    for choice in inner:
        found |= _evaluated(validator, choice, value)
        is_closed = isinstance(choice, dict) and "unevaluatedProperties" in choice
        if is_closed and _is_valid(validator, choice, value):
            found = set(value)
    return found


def _applied_in_place(validator: Any, schema: JsonSchema, value: JsonSchema) -> list[Any]:
    """The subschemas that look at the same value and hold for it."""
    found = [
        choice
        for key in ("allOf", "anyOf", "oneOf")
        for choice in schema.get(key, ())
        if _is_valid(validator, choice, value)
    ]
    dependent = schema.get("dependentSchemas", {})
    found += [needed for name, needed in dependent.items() if name in value]
    if "$ref" in schema:
        found.append(resolve(validator.format_checker.root, schema["$ref"]))
    if "if" in schema:
        if _is_valid(validator, schema["if"], value):
            found += [schema["if"], schema.get("then", {})]
        else:
            found.append(schema.get("else", {}))
    return found


def _is_valid(validator: Any, schema: Any, value: Json) -> bool:
    return bool(validator.evolve(schema=schema).is_valid(value))


_DRAFT: Final[Any] = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {
        "$ref": _ref,
        "pattern": _pattern,
        "format": _format,
        "multipleOf": _multiple_of,
        "uniqueItems": _unique_items,
        "properties": _properties,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "unevaluatedProperties": _unevaluated_properties,
    },
)
