"""What goes in: real files of every kind, options, and a real database."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator
from pathlib import Path

import docx
import polars
import pyarrow
import pyarrow.parquet
import pypdf
import pytest
import sqlalchemy
from pypdf.generic import DecodedStreamObject, DictionaryObject, NameObject

from structgen.errors import ConfigurationError, InputError
from structgen.pipeline import open_source

ROWS = [{"id": "a", "text": "one, two\nthree", "n": 1}, {"id": "b", "text": 'say "ö"', "n": 2}]


def write(path: Path) -> Path:
    """The rows, as a file of the kind that its name says."""
    lines = "".join(json.dumps(row) + "\n" for row in ROWS)
    if path.suffixes[-2:] == [".jsonl", ".gz"]:
        path.write_bytes(gzip.compress(lines.encode()))
    elif path.suffix == ".jsonl":
        path.write_text(lines)
    elif path.suffix == ".parquet":
        pyarrow.parquet.write_table(pyarrow.Table.from_pylist(ROWS), path)
    else:
        with path.open("w", newline="", encoding="utf-8") as file:
            table = csv.DictWriter(file, ROWS[0], delimiter="\t" if path.suffix == ".tsv" else ",")
            table.writeheader()
            table.writerows(ROWS)
    return path


@pytest.mark.parametrize("name", ["in.jsonl", "in.jsonl.gz", "in.csv", "in.tsv", "in.parquet"])
def test_the_same_rows_come_out_of_every_kind_of_file_as_often_as_it_is_read(
    tmp_path: Path, name: str
) -> None:
    source = open_source(write(tmp_path / name), key="id")
    for _ in range(2):
        found = list(source)
        assert [(item.key, item.document, int(item.meta["n"]), item.error) for item in found] == [
            ("a", "one, two\nthree", 1, None),
            ("b", 'say "ö"', 2, None),
        ]


def test_without_a_key_rows_are_named_by_file_and_line(tmp_path: Path) -> None:
    assert [item.key for item in open_source(write(tmp_path / "in.jsonl"))] == [
        "in.jsonl:1",
        "in.jsonl:2",
    ]


def test_a_bad_row_is_an_item_with_its_error_and_the_others_stay(tmp_path: Path) -> None:
    path = tmp_path / "in.jsonl"
    path.write_bytes(
        b'{"text": "good"}\n\nnot json\n[1]\n{"text": 5}\n{"texts": ""}\n\xff\n{"text": "good"}\n'
    )
    found = list(open_source(path))
    assert [item.key for item in found if item.error is None] == ["in.jsonl:1", "in.jsonl:8"]
    assert [item.key for item in found if isinstance(item.error, InputError)] == [
        f"in.jsonl:{n}" for n in (3, 4, 5, 6, 7)
    ]
    assert all(item.key in str(item.error) for item in found if item.error)


def test_a_bad_line_of_csv_is_an_item_with_its_error(tmp_path: Path) -> None:
    path = tmp_path / "in.csv"
    path.write_bytes(b'text,n\n"two\nlines",1\nshort\nlong,2,3\n\xff,4\ngood,5\n"open,6\n')
    found = list(open_source(path))
    assert [item.document for item in found if item.error is None] == ["two\nlines", "good"]
    assert [item.key for item in found if item.error] == [
        "in.csv:4",
        "in.csv:5",
        "in.csv:6",
        "in.csv:8",
    ]


def pdf(path: Path, text: str) -> None:
    writer = pypdf.PdfWriter()
    page = writer.add_blank_page(200, 200)
    font = DictionaryObject(
        {
            NameObject(k): NameObject(v)
            for k, v in {"/Type": "/Font", "/Subtype": "/Type1", "/BaseFont": "/Helvetica"}.items()
        }
    )
    page[NameObject("/Resources")] = DictionaryObject(
        {NameObject("/Font"): DictionaryObject({NameObject("/F1"): font})}
    )
    content = DecodedStreamObject()
    content.set_data(f"BT /F1 12 Tf 20 100 Td ({text}) Tj ET".encode())
    page[NameObject("/Contents")] = writer._add_object(content)
    writer.write(path)


def test_a_folder_gives_the_text_of_every_file_in_it(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "a.txt").write_text("plain ö", encoding="utf-8")
    (tmp_path / "b.md").write_text("# Head")
    (tmp_path / "c.html").write_text(
        "<style>x</style><h1>Head</h1><script>1</script><p>A <b>bold</b> word</p>"
    )
    document = docx.Document()
    document.add_paragraph("Before")
    table = document.add_table(1, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "left", "right"
    document.save(str(tmp_path / "d.docx"))
    pdf(tmp_path / "e.pdf", "Hello page")
    write(tmp_path / "f.jsonl")
    (tmp_path / ".hidden").write_text("not seen")
    assert {item.key: item.document for item in open_source(tmp_path)} == {
        "deep/a.txt": "plain ö",
        "b.md": "# Head",
        "c.html": "# Head\n\nA bold word",
        "d.docx": "Before\n\nleft | right",
        "e.pdf": "Hello page",
        "f.jsonl:1": ROWS[0]["text"],
        "f.jsonl:2": ROWS[1]["text"],
    }


def test_a_file_that_cannot_be_read_is_an_item_with_its_error(tmp_path: Path) -> None:
    (tmp_path / "a.docx").write_bytes(b"no zip")
    (tmp_path / "b.txt").write_bytes(b"\xff\xfe")
    (tmp_path / "c.txt").write_text(" \n")
    (tmp_path / "d.exe").write_bytes(b"MZ")
    (tmp_path / "e.txt").write_text("good")
    found = {item.key: item.error for item in open_source(tmp_path)}
    assert {name for name, error in found.items() if isinstance(error, InputError)} == {
        "a.docx",
        "b.txt",
        "c.txt",
        "d.exe",
    }
    assert found["e.txt"] is None


@pytest.mark.parametrize("damage", ["cut.jsonl.gz", "cut.parquet"])
def test_what_a_cut_file_still_holds_is_read_and_the_rest_is_a_failed_row(
    tmp_path: Path, damage: str
) -> None:
    path = write(tmp_path / damage)
    path.write_bytes(path.read_bytes()[:-12])
    *rows, last = open_source(path)
    assert isinstance(last.error, InputError)
    assert "cut" in str(last.error)
    assert all(row.error is None for row in rows)


def test_what_cannot_be_a_source_is_said_when_it_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.exe").write_bytes(b"")
    with pytest.raises(ConfigurationError, match=r"a\.exe"):
        open_source(tmp_path / "a.exe")
    with pytest.raises(InputError, match="no file"):
        open_source(tmp_path / "missing.jsonl")
    with pytest.raises(InputError, match="no column 'body'"):
        list(open_source(write(tmp_path / "in.csv"), text="body"))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[str]:
    url = f"sqlite:///{tmp_path / 'in.db'}"
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE docs (id TEXT, text TEXT, n INT)")
        connection.exec_driver_sql(
            "INSERT INTO docs VALUES ('b', 'two', 2), ('a', 'one', 1), ('c', NULL, 3)"
        )
    yield url
    engine.dispose()


def test_a_table_and_a_query_are_sources(database: str) -> None:
    found = list(open_source(f"{database}#docs", key="id"))
    assert [(item.key, item.document) for item in found] == [("a", "one"), ("b", "two"), ("c", "")]
    assert isinstance(found[2].error, InputError)
    query = "SELECT upper(text) AS body FROM docs WHERE n < 3 ORDER BY n"
    assert [
        (item.key, item.document) for item in open_source(f"{database}#{query}", text="body")
    ] == [
        ("row:1", "ONE"),
        ("row:2", "TWO"),
    ]
    with pytest.raises(InputError, match="no such table"):
        list(open_source(f"{database}#missing"))


def test_rows_of_a_data_frame_are_items() -> None:
    assert [(item.key, item.meta) for item in open_source(polars.DataFrame(ROWS), key="id")] == [
        ("a", {"n": 1}),
        ("b", {"n": 2}),
    ]
