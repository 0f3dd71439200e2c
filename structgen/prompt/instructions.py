"""The instructions of a call: a text, or a template with placeholders, often in a file.

A placeholder is one word in braces, `{company}`. `{{company}}` stands for the text `{company}`, and
braces around anything else, such as JSON, are text.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from structgen.errors import ConfigurationError, InputError
from structgen.options import did_you_mean
from structgen.values import kind_of_value

_PLACEHOLDER: Final = re.compile(r"\{\{([^\W\d]\w*)\}\}|\{([^\W\d]\w*)\}")


def instructions_of(given: Any, values: Mapping[str, Any] | None) -> str | None:
    """Give the instructions of a call as the model reads them.

    A file is always a template; a text is one if there are values.

    Args:
        given: A text, the path of a file, or None.
        values: The texts of the placeholders, by name.

    Raises:
        InputError: If `given` is something else, or the file cannot be read.
        ConfigurationError: If a placeholder has no value, or a value no placeholder; the message
            names it.
    """
    if values is not None and not isinstance(values, Mapping):
        raise ConfigurationError(
            f"`instruction_values` is {kind_of_value(values)}, but must be a mapping of names to "
            "texts or numbers."
        )
    if given is None:
        if values:
            raise ConfigurationError(
                "`instruction_values` has no instructions to fill.",
                hint="Pass `instructions`, with a placeholder such as {company} for each value.",
            )
        return None
    if isinstance(given, os.PathLike):
        return _filled(_read(Path(given)), values or {}, f"The instructions in {given}")
    if not isinstance(given, str):
        raise InputError(
            "`instructions` is not a text.",
            hint="Pass a str, or the path of a file, or leave it out.",
        )
    return given if values is None else _filled(given, values, "The instructions")


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8"
        raise InputError(
            f"Cannot read the instructions in {path}: {reason}.",
            hint="Name a file of UTF-8 text, or pass the text itself as a str.",
        ) from None


def _filled(template: str, values: Mapping[str, Any], what: str) -> str:
    """The template with its values. Placeholders inside a value stay as they are."""
    names = {found[2] for found in _PLACEHOLDER.finditer(template) if found[2]}
    _check_names(names, values, what)
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise ConfigurationError(
                f"The value of {{{name}}} is {kind_of_value(value)}, but must be a text or a "
                "number."
            )
    return _PLACEHOLDER.sub(
        lambda found: f"{{{found[1]}}}" if found[1] else str(values[found[2]]), template
    )


def _check_names(names: set[str], values: Mapping[str, Any], what: str) -> None:
    """Raise unless every placeholder has a value, and every value a placeholder."""
    missing = sorted(names - values.keys())
    unknown = sorted(map(str, values.keys() - names))
    if unknown:
        meant = did_you_mean(unknown, missing or names)
        known = ", ".join(f"{{{name}}}" for name in sorted(names)) or "none"
        raise ConfigurationError(
            f"{what} have no placeholder {{{unknown[0]}}}, for which there is a value.",
            hint=f"{meant}Placeholders that they have: {known}.",
        )
    if missing:
        name = missing[0]
        raise ConfigurationError(
            f"{what} have a placeholder without a value: {{{name}}}.",
            hint=f"Pass instruction_values={{{name!r}: ...}}, or write {{{{{name}}}}} for the text "
            f"{{{name}}}.",
        )
