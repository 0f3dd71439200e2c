"""A probe finds out what a server takes and what it enforces; its row is picked up when saved."""

from __future__ import annotations

import asyncio
import io
import json

import pytest
from pydantic import BaseModel, Field

from structgen import AsyncClient, Client
from structgen.cli import main as cli
from structgen.errors import AuthenticationError, ConfigurationError
from structgen.extraction import learned
from structgen.extraction.learned import LEARNED
from structgen.extraction.probe_set import BASE, CONSTRUCTS
from structgen.testing import AnyModel, ScriptedTransport
from structgen.testing.scripted import Line
from structgen.values import Reply, Request

REFUSED = {"minLength", "uniqueItems", "const"}


class Name(BaseModel):
    name: str = Field(min_length=3, max_length=8, pattern="^[a-z]+$")
    kind: str | None = None


def line(request: Request) -> Line:
    """A server that refuses some keywords, enforces `type` and `maxLength`, and takes the rest."""
    body = json.loads(request.body)
    told = body["messages"][-1]["content"].partition("nothing else: ")[2]
    given = body.get("response_format", {}).get("json_schema", {}).get("schema", {})
    if not told:
        return json.dumps({"name": "north", "kind": None})
    part = given["properties"]["value"]
    for word in sorted(REFUSED & set(part)):
        message = f"Invalid schema: In context=('properties', 'value'), '{word}' is not permitted."
        return Reply(400, {}, json.dumps({"error": {"message": message}}).encode())
    is_enforced = "maxLength" in part or part == {"type": "string"}
    return json.dumps({"value": "red"}) if is_enforced else told


def client(model: str = "openai:gpt-x", *lines: Line) -> Client:
    return Client(model, api_key="k", transport=ScriptedTransport(*(lines or (line,))))


def test_a_probe_tells_what_is_held_taken_and_refused() -> None:
    found = client().probe()
    assert found.offered
    assert found.outcomes.keys() == {one.name for one in (BASE, *CONSTRUCTS)}
    assert found.outcomes["string.maxLength"] == "held"
    assert found.outcomes["string.pattern"] == "taken"
    assert {name for name, outcome in found.outcomes.items() if outcome == "refused"} == {
        "string.minLength",
        "array.uniqueItems",
        "const",
    }
    assert "'minLength' is not permitted" in found.messages["string.minLength"]
    assert "minLength" in found.table()
    assert found.row.refused["openai-strict"] == {"minLength", "const"}  # it has no uniqueItems
    assert "object.patternProperties" in found.row.taken["openai-strict"]


def test_a_saved_row_is_picked_up_by_later_calls() -> None:
    port = ScriptedTransport(line)
    path = Client("openai:gpt-x", api_key="k", transport=port).probe().save()
    assert json.loads(path.read_text())["refused"] == {"openai-strict": ["const", "minLength"]}
    LEARNED.clear()  # as a new process
    result = Client("openai:gpt-x", api_key="k", transport=port).extract_result(Name, "some text")
    assert len(result.attempts) == 1
    assert any("openai-strict without const, minLength" in one.detail for one in result.notes)


def test_a_server_without_a_row_gets_the_strict_mode_that_it_was_found_to_have() -> None:
    port = ScriptedTransport(line)
    before = Client("m", base_url="http://scripted/v1", transport=port)
    assert before.plan(Name, "text").mode == "json-object"
    before.probe().save()
    LEARNED.clear()
    after = Client("m", base_url="http://scripted/v1", transport=port)
    assert after.plan(Name, "text").mode == "strict"
    assert after.extract(Name, "some text").name == "north"
    assert after.plan(Name, "text", learned_rows="off").mode == "json-object"


def test_a_server_that_ignores_schemas_is_told_as_such_after_one_question() -> None:
    port = ScriptedTransport(json.dumps({"value": 7}))
    found = Client("openai:gpt-x", api_key="k", transport=port).probe()
    assert not found.offered
    assert found.outcomes == {BASE.name: "taken"}
    assert len(port.requests) == 1
    assert not found.row.refused
    assert "does not hold answers" in found.table()


def test_other_errors_are_raised() -> None:
    refusal = Reply(401, {}, b'{"error": {"message": "no"}}')
    with pytest.raises(AuthenticationError):
        client("openai:gpt-x", refusal).probe()
    with pytest.raises(ConfigurationError, match="no model on a server"):
        Client(AnyModel()).probe()


def test_async_clients_probe_too() -> None:
    port = ScriptedTransport(line)
    one = AsyncClient("openai:gpt-x", api_key="k", transport=port)
    assert asyncio.run(one.probe()).row == client().probe().row


def run(*words: str) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    return cli.run(words, io.StringIO(), out, err), out.getvalue(), err.getvalue()


def test_the_command_lists_providers() -> None:
    code, out, _ = run("providers")
    assert code == 0
    assert "groq-strict" in out


def test_the_command_probes_and_saves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "structgen.extraction.backends.HttpTransport", lambda *_, **__: ScriptedTransport(line)
    )
    url = "http://scripted/v1"
    code, out, err = run("providers", "probe", "any", "--base-url", url, "--save")
    assert code == 0
    assert json.loads(out)["outcomes"]["string.maxLength"] == "held"
    assert "saved in" in err
    (row,) = learned.saved()
    assert (row.provider, row.server, row.model) == ("generic", url, "any")
    code, out, err = run("providers", "probe", "any", "--base-url", url, "--quiet")
    assert (code, err) == (0, "")
