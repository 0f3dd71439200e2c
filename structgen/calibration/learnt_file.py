"""Files of what was learnt from gold: JSON with one row for each thing that a row is about."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Generic, Protocol, TypeVar

from pydantic import TypeAdapter, ValidationError

from structgen.errors import ConfigurationError
from structgen.schema.json import pointer
from structgen.schema.json_file import write_json
from structgen.values import Json, shorten

_SHOWN: Final = 40
"""Characters that an error shows of a version."""


class Row(Protocol):
    """A row of a file: the lesson for one target, asked in one way."""

    @property
    def target(self) -> str:
        """The target's name."""
        ...

    @property
    def about(self) -> tuple[str, ...]:
        """Its subject; a file holds one row for each."""
        ...


R = TypeVar("R", bound=Row)


class LearntFile(Generic[R]):
    """One kind of file, and how its rows are read and written."""

    def __init__(
        self,
        kind: str,
        member: str,
        form: TypeAdapter[Any],
        *,
        row_of: Callable[[Any], R],
        data_of: Callable[[R], Json],
        error: type[ConfigurationError],
        hint: str,
    ) -> None:
        """Describe the kind of file.

        Args:
            kind: What people call such a file, such as "calibration file".
            member: The member of the JSON object that holds the rows.
            form: Checks the object, whose other member is `version`.
            row_of: Makes a row of its data. It may raise ConfigurationError.
            data_of: Gives the data of a row.
            error: What is raised for a file that cannot be read or written.
            hint: Says how such a file is made.
        """
        self._kind, self._member, self._form = kind, member, form
        self._row_of, self._data_of = row_of, data_of
        self._error, self._hint = error, hint
        self._read = lru_cache(maxsize=64)(self._read_anew)

    def load(self, path: str | os.PathLike[str]) -> tuple[R, ...]:
        """Read the rows of a file; one that did not change is read once.

        Args:
            path: The file.

        Raises:
            ConfigurationError: If it cannot be read, or is of another kind.
        """
        try:
            state = os.stat(path)
            return self._read(os.fspath(path), state.st_mtime_ns, state.st_size)
        except OSError as error:
            raise self._error(f"Cannot read {path}: {error.strerror}.", hint=self._hint) from error

    def save(self, path: str | os.PathLike[str], row: R) -> None:
        """Put a row into a file, in place of the one about the same.

        Args:
            path: The file; it is made if there is none.
            row: The row.

        Raises:
            ConfigurationError: If the file cannot be written, or is there and of another kind.
        """
        known = self.load(path) if Path(path).exists() else ()
        kept = [one for one in known if one.about != row.about]
        rows = sorted([*kept, row], key=lambda one: (one.target, one.about))
        try:
            write_json(path, {"version": 1, self._member: [self._data_of(one) for one in rows]})
        except OSError as error:
            raise self._unwritable(path, error) from error

    def require_place(self, path: str | os.PathLike[str]) -> None:
        """See that a file can be written, before what it is to hold is paid for.

        Args:
            path: The file; it may be there, and then has to be of this kind.

        Raises:
            ConfigurationError: If it cannot be written, or is there and of another kind.
        """
        where = Path(path)
        if where.exists():
            try:
                self.load(path)
            except ConfigurationError as error:
                raise self._error(
                    error.message,
                    hint="It stays as it is. Name another file to write, or move this one away.",
                ) from error
        folder = where.parent
        fault = errno.EACCES if folder.is_dir() else errno.ENOENT
        if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
            raise self._unwritable(path, OSError(fault, os.strerror(fault)))

    def _unwritable(self, path: str | os.PathLike[str], error: OSError) -> ConfigurationError:
        return self._error(
            f"Cannot write {path}: {error.strerror}.",
            hint="Name a file in a folder that exists and can be written to.",
        )

    def _read_anew(self, path: str, changed: int, size: int) -> tuple[R, ...]:
        try:
            data = self._form.validate_json(Path(path).read_bytes(), strict=True)
            return tuple(self._row_of(one) for one in data[self._member])
        except ConfigurationError as error:
            message = f"{path} is no {self._kind}: {error.message}"
            raise self._error(message, hint=self._hint) from error
        except ValueError as error:
            raise self._error(
                f"{path} is no {self._kind}{_why(error)}.", hint=self._hint
            ) from error


def _why(error: ValueError) -> str:
    """The first fault of a file, in words that follow what it is not."""
    if not isinstance(error, ValidationError):
        return ""
    faults = error.errors(include_url=False, include_context=False)
    for one in faults:
        if one["loc"] == ("version",) and one["type"] == "literal_error":
            version = shorten(repr(one["input"]), _SHOWN)
            return f" that this structgen reads: its version is {version}, not 1"
    place = pointer(faults[0]["loc"])
    said = faults[0]["msg"]
    return f": {place + ': ' if place else ''}{said[:1].lower()}{said[1:]}"
