"""Templates of system messages: texts with placeholders, whose empty paragraphs are left out."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from structgen.errors import ConfigurationError
from structgen.options import closest

PLACEHOLDERS: Final[Mapping[str, str]] = {
    "task": "what is asked for: to extract the record and to answer with JSON alone",
    "nulls": "what null means, and that values are copied as they stand",
    "instructions": "your `instructions`",
    "description": "the description of the target",
    "about": 'the description of the target, or "The record."',
    "fields": "the fields with their types, options and descriptions",
    "names": "the fields with their descriptions alone",
    "schema": "the JSON Schema of the answer",
}
"""The placeholders of a template, and what is put in their place."""

_PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")


def placeholders_of(template: str) -> frozenset[str]:
    """Give the placeholders that a template has."""
    return frozenset(_PLACEHOLDER.findall(template))


def check_template(template: str) -> None:
    """Raise if a template cannot be filled.

    Args:
        template: The template. Braces around anything but one word are text.

    Raises:
        ConfigurationError: If it is empty, or has a placeholder that there is not.
    """
    if not template.strip():
        raise ConfigurationError(
            "The prompt is empty.", hint="Write a template, or name a layout such as 'fields'."
        )
    unknown = sorted(placeholders_of(template) - PLACEHOLDERS.keys())
    if not unknown:
        return
    near = closest(unknown, PLACEHOLDERS)
    meant = f"Did you mean {{{near[0]}}}? " if near else ""
    known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
    raise ConfigurationError(
        f"The prompt has an unknown placeholder, {{{unknown[0]}}}.",
        hint=f"{meant}Known placeholders: {known}. The document follows in a message of its own.",
    )


def fill(template: str, value_of: Callable[[str], str]) -> str:
    """Fill a template. A paragraph of which every placeholder is empty is left out.

    Args:
        template: A template that `check_template` takes.
        value_of: Gives the text for a placeholder. What it gives is not filled again.

    Returns:
        The text.
    """
    paragraphs = []
    for paragraph in re.split(r"\n\s*\n", template):
        values = {name: value_of(name).strip() for name in placeholders_of(paragraph)}
        if values and not any(values.values()):
            continue
        filled = _PLACEHOLDER.sub(lambda found, values=values: values[found[1]], paragraph)
        paragraphs.append(filled.strip())
    return "\n\n".join(filter(None, paragraphs))
