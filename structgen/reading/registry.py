"""Which reader reads which kind of file: the library's own, installed ones, and the user's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Final, cast

from structgen.errors import ConfigurationError
from structgen.reading.document import Document
from structgen.reading.options import Reader, ReadSettings

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ENTRY_POINTS: Final = "structgen.readers"
"""The group of entry points under which packages bring readers."""

_WORD: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
_WORKBOOK: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_SLIDES: Final = "application/vnd.openxmlformats-officedocument.presentationml.presentation"
_TABLE: Final = (
    ("text", "text:read_plain", "text/plain", ".txt .text .log .xml"),
    ("markdown", "text:read_markdown", "text/markdown", ".md .markdown"),
    ("html", "html.read:read_html", "text/html application/xhtml+xml", ".html .htm .xhtml"),
    ("pdf", "pdf.read:read_pdf", "application/pdf", ".pdf"),
    ("docx", "office.docx:read_docx", _WORD, ".docx .docm .dotx .dotm"),
    ("xlsx", "office.xlsx:read_xlsx", _WORKBOOK, ".xlsx .xlsm .xltx .xltm"),
    ("pptx", "office.pptx:read_pptx", _SLIDES, ".pptx .pptm .ppsx .ppsm .potx"),
    ("mail", "mail.read:read_mail", "message/rfc822", ".eml"),
    ("png", "images.read:read_image", "image/png", ".png"),
    ("jpeg", "images.read:read_image", "image/jpeg", ".jpg .jpeg"),
    ("gif", "images.read:read_image", "image/gif", ".gif"),
    ("webp", "images.read:read_image", "image/webp", ".webp"),
    ("tiff", "images.read:read_image", "image/tiff", ".tif .tiff"),
    ("bmp", "images.read:read_image", "image/bmp", ".bmp"),
    ("avif", "images.read:read_image", "image/avif", ".avif"),
)
"""The readers of the library: name, function, kinds and suffixes."""


def _at_first_use(where: str) -> Callable[[bytes, ReadSettings], Document | str]:
    """Give a function whose module is imported when it is called: a call about a text needs none.

    Args:
        where: "module:name" inside this folder.
    """
    module, _, name = where.partition(":")

    def read(data: bytes, settings: ReadSettings) -> Document | str:
        found = getattr(import_module(f"structgen.reading.{module}"), name)
        return cast("Document | str", found(data, settings))

    return read


_OWN: Final = tuple(
    Reader(name, _at_first_use(where), tuple(kinds.split()), tuple(ends.split()))
    for name, where, kinds, ends in _TABLE
)
_registered: list[Reader] = []
"""The readers that the program registered, the latest first."""


def register_reader(reader: Reader) -> None:
    """Let a reader read its kinds of files from now on, in this process.

    It goes before the readers that are registered already, those of installed packages and the
    library's own. Packages bring theirs as entry points of the group `structgen.readers`: they read
    the kinds that nothing else reads, and others if they are asked for by name
    (`read(path, reader="docling")`).

    Args:
        reader: The reader.

    Raises:
        ConfigurationError: If it is no `Reader`, or reads no kind of file.
    """
    if not isinstance(reader, Reader):
        raise ConfigurationError(
            f"A {type(reader).__name__} is no reader.",
            hint="Pass a structgen.reading.Reader(name, function, media_types, suffixes).",
        )
    if not reader.media_types and not reader.suffixes:
        raise ConfigurationError(
            f"The reader {reader.name!r} reads no kind of file.",
            hint='Give it `media_types` or `suffixes`, such as (".rtf",).',
        )
    _registered.insert(0, reader)


def unregister_reader(reader: Reader) -> None:
    """Take back what `register_reader` did."""
    _registered.remove(reader)


@lru_cache(maxsize=1)
def _installed() -> tuple[tuple[str, Reader | ConfigurationError], ...]:
    """The readers that installed packages bring, by the names of their entry points.

    A package that does not load costs its own reader alone: its error is in the place of it.
    """
    from importlib import metadata  # which takes a while to import

    points = metadata.entry_points(group=ENTRY_POINTS)
    return tuple((point.name, _loaded(point)) for point in points)


def _loaded(point: EntryPoint) -> Reader | ConfigurationError:
    try:
        reader = point.load()
    except Exception as error:  # a package may raise anything when it is imported
        return ConfigurationError(
            f"The reader {point.name!r} cannot be loaded ({type(error).__name__}: {error}).",
            hint="Correct or uninstall its package.",
        )
    if isinstance(reader, Reader):
        return reader
    return ConfigurationError(
        f"The entry point {point.name!r} of {ENTRY_POINTS} is no reader.",
        hint="It has to name a structgen.reading.Reader. Correct or uninstall its package.",
    )


def _all() -> Iterator[Reader]:
    """Every reader, those that go before others first. Packages are loaded last, if at all."""
    yield from _registered
    yield from _OWN
    yield from (reader for _, reader in _installed() if isinstance(reader, Reader))


def reader_named(name: str) -> Reader:
    """Find a reader by its name.

    Args:
        name: Its name, or that of the entry point that brings it.

    Raises:
        ConfigurationError: If there is none of this name, or its package cannot be loaded.
    """
    own = next((one for one in (*_registered, *_OWN) if one.name == name), None)
    if own is not None:
        return own
    for point, reader in _installed():
        if name == point and isinstance(reader, ConfigurationError):
            raise reader
        if isinstance(reader, Reader) and name in (point, reader.name):
            return reader
    known = ", ".join(dict.fromkeys(reader.name for reader in _all()))
    raise ConfigurationError(
        f"There is no reader {name!r}.",
        hint=f"Choose from: {known}. Others come with their packages, or by `register_reader`.",
    )


def reader_for(*, media_type: str | None = None, suffix: str = "") -> Reader | None:
    """Find the reader of a kind of file; None if nothing reads it.

    Args:
        media_type: The kind; it decides if it is given.
        suffix: The end of the file's name, in lower case.
    """
    for reader in _all():
        fits = suffix in reader.suffixes if media_type is None else media_type in reader.media_types
        if fits:
            return reader
    return None


def is_own(reader: Reader) -> bool:
    """Whether a reader is one of the library's own, rather than the program's or a package's."""
    return reader in _OWN


def suffixes() -> tuple[str, ...]:
    """Give the ends of the names of all files that can be read."""
    return tuple(dict.fromkeys(suffix for reader in _all() for suffix in reader.suffixes))
