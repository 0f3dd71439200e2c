"""The function of a real DuckDB, over a scripted server."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from datetime import date
from typing import Any, Literal

import duckdb
import pytest
from pydantic import BaseModel

from structgen import TargetError
from structgen.integrations import add_duckdb_function
from structgen.testing import ScriptedTransport
from structgen.testing.scripted import completion
from structgen.values import Reply, Request


class Address(BaseModel):
    city: str


class Person(BaseModel):
    name: str
    born: date | None = None
    sex: Literal["f", "m"] | None = None
    tags: list[str] = []
    home: Address | None = None


ADA = {
    "name": "Ada",
    "born": "1815-12-10",
    "sex": "f",
    "tags": ["maths"],
    "home": {"city": "London"},
}
VALUE = {**ADA, "born": date(1815, 12, 10)}


@pytest.fixture
def connection() -> Iterator[Any]:
    with duckdb.connect() as opened:
        yield opened


def answer(request: Request) -> str | Reply:
    """Ada, but no JSON for a text that says "broken"."""
    return "no JSON" if b"broken" in request.body else json.dumps(ADA)


def add(connection: Any, **args: Any) -> ScriptedTransport:
    transport = ScriptedTransport(answer)
    client = {"api_key": "k", "transport": transport, "max_reasks": 0}
    add_duckdb_function(connection, "person", Person, "openai:m", client=client, **args)
    return transport


def test_a_text_becomes_a_struct_of_the_targets_own_type(connection: Any) -> None:
    add(connection)
    found = connection.sql("SELECT person(note).value AS p FROM (VALUES ('Ada')) t(note)")
    assert str(found.types[0]).replace('"', "") == (
        "STRUCT(name VARCHAR, born DATE, sex VARCHAR, tags VARCHAR[], home STRUCT(city VARCHAR))"
    )
    assert found.fetchall() == [(VALUE,)]
    year = connection.sql("SELECT year(person('Ada').value.born)")
    assert year.fetchall() == [(1815,)]


def test_null_gives_null_and_asks_nothing(connection: Any) -> None:
    transport = add(connection)
    rows = connection.sql("SELECT person(note) FROM (VALUES ('Ada'), (NULL)) t(note)").fetchall()
    assert rows == [({"value": VALUE, "error": None},), (None,)]
    assert len(transport.requests) == 1


def test_a_row_that_fails_has_an_error_and_stops_no_other(connection: Any) -> None:
    add(connection)
    rows = connection.sql(
        "SELECT person(note).value.name, person(note).error->>'$.type' "
        "FROM (VALUES ('a broken one'), ('Ada')) t(note)"
    ).fetchall()
    assert rows == [(None, "NotJsonError"), ("Ada", None)]


def test_without_errors_the_result_is_the_value_and_a_failed_row_null(connection: Any) -> None:
    add(connection, with_errors=False)
    rows = connection.sql("SELECT person(n).name FROM (VALUES ('broken'), ('Ada')) t(n)").fetchall()
    assert rows == [(None,), ("Ada",)]


def test_a_query_asks_about_each_row_once(connection: Any) -> None:
    transport = add(connection)
    connection.sql(
        "SELECT person(n).value.name, person(n).error FROM (VALUES ('a'), ('b')) t(n)"
    ).fetchall()
    assert len(transport.requests) == 2


def test_rows_are_asked_about_at_the_same_time(connection: Any) -> None:
    """Each answer waits for the other: one after the other, neither would come."""
    both = threading.Barrier(2, timeout=600)

    class Together(ScriptedTransport):
        async def asend(self, request: Request, timeout: float | None) -> Reply:
            await asyncio.to_thread(both.wait)
            return Reply(200, {}, completion(json.dumps(ADA)))

    client = {"api_key": "k", "transport": Together("")}
    add_duckdb_function(connection, "person", Person, "openai:m", client=client, concurrency=2)
    rows = connection.sql("SELECT person(n).value.name FROM (VALUES ('a'), ('b')) t(n)").fetchall()
    assert rows == [("Ada",), ("Ada",)]


def test_many_rows_come_in_their_order(connection: Any) -> None:
    def echo(request: Request) -> str:
        number = request.body.decode().rsplit("row ", 1)[1].split("#")[0]
        return json.dumps({"n": int(number)})

    class Row(BaseModel):
        n: int

    client = {"api_key": "k", "transport": ScriptedTransport(echo)}
    add_duckdb_function(connection, "number_of", Row, "openai:m", client=client, with_errors=False)
    wrong = connection.sql(
        "SELECT count(*) FROM range(3000) r(i) WHERE number_of('row ' || i || '#').n <> i"
    )
    assert wrong.fetchall() == [(0,)]


def test_a_target_that_is_none_is_refused_when_the_function_is_added(connection: Any) -> None:
    with pytest.raises(TargetError):
        add_duckdb_function(connection, "person", object(), "openai:m", client={"api_key": "k"})
