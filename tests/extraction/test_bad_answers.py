"""Every bad answer, of every dialect, in every mode and call, is an error and never a value."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import BaseModel, Field

from structgen import AsyncClient, Client
from structgen.errors import (
    InvalidOutputError,
    NotJsonError,
    OutputRejectedError,
    Refused,
    StreamBrokenError,
    StructgenError,
    Truncated,
)
from structgen.testing import ScriptedTransport
from structgen.testing.faulty import error_body
from structgen.values import Reply, Request
from tests.wire.dialects.parts import CHAT, SERVERS, Said, Server

MODES = ("strict", "best-effort", "tool", "json-object", "prompt")
WATCHED = frozenset(MODES) - {"strict"}
"""Modes in which a grammar reads a stream along, and may end it before its fault is complete."""


class Person(BaseModel):
    name: str
    age: int = Field(ge=0, le=150)
    town: str = "unknown"


ADA = Person(name="Ada", age=36)
GOOD = '{"name":"Ada","age":36,"town":null}'


BAD: dict[str, tuple[Said, type[StructgenError]]] = {
    "empty": (Said(""), NotJsonError),
    "blank": (Said(" \n"), NotJsonError),
    "null content": (Said(None), NotJsonError),
    "refusal prose": (Said("I am sorry, I cannot do that."), NotJsonError),
    "a refusal": (Said(None, refusal="No."), Refused),
    "a content filter": (Said(GOOD, finish_reason="content_filter"), Refused),
    "truncated": (Said('{"name":"Ada","age":3', finish_reason="length"), Truncated),
    "truncated and whole to look at": (Said(GOOD, finish_reason="length"), Truncated),
    "cut without saying so": (Said('{"name":"Ada","age":3'), NotJsonError),
    "reasoning that never ends": (
        Said(f"<think>{GOOD} or not?", finish_reason="length"),
        Truncated,
    ),
    "two documents": (Said(GOOD + GOOD), NotJsonError),
    "two different documents": (Said(f"{GOOD}\n{GOOD.replace('36', '37')}"), NotJsonError),
    "a duplicate key": (Said(GOOD.replace('"town":null', '"age":37')), NotJsonError),
    "NaN": (Said(GOOD.replace("36", "NaN")), NotJsonError),
    "infinity": (Said(GOOD.replace("36", "-Infinity")), NotJsonError),
    "a number beyond floats": (Said(GOOD.replace("36", "1e999")), NotJsonError),
    "a number of a thousand digits": (Said(GOOD.replace("36", "9" * 1000)), InvalidOutputError),
    "a lone surrogate": (Said(GOOD.replace("Ada", "\\ud800")), NotJsonError),
    "a control character": (Said(GOOD.replace("Ada", "A\nda")), NotJsonError),
    "single quotes": (Said(GOOD.replace('"', "'")), NotJsonError),
    "nesting without end": (Said("[" * 20_000), NotJsonError),
    "nesting within a field": (Said(GOOD.replace("36", "[" * 500 + "]" * 500)), NotJsonError),
    "the wrong root": (Said("[1, 2]"), InvalidOutputError),
    "null": (Said("null"), InvalidOutputError),
    "a bare text": (Said('"Ada, 36"'), InvalidOutputError),
    "a wrong type": (Said(GOOD.replace("36", '"thirty-six"')), InvalidOutputError),
    "a number that loses something": (Said(GOOD.replace("36", "36.7")), InvalidOutputError),
    "a number as text": (Said(GOOD.replace("36", '"4.7"')), InvalidOutputError),
    "a truth for a number": (Said(GOOD.replace("36", "true")), InvalidOutputError),
    "out of bounds": (Said(GOOD.replace("36", "-1")), InvalidOutputError),
    "a missing field": (Said('{"name":"Ada","town":null}'), InvalidOutputError),
    "another schema": (Said('{"zzz":1}'), InvalidOutputError),
}
SCHEMA = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer", "minimum": 0, "maximum": 150},
        "town": {"type": ["string", "null"]},
    },
    "required": ["name", "age", "town"],
    "additionalProperties": False,
}


CASES = [(server, mode) for server in SERVERS for mode in server.modes]
EACH = pytest.mark.parametrize(
    ("server", "mode"), CASES, ids=[f"{server.provider}-{mode}" for server, mode in CASES]
)


def line(
    server: Server, mode: str, said: Said, in_stream: bool | None = None
) -> Callable[[Request], list[bytes]]:
    """The answer as the server gives it, in the terms of the schema that it holds it to."""
    if server.omits_absent and mode in ("strict", "tool") and said.text is not None:
        said = said._replace(text=said.text.replace(',"town":null', ""))
    if server.has_lists and mode == "strict" and said.text and '{"value":[' in said.text:
        before, _, rest = said.text.partition('{"value":[')
        items, end, after = rest.rpartition("]}")
        said = said._replace(text=f"{before}[{items}]{after}" if end else f"{before}[{rest}")
    return server.line(said, in_stream=in_stream)


def outcomes(
    server: Server, line: Any, mode: str, call: str, target: Any = Person
) -> tuple[list[Any], Any, StructgenError | None]:
    """What a call gives on its way, its value, and its error; the same for sync and async."""
    options: dict[str, Any] = {"api_key": "k", "max_retries": 0, "max_reasks": 0, "mode": mode}

    def sync() -> tuple[list[Any], Any, StructgenError | None]:
        client = Client(server.model, transport=ScriptedTransport(line), **options)
        got: list[Any] = []
        try:
            if call == "extract":
                return got, client.extract(target, "a text"), None
            stream = getattr(client, call)(target, "a text")
            got.extend(stream)
            return got, stream.result.value, None
        except StructgenError as error:
            return got, None, error

    async def awaited() -> tuple[list[Any], Any, StructgenError | None]:
        client = AsyncClient(server.model, transport=ScriptedTransport(line), **options)
        got: list[Any] = []
        try:
            if call == "extract":
                return got, await client.extract(target, "a text"), None
            stream = getattr(client, call)(target, "a text")
            async for value in stream:
                got.append(value)
            return got, stream.result.value, None
        except StructgenError as error:
            return got, None, error

    mine, theirs = sync(), asyncio.run(awaited())
    assert (len(mine[0]), mine[1], type(mine[2]), str(mine[2])) == (
        len(theirs[0]),
        theirs[1],
        type(theirs[2]),
        str(theirs[2]),
    )
    return mine


def is_the(
    wanted: type[StructgenError], error: StructgenError | None, mode: str, call: str
) -> bool:
    """The right error; or that of a stream which a grammar ended before all of the fault came."""
    stopped = call != "extract" and mode in WATCHED and "was stopped there" in str(error)
    return type(error) is wanted or (stopped and type(error) is InvalidOutputError)


@EACH
@pytest.mark.parametrize("kind", BAD)
def test_a_bad_answer_is_a_typed_error_and_never_a_value(
    kind: str, server: Server, mode: str
) -> None:
    said, wanted = BAD[kind]
    if said.refusal and not server.refuses:
        wanted = NotJsonError
    for call in ("extract", "stream"):
        for target in (Person, SCHEMA):
            partials, value, error = outcomes(server, line(server, mode, said), mode, call, target)
            assert value is None, call
            assert is_the(wanted, error, mode, call), (call, error)
            assert error is not None
            assert [attempt.error for attempt in error.attempts] == [error]
            assert not any(partial.done for partial in partials)
            assert "Ada" not in f"{error!r} {error.attempts!r}"


@EACH
@pytest.mark.parametrize(
    "kind",
    [
        kind
        for kind, (said, _) in BAD.items()
        if said.text and said.text.strip() and not said.refusal
    ],
)
def test_a_bad_item_of_a_list_is_told_of_behind_the_good_ones(
    kind: str, server: Server, mode: str
) -> None:
    said, wanted = BAD[kind]
    answer = said._replace(text=f'{{"value":[{GOOD},{said.text},{GOOD}]}}')
    if kind == "truncated":
        answer = said._replace(text=f'{{"value":[{GOOD},{said.text}')
    items, value, error = outcomes(server, line(server, mode, answer), mode, "stream_items", Person)
    assert value is None
    assert is_the(wanted, error, mode, "stream_items"), error
    assert items
    assert all(item == ADA for item in items)
    if wanted is InvalidOutputError:
        assert len(items) == 2


@pytest.mark.parametrize("call", ["extract", "stream", "stream_items"])
@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("code", ["json_validate_failed", "tool_use_failed"])
def test_an_output_that_the_server_rejected_is_recovered_or_told(
    code: str, mode: str, call: str
) -> None:
    good = GOOD if call != "stream_items" else f'{{"value":[{GOOD}]}}'
    for generation, valid in ((good, True), ('{"name":"Ada","age":', False), ("", False)):
        text = (
            json.dumps({"name": "Person", "arguments": generation})
            if code == "tool_use_failed"
            else generation
        )
        refused = Reply(400, {}, error_body("Failed to generate.", code=code, generation=text))
        _, value, error = outcomes(CHAT, refused, mode, call)
        if valid:
            assert value == ([ADA] if call == "stream_items" else ADA)
        else:
            assert value is None
            assert type(error) is OutputRejectedError


@EACH
@pytest.mark.parametrize(
    "around",
    ["<think>Is {{}} right?</think>{}", "Here you are: {}", "```json\n{}\n```", "{}\nThat is all."],
)
def test_what_stands_around_a_good_answer_costs_nothing(
    around: str, server: Server, mode: str
) -> None:
    for call, text in (
        ("extract", GOOD),
        ("stream", GOOD),
        ("stream_items", f'{{"value":[{GOOD}]}}'),
    ):
        _, value, error = outcomes(
            server, line(server, mode, Said(around.format(text))), mode, call
        )
        assert error is None
        assert value == ([ADA] if call == "stream_items" else ADA)


@EACH
def test_a_stream_without_an_end_is_broken(server: Server, mode: str) -> None:
    whole = line(server, mode, Said(GOOD))
    for call in ("stream", "stream_items"):
        _, value, error = outcomes(
            server, lambda request: whole(request)[: -server.ends], mode, call
        )
        assert value is None
        assert isinstance(error, StreamBrokenError | InvalidOutputError)


@EACH
def test_a_server_that_does_not_stream_is_understood(server: Server, mode: str) -> None:
    """It ignores `stream` and answers whole."""
    for call, text in (("stream", GOOD), ("stream_items", f'{{"value":[{GOOD}]}}')):
        whole = line(server, mode, Said(text), in_stream=False)
        _, value, error = outcomes(server, whole, mode, call)
        assert error is None
        assert value == ([ADA] if call == "stream_items" else ADA)


@EACH
def test_two_calls_or_one_of_another_name_are_never_a_value(server: Server, mode: str) -> None:
    other = GOOD.replace("Ada", "Bo")
    name = "Person"
    for calls in (
        (("call_1", name, GOOD), ("call_2", name, other)),
        (("call_1", "another", GOOD),),
    ):
        for call in ("extract", "stream"):
            _, value, error = outcomes(server, line(server, mode, Said(calls=calls)), mode, call)
            assert value is None
            assert isinstance(error, InvalidOutputError)
