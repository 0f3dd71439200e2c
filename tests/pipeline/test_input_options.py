"""How inputs are read: options, containers, tables in memory, documents of every kind."""

from __future__ import annotations

import io
import json
import os
import sqlite3
import zipfile
from collections.abc import Mapping
from contextlib import closing
from operator import length_hint
from pathlib import Path
from typing import Any

import docx
import numpy
import pandas
import polars
import pyarrow
import pyarrow.parquet
import pytest
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls
from pydantic import BaseModel

from structgen import AsyncClient, Client, Job
from structgen.cli.main import run
from structgen.errors import ConfigurationError, InputError, MissingPackage
from structgen.pipeline import Item, open_source
from structgen.testing import ScriptedModel


class Person(BaseModel):
    name: str
    age: int


ANSWER = '{"name": "Ada", "age": 36}'
ROWS = [{"id": n, "text": f"text {n}", "extra": n / 2} for n in range(10)]


@pytest.fixture
def lines(tmp_path: Path) -> Path:
    path = tmp_path / "in.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS))
    return path


def keys(source: Any) -> list[str]:
    return [item.key for item in source]


def test_limit_and_sample_choose_the_same_in_every_run(lines: Path) -> None:
    assert keys(open_source(lines, key="id", limit=3)) == ["0", "1", "2"]
    some = open_source(lines, key="id", sample=4)
    assert keys(some) == keys(some) == sorted(keys(some))
    assert len(set(keys(some))) == length_hint(some) == 4
    assert keys(open_source(lines, key="id", sample=4)) == keys(some)
    assert len(keys(open_source([lines, lines], key="id", limit=15))) == 15


def test_columns_that_are_not_wanted_are_left_out(lines: Path) -> None:
    [first, *_] = open_source(lines, key="id", columns=["extra", "missing"])
    assert first.meta == {"extra": 0.0}
    [first, *_] = open_source(lines, columns=[])
    assert first.meta == {}


@pytest.mark.parametrize(
    "options",
    [
        {"encoding": "no such"},
        {"encoding": "base64"},
        {"delimiter": "ab"},
        {"delimiter": '"'},
        {"limit": 0},
        {"sample": -1},
        {"columns": "text"},
        {"include": "*.pdf"},
    ],
)
def test_an_option_that_is_impossible_is_said_at_once(lines: Path, options: Any) -> None:
    with pytest.raises(ConfigurationError):
        open_source(lines, **options)


def test_a_source_tells_how_much_it_holds(lines: Path, tmp_path: Path) -> None:
    pandas.DataFrame(ROWS).to_csv(tmp_path / "in.csv")
    pandas.DataFrame(ROWS).to_parquet(tmp_path / "in.parquet")
    for name in ("in.csv", "in.parquet", "in.jsonl"):
        assert length_hint(open_source(tmp_path / name)) == 10
    assert length_hint(open_source([lines, tmp_path / "in.csv"])) == 20
    assert length_hint(open_source(polars.DataFrame(ROWS))) == 10
    assert length_hint(open_source(lines, limit=3)) == 3
    (tmp_path / "folder").mkdir()
    for name in ("a.txt", "b.md", ".c.txt"):
        (tmp_path / "folder" / name).write_text("x")
    assert length_hint(open_source(tmp_path / "folder")) == 2
    assert length_hint(open_source(tmp_path)) == 0  # it has files of rows


def test_what_can_be_read_once_says_so_the_second_time() -> None:
    source = open_source({"text": str(n)} for n in range(3))
    assert len(list(source)) == 3
    with pytest.raises(InputError, match="read already"):
        list(source)


def test_files_of_one_name_are_told_apart(tmp_path: Path) -> None:
    paths = [tmp_path / name / "in.jsonl" for name in ("a", "b")]
    for path in paths:
        path.parent.mkdir()
        path.write_text('{"text": "x"}\n')
    found = keys(open_source(paths))
    assert len(set(found)) == 2
    assert all(f"{path}:1" in found for path in paths)


def test_equal_keys_are_told(lines: Path, tmp_path: Path) -> None:
    told: list[str] = []
    with Client(ScriptedModel(ANSWER)) as client:
        documents = [Item("1", "a"), Item(1, "b"), Item("2", "c")]  # type: ignore[arg-type]
        Job(Person, documents, client=client, output=tmp_path / "o.jsonl", log=told.append).run()
    assert [line for line in told if "1 (2 times)" in line]


def test_hive_partitions_are_columns(tmp_path: Path) -> None:
    folder = tmp_path / "year=2026" / "region=a%20b" / "none=__HIVE_DEFAULT_PARTITION__"
    folder.mkdir(parents=True)
    pyarrow.parquet.write_table(pyarrow.table({"text": ["x"], "n": [1]}), folder / "p.parquet")
    (folder / "a.txt").write_text("x")
    for item in open_source(tmp_path):
        expected: Mapping[str, Any] = {"year": 2026, "region": "a b", "none": None}
        assert {name: item.meta[name] for name in expected} == expected
    assert keys(open_source(tmp_path, key="year", include=["*.parquet"])) == ["2026"]


def test_folders_are_read_as_asked(tmp_path: Path) -> None:
    for name in ("a.txt", "drafts/b.txt", "c.md", ".hidden/d.txt", "e.bin"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("x")
    outside = tmp_path.parent / f"{tmp_path.name}-outside"
    outside.mkdir()
    (outside / "f.txt").write_text("x")
    (tmp_path / "linked").symlink_to(outside)
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "broken.txt").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe.txt")
    assert keys(open_source(tmp_path, include=["*.txt"], exclude=["drafts/*"])) == [
        "a.txt",
        "broken.txt",
        "linked/f.txt",
        "pipe.txt",
    ]
    failed = [item.key for item in open_source(tmp_path) if item.error]
    assert failed == ["broken.txt", "e.bin", "pipe.txt"]


def test_a_file_name_that_is_no_unicode_is_a_key_all_the_same(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"caf\xe9.txt")).write_text("Ada is 36.")
    with Client(ScriptedModel(ANSWER)) as client:
        source = open_source(tmp_path)
        done = Job(Person, source, client=client, output=tmp_path / "o.jsonl").run()
    assert done.ok == 1
    assert json.loads((tmp_path / "o.jsonl").read_text())["key"] == r"caf\xe9.txt"


def test_readers_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "a.rtf").write_bytes(b"{\\rtf1 x}")
    readers = {".RTF": lambda data: data.decode()[7:-1].strip()}
    assert [item.document for item in open_source(tmp_path, readers=readers)] == ["x"]
    assert [item.document for item in open_source(tmp_path / "a.rtf", readers=readers)] == ["x"]


# ---- tables in memory ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "frame",
    [
        pandas.DataFrame(ROWS),
        pandas.DataFrame(ROWS, index=list("abcdefghij")),
        polars.DataFrame(ROWS),
        pyarrow.Table.from_pylist(ROWS),
        pyarrow.RecordBatch.from_pylist(ROWS),
        ROWS,
        tuple(ROWS),
    ],
    ids=lambda frame: type(frame).__name__,
)
def test_tables_are_rows(frame: Any) -> None:
    found = list(open_source(frame, key="id"))
    assert [item.key for item in found] == [str(row["id"]) for row in ROWS]
    assert [item.meta for item in found] == [{"extra": row["extra"]} for row in ROWS]
    if not isinstance(frame, (list, tuple)):
        with Client(ScriptedModel(ANSWER)) as client:
            assert [one.ok for one in client.map(Person, frame)] == [True] * 10
        with pytest.raises(InputError, match="no column 'body'"):
            open_source(frame, text="body")


def test_missing_cells_of_pandas_are_null() -> None:
    frame = pandas.DataFrame(
        {
            "text": ["a", None, float("nan"), "d"],
            "n": pandas.array([1, None, 3, 4], dtype="Int64"),
            "at": pandas.to_datetime(["2026-01-01", None, None, "2026-01-02"]),
            "m": [numpy.float32(0.5), numpy.nan, 1, 2],
        }
    )
    first, second, third, _ = open_source(frame)
    assert (second.error, third.error) != (None, None)
    assert (first.meta["n"], first.meta["m"]) == (1, 0.5)
    assert str(first.meta["at"]).startswith("2026-01-01")
    assert second.meta == {} or second.meta["n"] is None


@pytest.mark.parametrize(
    "series",
    [pandas.Series(["a", "b"]), polars.Series(["a", "b"]), pyarrow.array(["a", "b"])],
    ids=["pandas", "polars", "pyarrow"],
)
def test_a_column_is_its_texts(series: Any) -> None:
    with Client(ScriptedModel(ANSWER)) as client:
        assert [one.ok for one in client.map(Person, series)] == [True, True]


# ---- what is no input ------------------------------------------------------------------------


@pytest.mark.parametrize("given", ["mails.csv", "", Path("mails.csv"), b"text", {"a": 1}, 42, None])
def test_what_is_no_list_of_documents_is_said_before_anything_is_asked(
    given: Any, tmp_path: Path
) -> None:
    model = ScriptedModel(ANSWER)
    with Client(model) as client:
        with pytest.raises(InputError, match="open_source"):
            client.map(Person, given)
        with pytest.raises(InputError, match="open_source"):
            Job(Person, given, client=client, output=tmp_path / "o.jsonl")
    assert not model.asked


def test_the_asynchronous_map_says_so_too() -> None:
    import asyncio

    async def first() -> Any:
        async with AsyncClient(ScriptedModel(ANSWER)) as client:
            return [one async for one in client.map(Person, "one text")]

    with pytest.raises(InputError, match="open_source"):
        asyncio.run(first())


class Awkward:
    def __str__(self) -> str:
        raise RuntimeError("no text")


@pytest.mark.parametrize(
    "item",
    [
        Item("k", "a", {"d": Awkward()}),
        Item("k", "a", {"d": "\udcff"}),
        Item("\udcff", "a"),
        Item("k", "\udcff"),
        Item("k", "a", [1]),  # type: ignore[arg-type]
        Item(None, "a"),  # type: ignore[arg-type]
        Item("k", 5),  # type: ignore[arg-type]
        Item("k", [{"role": "user"}]),
        Item("k", [{"role": "user", "content": ""}]),
        [{"content": "x"}],
        {"text": "x"},
        7,
        None,
    ],
    ids=repr,
)
def test_an_item_that_cannot_be_used_is_a_failed_row(item: Any, tmp_path: Path) -> None:
    output = tmp_path / "o.jsonl"
    with Client(ScriptedModel(ANSWER)) as client:
        done = Job(Person, ["x", item, "y"], client=client, output=output).run()
    assert (done.ok, done.failed) == (2, 1)
    rows = [json.loads(line) for line in output.read_text().splitlines()]
    assert [row["error"] and row["error"]["type"] for row in rows] == [None, "InputError", None]


def test_cells_that_json_does_not_know_become_what_it_knows(tmp_path: Path) -> None:
    output = tmp_path / "o.jsonl"
    meta = {"nan": float("nan"), "bytes": b"\xff", "set": {1}, "path": Path("x"), 1: object}
    with Client(ScriptedModel(ANSWER)) as client:
        item = Item("k", "a", meta)  # type: ignore[arg-type]
        assert Job(Person, [item], client=client, output=output).run().ok == 1
    found = json.loads(output.read_text(), parse_constant=lambda name: pytest.fail(name))
    assert (found["meta"]["nan"], found["meta"]["bytes"]) == (None, "_w==")


# ---- documents -------------------------------------------------------------------------------

_INSERTED = """<w:p {}><w:ins><w:r><w:t>inserted</w:t></w:r></w:ins>
<w:del><w:r><w:delText>deleted</w:delText></w:r></w:del></w:p>"""
_CONTROL = (
    """<w:sdt {}><w:sdtContent><w:p><w:r><w:t>control</w:t></w:r></w:p></w:sdtContent></w:sdt>"""
)
_BOX = """<w:p {}><w:r><mc:AlternateContent
xmlns:mc="http://schemas.openxmlformats.org/markup-compatibility/2006"><mc:Choice Requires="wps">
<w:txbxContent><w:p><w:r><w:t>box</w:t></w:r></w:p></w:txbxContent></mc:Choice><mc:Fallback>
<w:txbxContent><w:p><w:r><w:t>box</w:t></w:r></w:p></w:txbxContent></mc:Fallback>
</mc:AlternateContent></w:r></w:p>"""


def test_nothing_that_word_prints_is_lost_or_there_twice(tmp_path: Path) -> None:
    document = docx.Document()
    document.sections[0].header.paragraphs[0].text = "head"
    document.sections[0].footer.paragraphs[0].text = "foot"
    table = document.add_table(2, 2)
    table.cell(0, 0).merge(table.cell(0, 1)).text = "wide"
    table.cell(1, 0).text = "left"
    table.cell(1, 1).add_table(1, 1).cell(0, 0).text = "nested"
    tall = document.add_table(2, 1)
    tall.cell(0, 0).merge(tall.cell(1, 0)).text = "tall"
    for xml in (_INSERTED, _CONTROL, _BOX):
        document.element.body.append(parse_xml(xml.format(nsdecls("w"))))
    document.save(str(tmp_path / "a.docx"))
    [item] = open_source(tmp_path / "a.docx")
    text = str(item.document)
    for word in ("head", "wide", "left", "nested", "tall", "inserted", "control", "box", "foot"):
        assert text.count(word) == 1, (word, text)
    assert "deleted" not in text
    assert text.index("head") < text.index("wide") < text.index("foot")


def test_a_page_has_what_is_seen_of_it_alone(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        "<head><title>t</title></head>"
        "<p>seen <img src='data:image/png;base64,AAAA' alt='chart'></p>"
        "<p hidden>secret</p><div style='DISPLAY : none'>secret</div><!-- secret -->"
    )
    [item] = open_source(tmp_path / "a.html")
    assert "seen" in str(item.document)
    assert "chart" in str(item.document)
    for word in ("secret", "AAAA"):
        assert word not in str(item.document)


MAIL = """From: =?utf-8?q?Ren=C3=A9e?= <r@x.example>
To: b@x.example
Subject: Lunch
Content-Type: multipart/mixed; boundary=B

--B
Content-Type: multipart/alternative; boundary=C

--C
Content-Type: text/plain; charset=latin-1
Content-Transfer-Encoding: quoted-printable

Caf=E9 at noon.
--C
Content-Type: text/html

<b>html</b>
--C--
--B
Content-Type: application/pdf
Content-Disposition: attachment; filename="menu.pdf"

x
--B--
"""


def test_a_mail_is_its_headers_body_and_attachments(tmp_path: Path) -> None:
    (tmp_path / "a.eml").write_text(MAIL)
    [item] = open_source(tmp_path / "a.eml")
    assert item.document == (
        "From: Renée <r@x.example>\nTo: b@x.example\nSubject: Lunch\n\n"
        "Café at noon.\n\nAttachments: menu.pdf"
    )


def test_members_of_archives_are_files_of_a_folder(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("year=2026/a.txt", "x")
        archive.writestr("b.csv", "id,text\n7,y\n")
        archive.writestr("__MACOSX/b.csv", "junk")
    found = {item.key: (item.document, item.meta) for item in open_source(tmp_path / "a.zip")}
    assert found == {
        "a.zip/year=2026/a.txt": ("x", {"year": 2026}),
        "a.zip/b.csv:2": ("y", {"id": "7"}),
    }


# ---- databases and servers -------------------------------------------------------------------


def test_tables_are_found_by_any_name(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "a.db")) as db:
        for name in ("plain", "my docs", "dotted.name", "select"):
            db.execute(f'CREATE TABLE "{name}" (text TEXT)')
            db.execute(f"INSERT INTO \"{name}\" VALUES ('{name}')")
        db.execute("CREATE VIEW seen AS SELECT * FROM plain")
        db.commit()
    url = f"sqlite:///{tmp_path / 'a.db'}"
    for given, text in (
        ("plain", "plain"),
        ("main.plain", "plain"),
        ("my docs", "my docs"),
        ("dotted.name", "dotted.name"),
        ('"dotted.name"', "dotted.name"),
        ("select", "select"),
        ("seen", "plain"),
        ("WITH x AS (SELECT * FROM plain) SELECT * FROM x", "plain"),
    ):
        assert [item.document for item in open_source(f"{url}#{given}")] == [text], given


def test_a_server_that_is_not_there_is_a_typed_error() -> None:
    with pytest.raises((InputError, MissingPackage)):
        open_source("http://127.0.0.1:1/in.jsonl")


# ---- the command line ------------------------------------------------------------------------


def test_the_command_line_has_the_same_options(tmp_path: Path, monkeypatch: Any) -> None:
    target = tmp_path / "target.json"
    target.write_text(json.dumps(Person.model_json_schema()))
    (tmp_path / "in.data").write_bytes("nr;body;x\n1;Ren\xe9e is 3.;q\n2;b;q\n".encode("latin-1"))
    seen: list[Any] = []

    def only_read(self: Any, target: Any, inputs: Any, **rest: Any) -> None:
        seen.extend(inputs)
        raise InputError("It is enough.")

    monkeypatch.setattr("structgen.pipeline.job.Job.__init__", only_read)
    flags = (
        "--format csv --encoding latin-1 --delimiter ; --text body --key nr --columns x --limit 1"
    )
    run(
        ["run", str(target), str(tmp_path / "in.data"), "-o", "o.jsonl", *flags.split()],
        io.StringIO(),
        io.StringIO(),
        io.StringIO(),
    )
    assert [(item.key, item.document, item.meta) for item in seen] == [
        ("1", "Renée is 3.", {"x": "q"})
    ]


@pytest.mark.parametrize("name", ["pipe.jsonl", "pipe.txt", "pipe.pdf"])
def test_a_job_does_not_wait_for_a_named_pipe(name: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / name)
    [item] = open_source(tmp_path / name)
    assert f"{name} is a named pipe, not a file" in str(item.error)
