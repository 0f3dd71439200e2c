"""PDFs that are cut, locked, empty or partly damaged give what can be read, and say the rest."""

from __future__ import annotations

import io
from typing import Any

import pypdf
import pytest
from pypdf.generic import ArrayObject, FloatObject, NameObject, TextStringObject
from pypdf.generic import DictionaryObject as Dictionary

import structgen
from structgen import DocumentError, InputError
from structgen.reading import Box
from tests.reading.pdfs import HEIGHT, SCAN, Text, lines, pdf_of

FOUR = pdf_of([[Text(50, 50, f"page {number} here")] for number in range(1, 5)])
WORDS = "\n\n".join(f"page {number} here" for number in range(1, 5))


@pytest.mark.parametrize("start", [b"0", b"99", b"999999999", b"-1", b"x"])
def test_a_table_of_objects_that_is_not_there_is_made_again(start: bytes) -> None:
    data = FOUR[: FOUR.rindex(b"startxref\n")] + b"startxref\n" + start + b"\n%%EOF"
    assert structgen.read(data) == WORDS


def test_a_file_that_was_cut_off_gives_the_pages_before_the_cut() -> None:
    sizes = []
    for cut in range(len(FOUR) - 10, len(FOUR) // 2, -97):
        try:
            document = structgen.read(FOUR[:cut], name="a.pdf")
        except DocumentError as error:
            assert error.reason == "damaged"
            continue
        assert WORDS.startswith(document.text)
        if cut < FOUR.rindex(b"trailer"):
            assert "The end of the file is missing" in document.notes[0]
        sizes.append(len(document))
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] == len(WORDS)
    assert sizes[-1] < len(WORDS)


def encrypted(user: str, **options: Any) -> bytes:
    writer, file = pypdf.PdfWriter(clone_from=io.BytesIO(FOUR)), io.BytesIO()
    writer.encrypt(user, owner_password="owner", **options)
    writer.write(file)
    return file.getvalue()


@pytest.mark.parametrize("algorithm", ["RC4-40", "RC4-128", "AES-128", "AES-256"])
def test_a_password_is_asked_for_only_if_reading_needs_it(algorithm: str) -> None:
    assert structgen.read(encrypted("", algorithm=algorithm)) == WORDS
    locked = encrypted("user", algorithm=algorithm)
    for password in ("user", "owner"):
        assert structgen.read(locked, password=password) == WORDS
    with pytest.raises(DocumentError, match="needs a password") as caught:
        structgen.read(locked, name="a.pdf")
    assert caught.value.reason == "locked"


def test_encryption_that_nobody_knows_is_told() -> None:
    locked = encrypted("", algorithm="RC4-128").replace(b"/Filter /Standard", b"/Filter /Own12345")
    with pytest.raises(DocumentError, match="encrypted") as caught:
        structgen.read(locked)
    assert caught.value.reason == "locked"


def test_no_pages_and_blank_pages_are_told_apart_from_scans() -> None:
    with pytest.raises(DocumentError, match="password"):
        structgen.read(encrypted("user", algorithm="RC4-128"))
    with pytest.raises(DocumentError, match="is damaged"):
        structgen.read(pdf_of([]))
    with pytest.raises(InputError, match="contains no text") as caught:
        structgen.read(pdf_of([[], []]))
    assert not isinstance(caught.value, DocumentError)
    with pytest.raises(DocumentError, match="is scanned"):
        structgen.read(pdf_of([[], []], extra=SCAN))


def test_a_page_that_fails_while_its_text_is_read_costs_itself_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("structgen.reading.pdf.words._MOST_CHARACTERS", 100)
    long, short = [Text(50, 50, "x" * 120)], [Text(50, 50, "short")]
    document = structgen.read(pdf_of([short, long, short]))
    assert document == "short\n\nshort"
    assert [page.number for page in document.pages] == [1, 3]
    [note] = document.notes
    assert note.startswith("Damaged pages were not read: 2.")
    with pytest.raises(DocumentError, match="has 120 characters") as caught:
        structgen.read(pdf_of([long]))
    assert caught.value.reason == "too-large"


def test_soft_hyphens_at_the_end_of_a_line_join_its_word() -> None:
    text = "the agree\xad\nment of all com\xad\npanies and the agreement"
    assert structgen.read(pdf_of([lines(text, 50, 50)])) == (
        "the agreement of all companies and the agreement"
    )


def commented(turned: int = 0) -> bytes:
    writer = pypdf.PdfWriter(clone_from=io.BytesIO(pdf_of([[Text(50, 50, "text")]], rotate=turned)))
    members = {
        "/Type": NameObject("/Annot"),
        "/Subtype": NameObject("/Text"),
        "/T": TextStringObject("Ada"),
        "/Contents": TextStringObject("please\rcheck ✓"),
        "/Rect": ArrayObject([FloatObject(at) for at in (100, 700, 120, 720)]),
    }
    note = Dictionary({NameObject(name): value for name, value in members.items()})
    writer.pages[0][NameObject("/Annots")] = ArrayObject([writer._add_object(note)])
    file = io.BytesIO()
    writer.write(file)
    return file.getvalue()


def test_comments_are_read_on_request_with_their_places() -> None:
    assert structgen.read(commented()) == "text"
    document = structgen.read(commented(), comments=True)
    assert document == "text\n\nComment by Ada: please check ✓"
    assert document.locate(len(document) - 3).boxes == (Box(1, 100, HEIGHT - 720, 120, 100),)
    turned = structgen.read(commented(90), comments=True)
    assert turned.locate(len(turned) - 3).boxes == (Box(1, 700, 100, 720, 120),)
