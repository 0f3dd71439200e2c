"""Targets: what the user wants, as one adapter and one JSON Schema (draft 2020-12), built once.

A target is anything a Pydantic `TypeAdapter` takes, or a JSON Schema document (draft 4 to
2020-12) whose values are plain data.
"""

from __future__ import annotations

import copy
import hashlib
import importlib
import importlib.util
import json
import re
import sys
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import (
    TYPE_CHECKING,
    Any,
    Final,
    ForwardRef,
    Generic,
    TypeVar,
    get_args,
    get_origin,
    overload,
)

from pydantic import TypeAdapter
from pydantic.errors import PydanticUserError
from pydantic_core import SchemaError as CoreSchemaError
from pydantic_core import SchemaSerializer, SchemaValidator

from structgen.errors import SchemaError, StructgenError, TargetError
from structgen.schema.source.drafts import upgrade
from structgen.schema.source.generate import TargetSchema
from structgen.schema.source.marks import take_marks
from structgen.schema.source.members import Count, counter
from structgen.schema.source.reader import contains, json_validator
from structgen.schema.source.writer import Keep, json_serializer, write
from structgen.values import Json, JsonSchema, Note

if TYPE_CHECKING:
    from jsonschema.protocols import Validator
    from typing_extensions import TypeForm

T = TypeVar("T")

_REMEMBERED: Final = 512
"""Targets of sources that cannot hold their own target: unions, `list[...]`, schemas."""
_MEMO: Final = "__structgen_target__"


class Target(Generic[T]):
    """What the user wants.

    `name`: matches `^[A-Za-z0-9_-]{1,64}$`. `schema`: one JSON Schema, draft 2020-12, in
    validation form, by alias, whose references are "#" or "#/$defs/NAME". `adapter`: None where
    the source is a JSON Schema. `opaque`: promises that only the type can check.
    """

    def __init__(
        self,
        source: Any,
        name: str,
        schema: JsonSchema,
        adapter: TypeAdapter[T] | None,
        opaque: tuple[Note, ...],
    ) -> None:
        self.source = source
        self.name = name
        self.schema = schema
        self.adapter = adapter
        self.opaque = opaque
        self.compiled: dict[Any, Any] = {}
        """What the compiler made of it, by schema language: kept here, so that it goes when the
        target goes."""

    def __repr__(self) -> str:
        return f"Target({self.name})"

    def __reduce__(self) -> tuple[Any, ...]:
        return target_of, (self.source,)

    @cached_property
    def reader(self) -> SchemaValidator | None:
        """Reads JSON into the type without lossy coercion; None for a JSON Schema target."""
        return None if self.adapter is None else json_validator(self.adapter.core_schema)

    @cached_property
    def exact_reader(self) -> SchemaValidator | None:
        """Where the type has decimals: reads numbers that were marked by `digits_of`, too."""
        if self.adapter is None or not contains(self.adapter.core_schema, frozenset({"decimal"})):
            return None
        return json_validator(self.adapter.core_schema, exact=True)

    @cached_property
    def members(self) -> Count | None:
        """Counts the object members that a value was read from; None where a value does not
        show them."""
        return None if self.adapter is None else counter(self.adapter.core_schema)

    @property
    def validator(self) -> Validator:
        """A validator of plain data by `schema`, for one value."""
        from structgen.schema.validate.validator import validator_of

        return validator_of(self.schema)

    def dump(self, value: T) -> Json:
        """`value` as plain JSON data that is valid under `schema` and that `check` reads back
        to an equal value.

        Fields stand under their validation aliases; computed fields and the type's own
        serializers play no part where the value is read back without them. Raises SchemaError
        where the type does not read back what it holds, or JSON cannot carry it (NaN).
        """
        if self.adapter is None:
            return _plain(value)
        faults: list[str] = []
        for serializer, set_only in self._ways_to_write():
            try:
                data = write(serializer, value, set_only=set_only)
                text = json.dumps(data, allow_nan=False, ensure_ascii=False).encode()
                again = self.reader.validate_json(text)  # type: ignore[union-attr]
                if again == value or (
                    not _compares(value) and write(serializer, again, set_only=set_only) == data
                ):
                    return data
                faults.append("it is read back as another value")
            # A serializer or validator of the user's may raise anything.
            except Exception as error:
                first_line = str(error).partition("\n")[0]
                faults.append(f"{type(error).__name__}: {first_line}")
        raise SchemaError(
            f"This value of {self.name} has no JSON form that reads back as itself: {faults[0]}.",
            hint="JSON has no NaN or infinity, bytes need a text encoding, and validators must "
            "accept what they return.",
        )

    def _ways_to_write(self) -> Iterator[tuple[SchemaSerializer, bool]]:
        """The mirror of the type's validation first; then without fields nobody set, whose
        defaults may not be valid; then with more and more of the user's own serializers."""
        ways: tuple[tuple[Keep, bool], ...] = (
            ("none", False),
            ("none", True),
            ("paired", False),
            ("all", False),
        )
        for keep, set_only in ways:
            if keep not in self._serializers:
                self._serializers[keep] = json_serializer(self.adapter.core_schema, keep)  # type: ignore[union-attr]
            yield self._serializers[keep], set_only

    @cached_property
    def _serializers(self) -> dict[Keep, SchemaSerializer]:
        return {}


def _compares(value: Any) -> bool:
    """Whether `==` tells anything about values like this one; a class without `__eq__` is equal
    to nothing but itself."""
    try:
        return bool(copy.deepcopy(value) == value)
    except Exception:  # What cannot be copied says nothing either.
        return False


def _plain(value: Any) -> Json:
    try:
        return json.loads(json.dumps(value, allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        raise SchemaError(
            "The value is no JSON data.", hint="The values of a JSON Schema target are plain data."
        ) from None


# ---- from anything -------------------------------------------------------------------

if TYPE_CHECKING:

    @overload
    def target_of(source: Target[T]) -> Target[T]: ...
    @overload
    def target_of(source: TypeForm[T]) -> Target[T]: ...
    @overload
    def target_of(source: JsonSchema) -> Target[Json]: ...


def target_of(source: Any) -> Target[Any]:
    """The target of a type, or of a JSON Schema given as a dict.

    Built once for each type and each content of a schema; a class holds its own target, so that
    it can be collected with it. Raises TargetError for what is neither, SchemaError for what
    has no JSON form.
    """
    if isinstance(source, Target):
        return source
    if isinstance(source, dict | bool):
        try:
            content = hashlib.sha256(json.dumps(source).encode()).hexdigest()
        except (RecursionError, TypeError, ValueError):
            return _of_schema(source)  # which says what is wrong with it
        return _remembered(content, source, _of_schema)
    if isinstance(source, type) and not get_args(source):
        return _of_class(source)
    try:
        return _remembered((source, repr(source)), source, _of_type)
    except TypeError:  # unhashable: the entry keeps the source alive, so its id stays its own
        return _remembered(id(source), source, _of_type)
    except RecursionError:
        raise SchemaError(
            "The type is nested too deeply.", hint="Give its inner parts names of their own."
        ) from None


_memory: OrderedDict[Any, tuple[Any, Target[Any]]] = OrderedDict()
_lock: Final = RLock()


def _remembered(key: Any, source: Any, build: Callable[[Any], Target[Any]]) -> Target[Any]:
    with _lock:
        if key in _memory:
            _memory.move_to_end(key)
        else:
            _memory[key] = source, build(source)
            if len(_memory) > _REMEMBERED:
                _memory.popitem(last=False)
        return _memory[key][1]


class _Memo:
    """Holds a class's target on the class. It is not pickled with a class that is sent by value."""

    target: Target[Any] | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        return _Memo, ()


def _of_class(source: type) -> Target[Any]:
    memo = source.__dict__.get(_MEMO)
    if memo is None:
        memo = _Memo()
        try:
            setattr(source, _MEMO, memo)
        except (TypeError, AttributeError):  # a built-in class
            return _remembered(source, source, _of_type)
    if memo.target is None:
        memo.target = _of_type(source)
    return memo.target


def _of_type(source: Any) -> Target[Any]:
    if not _is_type(source):
        raise TargetError(
            f"A {type(source).__name__} is neither a type nor a JSON Schema.",
            hint="Give a class, a typing form such as list[Person], or a JSON Schema as a dict.",
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            adapter: TypeAdapter[Any] = TypeAdapter(source)
            schema = adapter.json_schema(schema_generator=TargetSchema)
    except StructgenError:
        raise
    except RecursionError:
        raise SchemaError(
            f"{_label(source)[:200]} is nested too deeply.",
            hint="Give its inner parts names of their own.",
        ) from None
    except (
        PydanticUserError,
        CoreSchemaError,
        NameError,
        TypeError,
        ValueError,
        AttributeError,
    ) as error:
        reason = str(error).partition("\n")[0]
        raise SchemaError(
            f"{_label(source)[:200]} has no JSON form: {reason}",
            hint="Use types that JSON can carry.",
        ) from error
    return Target(source, _name(_label(source)), schema, adapter, tuple(take_marks(schema)))


def _is_type(source: Any) -> bool:
    """Whether `source` is a class or a typing form; a function is none, though Pydantic would
    wrap one."""
    if source is None or isinstance(source, type) or get_origin(source) is not None:
        return True
    return type(source).__module__ in ("typing", "typing_extensions") and not isinstance(
        source, ForwardRef
    )


def _of_schema(source: Any) -> Target[Any]:
    schema = upgrade(source)
    title = source.get("title") if isinstance(source, dict) else None
    return Target(source, _name(title if isinstance(title, str) else ""), schema, None, ())


def _label(source: Any) -> str:
    """What people call a type: `Box[int]`, `list[Person]`, `int | str`."""
    if isinstance(source, type) and not get_args(source):
        return source.__name__
    return re.sub(r"\b(?:[A-Za-z_]\w*\.)+(?:<locals>\.)?", "", str(source))


def _name(label: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "_", label).strip("_")[:64].rstrip("_") or "output"


def load_target(spec: str | Path) -> Target[Any]:
    """The target that "path/to/file.py:Model", "package.module:Model" or "schema.json" names.

    Code that is named is imported, and so run. Raises TargetError where there is no such thing,
    SchemaError as `target_of`.
    """
    text = str(spec)
    if text.endswith(".json"):
        return target_of(_read_schema(Path(text)))
    where, _, attribute = text.rpartition(":")
    if not where or not attribute:
        raise TargetError(
            f"{text!r} names no target.",
            hint='Write "file.py:Model", "module:Model" or "schema.json".',
        )
    try:
        found: Any = (
            _import_file(Path(where)) if where.endswith(".py") else importlib.import_module(where)
        )
        for name in attribute.split("."):
            found = getattr(found, name)
    except AttributeError:
        raise TargetError(
            f"{where} has no {attribute!r}.", hint="Give the name of a class or type in it."
        ) from None
    except Exception as error:  # Importing runs whatever is there.
        raise TargetError(f"{where} cannot be imported: {type(error).__name__}: {error}") from error
    return target_of(found)


def _import_file(path: Path) -> Any:
    """The module of a file, registered while it runs: dataclasses and forward references look
    it up by name."""
    name = f"structgen_target_{path.stem}_{hashlib.sha256(str(path.resolve()).encode()).hexdigest()[:8]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise TargetError(f"There is no file {path}.")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def _read_schema(path: Path) -> Any:
    try:
        found = json.loads(path.read_bytes())
    except OSError as error:
        raise TargetError(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise TargetError(f"{path} is not JSON: {str(error)[:200]}.") from error
    if not isinstance(found, dict | bool):
        raise TargetError(f"{path} holds no JSON Schema, but a {type(found).__name__}.")
    return found
