"""JSON Schema (draft 2020-12) of a Pydantic core schema, with all that a schema can express.

Pydantic's own generator leaves decimals unchecked, maps with patterned keys open,
aliases into paths out, and naive times under a format that demands an offset. What no
schema can say (a validator function, "in the past") is marked in its place.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Flag
from typing import Any, Final, cast

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import PydanticSerializationError

from structgen.errors import SchemaError
from structgen.schema.json import escape
from structgen.schema.source.agreement import LEAVES, is_email, is_read_exactly, takes_names_too
from structgen.schema.source.marks import ALL, MARK, marked, widened
from structgen.schema.source.reader import is_pydantics, is_users
from structgen.schema.source.wire_path import place_field, wire_path
from structgen.schema.validate.pattern_tree import is_portable
from structgen.schema.validate.text_forms import BYTES, DURATION, INTEGER_KEY, NUMBER_KEY, text_form

_BOUNDS: Final = ("ge", "gt", "le", "lt", "multiple_of")
_RANGE: Final = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})
_LENGTHS: Final = ("minLength", "maxLength", "pattern")
_KEYWORDS_OF_KEYS: Final = ("propertyNames", "patternProperties", "additionalProperties")
_ANNOTATIONS: Final = frozenset({"title", "description", "examples", "default"})
_BY_NAME: Final = ("validate_by_name", "populate_by_name")
CHECK: Final = "x-structgen-check"
"""Marks a whole schema that values are checked against, because the reader may read more."""


class TargetSchema(GenerateJsonSchema):
    """The generator that targets use."""

    ignored_warning_kinds = {  # noqa: RUF012 - as Pydantic declares it
        "skipped-choice",
        "non-serializable-default",
        "skipped-discriminator",
    }

    needs_check = False
    """Whether the reader may read more than the schema says, with no note that says so."""

    def generate(self, schema: Any, mode: Any = "validation") -> JsonSchemaValue:
        self._place: list[str] = []  # the names of the fields around what is being generated
        result = super().generate(schema, mode)
        return result | {CHECK: True} if self.needs_check else result

    def generate_inner(self, schema: Any) -> JsonSchemaValue:
        self.needs_check |= not is_read_exactly(schema)
        result = super().generate_inner(schema)
        if schema.get("strict") is False and schema["type"] in LEAVES:
            return widened(result, "strict", "the type asks for lax reading", ALL)
        if is_email(schema) and "$ref" not in result:
            return widened(result, "email", "addresses beyond ASCII are read too", ("format",))
        return result

    def encode_default(self, dft: Any) -> Any:
        """A default as JSON data.

        One with a member called `$ref` or `$defs` counts as not serializable and is
        left out: Pydantic would take it for a part of the schema.
        """
        data = super().encode_default(dft)
        if _has_key(data, frozenset({"$ref", "$defs"})):
            raise PydanticSerializationError("a default that reads like a schema")
        return data

    def sort(self, value: JsonSchemaValue, parent_key: str | None = None) -> JsonSchemaValue:
        """Keep keywords in the order in which they were made, as fields are."""
        return value

    def handle_invalid_for_json_schema(self, schema: Any, error_info: str) -> JsonSchemaValue:
        what = _in_words(schema) or error_info
        where = f"The field {'.'.join(self._place)}" if self._place else "The type"
        raise SchemaError(
            f"{where} has no JSON form: nothing reads {what} from JSON.",
            path="".join(f"/properties/{escape(name)}" for name in self._place),
            keyword=str(schema.get("type")),
            hint="Leave it out of the target, or say how it is read and written: "
            "Annotated[X, PlainValidator(read), PlainSerializer(write), "
            "WithJsonSchema({'type': 'string'})].",
        )

    def union_schema(self, schema: Any) -> JsonSchemaValue:
        """A union without objects that have to be there already: JSON never has them."""
        choices = [one for one in schema["choices"] if not _is_an_instance(one)]
        if choices and len(choices) < len(schema["choices"]):
            schema = {**schema, "choices": choices}
        return super().union_schema(schema)

    # ---- scalars ---------------------------------------------------------------------

    def decimal_schema(self, schema: Any) -> JsonSchemaValue:
        """A decimal is text, which keeps every digit, or a number."""
        bounds = {key: float(schema[key]) for key in _BOUNDS if schema.get(key) is not None}
        number = self.float_schema(cast(Any, {"type": "float"} | bounds))
        digits, places = schema.get("max_digits"), schema.get("decimal_places")
        whole = None if digits is None else digits - (places or 0)
        if whole is not None and not number.keys() & _RANGE:
            number |= {"exclusiveMinimum": -(10**whole), "exclusiveMaximum": 10**whole}
        text = {"type": "string", "pattern": text_form(schema)}
        result: JsonSchemaValue = {"anyOf": [text, number]}
        for limit in ("max_digits", "decimal_places", *_BOUNDS):
            if schema.get(limit) is not None:
                result = marked(result, limit, f"{limit} = {schema[limit]} of a decimal")
        return result

    def str_schema(self, schema: Any) -> JsonSchemaValue:
        """A string; a pattern of Python's own language is left to the type."""
        result = super().str_schema(schema)
        given = schema.get("pattern")
        flags = given.flags & ~re.UNICODE if isinstance(given, re.Pattern) else 0
        if "pattern" in result and (flags or not is_portable(result["pattern"])):
            pattern = result.pop("pattern")
            detail = f"the pattern {pattern!r} is one of the type's own language"
            result = marked(result, "pattern", detail)
        if schema.get("strip_whitespace") and not result.keys().isdisjoint(_LENGTHS):
            detail = "the limits hold after surrounding white space is removed"
            result = marked(result, "strip_whitespace", detail)
            result = widened(result, "strip_whitespace", detail, _LENGTHS)
        if self._config.config_dict.get("coerce_numbers_to_str"):
            result = widened(result, "coerce_numbers_to_str", "numbers are read as text", ALL)
        return result

    def bytes_schema(self, schema: Any) -> JsonSchemaValue:
        """Text in the encoding that the type reads.

        A limit in bytes is also an upper bound in characters, but not a lower one.
        """
        encoding = self._config.config_dict.get("val_json_bytes", "utf8")
        result: JsonSchemaValue = {"type": "string"}
        if encoding in BYTES:
            result["pattern"] = BYTES[encoding]
            if encoding == "base64":
                result["contentEncoding"] = "base64"
        elif (most := schema.get("max_length")) is not None:
            result["maxLength"] = most
        for limit in ("min_length", "max_length"):
            if schema.get(limit) is not None:
                result = marked(result, limit, f"{limit} = {schema[limit]} bytes")
        return result

    def date_schema(self, schema: Any) -> JsonSchemaValue:
        return _temporal({"type": "string", "format": "date"}, schema)

    def datetime_schema(self, schema: Any) -> JsonSchemaValue:
        """`format: date-time` demands an offset, so it is used only if the type demands one too."""
        if schema.get("tz_constraint") == "aware":
            detail = "a space for the T is read too, and a time without seconds"
            result = widened(
                {"type": "string", "format": "date-time"}, "datetime", detail, ("format",)
            )
            return _temporal(result, schema)
        pattern = {"type": "string", "pattern": text_form(schema)}
        return _temporal(marked(pattern, "pattern", "the month has that day"), schema)

    def time_schema(self, schema: Any) -> JsonSchemaValue:
        return _temporal({"type": "string", "pattern": text_form(schema)}, schema)

    def timedelta_schema(self, schema: Any) -> JsonSchemaValue:
        pattern = {"type": "string", "pattern": DURATION}
        return _temporal(marked(pattern, "pattern", "at most 999999999 days"), schema)

    def url_schema(self, schema: Any) -> JsonSchemaValue:
        return _url(super().url_schema(schema), schema)

    def multi_host_url_schema(self, schema: Any) -> JsonSchemaValue:
        return _url(super().multi_host_url_schema(schema), schema)

    def enum_schema(self, schema: Any) -> JsonSchemaValue:
        """A flag may be any sum of its members."""
        result = super().enum_schema(schema)
        if is_users(schema["cls"]._missing_):
            result = widened(
                result, "_missing_", "the type also looks up what it does not list", ALL
            )
        if not issubclass(schema["cls"], Flag):
            return result
        values = {member.value for member in schema["members"]}
        single_bits = {value for value in values if value & (value - 1) == 0}
        rest = {key: value for key, value in result.items() if key not in ("enum", "const")}
        return rest | {"type": "integer", "minimum": 0, "maximum": sum(single_bits)}

    def _common_set_schema(self, schema: Any) -> JsonSchemaValue:
        result = super()._common_set_schema(schema)
        detail = "an item that comes twice is taken once"
        return widened(result, "uniqueItems", detail, ("uniqueItems", "maxItems"))

    # ---- objects ---------------------------------------------------------------------

    def call_schema(self, schema: Any) -> JsonSchemaValue:
        """Arguments by position are read by name too, and the other way round."""
        return _by_name_too(super().call_schema(schema))

    def named_tuple_schema(self, schema: Any) -> JsonSchemaValue:
        return _by_name_too(super().named_tuple_schema(schema))

    def _common_dict_schema(self, schema: Any) -> JsonSchemaValue:
        values: JsonSchemaValue = {}
        if "values_schema" in schema:
            values = self.generate_inner(schema["values_schema"]).copy()
            values.pop("title", None)
        keys: JsonSchemaValue = {}
        if "keys_schema" in schema:
            keys = self._keys(self.generate_inner(schema["keys_schema"]))
        marks = keys.pop(MARK, ())
        result: JsonSchemaValue = {"type": "object"}
        if keys.keys() <= {"type", "pattern"} and "pattern" in keys:
            result["patternProperties"] = {keys["pattern"]: values}
            result["additionalProperties"] = False
        else:
            result["additionalProperties"] = values or True
            if keys.keys() - {"type"}:
                result["propertyNames"] = keys
        for mark in marks:
            if mark.action == "checked":
                result = marked(result, mark.keyword, mark.detail)
            else:
                result = widened(result, mark.keyword, mark.detail, _KEYWORDS_OF_KEYS)
        self.update_with_validations(result, schema, self.ValidationsMapping.object)
        return result

    def _keys(self, keys: JsonSchemaValue) -> JsonSchemaValue:
        """The schema for the names of a map's members: in JSON every name is text."""
        if "$ref" in keys:
            keys = self.get_schema_from_definitions(cast(Any, keys["$ref"])) or {}
        if "anyOf" in keys:
            choices = [self._keys(choice) for choice in keys["anyOf"] if choice != {"type": "null"}]
            return {"anyOf": choices} if len(choices) > 1 else choices[0]
        constants = keys.get("enum", [keys["const"]] if "const" in keys else [])
        kinds = {type(constant) for constant in constants}
        if kinds in ({str}, {int}):
            return {"enum": [str(constant) for constant in constants]}
        kind = keys.get("type")
        own = {key: value for key, value in keys.items() if key not in _ANNOTATIONS}
        is_anything = kind is None and own.keys() <= {MARK}
        if constants or kind not in _KEY_FORMS or (kind is None and not is_anything):
            named = "mixed constants" if constants else kind or "composite"
            raise SchemaError(
                f"The keys of a map are {named}, but in JSON every key is text.",
                keyword="propertyNames",
                hint="Use a list of entries, or keys that are strings, numbers or dates.",
            )
        if kind == "string":
            return own
        form = dict(_KEY_FORMS[kind])
        limits = sorted(keys.keys() & (_RANGE | {"multipleOf"}))
        if limits:
            form = marked(form, "propertyNames", f"{', '.join(limits)} of the keys")
        if kind == "number":
            form = marked(form, "propertyNames", "each key is a number that a float can hold")
        return form

    def _named_required_fields_schema(self, named_required_fields: Any) -> JsonSchemaValue:
        result = super()._named_required_fields_schema(self._each(named_required_fields))
        for name, required, field in named_required_fields:
            path = wire_path(field, name, self._by_name)
            if len(path) > 1 and (leaf := result["properties"].pop(name, None)) is not None:
                result["required"] = [n for n in result.get("required", ()) if n != name]
                place_field(result, path, leaf, required)
        if not result.get("required", True):
            del result["required"]
        fields = [(name, field) for name, _, field in named_required_fields]
        if takes_names_too(fields, any(map(self._config.config_dict.get, _BY_NAME))):
            detail = "members are read under their other names too"
            result = widened(result, "alias", detail, ("required", "additionalProperties"))
        return result

    def _each(self, fields: Any) -> Any:
        """The fields, each of them the current place while it is looked at."""
        for name, required, field in fields:
            self._place.append(name)
            yield name, required, field
            self._place.pop()

    def _get_alias_name(self, field: Any, name: str) -> str:
        path = wire_path(field, name, self._by_name)
        return str(path[0]) if len(path) == 1 else name

    @property
    def _by_name(self) -> bool:
        return not self._config.config_dict.get("validate_by_alias", True)

    # ---- what only the type can check ------------------------------------------------

    def function_before_schema(self, schema: Any) -> JsonSchemaValue:
        return _with_validator(super().function_before_schema(schema), schema)

    def function_after_schema(self, schema: Any) -> JsonSchemaValue:
        return _with_validator(super().function_after_schema(schema), schema)

    def function_wrap_schema(self, schema: Any) -> JsonSchemaValue:
        return _with_validator(super().function_wrap_schema(schema), schema)

    def function_plain_schema(self, schema: Any) -> JsonSchemaValue:
        return _with_validator(super().function_plain_schema(schema), schema)


_KEY_FORMS: Final[dict[Any, JsonSchemaValue]] = {
    "string": {},
    "integer": {"type": "string", "pattern": INTEGER_KEY},
    "number": {"type": "string", "pattern": NUMBER_KEY},
    "boolean": {"enum": ["true", "false"]},
    None: {},
}
"""The schema of a map's keys by the JSON type of the key's own type; None is a key of
any type."""


def _is_an_instance(choice: Any) -> bool:
    """Whether an option of a union is an instance of a class, given alone or with a label."""
    inner = choice[0] if isinstance(choice, tuple) else choice
    return bool(inner["type"] == "is-instance")


def _in_words(schema: Any) -> str:
    """What a core schema without a JSON form reads; "" if it has no words of its own."""
    if schema.get("type") == "is-instance":
        named = getattr(schema.get("cls"), "__name__", schema.get("cls"))
        return f"objects of the class {named}"
    return {"callable": "functions", "is-subclass": "classes"}.get(str(schema.get("type")), "")


def _has_key(data: Any, keys: frozenset[str]) -> bool:
    if isinstance(data, dict):
        return not keys.isdisjoint(data) or any(_has_key(value, keys) for value in data.values())
    return isinstance(data, list) and any(_has_key(item, keys) for item in data)


def _by_name_too(result: JsonSchemaValue) -> JsonSchemaValue:
    return widened(result, "prefixItems", "its positions are read by name too", ALL)


def _temporal(result: JsonSchemaValue, schema: Any) -> JsonSchemaValue:
    """Mark the bounds of a date or time, for which JSON Schema has no keyword."""
    for limit in ("now_op", "ge", "gt", "le", "lt"):
        value = schema.get(limit)
        if value is not None:
            words = f"must be in the {value}" if limit == "now_op" else f"{limit} = {value}"
            result = marked(result, limit, words)
    return result


def _url(result: JsonSchemaValue, schema: Any) -> JsonSchemaValue:
    detail = "read as browsers do, which take more than RFC 3986 has"
    result = widened(result, "url", detail, ("format",))
    schemes = schema.get("allowed_schemes")
    if not schemes:
        return result
    return marked(result, "format", f"the scheme is one of {', '.join(schemes)}")


def _with_validator(result: JsonSchemaValue, schema: Any) -> JsonSchemaValue:
    """Mark a user's validator function; Pydantic's own say in the schema what they check."""
    function: Callable[..., Any] = schema["function"]["function"]
    if is_pydantics(function):
        return result
    name = getattr(function, "__qualname__", type(function).__qualname__)
    name = name.replace(".<locals>", "").replace(".<lambda>", " lambda")
    if is_users(function):
        result = marked(result, "validator", f"{name} of the type")
    if schema["type"] == "function-after":
        return result
    return widened(result, "validator", f"{name} may take more than the schema says", ALL)
