"""`stream_items`: the items of a list as they close, and what becomes of the others."""

from __future__ import annotations

import json
from collections import Counter
from typing import Annotated, Any

import pytest
from pydantic import AfterValidator, BaseModel

from structgen.errors import InvalidOutputError, Truncated
from structgen.testing.scripted import events
from tests.extraction.parts import LIST, PEOPLE, Person, both, client


@pytest.mark.parametrize("target", [Person, list[Person]])
def test_items_come_as_they_close(target: Any) -> None:
    items, result, error = both((LIST,), "stream_items", target, mode="json-object")
    assert error is None
    assert items == result.value == [Person.model_validate(person) for person in PEOPLE]
    stream = client(events(json.dumps(PEOPLE), size=1)).stream_items(
        target, "x"
    )  # in a language that has lists at the root
    pieces = iter(stream)
    assert next(pieces).name == "P0"
    assert stream.result is None


def test_rejected_items_are_left_out_and_told_of_at_the_end() -> None:
    bad = [{**person, "age": -1} if person["age"] in (1, 3) else person for person in PEOPLE]
    items, result, error = both(
        (json.dumps({"value": bad}),), "stream_items", Person, mode="json-object"
    )
    assert [item.age for item in items] == [0, 2, 4]
    assert isinstance(error, InvalidOutputError)
    assert [violation.path for violation in error.violations] == ["/1/age", "/3/age"]
    assert result is None
    assert (
        len(error.attempts) == 1
    )  # items that were handed out cannot be taken back: nothing is asked again


def test_a_cut_list_gives_its_whole_items_and_then_says_that_it_was_cut() -> None:
    cut = LIST[: LIST.index('"P3"') + 9]
    items, _, error = both(
        (events(cut, finish_reason="length"),), "stream_items", Person, mode="json-object"
    )
    assert [item.age for item in items] == [0, 1, 2]
    assert isinstance(error, Truncated)
    assert "3 whole items" in str(error)


def test_items_of_a_json_schema_are_checked_one_by_one() -> None:
    item = {
        "type": "object",
        "properties": {"n": {"type": "integer", "maximum": 3}},
        "required": ["n"],
        "additionalProperties": False,
    }
    answer = json.dumps({"value": [{"n": 1}, {"n": 9}, {"n": 2}]})
    items, _, error = both((answer,), "stream_items", item, mode="json-object")
    assert items == [{"n": 1}, {"n": 2}]
    assert isinstance(error, InvalidOutputError)


def test_an_item_is_validated_once_when_it_closes_and_once_with_the_list() -> None:
    seen: list[int] = []

    def noted(n: int) -> int:
        seen.append(n)
        return n

    class Item(BaseModel):
        n: Annotated[int, AfterValidator(noted)]

    list(
        client(events(json.dumps({"value": [{"n": 1}, {"n": 2}]}), size=1)).stream_items(
            Item, "x", mode="json-object"
        )
    )
    assert Counter(seen) == {1: 2, 2: 2}
