"""The visible text of an HTML page, as Markdown."""

from __future__ import annotations

import re
import warnings
from typing import Any, Final

from structgen.extras import load
from structgen.reading.document import Document
from structgen.reading.options import ReadSettings
from structgen.reading.text import encoding_of, markdown_document

_INVISIBLE: Final = ("script", "style", "template", "noscript", "head", "svg")
"""Elements that a browser does not show, or not as text."""
_HIDING_STYLE: Final = re.compile(r"(?i)display\s*:\s*none|visibility\s*:\s*hidden")


def read_html(data: bytes, settings: ReadSettings) -> Document:
    """Read a page as Markdown, which keeps headings, lists and tables.

    Args:
        data: The page.
        settings: Its encoding, by default what the page says.
    """
    head = encoding_of(data[:4])
    marked = None if head == "utf-8-sig" else head
    return markdown_document(markdown_of(data, settings.encoding or marked), settings)


def markdown_of(data: bytes, encoding: str | None = None) -> str:
    """Give a page as Markdown.

    Args:
        data: The page.
        encoding: Its encoding, by default what the page says.
    """
    parser = load("bs4", "files").BeautifulSoup
    converter = load("markdownify", "files").MarkdownConverter(heading_style="ATX")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about pages that look like XML or a file name
        soup = parser(data, "html.parser", from_encoding=encoding)
    for element in soup(_is_invisible):
        if not element.decomposed:
            element.decompose()
    for image in soup("img"):
        if str(image.get("src", "")).startswith("data:"):
            image["src"] = ""  # the bytes of the image would be most of the prompt
    return str(converter.convert_soup(soup)).strip()


def _is_invisible(element: Any) -> bool:
    if element.name in _INVISIBLE or element.has_attr("hidden"):
        return True
    return bool(_HIDING_STYLE.search(str(element.get("style", ""))))
