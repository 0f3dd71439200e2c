"""Targets: what the user wants, as one adapter and one JSON Schema (draft 2020-12), built once.

A target is anything that a Pydantic `TypeAdapter` takes, or a JSON Schema document
(draft 4 to 2020-12), whose values are plain data.
"""

from __future__ import annotations

import hashlib
import json
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator
from functools import cached_property
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

from structgen.errors import ConfigurationError, SchemaError, StructgenError, TargetError
from structgen.schema.source.drafts import upgrade
from structgen.schema.source.generate import CHECK, TargetSchema
from structgen.schema.source.marks import held_part, take_marks
from structgen.schema.source.members import Count, counter
from structgen.schema.source.names import label_of, name_of
from structgen.schema.source.reader import Core, contains, json_validator
from structgen.schema.source.tries import MOST_TRIES, may_multiply, outline, tries
from structgen.schema.source.wellformed import require_characters
from structgen.schema.source.writer import (
    Keep,
    compares,
    json_serializer,
    plain_data,
    same_written,
    write,
)
from structgen.values import Json, JsonSchema, Note

if TYPE_CHECKING:
    from jsonschema.protocols import Validator
    from typing_extensions import TypeForm

T = TypeVar("T")

_REMEMBERED: Final = 512
"""How many targets are kept of sources that cannot hold their own: unions, lists, schemas."""
_MEMO: Final = "__structgen_target__"


class Target(Generic[T]):
    """A type or JSON Schema to extract into."""

    source: Any
    """The type or schema that it was made from."""
    name: str
    """A name that matches `^[A-Za-z0-9_-]{1,64}$`."""
    schema: JsonSchema
    """One JSON Schema, draft 2020-12, in validation form, by alias.

    Its references are "#" or "#/$defs/NAME".
    """
    adapter: TypeAdapter[T] | None
    """The type's adapter; None for a JSON Schema."""
    opaque: tuple[Note, ...]
    """Promises that only the type can check, and JSON that only the type reads."""
    held: JsonSchema | None
    """What JSON is checked against before the type reads it, if the type may read more."""
    compiled: dict[Any, Any]
    """The compiled forms by schema language, kept here so that they are freed with the target."""
    context: Any
    """What the type's validators find as `info.context`; None if nothing was given."""
    unbound: Target[T] | None
    """The target without its context; None if it has none."""
    unnamed: Target[T] | None
    """The target without the names on the wire that a call gave it; None if it has none."""

    def __init__(
        self,
        source: Any,
        name: str,
        schema: JsonSchema,
        adapter: TypeAdapter[T] | None,
        opaque: tuple[Note, ...],
        held: JsonSchema | None = None,
    ) -> None:
        self.source = source
        self.name = name
        self.schema = schema
        self.adapter = adapter
        self.opaque = opaque
        self.held = held
        self.compiled = {}
        self.context = None
        self.unbound = None
        self.unnamed = None

    def __repr__(self) -> str:
        return f"Target({self.name})"

    def __reduce__(self) -> tuple[Any, ...]:
        return target_of, (self.source,)

    def with_context(self, context: Any) -> Target[T]:
        """Give this target with a context for the validators of its type.

        Args:
            context: What they find as `info.context`. None gives the target as it is. A pickled
                target is without it.

        Raises:
            ConfigurationError: If the target is a JSON Schema, which has no validators.
        """
        if context is None:
            return self
        if self.adapter is None:
            raise ConfigurationError(
                "`validation_context` is for validators of a type, and this target is a JSON "
                "Schema, which has none.",
                hint="Leave it out, or pass a Pydantic model as the target.",
            )
        unnamed = self.unnamed and self.unnamed.with_context(context)
        return self._with(context=context, unbound=self.unbound or self, unnamed=unnamed)

    def with_schema(self, schema: JsonSchema) -> Target[T]:
        """Give this target with another schema, in which fields have other names on the wire.

        Args:
            schema: The schema. It holds the same values.
        """
        return self._with(schema=schema, unnamed=self)

    def _with(self, **changes: Any) -> Target[T]:
        changed: Target[T] = object.__new__(Target)
        vars(changed).update({**vars(self), "compiled": {}, **changes})
        return changed

    def read(self, text: str | bytes, *, exact: bool = False) -> T:
        """Read JSON into the type, whose validators see the context.

        Args:
            text: One JSON document.
            exact: Whether numbers were marked by `digits_of`.

        Raises:
            Exception: If the type refuses it: Pydantic's error, or that of a validator.
        """
        reader = self.exact_reader if exact else self.reader
        value: T = reader.validate_json(text, context=self.context)  # type: ignore[union-attr]
        return value

    @cached_property
    def reader(self) -> SchemaValidator | None:
        """Reads JSON into the type without lossy coercion; None for a JSON Schema target."""
        return None if self.adapter is None else json_validator(self.adapter.core_schema)

    @cached_property
    def exact_reader(self) -> SchemaValidator | None:
        """Reads numbers that were marked by `digits_of`, too; None if the type has no decimals."""
        if self.adapter is None or not contains(self.adapter.core_schema, frozenset({"decimal"})):
            return None
        return json_validator(self.adapter.core_schema, exact=True)

    @cached_property
    def members(self) -> Count | None:
        """Counts the members that a value was read from; None if its values do not show them."""
        return None if self.adapter is None else counter(self.adapter.core_schema)

    @cached_property
    def may_multiply(self) -> bool:
        """Whether its unions may look at a part of a value again and again."""
        return self.adapter is not None and may_multiply(self.schema)

    @property
    def validator(self) -> Validator:
        """A validator of plain data by `schema`, for one value."""
        from structgen.schema.validate.validator import validator_of

        return validator_of(self.schema)

    def dump(self, value: T, *, set_only: bool = False) -> Json:
        """Write a value as valid plain JSON data, from which `validate` reads an equal value.

        Fields have their validation aliases. Computed fields are left out, and so are
        the type's own serializers, unless the value is read back only with them.

        Args:
            value: A value of the target.
            set_only: Whether to leave out the fields that nobody set, if an equal value is read
                back without them.

        Raises:
            SchemaError: If the type does not read back what it holds, or JSON cannot
                represent it (NaN).
        """
        adapter = self.adapter
        if adapter is None:
            return plain_data(value)
        if self.may_multiply and tries(self.schema, outline(value)) > MOST_TRIES:
            raise SchemaError(
                f"This value of {self.name} is nested too deeply for its unions: each level "
                "doubles the work.",
                hint="Give the union a discriminator, or split the value.",
            )
        faults: list[str] = []
        for serializer, leaves_out in self._ways_to_write(adapter.core_schema, set_only):
            try:
                data, text = write(serializer, value, set_only=leaves_out)
                again = self.read(text)
                if again == value:
                    return data
                # Private attributes may be new each time, such as the time at which they were made.
                tells = compares(value) and again == self.read(text)
                if not tells and same_written(serializer, again, value):
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

    def _ways_to_write(self, core: Core, set_only: bool) -> Iterator[tuple[SchemaSerializer, bool]]:
        """The serializers to try, each with whether to leave out the fields that nobody set.

        First the mirror of the type's validation; then without unset fields, whose
        defaults may not be valid; then with more and more of the user's own
        serializers.
        """
        ways: tuple[tuple[Keep, bool], ...] = (
            ("none", set_only),
            ("none", not set_only),
            ("paired", False),
            ("all", False),
        )
        for keep, leaves_out in ways:
            if keep not in self._serializers:
                self._serializers[keep] = json_serializer(core, keep)
            yield self._serializers[keep], leaves_out

    @cached_property
    def _serializers(self) -> dict[Keep, SchemaSerializer]:
        return {}


# ---- from anything -------------------------------------------------------------------

if TYPE_CHECKING:

    @overload
    def target_of(source: Target[T]) -> Target[T]: ...
    @overload
    def target_of(source: TypeForm[T]) -> Target[T]: ...
    @overload
    def target_of(source: JsonSchema) -> Target[Json]: ...


def target_of(source: Any) -> Target[Any]:
    """Make the target of a type, or of a JSON Schema given as a dict.

    It is built once for each type and for each content of a schema. A class holds its
    own target, so that both are freed together.

    Args:
        source: A Target, anything that a Pydantic TypeAdapter takes, or a JSON Schema.

    Raises:
        TargetError: If `source` is neither a type nor a JSON Schema.
        SchemaError: If it has no JSON form.
    """
    if isinstance(source, Target):
        return source
    if isinstance(source, dict | bool):
        try:
            content = hashlib.sha256(json.dumps(source).encode()).hexdigest()
        except (RecursionError, TypeError, ValueError):
            return _of_schema(source)  # raises the error that says what is wrong
        return _remembered(content, source, _of_schema)
    if isinstance(source, type) and not get_args(source):
        return _of_class(source)
    try:
        return _remembered((source, repr(source)), source, _of_type)
    except TypeError:  # unhashable; the entry keeps the source alive, so the id stays unique
        return _remembered(id(source), source, _of_type)
    except RecursionError:
        raise _too_deep() from None


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


_TYPE_ERRORS: Final = (
    PydanticUserError,
    CoreSchemaError,
    NameError,
    TypeError,
    ValueError,
    AttributeError,
)
"""The errors of Pydantic for a type that it cannot build a schema for."""


def _of_type(source: Any) -> Target[Any]:
    if not _is_type(source):
        raise TargetError(
            f"Not a target: a value of type {type(source).__name__} is neither a type nor a "
            "JSON Schema.",
            hint="Pass a class, a typing form such as list[Person], or a JSON Schema as a dict.",
        )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            adapter: TypeAdapter[Any] = TypeAdapter(source)
            schema = adapter.json_schema(schema_generator=TargetSchema)
    except StructgenError:
        raise
    except RecursionError:
        raise _too_deep() from None
    except _TYPE_ERRORS as error:
        reason = str(error).partition("\n")[0].partition(". Set `arbitrary_types")[0].rstrip(".")
        raise SchemaError(
            f"{label_of(source)[:200]} has no JSON form: {reason}.",
            hint="Leave that type out of the target, or say how it is read and written: "
            "Annotated[X, PlainValidator(read), PlainSerializer(write), "
            "WithJsonSchema({'type': 'string'})].",
        ) from error
    require_characters(schema)
    held = held_part(schema) if schema.pop(CHECK, False) else None
    notes = tuple(take_marks(schema))
    return Target(source, name_of(label_of(source)), schema, adapter, notes, held)


def _too_deep() -> SchemaError:
    hint = "Define its inner parts as types with names of their own."
    return SchemaError("The type is nested too deeply.", hint=hint)


def _is_type(source: Any) -> bool:
    """Whether `source` is a class or a typing form; Pydantic would wrap a function too."""
    if source is None or isinstance(source, type) or get_origin(source) is not None:
        return True
    is_typing = type(source).__module__ in ("typing", "typing_extensions")
    return is_typing and not isinstance(source, ForwardRef)


def _of_schema(source: Any) -> Target[Any]:
    schema = upgrade(source)
    require_characters(schema)
    title = source.get("title") if isinstance(source, dict) else None
    return Target(source, name_of(title if isinstance(title, str) else ""), schema, None, ())
