"""A Document is a text that knows where each of its characters is."""

from __future__ import annotations

import copy
import json
import pickle
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from structgen import Document, InputError
from structgen.reading import Box, Cell, DocumentBuilder, PageImage

WORDS = st.lists(st.sampled_from(["Total", "revenue", "42", "é", "合"]), min_size=1, max_size=6)
PAGES = st.lists(st.lists(WORDS, max_size=4), max_size=4)


def printed(pages: Sequence[Sequence[Sequence[str]]]) -> tuple[Document, list[Box]]:
    """A document of words on lines on pages, and the box of each word."""
    builder, boxes = DocumentBuilder(), []
    for number, lines in enumerate(pages, 1):
        with builder.page(number, 600, 800):
            for at, words in enumerate(lines):
                builder.separate("\n")
                line = builder.next_line()
                for place, word in enumerate(words):
                    builder.separate(" ")
                    box = Box(number, place * 50.0, at * 20.0, place * 50.0 + 40, at * 20.0 + 12)
                    builder.write(word, box, line=line)
                    boxes.append(box)
    return builder.build(name="a.pdf", media_type="application/pdf"), boxes


@given(PAGES)
def test_each_word_is_in_its_box(pages: list[list[list[str]]]) -> None:
    document, boxes = printed(pages)
    words = document.split()
    assert words == [word for lines in pages for words in lines for word in words]
    at = 0
    for word, box in zip(words, boxes, strict=True):
        start = document.index(word, at)
        at = start + len(word)
        found = document.locate(start, at)
        assert (found.boxes, found.pages) == ((box,), (box.page,))


@given(PAGES, st.data())
def test_a_slice_knows_what_the_whole_does(
    pages: list[list[list[str]]], data: st.DataObject
) -> None:
    document, _ = printed(pages)
    start = data.draw(st.integers(0, len(document)))
    end = data.draw(st.integers(start, len(document)))
    part = document[start:end]
    assert part == document.text[start:end]
    for at in range(len(part)):
        assert part.locate(at) == document.locate(start + at)
    assert part[:][:].text == part.text
    for page in part.pages:
        assert 0 <= page.start <= page.end <= len(part)
        assert part.text[page.start : page.end] in document


@given(PAGES)
def test_nothing_is_lost_on_the_way_through_json_pickles_and_copies(
    pages: list[list[list[str]]],
) -> None:
    document, _ = printed(pages)
    ways = (
        Document.from_dict(json.loads(json.dumps(document.to_dict()))),
        pickle.loads(pickle.dumps(document)),
        copy.deepcopy(document),
    )
    for other in ways:
        assert other == document
        assert (other.name, other.pages) == (document.name, document.pages)
        for at in range(len(document)):
            assert other.locate(at) == document.locate(at)


def test_a_span_over_two_lines_has_a_box_for_each() -> None:
    document, boxes = printed([[["the", "total", "is"], ["42", "dollars"]]])
    start, end = document.index("total"), document.index("42") + 2
    assert document.locate(start, end).boxes == (
        Box(1, boxes[1].left, 0, boxes[2].right, 12),
        boxes[3],
    )


def test_headings_are_a_path() -> None:
    builder = DocumentBuilder()
    for level, title in ((1, "One"), (2, "Inner"), (3, "Deep"), (2, "Other"), (1, "Two")):
        builder.separate()
        builder.heading(level, title)
        builder.write(f"{title}\nunder {title}")
    document = builder.build(media_type="text/plain")
    paths = {
        title: document.locate(document.index(f"under {title}")).headings
        for title in ("One", "Deep", "Other", "Two")
    }
    assert paths == {
        "One": ("One",),
        "Deep": ("One", "Inner", "Deep"),
        "Other": ("One", "Other"),
        "Two": ("Two",),
    }
    assert [one.title for one in document[document.index("Other") :].headings] == ["Other", "Two"]


def test_cells_know_their_row_column_and_header() -> None:
    builder = DocumentBuilder()
    builder.table([["name", "age"], ["Ada", "36"], ["", "41"]])
    document = builder.build(media_type="text/plain")
    assert document == "name | age\nAda | 36\n | 41"
    assert document.locate(document.index("36")).cell == Cell(1, 2, 2, "age")
    assert document.locate(document.index("41")).cell == Cell(1, 3, 2, "age")
    assert document.locate(document.index("|")).cell is None


def test_a_document_cannot_change_and_shows_no_text() -> None:
    document, _ = printed([[["secret"]]])
    with pytest.raises(AttributeError, match="cannot change"):
        document.name = "b.pdf"
    with pytest.raises(AttributeError, match="cannot change"):
        del document.name
    assert repr(document) == "<Document a.pdf: 6 characters, 1 pages>"
    assert type(document.text) is str


def test_a_part_outside_the_text_is_an_error() -> None:
    with pytest.raises(InputError, match="no part from 2 to 9"):
        Document("text").locate(2, 9)


def test_images_of_pages_are_saved_on_request() -> None:
    builder = DocumentBuilder()
    image = PageImage(b"\x89PNG", "image/png", 10, 20)
    with builder.page(1, 10, 20, image):
        builder.write("x")
    document = builder.build(media_type="image/png")
    assert document.images == (image,)
    assert Document.from_dict(document.to_dict(images=True)).images == (image,)
    assert Document.from_dict(document.to_dict()).images == ()


@pytest.mark.parametrize("damage", [{"version": 9}, {"words": {"starts": "x"}}, {"cells": [1]}])
def test_what_is_no_saved_document_is_refused(damage: dict[str, object]) -> None:
    with pytest.raises(InputError, match=r"structgen\.read"):
        Document.from_dict({**Document("a").to_dict(), **damage})
