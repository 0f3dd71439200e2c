"""Tables of PDFs have cells with headers; ligatures and scripts keep their order and boxes."""

from __future__ import annotations

import pytest

import structgen
from structgen.reading import Cell
from tests.reading.pdfs import Text, lines, pdf_of

STATEMENT = [
    Text(300, 90, "Three months ended"),
    Text(320, 105, "2025"),
    Text(420, 105, "2024"),
    Text(50, 120, "Net sales"),
    Text(300, 120, "$"),
    Text(320, 120, "1,200"),
    Text(400, 120, "$"),
    Text(420, 120, "1,100"),
    Text(50, 135, "Operating expenses:"),
    Text(50, 150, "Cost"),
    Text(338, 150, "70"),
    Text(438, 150, "60"),
]


def test_cells_of_a_statement_know_their_headers() -> None:
    document = structgen.read(pdf_of([STATEMENT]))
    assert "Net sales\t$ 1,200\t$ 1,100" in document.splitlines()
    cells = {
        text: document.locate(document.index(text)).cell
        for text in ("Net sales", "1,200", "1,100", "Cost", "70", "60")
    }
    assert {text: cell and (cell.column, cell.header) for text, cell in cells.items()} == {
        "Net sales": (1, None),
        "1,200": (2, "Three months ended 2025"),
        "1,100": (3, "Three months ended 2024"),
        "Cost": (1, None),
        "70": (2, "Three months ended 2025"),
        "60": (3, "Three months ended 2024"),
    }
    rows = [cell.row for cell in cells.values() if cell]
    assert rows == [3, 3, 3, 5, 5, 5]


def test_a_list_and_running_text_are_no_table() -> None:
    texts = [Text(50, 100 + 15 * at, f"{at}.") for at in range(1, 5)]
    texts += [Text(90, 100 + 15 * at, "an item of the list") for at in range(1, 5)]
    document = structgen.read(pdf_of([[*texts, *lines("some words\nbelow the list", 50, 250)]]))
    assert "1.\tan item of the list" in document
    assert document.layout.cells == ()


def test_a_table_with_a_row_of_names_and_texts() -> None:
    rows = [("name", "city"), ("Ada", "London"), ("Charles", "Paris")]
    texts = [
        Text(50 + 200 * column, 100 + 15 * row, text)
        for row, cells in enumerate(rows)
        for column, text in enumerate(cells)
    ]
    document = structgen.read(pdf_of([texts]))
    assert document.locate(document.index("Paris")).cell == Cell(1, 3, 2, "city")


def test_ligatures_are_letters_in_one_box() -> None:
    document = structgen.read(pdf_of([[Text(50, 100, "the ofXce")]], letters={"X": "ﬃ"}))
    assert document == "the offfice"
    [box] = document.locate(document.index("off"), len(document)).boxes
    assert (box.left, box.right) == pytest.approx((74, 104), abs=1)


def test_scripts_without_spaces_have_a_box_for_each_character() -> None:
    letters = dict(zip("abcdefgh", "合計金額一二三四", strict=True))
    document = structgen.read(pdf_of([lines("abcd\nefgh", 50, 100)], letters=letters))
    assert document == "合計金額一二三四"
    [box] = document.locate(1, 2).boxes
    assert (box.left, box.right) == pytest.approx((56, 62), abs=1)
    assert len(document.locate(3, 5).boxes) == 2


def test_right_to_left_text_is_in_the_order_of_reading() -> None:
    letters = dict(zip("abcdef", "אבגדהו", strict=True))
    document = structgen.read(pdf_of([[Text(50, 100, "fed 123 cba")]], letters=letters))
    assert document == "אבג 123 דהו"
    [box] = document.locate(0, 3).boxes
    assert box.left > document.locate(8, 11).boxes[0].right


def test_characters_beyond_the_basic_plane_are_one() -> None:
    document = structgen.read(pdf_of([[Text(50, 100, "a b")]], letters={"a": "😀"}))
    assert document == "😀 b"
    document.encode()


def test_marks_of_notes_are_no_part_of_a_name() -> None:
    texts = [Text(50, 100, "Ying Zhang"), Text(110, 96, "3", 6), Text(50, 120, "Boeing747 A4")]
    document = structgen.read(pdf_of([texts]))
    assert document.split() == ["Ying", "Zhang", "3", "Boeing747", "A4"]
