"""jsonschema's validator for draft 2020-12 with ECMA-262 patterns in bounded time, and the formats of `formats.py`.

The schemas are those that `drafts.upgrade` and `generate` make: references are "#" or "#/$defs/NAME".
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from typing import Any, Final

from jsonschema import Draft202012Validator, FormatChecker, ValidationError
from jsonschema.protocols import Validator
from jsonschema.validators import extend

from structgen.schema.json import resolve
from structgen.schema.validate.formats import FORMATS
from structgen.schema.validate.patterns import matches
from structgen.values import Json, JsonSchema


class _Formats(FormatChecker):
    """The formats that are checked; it also carries what a validator of a part does not know: the whole schema, and how many
    references may still be followed."""

    def __init__(self, root: JsonSchema, budget: int) -> None:
        super().__init__(formats=())
        self.root = root
        self.budget = budget

    def conforms(self, instance: object, format: str) -> bool:
        return not isinstance(instance, str) or format not in FORMATS or FORMATS[format](instance)


_REFERENCES: Final = 20_000
"""References followed for one small value. A schema can ask for exponentially many; this many take a few seconds."""


class OverBudgetError(Exception):
    """The check would take longer than a few seconds."""


def validator_of(schema: JsonSchema, size: int = 0) -> Validator:
    """A validator of a target's schema, for one value of `size` characters of JSON; its methods raise OverBudgetError."""
    validator: Validator = _Draft(schema, format_checker=_Formats(schema, _REFERENCES + 10 * size))
    return validator


def _ref(validator: Any, ref: str, value: Json, schema: JsonSchema) -> Iterator[ValidationError]:
    shared = validator.format_checker
    shared.budget -= 1
    if shared.budget < 0:
        raise OverBudgetError
    yield from validator.descend(value, resolve(shared.root, ref))


def _pattern(
    validator: Any, pattern: str, value: Json, schema: JsonSchema
) -> Iterator[ValidationError]:
    if isinstance(value, str) and not matches(pattern, value):
        yield ValidationError(f"does not match {pattern!r}")


def _format(
    validator: Any, name: str, value: Json, schema: JsonSchema
) -> Iterator[ValidationError]:
    if not validator.format_checker.conforms(value, name):
        yield ValidationError(f"is no {name}")


def _multiple_of(
    validator: Any, divisor: float, value: Json, schema: JsonSchema
) -> Iterator[ValidationError]:
    """Of the numbers as they are written in decimal: 0.3 is a multiple of 0.1."""
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if is_number and (Fraction(str(value)) / Fraction(str(divisor))).denominator != 1:
        yield ValidationError(f"is no multiple of {divisor}")


def _properties(
    validator: Any, properties: JsonSchema, value: Json, schema: JsonSchema
) -> Iterator[ValidationError]:
    for name in properties if isinstance(value, dict) else ():
        if name in value:
            yield from _member(validator, properties[name], value, name, name)


def _pattern_properties(
    validator: Any, patterns: JsonSchema, value: Json, schema: JsonSchema
) -> Iterator[ValidationError]:
    for pattern, inner in patterns.items() if isinstance(value, dict) else ():
        for name in value:
            if matches(pattern, name):
                yield from _member(validator, inner, value, name, pattern)


def _additional_properties(
    validator: Any, inner: Any, value: Json, schema: JsonSchema
) -> Iterator[ValidationError]:
    if isinstance(value, dict):
        yield from _rest(validator, inner, value, _declared(schema, value))


def _unevaluated_properties(
    validator: Any, inner: Any, value: Json, schema: JsonSchema
) -> Iterator[ValidationError]:
    if isinstance(value, dict):
        yield from _rest(validator, inner, value, _evaluated(validator, schema, value))


def _rest(
    validator: Any, inner: Any, value: JsonSchema, known: set[str]
) -> Iterator[ValidationError]:
    for name in value:
        if name not in known:
            yield from _member(validator, inner, value, name, None)


def _member(
    validator: Any, inner: Any, value: JsonSchema, name: str, step: str | None
) -> Iterator[ValidationError]:
    """The errors of one member; jsonschema's own of a schema that is false do not say where."""
    if inner is False:
        way = () if step is None else (step,)
        yield ValidationError(
            "is not allowed", path=[name], schema_path=way, instance=value[name], schema=False
        )
    else:
        yield from validator.descend(value[name], inner, path=name, schema_path=step)


def _declared(schema: JsonSchema, value: JsonSchema) -> set[str]:
    """The members that `properties` and `patternProperties` speak of."""
    patterns = schema.get("patternProperties", {})
    return {
        name
        for name in value
        if name in schema.get("properties", {})
        or any(matches(pattern, name) for pattern in patterns)
    }


def _evaluated(validator: Any, schema: Any, value: JsonSchema) -> set[str]:
    """The members that the schema, with what it applies in place, has evaluated (draft 2020-12 core, §11.3)."""
    if not isinstance(schema, dict):
        return set()
    if "additionalProperties" in schema:
        return set(value)
    found = _declared(schema, value)

    def valid(inner: Any) -> bool:
        return bool(validator.evolve(schema=inner).is_valid(value))

    inner = [
        choice
        for key in ("allOf", "anyOf", "oneOf")
        for choice in schema.get(key, ())
        if valid(choice)
    ]
    inner += [
        needed for name, needed in schema.get("dependentSchemas", {}).items() if name in value
    ]
    if "$ref" in schema:
        inner.append(resolve(validator.format_checker.root, schema["$ref"]))
    if "if" in schema:
        holds = valid(schema["if"])
        inner += [schema["if"], schema.get("then", {})] if holds else [schema.get("else", {})]
    if (
        schema.get("unevaluatedProperties", False) is not False
        and inner
        and valid({"unevaluatedProperties": True})
    ):
        found |= set(value) if schema["unevaluatedProperties"] is True else set()
    for choice in inner:
        found |= _evaluated(validator, choice, value)
        if isinstance(choice, dict) and "unevaluatedProperties" in choice and valid(choice):
            found = set(value)
    return found


_Draft: Final[Any] = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {
        "$ref": _ref,
        "pattern": _pattern,
        "format": _format,
        "multipleOf": _multiple_of,
        "properties": _properties,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
        "unevaluatedProperties": _unevaluated_properties,
    },
)
