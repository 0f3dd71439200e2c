"""Check an answer against the whole truth of its target.

A type is read by Pydantic, from JSON text, without lossy coercion (`source.reader`); a
JSON Schema is checked by jsonschema (`validate.validator`), with the formats of
`formats.FORMATS` asserted. Both report violations against the target's schema.
"""

from __future__ import annotations

import json
import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, TypeVar, overload

from pydantic import ValidationError
from pydantic_core import to_json

from structgen.errors import InvalidOutputError
from structgen.schema.json import pointer, resolve, short
from structgen.schema.json_text import parse_json, scan, with_exact_numbers
from structgen.schema.source.members import is_complete
from structgen.schema.source.reader import digits_of
from structgen.schema.source.tries import MOST_TRIES, tries
from structgen.schema.target import Target, target_of
from structgen.values import Json, JsonSchema, Violation

__all__ = ["parse_json", "part_violations", "validate", "validate_json", "validate_parsed"]

if TYPE_CHECKING:
    from typing_extensions import TypeForm

T = TypeVar("T")
R = TypeVar("R")

MOST: Final = 1_000
"""Violations reported for one answer: enough to find every bad row of a long list in a few
rounds."""
_MOST_FAULTS: Final = 10_000
"""Pydantic's faults that are looked at beside those of the schema."""
_FRAMES: Final = 4_000
"""Stack frames that 200 levels of nesting need: jsonschema takes up to ten for each,
and leaves room."""
_STACK: Final = 64 * 1024 * 1024
"""Bytes of stack for that many frames."""
_stack_lock: Final = threading.Lock()

_MISSING: Final = frozenset({"required", "dependentRequired", "minProperties", "missing"})
"""Keywords, and Pydantic's names, for the fault of a missing member."""

_TOO_DEEP_FOR_UNIONS: Final = Violation(
    "",
    "",
    "a value nested so deeply that its unions cannot be read",
    "less nesting (or a discriminator of the unions: without one, each level doubles the work)",
)
_LONG_NUMBER: Final = re.compile(r"\d[\d.]{15,}")
_LONG_NUMBER_BYTES: Final = re.compile(rb"\d[\d.]{15,}")


@overload
def validate(source: Target[T], data: Json) -> T: ...
@overload
def validate(source: TypeForm[T], data: Json) -> T: ...
@overload
def validate(source: JsonSchema, data: Json) -> Json: ...
def validate(source: Any, data: Json) -> Any:
    """Check plain JSON data and turn it into a value.

    Args:
        source: A Target, anything that a Pydantic TypeAdapter takes, or a JSON Schema.
        data: Plain JSON data.

    Raises:
        InvalidOutputError: If `data` is not a value of `source`; it has every
            violation.
        TargetError: If `source` is not a target.
        SchemaError: If `source` has no JSON form.
    """
    target = target_of(source)
    try:
        text = json.dumps(data, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError):
        violation = Violation("", "", "a value that JSON cannot represent", "plain JSON data")
        raise _invalid(target, [violation]) from None
    if target.adapter is None:
        return _validated_by_schema(target, data, len(text))
    return _read_by_type(target, text)


def validate_parsed(target: Target[T], data: Json) -> T:
    """Check data from `parse_json`, whose form needs no second look; else as `validate`.

    Args:
        target: The target.
        data: What `parse_json` returned.

    Raises:
        InvalidOutputError: If `data` is not a value of the target.
    """
    text = to_json(data)
    if target.adapter is None:
        return _validated_by_schema(target, data, len(text))
    return _read_by_type(target, text)


def validate_json(target: Target[T], text: str | bytes) -> T:
    """Check JSON text and turn it into a value.

    Args:
        target: The target.
        text: One JSON document.

    Raises:
        NotJsonError: If the text is not one JSON document (see `parse_json`).
        InvalidOutputError: If it is not a value of the target.
    """
    if target.adapter is None:
        return _validated_by_schema(target, parse_json(text), len(text))
    value = _read_by_type(target, text)
    if target.members is None or not is_complete(text, target.members(value)):
        scan(text, len)  # a member may be repeated
    return value


def part_violations(
    target: Target[Any], data: Json, missing: Sequence[str]
) -> tuple[Violation, ...]:
    """The violations of data that is not complete yet: all but those of what is missing.

    A type's validators of a whole record run once none of its members is missing or
    wrong. While a member is missing, an exception that a validator raises says nothing: it
    may have looked for that member.

    Args:
        target: The target.
        data: Plain JSON data, so far.
        missing: The JSON Pointers of what is missing still.
    """
    try:
        validate(target, data)
        return ()
    except InvalidOutputError as error:
        violations = error.violations
    found = [violation for violation in violations if not _is_of(missing, violation)]
    # A missing member hides what else the type refuses.
    if len(found) < len(violations) and target.reader is not None:
        try:
            target.read(json.dumps(data))
        except ValidationError as fault:
            found += _only_by_type(target, data, fault, found)
        except Exception:  # noqa: S110 - told once nothing is missing
            pass
    return tuple(violation for violation in found if not _is_of(missing, violation))


def _is_of(missing: Iterable[str], violation: Violation) -> bool:
    """Whether it is the fault of a missing member that a member, or one in it, is missing."""
    if violation.keyword not in _MISSING:
        return False
    return any(f"{path}/".startswith(f"{violation.path}/") for path in missing)


def _read_by_type(target: Target[T], text: str | bytes) -> T:
    if target.may_multiply and tries(target.schema, parse_json(text)) > MOST_TRIES:
        raise _invalid(target, [_TOO_DEEP_FOR_UNIONS])
    if target.held is not None:
        broken = _by_schema(target.held, parse_json(text), len(text))
        if broken:
            raise _invalid(target, broken)
    if target.exact_reader is not None and _has_long_numbers(text):
        try:
            exact = json.dumps(with_exact_numbers(text, digits_of))
            return target.read(exact, exact=True)
        except Exception:  # noqa: S110 - reported below, for the text as it is
            pass
    try:
        return target.read(text)
    except ValidationError as error:
        violations = _by_type(target, parse_json(text), len(text), error)
        raise _invalid(target, violations) from None
    except Exception as error:  # A validator of the user's may raise anything.
        # If a field is wrong, Pydantic runs the validators of others without its value.
        known = _known_by_schema(target, parse_json(text), len(text))
        raise _invalid(target, known or [_by_exception(error)]) from error


def _by_exception(error: Exception) -> Violation:
    wanted = "a value that the type's own validators accept"
    return Violation("", "", type(error).__name__, wanted)


def _has_long_numbers(text: str | bytes) -> bool:
    if isinstance(text, bytes):
        return bool(_LONG_NUMBER_BYTES.search(text))
    return bool(_LONG_NUMBER.search(text))


def _validated_by_schema(target: Target[T], data: Json, size: int) -> T:
    violations = _by_schema(target.schema, data, size)
    if violations:
        raise _invalid(target, violations)
    return data  # type: ignore[no-any-return]


def _invalid(target: Target[Any], violations: Sequence[Violation]) -> InvalidOutputError:
    at_least = "at least " if len(violations) >= MOST else ""
    count = f"{at_least}{len(violations)} violations" if len(violations) > 1 else "1 violation"
    return InvalidOutputError(
        f"The answer is not a valid {target.name}: {count}.",
        violations=tuple(violations),
    )


def _by_schema(schema: JsonSchema, data: Json, size: int) -> tuple[Violation, ...]:
    from structgen.schema.validate.validator import OverBudgetError, validator_of
    from structgen.schema.validate.violations import violations_of

    def violations() -> tuple[Violation, ...]:
        return violations_of(validator_of(schema, size).iter_errors(data), schema, MOST)

    try:
        try:
            return violations()
        except RecursionError:
            return _with_deep_stack(violations)
    except (RecursionError, OverBudgetError):
        found = "a value too large or too deeply nested to check"
        return (Violation("", "", found, "a smaller value, nested less deeply"),)


def _with_deep_stack(function: Callable[[], R]) -> R:
    """Call `function` on a stack that is deep enough for 200 levels of nesting."""
    with _stack_lock, ThreadPoolExecutor(1) as thread:
        frames, stack = sys.getrecursionlimit(), threading.stack_size(_STACK)
        try:
            sys.setrecursionlimit(max(frames, _FRAMES))
            return thread.submit(function).result()
        finally:
            threading.stack_size(stack)
            sys.setrecursionlimit(frames)


def _by_type(target: Target[Any], data: Json, size: int, error: ValidationError) -> list[Violation]:
    """The schema's violations, followed by those that only the type finds."""
    found = _known_by_schema(target, data, size)
    found += _only_by_type(target, data, error, found)
    return found or list(_by_schema(target.schema, data, size))


def _known_by_schema(target: Target[Any], data: Json, size: int) -> list[Violation]:
    """The schema's violations, without what the type takes all the same."""
    notes = (note for note in target.opaque if note.action == "wider")
    taken = {f"{note.path}/{note.keyword}" for note in notes}
    by_schema = _by_schema(target.schema, data, size)
    return [violation for violation in by_schema if violation.schema_path not in taken]


def _only_by_type(
    target: Target[Any], data: Json, error: ValidationError, known: Sequence[Violation]
) -> list[Violation]:
    """The violations that only the type finds, at places where none is known yet."""
    found: list[Violation] = []
    if known and error.error_count() > _MOST_FAULTS:
        return found  # unions that overlap: the schema's violations name the place
    seen = _Places(violation.path for violation in known)
    for fault in error.errors(include_url=False, include_context=False):
        if len(known) + len(found) >= MOST:
            break
        path, value = _in_data(data, fault["loc"])
        where = pointer(path)
        if seen.touch(where):
            continue
        seen.add(where)
        name = "validator" if fault["type"] in ("value_error", "assertion_error") else fault["type"]
        schema_path = f"{locate(target.schema, path)}/{name}"
        found.append(Violation(where, schema_path, short(value), _expectation(fault["msg"])))
    return found


class _Places:
    """Places in a value, and whether another is one of them, inside one or around one."""

    def __init__(self, paths: Iterable[str]) -> None:
        self._paths: set[str] = set()
        self._around: set[str] = set()
        for path in paths:
            self.add(path)

    def add(self, path: str) -> None:
        self._paths.add(path)
        self._around.update(_above(path))

    def touch(self, path: str) -> bool:
        return path in self._around or any(at in self._paths for at in (path, *_above(path)))


def _above(path: str) -> Iterator[str]:
    """The pointers of the values around a value."""
    while path:
        path = path.rpartition("/")[0]
        yield path


def _expectation(message: str) -> str:
    """Pydantic's message as what was expected."""
    for lead in ("Value error, ", "Assertion failed, ", "Input should be "):
        message = message.removeprefix(lead)
    return message.replace("\n", " ")[:200]


def _in_data(data: Any, loc: Sequence[Any]) -> tuple[list[str | int], Json]:
    """The path of a Pydantic error in the data, and the value there.

    Pydantic's location also names union branches and functions, which are not members.
    """
    path: list[str | int] = []
    for part in loc:
        if isinstance(data, list):
            is_inside = isinstance(part, int) and part < len(data)
        else:
            is_inside = isinstance(data, dict) and part in data
        if is_inside:
            data = data[part]
            path.append(part)
    return path, data


def locate(schema: JsonSchema, path: Sequence[str | int]) -> str:
    """The JSON Pointer of the place in a schema that describes a value.

    In a union it is the first branch that describes the value.

    Args:
        schema: The whole schema.
        path: The keys and indices that lead to the value.
    """
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
        if step < len(prefix):
            ways.append((["prefixItems", step], prefix[step]))
        else:
            ways.append((["items"], node.get("items")))
    else:
        ways.append((["properties", step], node.get("properties", {}).get(step)))
        patterns = node.get("patternProperties", {}).items()
        ways += [(["patternProperties", key], inner) for key, inner in patterns]
        ways.append((["additionalProperties"], node.get("additionalProperties")))
    for way, inner in ways:
        if inner is not None and (found := _locate(root, inner, at + way, rest, hops)) is not None:
            return found
    for key in ("anyOf", "oneOf", "allOf"):
        for number, inner in enumerate(node.get(key, ())):
            if (found := _locate(root, inner, [*at, key, number], path, hops + 1)) is not None:
                return found
    return None
