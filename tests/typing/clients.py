"""What mypy infers for calls; tests/schema/test_typing.py runs mypy over this file."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel
from typing_extensions import assert_type

import structgen


class Person(BaseModel):
    name: str


class Company(BaseModel):
    title: str


def sync(client: structgen.Client) -> None:
    assert_type(client.extract(Person, "text"), Person)
    assert_type(client.extract(Person | Company, "text"), Person | Company)
    assert_type(client.extract(Literal["yes", "no"], "text"), Literal["yes", "no"])
    assert_type(
        client.extract(list[Person], "text", temperature=0, instructions="All."), list[Person]
    )
    assert_type(client.extract(Person | None, "text"), Person | None)
    assert_type(client.extract({"type": "object"}, "text"), Any)
    assert_type(client.extract_result(Person, "text"), structgen.Extraction[Person])
    assert_type(structgen.extract(dict[str, int], "text"), dict[str, int])
    assert_type(
        structgen.compile_schema(Person | Company, "groq-strict").decode({}), Person | Company
    )
    assert_type(structgen.validate(list[Person], []), list[Person])


def streamed(client: structgen.Client) -> None:
    for partial in client.stream(Person, "text"):
        assert_type(partial, structgen.Partial[Person])
        assert_type(partial.value, Person | structgen.View)
        assert_type(partial.value.name, str | Any)
        partial.value.nmae  # type: ignore[union-attr]  # noqa: B018
    assert_type(list(client.stream_items(Person, "text")), list[Person])
    assert_type(list(client.stream_items(list[Person], "text")), list[Person])
    result = client.stream_items(Person, "text").result
    assert_type(result, structgen.Extraction[list[Person]] | None)


async def asynchronous(client: structgen.AsyncClient) -> None:
    assert_type(await client.extract(Person, "text"), Person)
    assert_type((await client.extract_result(Person | Company, "text")).value, Person | Company)
    async for partial in client.stream(Person, "text"):
        assert_type(partial, structgen.Partial[Person])
    async for item in client.stream_items(list[Person], "text"):
        assert_type(item, Person)
