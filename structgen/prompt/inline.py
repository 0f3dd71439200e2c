"""Texts of other people inside a line, or between tags, of ours."""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Any, Final

from structgen.schema.compile.words import NULL_MEANS

_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")
"""Characters that end a line somewhere, or that no line shows."""
_NULL_PHRASE: Final = re.compile(
    rf"\s*\({NULL_MEANS}\)|;\s*{NULL_MEANS}|{NULL_MEANS};\s*|{NULL_MEANS}\.?", re.IGNORECASE
)
"""What the compiler adds to the description of the root; the prompt says it too."""


def one_line(text: str) -> str:
    """Flatten a text to one line, so that no description can look like a field or a message."""
    return " ".join(_CONTROLS.sub(" ", text).split())


def name_in_line(name: str) -> str:
    """Write the name of a property: as it is, or as JSON text if that would not be one line."""
    return name if name and name == one_line(name) else json_in_line(name)


def json_in_line(value: Any) -> str:
    """Write a JSON value as one line."""
    text = json.dumps(value, ensure_ascii=False)
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def without_null_phrase(description: str) -> str:
    """Take out of a description that null means "not stated": a sentence says it for all fields."""
    text = _NULL_PHRASE.sub("", description).strip()
    return f"{text[0].upper()}{text[1:]}" if text != description and text else text


def delimited(text: str, name: str = "document") -> str:
    """Put a text between tags that do not occur in it, so that nothing in it can end it early.

    A tag occurs in any spelling that a model may take for it: `</document >`, `< / DOCUMENT>`,
    in full-width characters, or with invisible ones inside.

    Args:
        text: The text.
        name: The tag; a number is added if the text has it.

    Returns:
        The text between the tags.
    """
    spelled = re.compile(rf"<[\s/\\]*{re.escape(name)}(?:\s*-\s*(\d{{1,9}}))?(?!\w)", re.IGNORECASE)
    taken = {int(found[1] or 1) for found in spelled.finditer(_folded(text))}
    number = next(number for number in range(1, len(taken) + 2) if number not in taken)
    tag = name if number == 1 else f"{name}-{number}"
    return f"<{tag}>\n{text}\n</{tag}>"


def _folded(text: str) -> str:
    """Give the text with characters of compatibility as plain ones, and without invisible ones."""
    if text.isascii():
        return text
    plain = unicodedata.normalize("NFKC", text)
    return "".join(one for one in plain if unicodedata.category(one) != "Cf")
