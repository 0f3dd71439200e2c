"""Reading real PDFs: for how many gold values is there a box, is it the right one, and how fast?

A gold leaf stands in the text layer if pypdf, which shares no code with our reader, finds it there.
Left out are values that a page does not state as such: those that the schema lists (`company`),
factors such as 1000 for "in thousands", counts, and numbers of items.

Two things make a box right. The value is in it: PDFium's own text inside the box tells that, for
every box. It is the place that the record speaks of: no program tells that, so 200 boxes are drawn
at random and printed, each in the row of the page as PDFium reads it, to be judged by eye.
"""

from __future__ import annotations

import io
import json
import random
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
from structgen.schema.compile.keywords import listed_values
from structgen.schema.inside import described_by, inside

DATA = Path(__file__).parents[2] / "shared" / "data" / "extractbench"
FILING_PAGES = 200
_MARGIN = 1.0
"""Points beside a box within which PDFium looks for its text; above and below, it looks less far,
since it also gives what the edge of the box touches."""
_ALIKE = str.maketrans("‘’“”‐‑–—−\u00a0\t\n", "''\"\"-----   ")
_WORKED_OUT = re.compile(r"/(?:array_index|scale|number_of_pages)$|/(?:is|has)[A-Z]\w*$")
"""Leaves that no page states: the place of an item in its list, factors, counts, judgements."""
DRAWN = 200
"""Boxes that are printed to be judged by eye."""
SEED = 5


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
    elif value not in (None, "") and not isinstance(value, bool) and not _WORKED_OUT.search(path):
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


def row_of(pdf: pypdfium2.PdfDocument, box: Box) -> str:
    """Give the row of the page that a box is in, as PDFium reads it."""
    page = pdf[box.page - 1]
    left, _, right, top = page.get_bbox()
    middle, half = (box.top + box.bottom) / 2, (box.bottom - box.top) / 4
    row = page.get_textpage().get_text_bounded(
        left=left, right=right, top=top - middle + half, bottom=top - middle - half
    )
    return " ".join(row.split())


def is_stated(schema: Any, path: str) -> bool:
    """Whether a page states a leaf in its own words: the schema does not list its values.

    Args:
        schema: The schema of the record.
        path: The JSON Pointer of the leaf.
    """
    nodes = described_by(schema, [schema])
    for step in path.split("/")[1:]:
        nodes = inside(schema, nodes, int(step) if step.isdigit() else step)
    return not any(listed_values(node) for node in nodes)


class Judged(NamedTuple):
    """What was found out about one file."""

    counts: Counter[str]
    lines: list[str]
    """A line for each box that nothing makes ambiguous."""


def measured(path: Path) -> Judged:
    """Count the leaves of one file."""
    counts: Counter[str] = Counter()
    lines: list[str] = []
    gold = json.loads(path.with_suffix(".gold.json").read_text())
    schema = json.loads(path.with_name("schema.json").read_text())
    try:
        document = read(path)
    except DocumentError as error:
        return Judged(Counter({error.reason: 1}), [])
    layer = "\n".join(page.extract_text() for page in pypdf.PdfReader(path).pages)
    theirs, ours = fold(layer), fold(document)
    evidence = find_evidence(gold, document)
    with pypdfium2.PdfDocument(path) as pdf:
        for at, value in leaves(gold):
            if not is_stated(schema, at):
                continue
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
            if not boxes:
                continue
            said = known.quote if known.by == "currency" else value
            counts["evident, without the value"] += not is_right(pdf, boxes, said)
            if known.status == "ambiguous":
                counts["ambiguous"] += 1
                continue
            counts["evident"] += 1
            lines.append(f"{path.stem[:8]} {at} {value!r} page {boxes[0].page}: {known.quote!r}")
            lines[-1] += f" in {row_of(pdf, boxes[0])!r}"
    return Judged(counts, lines)


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
    lines: list[str] = []
    for path in paths:
        found = measured(path)
        print(f"{path.stem[:50]:50} {dict(found.counts)}")
        counts += found.counts
        lines += found.lines
    drawn = random.Random(SEED).sample(lines, min(DRAWN, len(lines)))
    print("Boxes to be judged by eye:", *sorted(drawn), sep="\n")
    seconds, document = timed(filing(sorted(DATA.glob("10kq/*.pdf"))))
    standing = max(counts["standing"], 1)
    given = counts["evident"] + counts["ambiguous"]
    return {
        "files": len(paths),
        "scanned": counts["scanned"],
        "leaves": counts["leaves"],
        "standing in the text layer": counts["standing"],
        "share with a box": round(counts["boxed"] / standing, 4),
        "share of wrong boxes": round(counts["wrong"] / max(counts["boxed"], 1), 4),
        "share with evidence that is not ambiguous": round(counts["evident"] / standing, 4),
        "share of ambiguous evidence": round(counts["ambiguous"] / standing, 4),
        "share of boxes without the value": round(
            counts["evident, without the value"] / max(given, 1), 4
        ),
        "seconds of one core for 200 pages": round(seconds, 2),
        "pages per second of one core": round(len(document.pages) / seconds),
    }
