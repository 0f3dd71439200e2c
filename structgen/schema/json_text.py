"""JSON text, read strictly: no repeated member, no NaN, no number too large for a float."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from math import isinf
from typing import Any, Final

from pydantic_core import from_json, to_json

from structgen.errors import InputError, NotJsonError
from structgen.values import Json

_PLACE: Final = re.compile(r"^(.*) at line (\d+) column (\d+)$")
_HINT: Final = "Answer with one JSON document and nothing else."
_CORRECT: Final = "Correct it, or take it out."


def parse_json(text: str | bytes) -> Json:
    """Read one JSON document (RFC 8259, UTF-8), nested at most 200 deep.

    Args:
        text: The document, with nothing around it but white space.

    Raises:
        NotJsonError: If the text is anything else: other text around it, NaN, an
            unpaired surrogate, a repeated member, a number too large for a float. It
            has the position.
    """
    decoded = _decoded(text)
    try:
        data = from_json(decoded, allow_inf_nan=False)
    except ValueError as error:
        raise _not_json(decoded, str(error)) from None
    return data if _is_lossless(decoded, data) else scan(decoded, dict)


def parse_json_of(where: str, text: str | bytes, hint: str = _CORRECT) -> Json:
    """Read one JSON document of a file that the user has written.

    Args:
        where: The file, and the line if it has several documents.
        text: The document.
        hint: What to do if it is not JSON.

    Raises:
        InputError: If the text is not one JSON document.
    """
    try:
        return parse_json(text)
    except NotJsonError as error:
        said = error.message.removeprefix("The answer is not JSON: ")
        raise InputError(
            f"{where} is not JSON: {said.replace(' in the answer', '')}",
            hint=hint,
        ) from error


def _is_lossless(text: str, data: Json) -> bool:
    """Whether a quick look shows that no member was lost and no number is infinite.

    The parser keeps one of two members with the same name. Written again, the document
    must have as many colons as before; an escaped colon would spoil the count.
    """
    again = to_json(data)
    if b"Infinity" in again or "\\u003" in text:
        return False
    return text.count(":") == again.count(b":")


def scan(text: str | bytes, build: Callable[[list[tuple[str, Json]]], Any]) -> Any:
    """Read JSON, slowly and strictly.

    Args:
        text: One JSON document.
        build: Makes an object from its members.

    Raises:
        NotJsonError: If an object repeats a member, or a number is too large for a
            float.
    """

    def members(pairs: list[tuple[str, Json]]) -> Any:
        if len(pairs) != len({name for name, _ in pairs}):
            raise NotJsonError(
                "An object in the answer has the same member twice.",
                hint="Write each member of an object once.",
            )
        return build(pairs)

    def number(digits: str) -> float:
        value = float(digits)
        if isinf(value):
            raise NotJsonError(
                "A number in the answer is too large.",
                position=max(_decoded(text).find(digits), 0),
                hint=_HINT,
            )
        return value

    return json.loads(text, object_pairs_hook=members, parse_float=number)


def with_exact_numbers(text: str | bytes, wrap: Callable[[str], Json]) -> Json:
    """Read JSON, keeping every digit of numbers that a float would shorten.

    Args:
        text: One JSON document.
        wrap: Makes the value of such a number from its digits.
    """

    def number(digits: str) -> Json:
        return float(digits) if Decimal(digits) == Decimal(repr(float(digits))) else wrap(digits)

    return json.loads(text, parse_float=number)


def _decoded(text: str | bytes) -> str:
    try:
        if isinstance(text, str):
            text.encode()
            return text
        return text.decode()
    except UnicodeDecodeError as error:
        message = "The answer is not UTF-8 text."
        raise NotJsonError(message, position=error.start, hint=_HINT) from None
    except UnicodeEncodeError as error:
        message = "The answer contains an unpaired surrogate."
        raise NotJsonError(message, position=error.start, hint=_HINT) from None


def _not_json(text: str, message: str) -> NotJsonError:
    """The error for a parser's complaint; its line and byte column become a character position."""
    found = _PLACE.match(message)
    if not found:
        return NotJsonError("The answer is not JSON.", hint=_HINT)
    lines, line, column = text.split("\n"), int(found[2]), int(found[3])
    before = sum(len(row) + 1 for row in lines[: line - 1])
    row = lines[line - 1] if line <= len(lines) else ""
    here = row.encode()[: max(column - 1, 0)].decode(errors="ignore")
    return NotJsonError(
        f"The answer is not JSON: {found[1]}.",
        position=min(before + len(here), len(text)),
        hint=_HINT,
    )
