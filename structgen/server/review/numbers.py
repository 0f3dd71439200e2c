"""Whole numbers that a browser would round, on their way to the page and back."""

from __future__ import annotations

from typing import Final

from structgen.errors import NotJsonError
from structgen.schema.json_text import parse_json
from structgen.values import Json

EXACT: Final = "\0number"
"""The only member of the object that stands for such a number; it holds the digits."""
_SAFE: Final = 2**53 - 1
"""A browser's numbers are floats, which have every whole number up to here."""


def for_page(value: Json) -> Json:
    """Write large whole numbers as objects.

    Args:
        value: Plain JSON data.
    """
    if isinstance(value, dict):
        return {name: for_page(one) for name, one in value.items()}
    if isinstance(value, list):
        return [for_page(one) for one in value]
    is_large = isinstance(value, int) and abs(value) > _SAFE
    return {EXACT: str(value)} if is_large else value


def from_page(value: Json) -> Json:
    """Undo `for_page`, and read what was typed as JSON.

    Args:
        value: What the page sent. Text that is not JSON stays a text, which the target then judges.
    """
    if isinstance(value, list):
        return [from_page(one) for one in value]
    if not isinstance(value, dict):
        return value
    typed = value.get(EXACT)
    if len(value) != 1 or not isinstance(typed, str):
        return {name: from_page(one) for name, one in value.items()}
    try:
        return parse_json(typed)
    except NotJsonError:
        return typed
