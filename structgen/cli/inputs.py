"""The flags that say how inputs are read: one for each argument of `open_source`."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from structgen.cli.options import docstrings_of, flag_of
from structgen.pipeline.inputs.options import SourceArgs

if TYPE_CHECKING:
    from structgen.pipeline.inputs.source import Source

INPUTS: Final = (
    "Files of rows or documents, folders, archives, databases as URL#TABLE, https://, s3:// or "
    "hf:// URLs, or - for standard input."
)
"""The help of the argument that names inputs."""


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


_READINGS: Final[Mapping[str, Mapping[str, Any]]] = {
    "text": {"metavar": "COLUMN"},
    "key": {"metavar": "COLUMN"},
    "columns": {"metavar": "NAMES", "type": _names},
    "encoding": {"metavar": "NAME"},
    "delimiter": {"metavar": "CHARACTER"},
    "format": {"metavar": "KIND"},
    "include": {"metavar": "PATTERN", "action": "append"},
    "exclude": {"metavar": "PATTERN", "action": "append"},
    "limit": {"metavar": "N", "type": int},
    "sample": {"metavar": "N", "type": int},
}
"""How argparse reads each argument; those without a row have no flag."""


def add_input_flags(parser: ArgumentParser) -> None:
    """Declare the flags."""
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
    return open_source(arguments.inputs, **options)
