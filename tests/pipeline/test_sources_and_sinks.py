"""What goes in and comes out: real files of every kind, damaged ones, and a real database."""

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

from structgen.errors import ConfigurationError, InputError, JobError
from structgen.pipeline.inputs.source import open_source
from structgen.pipeline.outputs.flat import to_arrow
from structgen.pipeline.outputs.sink import open_sink
from structgen.pipeline.record import COLUMNS, Outcome
from structgen.schema.target import target_of

TARGET = target_of({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]})
ROWS = [{"id": "a", "text": "one, two\nthree", "n": 1}, {"id": "b", "text": 'say "ö"', "n": 2}]
OUTCOMES = [
    Outcome(
        key="a",
        target=TARGET,
        meta={"from": "x"},
        stored={"value": {"n": 1}, "absent": [], "guarantee": "sure"},
    ),
    Outcome(key="b", target=TARGET, error=InputError("It is empty.", hint="Fill it.")),
]


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
        "c.html": "# Head\n\nA **bold** word",
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


def rows_in(name: str) -> list[dict[str, object]]:
    """What an output holds, nested values read."""
    if "://" in name:
        engine = sqlalchemy.create_engine(name.partition("#")[0])
        with engine.connect() as connection:
            found = [
                dict(row) for row in connection.exec_driver_sql("SELECT * FROM out").mappings()
            ]
        engine.dispose()
    elif name.endswith(".parquet"):
        found = pyarrow.parquet.read_table(name).to_pylist()
    elif name.endswith(".csv"):
        with open(name, newline="", encoding="utf-8") as file:
            found = [
                {key: value or None for key, value in row.items()} for row in csv.DictReader(file)
            ]
    else:
        with gzip.open(name) if name.endswith(".gz") else open(name, "rb") as file:
            return [json.loads(line) for line in file]
    return [
        {
            key: json.loads(value) if value and key not in ("key", "guarantee") else value
            for key, value in row.items()
        }
        for row in found
    ]


@pytest.fixture(params=["out.jsonl", "out.jsonl.gz", "out.csv", "out.parquet", "sqlite"])
def output(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return (
        f"sqlite:///{tmp_path / 'out.db'}#out"
        if request.param == "sqlite"
        else str(tmp_path / request.param)
    )


def test_outcomes_come_back_out_of_every_kind_of_output(output: str) -> None:
    sink = open_sink(output)
    for outcome in OUTCOMES:
        sink.write([outcome])
    sink.close()
    assert rows_in(output) == [outcome.row() for outcome in OUTCOMES]
    assert list(rows_in(output)[0]) == list(COLUMNS)


def test_an_output_is_the_old_one_until_the_new_one_is_whole(output: str) -> None:
    for rows, end in ((OUTCOMES[:1], "close"), (OUTCOMES, "abort"), (OUTCOMES[1:], "close")):
        sink = open_sink(output)
        sink.write(rows)
        getattr(sink, end)()
        last = rows if end == "close" else OUTCOMES[:1]
        assert rows_in(output) == [outcome.row() for outcome in last]


def test_nothing_is_left_of_an_output_that_was_given_up(tmp_path: Path) -> None:
    for name in ("out.jsonl", "out.jsonl.gz", "out.csv", "out.parquet"):
        sink = open_sink(tmp_path / name)
        sink.write(OUTCOMES)
        sink.abort()
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_an_output_is_a_typed_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"out\.xls"):
        open_sink(tmp_path / "out.xls")
    with pytest.raises(JobError, match="cannot be written"):
        open_sink(tmp_path / "missing" / "out.jsonl")
    with pytest.raises(JobError, match="database"):
        open_sink(f"sqlite:///{tmp_path / 'missing' / 'x.db'}#out")


def test_outcomes_become_frames() -> None:
    table = to_arrow(OUTCOMES)
    assert table.column_names == list(COLUMNS)
    frame = polars.from_arrow(table)
    assert isinstance(frame, polars.DataFrame)
    assert frame["key"].to_list() == ["a", "b"]
    assert json.loads(table.to_pandas()["value"][0]) == {"n": 1}
