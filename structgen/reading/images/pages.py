"""Pages of a document as a web page shows them: an image, or the words in their places."""

from __future__ import annotations

from base64 import b64encode
from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from importlib.resources import files
from typing import Any, Final

from structgen.reading.document import Document
from structgen.reading.layout import Box, Page
from structgen.values import Json

_STYLE: Final = "/*PICTURES.CSS*/"
_SCRIPT: Final = "/*PICTURES.JS*/"
_A_WORD: Final = 40
"""Characters of a word with its box as JSON, about."""
_DIGITS: Final = 1
"""Decimal places of points in a page: a tenth of a point is not seen."""


def with_pictures(template: str) -> str:
    """Put the style and the script that show pages into the HTML of a page.

    Args:
        template: The HTML, with a comment where each of the two belongs.
    """
    folder = files("structgen.reading.images")
    style, script = (
        (folder / name).read_text(encoding="utf-8") for name in ("pages.css", "pages.js")
    )
    return template.replace(_STYLE, style).replace(_SCRIPT, script)


def boxes_of(document: object, place: Mapping[str, Any] | None) -> list[list[float]]:
    """Give the boxes of a value, each as a list: page, left, top, right, bottom.

    Args:
        document: What it was extracted from.
        place: Its evidence, with `start` and `end`; None if there is none.

    Returns:
        One box for each printed line; none if the document has no pages, or not this place.
    """
    if not isinstance(document, Document) or place is None or place.get("start") is None:
        return []
    start, end = place["start"], place["end"]
    if not 0 <= start <= end <= len(document):
        return []
    return [_rounded(box) for box in document.locate(start, end).boxes]


def places_of(row: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Give the evidence of each value of a result, by its JSON Pointer.

    Args:
        row: A row of results.
    """
    found = {
        path: one
        for path, one in (row.get("leaf_evidence") or {}).items()
        if one.get("start") is not None
    }
    return {**found, **(row.get("evidence") or {})}


def pictures_of(
    document: object, boxes: Iterable[Sequence[float]], *, with_images: bool = True
) -> list[dict[str, Json]]:
    """Give the pages that have boxes, as the script shows them.

    Args:
        document: What the boxes are in.
        boxes: The boxes, as `boxes_of` gives them.
        with_images: Whether to include the images of pages, as data URLs. Without, `image` says
            whether there is one.

    Returns:
        Number, width, height, image and words of each page, the words only if it has no image.
    """
    if not isinstance(document, Document):
        return []
    numbers = {int(box[0]) for box in boxes}
    pages = [page for page in document.pages if page.number in numbers]
    return [_picture(document, page, with_images) for page in pages]


def size_of(picture: Mapping[str, Any]) -> int:
    """Estimate the characters that a page of `pictures_of` takes as JSON.

    Args:
        picture: The page.
    """
    image = picture["image"]
    return len(image if isinstance(image, str) else "") + _A_WORD * len(picture["words"])


def _picture(document: Document, page: Page, with_images: bool) -> dict[str, Json]:
    image: Json = page.image is not None
    if page.image is not None and with_images:
        data = b64encode(page.image.data).decode()
        image = f"data:{page.image.media_type};base64,{data}"
    return {
        "number": page.number,
        "width": page.width,
        "height": page.height,
        "image": image or None,
        "words": [] if page.image is not None else _words(document, page),
    }


def _words(document: Document, page: Page) -> list[Json]:
    """The words of a page, each with its box: text, left, top, right, bottom."""
    words, shift = document.layout.words, document.offset
    text, found = document.text, list[Json]()
    first = bisect_left(words.starts, page.start + shift)
    for at in range(first, bisect_left(words.starts, page.end + shift)):
        if words.pages[at] == page.number:
            printed = text[words.starts[at] - shift : words.ends[at] - shift]
            found.append([printed, *_rounded(words.box(at))[1:]])
    return found


def _rounded(box: Box) -> list[float]:
    return [box.page, *(round(length, _DIGITS) for length in box[1:])]
