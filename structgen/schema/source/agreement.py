"""Whether a type reads only what its JSON Schema says.

The reader (`reader.py`) holds JSON to the schema by itself for the kinds of core schema
listed here, with nothing of the user's in between. For any other, a value is checked
against the schema as well, so that what a schema promises is never left unchecked.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Flag
from typing import Any, Final

from structgen.schema.source.reader import Core, contains, is_pydantics, package_of

_EXACT: Final = frozenset(
    {
        "any",
        "bool",
        "dataclass",
        "dataclass-args",
        "dataclass-field",
        "date",
        "datetime",
        "decimal",
        "default",
        "definition-ref",
        "definitions",
        "dict",
        "ordered-dict",
        "enum",
        "float",
        "frozenset",
        "function-after",
        "int",
        "json",
        "json-or-python",
        "list",
        "literal",
        "model",
        "model-field",
        "model-fields",
        "named-tuple",
        "named-tuple-field",
        "none",
        "nullable",
        "set",
        "str",
        "tagged-union",
        "time",
        "timedelta",
        "tuple",
        "typed-dict",
        "typed-dict-field",
        "union",
        "url",
        "multi-host-url",
        "uuid",
    }
)
"""Kinds of core schema whose JSON the reader holds to the schema by itself."""
LEAVES: Final = frozenset(
    {
        "bool",
        "bytes",
        "date",
        "datetime",
        "decimal",
        "enum",
        "float",
        "int",
        "literal",
        "str",
        "time",
        "timedelta",
        "uuid",
    }
)
"""Kinds that Pydantic can read in a lax way from JSON."""
_URLS: Final = frozenset({"url", "multi-host-url"})
_ANY: Final = {"type": "any"}
_TAKES_ANYTHING: Final = frozenset({"function-before", "function-plain", "function-wrap"})
_SAYS_NOTHING: Final = frozenset(
    {
        "title",
        "description",
        "examples",
        "default",
        "deprecated",
        "readOnly",
        "writeOnly",
        "$comment",
    }
)
"""Keywords of a schema that no value can break."""
_OWN: Final = ("BaseModel.", "Verbatim.")
"""Makers of JSON Schema that add nothing a reader would have to hold."""


def is_read_exactly(core: Core) -> bool:
    """Whether the reader refuses what the schema of this one node refuses.

    Args:
        core: A core schema; those inside it are judged by themselves.
    """
    kind = core["type"]
    if kind in _TAKES_ANYTHING:
        # The user's own functions take what they take, and a note says so.
        is_own = not is_pydantics(core["function"]["function"])
        return is_own or core.get("schema", {}).get("type") in _URLS
    has_shared_keys = contains(core.get("keys_schema", _ANY), frozenset({"definition-ref"}))
    is_flag = kind == "enum" and issubclass(core["cls"], Flag)
    if is_flag or has_shared_keys:
        return False
    return kind in _EXACT and not _has_own_schema(core)


def _has_own_schema(core: Core) -> bool:
    """Whether the user, or a library, says in words of its own what JSON the node takes."""
    metadata: dict[str, Any] = core.get("metadata") or {}
    makers = [
        *metadata.get("pydantic_js_functions", ()),
        *metadata.get("pydantic_js_annotation_functions", ()),
    ]
    if any(map(_speaks, makers)) or _asserts(metadata.get("pydantic_js_updates")):
        return True
    return _asserts(metadata.get("pydantic_js_extra")) or _asserts(_extra_of_class(core))


def _speaks(maker: Any) -> bool:
    """Whether a maker of JSON Schema may say more than the core schema does."""
    name = str(getattr(maker, "__qualname__", ""))
    if name.startswith(_OWN):
        return False
    owner = type(getattr(maker, "__self__", None)).__name__
    return owner == "WithJsonSchema" or package_of(maker) not in ("pydantic", "pydantic_core")


def _asserts(extra: Any) -> bool:
    if not extra:
        return False
    return not isinstance(extra, dict) or bool(extra.keys() - _SAYS_NOTHING)


def _extra_of_class(core: Core) -> Any:
    """The `json_schema_extra` in the configuration of a class."""
    owner = core.get("cls")
    config = getattr(owner, "model_config", None) or getattr(owner, "__pydantic_config__", None)
    return config.get("json_schema_extra") if isinstance(config, dict) else None


def is_email(core: Core) -> bool:
    """Whether a node is Pydantic's own reading of e-mail addresses."""
    if core["type"] != "function-after":
        return False
    name = getattr(core["function"]["function"], "__qualname__", "")
    return is_pydantics(core["function"]["function"]) and name == "EmailStr._validate"


def takes_names_too(fields: Iterable[tuple[str, Any]], by_name: bool) -> bool:
    """Whether a record's members may have other names than those in its schema.

    Args:
        fields: The names and core schemas of its fields.
        by_name: Whether the configuration also takes the fields' own names.
    """
    aliases = [(name, field.get("validation_alias", name)) for name, field in fields]
    return any(_is_choice(alias) or (by_name and alias != name) for name, alias in aliases)


def _is_choice(alias: Any) -> bool:
    return isinstance(alias, list) and len(alias) > 1 and isinstance(alias[0], list)
