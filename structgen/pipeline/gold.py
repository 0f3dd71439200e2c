"""Labelled examples from a file: texts with the values they should give."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TypeVar

from structgen.errors import InputError, InvalidOutputError
from structgen.schema.check import validate
from structgen.schema.json_text import parse_json_of
from structgen.schema.target import Target

T = TypeVar("T")


def load_examples(path: str | os.PathLike[str], target: Target[T]) -> list[tuple[str, T]]:
    """Read worked examples from a JSONL file, as the `examples` of a call.

    Args:
        path: A file with one object a line: `{"text": "...", "value": ...}`.
        target: Each value is checked against it.

    Returns:
        Pairs of a text and its value.

    Raises:
        InputError: If the file cannot be read, a line is not an example, or its value is invalid.
            The message names the line.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or error
        raise InputError(
            f"Cannot read the examples in {path}: {why}.", hint="Name a JSONL file in UTF-8."
        ) from error
    return [
        _parse_example(line, f"{path}, line {number}", target)
        for number, line in enumerate(lines, 1)
        if line.strip()
    ]


def _parse_example(line: str, where: str, target: Target[T]) -> tuple[str, T]:
    data = parse_json_of(where, line)
    text = data.get("text") if isinstance(data, dict) else None
    if not isinstance(text, str) or "value" not in data:
        raise InputError(
            f"{where} is not an example.", hint='Write {"text": "...", "value": ...} on each line.'
        )
    try:
        return text, validate(target, data["value"])
    except InvalidOutputError as error:
        raise InputError(f"{where}: the value is no {target.name}: {error.message}") from error
