"""How a value is written as JSON that its type reads back.

Pydantic's serializer writes for display: under serialization aliases, with computed
fields, without excluded ones, through the user's own serializers, secrets as stars. So
the type's core schema is copied with a serialization side that mirrors the validation
side, and Pydantic's serializer runs on the copy.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any, Final, Literal, TypeAlias

from pydantic_core import SchemaSerializer, from_json

from structgen.errors import SchemaError
from structgen.schema.source.reader import Core, is_pydantics, mapped
from structgen.schema.source.wire_path import wire_path
from structgen.schema.validate.text_forms import EXPONENT_DIGITS
from structgen.values import Json

_FIELDS: Final = frozenset({"model-field", "dataclass-field", "typed-dict-field"})
_WRAPPERS: Final = frozenset(
    {"function-before", "function-after", "function-wrap", "default", "nullable"}
)
_READ_FIRST: Final = frozenset({"function-before", "function-wrap"})
_UNWRITABLE: Final = frozenset(
    {
        "function-plain",
        "any",
        "is-instance",
        "is-subclass",
        "callable",
        "lax-or-strict",
        "json-or-python",
    }
)
_PATH: Final = "\x00path:"
"""Begins the temporary name of a member that belongs at a path."""
_PATH_IN_JSON: Final = json.dumps(_PATH)[1:-1].encode()
_SECRETS: Final = ("_serialize_secret", "_serialize_secret_field")
"""Pydantic's functions that write stars for a secret."""
_LONGEST: Final = 60
"""Decimals of up to this many digits are written without an exponent."""


Keep: TypeAlias = Literal["none", "paired", "all"]
"""Which of the user's own serializers write.

`paired`: those of places that also have a user's validator that reads before the type
does, because the two are halves of one thing.
"""


def json_serializer(core: Core, keep: Keep) -> SchemaSerializer:
    """A serializer that mirrors the type's validation.

    Args:
        core: The type's core schema.
        keep: Which of the user's own serializers it keeps.
    """
    mirror = _mirror(core, keep, False)
    return SchemaSerializer(mirror, {"ser_json_inf_nan": "constants"}, _use_prebuilt=False)


def write(serializer: SchemaSerializer, value: Any, *, set_only: bool) -> tuple[Json, bytes]:
    """A value as plain JSON data, and as text; raises whatever a serializer raises.

    Args:
        serializer: From `json_serializer`.
        value: The value.
        set_only: Whether to leave out the fields that nobody set.
    """
    text = serializer.to_json(value, by_alias=True, exclude_unset=set_only, warnings="none")
    data = from_json(text, allow_inf_nan=False)
    if _PATH_IN_JSON not in text:
        return data, text
    placed = _placed(data)
    return placed, json.dumps(placed, allow_nan=False, ensure_ascii=False).encode()


def same_written(serializer: SchemaSerializer, value: Any, other: Any) -> bool:
    """Whether two values are written as the same data; raises whatever a serializer raises.

    Args:
        serializer: From `json_serializer`.
        value: One value.
        other: The other one.
    """
    data = write(serializer, value, set_only=False)[0]
    return bool(data == write(serializer, other, set_only=False)[0])


def _mirror(node: Core, keep: Keep, by_name: bool) -> Core:
    kind, config = node["type"], node.get("config")
    if config is not None:
        by_name = not config.get("validate_by_alias", True)
    copy = mapped(node, lambda child: _mirror(child, keep, by_name))
    if config is not None:
        copy["config"] = {k: v for k, v in config.items() if not k.startswith("ser_json")}
        copy["config"]["ser_json_inf_nan"] = "constants"  # which `write` refuses
        copy["config"]["ser_json_bytes"] = config.get("val_json_bytes", "utf8")
    if "computed_fields" in copy:
        copy["computed_fields"] = []
    if kind in ("model-fields", "dataclass-args", "typed-dict"):
        return copy | {"fields": _fields(copy["fields"], by_name)}
    if kind == "json-or-python" and _function_name(node) in _SECRETS:
        return _through(copy, _secret, copy["json_schema"]["schema"])
    if "serialization" in copy and not _stays(node, keep):
        del copy["serialization"]
    if kind not in _FORMS or "serialization" in copy:
        return copy
    if kind == "json":
        inner = copy.get("schema", {"type": "any"})
    else:
        inner = {key: value for key, value in copy.items() if key != "ref"}
    return _through(copy, _FORMS[kind], inner)


def _through(node: Core, function: Callable[..., Json], inner: Core) -> Core:
    """`node`, written by `function(value, write)`, where `write` writes as `inner`."""
    serialization = {
        "type": "function-wrap",
        "function": function,
        "schema": inner,
        "when_used": "json",
    }
    return node | {"serialization": serialization}


def _secret(value: Any, write: Callable[[Any], Json]) -> Json:
    return write(value.get_secret_value())


def _sorted(value: Any, write: Callable[[Any], list[Json]]) -> list[Json]:
    return sorted(write(value), key=lambda item: json.dumps(item, sort_keys=True))


def _decimal(value: Any, write: Callable[[Any], Json]) -> Json:
    if not isinstance(value, Decimal) or not value.is_finite():
        return write(value)
    if abs(value.adjusted()) >= 10**EXPONENT_DIGITS:
        raise ValueError(f"a decimal's exponent has at most {EXPONENT_DIGITS} digits")
    is_short = abs(value.adjusted()) + len(value.as_tuple().digits) < _LONGEST
    return format(value, "f") if is_short else write(value)


def _duration(value: Any, write: Callable[[Any], Json]) -> Json:
    """Days and seconds: the longest units that always mean the same."""
    if not isinstance(value, timedelta):
        return write(value)
    sign, size = ("-", -value) if value < timedelta(0) else ("", value)
    days = f"{size.days}D" if size.days else ""
    fraction = f".{size.microseconds:06}".rstrip("0") if size.microseconds else ""
    clock = f"T{size.seconds}{fraction}S" if size.seconds or fraction or not days else ""
    return f"{sign}P{days}{clock}"


_FORMS: Final[dict[str, Callable[..., Json]]] = {
    "set": _sorted,
    "frozenset": _sorted,
    "decimal": _decimal,
    "timedelta": _duration,
    "json": lambda value, write: json.dumps(write(value)),
}


def _function_name(node: Core) -> str:
    return getattr(node.get("serialization", {}).get("function"), "__name__", "")


def _stays(node: Core, keep: Keep) -> bool:
    """Whether a serializer stays: Pydantic's is part of the type, a user's may be for display."""
    if keep == "all" or is_pydantics(node["serialization"].get("function")):
        return True
    inner = node
    while inner["type"] in _WRAPPERS:
        reads_first = inner["type"] in _READ_FIRST
        if keep == "paired" and reads_first and not is_pydantics(inner["function"]["function"]):
            return True
        inner = inner["schema"]
    return inner["type"] in _UNWRITABLE


def _fields(fields: Any, by_name: bool) -> Any:
    if isinstance(fields, list):
        fields_read = [field for field in fields if field.get("init", True)]
        return [_field(field, field["name"], by_name) for field in fields_read]
    return {name: _field(field, name, by_name) for name, field in fields.items()}


def _field(field: Core, name: str, by_name: bool) -> Core:
    path = wire_path(field, name, by_name)
    is_name = len(path) == 1 and isinstance(path[0], str)
    kept = {key: value for key, value in field.items() if not key.startswith("serialization_")}
    return kept | {"serialization_alias": path[0] if is_name else _PATH + json.dumps(path)}


def _placed(data: Json) -> Json:
    """Move the members that belong at a path to it."""
    if isinstance(data, list):
        return [_placed(item) for item in data]
    if not isinstance(data, dict):
        return data
    result = {name: _placed(item) for name, item in data.items() if not name.startswith(_PATH)}
    for name, item in data.items():
        if name.startswith(_PATH):
            _place_at(result, json.loads(name.removeprefix(_PATH)), _placed(item))
    return result


def _place_at(holder: Any, path: list[str | int], item: Json) -> None:
    step = path[0]
    if isinstance(step, int):
        holder.extend([None] * (step + 1 - len(holder)))
    if len(path) == 1:
        holder[step] = item
        return
    inner = holder[step] if isinstance(step, int) else holder.get(step)
    if inner is None:
        holder[step] = inner = [] if isinstance(path[1], int) else {}
    _place_at(inner, path[1:], item)


def compares(value: Any) -> bool:
    """Whether `==` compares values like this one; without `__eq__` it compares only identity."""
    try:
        return bool(copy.deepcopy(value) == value)
    except Exception:  # a value that cannot be copied
        return False


def plain_data(value: Any) -> Json:
    """A value of a JSON Schema as plain data. Raises SchemaError if it is none."""
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        raise SchemaError(
            f"A {type(value).__name__} is not plain JSON data.",
            hint="Use dicts, lists, strings, finite numbers, booleans and None.",
        ) from None
