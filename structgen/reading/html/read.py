"""The visible text of a web page."""

from __future__ import annotations

import codecs
import re
from typing import Final

from structgen.reading.builder import DocumentBuilder
from structgen.reading.document import Document
from structgen.reading.html.elements import tree_of
from structgen.reading.html.writer import PageWriter
from structgen.reading.options import ReadSettings
from structgen.reading.text import encoding_of

_HEAD: Final = 4096
"""Bytes at the beginning of a page in which it may name its encoding; the standard says 1024."""
_NAMED: Final = re.compile(
    rb"""(?i)<meta[^>]*?charset\s*=\s*["']?\s*([\w.:-]+)|<\?xml[^>]*?encoding\s*=\s*["']([\w.:-]+)"""
)
_ANSI: Final = "cp1252"
"""Browsers take it for Latin-1 and ASCII (WHATWG Encoding, 4.2), and if nothing is named."""
_AS_ANSI: Final = frozenset({"iso8859-1", "ascii"})
_REPLACEMENT: Final = "\ufffd"
_WRONG: Final = "It is no valid {}, which it says that it is: some of its characters may be wrong."


def read_html(data: bytes, settings: ReadSettings) -> Document:
    """Read what a browser shows of a page: headings, lists and tables with their structure.

    Args:
        data: The page.
        settings: Its encoding, by default what the page says; and whether to read what it hides.
    """
    page, notes = decoded(data, settings.encoding)
    builder = DocumentBuilder()
    write_page(builder, page, hidden=settings.hidden)
    kind = settings.media_type or "text/html"
    return builder.build(name=settings.name, media_type=kind, notes=notes)


def write_page(builder: DocumentBuilder, page: str, *, hidden: bool = False) -> None:
    """Write what a browser shows of a page.

    Args:
        builder: What to write to.
        page: Its source.
        hidden: Whether to write what the page hides, too.
    """
    PageWriter(builder, hidden=hidden).write(tree_of(page))


def decoded(data: bytes, encoding: str | None) -> tuple[str, list[str]]:
    """Decode a page or a mail, even if it names a wrong encoding.

    Text that is valid UTF-8 is UTF-8, whatever it says: that does not happen by chance.

    Args:
        data: The bytes.
        encoding: Their encoding; None for what they say.

    Returns:
        The text, and a note if it had to be guessed.
    """
    if encoding is not None:
        return data.decode(encoding), []
    marked = encoding_of(data[:4])
    if marked != "utf-8-sig":
        return data.decode(marked, "replace"), []
    found = _NAMED.search(data[:_HEAD])
    named = "" if found is None else (found[1] or found[2]).decode()
    return decoded_as(data, named)


def decoded_as(data: bytes, named: str) -> tuple[str, list[str]]:
    """Decode a text that names its encoding, which may be wrong.

    Args:
        data: The bytes.
        named: The name; empty if it names none.
    """
    codec = _codec(named)
    if codec is not None and codec.name.startswith(("iso2022", "hz", "utf-7")):
        return data.decode(codec.name, "replace"), []  # which look like ASCII
    try:
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError:
        pass
    if codec is not None and not codec.name.startswith("utf"):
        name = _ANSI if codec.name in _AS_ANSI else codec.name
        text = data.decode(name, "replace")
        return text, [_WRONG.format(named)] if _REPLACEMENT in text else []
    text = data.decode("utf-8-sig", "replace")
    wrong = text.count(_REPLACEMENT)
    right = sum(not character.isascii() for character in text) - wrong
    if wrong > right:
        text = data.decode(_ANSI, "replace")
    return text, [_WRONG.format(named or "UTF-8")] if codec is not None or wrong <= right else []


def _codec(name: str) -> codecs.CodecInfo | None:
    try:
        found = codecs.lookup(name)
    except (LookupError, ValueError):
        return None
    return found if found._is_text_encoding else None
