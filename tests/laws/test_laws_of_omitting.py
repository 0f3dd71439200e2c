"""Laws 1 to 4 if absent fields are left out instead of written as null.

In every language that allows optional members, whatever its row says by default.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from structgen.errors import InvalidOutputError, SchemaLimitError
from structgen.schema.compiler import compile_schema
from structgen.schema.subset import SUBSETS
from structgen.schema.target import target_of
from tests.checkers import CHECKERS
from tests.laws.instances import instances, validator
from tests.laws.json_schemas import json_schemas
from tests.laws.leaves import Typed
from tests.laws.same import same
from tests.laws.strategies import types
from tests.laws.test_laws import LAW as FULL
from tests.laws.test_laws import LONG, explained, forms

LAW = settings(FULL, max_examples=20_000 if LONG else 150)
OMITTING = {
    name: replace(row, absent="omit") for name, row in SUBSETS.items() if not row.all_required
}
NULLS = {name: replace(row, absent="null") for name, row in SUBSETS.items()}


class Part(BaseModel):
    code: str
    size: int | None = None


class Form(BaseModel):
    name: str
    age: int | None = None
    level: int = 5
    tags: list[str] = []
    part: Part | None = None


@pytest.mark.parametrize("name", OMITTING)
def test_absent_is_recorded_alike_in_both_ways(name: str) -> None:
    omitting = compile_schema(Form, OMITTING[name])
    with_null = compile_schema(Form, NULLS[name])
    plain: dict[str, Any] = {"name": "Ada"}
    nulls: dict[str, Any] = {"name": "Ada", "age": None, "level": None, "tags": None, "part": None}
    assert omitting.read(plain) == with_null.read(nulls)
    assert omitting.read(plain)[1] == {"/age", "/level", "/tags", "/part"}
    plain["part"] = {"code": "x"}
    nulls["part"] = {"code": "x", "size": None}
    assert omitting.read(plain) == with_null.read(nulls)
    assert "/part/size" in omitting.read(plain)[1]


@pytest.mark.parametrize("name", OMITTING)
def test_a_field_that_is_null_by_default_is_never_null_on_the_wire(name: str) -> None:
    schema = compile_schema(Form, OMITTING[name]).schema
    text = str(schema["properties"]["age"])
    assert "null" not in text
    assert "age" not in schema["required"]


@pytest.mark.slow
@pytest.mark.timeout(36_000 if LONG else 300)
@LAW
@given(types(), st.data())
def test_laws_1_2_and_4(typed: Typed, data: st.DataObject) -> None:
    """Every language's checker passes the schema, and what is encoded is valid and decodes."""
    target = target_of(typed.type)
    values = data.draw(st.lists(typed.values, min_size=1, max_size=2))
    for it in forms(target, OMITTING):
        assert CHECKERS[it.subset.name](it.schema, target.name) == [], it
        judge = validator(it.schema)
        for value in values:
            encoded = it.encode(value)
            assert [error.message for error in judge.iter_errors(encoded)] == [], it
            assert same(it.decode(encoded), value), (it, encoded)


@pytest.mark.slow
@pytest.mark.timeout(36_000 if LONG else 300)
@LAW
@given(types(), st.sampled_from(sorted(OMITTING)), st.data())
def test_law_3(typed: Typed, subset: str, data: st.DataObject) -> None:
    """What the schema admits decodes to a value, except for what the notes leave to the check."""
    try:
        it = compile_schema(target_of(typed.type), OMITTING[subset])
    except SchemaLimitError:
        return
    answer = data.draw(instances(it.schema))
    try:
        value = it.decode(answer)
    except InvalidOutputError as error:
        assert error.violations
        for violation in error.violations:
            assert explained(violation, it), (violation, answer)
    else:
        assert same(it.decode(it.encode(value)), value)


@pytest.mark.slow
@pytest.mark.timeout(36_000 if LONG else 300)
@LAW
@given(json_schemas(), st.data())
def test_laws_for_json_schemas(schema: dict[str, Any], data: st.DataObject) -> None:
    """Laws 1, 2 and 4 for JSON Schemas."""
    value = data.draw(instances(schema))
    rows = {name: replace(row, declared_only=False) for name, row in OMITTING.items()}
    for it in forms(target_of(schema), rows):
        encoded = it.encode(value)
        judge = validator(it.schema)
        assert [error.message for error in judge.iter_errors(encoded)] == [], it
        assert it.decode(encoded) == value, (it, encoded)
