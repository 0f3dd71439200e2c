"""Law 11: a job changes no byte that it does not own, whatever is where it reads and writes."""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from structgen import Client, Job
from structgen.errors import StructgenError
from structgen.pipeline import IfExists, open_source
from structgen.testing import ScriptedModel
from tests.forms.services import postgresql


class Person(BaseModel):
    name: str
    age: int


NAMES = ("in.jsonl", "out.jsonl", "out.csv", "out.parquet", "app.db", "notes.txt", "link.jsonl")
OUTPUTS = (
    "out.jsonl", "out.csv", "out.parquet", "out.arrow", "in.jsonl", "link.jsonl", "hard.jsonl",
    "folder/out.jsonl", "sqlite:///{}/app.db#customers", "sqlite:///{}/app.db#people",
    "sqlite:///{}/new.db#people",
)  # fmt: skip
JOURNALS = (None, "j", "in.jsonl", "out.csv", "notes.txt", "app.db", "out.jsonl.journal")
INPUTS = ("in.jsonl", ".", "folder", "sqlite:///{}/app.db#customers")
LINE = b'{"text": "Ada is 36."}\n'


def furnish(folder: Path, there: set[str]) -> None:
    """Make a folder of somebody's files."""
    (folder / "in.jsonl").write_bytes(LINE * 2)
    (folder / "folder").mkdir()
    (folder / "folder" / "a.txt").write_text("Ada is 36.")
    for name in there:
        if name == "link.jsonl":
            (folder / name).symlink_to("in.jsonl")
        elif name == "hard.jsonl":
            os.link(folder / "in.jsonl", folder / name)
        elif name == "app.db":
            with closing(sqlite3.connect(folder / name)) as db:
                db.execute("CREATE TABLE customers (key TEXT, text TEXT)")
                db.execute("INSERT INTO customers VALUES ('x', 'Ada is 36.')")
                db.commit()
        else:
            (folder / name).write_bytes(b"precious: " + name.encode())


def contents(folder: Path) -> Mapping[str, Any]:
    """What is in the folder: the bytes of files, the target of links, the rows of tables."""
    found: dict[str, Any] = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = os.readlink(path)
        elif path.suffix == ".db":
            found |= {f"{name}#{table}": rows for table, rows in tables(path)}
        elif path.is_file():
            found[name] = path.read_bytes()
    return found


def tables(path: Path) -> Iterator[tuple[str, Any]]:
    with closing(sqlite3.connect(path)) as db:
        for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            yield name, db.execute(f'SELECT * FROM "{name}"').fetchall()


def try_job(folder: Path, inputs: str, output: str, journal: str | None, **how: Any) -> bool:
    """Run a job; whether it ended well."""
    source, place = inputs.format(folder), output.format(folder)
    with Client(ScriptedModel('{"name": "Ada", "age": 36}')) as client:
        try:
            Job(
                Person,
                open_source(source if "://" in source else folder / source),
                client=client,
                output=place if "://" in place else folder / place,
                journal=None if journal is None else folder / journal,
                **how,
            ).run()
        except StructgenError:
            return False
    return True


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    there=st.sets(st.sampled_from((*NAMES[1:], "hard.jsonl", "out.jsonl.journal"))),
    inputs=st.sampled_from(INPUTS),
    output=st.sampled_from(OUTPUTS),
    journal=st.sampled_from(JOURNALS),
    runs=st.integers(1, 2),
)
def test_a_job_changes_no_byte_that_it_does_not_own(
    tmp_path_factory: pytest.TempPathFactory,
    there: set[str],
    inputs: str,
    output: str,
    journal: str | None,
    runs: int,
) -> None:
    folder = tmp_path_factory.mktemp("own")
    furnish(folder, there)
    before = contents(folder)
    for _ in range(runs):
        try_job(folder, inputs, output, journal)
    after = contents(folder)
    assert {name: after.get(name) for name in before} == before
    assert not [name for name in after if name.endswith(".part")]


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    output=st.sampled_from(OUTPUTS[:4]),
    change=st.sampled_from(["one byte more", "one byte other", "emptied", "another file"]),
    if_exists=st.sampled_from(["fail", "append", "upsert"]),
)
def test_what_somebody_did_to_an_output_stays(
    tmp_path_factory: pytest.TempPathFactory, output: str, change: str, if_exists: IfExists
) -> None:
    folder = tmp_path_factory.mktemp("changed")
    furnish(folder, set())
    assert try_job(folder, "in.jsonl", output, "j")
    path = folder / output
    data = path.read_bytes()
    changes: Mapping[str, Callable[[], bytes]] = {
        "one byte more": lambda: data + b"\n",
        "one byte other": lambda: bytes([data[0] ^ 1]) + data[1:],
        "emptied": lambda: b"",
        "another file": lambda: b"precious",
    }
    path.write_bytes(changes[change]())
    os.utime(path, ns=(0, 0))  # a time says nothing
    before = path.read_bytes()
    ended = try_job(folder, "in.jsonl", output, "j", if_exists=if_exists)
    if if_exists == "fail" or not ended:
        assert path.read_bytes() == before
    elif if_exists == "append" and output in ("out.jsonl", "out.csv"):
        assert path.read_bytes().startswith(before)


@pytest.fixture(scope="module")
def database() -> Iterator[str]:
    with postgresql() as url:
        yield url.replace("postgresql://", "postgresql+psycopg://")


def test_tables_of_postgresql_with_schemas_views_and_types(database: str, tmp_path: Path) -> None:
    engine = sqlalchemy.create_engine(database)
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE SCHEMA sales")
        connection.exec_driver_sql('CREATE TABLE sales."my docs" (id int, body text)')
        connection.exec_driver_sql("""INSERT INTO sales."my docs" VALUES (1, 'Ada is 36.')""")
    inputs, output = f"{database}#sales.my docs", f"{database}#sales.people"

    def run(age: int, output: str = output, **how: Any) -> Any:
        with Client(ScriptedModel(json.dumps({"name": "A\0da", "age": age}))) as client:
            source = open_source(inputs, text="body", key="id")
            return Job(
                Person, source, client=client, output=output, journal=tmp_path / "j", **how
            ).run()

    assert run(36).ok == 1
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE VIEW sales.adults AS SELECT * FROM sales.people")
    with engine.begin() as connection:
        connection.exec_driver_sql("""INSERT INTO sales."my docs" VALUES (2, 'Bob is 40.')""")
    assert run(40).ok == 2  # our own table is replaced, and the view on it stays
    with engine.connect() as connection:
        rows = connection.exec_driver_sql(
            "SELECT key, name, age FROM sales.adults ORDER BY 1"
        ).all()
        assert [tuple(row) for row in rows] == [("1", "A\ufffdda", 36), ("2", "A\ufffdda", 40)]
        types = connection.exec_driver_sql(
            "SELECT column_name, data_type FROM information_schema.columns "
            "WHERE table_name = 'people' AND table_schema = 'sales'"
        ).all()
        assert dict(map(tuple, types))["age"] == "bigint"
    with pytest.raises(StructgenError, match="the same"):
        run(36, output=f"{database}#sales.my docs", if_exists="replace")
    with pytest.raises(StructgenError, match="the same"):
        url = database.replace("127.0.0.1", "localhost").replace("+psycopg", "")
        run(36, output=f"{url}#sales.my docs", if_exists="replace")
    with pytest.raises(StructgenError, match="no schema"):
        run(36, output=f"{database}#nowhere.people")
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE sales.people SET age = 1")
    with pytest.raises(StructgenError, match="changed since"):
        run(36)
    run(36, if_exists="upsert")
    with engine.connect() as connection:
        assert connection.exec_driver_sql(
            "SELECT count(*) FROM sales.people WHERE age > 1"
        ).scalar()
    engine.dispose()
