"""What comes out: every format read back, nothing replaced that is not ours, no password shown."""

from __future__ import annotations

import csv
import gzip
import json
import os
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars
import pyarrow
import pyarrow.feather
import pyarrow.parquet
import pytest
import sqlalchemy
from pydantic import BaseModel

from structgen import Client, Job
from structgen.cli.main import run
from structgen.errors import ConfigurationError, InputError, JobError, StructgenError
from structgen.pipeline import open_sink, open_source, to_arrow
from structgen.pipeline.record import COLUMNS, Outcome
from structgen.schema.target import target_of
from structgen.testing import AnyModel, ScriptedModel

TARGET = target_of({"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]})
OUTCOMES = [
    Outcome(
        key="a",
        target=TARGET,
        meta={"from": "x"},
        stored={"value": {"n": 1}, "absent": [], "guarantee": "sure"},
    ),
    Outcome(key="b", target=TARGET, error=InputError("It is empty.", hint="Fill it.")),
]
SECRET = "s3cr3tPW"


class Person(BaseModel):
    name: str
    age: int


def outcome(key: str, n: int) -> Outcome[Any]:
    return Outcome(key=key, target=TARGET, stored={"value": {"n": n}, "absent": []})


def rows_in(name: str) -> list[dict[str, Any]]:
    """What an output holds: the columns by name, nested values read."""
    if "://" in name:
        engine = sqlalchemy.create_engine(name.partition("#")[0])
        table = sqlalchemy.Table(
            name.partition("#")[2], sqlalchemy.MetaData(), autoload_with=engine
        )
        with engine.connect() as connection:
            found = [dict(row) for row in connection.execute(table.select()).mappings()]
        engine.dispose()
        return found
    if ".parquet" in name:
        return list(pyarrow.parquet.read_table(name).to_pylist())
    if name.endswith((".arrow", ".feather")):
        return list(pyarrow.feather.read_table(name).to_pylist())
    packed: Any = gzip.open if name.endswith(".gz") else open
    if name.endswith(".zst"):
        text = pyarrow.input_stream(name, "zstd").read().decode()
    else:
        with packed(name, "rb") as file:
            text = file.read().decode()
    lines = text.splitlines(keepends=True)
    if ".jsonl" in name:
        return [json.loads(line) for line in lines]
    tab = "\t" if ".tsv" in name else ","
    return list(csv.DictReader(lines, delimiter=tab))


FILES = (
    "out.jsonl", "out.jsonl.gz", "out.jsonl.zst", "out.csv", "out.csv.gz", "out.tsv",
    "out.parquet", "out.arrow", "out.feather",
)  # fmt: skip


@pytest.fixture(params=[*FILES, "sqlite"])
def output(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'out.db'}#out"
    return str(tmp_path / request.param)


def written(name: str, outcomes: list[Outcome[Any]], end: str = "close", **how: Any) -> None:
    sink = open_sink(name, **how)
    try:
        sink.write(outcomes)
        getattr(sink, end)()
    except BaseException:
        sink.abort()
        raise


def keys(name: str) -> list[str]:
    return [row["key"] for row in rows_in(name)]


def test_outcomes_come_back_out_of_every_kind_of_output(output: str) -> None:
    sink = open_sink(output)
    for one in OUTCOMES:
        sink.write([one])
    sink.close()
    first, second = rows_in(output)
    assert (first["key"], second["key"]) == ("a", "b")
    if ".jsonl" in output:
        assert [first, second] == [one.row() for one in OUTCOMES]
        assert list(first) == list(COLUMNS)
        return
    assert first["from"] == "x"
    assert int(first["n"]) == 1
    assert not second["n"]
    told = second["error"] if isinstance(second["error"], dict) else json.loads(second["error"])
    assert told["type"] == "InputError"


def test_an_output_is_the_old_one_until_the_new_one_is_whole(output: str) -> None:
    for rows, end in ((OUTCOMES[:1], "close"), (OUTCOMES, "abort"), (OUTCOMES[1:], "close")):
        written(output, rows, end, if_exists="replace")
        last = rows if end == "close" else OUTCOMES[:1]
        assert keys(output) == [one.key for one in last]


def test_nothing_is_left_of_an_output_that_was_given_up(tmp_path: Path) -> None:
    for name in FILES:
        written(str(tmp_path / name), OUTCOMES, "abort")
    assert list(tmp_path.iterdir()) == []


def test_what_exists_is_refused_without_a_word_to_replace_it(output: str) -> None:
    written(output, OUTCOMES)
    before = rows_in(output)
    with pytest.raises(JobError, match="--overwrite"):
        open_sink(output)
    assert rows_in(output) == before
    written(output, OUTCOMES[:1], if_exists="replace")
    assert keys(output) == ["a"]


def test_append_adds_the_keys_that_are_not_there_and_upsert_replaces_the_others(
    output: str,
) -> None:
    written(output, [outcome("a", 1), outcome("b", 2)], if_exists="append")  # there is nothing yet
    for _ in range(2):  # as often as it is run
        written(output, [outcome("b", 20), outcome("c", 3)], if_exists="append")
    found = {row["key"]: _n(row) for row in rows_in(output)}
    assert found == {"a": 1, "b": 2, "c": 3}
    for _ in range(2):
        written(output, [outcome("b", 20), outcome("d", 4), outcome("d", 5)], if_exists="upsert")
    assert {row["key"]: _n(row) for row in rows_in(output)} == {"a": 1, "b": 20, "c": 3, "d": 5}
    assert len(rows_in(output)) == 4


def _n(row: Mapping[str, Any]) -> int:
    return int(row["value"]["n"] if "value" in row else row["n"])


def test_append_keeps_the_bytes_that_are_there(tmp_path: Path) -> None:
    lines, table = tmp_path / "out.jsonl", tmp_path / "out.csv"
    lines.write_bytes(b'{"mine": 1}\nno json\n{"key":   "b"}')
    table.write_bytes(b'\xef\xbb\xbfkey,n,mine\r\n"z" ,1,"two\r\nlines"\r\nq,2,\xff')
    for path in (lines, table):
        before = path.read_bytes()
        written(str(path), [outcome("a", 1)], if_exists="append")
        assert path.read_bytes().startswith(before)
    assert [row["mine"] for row in rows_in_latin(table)][-1] == ""


def rows_in_latin(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="latin-1", newline="") as file:
        return list(csv.DictReader(file))


def test_a_table_without_the_columns_is_not_added_to(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("key,other\nx,1\n")
    with pytest.raises(JobError, match="no column 'n'"):
        written(str(path), [outcome("a", 1)], if_exists="append")
    assert path.read_text() == "key,other\nx,1\n"


def test_what_cannot_be_an_output_is_a_typed_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"out\.xls"):
        open_sink(tmp_path / "out.xls")
    with pytest.raises(JobError, match="cannot be written"):
        open_sink(tmp_path / "missing" / "out.jsonl")
    with pytest.raises(JobError, match="database"):
        open_sink(f"sqlite:///{tmp_path / 'missing' / 'x.db'}#out")
    with pytest.raises(ConfigurationError, match="Missing table"):
        open_sink("sqlite:///x.db")
    with pytest.raises(ConfigurationError, match="if_exists"):
        open_sink(tmp_path / "out.csv", if_exists="always")  # type: ignore[arg-type]
    (tmp_path / "folder.jsonl").mkdir()
    with pytest.raises(JobError, match="folder"):
        open_sink(tmp_path / "folder.jsonl")
    os.mkfifo(tmp_path / "pipe.jsonl")
    with pytest.raises(JobError, match="no regular file"):
        open_sink(tmp_path / "pipe.jsonl", if_exists="replace")


def test_outcomes_become_frames() -> None:
    frame = polars.from_arrow(to_arrow(OUTCOMES))
    assert isinstance(frame, polars.DataFrame)
    assert frame["key"].to_list() == ["a", "b"]
    assert frame["n"].to_list() == [1, None]
    assert frame["n"].dtype == polars.Int64
    assert to_arrow(OUTCOMES).to_pandas()["from"][0] == "x"


def test_row_groups_are_of_a_sensible_size(tmp_path: Path) -> None:
    sink = open_sink(tmp_path / "out.parquet")
    for start in range(0, 30_000, 500):
        sink.write([outcome(str(n), n) for n in range(start, start + 500)])
    sink.close()
    assert pyarrow.parquet.ParquetFile(tmp_path / "out.parquet").num_row_groups == 1


# ---- jobs ------------------------------------------------------------------------------------


@pytest.fixture
def model() -> ScriptedModel:
    return ScriptedModel('{"name": "Ada", "age": 36}')


def job(documents: Any, model: Any, **how: Any) -> Job[Person]:
    return Job(Person, documents, client=Client(model), **how)


def test_a_job_replaces_its_own_output_and_nobody_elses(tmp_path: Path, model: Any) -> None:
    output = tmp_path / "out.jsonl"
    for documents in (["one"], ["one", "two"]):
        job(documents, model, output=output).run()
    assert len(rows_in(str(output))) == 2
    output.write_text(output.read_text() + "{}\n")  # somebody's own line
    before = output.read_bytes()
    asked = len(model.asked)
    with pytest.raises(JobError, match="changed since"):
        job(["one", "two", "three"], model, output=output).run()
    assert (output.read_bytes(), len(model.asked)) == (before, asked)
    job(["one"], model, output=output, if_exists="replace").run()
    assert len(rows_in(str(output))) == 1


def test_a_job_replaces_its_own_table_and_nobody_elses(tmp_path: Path, model: Any) -> None:
    url = f"sqlite:///{tmp_path / 'app.db'}"
    engine = sqlalchemy.create_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE customers (id INTEGER, name TEXT)")
        connection.exec_driver_sql("INSERT INTO customers VALUES (1, 'Ada')")
    with pytest.raises(JobError, match="customers"):
        job(["one"], model, output=f"{url}#customers").run()
    assert not model.asked
    assert rows_in(f"{url}#customers") == [{"id": 1, "name": "Ada"}]
    for documents in (["one"], ["one", "two"]):
        job(documents, model, output=f"{url}#people").run()
    assert [row["age"] for row in rows_in(f"{url}#people")] == [36, 36]
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE people SET age = 37")
    with pytest.raises(JobError, match="changed since"):
        job(["one"], model, output=f"{url}#people").run()
    engine.dispose()


@pytest.mark.parametrize("link", ["the same name", "a hard link", "a soft link", "another path"])
@pytest.mark.parametrize("if_exists", ["fail", "replace", "append", "upsert"])
def test_an_output_that_is_an_input_is_refused_whatever_is_said(
    tmp_path: Path, model: Any, link: str, if_exists: Any
) -> None:
    source, output = tmp_path / "in.jsonl", tmp_path / "out.jsonl"
    source.write_text('{"text": "Ada is 36."}\n')
    if link == "the same name":
        output = source
    elif link == "another path":
        output = tmp_path / "x" / ".." / "in.jsonl"
        (tmp_path / "x").mkdir()
    elif link == "a hard link":
        os.link(source, output)
    else:
        output.symlink_to(source)
    with pytest.raises(InputError, match="the same"):
        job(open_source(source), model, output=output, if_exists=if_exists)
    assert source.read_text() == '{"text": "Ada is 36."}\n'
    assert not model.asked


@pytest.mark.parametrize("what", ["docs", "SELECT text FROM docs", "main.docs", '"docs"'])
def test_a_table_that_is_an_input_is_refused(tmp_path: Path, model: Any, what: str) -> None:
    path = tmp_path / "in.db"
    engine = sqlalchemy.create_engine(f"sqlite:///{path}")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE docs (text TEXT)")
    engine.dispose()
    (tmp_path / "link.db").symlink_to(path)
    for database in (path, tmp_path / "link.db"):
        with pytest.raises(InputError, match="the same"):
            job(
                open_source(f"sqlite:///{path}#{what}"),
                model,
                output=f"sqlite:///{database}#docs",
                if_exists="replace",
            )


def test_a_journal_that_is_an_input_or_the_output_is_refused(tmp_path: Path, model: Any) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text('{"text": "x"}\n')
    with pytest.raises(InputError, match="journal"):
        job(open_source(source), model, output=tmp_path / "o.jsonl", journal=source)
    with pytest.raises(InputError, match="journal"):
        job(["x"], model, output=tmp_path / "o.jsonl", journal=tmp_path / "o.jsonl")
    database = tmp_path / "o.db"
    with pytest.raises(InputError, match="journal"):
        job(["x"], model, output=f"sqlite:///{database}#t", journal=database)


def test_an_output_inside_an_input_folder_is_no_input(tmp_path: Path, model: Any) -> None:
    (tmp_path / "a.txt").write_text("Ada is 36.")
    for _ in range(2):
        done = job(open_source(tmp_path), model, output=tmp_path / "out.jsonl").run()
        assert (done.ok, done.failed) == (1, 0)
    (tmp_path / "notes.jsonl").write_text('{"text": "mine"}\n')
    with pytest.raises(InputError, match="input folder"):
        job(
            open_source(tmp_path), model, output=tmp_path / "notes.jsonl", if_exists="replace"
        ).run()


def test_an_iterator_read_twice_does_not_empty_the_output(tmp_path: Path, model: Any) -> None:
    output = tmp_path / "out.jsonl"
    first = job((text for text in ["one", "two"]), model, output=output)
    first.run()
    before = output.read_bytes()
    with pytest.raises(InputError, match="read already"):
        first.run()
    with pytest.raises(JobError, match="no inputs"):
        job(iter(()), model, output=output).run()
    assert output.read_bytes() == before


def test_what_cannot_be_written_is_found_out_before_anything_is_asked(
    tmp_path: Path, model: Any
) -> None:
    (tmp_path / "out.jsonl").mkdir()
    with pytest.raises(JobError, match="folder"):
        job(["x"], model, output=tmp_path / "out.jsonl").run()
    with pytest.raises(JobError, match="schema"):
        job(["x"], model, output=f"sqlite:///{tmp_path / 'x.db'}#nowhere.people").run()
    assert not model.asked


def test_the_journal_of_a_table_is_beside_its_database(tmp_path: Path, model: Any) -> None:
    done = job(["x"], model, output=f"sqlite:///{tmp_path / 'o.db'}#my table").run()
    assert done.ok == 1
    assert done.journal == str(tmp_path / "o.db.my_table.journal")


def test_an_existing_link_is_kept_and_its_file_replaced(tmp_path: Path, model: Any) -> None:
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "real.jsonl")
    job(["x"], model, output=tmp_path / "link.jsonl").run()
    assert (tmp_path / "link.jsonl").is_symlink()
    assert len(rows_in(str(tmp_path / "real.jsonl"))) == 1


# ---- secrets ---------------------------------------------------------------------------------

URLS = (
    f"postgresql+psycopg://sg:{SECRET}@127.0.0.1:1/db",
    f"postgresql+psycopg://sg:%73{SECRET}@127.0.0.1:1/db?sslpassword={SECRET}",
    f"nonsense+driver://u:{SECRET}@h/db",
    f"postgresql+psycopg://u:{SECRET}@127.0.0.1:bad/db",
)
REMOTE = (
    f"https://127.0.0.1:1/in.jsonl?X-Amz-Signature={SECRET}&token={SECRET}",
    f"http://u:{SECRET}@127.0.0.1:1/in.jsonl",
)


@pytest.mark.parametrize("url", [*URLS, *REMOTE])
@pytest.mark.parametrize("style", ["lines", "json"])
def test_no_password_is_in_any_line_event_or_error(
    tmp_path: Path, capsys: Any, url: str, style: str
) -> None:
    """A secret is planted in the input, the output and both; nothing that is printed holds it."""
    import io

    (tmp_path / "in.jsonl").write_text('{"text": "Ada is 36."}\n')
    target = tmp_path / "target.json"
    target.write_text(json.dumps(Person.model_json_schema()))
    good = str(tmp_path / "in.jsonl")
    for inputs, output in ((f"{url}#docs", "o.jsonl"), (good, f"{url}#out"), (url, f"{url}#out")):
        out, err = io.StringIO(), io.StringIO()
        place = output if "://" in output else str(tmp_path / output)
        args = ["run", str(target), inputs, "-o", place, "--progress", style]
        run([*args, "--journal", str(tmp_path / "j")], io.StringIO(), out, err)
        assert SECRET not in out.getvalue() + err.getvalue()
    captured = capsys.readouterr()
    assert SECRET not in captured.out + captured.err


@pytest.mark.parametrize("url", [*URLS, *REMOTE])
def test_no_password_is_in_a_trace_or_a_repr(url: str) -> None:
    for attempt in (lambda: list(open_source(f"{url}#docs")), lambda: open_sink(f"{url}#docs")):
        try:
            attempt()
        except StructgenError as error:
            assert SECRET not in "".join(traceback.format_exception(error)) + repr(error)
        else:
            pytest.fail("it was opened")
    if not url.startswith("http"):
        try:
            assert SECRET not in repr(open_source(f"{url}#docs"))
        except StructgenError as error:
            assert SECRET not in str(error)


# ---- a property ------------------------------------------------------------------------------


def test_nothing_but_the_output_and_the_journal_is_written(tmp_path: Path) -> None:
    source = tmp_path / "in.jsonl"
    source.write_text('{"text": "Ada is 36."}\n')
    out = tmp_path / "out"
    out.mkdir()
    with Client(AnyModel()) as client:
        Job(Person, open_source(source), client=client, output=out / "o.parquet").run()
    assert {path.name for path in out.iterdir()} <= {
        "o.parquet",
        "o.parquet.journal",
        "o.parquet.journal.lock",
    }
