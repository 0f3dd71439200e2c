"""Read a PDF through PDFium: its text, or images of its pages for models that see."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from itertools import chain
from logging import NullHandler, getLogger
from threading import Lock
from typing import Any, Final, Literal

from typing_extensions import NamedTuple

from structgen.errors import DocumentError, InputError, MissingPackage
from structgen.extras import load
from structgen.reading.builder import DocumentBuilder
from structgen.reading.document import Document
from structgen.reading.images.opened import MOST_PIXELS
from structgen.reading.images.read import encoded
from structgen.reading.layout import Box, PageImage
from structgen.reading.options import ReadSettings
from structgen.reading.pdf.comments import comments_of
from structgen.reading.pdf.order import lines_of
from structgen.reading.pdf.repair import with_trailer
from structgen.reading.pdf.words import PageText, Word, frame_of, text_of
from structgen.reading.pdf.write import (
    PageWriter,
    Vocabulary,
    add_outline,
    body_height,
    heading_sizes,
)

_PDFIUM: Final = Lock()
"""PDFium may not be called from two threads at a time."""
_POINTS_PER_INCH: Final = 72
_OUTLINE_ENTRIES: Final = 4
"""Below it, an outline is the title of the file or the name of a sheet rather than its headings."""
_SHOWN_PAGES: Final = 10
"""Pages that a note names."""


_CUT: Final = "The end of the file is missing, so pages and texts may be, too."
_XFA: Final = (
    "This form (XFA) keeps what is filled in where few programs find it. Open it in Adobe Reader, "
    "print it to a PDF, and read that."
)
_NOTES: Final = {
    "scan": "Pages without a text layer were not read: {}. They need OCR, or a model that sees.",
    "doubtful": "The text of these pages may be wrong, since their fonts do not say which "
    "characters they print: {}. Read them with OCR, or show their images to a model that sees.",
    "damaged": "Damaged pages were not read: {}. Check whether another program shows them.",
}
"""What to say of pages that could not be read well."""


class _Page(NamedTuple):
    """What was read of a page."""

    number: int
    width: float
    height: float
    words: list[Word]
    image: PageImage | None
    fault: Literal["", "scan", "doubtful"]
    comments: Sequence[tuple[str, Box]] = ()


def read_pdf(data: bytes, settings: ReadSettings) -> Document:
    """Read a PDF.

    Args:
        data: The file.
        settings: Its password, which pages to read, and what to take from them.

    Raises:
        DocumentError: If it needs a password, is damaged, or holds scans alone.
    """
    with _PDFIUM, _opened(data, settings) as (pdf, notes):
        return _document(pdf, settings, notes)


@contextmanager
def _opened(data: bytes, settings: ReadSettings) -> Iterator[tuple[Any, list[str]]]:
    """Open a file; give it with notes about what is wrong with it."""
    pdfium = load("pypdfium2", "files")
    name, notes = settings.name or "The PDF", list[str]()
    try:
        pdf = pdfium.PdfDocument(data, password=settings.password)
    except pdfium.PdfiumError as error:
        code = _reason(error, data, settings.password, pdfium)
        if code in (pdfium.raw.FPDF_ERR_PASSWORD, pdfium.raw.FPDF_ERR_SECURITY):
            is_other = code == pdfium.raw.FPDF_ERR_SECURITY
            raise _locked(name, settings.password, is_other=is_other) from None
        pdf = _mended(data, settings.password, pdfium)
        if pdf is None:
            raise _damaged(name, "PDFium cannot open it") from error
        notes.append(_CUT)
    try:
        with suppress(pdfium.PdfiumError):
            kind = pdf.get_formtype()
            if kind in (pdfium.raw.FORMTYPE_XFA_FULL, pdfium.raw.FORMTYPE_XFA_FOREGROUND):
                notes.append(_XFA)
            if kind:
                logger = getLogger("pypdfium2")  # which would write to the terminal
                if not logger.handlers:
                    logger.addHandler(NullHandler())
                pdf.init_forms()  # which draws the fields that hold a value and no picture of it
        yield pdf, notes
    finally:
        pdf.close()


def _reason(error: Any, data: bytes, password: str | None, pdfium: Any) -> int | None:
    """Why a file cannot be opened.

    PDFium tells the reason of the last file that failed, if it sees none in this one, such as for a
    file without pages. So it is asked again after a file that fails for a reason of its own.
    """
    if getattr(error, "err_code", None) == pdfium.raw.FPDF_ERR_FORMAT:
        return int(pdfium.raw.FPDF_ERR_FORMAT)
    for one in (b"%PDF-", data):
        try:
            pdfium.PdfDocument(one, password=password).close()
        except pdfium.PdfiumError as again:
            error = again
    return getattr(error, "err_code", None)


def _mended(data: bytes, password: str | None, pdfium: Any) -> Any:
    """Open a file that was cut off; None if nothing of it can be read."""
    mended = with_trailer(data)
    try:
        return None if mended is None else pdfium.PdfDocument(mended, password=password)
    except pdfium.PdfiumError:
        return None


def _locked(name: str, password: str | None, *, is_other: bool) -> DocumentError:
    if is_other:
        message = "is encrypted in a way that PDFium does not know."
        hint = "Open it in the program that it was made for, and print it to a PDF."
    elif password is None:
        message, hint = "needs a password.", "Pass it as `password`, or save it without one."
    else:
        message, hint = "has another password than the one given.", "Correct `password`."
    return DocumentError(f"{name} {message}", hint=hint, reason="locked")


def _damaged(name: str, why: str) -> DocumentError:
    return DocumentError(
        f"{name} is damaged: {why}.",
        hint="Check whether another program opens it, and save it again from there.",
        reason="damaged",
    )


def _document(pdf: Any, settings: ReadSettings, notes: Sequence[str]) -> Document:
    name = settings.name or "The PDF"
    count = len(pdf)
    if not count:
        raise _damaged(name, "it has no pages")
    beyond = [number for number in settings.page_numbers or () if number > count]
    if beyond:
        raise InputError(
            f"{name} has no page {beyond[0]}: it has {count}.", hint="Correct `page_numbers`."
        )
    numbers = [number for number in range(1, count + 1) if settings.wants_page(number)]
    read = {number: _read_page(pdf, number, settings) for number in numbers}
    pages = [page for page in read.values() if isinstance(page, _Page)]
    faults = {number: page for number, page in read.items() if not isinstance(page, _Page)}
    damaged = list(faults)
    if damaged and not any(page.words or page.image for page in pages):
        raise faults[damaged[0]] or _damaged(name, f"page {damaged[0]} cannot be read")
    scans = [page.number for page in pages if page.fault == "scan"]
    if scans and not any(page.words for page in pages):
        raise DocumentError(
            f"{name} is scanned: its pages are images without a text layer.",
            hint='Run OCR first, read it with an OCR `reader`, or pass pages="images" to a model '
            "that sees.",
            reason="scanned",
        )
    return _written(pages, damaged, _outline(pdf), settings, notes)


def _read_page(pdf: Any, number: int, settings: ReadSettings) -> _Page | DocumentError | None:
    """Read a page. One that cannot be read is None, or the error that says why."""
    page = None
    try:
        page = pdf[number - 1]
        comments = _comments(page, number) if settings.comments else ()
        page = _flattened(pdf, page, number)
        text = text_of(page) if settings.pages != "images" else PageText([], False)
        image = _rendered(page, settings.dpi) if settings.pages != "text" else None
        fault: Literal["", "scan", "doubtful"] = "doubtful" if text.is_doubtful else ""
        if not text.words and image is None and _has_marks(page):
            fault = "scan"
        width, height = page.get_size()
        return _Page(number, width, height, text.words, image, fault, comments)
    except DocumentError as error:
        return error
    except MissingPackage:
        raise
    except Exception:  # PDFium says no more than that it cannot load the page
        return None
    finally:
        if page is not None:
            page.close()


def _comments(page: Any, number: int) -> list[tuple[str, Box]]:
    """The comments on a page, with their places on the page as it is shown."""
    frame = frame_of(page)
    return [(one.text, Box(number, *frame.shown(*one.edges))) for one in comments_of(page)]


def _outline(pdf: Any) -> list[tuple[int, int, str]]:
    """The page, level and title of each entry of the outline, if there is one worth the name."""
    found = []
    with suppress(Exception):  # a damaged outline costs its headings alone
        for entry in pdf.get_toc():
            target = entry.get_dest()
            page = None if target is None else target.get_index()
            title = " ".join(entry.get_title().split())
            if page is not None and title:
                found.append((page + 1, entry.level + 1, title))
    return found if len(found) >= _OUTLINE_ENTRIES else []


def _flattened(pdf: Any, page: Any, number: int) -> Any:
    """Make what is written in form fields and notes a part of the text of a page."""
    if not _has_written(page):
        return page
    pdfium = load("pypdfium2.raw", "files")
    pdfium.FPDFPage_Flatten(page.raw, pdfium.FLAT_NORMALDISPLAY)
    page.close()
    return pdf[number - 1]


def _has_written(page: Any) -> bool:
    """Whether there are form fields, free texts or stamps on a page."""
    pdfium = load("pypdfium2.raw", "files")
    wanted = {pdfium.FPDF_ANNOT_WIDGET, pdfium.FPDF_ANNOT_FREETEXT, pdfium.FPDF_ANNOT_STAMP}
    for at in range(pdfium.FPDFPage_GetAnnotCount(page.raw)):
        annotation = pdfium.FPDFPage_GetAnnot(page.raw, at)
        kind = pdfium.FPDFAnnot_GetSubtype(annotation)
        pdfium.FPDFPage_CloseAnnot(annotation)
        if kind in wanted:
            return True
    return False


def _has_marks(page: Any) -> bool:
    """Whether anything is painted on a page."""
    return next(iter(page.get_objects(max_depth=1)), None) is not None


def _written(
    pages: Sequence[_Page],
    damaged: Sequence[int],
    outline: Sequence[tuple[int, int, str]],
    settings: ReadSettings,
    notes: Sequence[str],
) -> Document:
    words = [page.words for page in pages]
    blocks = [lines_of(one) for one in words]
    body = body_height(words)
    builder = DocumentBuilder()
    sizes = [] if outline else heading_sizes(blocks, body)
    writer = PageWriter(builder, Vocabulary(chain.from_iterable(words)), body, sizes)
    for page, found in zip(pages, blocks, strict=True):
        with builder.page(page.number, page.width, page.height, page.image):
            start = builder.length
            writer.write(page.number, found)
            titles = [(level, title) for number, level, title in outline if number == page.number]
            add_outline(builder, start, titles)
            for text, box in page.comments:
                builder.separate()
                builder.write(text, box, line=builder.next_line())
    faults = {fault: [page.number for page in pages if page.fault == fault] for fault in _NOTES}
    faults["damaged"] = list(damaged)
    told = [_NOTES[fault].format(_listed(numbers)) for fault, numbers in faults.items() if numbers]
    kind = settings.media_type or "application/pdf"
    return builder.build(name=settings.name, media_type=kind, notes=[*notes, *told])


def _listed(numbers: Sequence[int]) -> str:
    shown = ", ".join(map(str, numbers[:_SHOWN_PAGES]))
    more = len(numbers) - _SHOWN_PAGES
    return f"{shown} and {more} more" if more > 0 else shown


def _rendered(page: Any, dpi: int) -> PageImage:
    """Render a page as PNG, or as JPEG if that is much smaller."""
    load("PIL.Image", "files")
    width, height = page.get_size()
    scale = dpi / _POINTS_PER_INCH
    pixels = width * height * scale * scale
    if pixels > MOST_PIXELS:
        scale *= (MOST_PIXELS / pixels) ** 0.5
    bitmap = page.render(scale=scale)
    try:
        return encoded(bitmap.to_pil())
    finally:
        bitmap.close()
