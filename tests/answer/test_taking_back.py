"""What a decoder is told to take back is what the rules take out of the whole answer."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, Field

from structgen.answer.taking_back import TakingBack
from structgen.answer.unstated import Rules
from structgen.schema.compiler import compile_schema
from structgen.schema.json import Path
from structgen.schema.target import target_of

TEXT = "Ada lives in Rome."


class Circle(BaseModel):
    kind: Literal["circle"]
    owner: str | None


class Cube(BaseModel):
    kind: Literal["cube"]
    maker: str | None


class Whole(BaseModel):
    name: str
    town: str | None
    street: str | None = None
    category: str | None = None
    friends: list[str] = []
    cells: list[list[str]] = []
    shape: Circle | Cube | None = Field(None, discriminator="kind")


def taking_back(target: Any, subset: str = "llguidance") -> TakingBack:
    it = target_of(target)
    return TakingBack(compile_schema(it, subset), Rules(it, TEXT))


def path(*keys: str | int) -> Path:
    found: Path = None
    for key in keys:
        found = found, key
    return found


def test_texts_that_may_be_null_and_items_are_looked_up_and_others_are_not() -> None:
    rules = taking_back(Whole)
    assert all(map(rules.looks_up, [path("town"), path("street"), path("friends", 3)]))
    assert not any(map(rules.looks_up, [path("name"), path("category"), path("nobody"), None]))


def test_what_takes_the_place_of_a_text_and_where_it_is_told() -> None:
    rules = taking_back(Whole)
    town, friend = rules.judge(path("town"), "Paris"), rules.judge(path("friends", 0), "Zoe")
    assert town is not None
    assert (town.removed.path, town.removed.reason, town.is_left_out) == (
        "/town",
        "ungrounded",
        False,
    )
    assert friend is not None
    assert (friend.removed.path, friend.is_left_out) == ("/friends/0", True)
    assert rules.judge(path("town"), "Rome") is None
    assert rules.judge(path("cells", 0, 1), "Zoe") is None  # the cell of a row
    again = rules.judge(path("town"), "Rome", ["Rome"])
    assert again is not None
    assert again.removed.reason == "repeated"


def test_a_text_is_given_up_while_it_is_written_if_the_document_cannot_hold_it() -> None:
    rules = taking_back(Whole)
    begun = "a text of words that nobody wrote"
    assert rules.judge_begun(path("town"), "Rome or") is None
    found = rules.judge_begun(path("town"), begun)
    assert found is not None
    assert found.removed.value == begun


def test_a_root_in_a_wrapper_is_told_by_its_place_in_the_value() -> None:
    rules = taking_back(list[str], "openai-strict")
    assert rules.looks_up(path("value", 0))
    found = rules.judge(path("value", 0), "Zoe")
    assert found is not None
    assert found.removed.path == "/0"
