"""Targets: what the user wants, as one adapter and one JSON Schema (draft 2020-12), built once."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import json
import re
from pathlib import Path
from typing import Any, Generic, TypeVar, overload

from pydantic import TypeAdapter
from pydantic.errors import PydanticUserError
from pydantic.json_schema import GenerateJsonSchema

from structgen.errors import SchemaError, TargetError
from structgen.types import Json, JsonSchema, Note

T = TypeVar("T")


class Target(Generic[T]):
    """What the user wants. `schema`: draft 2020-12; `adapter`: None where the target is a JSON Schema (its values are plain data);
    `opaque`: promises that only the type itself can check."""

    __slots__ = ("__weakref__", "adapter", "name", "opaque", "schema", "source")

    def __init__(self, source: Any, name: str, schema: JsonSchema, adapter: TypeAdapter[T] | None, opaque: tuple[Note, ...]) -> None:
        self.source = source
        self.name = name
        self.schema = schema
        self.adapter = adapter
        self.opaque = opaque

    def __repr__(self) -> str:
        return f"Target({self.name})"

    def dump(self, value: T) -> Json:
        """Plain JSON data for `value`, which `check` reads back to an equal one."""
        if self.adapter is None:
            return value
        return self.adapter.dump_python(value, mode="json", by_alias=True)


@overload
def target_of(source: Target[T]) -> Target[T]: ...
@overload
def target_of(source: type[T]) -> Target[T]: ...
@overload
def target_of(source: Any) -> Target[Any]: ...
def target_of(source: Any) -> Target[Any]:
    """The target of a type or a JSON Schema (a dict). Raises TargetError or SchemaError."""
    if isinstance(source, Target):
        return source
    if isinstance(source, dict):
        key = hashlib.sha256(json.dumps(source).encode()).hexdigest()
        if key not in _CACHE:
            _CACHE[key] = Target(source, _name(source.get("title") or "output"), source, None, ())
        return _CACHE[key]
    try:
        if source in _CACHE:
            return _CACHE[source]
    except TypeError:
        return _of_type(source)
    _CACHE[source] = _of_type(source)
    return _CACHE[source]


_CACHE: dict[Any, Target[Any]] = {}


def _of_type(source: Any) -> Target[Any]:
    try:
        adapter = TypeAdapter(source)
        schema = adapter.json_schema(schema_generator=GenerateJsonSchema)
    except PydanticUserError as error:
        raise SchemaError(str(error)) from error
    return Target(source, _name(getattr(source, "__name__", None) or repr(source)), schema, adapter, ())


def _name(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "_", text).strip("_")[:64] or "output"


def load_target(spec: str) -> Target[Any]:
    """The target that "path.py:Model", "module:Model" or "schema.json" names. Raises TargetError."""
    if spec.endswith(".json"):
        return target_of(json.loads(Path(spec).read_text()))
    where, _, attribute = spec.rpartition(":")
    if where.endswith(".py"):
        found = importlib.util.spec_from_file_location(Path(where).stem, where)
        if found is None or found.loader is None:
            raise TargetError(f"{where} cannot be imported.")
        module = importlib.util.module_from_spec(found)
        found.loader.exec_module(module)
    else:
        module = importlib.import_module(where)
    return target_of(getattr(module, attribute))
