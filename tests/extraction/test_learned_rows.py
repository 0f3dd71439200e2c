"""A server that refuses a keyword is asked without it, and that is remembered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel, Field

from structgen import AsyncClient, Client
from structgen.errors import BadRequestError, ConfigurationError, InvalidOutputError
from structgen.extraction import learned
from structgen.extraction.learned import LEARNED, LearnedRow, row_from
from structgen.pipeline import Job
from structgen.testing import ScriptedTransport
from structgen.testing.scripted import Line
from structgen.values import Reply, Request

WORDINGS: dict[str, Callable[[str], str]] = {
    "OpenAI": lambda word: (
        "Invalid schema for response_format 'Reading': In context=('properties', 'name'), "
        f"'{word}' is not permitted."
    ),
    "Groq": lambda word: f"response_format/json_schema/name: {word} is not supported",
    "Anthropic": lambda word: f"For 'string' type, property '{word}' is not supported",
    "Gemini": lambda word: f"Unknown name \"{word}\" at 'response_schema': Cannot find field.",
    "Cerebras": lambda word: f"Unsupported JSON schema fields: {{'{word}'}}",
    "llguidance": lambda word: f'Unimplemented keys: ["{word}"]',
}


class Part(BaseModel):
    code: str = Field(pattern="^[a-z]{2}-[0-9]+$")


class Reading(BaseModel):
    name: str = Field(min_length=3, max_length=8)
    kind: Literal["only"]
    day: date
    level: int = Field(ge=1, le=9, multiple_of=2)
    parts: list[Part] = Field(min_length=1)


GOOD = {
    "name": "north",
    "kind": "only",
    "day": "2026-05-01",
    "level": 4,
    "parts": [{"code": "ab-1"}],
}


def keywords(node: Any) -> Iterator[str]:
    """All keywords of a schema, and the names of its fields, which are no keywords here."""
    if isinstance(node, dict):
        yield from node
        for value in node.values():
            yield from keywords(value)
    elif isinstance(node, list):
        for value in node:
            yield from keywords(value)


def schema_of(request: Request) -> dict[str, Any]:
    body = json.loads(request.body)
    if "tools" in body:
        return dict(body["tools"][0]["function"]["parameters"])
    return dict(body.get("response_format", {}).get("json_schema", {}).get("schema", {}))


def server(refused: set[str], answer: Any = GOOD, wording: str = "OpenAI") -> ScriptedTransport:
    """A server that names one refused keyword in each 400, and answers a schema without any."""

    def line(request: Request) -> Line:
        found = sorted(refused & set(keywords(schema_of(request))))
        if not found:
            return json.dumps(answer)
        said = {"message": WORDINGS[wording](found[0]), "type": "invalid_request_error"}
        return Reply(400, {}, json.dumps({"error": said}).encode())

    return ScriptedTransport(line)


def client(port: ScriptedTransport, model: str = "openai:gpt-x", **options: Any) -> Client:
    return Client(model, api_key="k", transport=port, **options)


@pytest.mark.parametrize("wording", WORDINGS)
def test_the_call_is_asked_again_without_the_keyword(wording: str) -> None:
    port = server({"minLength"}, wording=wording)
    result = client(port).extract_result(Reading, "some text")
    assert result.value.name == "north"
    assert result.guarantee.by == "server"
    assert [type(attempt.error) for attempt in result.attempts] == [BadRequestError, type(None)]
    assert [attempt.mode for attempt in result.attempts] == ["strict", "strict"]
    (note,) = [one for one in result.notes if one.keyword == "minLength"]
    assert (note.path, note.action) == ("/properties/name", "checked")
    assert "openai-strict without minLength" in note.detail
    sent = schema_of(port.requests[-1])["properties"]["name"]
    assert "minLength" not in sent
    assert sent["maxLength"] == 8
    assert "at least 3 characters" in sent["description"].lower()


def test_it_is_remembered_for_the_process_and_in_plans() -> None:
    port = server({"minLength", "multipleOf"})
    client(port).extract(Reading, "some text")
    assert len(port.requests) == 3
    again = client(port)
    again.extract(Reading, "another text")
    assert len(port.requests) == 4
    assert not {"minLength", "multipleOf"} & set(keywords(again.plan(Reading, "text").schema))


def test_it_is_remembered_for_that_model_and_server_alone() -> None:
    port = server({"minLength"})
    client(port).extract(Reading, "some text")
    other = client(port, "openai:gpt-y")
    assert "minLength" in set(keywords(other.plan(Reading, "text").schema))
    elsewhere = ScriptedTransport("{}")
    elsewhere.base_url = "http://elsewhere/v1"
    assert "minLength" in set(keywords(client(elsewhere).plan(Reading, "text").schema))


def test_what_is_left_out_is_checked() -> None:
    port = server({"minLength"}, {**GOOD, "name": "no"})
    with pytest.raises(InvalidOutputError, match="at least 3 characters"):
        client(port, max_reasks=0).extract(Reading, "some text")


REFUSED = [
    "additionalProperties",
    "const",
    "format",
    "maxLength",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "multipleOf",
    "pattern",
    "title",
    "$ref",
]


@pytest.mark.parametrize("keyword", REFUSED)
def test_each_keyword_can_be_left_out(keyword: str) -> None:
    port = server({keyword, "$defs"} if keyword == "$ref" else {keyword})
    result = client(port).extract_result(Reading, "some text")
    assert result.value == Reading.model_validate(GOOD)
    assert {attempt.mode for attempt in result.attempts} == {"strict"}
    assert keyword not in set(keywords(schema_of(port.requests[-1])))


def test_a_keyword_that_no_schema_can_do_without_ends_the_mode() -> None:
    port = server({"properties"})
    result = client(port).extract_result(Reading, "some text")
    assert [one.mode for one in result.attempts] == ["strict", "best-effort", "tool", "json-object"]


def test_steps_are_bounded_and_the_next_call_goes_on_from_there() -> None:
    refused = {*REFUSED, "$defs"}
    assert len(REFUSED) > learned.MOST_STEPS + 1
    port = server(refused)
    first = client(port).extract_result(Reading, "some text")
    tries = [attempt.mode for attempt in first.attempts]
    assert tries.count("strict") == learned.MOST_STEPS + 1
    second = client(port).extract_result(Reading, "some text")
    assert second.attempts[-1].mode == "strict"
    assert len(second.attempts) < 6


def test_off_learns_nothing_and_steps_down() -> None:
    port = server({"minLength"})
    result = client(port, learned_rows="off").extract_result(Reading, "some text")
    assert [one.mode for one in result.attempts] == ["strict", "best-effort", "tool", "json-object"]
    assert not LEARNED.of(client(port).caller.backends[0]).refused


def test_saved_rows_outlive_the_process(tmp_path: Path) -> None:
    port = server({"minLength"})
    client(port, learned_rows="saved").extract(Reading, "some text")
    LEARNED.clear()  # as a new process
    client(port).extract(Reading, "some text")
    assert len(port.requests) == 3
    (row,) = learned.saved()
    assert row.refused == {"openai-strict": frozenset({"minLength"})}


def test_what_another_process_saved_meanwhile_is_kept() -> None:
    port = server({"minLength", "multipleOf"})
    one = client(port, learned_rows="saved")
    row = LEARNED.of(one.caller.backends[0])
    learned.save(
        LearnedRow(
            provider=row.provider,
            server=row.server,
            model=row.model,
            refused={"openai-strict": frozenset({"pattern"})},
        )
    )
    LEARNED.set(row)  # this process read its row before the other one wrote
    one.extract(Reading, "some text")
    (found,) = learned.saved()
    assert found.refused["openai-strict"] == {"minLength", "multipleOf", "pattern"}


@pytest.mark.parametrize(
    "text",
    [
        *("", "[]", "null", '{"version": 0}', '{"version": 1}', "\x00"),
        pytest.param("[" * 200_000, id="nested without end"),
    ],
)
def test_a_damaged_file_is_passed_over(text: str) -> None:
    port = server(set())
    backend = client(port).caller.backends[0]
    path = learned.file_of(LEARNED.of(backend))
    path.parent.mkdir(parents=True)
    path.write_text(text)
    LEARNED.clear()
    client(port).extract(Reading, "some text")
    assert not list(learned.saved())


@pytest.mark.parametrize(
    "mode",
    [
        ["strict", "nothing"],
        ["nothing", "openai-strict"],
        ["decoder", "outlines"],
        [["a"], "b"],
        ["strict", ["openai-strict"]],
        ["strict"],
        1,
    ],
)
def test_a_row_with_a_mode_that_there_is_not_is_passed_over(mode: Any) -> None:
    row = LearnedRow(provider="openai", server="s", model="m")
    assert row_from({**row.to_dict(), "modes": [mode]}) is None


def test_without_a_home_folder_keywords_are_learned_for_the_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("STRUCTGEN_CACHE", raising=False)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(Path, "home", no_home)
    port = server({"minLength"})
    client(port, learned_rows="saved").extract(Reading, "some text")
    client(port, learned_rows="saved").extract(Reading, "some text")
    assert len(port.requests) == 3
    with pytest.raises(ConfigurationError, match="no home folder") as raised:
        Client("local").plan(Reading, "some text")
    assert "STRUCTGEN_CACHE" in str(raised.value.hint)


def test_a_row_reads_back_as_it_was_written() -> None:
    row = LearnedRow(
        provider="p",
        server="s",
        model="m",
        refused={"x": frozenset({"a", "b"})},
        taken={"x": frozenset({"string.pattern"})},
        modes=(("strict", "openai-strict"),),
    )
    assert row_from(json.loads(json.dumps(row.to_dict()))) == row


def test_a_taken_keyword_is_sent_and_checked() -> None:
    port = server(set())
    one = client(port, "cerebras:m")
    row = LEARNED.of(one.caller.backends[0])
    taken = {"cerebras": frozenset({"string.minLength"})}
    LEARNED.set(LearnedRow(provider=row.provider, server=row.server, model=row.model, taken=taken))
    result = one.extract_result(Reading, "some text")
    assert schema_of(port.requests[0])["properties"]["name"]["minLength"] == 3
    assert any(one.keyword == "minLength" and "sent" in one.detail for one in result.notes)


def test_async_calls_and_streams_learn_too() -> None:
    port = server({"minLength"})
    async_client = AsyncClient("openai:gpt-x", api_key="k", transport=port)
    assert asyncio.run(async_client.extract(Reading, "some text")).name == "north"
    LEARNED.clear()
    before = len(port.requests)
    partials = list(client(port).stream(Reading, "some text"))
    assert partials[-1].value.name == "north"
    assert len(port.requests) == before + 2


def test_a_job_goes_on_after_its_server_was_found_to_refuse_a_keyword(tmp_path: Path) -> None:
    port = server({"minLength"})
    inputs = [{"key": name, "text": name} for name in ("one", "two")]

    def run() -> int:
        journal = tmp_path / "journal"
        return (
            Job(
                Reading,
                inputs,
                client=AsyncClient("openai:gpt-x", api_key="k", transport=port),
                journal=journal,
            )
            .run()
            .done
        )

    assert run() == 2
    asked = len(port.requests)
    assert run() == 2  # what was learned meanwhile is no reason to ask again
    LEARNED.clear()
    assert run() == 2
    assert len(port.requests) == asked
