"""`read` takes files as people have them, and whatever takes a text takes them, too."""

from __future__ import annotations

import io
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import structgen
from structgen import Client, ConfigurationError, Document, DocumentError, InputError
from structgen.reading import Cell, Reader, ReadSettings, register_reader, registry, suffixes
from structgen.reading.registry import unregister_reader
from structgen.testing import ScriptedModel

MARKDOWN = """# Report

Intro.

## Numbers

| name | age |
|:-----|----:|
| Ada \\| A. | 36 |

```
# no heading
```
"""


def test_a_path_bytes_and_files_are_one_document(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text(MARKDOWN)
    with path.open("rb") as file:
        found = [
            structgen.read(path),
            structgen.read(str(path)),
            structgen.read(path.read_bytes(), name="a.md"),
            structgen.read(path.read_bytes(), media_type="text/markdown"),
            structgen.read(file),
        ]
    for document in found:
        assert document == MARKDOWN
        assert document.media_type == "text/markdown"
        assert document.locate(MARKDOWN.index("36")).cell == Cell(1, 2, 2, "age")
        assert document.locate(MARKDOWN.index("Ada")).headings == ("Report", "Numbers")
        assert document.locate(MARKDOWN.index("# no")).headings == ("Report", "Numbers")
    assert structgen.read(found[0]) is found[0]


def test_a_url_is_read() -> None:
    fsspec = pytest.importorskip("fsspec")
    with fsspec.open("memory://reading/a.md", "wb") as file:
        file.write(MARKDOWN.encode())
    assert structgen.read("memory://reading/a.md") == MARKDOWN
    with pytest.raises(InputError, match="nothing at"):
        structgen.read("memory://reading/none.md")


def test_what_takes_a_text_takes_a_path(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("Ada is 36.")
    model = ScriptedModel('{"age": 36}', '{"age": 36}', '{"age": 36}', '{"age": 36}')
    client = Client(model)
    target = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"]}
    for document in (path, structgen.read(path)):
        assert client.extract(target, document) == {"age": 36}
    outcomes = list(client.map(target, [path, tmp_path / "none.txt", structgen.read(path)]))
    assert [outcome.ok for outcome in outcomes] == [True, False, True]
    assert outcomes[0].key == str(path)
    assert "none.txt" in str(outcomes[1].error)
    assert "Ada is 36." in str(client.plan(target, path).messages)


def test_kinds_are_told_by_the_first_bytes() -> None:
    kinds = {
        b"<!DOCTYPE html><h1>Head</h1>": "text/html",
        b"From: a@b.c\nSubject: Hi\n\nText": "message/rfc822",
        b"plain": "text/plain",
    }
    assert {data: structgen.read(data).media_type for data in kinds} == kinds


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x7fELF\0\0\0\xff\xfe", "unsupported"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "unsupported"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + "EncryptedPackage".encode("utf-16-le"), "locked"),
    ],
)
def test_what_cannot_be_read_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(DocumentError) as caught:
        structgen.read(data)
    assert caught.value.reason == reason


def test_a_file_has_a_size_at_most(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x" * 100)
    with pytest.raises(DocumentError, match="more than 99 bytes") as caught:
        structgen.read(tmp_path / "a.txt", max_bytes=99)
    assert caught.value.reason == "too-large"
    assert len(structgen.read(tmp_path / "a.txt", max_bytes=100)) == 100


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("none.txt", "No such file"),
        (".", "is a folder"),
        (7, "a number"),
        (io.StringIO("a"), "text"),
    ],
    ids=["missing", "folder", "number", "text file"],
)
def test_what_is_no_file_is_an_error(source: object, says: str) -> None:
    with pytest.raises(InputError, match=says):
        structgen.read(source)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "options",
    [{"pages": "all"}, {"dpi": 5}, {"page_numbers": [0]}, {"max_bytes": 0}, {"reader": "none"}],
)
def test_impossible_options_are_errors(options: dict[str, object]) -> None:
    with pytest.raises(ConfigurationError):
        structgen.read(b"text", **options)  # type: ignore[arg-type]


class Point(NamedTuple):
    """An entry point, as `importlib.metadata` gives them."""

    name: str
    reader: object

    def load(self) -> object:
        if isinstance(self.reader, Exception):
            raise self.reader
        return self.reader


@pytest.fixture
def points(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Point]]:
    found: list[Point] = []
    monkeypatch.setattr(metadata, "entry_points", lambda group: found)
    registry._installed.cache_clear()
    yield found
    registry._installed.cache_clear()


def test_packages_bring_readers(points: list[Point]) -> None:
    def read_all(data: bytes, settings: ReadSettings) -> str:
        return f"{len(data)} bytes of {settings.media_type}"

    kinds = (".txt", ".rtf")
    points += [
        Point("broken", ImportError("no torch")),
        Point("strange", 7),
        Point("all", Reader("reads-all", read_all, ("text/rtf",), kinds)),
    ]
    assert structgen.read(b"plain", name="a.txt") == "plain"  # the library's own goes before
    assert structgen.read(b"12345", name="a.rtf") == "5 bytes of text/rtf"
    assert structgen.read(b"12345", name="a.txt", reader="all") == "5 bytes of text/rtf"
    assert structgen.read(b"12345", name="a.pdf", reader="reads-all").startswith("5 bytes")
    for name, says in (("broken", "no torch"), ("strange", "is no reader")):
        with pytest.raises(ConfigurationError, match=says):
            structgen.read(b"", name="a.txt", reader=name)


def test_headings_of_markdown_may_be_underlined() -> None:
    text = "Title\n=====\n\nbody\n\nPart\n---\n\n| a |\n|---|\n| b |\n"
    document = structgen.read(text.encode(), name="a.md")
    assert [(one.level, one.title) for one in document.headings] == [(1, "Title"), (2, "Part")]


def test_web_pages_have_headings_and_cells() -> None:
    page = (
        b"<html><h1>Prices</h1><script>no()</script><h2>Wheels</h2><table>"
        b"<tr><th>item</th><th>price</th></tr><tr><td>oak</td><td>12</td></tr></table></html>"
    )
    document = structgen.read(page)
    found = document.locate(document.index("12"))
    assert (found.headings, found.cell) == (("Prices", "Wheels"), Cell(1, 2, 2, "price"))
    assert "no()" not in document


def test_readers_can_be_added() -> None:
    def read_shout(data: bytes, settings: ReadSettings) -> str:
        return data.decode().upper()

    reader = Reader("shout", read_shout, ("text/x-shout",), (".shout",))
    with pytest.raises(ConfigurationError, match="no kind"):
        register_reader(Reader("nothing", read_shout))
    register_reader(reader)
    try:
        assert structgen.read(b"hi", name="a.shout") == "HI"
        assert structgen.read(b"hi", media_type="text/x-shout") == "HI"
        assert structgen.read(b"hi", reader="shout") == "HI"
        assert ".shout" in suffixes()
    finally:
        unregister_reader(reader)
    assert isinstance(structgen.read(b"hi", reader=reader), Document)


KINDS = ("docx", "eml", "gif", "html", "jpg", "md", "pdf", "png", "pptx", "tiff", "txt", "xlsx")
HEADS = (b"", b"PK\x03\x04", b"%PDF-1.7\n", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"II*\0", b"BM")


@settings(max_examples=150, deadline=None)
@given(kind=st.sampled_from(KINDS), head=st.sampled_from(HEADS), rest=st.binary(max_size=200))
def test_no_bytes_of_any_kind_raise_an_error_of_another(
    kind: str, head: bytes, rest: bytes
) -> None:
    for name in (f"a.{kind}", None):
        try:
            document = structgen.read(head + rest, name=name)
        except InputError as error:
            assert error.message
        else:
            assert document or document.images
