"""JSON text, read strictly: one document, no member twice, no NaN, no number past what can be read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final

from pydantic_core import from_json, to_json

from structgen.errors import NotJsonError
from structgen.values import Json

_PLACE: Final = re.compile(r"^(.*) at line (\d+) column (\d+)$")
_HINT: Final = "The answer must be one JSON document."


def parse_json(text: str | bytes) -> Json:
    """One JSON document (RFC 8259, UTF-8), nested at most 200 deep.

    Raises NotJsonError, with the character position, for anything else: text around it, NaN, an
    unpaired surrogate, a member twice in one object, a number too large for a float.
    """
    decoded = _decoded(text)
    try:
        data = from_json(decoded, allow_inf_nan=False)
    except ValueError as error:
        raise _not_json(decoded, str(error)) from None
    return data if _is_whole(decoded, data) else scan(decoded, dict)


def _is_whole(text: str, data: Json) -> bool:
    """Whether it is certain, at a look, that no member was lost (the parser keeps one of two)
    and no number is infinite.

    Written again, the document has as many colons as before; an escaped one would spoil the count.
    """
    again = to_json(data)
    return (
        b"Infinity" not in again and text.count(":") == again.count(b":") and "\\u003" not in text
    )


def scan(text: str | bytes, build: Callable[[list[tuple[str, Json]]], Any]) -> Any:
    """Reads JSON, making objects with `build`; raises NotJsonError for a member twice and for a
    number too large."""

    def members(pairs: list[tuple[str, Json]]) -> Any:
        if len(pairs) != len({name for name, _ in pairs}):
            raise NotJsonError(
                "An object of the answer has a member twice.",
                hint="Each member of an object must stand once.",
            )
        return build(pairs)

    def number(digits: str) -> float:
        if abs(value := float(digits)) == float("inf"):
            raise NotJsonError(
                "A number of the answer is too large to be read.",
                position=max(_decoded(text).find(digits), 0),
                hint=_HINT,
            )
        return value

    return json.loads(text, object_pairs_hook=members, parse_float=number)


def with_exact_numbers(text: str | bytes, wrap: Callable[[str], Json]) -> Json:
    """The document, with each number that a float would shorten given to `wrap` as its digits."""

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
        raise NotJsonError("The answer is not UTF-8.", position=error.start, hint=_HINT) from None
    except UnicodeEncodeError as error:
        raise NotJsonError(
            "The answer holds an unpaired surrogate.", position=error.start, hint=_HINT
        ) from None


def _not_json(text: str, message: str) -> NotJsonError:
    """The parser's complaint, its line and byte column turned into a character position."""
    found = _PLACE.match(message)
    if not found:
        return NotJsonError("The answer is not JSON.", hint=_HINT)
    lines, line, column = text.split("\n"), int(found[2]), int(found[3])
    before = sum(len(row) + 1 for row in lines[: line - 1])
    here = (
        lines[line - 1].encode()[: max(column - 1, 0)].decode(errors="ignore")
        if line <= len(lines)
        else ""
    )
    return NotJsonError(
        f"The answer is not JSON: {found[1]}.",
        position=min(before + len(here), len(text)),
        hint=_HINT,
    )
