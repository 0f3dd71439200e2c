"""Office files: all that is printed, once, with headings and cells."""

from __future__ import annotations

import io
import zipfile
from datetime import date

import docx
import openpyxl
import pptx
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from pptx.util import Pt

import structgen
from structgen import DocumentError
from structgen.reading import Box, Cell

CHANGED = """<w:p {}><w:r><w:t>price </w:t></w:r>
<w:del><w:r><w:delText>100</w:delText></w:r></w:del>
<w:ins><w:r><w:t>120</w:t></w:r></w:ins></w:p>"""


def word() -> bytes:
    document = docx.Document()
    document.add_heading("Contract", 0)
    document.add_heading("Parties", 1)
    table = document.add_table(3, 3)
    for at, text in enumerate(["name", "role", "since", "Ada", "seller", "2020"]):
        table.cell(at // 3, at % 3).text = text
    table.cell(2, 1).merge(table.cell(2, 2)).text = "wide"
    table.cell(2, 0).add_table(1, 1).cell(0, 0).text = "nested"
    document.element.body.append(parse_xml(CHANGED.format(nsdecls("w"))))
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def test_word_has_headings_and_cells() -> None:
    document = structgen.read(word())
    assert document.locate(document.index("Ada")).headings == ("Contract", "Parties")
    assert document.locate(document.index("seller")).cell == Cell(1, 2, 2, "role")
    assert document.locate(document.index("wide")).cell == Cell(1, 3, 2, "role")
    assert document.locate(document.index("nested")).cell == Cell(2, 1, 1)
    assert "nested | wide" in document


@pytest.mark.parametrize(
    ("version", "text"),
    [("accepted", "price 120"), ("original", "price 100"), ("both", "price 100120")],
)
def test_the_version_of_tracked_changes_is_chosen(version: str, text: str) -> None:
    document = structgen.read(word(), tracked_changes=version)  # type: ignore[arg-type]
    assert "".join(document[document.index("price") :].split("\n")) == text


def test_a_workbook_is_its_sheets() -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.title = "Sales"
    for row in (["name", "day", "sum"], ["Ada", date(2026, 1, 2), 3.0], [], [None, None, 4.5]):
        sheet.append(row)
    sheet["A6"] = "=SUM(C2:C4)"
    hidden = book.create_sheet("Hidden")
    hidden["A1"], hidden.sheet_state = "secret", "hidden"
    file = io.BytesIO()
    book.save(file)
    document = structgen.read(file.getvalue(), name="a.xlsx")
    assert document == "# Sales\n\nname | day | sum\nAda | 2026-01-02 | 3\n |  | 4.5"
    found = document.locate(document.index("4.5"))
    assert (found.cell, found.headings) == (Cell(1, 4, 3, "sum"), ("Sales",))
    formulas, hidden_sheet = document.notes
    assert "1 formulas of the sheet 'Sales'" in formulas
    assert "the sheet 'Hidden'" in hidden_sheet


def test_slides_are_pages() -> None:
    presentation = pptx.Presentation()
    for title in ("Plan", "Hidden"):
        slide = presentation.slides.add_slide(presentation.slide_layouts[5])
        slide.shapes.title.text = title
    slide._element.set("show", "0")
    slide = presentation.slides[0]
    table = slide.shapes.add_table(2, 2, Pt(72), Pt(300), Pt(300), Pt(80)).table
    for at, text in enumerate(["name", "age", "Ada", "36"]):
        table.cell(at // 2, at % 2).text = text
    box = slide.shapes.add_textbox(Pt(72), Pt(200), Pt(100), Pt(30))
    box.text_frame.text = "one\ntwo"
    slide.notes_slide.notes_text_frame.text = "say hello"
    file = io.BytesIO()
    presentation.save(file)
    document = structgen.read(file.getvalue())
    assert document == "Plan\n\none\ntwo\n\nname | age\nAda | 36\n\nsay hello"
    found = document.locate(document.index("two"))
    assert (found.boxes, found.headings) == ((Box(1, 72, 200, 172, 230),), ("Plan",))
    assert document.locate(document.index("36")).cell == Cell(1, 2, 2, "age")
    assert [page.number for page in document.pages] == [1]


@pytest.mark.parametrize("name", ["a.docx", "a.xlsx", "a.pptx"])
def test_archives_that_unpack_to_too_much_are_refused(name: str) -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("word/document.xml", b"0" * 5_000_000)
    assert len(file.getvalue()) < 10_000
    with pytest.raises(DocumentError, match="would unpack to") as caught:
        structgen.read(file.getvalue(), name=name, max_bytes=1_000_000)
    assert caught.value.reason == "too-large"
