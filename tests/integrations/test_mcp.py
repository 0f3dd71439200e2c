"""The server of MCP, driven by the official client, in this process and over a pipe."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
from mcp import StdioServerParameters
from mcp.client.client import Client as McpClient
from mcp.client.stdio import stdio_client
from mcp_types import ElicitResult
from pydantic import BaseModel

from structgen import Client
from structgen.integrations import mcp_server
from structgen.testing import ScriptedModel

ROOT = Path(__file__).parents[2]
TOOLS = ["list_targets", "extract", "extract_document", "evaluate", "fill_form"]


class Home(BaseModel):
    city: str
    street: str | None = None


class Person(BaseModel):
    name: str
    age: int | None = None
    home: Home | None = None


ADA = '{"name": "Ada", "age": 36, "home": null}'
MODES = pytest.mark.parametrize("mode", ["legacy", "auto"])
"""With a handshake, and as of revision 2026-07-28."""


def call(
    tool: str, arguments: dict[str, Any], *answers: str, mode: str = "auto", user: Any = None
) -> Any:
    """What a tool gives to the official client."""

    async def run() -> Any:
        model = ScriptedModel(*(answers or (ADA,)))
        server = mcp_server({"person": Person}, Client(model))
        async with McpClient(server, mode=mode, elicitation_callback=user) as client:
            return await client.call_tool(tool, arguments)

    return asyncio.run(run())


def test_the_tools_are_listed_with_descriptions() -> None:
    async def run() -> Any:
        async with McpClient(mcp_server({"person": Person}, Client(ScriptedModel(ADA)))) as client:
            return await client.list_tools()

    listed = asyncio.run(run()).tools
    assert [tool.name for tool in listed] == TOOLS
    assert all(tool.description for tool in listed)


@MODES
def test_targets_are_listed_with_their_schemas(mode: str) -> None:
    found = call("list_targets", {}, mode=mode).structured_content
    assert found["person"]["properties"].keys() == {"name", "age", "home"}


@MODES
def test_a_record_is_extracted(mode: str) -> None:
    result = call("extract", {"target": "person", "text": "Ada is 36."}, mode=mode)
    assert not result.is_error
    assert result.structured_content == {
        "value": {"name": "Ada", "age": 36, "home": None},
        "absent": ["/home"],
    }


def test_a_long_document_is_extracted() -> None:
    result = call("extract_document", {"target": "person", "text": "Ada is 36."})
    assert result.structured_content["value"]["name"] == "Ada"


def test_an_evaluation_gives_figures(tmp_path: Path) -> None:
    gold = tmp_path / "gold.jsonl"
    gold.write_text(json.dumps({"text": "Ada is 36.", "value": {"name": "Ada", "age": 36}}))
    found = call("evaluate", {"target": "person", "gold": str(gold)}).structured_content
    assert found["figures"]["recall"] == 1.0


@pytest.mark.parametrize(
    ("arguments", "answer", "said"),
    [
        ({"target": "persn", "text": "x"}, ADA, "Did you mean 'person'"),
        ({"target": "person", "text": "x"}, "no json", "not JSON"),
    ],
)
def test_errors_are_told_to_the_assistant(
    arguments: dict[str, Any], answer: str, said: str
) -> None:
    result = call("extract", arguments, answer)
    assert result.is_error
    assert said in result.content[0].text


@MODES
def test_a_form_is_flat_for_the_user_and_comes_back_nested(mode: str) -> None:
    asked: list[Any] = []

    async def user(context: Any, params: Any) -> ElicitResult:
        asked.append(params)
        content: dict[str, Any] = {"name": "Ada", "home.city": "London"}
        return ElicitResult(action="accept", content=content)

    result = call("fill_form", {"target": "person"}, mode=mode, user=user)
    assert result.structured_content["value"] == {
        "name": "Ada",
        "age": None,
        "home": {"city": "London", "street": None},
    }
    [form] = asked
    assert list(form.requested_schema["properties"]) == ["name", "age", "home.city", "home.street"]


@MODES
def test_a_wrong_form_is_asked_again_and_a_declined_one_is_not(mode: str) -> None:
    asked: list[str] = []

    async def user(context: Any, params: Any) -> ElicitResult:
        asked.append(params.message)
        if len(asked) > 1:
            return ElicitResult(action="decline")
        return ElicitResult(action="accept", content={"age": 3})

    result = call("fill_form", {"target": "person"}, mode=mode, user=user)
    assert result.structured_content == {"action": "decline", "value": None}
    assert "/name" in asked[1]


@pytest.mark.slow
def test_the_command_serves_over_standard_input_and_output(
    tmp_path: Path, embedded_cache: Path
) -> None:
    schema = {
        "title": "person",
        "type": "object",
        "properties": {"name": {"type": "string"}},
        "required": ["name"],
    }
    (tmp_path / "person.json").write_text(json.dumps(schema))
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "structgen", "mcp", str(tmp_path / "person.json"), "--model", "local"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )

    async def run() -> Any:
        async with McpClient(stdio_client(command)) as client:
            tools = [tool.name for tool in (await client.list_tools()).tools]
            arguments = {"target": "person", "text": "Ada Lovelace was 36."}
            return tools, await client.call_tool("extract", arguments)

    tools, result = asyncio.run(run())
    assert tools == TOOLS
    assert "Ada" in result.structured_content["value"]["name"]
