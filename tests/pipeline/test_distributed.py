"""A job on a real engine, in a process of its own, gives what the plain job gives."""

from __future__ import annotations

import json
import pickle
import re
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import date, datetime, time, timezone
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any

import pandas
import polars
import pyarrow
import pytest
from pydantic import BaseModel

from structgen import Client
from structgen.distributed import Extractor
from structgen.distributed.extractor import RESULTS
from structgen.errors import ConfigurationError, InputError, JournalError, StructgenError
from structgen.pipeline.job import Job
from structgen.pipeline.journal.rows import Entry
from structgen.pipeline.journal.shared import SharedJournal
from structgen.pipeline.outputs.flat import flat_row
from structgen.pipeline.record import Item
from structgen.testing.faulty import FaultyServer, Served
from structgen.testing.scripted import ScriptedModel, ScriptedTransport, completion
from structgen.values import Request
from tests.forms.services import postgresql
from tests.pipeline import engines


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    def answer(request: Request) -> str | Served:
        found = re.search(rb"number (\d+)\.", request.body)
        assert found
        n = int(found[1])
        return (
            "refusal"
            if n % 10 == 7
            else Served(body=completion(json.dumps({"name": f"Person {n}", "age": n})))
        )

    with FaultyServer(answer) as server:
        yield server.base_url


@pytest.fixture(scope="module")
def plain(base_url: str) -> list[dict[str, object]]:
    """What the plain job gives; the row without a text stands for itself."""
    rows = engines.table().to_pylist()
    items = [Item(str(row["id"]), row["text"]) for row in rows if row["text"] is not None]
    with Client("m", base_url=base_url, api_key="k") as client:
        found = {outcome.key: flat_row(outcome) for outcome in client.map(engines.PERSON, items)}
    missing = {
        **dict.fromkeys(RESULTS),
        "error": '{"type":"InputError","message":"The row has no text.","hint":null}',
    }
    return [
        {**row, **{name: found.get(str(row["id"]), missing)[name] for name in RESULTS}}
        for row in rows
    ]


def run_on(engine: str, base_url: str, folder: Path) -> list[dict[str, Any]]:
    script = Path(engines.__file__)
    done = subprocess.run(
        [sys.executable, str(script), engine, base_url],
        capture_output=True,
        text=True,
        timeout=600,
        cwd=folder,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    rows: list[dict[str, Any]] = json.loads(done.stdout.splitlines()[-1])
    return rows


@pytest.mark.slow
@pytest.mark.parametrize("engine", ["pandas", "dask", "ray", "spark"])
def test_an_engine_gives_what_the_plain_job_gives(
    engine: str, base_url: str, plain: list[dict[str, object]], tmp_path: Path
) -> None:
    assert run_on(engine, base_url, tmp_path) == plain
    assert sum(row["value"] is not None for row in plain) == 21


# ---- in this process -------------------------------------------------------------------------


class Kind(Enum):
    good = "good"
    bad = "bad"


class Inner(BaseModel):
    at: datetime
    clock: time
    marks: list[int]


class Rich(BaseModel):
    """A target of many types."""

    name: str
    age: int
    price: Decimal
    day: date | None
    kind: Kind
    inner: Inner | None
    counts: dict[str, int]


def rich(n: int, age: int | None = None) -> dict[str, Any]:
    inner = {"at": "2026-01-02T03:04:05Z", "clock": "10:20:30", "marks": [n, n + 1]}
    return {
        "name": f"Person {n}",
        "age": n if age is None else age,
        "price": "1.50",
        "day": None if n % 2 else "2026-11-28",
        "kind": "good",
        "inner": inner if n % 3 else None,
        "counts": {"a": n},
    }


def table(count: int, **more: list[Any]) -> pyarrow.Table:
    texts = [f"This is person number {n}." for n in range(count)]
    return pyarrow.table({"id": list(range(count)), "text": texts, **more})


def extractor(base_url: str, target: Any = engines.PERSON, **named: Any) -> Extractor:
    client = {"base_url": base_url, "api_key": "k", "max_retries": 0, "max_reasks": 0}
    return Extractor(target, "m", client=client, **named)


def number(request: Request) -> int:
    found = re.search(rb"number (\d+)\.", request.body)
    assert found
    return int(found[1])


def test_many_failures_in_a_batch_stop_nothing() -> None:
    def answer(request: Request) -> str | Served:
        n = number(request)
        text = json.dumps({"name": "P", "age": n})
        return "refusal" if n < 150 else Served(body=completion(text))

    with FaultyServer(answer) as server:
        found = extractor(server.base_url)(table(200)).to_pylist()
    assert [row["value"] is not None for row in found] == [n >= 150 for n in range(200)]


@pytest.mark.parametrize("column", RESULTS)
def test_a_column_of_a_name_that_is_to_be_added_is_told_and_not_lost(column: str) -> None:
    given = table(2, **{column: ["mine", "mine"]})
    with FaultyServer("refusal") as server:
        extract = extractor(server.base_url)
        for call, batch in (
            (extract, given),
            (extract.frame, given.to_pandas()),
            (extract.frame, polars.from_arrow(given)),
        ):
            with pytest.raises(InputError, match=f"a column '{column}' already.*prefix="):
                call(batch)
        assert server.requests == []
        other = extractor(server.base_url, prefix="found_")
        found = other(given)
    assert found.column(column).to_pylist() == ["mine", "mine"]
    assert {f"found_{name}" for name in RESULTS} <= set(found.schema.names)


def test_a_batch_that_cannot_be_used_is_told_before_anything_is_asked() -> None:
    extract = extractor("http://127.0.0.1:9/v1", text="body")
    with pytest.raises(InputError, match=r"no column 'body'\. The columns: id, text"):
        extract(table(2))
    with pytest.raises(InputError, match="no column 'body'"):
        extract.frame(table(2).to_pandas())
    with pytest.raises(InputError, match="batch_format='pyarrow'"):
        extract({"body": ["a"]})
    for wrong in ({"concurrency": 0}, {"text": 5}, {"journal": "file.journal"}, {"prefix": None}):
        with pytest.raises(ConfigurationError):
            extractor("http://127.0.0.1:9/v1", **wrong)


def test_numbers_among_the_texts_of_a_frame_cost_no_other_row() -> None:
    frame = pandas.DataFrame({"text": ["Ada", 1, None, float("nan"), b"x"]}, index=list("aabcd"))
    transport = ScriptedTransport('{"x": 1}')
    given = {"api_key": "k", "transport": transport}
    found = Extractor(dict[str, int], "groq:m", client=given).frame(frame)
    assert list(found.index) == list("aabcd")
    assert json.loads(found["value"].iloc[0]) == {"x": 1}
    assert all("The row has no text" in error for error in found["error"].iloc[1:])
    twice = pandas.DataFrame([["a", "b"]], columns=["text", "text"])
    with pytest.raises(InputError, match="more than one column 'text'"):
        Extractor(Inner, "local").frame(twice)


@pytest.mark.parametrize(
    "client", [Client(ScriptedModel("1")), [("api_key", "sk-secret")]], ids=["client", "pairs"]
)
def test_the_arguments_of_a_client_are_no_client(client: Any) -> None:
    with pytest.raises(ConfigurationError, match="but must be the keyword arguments") as caught:
        Extractor(Inner, "local", client=client)
    assert "sk-secret" not in str(caught.value)


def test_frames_of_polars_and_pandas_get_the_same_columns(base_url: str) -> None:
    given = table(12)
    extract = extractor(base_url)
    by_polars = extract.frame(polars.from_arrow(given)).to_arrow().to_pylist()
    by_pandas = pyarrow.Table.from_pandas(extract.frame(given.to_pandas())).to_pylist()
    assert by_polars == by_pandas == extract(given).to_pylist()


def test_values_have_the_types_of_the_target_if_asked_for() -> None:
    def answer(request: Request) -> str | Served:
        n = number(request)
        value = rich(n, 10**30 if n == 4 else None)
        return "refusal" if n == 5 else Served(body=completion(json.dumps(value)))

    with FaultyServer(answer) as server:
        extract = extractor(server.base_url, Rich, structs=True)
        found = extract(table(6))
        empty = extract(table(0))
        by_polars = extract.frame(polars.from_arrow(table(6)))
    assert found.schema.field("value").type == empty.schema.field("value").type
    rows = found.to_pylist()
    assert rows[1]["value"]["price"] == Decimal("1.50")
    assert rows[2]["value"]["day"] == date(2026, 11, 28)
    assert rows[1]["value"]["inner"]["at"] == datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    assert rows[1]["value"]["inner"]["marks"] == [1, 2]
    assert rows[3]["value"]["inner"] is None
    assert rows[4]["value"] is None
    assert "does not fit" in rows[4]["error"]
    assert json.loads(rows[5]["error"])["type"] == "Refused"
    assert by_polars["value"].struct.field("age").to_list()[:4] == [0, 1, 2, 3]


# ---- a journal that workers share ------------------------------------------------------------


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path_factory: Any) -> Iterator[str]:
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('shared') / 'answers.db'}"
        return
    with postgresql() as url:
        yield url


def test_a_partition_that_is_tried_again_asks_nothing_twice(database: str) -> None:
    asked: list[int] = []

    def answer(request: Request) -> str | Served:
        asked.append(number(request))
        text = json.dumps({"name": "P", "age": asked[-1]})
        refuse = asked[-1] % 5 == 0 and asked.count(asked[-1]) == 1
        return "refusal" if refuse else Served(body=completion(text))

    with FaultyServer(answer) as server:
        first = extractor(server.base_url, journal=f"{database}#again")(table(20))
        again = extractor(server.base_url, journal=f"{database}#again")(table(20))
    failed = [row["id"] for row in first.to_pylist() if row["error"]]
    assert failed == [0, 5, 10, 15]
    assert all(row["value"] for row in again.to_pylist())
    assert sorted(asked) == sorted([*range(20), *failed])


def test_workers_write_the_same_rows_at_the_same_moment(database: str) -> None:
    name, errors = f"{database}#race", []

    def work(worker: int) -> None:
        try:
            journal = SharedJournal(name)
            for n in range(200):
                ok = worker != 0
                record = {"value": n} if ok else {"error": {"message": "no", "type": "Refused"}}
                journal.add(Entry(n.to_bytes(16, "big"), "r", ok, {"record": record}))
                if n % 20 == 19:
                    journal.flush()
            journal.close()
        except StructgenError as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(n,)) for n in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    journal = SharedJournal(name)
    found = [journal.find(n.to_bytes(16, "big")) for n in range(200)]
    assert [one.body["record"]["value"] for one in found if one] == list(range(200))
    journal.close()


def test_a_shared_journal_that_cannot_be_used_says_why_and_shows_no_password() -> None:
    with pytest.raises(JournalError) as raised:
        SharedJournal("postgresql+psycopg://me:SECRETPW@127.0.0.1:1/base")
    assert "SECRETPW" not in str(raised.value)
    with pytest.raises(JournalError, match="Cannot read or write the journal nodriver://"):
        SharedJournal("nodriver://host/base")


def test_a_table_of_another_one_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "app.db"
    with closing(sqlite3.connect(path)) as db, db:
        db.execute("CREATE TABLE customers (id INTEGER, hash TEXT)")
    with pytest.raises(JournalError, match="customers is no journal"):
        SharedJournal(f"sqlite:///{path}#customers")


def test_a_job_keeps_its_journal_in_a_file(tmp_path: Path) -> None:
    with (
        Client("m", base_url="http://127.0.0.1:9/v1") as client,
        pytest.raises(ConfigurationError, match="journal of a job is a file"),
    ):
        Job(Rich, ["a"], client=client, output=tmp_path / "o.jsonl", journal="sqlite:///j.db#t")


@pytest.mark.slow
def test_spark_gets_values_as_structs(
    base_url: str, plain: list[dict[str, Any]], tmp_path: Path
) -> None:
    found = run_on("spark with structs", base_url, tmp_path)
    values = [row["value"] and json.loads(row["value"]) for row in plain]
    assert [row["value"] for row in found] == values


def test_an_extractor_crosses_to_other_processes() -> None:
    positional, named = engines.arguments("http://127.0.0.1:9/v1")
    assert len(pickle.dumps(Extractor(*positional, **named))) < 2_000
