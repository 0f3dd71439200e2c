"""Policies and keys that fit no place of the target are refused before anything is asked."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

from structgen import Client
from structgen.documents.places import check_places
from structgen.errors import ConfigurationError
from structgen.schema.target import target_of
from structgen.testing.scripted import ScriptedModel


class Row(BaseModel):
    name: str
    pieces: int | None
    parts: list[Row] = []


class Stock(BaseModel):
    rows: list[Row]
    is_open: bool
    by_shelf: dict[str, Row]
    choice: Row | list[str] | None = None


@pytest.mark.parametrize(
    ("chunking", "message"),
    [
        ({"policies": {"/nothing": "first"}}, "no place '/nothing'"),
        ({"policies": {"is_open": "any"}}, "no place 'is_open'"),
        ({"policies": {"/rows/*/zz": "first"}}, "no place '/rows/\\*/zz'"),
        ({"policies": {"/rows": "any"}}, "'any' is not for '/rows'"),
        ({"policies": {"/is_open": "sum"}}, "'sum' is not for '/is_open'"),
        ({"policies": {"/rows/*/name": "union"}}, "'union' is not for"),
        ({"keys": {"/nope": ["name"]}}, "no place '/nope'"),
        ({"keys": {"/is_open": ["name"]}}, "no list"),
        ({"keys": {"/rows": ["zz"]}}, "no member 'zz'"),
        ({"keys": {"/rows": "name"}}, "keys of '/rows' are 'name'"),
        ({"keys": {"/rows": []}}, "keys of '/rows' are"),
    ],
)
def test_what_fits_no_place_is_refused(chunking: Any, message: str) -> None:
    model = ScriptedModel("{}")
    with pytest.raises(ConfigurationError, match=message):
        Client(model).extract_document(Stock, "A text.", **chunking)
    assert not model.asked


@pytest.mark.parametrize(
    ("policies", "keys"),
    [
        ({"/is_open": "any", "/rows": "union", "/rows/*/pieces": "sum"}, {"/rows": ["name"]}),
        ({"/by_shelf/*/pieces": "max", "/by_shelf/a/name": "longest"}, {}),
        ({"/rows/*/parts/*/parts/0/name": "first", "/*": "first"}, {"/rows/*/parts": ["name"]}),
        ({"/choice/name": "first", "/choice": "concat"}, {}),
        ({"": "last"}, {}),
    ],
)
def test_what_fits_is_taken(policies: Any, keys: Any) -> None:
    check_places(target_of(Stock).schema, policies, keys)


def test_a_schema_that_says_little_has_every_place() -> None:
    check_places({"type": "object"}, {"/x/y": "sum"}, {"/items": ["a"]})
    check_places({"type": "array", "items": {}}, {"/*/a": "any"}, {"": ["a"]})


def test_a_function_that_fails_is_named_with_its_place() -> None:
    def broken(values: Any) -> Any:
        return 1 / 0

    model = ScriptedModel('{"is_open": true, "rows": [], "by_shelf": []}')
    with pytest.raises(ConfigurationError, match="policy of /is_open raised ZeroDivisionError"):
        Client(model).extract_document(Stock, "A text.", policies={"/is_open": broken})
