"""Slides are read as they are shown: groups, charts, diagrams, numbered lists, merged cells."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from typing import Any

import pptx
import pytest
from pptx.chart.data import CategoryChartData
from pptx.enum.chart import XL_CHART_TYPE
from pptx.oxml import parse_xml
from pptx.util import Pt

import structgen
from structgen import Document
from structgen.reading import Box, Cell

DRAWING = "http://schemas.openxmlformats.org/drawingml/2006/main"


def saved(fill: Callable[[Any], object], layout: int = 6) -> bytes:
    """A presentation with one slide."""
    made, file = pptx.Presentation(), io.BytesIO()
    fill(made.slides.add_slide(made.slide_layouts[layout]))
    made.save(file)
    return file.getvalue()


def read(fill: Callable[[Any], object], layout: int = 6) -> Document:
    return structgen.read(saved(fill, layout))


def text_box(shapes: Any, text: str, left: int, top: int) -> Any:
    box = shapes.add_textbox(Pt(left), Pt(top), Pt(100), Pt(20))
    box.text_frame.text = text
    return box


def test_shapes_of_groups_have_their_places_on_the_slide() -> None:
    def fill(slide: Any) -> None:
        text_box(slide.shapes, "below", 10, 400)
        group = slide.shapes.add_group_shape()
        inner = group.shapes.add_group_shape()
        text_box(inner.shapes, "inside", 0, 0)
        group._element.recalculate_extents()
        place = group._element.grpSpPr.find(f"{{{DRAWING}}}xfrm")
        moved = {"off": (Pt(50), Pt(60)), "ext": (Pt(200), Pt(40))}
        for name, (across, down) in moved.items():
            element = place.find(f"{{{DRAWING}}}{name}")
            for key, value in zip(element.attrib, (across, down), strict=True):
                element.set(key, str(value))

    document = read(fill)
    assert document == "inside\n\nbelow"
    assert document.locate(0).boxes == (Box(1, 50, 60, 250, 100),)


def test_charts_are_tables() -> None:
    def fill(slide: Any) -> None:
        data: Any = CategoryChartData()  # type: ignore[no-untyped-call]
        data.categories = ["Q1", "Q2"]
        data.add_series("East", (1.5, None))
        data.add_series("West", (3, 4))
        kind = XL_CHART_TYPE.COLUMN_CLUSTERED
        place = Pt(10), Pt(10), Pt(300), Pt(200)
        chart = slide.shapes.add_chart(kind, *place, data).chart
        chart.has_title = True
        chart.chart_title.text_frame.text = "Sales"

    document = read(fill)
    assert document == "Sales\n\n | East | West\nQ1 | 1.5 | 3\nQ2 |  | 4"
    assert document.locate(document.index("4")).cell == Cell(1, 3, 3, "West")


def test_numbered_lists_breaks_and_raised_numbers() -> None:
    def fill(slide: Any) -> None:
        frame = text_box(slide.shapes, "one", 10, 10).text_frame
        for text in ("two", "plain", "again"):
            frame.add_paragraph().text = text
        for at in (0, 1, 3):
            properties = frame.paragraphs[at]._p.get_or_add_pPr()
            properties.append(parse_xml(f'<a:buAutoNum xmlns:a="{DRAWING}" type="arabicPeriod"/>'))
        last = frame.add_paragraph()
        last.add_run().text = "10"
        raised = last.add_run()
        raised.text = "2"
        raised._r.get_or_add_rPr().set("baseline", "30000")
        last.add_line_break()
        last.add_run().text = "below"

    assert read(fill) == "1. one\n2. two\nplain\n1. again\n10^2\nbelow"


def test_merged_cells_name_all_their_columns() -> None:
    def fill(slide: Any) -> None:
        place = Pt(10), Pt(10), Pt(300), Pt(100)
        table = slide.shapes.add_table(3, 3, *place).table
        rows = (("Region", "Sales", ""), ("North", "1", "2"), ("", "3\n4", "5"))
        for row, cells in enumerate(rows):
            for column, text in enumerate(cells):
                table.cell(row, column).text = text
        table.cell(0, 1).merge(table.cell(0, 2))
        table.cell(1, 0).merge(table.cell(2, 0))

    document = read(fill)
    assert document.splitlines() == ["Region | Sales | ", "North | 1 | 2", " | 3 / 4 | 5"]
    assert document.locate(document.index("5")).cell == Cell(1, 3, 3, "Sales")


def test_slides_are_in_the_order_in_which_they_are_shown() -> None:
    made, file = pptx.Presentation(), io.BytesIO()
    for name in ("one", "two", "three"):
        text_box(made.slides.add_slide(made.slide_layouts[6]).shapes, name, 10, 10)
    order = made.slides._sldIdLst
    order.insert(0, order[2])
    made.slides[1]._element.set("show", "0")
    made.save(file)
    document = structgen.read(file.getvalue())
    assert document == "three\n\ntwo"
    assert [page.number for page in document.pages] == [1, 3]
    [note] = document.notes
    assert "the slides 2." in note
    assert structgen.read(file.getvalue(), hidden=True) == "three\n\none\n\ntwo"


def test_what_is_meant_for_newer_programs_is_read_once() -> None:
    def fill(slide: Any) -> None:
        box = text_box(slide.shapes, "new", 10, 10)._element
        old = text_box(slide.shapes, "old", 10, 10)._element
        name = "http://schemas.openxmlformats.org/markup-compatibility/2006"
        empty = (
            "<mc:AlternateContent xmlns:mc='{}'><mc:Choice/><mc:Fallback/></mc:AlternateContent>"
        )
        both = parse_xml(empty.format(name))
        box.getparent().append(both)
        both[0].append(box)
        both[1].append(old)

    assert read(fill) == "new"


@pytest.mark.parametrize("kind", ["slideshow", "template"])
def test_shows_and_templates_are_presentations(kind: str) -> None:
    data = saved(lambda slide: text_box(slide.shapes, "words", 10, 10))
    file = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w") as new:
        for name in old.namelist():
            text = old.read(name)
            if name == "[Content_Types].xml":
                text = text.replace(b"presentation.main", f"{kind}.main".encode())
            new.writestr(name, text)
    for named in ("a.ppsx", "a.potx", None):
        assert structgen.read(file.getvalue(), name=named) == "words"


def test_placeholders_that_nobody_filled_are_left_out() -> None:
    def fill(slide: Any) -> None:
        slide.shapes.title.text = "Title"

    document = read(fill, layout=1)
    assert document == "Title"
    assert document.headings[0].title == "Title"
