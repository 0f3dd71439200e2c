"""The notes that people put on the pages of a PDF."""

from __future__ import annotations

from collections.abc import Iterator
from ctypes import byref, c_ushort
from typing import Any, Final

from typing_extensions import NamedTuple

from structgen.extras import load

_KINDS: Final = (
    "TEXT HIGHLIGHT UNDERLINE SQUIGGLY STRIKEOUT CARET INK SQUARE CIRCLE LINE POLYGON POLYLINE"
)
"""The annotations that hold a comment (ISO 32000-1, 12.5.6); others are printed on the page."""
_MOST_BYTES: Final = 200_000
"""The length of one comment, in bytes of UTF-16."""


class PageComment(NamedTuple):
    """A comment on a page."""

    text: str
    """Its text, and who wrote it."""
    edges: tuple[float, float, float, float]
    """Left, bottom, right and top of what it is about, in the coordinates of the page."""


def comments_of(page: Any) -> Iterator[PageComment]:
    """Give the comments on a page, in the order of the file.

    Args:
        page: A `pypdfium2.PdfPage`.
    """
    pdfium = load("pypdfium2.raw", "files")
    wanted = {getattr(pdfium, f"FPDF_ANNOT_{kind}") for kind in _KINDS.split()}
    for at in range(pdfium.FPDFPage_GetAnnotCount(page.raw)):
        annotation = pdfium.FPDFPage_GetAnnot(page.raw, at)
        try:
            if pdfium.FPDFAnnot_GetSubtype(annotation) not in wanted:
                continue
            text = " ".join(_string(pdfium, annotation, b"Contents").split())
            author = " ".join(_string(pdfium, annotation, b"T").split())
            box = pdfium.FS_RECTF()
            if text and pdfium.FPDFAnnot_GetRect(annotation, byref(box)):
                said = f"Comment by {author}: {text}" if author else f"Comment: {text}"
                yield PageComment(said, (box.left, box.bottom, box.right, box.top))
        finally:
            pdfium.FPDFPage_CloseAnnot(annotation)


def _string(pdfium: Any, annotation: Any, key: bytes) -> str:
    size = min(pdfium.FPDFAnnot_GetStringValue(annotation, key, None, 0), _MOST_BYTES)
    buffer = (c_ushort * (size // 2 + 1))()
    pdfium.FPDFAnnot_GetStringValue(annotation, key, buffer, 2 * len(buffer))
    return bytes(buffer)[: max(size - 2, 0)].decode("utf-16-le", "replace")
