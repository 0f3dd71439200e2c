"""The words of a PDF page with their boxes, as PDFium finds them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from ctypes import byref
from math import degrees
from typing import Any, Final, TypeAlias

from typing_extensions import NamedTuple

from structgen.errors import DocumentError
from structgen.extras import load

_SCRIPTS_WITHOUT_SPACES: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u2e80-\u303f\u3040-\u30ff\u31f0-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff00-\uffef"  # CJK
)
NO_SPACES: Final = re.compile(f"[{_SCRIPTS_WITHOUT_SPACES}]")
"""A character of a script that has no spaces between words, so each of them has its own box."""
_TOKEN: Final = re.compile(rf"[{_SCRIPTS_WITHOUT_SPACES}]|[^\s{_SCRIPTS_WITHOUT_SPACES}]+")
_MOST_CHARACTERS: Final = 2_000_000
"""Of one page: more are not printed to be read, but to fill the memory."""
_SAMPLE: Final = 100
"""Characters of a page that are asked whether its font knows them."""
_SIGN: Final = r"(?:\d{1,2}|[*∗†‡§¶])"
_MARK: Final = re.compile(rf"[^\W\d_]{{2}}[.,]?({_SIGN}(?:,?{_SIGN})*)[.,;]?$")
"""What may be the mark of a note after a word, as in "Zhang3"."""
_RAISED_HEIGHT: Final = 0.85
_RAISED_SHARE: Final = 0.15
"""A mark is at most so high as the letters before it, and raised by this share of their height."""
_BREAK_HYPHENS: Final = "\x02\ufffe"
"""What PDFium writes for a hyphen at the end of a line."""
_SPLIT: Final = re.compile(rf"(?<=[{_BREAK_HYPHENS}])")
_PLAIN: Final = str.maketrans(
    {
        **dict.fromkeys(map(chr, range(32)), None),
        **dict.fromkeys("\u200b\ufeff", None),
        **dict.fromkeys(_BREAK_HYPHENS, "-"),
        "\ufb00": "ff",
        "\ufb01": "fi",
        "\ufb02": "fl",
        "\ufb03": "ffi",
        "\ufb04": "ffl",
        "\ufb05": "st",
        "\ufb06": "st",
        "\u00a0": " ",
    }
)
"""Ligatures as letters; nothing for characters that print nothing."""


_Edges: TypeAlias = tuple[float, float, float, float]
"""Left, top, right and bottom, in points."""
OBLIQUE: Final = -1
"""The direction of words that run neither along a page nor across it, such as watermarks."""
_STRAIGHT_DEGREES: Final = 10


class Word(NamedTuple):
    """A printed word. Its edges are those of the page turned so that the word runs to the right."""

    text: str
    """Its characters, with ligatures as letters."""
    left: float
    """The left edge, in points."""
    top: float
    """The upper edge, as high as its font reaches."""
    right: float
    """The right edge."""
    bottom: float
    """The lower edge, as low as its font reaches."""
    is_glued: bool
    """Whether no space separates it from the word before it."""
    turn: int
    """Degrees clockwise by which it is turned on the page as it is shown, or OBLIQUE."""
    box: _Edges
    """Its edges on the page as it is shown, from the top left corner."""

    @property
    def height(self) -> float:
        """The height of its font."""
        return self.bottom - self.top

    @property
    def middle(self) -> float:
        """Halfway between its upper and lower edges."""
        return (self.top + self.bottom) / 2


class Frame(NamedTuple):
    """How the coordinates of a PDF page become those of the page as it is shown."""

    left: float
    """The left edge of the page, in its own coordinates."""
    bottom: float
    """The lower edge."""
    right: float
    """The right edge."""
    top: float
    """The upper edge."""
    rotation: int
    """Degrees clockwise by which it is shown turned: 0, 90, 180 or 270."""

    def shown(self, left: float, bottom: float, right: float, top: float) -> _Edges:
        """Turn a box of PDF coordinates into left, top, right and bottom on the shown page."""
        if self.rotation == 90:
            return bottom - self.bottom, left - self.left, top - self.bottom, right - self.left
        if self.rotation == 180:
            return self.right - right, bottom - self.bottom, self.right - left, top - self.bottom
        if self.rotation == 270:
            return self.top - top, self.right - right, self.top - bottom, self.right - left
        return left - self.left, self.top - top, right - self.left, self.top - bottom

    @property
    def size(self) -> tuple[float, float]:
        """The width and height of the page as it is shown."""
        width, height = self.right - self.left, self.top - self.bottom
        return (height, width) if self.rotation % 180 else (width, height)

    def turn_of(self, radians: float) -> int:
        """Give the direction of a character on the shown page, of its angle on the page itself."""
        if radians == 0 and self.rotation == 0:
            return 0
        angle = degrees(radians) + self.rotation
        turn = round(angle / 90) * 90
        return turn % 360 if abs(angle - turn) <= _STRAIGHT_DEGREES else OBLIQUE

    def turned(self, edges: _Edges, turn: int) -> _Edges:
        """Give edges on the shown page as they are after turning it back by right angles."""
        left, top, right, bottom = edges
        width, height = self.size
        if turn == 90:
            return top, width - right, bottom, width - left
        if turn == 180:
            return width - right, height - bottom, width - left, height - top
        if turn == 270:
            return height - bottom, left, height - top, right
        return edges


class PageText(NamedTuple):
    """The text layer of a page."""

    words: list[Word]
    """Its words, in the order in which the file holds them."""
    is_doubtful: bool
    """Whether its fonts do not say which characters most of their shapes are."""


def frame_of(page: Any) -> Frame:
    """Give how the coordinates of a page become those of the page as it is shown.

    Args:
        page: A `pypdfium2.PdfPage`.
    """
    left, bottom, right, top = page.get_bbox()
    return Frame(left, bottom, right, top, page.get_rotation() % 360)


def text_of(page: Any) -> PageText:
    """Read the text layer of a page.

    Args:
        page: A `pypdfium2.PdfPage`.

    Raises:
        DocumentError: If it has more characters than a page can have.
    """
    pdfium = load("pypdfium2.raw", "files")
    text_page = page.get_textpage()
    try:
        raw = text_page.raw
        unicode_of = pdfium.FPDFText_GetUnicode
        count = pdfium.FPDFText_CountChars(raw)
        if count > _MOST_CHARACTERS:
            raise DocumentError(
                f"A page of the PDF has {count:,} characters.",
                hint=f"At most {_MOST_CHARACTERS:,} are read: check the file.",
                reason="too-large",
            )
        text = "".join([chr(unicode_of(raw, at)) for at in range(count)])
        words = _words(text, frame_of(page), pdfium, raw)
        looked_at = range(0, count, max(1, count // _SAMPLE))
        unknown = sum(pdfium.FPDFText_HasUnicodeMapError(raw, at) == 1 for at in looked_at)
        return PageText(words, 2 * unknown > len(looked_at))
    finally:
        text_page.close()


def _words(text: str, frame: Frame, pdfium: Any, raw: Any) -> list[Word]:
    box = pdfium.FS_RECTF()
    place = byref(box)
    box_of = pdfium.FPDFText_GetLooseCharBox
    angle_of = pdfium.FPDFText_GetCharAngle

    def is_raised(at: int, beside: int) -> bool:
        """Whether a character is smaller and stands higher than another one."""
        if not box_of(raw, beside, place):
            return False
        bottom, height = box.bottom, box.top - box.bottom
        if not box_of(raw, at, place):
            return False
        is_smaller = box.top - box.bottom < _RAISED_HEIGHT * height
        return bool(is_smaller and box.bottom > bottom + _RAISED_SHARE * height)

    found: list[Word] = []
    after = -1
    for start, end, is_mark in _pieces(text, is_raised):
        plain = text[start:end].translate(_PLAIN)
        if not plain.isascii():  # PDFium gives characters beyond U+FFFF as surrogates
            plain = plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        if plain and box_of(raw, start, place):
            left, bottom, right, top = box.left, box.bottom, box.right, box.top
            if end - start > 1 and box_of(raw, end - 1, place):
                left, right = min(left, box.left), max(right, box.right)
                bottom, top = min(bottom, box.bottom), max(top, box.top)
            edges = frame.shown(left, bottom, right, top)
            turn = frame.turn_of(angle_of(raw, start))
            is_glued = start == after and not is_mark
            found.append(Word(plain, *frame.turned(edges, turn), is_glued, turn, edges))
            after = end
    return found


def _pieces(text: str, is_raised: Callable[[int, int], bool]) -> Iterator[tuple[int, int, bool]]:
    """Where each word begins and ends, and whether it is the mark of a note after a word."""
    for token in _TOKEN.finditer(text):
        start = token.start()
        for piece in _SPLIT.split(token[0]):
            end = start + len(piece)
            mark = _MARK.search(piece)
            if mark is not None and is_raised(middle := start + mark.start(1), start):
                yield start, middle, False
                yield middle, end, True
            else:
                yield start, end, False
            start = end
