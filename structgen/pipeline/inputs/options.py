"""How a source is read: which columns, which encoding, which files of a folder."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final

from typing_extensions import TypedDict

from structgen.errors import ConfigurationError
from structgen.reading.options import ReadArgs, ReadSettings, settings_of

_ONE_CHARACTER: Final = {"tab": "\t", "\\t": "\t"}
"""Names of delimiters that are hard to type on a command line."""


class SourceArgs(TypedDict, total=False):
    """The keyword arguments of `open_source`."""

    text: str | None
    """The column that holds the document (default "text")."""
    key: str | None
    """The column that names a row (default: source and position)."""
    columns: Sequence[str] | None
    """The columns to copy to the output (default: all but `text` and `key`)."""
    encoding: str | None
    """The encoding of text files, such as "cp1252" (default: what their first bytes tell)."""
    delimiter: str | None
    """What separates the fields of a CSV file (default: a comma, or what fits the header)."""
    format: str | None
    """The kind of the file, such as "csv", if its name does not tell; for standard input, too."""
    include: Sequence[str]
    """Patterns such as "*.pdf": read only these files of a folder or archive."""
    exclude: Sequence[str]
    """Patterns such as "drafts/*": leave out these files of a folder or archive."""
    limit: int | None
    """Read at most this many inputs: the first ones (default: all)."""
    sample: int | None
    """Read this many inputs, chosen at random, and the same ones in every run (default: all)."""
    reading: ReadArgs
    """How documents are read: which pages, as text or as images, and what else `ReadArgs` lists."""
    readers: Mapping[str, Callable[[bytes], str]]
    """Functions that make a text of the bytes of a file, by its suffix: `{".rtf": text_of_rtf}`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadOptions:
    """The arguments of `open_source`, checked."""

    text: str = "text"
    key: str | None = None
    columns: frozenset[str] | None = None
    encoding: str | None = None
    delimiter: str | None = None
    format: str | None = None
    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    limit: int | None = None
    sample: int | None = None
    reading: ReadSettings = ReadSettings()
    readers: Mapping[str, Callable[[bytes], str]] = field(default_factory=dict)

    @property
    def needed(self) -> tuple[str, ...]:
        """The columns that every row has to have."""
        return (self.text,) if self.key is None else (self.text, self.key)

    def takes(self, column: str) -> bool:
        """Whether a column is read."""
        return self.columns is None or column in self.columns or column in self.needed

    def wants_file(self, inside: str) -> bool:
        """Whether a file of a folder is read, by its path inside the folder."""
        base = inside.rpartition("/")[2]

        def fits(patterns: tuple[str, ...]) -> bool:
            return any(fnmatchcase(inside, one) or fnmatchcase(base, one) for one in patterns)

        return (not self.include or fits(self.include)) and not fits(self.exclude)


def options_of_source(given: SourceArgs) -> ReadOptions:
    """Check the arguments of `open_source`.

    Args:
        given: The arguments.

    Raises:
        ConfigurationError: If a value is not possible.
    """
    for name in ("limit", "sample"):
        number = given.get(name)
        if number is not None and (not isinstance(number, int) or number < 1):
            raise ConfigurationError(f"`{name}` is {number!r}.", hint="Give a number, at least 1.")
    for name in ("columns", "include", "exclude"):
        if isinstance(given.get(name), str):
            raise ConfigurationError(f"`{name}` is a text.", hint="Give a list of texts.")
    columns = given.get("columns")
    kind = given.get("format")
    return ReadOptions(
        text=given.get("text") or "text",
        key=given.get("key"),
        columns=None if columns is None else frozenset(columns),
        encoding=_encoding(given.get("encoding")),
        delimiter=_delimiter(given.get("delimiter")),
        format=None if kind is None else f".{kind.lower().lstrip('.')}",
        include=tuple(given.get("include", ())),
        exclude=tuple(given.get("exclude", ())),
        limit=given.get("limit"),
        sample=given.get("sample"),
        reading=settings_of(given.get("reading", {})),
        readers={suffix.lower(): read for suffix, read in given.get("readers", {}).items()},
    )


def _encoding(name: str | None) -> str | None:
    if name is None:
        return None
    try:
        known = codecs.lookup(name)
        "".encode(name)  # refuses codecs that are no encoding of text, such as base64
    except (LookupError, ValueError):
        raise ConfigurationError(
            f"There is no text encoding {name!r}.",
            hint='Name one that Python knows, such as "utf-8", "cp1252" or "utf-16".',
        ) from None
    return "utf-8-sig" if known.name == "utf-8" else known.name


def _delimiter(given: str | None) -> str | None:
    if given is None:
        return None
    delimiter = _ONE_CHARACTER.get(given, given)
    if len(delimiter) != 1 or delimiter in '\r\n"':
        raise ConfigurationError(
            f"`delimiter` is {given!r}.", hint='Give one character, such as ";" or "tab".'
        )
    return delimiter
