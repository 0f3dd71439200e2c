"""What tests of streams share: people, a client of a scripted server, and both kinds of client."""

from __future__ import annotations

import asyncio
import json
from datetime import date
from typing import Any

from pydantic import BaseModel, Field

from structgen import AsyncClient, Client
from structgen.errors import StructgenError
from structgen.testing.scripted import ScriptedTransport


class Address(BaseModel):
    city: str
    since: date | None = None


class Person(BaseModel):
    name: str
    age: int = Field(ge=0)
    addresses: list[Address] = []


ADA = (
    '{"name": "Ada \\"L\\" Byron", "age": 36, '
    '"addresses": [{"city": "London", "since": "1815-12-10"}, {"city": "Paris", "since": null}]}'
)
PEOPLE = [{"name": f"P{i}", "age": i, "addresses": []} for i in range(5)]
LIST = json.dumps({"value": PEOPLE})


def client(*lines: Any, provider: str = "vllm", **options: Any) -> Client:
    return Client(
        f"{provider}:m", api_key="k", transport=ScriptedTransport(*lines), max_retries=0, **options
    )


def both(
    lines: tuple[Any, ...], method: str, target: Any, **options: Any
) -> tuple[list[Any], Any, StructgenError | None]:
    """What a streamed call gives, its result and its error; the same for sync and async."""

    def sync() -> tuple[list[Any], Any, StructgenError | None]:
        values: list[Any] = []
        with getattr(client(*lines, **options), method)(target, "x") as stream:
            try:
                values.extend(stream)
            except StructgenError as error:
                return values, stream.result, error
            return values, stream.result, None

    async def awaited() -> tuple[list[Any], Any, StructgenError | None]:
        values: list[Any] = []
        provider = options.pop("provider", "vllm")
        asked = AsyncClient(
            f"{provider}:m",
            api_key="k",
            transport=ScriptedTransport(*lines),
            max_retries=0,
            **options,
        )
        async with getattr(asked, method)(target, "x") as stream:
            try:
                async for value in stream:
                    values.append(value)
            except StructgenError as error:
                return values, stream.result, error
            return values, stream.result, None

    mine, theirs = sync(), asyncio.run(awaited())
    assert list(map(repr, mine[0])) == list(map(repr, theirs[0]))
    assert (mine[1] and mine[1].value) == (theirs[1] and theirs[1].value)
    assert type(mine[2]) is type(theirs[2])
    assert str(mine[2]) == str(theirs[2])
    return mine
