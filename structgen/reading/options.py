"""How a file is read: as what kind, which pages, in which version."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from typing_extensions import TypedDict

from structgen.kinds import TEXT, Kind, check_values, number, one_of, or_none, sequence, whole
from structgen.reading.document import Document

GIBIBYTE: Final = 2**30


class ReadArgs(TypedDict, total=False):
    """The keyword arguments of `read`."""

    name: str | None
    """The name of the file, if it has none of its own; its suffix tells the kind."""
    media_type: str | None
    """The kind of the file, such as "application/pdf" (default: what its name and its first bytes
    tell)."""
    encoding: str | None
    """The encoding of a text, such as "cp1252" (default: what its first bytes tell)."""
    password: str | None
    """The password of a PDF (default: none)."""
    pages: Literal["text", "images", "both"]
    """What to take from the pages of a PDF: "text" (default), "images" for models that see, or
    "both"."""
    page_numbers: Sequence[int] | None
    """The pages to read, from 1 (default: all)."""
    dpi: int
    """Dots per inch of the images of pages (default 150)."""
    tracked_changes: Literal["accepted", "original", "both"]
    """Which version of a DOCX with tracked changes to read: "accepted", with all of them (default),
    "original", or "both": inserted and deleted text one after the other."""
    attachments: bool
    """Whether to read the attachments of a mail, too, rather than name them (default False)."""
    hidden: bool
    """Whether to read what a file hides, too: sheets, rows and columns of a workbook, slides, text
    of a DOCX, elements of a page (default False)."""
    comments: bool
    """Whether to read the comments of a DOCX, XLSX or PPTX and the notes on a PDF, too (default
    False)."""
    reader: str | Reader | None
    """What reads the file, such as the name of an installed reader (default: what is registered for
    its kind)."""
    max_bytes: int
    """The size of a file at most, unpacked (default 1 GiB)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadSettings:
    """The arguments of `read`, checked: what a reader is given."""

    name: str | None = None
    """The name of the file."""
    media_type: str | None = None
    """The kind of the file; a reader is always told one."""
    encoding: str | None = None
    """The encoding of a text; None for what its first bytes tell."""
    password: str | None = field(default=None, repr=False)
    """The password of the file."""
    pages: Literal["text", "images", "both"] = "text"
    """What to take from pages."""
    page_numbers: tuple[int, ...] | None = None
    """The pages to read, from 1; None for all."""
    dpi: int = 150
    """Dots per inch of the images of pages."""
    tracked_changes: Literal["accepted", "original", "both"] = "accepted"
    """Which version of a text with tracked changes to read."""
    attachments: bool = False
    """Whether to read the attachments of a mail."""
    hidden: bool = False
    """Whether to read what the file hides."""
    comments: bool = False
    """Whether to read the comments of a file."""
    reader: str | Reader | None = None
    """What reads the file; None for what is registered for its kind."""
    max_bytes: int = GIBIBYTE
    """The size of a file at most, unpacked."""
    read_inner: Callable[[bytes, ReadSettings], Document] | None = field(default=None, repr=False)
    """Reads a file that is inside this one, such as an attachment; a reader is always given it."""

    def wants_page(self, page_number: int) -> bool:
        """Whether a page is read."""
        return self.page_numbers is None or page_number in self.page_numbers


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads files of some kinds."""

    name: str
    """What errors and the option `reader` call it."""
    read: Callable[[bytes, ReadSettings], Document | str]
    """Makes a document, or a text, of the bytes of a file and the settings of the call."""
    media_types: tuple[str, ...] = ()
    """The kinds of files, such as "application/pdf"; the first one belongs to the suffixes."""
    suffixes: tuple[str, ...] = ()
    """The ends of their names, in lower case, such as ".pdf"."""


def settings_of(given: ReadArgs) -> ReadSettings:
    """Check the arguments of `read`.

    Args:
        given: The arguments.

    Raises:
        ConfigurationError: If there is no such argument, or a value is not possible.
    """
    check_values(given, _KINDS)
    settings: dict[str, Any] = dict(given)
    if settings.get("media_type") is not None:  # "Text/HTML; charset=utf-8" is "text/html"
        settings["media_type"] = settings["media_type"].partition(";")[0].strip().lower()
    if settings.get("page_numbers") is not None:
        settings["page_numbers"] = tuple(settings["page_numbers"])
    return ReadSettings(**settings)


def _is_encoding(name: Any) -> bool:
    try:
        return isinstance(name, str) and codecs.lookup(name)._is_text_encoding
    except (LookupError, ValueError):
        return False


def _is_page_number(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


_KINDS: Final[Mapping[str, Kind]] = {
    "name": or_none(TEXT),
    "media_type": or_none(TEXT),
    "encoding": or_none(Kind(_is_encoding, 'the name of an encoding, such as "cp1252"')),
    "password": or_none(TEXT),
    "pages": one_of("text", "images", "both"),
    "page_numbers": or_none(sequence(_is_page_number, "a list of page numbers, from 1")),
    "dpi": number(18, 600, of="dots per inch"),
    "tracked_changes": one_of("accepted", "original", "both"),
    "attachments": one_of(True, False),
    "hidden": one_of(True, False),
    "comments": one_of(True, False),
    "max_bytes": whole(1),
}
"""Which values each argument takes."""
