"""Whatever a path, a URL or bytes may hold is a right text, or an error that says what to do."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import socket
import tarfile
import zipfile
from pathlib import Path

import docx
import pytest
from PIL import Image

import structgen
from structgen import ConfigurationError, Document, DocumentError, InputError
from structgen.reading import Reader, register_reader
from structgen.reading.registry import unregister_reader
from tests.reading.pdfs import Text, pdf_of

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ENVELOPE = b"From ada@x.example Mon Jan  5 10:00:00 2026\n"
MAIL = b"From: ada@x.example\nSubject: Hi\n\nHello there."


def zipped(*names: str) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            archive.writestr(name, b"x")
    return file.getvalue()


def compound(stream: str) -> bytes:
    """The beginning of a compound file with one named stream."""
    return OLE + bytes(500) + stream.encode("utf-16-le")


def tar() -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("a.txt"))
    return file.getvalue()


def word() -> bytes:
    document, file = docx.Document(), io.BytesIO()
    document.add_paragraph("in Word")
    document.save(file)
    return file.getvalue()


def picture() -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (8, 4)).save(file, "PNG")
    return file.getvalue()


# ---- what is no file -------------------------------------------------------------------------


def test_what_might_never_end_is_not_opened(tmp_path: Path) -> None:
    pipe, place = tmp_path / "pipe", tmp_path / "socket"
    os.mkfifo(pipe)
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(place))
        cases = {pipe: "a named pipe", place: "a socket", Path("/dev/zero"): "a device"}
        for path, kind in cases.items():
            for read in (structgen.read, structgen.file, structgen.image):
                with pytest.raises(InputError, match=f"is {kind}, not a file") as caught:
                    read(path)
                assert "pass the bytes" in (caught.value.hint or "")


def test_a_pipe_that_the_process_was_given_is_read() -> None:
    end, start = os.pipe()
    os.write(start, b"through a pipe")
    os.close(start)
    try:
        assert structgen.read(f"/dev/fd/{end}") == "through a pipe"
    finally:
        os.close(end)


def test_a_url_in_the_wrong_place_says_what_to_do() -> None:
    url = "https://user:secret@host.example/a.pdf"
    for call, says in (
        (lambda: structgen.file(url), "structgen.read"),
        (lambda: structgen.file(Path(url)), "structgen.read"),
        (lambda: structgen.read(Path(url)), "Pass the string"),
        (lambda: structgen.read("postgres://host/base"), "open_source"),
    ):
        with pytest.raises(InputError) as caught:
            call()
        assert says in str(caught.value)
        assert "No such file" not in str(caught.value)
        assert "secret" not in str(caught.value)


@pytest.mark.parametrize("text", ["Ada is 36.\nShe lives.", "word " * 400], ids=["lines", "long"])
def test_a_text_is_no_path(text: str) -> None:
    with pytest.raises(InputError, match="is a text, not a path"):
        structgen.read(text)


def test_open_files_that_cannot_be_read_say_so(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("text")
    with path.open("rb") as closed:
        pass
    with path.open("ab") as writing:
        for file in (closed, writing):
            with pytest.raises(InputError, match=r"Cannot read a\.txt"):
                structgen.read(file)


class Dripping(io.RawIOBase):
    """A file that gives one byte at a time, as a socket may."""

    def __init__(self, data: bytes) -> None:
        self.left = data

    def read(self, size: int = -1) -> bytes:
        first, self.left = self.left[:1], self.left[1:]
        return first


def test_files_that_give_less_than_asked_are_read_to_their_end() -> None:
    assert structgen.read(Dripping(b"drop by drop")) == "drop by drop"  # type: ignore[arg-type]


# ---- kinds that nothing reads ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "says", "todo"),
    [
        (compound("WordDocument"), r"\.doc", "Save it as .docx"),
        (compound("Workbook"), r"\.xls", "Save it as .xlsx"),
        (compound("PowerPoint Document"), r"\.ppt", "Save it as .pptx"),
        (compound("__properties_version1.0"), r"\.msg", "Save it as .eml"),
        (rb"{\rtf1 Hello}", "RTF", "Save it as .docx"),
        (2 * (ENVELOPE + MAIL + b"\n\n"), "mailbox", ".eml file"),
        (zipped("a.txt", "b.txt"), "zip archive of 2 files", "open_source"),
        (zipped("mimetype", "content.xml"), "OpenDocument", "Save it as .docx"),
        (zipped("xl/workbook.bin"), r"\.xlsb", "Save it as .xlsx"),
        (zipped("META-INF/container.xml"), "EPUB", "Save it as"),
        (tar(), "tar", "open_source"),
        (b"\0\0\0\x18ftypheic" + bytes(20), "HEIC", "JPEG"),
        (b"ID3\x03" + bytes(20), "sound", "Transcribe"),
        (b"SQLite format 3\0" + bytes(20), "database", "open_source"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
@pytest.mark.parametrize("name", [None, "a.doc", "a.txt", "a.docx"])
def test_kinds_that_nothing_reads_say_what_to_do(
    data: bytes, says: str, todo: str, name: str | None
) -> None:
    with pytest.raises(DocumentError, match=says) as caught:
        structgen.read(data, name=name)
    assert caught.value.reason == "unsupported"
    assert todo in (caught.value.hint or "")


def test_a_mailbox_of_one_mail_is_a_mail() -> None:
    for name in (None, "a.eml", "a.mbox"):
        assert structgen.read(ENVELOPE + MAIL, name=name) == structgen.read(MAIL)


def test_an_empty_file_says_that_it_is_empty() -> None:
    for name in ("a.pdf", "a.docx", "a.txt", "a.png", "a.strange", None):
        with pytest.raises(InputError, match="is empty"):
            structgen.read(b"", name=name)


# ---- names that tell another kind ------------------------------------------------------------


@pytest.mark.parametrize(
    ("data", "name", "kind", "text"),
    [
        (pdf_of([[Text(50, 50, "in a PDF")]]), "a.txt", "pdf", "in a PDF"),
        (pdf_of([[Text(50, 50, "in a PDF")]]), "a.docx", "pdf", "in a PDF"),
        (word(), "a.pdf", "wordprocessingml", "in Word"),
        (word(), "a.xlsx", "wordprocessingml", "in Word"),
        (b"<html><p>Not found</p></html>", "a.pdf", "html", "Not found"),
        (picture(), "a.jpg", "png", ""),
    ],
)
def test_the_content_decides_and_a_note_says_so(
    data: bytes, name: str, kind: str, text: str
) -> None:
    document = structgen.read(data, name=name)
    assert document == text
    assert kind in document.media_type
    [note] = document.notes
    assert note.startswith(f"Its name ends in {Path(name).suffix}, but it was read as ")


def test_a_table_that_a_server_calls_xls_is_a_page() -> None:
    data = b"<table><tr><th>item<th>price<tr><td>oak<td>12</table>"
    assert structgen.read(data, name="report.xls") == "item | price\noak | 12"


def test_plain_text_is_no_damaged_pdf() -> None:
    with pytest.raises(DocumentError, match="plain text, whatever its name says") as caught:
        structgen.read(b"Ada is 36.", name="a.pdf")
    assert caught.value.reason == "damaged"
    assert structgen.read(b"Ada is 36.", name="a.pdf", media_type="text/plain") == "Ada is 36."


def test_a_reader_of_the_program_gets_what_its_names_say() -> None:
    def count(data: bytes, settings: object) -> str:
        return f"{len(data)} bytes"

    reader = Reader("count", count, (), (".gz", ".txt"))
    register_reader(reader)
    try:
        for data in (gzip.compress(b"x"), rb"{\rtf1 x}", pdf_of([[]])):
            for name in ("a.txt", "a.gz"):
                assert structgen.read(data, name=name) == f"{len(data)} bytes"
    finally:
        unregister_reader(reader)


@pytest.mark.parametrize(
    "text",
    [
        "BMW makes cars.",
        "ID3 is an algorithm.",
        "PAR1 is a protein.",
        "X-Ray: nothing was found\nin the left lung.",
        "From: here on it goes\nwithout another field",
        "From Ada to Charles, 1843",
        "The mark of a file is %PDF-1.7 and its end is %%EOF.",
        "II* is a star.",
    ],
)
def test_texts_that_look_like_other_kinds_are_texts(text: str) -> None:
    for name in (None, "a.txt", "a.log"):
        document = structgen.read(text.encode(), name=name)
        assert (document, document.media_type) == (text, "text/plain")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_kinds_are_told_in_any_unicode_encoding(encoding: str) -> None:
    page = "<?xml version='1.0'?>\n<!-- c -->\n<html><body><p>Grüße</p></body></html>"
    for name in (None, "a.html"):
        document = structgen.read(page.encode(encoding), name=name)
        assert (document, document.media_type) == ("Grüße", "text/html")
    assert structgen.read("Grüße 1\n".encode(encoding)) == "Grüße 1\n"


def test_other_encodings_are_named_by_the_caller() -> None:
    data = "Grüße".encode("cp1252")
    for name in (None, "a.txt"):
        assert structgen.read(data, name=name, encoding="cp1252") == "Grüße"
    with pytest.raises(InputError, match="not UTF-8 text at byte 2") as caught:
        structgen.read(data, name="a.txt")
    assert "`encoding`" in (caught.value.hint or "")
    for wrong in ("klingon", "base64", "a\0b", ""):
        with pytest.raises(ConfigurationError, match="encoding"):
            structgen.read(data, encoding=wrong)


def test_media_types_may_have_parameters() -> None:
    data = b"<p>one</p>"
    assert structgen.read(data, media_type="Text/HTML; charset=utf-8").media_type == "text/html"


# ---- compressed files ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pack", "suffix"), [(gzip.compress, ".gz"), (bz2.compress, ".bz2"), (lzma.compress, ".xz")]
)
def test_compressed_files_are_unpacked(pack: object, suffix: str) -> None:
    assert callable(pack)
    for name, data, text in (("a.txt", b"plain", "plain"), ("a.pdf", pdf_of(PAGE), "one")):
        document = structgen.read(pack(data), name=f"{name}{suffix}")
        assert (document, document.name) == (text, name)
        assert structgen.read(pack(data)) == text
    for cut in (pack(b"x" * 100)[:-9], pack(b"x" * 100)[:12]):
        with pytest.raises(DocumentError, match="Cannot unpack") as caught:
            structgen.read(cut, name=f"a.txt{suffix}")
        assert caught.value.reason == "damaged"
    with pytest.raises(DocumentError, match="would unpack to more") as caught:
        structgen.read(pack(bytes(2_000_000)), max_bytes=1_000_000)
    assert caught.value.reason == "too-large"


PAGE = [[Text(50, 50, "one")]]


def test_notes_of_the_name_come_before_those_of_the_reader() -> None:
    document = structgen.read(word(), name="a.pdf")
    assert isinstance(document[1:], Document)
    assert document[1:].notes == document.notes
