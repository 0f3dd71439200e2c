"""PDFs are read in the order in which people read them, and each word knows its box."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pypdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pypdf.generic import (
    ArrayObject,
    DecodedStreamObject,
    NumberObject,
    PdfObject,
    RectangleObject,
    TextStringObject,
)
from pypdf.generic import DictionaryObject as Dictionary
from pypdf.generic import NameObject as Name

import structgen
from structgen import Client, Document, DocumentError, InputError
from structgen.testing import ScriptedModel
from tests.reading.pdfs import CHARACTER, HEIGHT, SCAN, WIDTH, Text, lines, pdf_of

LEFT = """the first column is full of
words that go on for some
lines until it is at its end
and then the other column is
read and not a line before"""
RIGHT = """so here the second one goes
on with words that make up
running text of some length
which is read when the first
is done and all is in order"""


def test_words_know_their_boxes() -> None:
    document = structgen.read(pdf_of([[Text(100, 200, "Total due")], [Text(50, 60, "42.50", 20)]]))
    assert document == "Total due\n\n42.50"
    assert document.media_type == "application/pdf"
    assert [(page.number, page.width, page.height) for page in document.pages] == [
        (1, WIDTH, HEIGHT),
        (2, WIDTH, HEIGHT),
    ]
    found = document.locate(document.index("due"), len("Total due"))
    [box] = found.boxes
    assert (found.page, box.page) == (1, 1)
    assert box.left == pytest.approx(100 + 6 * CHARACTER * 10, abs=1)
    assert box.right == pytest.approx(100 + 9 * CHARACTER * 10, abs=1)
    assert box.top < 200 <= box.bottom + 1
    assert box.bottom - box.top < 20
    assert document.locate(document.index("42")).boxes[0].page == 2


@pytest.mark.parametrize("turned", [0, 90, 180, 270])
def test_boxes_are_those_of_the_page_as_it_is_shown(turned: int) -> None:
    document = structgen.read(pdf_of([[Text(60, 700, "low")]], rotate=turned))
    [page] = document.pages
    [box] = document.locate(0, 3).boxes
    assert (page.width, page.height) == ((HEIGHT, WIDTH) if turned % 180 else (WIDTH, HEIGHT))
    middle = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    expected = {0: (69, 697), 90: (103, 69), 180: (531, 103), 270: (697, 531)}
    assert middle == pytest.approx(expected[turned], abs=6)


def test_boxes_are_those_of_the_part_that_is_shown() -> None:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(pdf_of([[Text(60, 200, "cut")]])))
    writer.pages[0].cropbox = RectangleObject((50, 100, 550, 750))
    file = io.BytesIO()
    writer.write(file)
    document = structgen.read(file.getvalue(), pages="both", dpi=72)
    [page] = document.pages
    [box] = document.locate(0, 3).boxes
    assert (page.width, page.height) == (500, 650)
    assert page.image is not None
    assert (page.image.width, page.image.height) == (500, 650)
    assert (box.left, box.bottom) == pytest.approx((10, 150), abs=3)


def test_columns_are_read_one_by_one() -> None:
    texts = [
        Text(200, 50, "A title over both"),
        *(
            one
            for pair in zip(lines(LEFT, 50, 90), lines(RIGHT, 320, 90), strict=True)
            for one in pair
        ),
        Text(150, 180, "and a line below all of that is here"),
    ]
    text = structgen.read(pdf_of([texts])).text
    words = " ".join(text.split())
    assert words == " ".join(
        f"A title over both {LEFT} {RIGHT} and a line below all of that is here".split()
    )


def test_rows_of_a_table_stay_whole() -> None:
    rows = ["Revenue", "Cost of sales", "Gross profit", "Income tax", "Net income", "Shares"]
    texts = [Text(50, 100 + 15 * at, row) for at, row in enumerate(rows)]
    for column in (300, 420):
        texts += [Text(column, 100 + 15 * at, f"{column + at}.5") for at in range(len(rows))]
    found = structgen.read(pdf_of([texts])).splitlines()
    assert found == [f"{row}\t{300 + at}.5\t{420 + at}.5" for at, row in enumerate(rows)]


def test_words_broken_at_the_end_of_a_line_are_joined() -> None:
    text = "the agree-\nment of a well-known com-\npany is well-\nknown in 2019-\n2020 and A-\nB"
    document = structgen.read(pdf_of([lines(text, 50, 100)]))
    joined = "the agreement of a well-known company is well-known in 2019-\n2020 and A-\nB"
    assert document == joined
    start = document.index("agreement")
    above, below = document.locate(start, start + len("agreement")).boxes
    assert above.bottom <= below.top + 3
    assert above.left > below.left


def test_a_compound_of_words_keeps_its_hyphen() -> None:
    text = "the work and the group of a work-\ngroup are the prece-\ndents of law"
    document = structgen.read(pdf_of([lines(text, 50, 100)]))
    assert document == "the work and the group of a work-group are the precedents of law"


def test_text_up_the_edge_and_watermarks_come_last() -> None:
    edge = Text(20, 180, "up the edge of it", turn=270)
    watermark = Text(60, 90, "DRAFT OF IT", 30, turn=45)
    document = structgen.read(pdf_of([[edge, watermark, *lines(LEFT, 50, 100)]]))
    assert document.startswith(LEFT)
    assert document[len(LEFT) :].split() == ["up", "the", "edge", "of", "it", "DRAFT", "OF", "IT"]
    [box] = document.locate(document.index("up the"), document.index("edge of") + 4).boxes
    assert box.bottom - box.top > 60 > box.right - box.left


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_page_printed_sideways_is_read_in_its_own_direction(turn: int) -> None:
    upright = structgen.read(pdf_of([lines(LEFT, 50, 100)]))
    places = {90: (300, -1, 0), 180: (500, 0, 1), 270: (100, 1, 0)}
    left, to_the_right, down = places[turn]
    texts = [
        Text(left + 12 * at * to_the_right, 500 - 12 * at * down, line, turn=turn)
        for at, line in enumerate(LEFT.splitlines())
    ]
    assert structgen.read(pdf_of([texts])) == upright


def test_headings_are_the_lines_in_larger_type() -> None:
    texts = [
        Text(50, 60, "Annual report", 24),
        *lines(LEFT, 50, 100),
        Text(50, 200, "Results", 16),
        *lines(RIGHT, 50, 230),
    ]
    document = structgen.read(pdf_of([texts]))
    assert document.locate(document.index("second one")).headings == ("Annual report", "Results")
    assert document.locate(document.index("first column")).headings == ("Annual report",)


def test_what_cannot_be_read_says_why() -> None:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(pdf_of([[Text(50, 50, "secret")]])))
    writer.encrypt("right", algorithm="AES-256")
    locked = io.BytesIO()
    writer.write(locked)
    scanned = pdf_of([[], []], extra=SCAN)
    cases: dict[tuple[str, str], Callable[[], Document]] = {
        ("locked", "needs a password"): lambda: structgen.read(locked.getvalue()),
        ("locked", "another password"): lambda: structgen.read(locked.getvalue(), password="no"),
        ("damaged", "is damaged"): lambda: structgen.read(b"%PDF-1.7\n%%EOF"),
        ("scanned", "is scanned"): lambda: structgen.read(scanned),
    }
    for (reason, says), read in cases.items():
        with pytest.raises(DocumentError, match=says) as caught:
            read()
        assert caught.value.reason == reason
        assert caught.value.hint
    assert structgen.read(locked.getvalue(), password="right") == "secret"


def test_pages_that_are_scans_are_told() -> None:
    both = pypdf.PdfWriter()
    for data in (pdf_of([[Text(50, 50, "text")]]), pdf_of([[]], extra=SCAN), pdf_of([[]])):
        both.append(io.BytesIO(data))
    file = io.BytesIO()
    both.write(file)
    document = structgen.read(file.getvalue())
    assert document == "text"
    [note] = document.notes
    assert "not read: 2." in note


def test_fonts_that_do_not_say_what_they_print_are_told() -> None:
    told = pdf_of([[Text(50, 50, "plain words")]])
    shapes = b" ".join(b"/g%d" % at for at in range(95))
    font = b"/Encoding << /Type /Encoding /Differences [32 " + shapes + b"] >>"
    doubtful = told.replace(b"/Encoding /WinAnsiEncoding /ToUnicode 4 0 R", font)
    assert doubtful != told
    assert structgen.read(told).notes == ()
    [note] = structgen.read(doubtful).notes
    assert "may be wrong" in note
    assert ": 1." in note


def test_pages_are_chosen_by_number() -> None:
    data = pdf_of([[Text(50, 50, name)] for name in ("one", "two", "three")])
    document = structgen.read(data, page_numbers=[2, 3])
    assert document == "two\n\nthree"
    assert [page.number for page in document.pages] == [2, 3]
    with pytest.raises(InputError, match="no page 4"):
        structgen.read(data, page_numbers=[4])


def test_pages_are_shown_to_models_that_see() -> None:
    scanned = structgen.read(pdf_of([[], []], extra=SCAN), pages="images", dpi=72)
    assert scanned == ""
    assert [(one.media_type, one.width, one.height) for one in scanned.images] == [
        ("image/png", WIDTH, HEIGHT)
    ] * 2
    both = structgen.read(pdf_of([[Text(50, 50, "text")]]), pages="both")
    assert both == "text"
    client = Client(ScriptedModel("{}"))
    [*_, asked] = client.plan({"type": "object"}, both).messages
    text, image = asked["content"]
    assert text == {"type": "text", "text": "text"}
    assert image["image_url"]["url"].startswith("data:image/png;base64,")


def test_several_threads_may_read() -> None:
    data = pdf_of([lines(LEFT, 50, 100)] * 5)
    with ThreadPoolExecutor(4) as pool:
        assert len(set(pool.map(lambda _: structgen.read(data), range(12)))) == 1


@settings(deadline=None)
@given(st.binary(max_size=200), st.integers(0, 2000))
def test_damage_anywhere_is_a_typed_error_or_a_text(junk: bytes, at: int) -> None:
    data = pdf_of([[Text(50, 50, "Ada is 36.")]])
    at = min(at, len(data))
    try:
        structgen.read(data[:at] + junk + data[at + len(junk) :], name="a.pdf")
    except InputError as error:
        assert "a.pdf" in str(error)


def test_long_files_are_read_page_by_page() -> None:
    document = structgen.read(pdf_of([lines(LEFT, 50, 100)] * 120))
    assert len(document.pages) == 120
    for page in document.pages[::30]:
        assert document.locate(page.start).page == page.number


def filled_in(drawn: bool) -> bytes:
    """Give a form with one field, and a picture of what is in it if `drawn`."""
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(pdf_of([[Text(50, 100, "Name:")]])))
    font: dict[str, Any] = {
        "/Type": Name("/Font"),
        "/Subtype": Name("/Type1"),
        "/BaseFont": Name("/Helvetica"),
    }
    fonts = {"/Font": Dictionary({Name("/Helv"): Dictionary(named(font))})}
    field: dict[str, Any] = {
        "/Type": Name("/Annot"),
        "/Subtype": Name("/Widget"),
        "/FT": Name("/Tx"),
        "/T": TextStringObject("name"),
        "/V": TextStringObject("Ada Lovelace"),
        "/Rect": ArrayObject([NumberObject(at) for at in (100, 690, 300, 710)]),
        "/F": NumberObject(4),
        "/DA": TextStringObject("/Helv 10 Tf 0 g"),
    }
    if drawn:
        picture = DecodedStreamObject()
        picture.set_data(b"/Tx BMC q BT /Helv 10 Tf 2 6 Td (Ada Lovelace) Tj ET Q EMC")
        members: dict[str, Any] = {
            "/Type": Name("/XObject"),
            "/Subtype": Name("/Form"),
            "/BBox": ArrayObject([NumberObject(at) for at in (0, 0, 200, 20)]),
            "/Resources": Dictionary(named(fonts)),
        }
        picture.update(named(members))
        field["/AP"] = Dictionary({Name("/N"): writer._add_object(picture)})
    added = writer._add_object(Dictionary(named(field)))
    writer.pages[0][Name("/Annots")] = ArrayObject([added])
    form: dict[str, Any] = {"/Fields": ArrayObject([added]), "/DR": Dictionary(named(fonts))}
    writer.root_object[Name("/AcroForm")] = Dictionary(named(form))
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def named(members: Mapping[str, Any]) -> dict[PdfObject, PdfObject]:
    return {Name(name): value for name, value in members.items()}


@pytest.mark.parametrize("drawn", [True, False])
def test_what_is_filled_into_a_form_is_read(drawn: bool) -> None:
    document = structgen.read(filled_in(drawn))
    assert " ".join(document.split()) == "Name: Ada Lovelace"
    [box] = document.locate(document.index("Ada"), len(document)).boxes
    assert box.left == pytest.approx(102, abs=2)
    assert 88 < box.top < box.bottom < 112


def test_the_outline_of_a_file_gives_its_headings() -> None:
    titles = ["First part", "Inner", "Second part", "Third part"]
    printed = [Text(50, 50 + 40 * at, f"{title} is here") for at, title in enumerate(titles)]
    data = pdf_of([printed])
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(data))
    parent = None
    for title in titles:
        over = parent if title == "Inner" else None
        entry = writer.add_outline_item(title=title, page_number=0, parent=over)
        parent = parent or entry
    file = io.BytesIO()
    writer.write(file)
    document = structgen.read(file.getvalue())
    assert [(one.level, one.title) for one in document.headings] == [
        (2 if title == "Inner" else 1, title) for title in titles
    ]
    assert document.locate(document.index("Inner is") + 9).headings == ("First part", "Inner")


def _pages(count: int, *, lost: set[int]) -> bytes:
    """A PDF whose page tree names `count` pages, of which `lost` are no objects."""
    kids = " ".join("null" if at in lost else f"{4 + at} 0 R" for at in range(1, count + 1))
    objects = [
        "1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj",
        f"2 0 obj<</Type/Pages/Count {count}/Kids[{kids}]>>endobj",
        "3 0 obj<</Type/Font/Subtype/Type1/BaseFont/Helvetica>>endobj",
    ]
    for at in range(1, count + 1):
        text = f"BT /F 12 Tf 72 700 Td (words of page {at}) Tj ET"
        size = "/MediaBox[0 0 612 792]/Resources<</Font<</F 3 0 R>>>>"
        stream = 4 + count + at
        objects += [
            f"{4 + at} 0 obj<</Type/Page/Parent 2 0 R{size}/Contents {stream} 0 R>>endobj",
            f"{stream} 0 obj<</Length {len(text)}>>stream\n{text}\nendstream endobj",
        ]
    return "\n".join(["%PDF-1.4", *objects, "trailer<</Root 1 0 R>>", "%%EOF"]).encode()


def test_a_damaged_page_does_not_cost_its_document() -> None:
    document = structgen.read(_pages(4, lost={2}), name="a.pdf")
    assert [page.number for page in document.pages] == [1, 3, 4]
    assert document.locate(document.index("page 3")).page == 3
    assert document.notes == (
        "Damaged pages were not read: 2. Check whether another program shows them.",
    )
    with pytest.raises(DocumentError, match="page 1 cannot be read") as caught:
        structgen.read(_pages(2, lost={1, 2}), name="a.pdf")
    assert caught.value.reason == "damaged"
