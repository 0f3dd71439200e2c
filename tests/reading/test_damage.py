"""Bytes that are cut, changed or put together at random give a document or an error of ours."""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from typing import Any

import docx
import openpyxl
import pptx
import pytest
from PIL import Image

import structgen
from structgen import InputError
from tests.reading.pdfs import Text, lines, pdf_of

_TRIES = 30
"""Tries of each kind of damage to each kind of file."""


def _saved(made: Any) -> bytes:
    file = io.BytesIO()
    made.save(file)
    return file.getvalue()


def _word() -> bytes:
    made = docx.Document()
    made.add_heading("Head", 1)
    made.add_paragraph("one", "List Number")
    table = made.add_table(2, 2)
    table.cell(0, 0).text = table.cell(1, 1).text = "cell"
    made.sections[0].header.paragraphs[0].text = "top"
    return _saved(made)


def _workbook() -> bytes:
    made = openpyxl.Workbook()
    for row in (["name", "share"], ["Ada", 0.5], ["Bob", "=1+1"]):
        made.active.append(row)
    made.active["B2"].number_format = "0.0%"
    return _saved(made)


def _slides() -> bytes:
    made = pptx.Presentation()
    slide = made.slides.add_slide(made.slide_layouts[1])
    slide.shapes.title.text = "Title"
    slide.placeholders[1].text_frame.text = "words"
    return _saved(made)


def _mail() -> bytes:
    made = EmailMessage()
    made["From"], made["Subject"] = "ada@x.example", "Grüße"
    made.set_content("words")
    made.add_alternative("<p>words <b>more</b>", subtype="html")
    made.add_attachment(b"a,b", "text", "csv", filename="a.csv")
    return made.as_bytes()


def _picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), "red").save(file, "PNG")
    return file.getvalue()


PAGE = (
    b"<!doctype html><head><meta charset=utf-8></head><body><h1>Head</h1><ul><li>one<li>two</ul>"
    b"<table><tr><th colspan=2>a<th>b<tr><td rowspan=2>1<td>2<td>3</table><pre> x </pre></body>"
)
GOOD: dict[str, Callable[[], bytes]] = {
    "docx": _word,
    "eml": _mail,
    "html": lambda: PAGE,
    "md": lambda: b"# Head\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```\ncode\n```\n",
    "pdf": lambda: pdf_of([lines("some words\nof a page", 50, 50), [Text(50, 50, "more")]]),
    "png": _picture,
    "pptx": _slides,
    "txt": lambda: "Grüße, 36 Jahre".encode(),
    "xlsx": _workbook,
}


def _damaged(data: bytes, chance: random.Random) -> Iterator[bytes]:
    """The same damage on every machine: the chance is seeded."""
    for _ in range(_TRIES):
        yield data[: chance.randrange(len(data))]
        changed = bytearray(data)
        for _ in range(chance.choice((1, 4, 32))):
            changed[chance.randrange(len(data))] = chance.randrange(256)
        yield bytes(changed)
        first, second = sorted(chance.randrange(len(data)) for _ in range(2))
        yield data[:first] + data[second:]
        yield data[:second] + data[first:]


@pytest.mark.parametrize("kind", sorted(GOOD))
def test_a_damaged_file_is_a_document_or_an_error_of_ours(kind: str) -> None:
    data = GOOD[kind]()
    options: dict[str, Any] = {"attachments": True, "hidden": True, "comments": True}
    whole = structgen.read(data, name=f"a.{kind}", **options)
    assert whole or whole.images
    for at, damaged in enumerate(_damaged(data, random.Random(kind))):
        name = f"a.{kind}" if at % 2 else None
        try:
            document = structgen.read(damaged, name=name, **options)
        except InputError as error:
            assert error.message
            assert error.hint
        else:
            assert document or document.images
            for place in (0, len(document) // 2, len(document)):
                document.locate(place)
            document.text.encode()
