"""What type checkers infer for calls and refuse; tests/schema/test_typing.py runs them."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel
from typing_extensions import assert_type

import structgen
from structgen.chat import RawResponse
from structgen.distributed import Extractor
from structgen.documents import DocumentExtraction
from structgen.pipeline import Outcome, Summary


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
    assert_type(client.with_options(temperature=0), structgen.Client)
    assert_type(client.with_raw_response.extract(Person, "text"), RawResponse[Person])
    assert_type(client.with_raw_response.extract(Person, "text").parse(), Person)
    assert_type(client.models.retrieve("m").context_window, int | None)
    assert_type(client.extract(Person, [structgen.image(b""), "text"]), Person)
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
    assert_type(client.form(Person), structgen.Form[Person])
    assert_type(await client.extract_document(Person, "text"), DocumentExtraction[Person])
    async for outcome in client.map(Person, ["text"], ordered=False):
        assert_type(outcome, Outcome[Person])
    assert_type(await structgen.Job(Person, ["text"], client=client).arun(), Summary)
    assert_type(await client.extract(Person, "text"), Person)
    assert_type((await client.extract_result(Person | Company, "text")).value, Person | Company)
    async for partial in client.stream(Person, "text"):
        assert_type(partial, structgen.Partial[Person])
    async for item in client.stream_items(list[Person], "text"):
        assert_type(item, Person)


def forms_and_jobs(client: structgen.Client, documents: list[str]) -> None:
    assert_type(structgen.Form(Person, client=client), structgen.Form[Person])
    assert_type(client.form(Person, instructions="All."), structgen.Form[Person])
    assert_type(structgen.Form(Person, client=client).complete(), Person)
    assert_type(structgen.Job(Person, documents, client=client), structgen.Job[Person])
    assert_type(
        structgen.Job(Person | Company, documents, client=client, output="out.jsonl"),
        structgen.Job[Person | Company],
    )
    for outcome in client.map(Person, documents):
        assert_type(outcome, Outcome[Person])
        assert_type(outcome.value, Person)
    assert_type(client.extract_document(Person, "text").value, Person)
    assert_type(
        client.extract_document(Person, "text", chunk_tokens=500, max_tokens=50),
        DocumentExtraction[Person],
    )
    assert_type(
        structgen.Form.loads(Person, "{}", client=client, migrate=True), structgen.Form[Person]
    )
    Extractor(Person, "local", text="body", concurrency=4, temperature=0)
    assert_type(structgen.extract_result(Person, "text").value, Person)


def misspelt(client: structgen.Client, documents: list[str]) -> None:
    client.extract(Person, "text", temprature=0)  # type: ignore[call-overload]
    client.stream(Person, "text", temprature=0)  # type: ignore[call-overload]
    client.map(Person, documents, concurency=2)  # type: ignore[call-overload]
    client.extract_document(Person, "text", chunk_token=2)  # type: ignore[call-overload]
    structgen.extract(Person, "text", temprature=0)  # type: ignore[call-overload]
    structgen.Form(Person, client=client, instruction="All.")  # type: ignore[call-overload]
    structgen.Job(Person, documents, client=client, outputs="x")  # type: ignore[call-overload]
    structgen.Form.loads(Person, "{}", client=client, migrat=True)  # type: ignore[call-overload]
    client.form(Person, correction=False)  # type: ignore[call-overload]
    client.extract_document(Person, "text", policies={"/x": "most common"})  # type: ignore[dict-item]
    Extractor(Person, "local", temprature=0)  # type: ignore[call-arg]
    structgen.Client("local", max_retry=3)  # type: ignore[call-arg]
    structgen.Cleint()  # type: ignore[attr-defined]
