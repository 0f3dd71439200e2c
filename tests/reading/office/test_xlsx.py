"""Workbooks are read as their cells show them."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Iterable
from datetime import date, datetime, time, timedelta
from typing import Any

import openpyxl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from openpyxl.comments import Comment
from openpyxl.utils.datetime import CALENDAR_MAC_1904, to_excel

import structgen
from structgen import Document, DocumentError
from structgen.reading import Cell
from structgen.reading.office.number_formats import general, shown_number, shown_text


def workbook(fill: Callable[[Any], object], change: Callable[[str], str] | None = None) -> bytes:
    """A workbook with one sheet; `change` changes the XML of the sheet."""
    book, file = openpyxl.Workbook(), io.BytesIO()
    fill(book.active)
    book.save(file)
    return file.getvalue() if change is None else changed(file.getvalue(), "sheet1.xml", change)


def changed(data: bytes, part: str, change: Callable[[str], str]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            text = old.read(name)
            is_it = name.endswith(part)
            new.writestr(name, change(text.decode()).encode() if is_it else text)
    return file.getvalue()


def rows_of(document: Document) -> list[str]:
    return document.splitlines()[2:]


def table(*rows: Iterable[object]) -> Callable[[Any], None]:
    def fill(sheet: Any) -> None:
        for row in rows:
            sheet.append(list(row))

    return fill


# ---- number formats --------------------------------------------------------------------------

ACCOUNTING = '_(* #,##0_);_(* \\(#,##0\\);_(* "-"_);_(@_)'


@pytest.mark.parametrize(
    ("value", "code", "shown"),
    [
        (0.125, "0.0%", "12.5%"),
        (1234567.891, "#,##0.00", "1,234,567.89"),
        (-1234.5, "#,##0.00_);(#,##0.00)", "(1,234.50)"),
        (-1234.5, '"$"#,##0.00', "-$1,234.50"),
        (-1234.5, "$#,##0.00;[Red]-$#,##0.00", "-$1,234.50"),
        (1234.5, "[$€-407] #,##0.00", "€ 1,234.50"),
        (1234.5, "#,##0.00 [$€-1]", "1,234.50 €"),
        (0, ACCOUNTING, "-"),
        (-1234, ACCOUNTING, "(1,234)"),
        (5, "000", "005"),
        (1_234_567, '0.0,,"M"', "1.2M"),
        (1_234_567, "#,##0,", "1,235"),
        (0.5, "#.00", ".50"),
        (5, "0.##", "5"),
        (1.005, "0.00", "1.01"),
        (2.5, "0", "3"),
        (-0.001, "0.00", "0.00"),
        (12345, "0.00E+00", "1.23E+04"),
        (99.9996, "0.0E+0", "1.0E+2"),
        (0.00012, "0.0E+0", "1.2E-4"),
        (1.5, "# ?/?", "1 1/2"),
        (1 / 3, "# ??/??", "1/3"),
        (2, "# ?/?", "2"),
        (0.25, "?/8", "2/8"),
        (123_456_789, "000\\-00\\-0000", "123-45-6789"),
        (5_551_234_567, "(000) 000-0000", "(555) 123-4567"),
        (7, '0 "items; left"', "7 items; left"),
        (5, "[<10]0.0;0", "5.0"),
        (50, "[<10]0.0;0", "50"),
        (0, '0;0;"zero"', "zero"),
        (12, ";;;", ""),
        (12, "@", "12"),
        (0.1 + 0.2, "General", "0.3"),
        (4_006_381_333_931, "General", "4006381333931"),
        (-3.5, 'General" kg"', "-3.5 kg"),
        (46024, "yyyy-mm-dd", "2026-01-02"),
        (46024.5, "m/d/yy h:mm AM/PM", "1/2/26 12:00 PM"),
        (46024.75, "dddd, mmmm d, yyyy hh:mm:ss", "Friday, January 2, 2026 18:00:00"),
        (46024, "dd.mm.yyyy;@", "02.01.2026"),
        (46024, "[$-F800]dddd\\,\\ mmmm\\ dd", "2026-01-02"),
        (46024.999999, "h:mm:ss", "0:00:00"),
        (1.5, "[h]:mm", "36:00"),
        (-0.25, "[h]:mm:ss", "-6:00:00"),
        (0.0005787, "mm:ss.0", "00:50.0"),
        (61, "yyyy-mm-dd", "1900-03-01"),
        (1, "yyyy-mm-dd", "1900-01-01"),
        (-1, "yyyy-mm-dd", "-1"),
        (1e9, "yyyy-mm-dd", "1000000000"),
    ],
)
def test_numbers_are_as_their_formats_show_them(value: float, code: str, shown: str) -> None:
    assert shown_number(value, code) == shown


def test_texts_have_formats_too() -> None:
    assert shown_text("abc", "0.00") == "abc"
    assert shown_text("abc", '@" (draft)"') == "abc (draft)"
    assert shown_text("abc", ";;;") == ""


@given(st.integers(-(10**14), 10**14), st.integers(0, 6))
def test_formats_with_separators_lose_no_digit(number: int, decimals: int) -> None:
    value = number / 10**decimals
    code = "#,##0." + "0" * decimals if decimals else "#,##0"
    assert float(shown_number(value, code).replace(",", "")) == pytest.approx(value, rel=1e-14)
    assert float(general(value)) == pytest.approx(value, rel=1e-14)


@given(st.floats(), st.text('0#?.,%/E+-[]<>;"\\_*@hmsdyGeneral $h', max_size=12))
def test_any_format_gives_a_text(value: float, code: str) -> None:
    assert isinstance(shown_number(value, code), str)
    assert isinstance(shown_text("a", code), str)


def test_cells_are_as_they_are_shown() -> None:
    def fill(sheet: Any) -> None:
        values: list[tuple[object, str | None]] = [
            (0.5, "0.0%"),
            (True, None),
            (date(2026, 1, 2), "d mmm yyyy"),
            (datetime(2026, 1, 2, 15, 4), None),
            (time(9, 30), "h:mm"),
            (timedelta(hours=30), "[h]:mm"),
            ("007", "@"),
            ("two\nlines", None),
            ("#N/A", None),
        ]
        for at, (value, code) in enumerate(values, 1):
            sheet.cell(1, at, value)
            if code is not None:
                sheet.cell(1, at).number_format = code

    [row] = rows_of(structgen.read(workbook(fill)))
    assert row.split(" | ") == [
        "50.0%",
        "TRUE",
        "2 Jan 2026",
        "2026-01-02 15:04:00",
        "9:30",
        "30:00",
        "007",
        "two lines",
        "#N/A",
    ]


def test_days_may_be_counted_from_1904() -> None:
    book, file = openpyxl.Workbook(), io.BytesIO()
    book.epoch = CALENDAR_MAC_1904
    book.active["A1"] = to_excel(date(2026, 1, 2), CALENDAR_MAC_1904)
    book.active["A1"].number_format = "yyyy-mm-dd"
    book.save(file)
    assert rows_of(structgen.read(file.getvalue())) == ["2026-01-02"]


def test_formulas_show_their_stored_values() -> None:
    def store(xml: str) -> str:
        for formula, kind, value in (
            ("1+1", "", "2"),
            ('"a"', ' t="str"', "text"),
            ("1/0", ' t="e"', "#DIV/0!"),
            ("TRUE()", ' t="b"', "1"),
            ('""', ' t="str"', ""),
        ):
            written = re.escape(f"><f>{formula}</f><v") + r"(?:></v>| ?/>)"
            stored = f"{kind}><f>{formula}</f><v>{value}</v>"
            xml, count = re.subn(written, stored, xml)
            assert count == 1
        return xml

    formulas = ["=1+1", '="a"', "=1/0", "=TRUE()", '=""', "=NOW()"]
    document = structgen.read(workbook(table(["a"] * 6, formulas), store))
    assert rows_of(document)[1] == "2 | text | #DIV/0! | TRUE"
    [note] = document.notes
    assert "1 formulas" in note


# ---- what is hidden, merged, far apart -------------------------------------------------------


def test_what_is_hidden_is_told_and_read_on_request() -> None:
    book, file = openpyxl.Workbook(), io.BytesIO()
    sheet = book.active
    table(["a", "b", "c"], [1, 2, 3], [4, 5, 6])(sheet)
    sheet.row_dimensions[2].hidden = sheet.column_dimensions["B"].hidden = True
    secret = book.create_sheet("Secret")
    secret["A1"], secret.sheet_state = "x", "veryHidden"
    book.save(file)
    document = structgen.read(file.getvalue())
    assert document == "# Sheet\n\na | c\n4 | 6"
    assert document.locate(document.index("6")).cell == Cell(1, 3, 3, "c")
    assert [note.partition(": ")[2].partition(".")[0] for note in document.notes] == [
        "1 rows of the sheet 'Sheet'",
        "1 columns of the sheet 'Sheet'",
        "the sheet 'Secret'",
    ]
    everything = structgen.read(file.getvalue(), hidden=True)
    assert everything == "# Sheet\n\na | b | c\n1 | 2 | 3\n4 | 5 | 6\n\n# Secret\n\nx"
    assert everything.notes == ()


def test_titles_and_merged_headers_keep_their_relation_to_the_columns() -> None:
    def fill(sheet: Any) -> None:
        rows: list[list[object]] = [
            ["Report"],
            [],
            ["Region", "Sales"],
            [None, "2024", "2025"],
            ["North", 1, 2],
        ]
        table(*rows, [None, 3, 4])(sheet)
        sheet.merge_cells("A1:C1")
        sheet.merge_cells("B3:C3")
        sheet.merge_cells("A5:A6")

    document = structgen.read(workbook(fill))
    assert rows_of(document) == [
        "Report",
        "Region | Sales",
        " | 2024 | 2025",
        "North | 1 | 2",
        " | 3 | 4",
    ]
    found = {
        document[one.start : one.end].text: (one.cell.row, one.cell.column, one.cell.header)
        for one in document.layout.cells
    }
    assert found["Report"] == (1, 1, None)
    assert found["North"] == (5, 1, "Region")
    assert found["1"] == (5, 2, "Sales 2024")
    assert found["4"] == (6, 3, "Sales 2025")


def test_a_sheet_may_be_large_and_nearly_empty() -> None:
    def fill(sheet: Any) -> None:
        sheet["A1"], sheet["XFD1"], sheet["A1048576"], sheet["C5"] = "first", "wide", "last", "c"

    document = structgen.read(workbook(fill))
    assert rows_of(document) == ["first |  | wide", " | c", "last"]
    assert document.locate(document.index("last")).cell == Cell(1, 1_048_576, 1, "first")
    assert document.locate(document.index("wide")).cell == Cell(1, 1, 16_384, "wide")


def test_cells_that_are_too_many_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("structgen.reading.office.workbook.MOST_CELLS", 5)
    with pytest.raises(DocumentError, match="more than 5 cells") as caught:
        structgen.read(workbook(table([1, 2, 3], [4, 5, 6])))
    assert caught.value.reason == "too-large"


def test_every_cell_has_its_place() -> None:
    rows = [[f"c{row}x{column}" for column in range(4)] for row in range(30)]
    document = structgen.read(workbook(table(*rows)))
    for row in range(30):
        for column in range(4):
            start = document.index(f"c{row}x{column}")
            cell = Cell(1, row + 1, column + 1, f"c0x{column}")
            assert document.locate(start, start + 4).cells[0] == cell


# ---- what other programs write ---------------------------------------------------------------


def test_cells_without_references_and_inline_texts() -> None:
    def change(xml: str) -> str:
        start, end = xml.index("<sheetData>"), xml.index("</sheetData>")
        cells = (
            '<row><c t="inlineStr"><is><r><t>rich </t></r><r><t>text</t></r><rPh sb="0" eb="1">'
            '<t>no</t></rPh></is></c><c t="d"><v>2026-01-02</v></c><c><v>1.5</v></c></row>'
            '<row><c t="str"><v>tab_x0009_bed</v></c><c s="99"><v>7</v></c><c><v>odd</v></c></row>'
        )
        return f"{xml[:start]}<sheetData>{cells}{xml[end:]}"

    document = structgen.read(workbook(table(), change))
    assert rows_of(document) == ["rich text | 2026-01-02 | 1.5", "tab bed | 7 | odd"]


def test_the_strict_form_of_the_standard_is_read() -> None:
    data = workbook(table(["name"], ["Ada"]))
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    for part in ("workbook.xml", "sheet1.xml", "styles.xml", "sharedStrings.xml"):
        data = changed(
            data,
            part,
            lambda xml: xml.replace(main, "http://purl.oclc.org/ooxml/spreadsheetml/main"),
        )
    assert rows_of(structgen.read(data)) == ["name", "Ada"]


def test_comments_are_read_on_request() -> None:
    def fill(sheet: Any) -> None:
        sheet["A1"] = "name"
        sheet["A1"].comment = Comment("check this", "Ada")

    data = workbook(fill)
    assert structgen.read(data) == "# Sheet\n\nname"
    expected = "# Sheet\n\nname\n\nComment on A1 by Ada: check this"
    assert structgen.read(data, comments=True) == expected


def test_entities_are_not_expanded() -> None:
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>'
    data = workbook(table(["name", "kept"]))
    data = changed(data, "sharedStrings.xml", lambda xml: bomb + xml.replace("name", "&b;"))
    document = structgen.read(data)
    assert "kept" in document
    assert "aaaa" not in document
