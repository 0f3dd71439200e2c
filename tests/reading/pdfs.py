"""PDFs written by hand, so that tests know where each word is printed."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from math import cos, radians, sin
from typing import Final, NamedTuple

WIDTH: Final = 600
HEIGHT: Final = 800
CHARACTER: Final = 0.6
"""The width of a character of Courier, in font sizes."""
SCAN: Final = "q 100 0 0 100 0 0 cm BI /W 1 /H 1 /CS /G /BPC 8 ID \x7f EI Q"
"""The operators that print an image, for `extra`."""


class Text(NamedTuple):
    """A text on a page."""

    left: float
    top: float
    """Points from the upper edge of the page to its base line."""
    text: str
    size: float = 10
    turn: int = 0
    """Degrees clockwise by which it is turned."""

    def drawn(self) -> str:
        """Give the operators that print it."""
        escaped = self.text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
        y = HEIGHT - self.top
        cosine, sine = round(cos(radians(self.turn)), 6), round(sin(radians(self.turn)), 6)
        matrix = f"{cosine} {-sine} {sine} {cosine} {self.left} {y}"
        return f"BT /F1 {self.size} Tf {matrix} Tm ({escaped}) Tj ET"


def pdf_of(
    pages: Sequence[Sequence[Text]],
    *,
    rotate: int = 0,
    extra: str = "",
    letters: Mapping[str, str] = {},
) -> bytes:
    """Write a PDF in Courier.

    Args:
        pages: The texts of each page.
        rotate: Degrees clockwise by which each page is shown turned.
        extra: Further operators of each page.
        letters: What the characters of the texts stand for, as a font may say.
    """
    objects: dict[int, bytes] = {
        1: b"<< /Type /Catalog /Pages 2 0 R >>",
        3: (
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Courier /Encoding /WinAnsiEncoding "
            b"/ToUnicode 4 0 R >>"
        ),
        4: _stream(_to_unicode(letters).encode()),
    }
    kids = []
    for at, texts in enumerate(pages):
        page, content = 5 + 2 * at, 6 + 2 * at
        kids.append(f"{page} 0 R")
        objects[page] = (
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 {WIDTH} {HEIGHT}] /Rotate {rotate} "
            f"/Contents {content} 0 R /Resources << /Font << /F1 3 0 R >> >> >>"
        ).encode()
        drawn = "\n".join([*(one.drawn() for one in texts), extra])
        objects[content] = _stream(drawn.encode("cp1252"))
    objects[2] = f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>".encode()
    return _file(objects)


def _stream(data: bytes) -> bytes:
    packed = zlib.compress(data)
    head = f"<< /Length {len(packed)} /Filter /FlateDecode >>\nstream\n".encode()
    return head + packed + b"\nendstream"


def _to_unicode(letters: Mapping[str, str]) -> str:
    """A character map (ISO 32000, 9.10.3) that keeps the other characters of cp1252."""
    codes = {code: letters.get(chr(code), chr(code)) for code in range(33, 127)}
    rows = [f"<{code:02x}> <{to.encode('utf-16-be').hex()}>" for code, to in codes.items()]
    return (
        "/CIDInit /ProcSet findresource begin begincmap /CMapName /Own def /CMapType 2 def "
        "1 begincodespacerange <00> <ff> endcodespacerange "
        f"{len(rows)} beginbfchar\n" + "\n".join(rows) + "\nendbfchar endcmap end"
    )


def _file(objects: Mapping[int, bytes]) -> bytes:
    written, places = b"%PDF-1.7\n", {}
    for number in sorted(objects):
        places[number] = len(written)
        written += f"{number} 0 obj\n".encode() + objects[number] + b"\nendobj\n"
    table = "".join(f"{places[number]:010} 00000 n \n" for number in sorted(places))
    size, start = len(objects) + 1, len(written)
    written += f"xref\n0 {size}\n0000000000 65535 f \n{table}".encode()
    return written + f"trailer << /Size {size} /Root 1 0 R >>\nstartxref\n{start}\n%%EOF".encode()


def lines(text: str, left: float, top: float, *, size: float = 10) -> list[Text]:
    """Give the lines of a text, one below the other.

    Args:
        text: The text, with line breaks.
        left: The left edge.
        top: The base line of the first line.
        size: The size of the font.
    """
    return [
        Text(left, top + at * 1.2 * size, line, size) for at, line in enumerate(text.splitlines())
    ]
