"""JSON Schema (draft 2020-12) of a Pydantic core schema: whatever the type refuses and a schema can say, it says.

Pydantic's own generator leaves decimals unchecked, maps with patterned keys open, aliases into paths out, and naive times under a
format that demands an offset. What no schema can say (a validator function, "in the past") is marked where it stands, and
`take_marks` turns the marks into notes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from enum import Flag
from typing import Any, Final, cast

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import PydanticSerializationError

from structgen.errors import SchemaError
from structgen.schema.source.reader import is_users
from structgen.schema.validate.patterns import is_portable
from structgen.values import JsonSchema, Note

MARK: Final = "x-structgen-checked"

_HOUR: Final = r"(?:[01]\d|2[0-3])"
_OFFSET: Final = rf"(?:Z|[+-]{_HOUR}:[0-5]\d)"
_CLOCK: Final = rf"{_HOUR}:[0-5]\d(?::[0-5]\d(?:\.\d{{1,6}})?)?"
_DAY: Final = r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
_SECONDS: Final = r"\d{1,9}(?:\.\d{1,6})?S"
_CLOCKED: Final = (
    rf"T(?:\d{{1,9}}H(?:\d{{1,9}}M)?(?:{_SECONDS})?|\d{{1,9}}M(?:{_SECONDS})?|{_SECONDS})"
)
DURATION: Final = rf"^-?P(?:\d{{1,8}}W|\d{{1,9}}D(?:{_CLOCKED})?|{_CLOCKED})$"
"""ISO 8601 durations that have one length: no years, no months."""

_BASE64: Final = {"base64": r"^[A-Za-z0-9_-]*={0,2}$", "hex": r"^(?:[0-9A-Fa-f]{2})*$"}
_INTEGER_KEY: Final = r"^-?\d+$"
_NUMBER_KEY: Final = r"^-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?$"


def marked(schema: JsonSchemaValue, keyword: str, detail: str) -> JsonSchemaValue:
    return schema | {MARK: [*schema.get(MARK, ()), (keyword, detail)]}


def take_marks(schema: Any, path: str = "") -> Iterator[Note]:
    """Removes the marks from a finished schema and gives them as notes."""
    if isinstance(schema, dict):
        for keyword, detail in schema.pop(MARK, ()):
            yield Note(path, keyword, "checked", detail)
    for key, inner in (
        schema.items()
        if isinstance(schema, dict)
        else enumerate(schema)
        if isinstance(schema, list)
        else ()
    ):
        if isinstance(inner, dict | list):
            yield from take_marks(inner, f"{path}/{str(key).replace('~', '~0').replace('/', '~1')}")


def _has_key(data: Any, keys: frozenset[str]) -> bool:
    if isinstance(data, dict):
        return not keys.isdisjoint(data) or any(_has_key(value, keys) for value in data.values())
    return isinstance(data, list) and any(_has_key(item, keys) for item in data)


class TargetSchema(GenerateJsonSchema):
    """The generator that targets use."""

    ignored_warning_kinds = {"skipped-choice", "non-serializable-default", "skipped-discriminator"}  # noqa: RUF012

    def encode_default(self, dft: Any) -> Any:
        """A default as JSON data. One with a member called `$ref` or `$defs` counts as not serializable and is left out: Pydantic
        would take it for a part of the schema."""
        data = super().encode_default(dft)
        if _has_key(data, frozenset({"$ref", "$defs"})):
            raise PydanticSerializationError("a default that reads like a schema")
        return data

    def sort(self, value: JsonSchemaValue, parent_key: str | None = None) -> JsonSchemaValue:
        """Keywords keep the order in which they were made, as fields do."""
        return value

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> JsonSchemaValue:
        raise SchemaError(
            f"{error_info} has no JSON form.",
            keyword=str(schema.get("type")),
            hint="Use a type that JSON can carry, or give it a core schema with a JSON form.",
        )

    # ---- scalars --------------------------------------------------------------------------------------------------------

    def decimal_schema(self, schema: Any) -> JsonSchemaValue:
        """Text keeps every digit; a number is taken as well."""
        number = self.float_schema(
            cast(
                Any,
                {"type": "float"}
                | {k: float(schema[k]) for k in _BOUNDS if schema.get(k) is not None},
            )
        )
        digits, places = schema.get("max_digits"), schema.get("decimal_places")
        whole = None if digits is None else digits - (places or 0)
        if whole is not None:
            number |= (
                {"exclusiveMinimum": -(10**whole), "exclusiveMaximum": 10**whole}
                if not number.keys() & _LIMITS
                else {}
            )
        pattern = _decimal_pattern(whole, places, schema.get("allow_inf_nan", False))
        result: JsonSchemaValue = {"anyOf": [{"type": "string", "pattern": pattern}, number]}
        for limit in [
            k for k in ("max_digits", "decimal_places", *_BOUNDS) if schema.get(k) is not None
        ]:
            result = marked(result, limit, f"{limit} = {schema[limit]} of a decimal")
        return result

    def str_schema(self, schema: Any) -> JsonSchemaValue:
        result = super().str_schema(schema)
        given = schema.get("pattern")
        flags = given.flags & ~re.UNICODE if isinstance(given, re.Pattern) else 0
        if "pattern" in result and (flags or not is_portable(result["pattern"])):
            result = marked(
                result,
                "pattern",
                f"the pattern {result.pop('pattern')!r} is one of the type's own language",
            )
        if schema.get("strip_whitespace") and result.keys() & {"minLength", "maxLength", "pattern"}:
            result = marked(
                result,
                "strip_whitespace",
                "the limits hold after surrounding white space is removed",
            )
        return result

    def bytes_schema(self, schema: Any) -> JsonSchemaValue:
        """Text in the encoding that the type reads; a limit in bytes is one in characters only from above."""
        encoding = self._config.config_dict.get("val_json_bytes", "utf8")
        result: JsonSchemaValue = {"type": "string"}
        if encoding in _BASE64:
            result |= {"pattern": _BASE64[encoding]} | (
                {"contentEncoding": "base64"} if encoding == "base64" else {}
            )
        elif (most := schema.get("max_length")) is not None:
            result["maxLength"] = most
        for limit in ("min_length", "max_length"):
            if schema.get(limit) is not None:
                result = marked(result, limit, f"{limit} = {schema[limit]} bytes")
        return result

    def date_schema(self, schema: Any) -> JsonSchemaValue:
        return _temporal({"type": "string", "format": "date"}, schema)

    def datetime_schema(self, schema: Any) -> JsonSchemaValue:
        """`format: date-time` demands an offset, so it stands only where the type does."""
        if schema.get("tz_constraint") == "aware":
            return _temporal({"type": "string", "format": "date-time"}, schema)
        offset = "" if schema.get("tz_constraint") == "naive" else f"{_OFFSET}?"
        pattern = {"type": "string", "pattern": f"^{_DAY}[T ]{_CLOCK}{offset}$"}
        return _temporal(marked(pattern, "pattern", "the month has that day"), schema)

    def time_schema(self, schema: Any) -> JsonSchemaValue:
        offset = {"naive": "", "aware": _OFFSET}.get(schema.get("tz_constraint"), f"{_OFFSET}?")
        return _temporal({"type": "string", "pattern": f"^{_CLOCK}{offset}$"}, schema)

    def timedelta_schema(self, schema: Any) -> JsonSchemaValue:
        return _temporal(
            marked({"type": "string", "pattern": DURATION}, "pattern", "at most 999999999 days"),
            schema,
        )

    def url_schema(self, schema: Any) -> JsonSchemaValue:
        return _url(super().url_schema(schema), schema)

    def multi_host_url_schema(self, schema: Any) -> JsonSchemaValue:
        return _url(super().multi_host_url_schema(schema), schema)

    def enum_schema(self, schema: Any) -> JsonSchemaValue:
        """A flag is any sum of its members."""
        result = super().enum_schema(schema)
        if issubclass(schema["cls"], Flag):
            most = sum(
                {
                    bit
                    for member in schema["members"]
                    for bit in [member.value]
                    if bit & (bit - 1) == 0
                }
            )
            result = {key: value for key, value in result.items() if key not in ("enum", "const")}
            result |= {"type": "integer", "minimum": 0, "maximum": most}
        return result

    # ---- objects --------------------------------------------------------------------------------------------------------

    def _common_dict_schema(self, schema: Any) -> JsonSchemaValue:
        values = (
            self.generate_inner(schema["values_schema"]).copy() if "values_schema" in schema else {}
        )
        values.pop("title", None)
        keys = (
            self._keys(self.generate_inner(schema["keys_schema"]))
            if "keys_schema" in schema
            else {}
        )
        result: JsonSchemaValue = {"type": "object"}
        if keys.keys() <= {"type", "pattern"} and "pattern" in keys:
            result |= {
                "patternProperties": {keys["pattern"]: values},
                "additionalProperties": False,
            }
        else:
            result |= {"additionalProperties": values or True} | (
                {"propertyNames": keys} if keys.keys() - {"type"} else {}
            )
        self.update_with_validations(result, schema, self.ValidationsMapping.object)
        return result

    def _keys(self, keys: JsonSchemaValue) -> JsonSchemaValue:
        """What the names of a map's members must be: JSON has text alone for names."""
        if "$ref" in keys:
            keys = self.get_schema_from_definitions(cast(Any, keys["$ref"])) or {}
        if "anyOf" in keys:
            choices = [self._keys(choice) for choice in keys["anyOf"] if choice != {"type": "null"}]
            return {"anyOf": choices} if len(choices) > 1 else choices[0]
        constants = keys.get("enum", [keys["const"]] if "const" in keys else [])
        if constants and ({type(constant) for constant in constants} in ({str}, {int})):
            return {"enum": [str(constant) for constant in constants]}
        forms: dict[Any, JsonSchemaValue] = {
            "string": {
                k: v
                for k, v in keys.items()
                if k not in ("title", "description", "examples", "default")
            },
            "integer": {"type": "string", "pattern": _INTEGER_KEY},
            "number": {"type": "string", "pattern": _NUMBER_KEY},
            "boolean": {"enum": ["true", "false"]},
            None: {},
        }
        kind = keys.get("type")
        if (
            constants
            or kind not in forms
            or (kind is None and keys.keys() - {"title", "description", MARK})
        ):
            raise SchemaError(
                f"The keys of a map are {'mixed constants' if constants else kind or 'composite'}, and JSON has text for keys.",
                keyword="propertyNames",
                hint="Use a list of entries, or keys that are strings, numbers, dates or constants.",
            )
        limits = (
            sorted(keys.keys() & (_LIMITS | {"multipleOf"}))
            if kind in ("integer", "number")
            else []
        )
        return (
            marked(forms[kind], "propertyNames", f"{', '.join(limits)} of the keys")
            if limits
            else forms[kind]
        )

    def _named_required_fields_schema(self, named_required_fields: Any) -> JsonSchemaValue:
        result = super()._named_required_fields_schema(named_required_fields)
        for name, required, field in named_required_fields:
            path = wire_path(field, name, self._by_name)
            if len(path) > 1 and (leaf := result["properties"].pop(name, None)) is not None:
                result["required"] = [n for n in result.get("required", ()) if n != name]
                _place(result, path, leaf, required)
        if not result.get("required", True):
            del result["required"]
        return result

    def _get_alias_name(self, field: Any, name: str) -> str:
        path = wire_path(field, name, self._by_name)
        return str(path[0]) if len(path) == 1 else name

    @property
    def _by_name(self) -> bool:
        return not self._config.config_dict.get("validate_by_alias", True)

    # ---- what only the type can check -----------------------------------------------------------------------------------

    def function_before_schema(self, schema: Any) -> JsonSchemaValue:
        return _noted(super().function_before_schema(schema), schema)

    def function_after_schema(self, schema: Any) -> JsonSchemaValue:
        return _noted(super().function_after_schema(schema), schema)

    def function_wrap_schema(self, schema: Any) -> JsonSchemaValue:
        return _noted(super().function_wrap_schema(schema), schema)

    def function_plain_schema(self, schema: Any) -> JsonSchemaValue:
        return _noted(super().function_plain_schema(schema), schema)


_BOUNDS: Final = ("ge", "gt", "le", "lt", "multiple_of")
_LIMITS: Final = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})


def wire_path(field: Any, name: str, by_name: bool) -> list[str | int]:
    """Where a field stands in JSON: its name, its validation alias, the first plain one of several, or the first path."""
    alias = (
        name
        if by_name or field["type"] == "computed-field"
        else field.get("validation_alias", name)
    )
    if isinstance(alias, str):
        return [alias]
    paths = alias if alias and isinstance(alias[0], list) else [alias]
    return next((path for path in paths if len(path) == 1), list(paths[0]))


def _place(schema: JsonSchema, path: list[str | int], leaf: JsonSchema, required: bool) -> None:
    """Puts `leaf` at `path` below a schema, with the objects and arrays on the way."""
    step, rest = path[0], path[1:]
    holder: Any
    if isinstance(step, int):
        holder = schema.setdefault("prefixItems", [])
        holder.extend({} for _ in range(step + 1 - len(holder)))
        if required:
            schema["minItems"] = max(schema.get("minItems", 0), step + 1)
    else:
        holder = schema.setdefault("properties", {})
        if required and step not in schema.setdefault("required", []):
            schema["required"].append(step)
    if not rest:
        holder[step] = leaf
        return
    inner = holder[step] if isinstance(step, int) else holder.get(step)
    if not inner:
        holder[step] = inner = {"type": "array" if isinstance(rest[0], int) else "object"}
    _place(inner, rest, leaf, required)


def _decimal_pattern(whole: int | None, places: int | None, non_finite: bool) -> str:
    before = r"\d+" if whole is None else rf"0*\d{{1,{whole}}}" if whole > 0 else "0+"
    after = (
        r"(?:\.\d+)?"
        if places is None
        else rf"(?:\.\d{{1,{places}}}0*)?"
        if places > 0
        else r"(?:\.0+)?"
    )
    exponent = r"(?:[eE][-+]?\d+)?" if whole is None and places is None else ""
    finite = f"-?{before}{after}{exponent}"
    return f"^(?:{finite}|-?Infinity|NaN)$" if non_finite else f"^{finite}$"


def _temporal(result: JsonSchemaValue, schema: Any) -> JsonSchemaValue:
    for limit in ("now_op", "ge", "gt", "le", "lt"):
        if schema.get(limit) is not None:
            words = (
                f"must be in the {schema[limit]}"
                if limit == "now_op"
                else f"{limit} = {schema[limit]}"
            )
            result = marked(result, limit, words)
    return result


def _url(result: JsonSchemaValue, schema: Any) -> JsonSchemaValue:
    schemes = schema.get("allowed_schemes")
    return (
        marked(result, "format", f"the scheme is one of {', '.join(schemes)}")
        if schemes
        else result
    )


def _noted(result: JsonSchemaValue, schema: Any) -> JsonSchemaValue:
    """Marks a validator function of the user's; Pydantic's own say what they check in the schema."""
    function: Callable[..., Any] = schema["function"]["function"]
    if not is_users(function):
        return result
    name = (
        getattr(function, "__qualname__", type(function).__qualname__)
        .replace(".<locals>", "")
        .replace(".<lambda>", " lambda")
    )
    return marked(result, "validator", f"{name} of the type")
