"""Reading real PDFs: for how many gold values is there a box, is it the right one, and how fast?

A gold leaf stands in the text layer if pypdf, which shares no code with our reader, finds it there.
Its box is right if PDFium's own text inside the box holds the value. The same is asked of the
evidence of the gold as a model's answer, which also chooses among several mentions.
"""

from __future__ import annotations

import io
import json
import re
import time
import unicodedata
from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pypdf
import pypdfium2

from structgen import Document, DocumentError, find_evidence, read
from structgen.reading import Box

DATA = Path(__file__).parents[2] / "shared" / "data" / "extractbench"
FILING_PAGES = 200
_MARGIN = 1.0
"""Points beside a box within which PDFium looks for its text; above and below, it looks less far,
since it also gives what the edge of the box touches."""
_ALIKE = str.maketrans("‘’“”‐‑–—−\u00a0\t\n", "''\"\"-----   ")
_POSITIONS = re.compile(r"/array_index$|/(?:is|has)[A-Z]\w*$")
"""Leaves that no page states: the place of an item in its list, and judgements."""


class Folded(NamedTuple):
    """A text as it is searched, with the offset of each character in the text as it is."""

    text: str
    offsets: array[int]


def fold(text: str) -> Folded:
    """Fold case, widths, quotes, dashes and white space."""
    pieces: list[str] = []
    offsets = array("I")
    for at, sign in enumerate(text):
        plain = unicodedata.normalize("NFKC", sign).casefold().translate(_ALIKE)
        if plain.isspace() and pieces and pieces[-1] == " ":
            continue
        pieces.extend(plain)
        offsets.extend([at] * len(plain))
    return Folded("".join(pieces), offsets)


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Give the leaves of a record that a page can state, with their paths."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves(inner, f"{path}/{name}")
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from leaves(inner, f"{path}/{at}")
    elif value not in (None, "") and not isinstance(value, bool) and not _POSITIONS.search(path):
        yield path, value


def written(value: Any) -> list[str]:
    """Give the ways in which a page may write a value."""
    if isinstance(value, str):
        return [fold(value).text.strip()]
    plain = f"{abs(value):,}"
    if isinstance(value, float) and value.is_integer():
        plain = f"{abs(int(value)):,}"
    forms = [plain, plain.replace(",", ""), f"{abs(value):,.2f}"]
    return list(dict.fromkeys([f"({one})" for one in forms] + forms if value < 0 else forms))


def find(page: Folded, value: Any) -> tuple[int, int] | None:
    """Find a value between the edges of words."""
    for form in written(value):
        before = r"(?<![\w.,])" if form[:1].isalnum() else ""
        after = r"(?![\w]|[.,]\d)" if form[-1:].isalnum() else ""
        words = r"\s+".join(map(re.escape, form.split()))
        if words and (found := re.search(f"{before}{words}{after}", page.text)):
            return page.offsets[found.start()], page.offsets[found.end() - 1] + 1
    return None


def is_right(pdf: pypdfium2.PdfDocument, boxes: Sequence[Box], value: Any) -> bool:
    """Whether the text that PDFium finds inside the boxes holds a value."""
    parts = []
    for box in boxes:
        page = pdf[box.page - 1]
        left, _, _, top = page.get_bbox()
        inside = page.get_textpage().get_text_bounded(
            left=left + box.left - _MARGIN,
            right=left + box.right + _MARGIN,
            top=top - box.top - _MARGIN,
            bottom=top - box.bottom + _MARGIN,
        )
        parts.append(inside)
    seen = re.sub(r"[\s\-\x02\ufffe]+", "", fold("".join(parts)).text)
    return any(re.sub(r"[\s-]+", "", form) in seen for form in written(value))


def measured(path: Path) -> Counter[str]:
    """Count the leaves of one file."""
    counts: Counter[str] = Counter()
    gold = json.loads(path.with_suffix(".gold.json").read_text())
    try:
        document = read(path)
    except DocumentError as error:
        return Counter({error.reason: 1})
    layer = "\n".join(page.extract_text() for page in pypdf.PdfReader(path).pages)
    theirs, ours = fold(layer), fold(document)
    evidence = find_evidence(gold, document)
    with pypdfium2.PdfDocument(path) as pdf:
        for at, value in leaves(gold):
            counts["leaves"] += 1
            if find(theirs, value) is None:
                continue
            counts["standing"] += 1
            span = find(ours, value)
            boxes = document.locate(*span).boxes if span else ()
            counts["boxed"] += bool(boxes)
            counts["wrong"] += bool(boxes) and not is_right(pdf, boxes, value)
            known = evidence[at]
            boxes = tuple(Box(*box) for box in known.boxes)
            counts["evident"] += bool(boxes)
            counts["ambiguous"] += known.status == "ambiguous"
            counts["evident, wrong"] += bool(boxes) and not is_right(pdf, boxes, value)
    return counts


def filing(paths: Sequence[Path]) -> bytes:
    """Make one long file of the pages of others."""
    made = pypdfium2.PdfDocument.new()
    while len(made) < FILING_PAGES:
        for path in paths:
            other = pypdfium2.PdfDocument(path)
            room = FILING_PAGES - len(made)
            made.import_pages(other, list(range(min(len(other), room))))
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


def timed(data: bytes) -> tuple[float, Document]:
    """Read a file, and tell the seconds of one core that it took."""
    began = time.process_time()
    document = read(data)
    return time.process_time() - began, document


def main() -> dict[str, Any]:
    paths = sorted(DATA.glob("*/*.pdf"))
    counts: Counter[str] = Counter()
    for path in paths:
        found = measured(path)
        print(f"{path.stem[:50]:50} {dict(found)}")
        counts += found
    seconds, document = timed(filing(sorted(DATA.glob("10kq/*.pdf"))))
    return {
        "files": len(paths),
        "scanned": counts["scanned"],
        "leaves": counts["leaves"],
        "standing in the text layer": counts["standing"],
        "share with a box": round(counts["boxed"] / max(counts["standing"], 1), 4),
        "share of wrong boxes": round(counts["wrong"] / max(counts["boxed"], 1), 4),
        "share with evidence": round(counts["evident"] / max(counts["standing"], 1), 4),
        "share of wrong evidence": round(counts["evident, wrong"] / max(counts["evident"], 1), 4),
        "share of ambiguous evidence": round(counts["ambiguous"] / max(counts["evident"], 1), 4),
        "seconds of one core for 200 pages": round(seconds, 2),
        "pages per second of one core": round(len(document.pages) / seconds),
    }
