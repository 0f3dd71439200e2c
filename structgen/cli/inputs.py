"""The flags that say how inputs are read: one for each argument of `open_source`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

from structgen.cli.command import reader
from structgen.cli.options import docstrings_of, flag_of, names_in
from structgen.pipeline.inputs.options import SourceArgs
from structgen.reading.options import ReadArgs

if TYPE_CHECKING:
    from structgen.pipeline.inputs.source import Source

INPUTS: Final = (
    "Files of rows or documents, folders, archives, databases as URL#TABLE, https://, s3:// or "
    "hf:// URLs, or - for standard input."
)
"""The help of the argument that names inputs."""


def _numbers(text: str) -> list[int]:
    """Read page numbers such as "1-3,7"."""
    found: list[int] = []
    for part in names_in(text):
        first, _, last = part.partition("-")
        found += range(int(first), int(last or first) + 1)
    return found


_DOCUMENTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "pages": {"choices": ("text", "images", "both")},
    "page_numbers": {"metavar": "1-3,7", "type": reader(_numbers, "a list of pages such as 1-3,7")},
    "dpi": {"metavar": "N", "type": int},
    "tracked_changes": {"choices": ("accepted", "original", "both")},
    "attachments": {"action": "store_const", "const": True},
    "hidden": {"action": "store_const", "const": True},
    "comments": {"action": "store_const", "const": True},
    "reader": {"metavar": "NAME"},
}
"""How argparse reads the arguments of `read`; those without a row have no flag."""
_READINGS: Final[Mapping[str, Mapping[str, Any]]] = {
    "text": {"metavar": "COLUMN"},
    "key": {"metavar": "COLUMN"},
    "columns": {"metavar": "NAMES", "type": reader(names_in, "a list of names")},
    "encoding": {"metavar": "NAME"},
    "delimiter": {"metavar": "CHARACTER"},
    "format": {"metavar": "KIND"},
    "include": {"metavar": "PATTERN", "action": "append"},
    "exclude": {"metavar": "PATTERN", "action": "append"},
    "limit": {"metavar": "N", "type": int},
    "sample": {"metavar": "N", "type": int},
}
"""How argparse reads each argument; those without a row have no flag."""


def add_document_flags(parser: ArgumentParser) -> None:
    """Declare the flags that say how PDFs and other documents are read."""
    group = parser.add_argument_group("how documents are read")
    texts = docstrings_of(ReadArgs)
    for name, reading in _DOCUMENTS.items():
        group.add_argument(flag_of(name), dest=name, help=texts.get(name), **reading)


def reading_from(arguments: Namespace) -> ReadArgs:
    """Give the arguments of `read` that the flags say."""
    given = {name: getattr(arguments, name) for name in _DOCUMENTS}
    known: Any = {name: value for name, value in given.items() if value is not None}
    return cast("ReadArgs", known)


def add_input_flags(parser: ArgumentParser) -> None:
    """Declare the flags."""
    add_document_flags(parser)
    group = parser.add_argument_group("how inputs are read")
    texts = docstrings_of(SourceArgs)
    for name, reading in _READINGS.items():
        group.add_argument(flag_of(name), dest=name, help=texts.get(name), **reading)


def source_from(arguments: Namespace) -> Source:
    """Open the inputs that were named, one after the other.

    Raises:
        StructgenError: What `open_source` raises.
    """
    from structgen.pipeline.inputs.source import open_source

    given = {name: getattr(arguments, name) for name in _READINGS}
    options: Any = {name: value for name, value in given.items() if value is not None}
    return open_source(arguments.inputs, reading=reading_from(arguments), **options)
