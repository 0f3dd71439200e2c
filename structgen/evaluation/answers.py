"""Answers that are there already: rows as `structgen run` writes them, read strictly."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from typing_extensions import Required, TypedDict

from structgen.errors import InputError, InvalidOutputError
from structgen.schema.check import validate
from structgen.schema.json import pointer
from structgen.schema.json_text import parse_json_of
from structgen.schema.target import Target
from structgen.values import Json

Whole = Annotated[int, Field(ge=0)]
"""A number of things, or of a character."""
Number = Annotated[float, Field(ge=0, allow_inf_nan=False)]
"""An amount."""
Share = Annotated[float, Field(ge=0, le=1)]
"""A confidence."""


class Fault(TypedDict):
    """Why there is no value."""

    type: str
    """The name of the error."""
    message: str
    """What happened."""


class Span(TypedDict):
    """A part of a text, in characters."""

    __pydantic_config__ = ConfigDict(extra="allow")  # type: ignore[misc]

    start: Whole
    """The first character."""
    end: Whole
    """One after the last character."""


class Answer(TypedDict, total=False):
    """A row of results."""

    key: Required[str | int]
    """The record's name."""
    value: Required[Any]
    """The value as plain JSON data; None if there is none."""
    error: Required[Fault | None]
    """Why there is none."""
    absent: list[str] | None
    """JSON Pointers of defaults that the model left out."""
    copied: list[str] | None
    """JSON Pointers of values that may be copied from a worked example."""
    evidence: dict[str, Span] | None
    """Where values stand in the text, by JSON Pointer."""
    confidence: dict[str, Share] | None
    """How sure values are, by JSON Pointer."""
    record_confidence: Share | None
    """How sure it is that the record has no fault."""
    confidence_by: str | None
    """What the confidence was made from."""
    raw_confidence: dict[str, Share] | None
    """The confidence before it was calibrated; nothing if it was not."""
    pressure: dict[str, Share] | None
    """How hard the schema pressed on values, by JSON Pointer."""
    accepted: bool | None
    """Whether it keeps the promise of `accept`; None if none was asked for."""
    to_review: list[str] | None
    """JSON Pointers of the stated values that the promise leaves to people."""
    tokens: Whole | None
    """Tokens of the prompt and the answer."""
    cost: Number | None
    """US dollars."""
    seconds: Number | None
    """Seconds from the question to the outcome."""


_ANSWER: Final = TypeAdapter(Answer)
_HINT: Final = "Give a JSONL file that `structgen run` wrote."


def read_answers(path: str | os.PathLike[str]) -> list[dict[str, Any]]:
    """Read the rows of a JSONL file that `structgen run` wrote.

    Args:
        path: The file.

    Raises:
        InputError: If it cannot be read, or a line is no such row.
    """
    rows = []
    try:
        with open(path, encoding="utf-8") as lines:
            for number, text in enumerate(lines, 1):
                if text.strip():
                    rows.append(_row(f"{path}:{number}", text))
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(f"Cannot read {path}: {why}.", hint="Name a JSONL file.") from error
    return rows


def _row(line: str, text: str) -> dict[str, Any]:
    row = parse_json_of(line, text, _HINT)
    if not isinstance(row, dict) or not {"key", "value", "error"} <= row.keys():
        raise InputError(f"{line} is no result: it lacks `key`, `value` or `error`.", hint=_HINT)
    return {**row, **checked_answer(line, row)}


def checked_answer(where: str, row: Mapping[str, Any]) -> Answer:
    """Check that a row says what a row of results says; other members are left out.

    Args:
        where: What the row is called in an error.
        row: The row; a key that is a whole number becomes a text.

    Raises:
        InputError: If a member is missing or of another kind.
    """
    try:
        answer = _ANSWER.validate_python(dict(row), strict=True)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_context=False)[0]
        why = fault["msg"].replace("Input should", "it should").replace("dictionary", "object")
        raise InputError(
            f"{where} is no result: {pointer(fault['loc'])}: {why}.", hint=_HINT
        ) from error
    answer["key"] = str(answer["key"])
    return answer


def held_to(target: Target[Any], gold: Json, answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """Make an answer a failure if its value is none of the target.

    Gold that breaks its own schema, and was kept, holds its answers to nothing either.

    Args:
        target: What was extracted.
        gold: The right value.
        answer: The answer, which was checked (`checked_answer`).
    """
    if answer["error"] is not None:
        return answer
    fault = fault_of(target, answer["value"])
    if fault is None or fault_of(target, gold) is not None:
        return answer
    return {**answer, "value": None, "error": {"type": "InvalidOutputError", "message": fault}}


def fault_of(target: Target[Any], value: Json) -> str | None:
    """Say why a value is none of the target; None if it is one.

    Args:
        target: The target.
        value: The value.
    """
    try:
        validate(target, value)
    except InvalidOutputError as error:
        return "; ".join(str(violation) for violation in error.violations[:3])
    return None


def require_values_of(
    target: Target[Any], answers: Sequence[Mapping[str, Any]], gold: Sequence[Json], path: str
) -> None:
    """See that results are of this target: some of their values fit, if some of the gold does.

    Args:
        target: What was extracted.
        answers: The rows.
        gold: The right values.
        path: The file of the rows, for errors.

    Raises:
        InputError: If there are values, and none fits.
    """
    valued = [answer for answer in answers if answer["error"] is None]
    faults = ((answer, fault_of(target, answer["value"])) for answer in valued)
    first = next(faults, None)
    if first is None or first[1] is None or any(fault is None for _, fault in faults):
        return
    if any(fault_of(target, value) is None for value in gold):
        answer, fault = first
        raise InputError(
            f"{path} holds no value of {target.name}: {answer['key']}: {fault}.",
            hint="Name the target that the results were extracted with.",
        )
