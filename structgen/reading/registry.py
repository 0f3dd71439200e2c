"""Which reader reads which kind of file: the library's own, installed ones, and the user's."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from importlib.metadata import EntryPoint, entry_points
from itertools import chain
from typing import Final

from structgen.errors import ConfigurationError
from structgen.reading.docx import read_docx
from structgen.reading.html import read_html
from structgen.reading.images import read_image
from structgen.reading.mail import read_mail
from structgen.reading.options import Reader
from structgen.reading.pdf.read import read_pdf
from structgen.reading.pptx import read_pptx
from structgen.reading.text import read_markdown, read_plain
from structgen.reading.xlsx import read_xlsx

ENTRY_POINTS: Final = "structgen.readers"
"""The group of entry points under which packages bring readers."""


_HTML: Final = ("text/html", "application/xhtml+xml")
_OFFICE: Final = "application/vnd.openxmlformats-officedocument"
_DOCX: Final = f"{_OFFICE}.wordprocessingml.document"
_XLSX: Final = f"{_OFFICE}.spreadsheetml.sheet"
_PPTX: Final = f"{_OFFICE}.presentationml.presentation"
_IMAGES: Final = {
    "image/png": (".png",),
    "image/jpeg": (".jpg", ".jpeg"),
    "image/gif": (".gif",),
    "image/webp": (".webp",),
    "image/tiff": (".tif", ".tiff"),
    "image/bmp": (".bmp",),
    "image/avif": (".avif",),
}
"""The suffixes of images, by their kind."""
_OWN: Final = (
    Reader("text", read_plain, ("text/plain",), (".txt", ".text", ".log", ".xml")),
    Reader("markdown", read_markdown, ("text/markdown",), (".md", ".markdown")),
    Reader("html", read_html, _HTML, (".html", ".htm", ".xhtml")),
    Reader("pdf", read_pdf, ("application/pdf",), (".pdf",)),
    Reader("docx", read_docx, (_DOCX,), (".docx", ".docm")),
    Reader("xlsx", read_xlsx, (_XLSX,), (".xlsx", ".xlsm")),
    Reader("pptx", read_pptx, (_PPTX,), (".pptx", ".pptm")),
    Reader("image", read_image, tuple(_IMAGES), tuple(chain.from_iterable(_IMAGES.values()))),
    Reader("mail", read_mail, ("message/rfc822",), (".eml",)),
)
"""The readers of the library."""
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
    return tuple((point.name, _loaded(point)) for point in entry_points(group=ENTRY_POINTS))


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


def suffixes() -> tuple[str, ...]:
    """Give the ends of the names of all files that can be read."""
    return tuple(dict.fromkeys(suffix for reader in _all() for suffix in reader.suffixes))
