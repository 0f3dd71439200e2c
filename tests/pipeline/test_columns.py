"""Typed columns: from the target's schema, widened by what comes, and read back by others."""

from __future__ import annotations

import json
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from pathlib import Path
from typing import Any, Literal

import duckdb
import pandas
import polars
import pyarrow
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, TypeAdapter

from structgen.pipeline import open_sink, to_arrow
from structgen.pipeline.outputs.columns.table import Layout, Table
from structgen.pipeline.record import Outcome
from structgen.schema.target import Target, target_of
from structgen.values import JsonSchema
from tests.kinds import Sixteen
from tests.ready_made import EXAMPLES
from tests.test_schemas import NAMES
from tests.test_schemas import target as ready_made


class Tone(Enum):
    calm = "calm"
    loud = "loud"


class Part(BaseModel):
    name: str
    price: Decimal | None = None


class Cash(BaseModel):
    kind: Literal["cash"]
    amount: Decimal


class Card(BaseModel):
    kind: Literal["card"]
    number: str


class Everything(BaseModel):
    count: int
    ratio: float
    sure: bool
    price: Decimal
    day: date
    at: datetime | None
    clock: time
    span: timedelta
    tone: Tone
    word: str
    parts: list[Part]
    first: Part
    tally: dict[str, int]
    paid: Cash | Card = Field(discriminator="kind")
    either: int | str
    error: str
    key: int


VALUE = Everything(
    count=2**40,
    ratio=0.5,
    sure=True,
    price=Decimal("14.50"),
    day=date(2026, 1, 2),
    at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc),
    clock=time(3, 4),
    span=timedelta(days=1),
    tone=Tone.calm,
    word="ö",
    parts=[Part(name="a", price=Decimal("0.10")), Part(name="b")],
    first=Part(name="c"),
    tally={"x": 1},
    paid=Cash(kind="cash", amount=Decimal("3")),
    either="seven",
    error="none",
    key=7,
)


def outcomes(target: Target[Any], *values: Any) -> list[Outcome[Any]]:
    stored = [{"value": value, "absent": ["/x"], "guarantee": "sure"} for value in values]
    return [
        Outcome(key=str(n), target=target, meta={"id": n, "value": "mine"}, stored=one)
        for n, one in enumerate(stored)
    ]


def as_table(source: Any, *values: Any, layout: Layout = "fields") -> Any:
    target = target_of(source)
    plain = [
        target.dump(value) if target.adapter and value is not None else value for value in values
    ]
    return to_arrow(outcomes(target, *plain), layout=layout)


def test_each_type_of_python_has_its_own() -> None:
    types = {field.name: str(field.type) for field in as_table(Everything, VALUE, None).schema}
    assert types == types | {
        "key": "string",
        "count": "int64",
        "ratio": "double",
        "sure": "bool",
        "price": "decimal128(38, 9)",
        "day": "date32[day]",
        "at": "timestamp[us, tz=UTC]",
        "clock": "time64[us]",
        "span": "string",
        "tone": "dictionary<values=string, indices=int32, ordered=0>",
        "parts": "list<item: struct<name: string, price: decimal128(38, 9)>>",
        "first": "struct<name: string, price: decimal128(38, 9)>",
        "tally": "map<string, int64>",
        "either": "string",
        "id": "int64",
    }
    assert "amount: decimal128(38, 9), number: string" in types["paid"]


def test_columns_of_ours_keep_their_names_and_no_name_is_there_twice() -> None:
    names = as_table(Everything, VALUE).column_names
    assert [name for name in names if "error" in name] == ["value_error", "error"]
    assert [name for name in names if "key" in name] == ["key", "value_key"]
    assert names.count("value") == 1  # the column of the input
    assert "meta_value" in as_table(Everything, VALUE, layout="value").column_names


def test_objects_are_flattened_if_that_is_wanted() -> None:
    names = as_table(Everything, VALUE, layout="flat").column_names
    assert {"first_name", "first_price", "paid_kind", "paid_amount"} <= set(names)
    assert "parts" in names
    whole = as_table(Everything, VALUE, layout="value")
    assert pyarrow.types.is_struct(whole.schema.field("value").type)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2**63], "decimal128(38, 0)"),
        ([10**60], "decimal256(76, 0)"),
        ([10**90, 1], "string"),
        ([1, None], "int64"),
        ([], "int64"),
    ],
)
def test_integers_are_as_wide_as_they_have_to_be(values: list[Any], kind: str) -> None:
    schema = {"type": "object", "properties": {"n": {"type": ["integer", "null"]}}}
    table = as_table(schema, *({"n": value} for value in values))
    if values:
        assert str(table.schema.field("n").type) == kind
    found = table.column("n").to_pylist() if values else []
    assert [None if one is None else int(one) for one in found] == values


def test_decimals_lose_no_digit() -> None:
    long = "1." + "1" * 30
    price = "1" * 40 + ".5"
    for text, kind in ((long, "decimal128(38, 30)"), (price, "decimal256(76, 1)")):
        table = as_table(Part, Part(name="x", price=Decimal(text)))
        assert str(table.schema.field("price").type) == kind
        assert table.column("price").to_pylist() == [Decimal(text)]
    huge = as_table(Part, Part(name="x", price=Decimal("1E+400")))
    assert huge.column("price").to_pylist() == ["1E+400"]


class Moments(BaseModel):
    at: datetime


def test_times_with_and_without_an_offset_are_not_mixed() -> None:
    plain, zoned = datetime(2026, 1, 2), datetime(2026, 1, 2, tzinfo=timezone(timedelta(hours=2)))
    for values, kind in (
        ([plain], "timestamp[us]"),
        ([zoned], "timestamp[us, tz=UTC]"),
        ([plain, zoned], "string"),
    ):
        table = as_table(Moments, *(Moments(at=value) for value in values))
        assert str(table.schema.field("at").type) == kind
        if kind != "string":
            assert table.column("at").to_pylist() == values


def test_what_a_schema_does_not_name_is_not_lost() -> None:
    schema: JsonSchema = {"type": "object", "properties": {"a": {"type": "integer"}}}
    table = as_table(schema, {"a": 1}, {"a": 2, "more": {"b": [1]}})
    assert table.column("more").to_pylist() == [None, '{"b":[1]}']


class Tree(BaseModel):
    name: str
    below: list[Tree] = []


def test_a_type_inside_itself_is_json_text() -> None:
    tree = Tree(name="a", below=[Tree(name="b", below=[Tree(name="c")])])
    [row] = as_table(Tree, tree).to_pylist()
    assert json.loads(row["below"][0])["below"][0]["name"] == "c"


@pytest.mark.parametrize("source", [list[int], int, str, dict[str, float], list[Part]])
def test_a_value_without_fields_is_one_column(source: Any) -> None:
    value = TypeAdapter(source).validate_python(
        {list[int]: [1], int: 1, str: "x", list[Part]: [{"name": "a"}]}.get(source, {"x": 1.0})
    )
    table = as_table(source, value)
    assert table.num_rows == 1
    assert table.schema.field("value").type not in (None, pyarrow.null())


# ---- read back -------------------------------------------------------------------------------

_OF_DUCKDB = {
    "string": "VARCHAR", "int64": "BIGINT", "double": "DOUBLE", "bool": "BOOLEAN",
    "date32[day]": "DATE", "time64[us]": "TIME", "decimal128(38, 9)": "DECIMAL(38,9)",
    "timestamp[us]": "TIMESTAMP", "timestamp[us, tz=UTC]": "TIMESTAMP WITH TIME ZONE",
}  # fmt: skip
_OF_POLARS = {
    "string": polars.String, "int64": polars.Int64, "double": polars.Float64,
    "bool": polars.Boolean, "date32[day]": polars.Date, "time64[us]": polars.Time,
    "decimal128(38, 9)": polars.Decimal, "timestamp[us]": polars.Datetime,
    "timestamp[us, tz=UTC]": polars.Datetime,
}  # fmt: skip


@pytest.mark.parametrize("layout", ["fields", "flat", "value"])
@pytest.mark.parametrize("name", [*NAMES, "sixteen"])
def test_parquet_is_read_back_by_pandas_polars_and_duckdb(
    tmp_path: Path, name: str, layout: Layout
) -> None:
    source: Any = Sixteen if name == "sixteen" else ready_made(name)
    target = target_of(source)
    value = target.dump(source.model_validate(EXAMPLES.get(name, SIXTEEN)))
    rows = [
        *outcomes(target, value),
        Outcome(key="bad", target=target, stored={"value": None, "error": ERROR}),
    ]
    path = tmp_path / "out.parquet"
    sink = open_sink(path, layout=layout, target=target)
    sink.write(rows)
    sink.close()
    expected = to_arrow(rows, layout=layout)
    assert pyarrow.parquet.read_table(path).equals(expected)
    by_pandas = pandas.read_parquet(path, dtype_backend="pyarrow")
    by_polars = polars.read_parquet(path)
    by_duckdb: Any = duckdb.sql(f"SELECT * FROM read_parquet('{path}')")
    assert list(by_pandas.columns) == by_polars.columns == by_duckdb.columns
    types = dict(zip(by_duckdb.columns, map(str, by_duckdb.types), strict=True))
    for field in expected.schema:
        kind = str(field.type)
        if kind in _OF_DUCKDB:
            assert types[field.name] == _OF_DUCKDB[kind]
            assert by_polars[field.name].dtype == _OF_POLARS[kind]
        cells = expected.column(field.name).to_pylist()
        if not pyarrow.types.is_nested(field.type):
            assert by_polars[field.name].to_list() == cells
            assert [_plain(one) for one in by_pandas[field.name].tolist()] == cells
        elif pyarrow.types.is_struct(field.type) and "map<" not in kind:
            assert by_duckdb.select(f'"{field.name}"').fetchall()[0][0] == cells[0]
    assert len(by_duckdb.fetchall()) == 2


def _plain(cell: Any) -> Any:
    return None if cell is pandas.NA else cell


ERROR = {"type": "InvalidOutputError", "message": "It is no value.", "hint": None}
SIXTEEN = {
    "subject": "a", "words": 1, "score": 0.5, "question": False, "person": None, "kind": "story",
    "tone": "neutral", "terms": ["x"], "place": {"city": "Ulm"}, "items": [{"label": "l"}],
    "day": "2026-01-02", "at": "2026-01-02T03:04:05", "amount": "1.50", "tally": {"a": 1},
    "pair": ["a", 1],
}  # fmt: skip


# ---- a property ------------------------------------------------------------------------------

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
    ),
    max_leaves=8,
)
COLUMN = st.sampled_from(["a", "A", "error", "value", "", "b c"])


@settings(max_examples=150, deadline=None)
@given(
    metas=st.lists(st.dictionaries(COLUMN, JSON, max_size=4), min_size=1, max_size=5),
    values=st.lists(JSON, min_size=1, max_size=5),
)
def test_whatever_the_cells_hold_there_is_a_table_with_each_row(
    metas: list[dict[str, Any]], values: list[Any]
) -> None:
    target = target_of({})
    rows = [
        Outcome(key=str(n), target=target, meta=meta, stored={"value": value})
        for n, (meta, value) in enumerate(zip(metas, values, strict=False))
    ]
    table = to_arrow(rows)
    assert table.column("key").to_pylist() == [row.key for row in rows]
    folded = [name.casefold() for name in table.column_names]
    assert len(folded) == len(set(folded))
    seen = Table(target)
    for row in rows:
        seen.see(row.row())
    for column in seen.columns():
        for row in rows:
            raw, cell = column.raw(row.row()), column.kind.cell(column.raw(row.row()))
            assert (raw is None) == (cell is None)
