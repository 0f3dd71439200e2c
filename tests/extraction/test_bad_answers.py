"""Every bad answer, in every mode, through every call, ends in an error and never in a value."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

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
from structgen.testing import ScriptedTransport, completion
from structgen.testing.faulty import error_body
from structgen.values import Reply, Request

MODES = ("strict", "best-effort", "tool", "json-object", "prompt")
WATCHED = frozenset(MODES) - {"strict"}
"""Modes in which a grammar reads a stream along, and may end it before its fault is complete."""


class Person(BaseModel):
    name: str
    age: int = Field(ge=0, le=150)
    town: str = "unknown"


ADA = Person(name="Ada", age=36)
GOOD = '{"name":"Ada","age":36,"town":null}'


class Said(NamedTuple):
    """What a model says: a text (None for no content), how it ends, and how it refuses."""

    text: str | None
    finish_reason: str = "stop"
    refusal: str | None = None


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


def line(mode: str, said: Said) -> Callable[[Request], list[bytes]]:
    """The answer as a server gives it in a mode: whole or as events, as the request wants it."""
    finish = (
        "tool_calls"
        if mode == "tool" and said.finish_reason == "stop" and said.text
        else said.finish_reason
    )

    def message(text: str | None, request: Request, index: bool) -> dict[str, Any]:
        if mode != "tool" or text is None:
            return {"content": text, "refusal": said.refusal}
        name = json.loads(request.body)["tools"][0]["function"]["name"]
        call = {"id": "1", "type": "function", "function": {"name": name, "arguments": text}}
        return {"content": None, "tool_calls": [{"index": 0, **call} if index else call]}

    def event(delta: dict[str, Any], end: str | None = None) -> bytes:
        return (
            b"data: "
            + json.dumps({"choices": [{"index": 0, "delta": delta, "finish_reason": end}]}).encode()
            + b"\n\n"
        )

    def answer(request: Request) -> list[bytes]:
        if b'"stream":true' not in request.body:
            made = message(said.text, request, index=False)
            return [completion(made.pop("content"), finish_reason=finish, **made)]
        size = max(4, len(said.text or "") // 60)
        pieces = (
            [said.text[at : at + size] for at in range(0, len(said.text), size)]
            if said.text
            else [said.text]
        )
        return [
            *(event(message(piece, request, index=True)) for piece in pieces),
            event({}, finish),
            b"data: [DONE]\n\n",
        ]

    return answer


def outcomes(
    line: Any, mode: str, call: str, target: Any = Person
) -> tuple[list[Any], Any, StructgenError | None]:
    """What a call gives on its way, its value, and its error; the same for sync and async."""
    options: dict[str, Any] = {"api_key": "k", "max_retries": 0, "max_reasks": 0, "mode": mode}

    def sync() -> tuple[list[Any], Any, StructgenError | None]:
        client = Client("openai:gpt", transport=ScriptedTransport(line), **options)
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
        client = AsyncClient("openai:gpt", transport=ScriptedTransport(line), **options)
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


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("kind", BAD)
def test_a_bad_answer_is_a_typed_error_and_never_a_value(kind: str, mode: str) -> None:
    said, wanted = BAD[kind]
    for call in ("extract", "stream"):
        for target in (Person, SCHEMA):
            partials, value, error = outcomes(line(mode, said), mode, call, target)
            assert value is None, call
            assert is_the(wanted, error, mode, call), (call, error)
            assert error is not None
            assert [attempt.error for attempt in error.attempts] == [error]
            assert not any(partial.done for partial in partials)
            assert "Ada" not in f"{error!r} {error.attempts!r}"


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "kind",
    [
        kind
        for kind, (said, _) in BAD.items()
        if said.text and said.text.strip() and not said.refusal
    ],
)
def test_a_bad_item_of_a_list_is_told_of_behind_the_good_ones(kind: str, mode: str) -> None:
    said, wanted = BAD[kind]
    answer = said._replace(text=f'{{"value":[{GOOD},{said.text},{GOOD}]}}')
    if kind == "truncated":
        answer = said._replace(text=f'{{"value":[{GOOD},{said.text}')
    items, value, error = outcomes(line(mode, answer), mode, "stream_items", Person)
    assert value is None
    assert is_the(wanted, error, mode, "stream_items"), error
    assert items
    assert all(item == ADA for item in items)
    if wanted is InvalidOutputError and type(error) is wanted and mode not in WATCHED:
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
        _, value, error = outcomes(refused, mode, call)
        if valid:
            assert value == ([ADA] if call == "stream_items" else ADA)
        else:
            assert value is None
            assert type(error) is OutputRejectedError


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize(
    "around",
    ["<think>Is {{}} right?</think>{}", "Here you are: {}", "```json\n{}\n```", "{}\nThat is all."],
)
def test_what_stands_around_a_good_answer_costs_nothing(around: str, mode: str) -> None:
    for call, text in (
        ("extract", GOOD),
        ("stream", GOOD),
        ("stream_items", f'{{"value":[{GOOD}]}}'),
    ):
        _, value, error = outcomes(line(mode, Said(around.format(text))), mode, call)
        assert error is None
        assert value == ([ADA] if call == "stream_items" else ADA)


@pytest.mark.parametrize("mode", MODES)
def test_a_stream_without_an_end_is_broken(mode: str) -> None:
    whole = line(mode, Said(GOOD))
    for call in ("stream", "stream_items"):
        _, value, error = outcomes(lambda request: whole(request)[:-2], mode, call)
        assert value is None
        assert isinstance(error, StreamBrokenError | InvalidOutputError)


@pytest.mark.parametrize("mode", MODES)
def test_a_server_that_does_not_stream_is_understood(mode: str) -> None:
    """It ignores `stream` and answers whole."""
    for call, text in (("stream", GOOD), ("stream_items", f'{{"value":[{GOOD}]}}')):
        whole = line(mode, Said(text))

        def answer(request: Request, whole: Any = whole) -> list[bytes]:
            body = request.body.replace(b'"stream":true', b'"stream":false')
            pieces: list[bytes] = whole(replace(request, body=body))
            return pieces

        _, value, error = outcomes(answer, mode, call)
        assert error is None
        assert value == ([ADA] if call == "stream_items" else ADA)
