"""Labelled examples from a file: texts with the values they should give."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeVar

from structgen.errors import InputError, InvalidOutputError, NotJsonError
from structgen.schema.check import validate
from structgen.schema.json_text import parse_json
from structgen.schema.target import Target

T = TypeVar("T")


def load_examples(path: str | os.PathLike[str], target: Target[T]) -> list[tuple[str, T]]:
    """The (text, value) pairs of a JSONL file: one object a line, with the members `text` and `value`.

    Raises InputError for a line that is none, or whose value the target does not take; it names the line.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(
            f"{path} cannot be read: {error}.", hint="Name a JSONL file in UTF-8."
        ) from error
    return [
        _example(line, f"{path}, line {number}", target)
        for number, line in enumerate(lines, 1)
        if line.strip()
    ]


def _example(line: str, where: str, target: Target[T]) -> tuple[str, T]:
    try:
        data = parse_json(line)
        if (
            not isinstance(data, dict)
            or not isinstance(data.get("text"), str)
            or "value" not in data
        ):
            raise InputError(
                f"{where} is no example.", hint='Write {"text": "...", "value": ...} in each line.'
            )
        return data["text"], validate(target, data["value"])
    except NotJsonError as error:
        raise InputError(f"{where} is not JSON: {error.message}") from error
    except InvalidOutputError as error:
        raise InputError(f"{where}: the value is no {target.name}: {error.message}") from error
