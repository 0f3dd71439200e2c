"""Write a file that is not there yet."""

from __future__ import annotations

import os

from structgen.errors import InputError


def write_new(path: str | os.PathLike[str], text: str) -> None:
    """Write a text to a new file.

    Args:
        path: The file.
        text: What to write. Half a surrogate pair becomes a question mark.

    Raises:
        InputError: If the file exists, or cannot be written.
    """
    try:
        with open(path, "x", encoding="utf-8", errors="replace", newline="\n") as file:
            file.write(text)
    except OSError as error:
        raise InputError(
            f"Cannot write {path}: {error.strerror}.", hint="Name a file that does not exist."
        ) from error
