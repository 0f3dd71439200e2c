"""Reading an answer against the whole truth of its target.

A type is read by Pydantic, from JSON text, without lossy coercion (`reading`); a JSON Schema is
checked by jsonschema (`validation`), with the formats of `formats.FORMATS` asserted. The
violations of both are told against the target's schema.
"""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, TypeVar, overload

from pydantic import ValidationError
from pydantic_core import to_json

from structgen.errors import InvalidOutputError
from structgen.schema.json import pointer, resolve, short
from structgen.schema.json_text import parse_json, scan, with_exact_numbers
from structgen.schema.source.members import is_complete
from structgen.schema.source.reader import digits_of
from structgen.schema.target import Target, target_of
from structgen.values import Json, JsonSchema, Violation

__all__ = ["parse_json", "part_violations", "validate", "validate_json", "validate_parsed"]

if TYPE_CHECKING:
    from typing_extensions import TypeForm

T = TypeVar("T")
R = TypeVar("R")

_FRAMES: Final = 4_000
_STACK: Final = 64 * 1024 * 1024
_room: Final = threading.Lock()

_MISSING: Final = frozenset({"required", "dependentRequired", "minProperties", "missing"})
"""Keywords, and Pydantic's names, for what is wrong where a member is missing."""

_LONG_NUMBER: Final = re.compile(r"\d[\d.]{15,}")
_LONG_NUMBER_BYTES: Final = re.compile(rb"\d[\d.]{15,}")


@overload
def validate(source: Target[T], data: Json) -> T: ...
@overload
def validate(source: TypeForm[T], data: Json) -> T: ...
@overload
def validate(source: JsonSchema, data: Json) -> Json: ...
def validate(source: Any, data: Json) -> Any:
    """`data`, plain JSON data, as a value of `source`: a Target, a type, or a JSON Schema.

    Raises InvalidOutputError with every violation, and TargetError or SchemaError where
    `source` is no target.
    """
    target = target_of(source)
    try:
        text = json.dumps(data, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError):
        raise _invalid(
            target, [Violation("", "", "what JSON cannot carry", "plain JSON data")]
        ) from None
    return _checked(target, data, len(text)) if target.adapter is None else _read(target, text)


def validate_parsed(target: Target[T], data: Json) -> T:
    """As `check`, of data that came out of `parse_json`: that it is plain needs no second look."""
    text = to_json(data)
    return _checked(target, data, len(text)) if target.adapter is None else _read(target, text)


def validate_json(target: Target[T], text: str | bytes) -> T:
    """As `check`, from JSON text. Raises NotJsonError for what is not one JSON document (see
    `parse_json`), or InvalidOutputError."""
    if target.adapter is None:
        return _checked(target, parse_json(text), len(text))
    value = _read(target, text)
    if target.members is None or not is_complete(text, target.members(value)):
        scan(text, len)  # a member may stand twice
    return value


def part_violations(target: Target[Any], data: Json) -> tuple[Violation, ...]:
    """What is wrong with `data` as a value of `target` that is not whole yet: all but members
    that are missing.

    A type's validators of a whole record run once none of its members is missing or wrong.
    """
    try:
        validate(target, data)
        return ()
    except InvalidOutputError as error:
        told = error.violations
    found = [violation for violation in told if _keyword(violation) not in _MISSING]
    if (
        len(found) < len(told) and target.reader is not None
    ):  # what is missing hides what else the type refuses
        try:
            target.reader.validate_json(json.dumps(data))
        except ValidationError as fault:
            found += _of_type_alone(target, data, fault, found)
        except Exception as fault:  # A validator of the user's may raise anything.
            found.append(_raised(fault))
    return tuple(violation for violation in found if _keyword(violation) not in _MISSING)


def _keyword(violation: Violation) -> str:
    return violation.schema_path.rpartition("/")[2]


def _read(target: Target[T], text: str | bytes) -> T:
    if target.exact_reader is not None and _has_long_numbers(text):
        try:
            exact = json.dumps(with_exact_numbers(text, digits_of))
            return target.exact_reader.validate_json(exact)  # type: ignore[no-any-return]
        except Exception:  # noqa: S110 - what is wrong is told below, of the text as it stands
            pass
    try:
        return target.reader.validate_json(text)  # type: ignore[union-attr, no-any-return]
    except ValidationError as error:
        raise _invalid(target, _of_type(target, parse_json(text), len(text), error)) from None
    except Exception as error:  # A validator of the user's may raise anything.
        parse_json(text)
        raise _invalid(target, [_raised(error)]) from error


def _raised(error: Exception) -> Violation:
    return Violation("", "", type(error).__name__, "what the type's own validators take")


def _has_long_numbers(text: str | bytes) -> bool:
    return bool(
        _LONG_NUMBER_BYTES.search(text) if isinstance(text, bytes) else _LONG_NUMBER.search(text)
    )


def _checked(target: Target[T], data: Json, size: int) -> T:
    faults = _of_schema(target, data, size)
    if faults:
        raise _invalid(target, faults)
    return data  # type: ignore[no-any-return]


def _invalid(target: Target[Any], violations: Sequence[Violation]) -> InvalidOutputError:
    count = f"{len(violations)} violations" if len(violations) > 1 else "1 violation"
    return InvalidOutputError(
        f"The answer is no value of {target.name}: {count}.",
        violations=violations,
        hint="`violations` names each place, and what was wanted.",
    )


def _of_schema(target: Target[Any], data: Json, size: int) -> tuple[Violation, ...]:
    from structgen.schema.validate.validator import OverBudgetError, validator_of
    from structgen.schema.validate.violations import violations_of

    def violations() -> tuple[Violation, ...]:
        return violations_of(validator_of(target.schema, size).iter_errors(data), target.schema)

    try:
        try:
            return violations()
        except RecursionError:
            return _with_room(violations)
    except (RecursionError, OverBudgetError):
        return (
            Violation("", "", "more than can be checked", "a smaller value, nested less deeply"),
        )


def _with_room(function: Callable[[], R]) -> R:
    """Calls `function` where 200 levels of nesting have room: jsonschema takes up to ten frames
    for each."""
    with _room, ThreadPoolExecutor(1) as thread:
        frames, stack = sys.getrecursionlimit(), threading.stack_size(_STACK)
        try:
            sys.setrecursionlimit(max(frames, _FRAMES))
            return thread.submit(function).result()
        finally:
            threading.stack_size(stack)
            sys.setrecursionlimit(frames)


def _of_type(target: Target[Any], data: Json, size: int, error: ValidationError) -> list[Violation]:
    """The schema's violations, then what only the type refuses."""
    found = list(_of_schema(target, data, size))
    return found + _of_type_alone(target, data, error, found)


def _of_type_alone(
    target: Target[Any], data: Json, error: ValidationError, known: Sequence[Violation]
) -> list[Violation]:
    """What only the type refuses, and no known violation speaks of."""
    found: list[Violation] = []
    for fault in error.errors(include_url=False, include_context=False):
        path, value = _in_data(data, fault["loc"])
        where = pointer(path)
        if any(_overlap(where, other.path) for other in (*known, *found)):
            continue
        name = "validator" if fault["type"] in ("value_error", "assertion_error") else fault["type"]
        found.append(
            Violation(
                where,
                f"{locate(target.schema, path)}/{name}",
                short(value),
                _plain_words(fault["msg"]),
            )
        )
    return found


def _overlap(path: str, other: str) -> bool:
    return path == other or path.startswith(other + "/") or other.startswith(path + "/")


def _plain_words(message: str) -> str:
    text = (
        message.removeprefix("Value error, ")
        .removeprefix("Assertion failed, ")
        .removeprefix("Input should be ")
    )
    return text.replace("\n", " ")[:200]


def _in_data(data: Any, loc: Sequence[Any]) -> tuple[list[str | int], Json]:
    """The path of a Pydantic error in the data: its location also names union branches and
    functions, which are no members."""
    path: list[str | int] = []
    for part in loc:
        if (isinstance(data, dict) and part in data) or (
            isinstance(data, list) and isinstance(part, int) and part < len(data)
        ):
            data = data[part]
            path.append(part)
    return path, data


def locate(schema: JsonSchema, path: Sequence[str | int]) -> str:
    """The place in a schema that speaks of the value at `path`, as a JSON Pointer; of a union,
    the first branch that does."""
    found = _locate(schema, schema, [], list(path), 0)
    return pointer(found or [])


def _locate(
    root: JsonSchema, node: Any, at: list[str | int], path: list[str | int], hops: int
) -> list[str | int] | None:
    if not isinstance(node, dict) or hops > 50:
        return None
    if "$ref" in node:
        ref = str(node["$ref"])
        return _locate(root, resolve(root, ref), list(ref.split("/")[1:]), path, hops + 1)
    if not path:
        return at
    step: Any = path[0]
    rest = path[1:]
    ways: list[tuple[list[str | int], Any]] = []
    if isinstance(step, int):
        prefix = list(node.get("prefixItems", ()))
        ways.append(
            (["prefixItems", step], prefix[step])
            if step < len(prefix)
            else (["items"], node.get("items"))
        )
    else:
        ways.append((["properties", step], node.get("properties", {}).get(step)))
        ways += [
            (["patternProperties", key], inner)
            for key, inner in node.get("patternProperties", {}).items()
        ]
        ways.append((["additionalProperties"], node.get("additionalProperties")))
    for way, inner in ways:
        if inner is not None and (found := _locate(root, inner, at + way, rest, hops)) is not None:
            return found
    for key in ("anyOf", "oneOf", "allOf"):
        for number, inner in enumerate(node.get(key, ())):
            if (found := _locate(root, inner, [*at, key, number], path, hops + 1)) is not None:
                return found
    return None
