"""What a command is, and what several of them need."""

from __future__ import annotations

import json
from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TextIO, TypeVar

if TYPE_CHECKING:
    from structgen.reading.options import ReadArgs

T = TypeVar("T")


class Streams(NamedTuple):
    """The standard streams of a call: values go to `stdout`, everything else to `stderr`."""

    stdin: TextIO
    stdout: TextIO
    stderr: TextIO

    def tell(self, line: str) -> None:
        """Say something about the call."""
        print(f"structgen: {line}", file=self.stderr)

    def give(self, value: Any, indent: int | None = None) -> None:
        """Print a value as JSON."""
        text = json.dumps(value, ensure_ascii=False, indent=indent, default=str)
        print(text, file=self.stdout, flush=True)

    def read(self, name: str, reading: ReadArgs | None = None) -> str:
        """Read a file of any kind, or a text from standard input if its name is "-".

        What could not be read of the file is told.

        Args:
            name: The name of the file.
            reading: How to read it.

        Raises:
            InputError: If the file cannot be read.
            MissingPackage: If the package that reads its kind is not installed.
        """
        if name == "-":
            return self.stdin.read()
        from structgen.reading.files import read

        document = read(name, **(reading or {}))
        for note in document.notes:
            self.tell(f"{name}: {note}")
        return document


class Command(NamedTuple):
    """One command of the command line."""

    name: str
    """The word that calls it."""
    usage: str
    """Its arguments, in short."""
    summary: str
    """What it does, as one sentence for the list of commands."""
    add_arguments: Callable[[ArgumentParser], None]
    """Declares its arguments."""
    perform: Callable[[Namespace, Streams], int]
    """Does it and gives the exit code."""
    detail: str = ""
    """Further sentences for its own help."""


def reader(read: Callable[[str], T], wanted: str) -> Callable[[str], T]:
    """Make what reads a word of the command line, and says what is wanted if it cannot.

    Args:
        read: Reads the word, or raises a ValueError.
        wanted: What the word should be, such as "a number".
    """

    def read_word(word: str) -> T:
        try:
            return read(word)
        except ValueError:
            raise ArgumentTypeError(f"{word!r} is not {wanted}") from None

    return read_word


NUMBERS: Final[Mapping[type, Callable[[str], Any]]] = {
    int: reader(int, "a whole number"),
    float: reader(float, "a number"),
}
"""What reads numbers."""


def add_target(parser: ArgumentParser) -> None:
    """Declare the argument that says what to extract."""
    parser.add_argument(
        "target",
        metavar="TARGET",
        help="What to extract: path.py:Model, module:Model or schema.json.",
    )
