"""`df.structgen.extract` on real DataFrames of pandas and polars."""

from __future__ import annotations

import json
from typing import Any

import pandas
import polars
import pytest
from pydantic import BaseModel

from structgen import InputError
from structgen.integrations import add_accessor
from structgen.testing import ScriptedTransport


class Person(BaseModel):
    name: str
    age: int


ROWS = {"id": [1, 2], "note": ["Ada is 36.", None]}


def extracted(frame: Any, **args: Any) -> Any:
    add_accessor()
    add_accessor()  # a second time changes nothing
    transport = ScriptedTransport('{"name": "Ada", "age": 36}')
    client = {"api_key": "k", "transport": transport}
    return frame.structgen.extract(Person, "openai:m", client=client, **args)


@pytest.mark.parametrize("library", [pandas, polars], ids=["pandas", "polars"])
def test_rows_get_values_or_errors(library: Any) -> None:
    found = extracted(library.DataFrame(ROWS), text="note", prefix="p_")
    assert type(found) is library.DataFrame
    assert list(found.columns)[:4] == ["id", "note", "p_value", "p_error"]
    assert json.loads(next(iter(found["p_value"]))) == {"name": "Ada", "age": 36}
    assert "no text" in list(found["p_error"])[1]


def test_polars_gets_structs() -> None:
    found = extracted(polars.DataFrame(ROWS), text="note", structs=True)
    assert found["value"][0] == {"name": "Ada", "age": 36}


@pytest.mark.parametrize("library", [pandas, polars], ids=["pandas", "polars"])
def test_a_column_that_is_missing_is_named(library: Any) -> None:
    with pytest.raises(InputError, match="no column 'text'"):
        extracted(library.DataFrame(ROWS))
