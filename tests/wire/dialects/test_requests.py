"""What the dialects write, checked against the vendors' own types, and what they refuse."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter

from structgen import Client, file, image
from structgen.errors import ConfigurationError, InputError, StructgenError
from structgen.pipeline import Job
from structgen.testing import ScriptedTransport
from structgen.values import Reply, Request
from structgen.wire.endpoint import endpoint
from structgen.wire.providers import capabilities
from tests.wire.dialects.gemini_server import GEMINI
from tests.wire.dialects.parts import ANTHROPIC, RESPONSES, SERVERS, Said, Server
from tests.wire.parts import SCHEMA, built, chat_request

anthropic_types = pytest.importorskip("anthropic.types.message_create_params")
responses_types = pytest.importorskip("openai.types.responses.response_create_params")

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
PDF = base64.b64encode(b"%PDF-1.7").decode()
TOOL = {
    "type": "function",
    "function": {
        "name": "find",
        "description": "Find a place.",
        "parameters": {"type": "object", "properties": {"x": {"type": "integer"}}},
        "strict": True,
    },
}
CALL = {"id": "call_1", "type": "function", "function": {"name": "find", "arguments": '{"x":1}'}}
CONVERSATION: list[dict[str, Any]] = [
    {"role": "system", "content": "Be brief."},
    {
        "role": "user",
        "content": [
            {"type": "text", "text": "Where?"},
            image(base64.b64decode(PNG)),
            {"type": "image_url", "image_url": {"url": "https://x.test/a.png", "detail": "low"}},
            file(base64.b64decode(PDF), name="a.pdf"),
        ],
    },
    {"role": "assistant", "content": "I look it up.", "tool_calls": [CALL]},
    {"role": "tool", "tool_call_id": "call_1", "content": "Rome"},
    {"role": "user", "content": "Sure?"},
]
"""A conversation with everything that the dialects have words for."""
PARAMETERS: dict[str, Any] = {
    "tools": [TOOL],
    "tool_choice": {"type": "function", "function": {"name": "find"}},
    "parallel_tool_calls": False,
    "max_completion_tokens": 99,
    "temperature": 0.5,
    "user": "me",
}
EACH = pytest.mark.parametrize("server", [RESPONSES, ANTHROPIC], ids=["responses", "anthropic"])


def valid(body: Any, server: Server, *, stream: bool = False) -> Any:
    """A body that the SDK's own types admit, members that they do not know being refused."""
    module = responses_types if server is RESPONSES else anthropic_types
    prefix = "ResponseCreateParams" if server is RESPONSES else "MessageCreateParams"
    typed = getattr(module, f"{prefix}{'Streaming' if stream else 'NonStreaming'}")
    known = typed.__annotations__.keys() | getattr(module, f"{prefix}Base").__annotations__.keys()
    assert body.keys() <= known
    TypeAdapter(typed).validate_python(body)
    return body


def asked(server: Server, model: str = "m", **members: Any) -> Any:
    return built(chat_request(**members), server.provider, model)


# ---- against the types of the SDKs ---------------------------------------------------


@EACH
@pytest.mark.parametrize("stream", [False, True])
def test_a_conversation_is_one_that_the_sdk_would_send(server: Server, stream: bool) -> None:
    given = dict(PARAMETERS)
    if server is ANTHROPIC:
        del given["temperature"]  # its types have none any more, and nor has its newest API
    body = asked(server, messages=CONVERSATION, members=given, stream=stream)
    valid(body, server, stream=stream)


@pytest.mark.parametrize(
    ("server", "mode"), [(server, mode) for server in SERVERS[1:3] for mode in server.modes]
)
def test_every_mode_writes_what_the_sdk_would_send(server: Server, mode: Any) -> None:
    body = valid(
        asked(server, text="Answer in JSON.", mode=mode, schema=SCHEMA, schema_name="City"), server
    )
    held = json.dumps(body)
    assert ('"required"' in held) is (mode in ("strict", "best-effort", "tool"))
    assert ("tool_choice" in body) is (mode == "tool")


def test_responses_are_stateless_items() -> None:
    body = asked(RESPONSES, messages=CONVERSATION, members=PARAMETERS)
    assert body["store"] is False
    assert body["max_output_tokens"] == 99
    assert body["tool_choice"] == {"type": "function", "name": "find"}
    assert body["tools"][0]["strict"] is True
    system, user, said, call, result, again = body["input"]
    assert system == {"role": "system", "content": "Be brief."}
    assert user["content"] == [
        {"type": "input_text", "text": "Where?"},
        {"type": "input_image", "detail": "auto", "image_url": f"data:image/png;base64,{PNG}"},
        {"type": "input_image", "detail": "low", "image_url": "https://x.test/a.png"},
        {
            "type": "input_file",
            "filename": "a.pdf",
            "file_data": f"data:application/pdf;base64,{PDF}",
        },
    ]
    assert said == {"role": "assistant", "content": "I look it up."}
    assert call["arguments"] == '{"x":1}'
    assert result == {"type": "function_call_output", "call_id": "call_1", "output": "Rome"}
    assert again == {"role": "user", "content": "Sure?"}


def test_messages_are_blocks_with_the_system_prompt_apart() -> None:
    body = asked(ANTHROPIC, "claude-sonnet-4-6", messages=CONVERSATION, members=PARAMETERS)
    assert body["system"] == [{"type": "text", "text": "Be brief."}]
    assert body["max_tokens"] == 99
    assert body["temperature"] == 0.5
    assert body["metadata"] == {"user_id": "me"}
    assert body["tool_choice"] == {
        "type": "tool",
        "name": "find",
        "disable_parallel_tool_use": True,
    }
    user, said, result = body["messages"]
    assert user["content"] == [
        {"type": "text", "text": "Where?"},
        {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": PNG},
        },
        {"type": "image", "source": {"type": "url", "url": "https://x.test/a.png"}},
        {
            "type": "document",
            "title": "a.pdf",
            "source": {"type": "base64", "media_type": "application/pdf", "data": PDF},
        },
    ]
    assert said["content"] == [
        {"type": "text", "text": "I look it up."},
        {"type": "tool_use", "id": "call_1", "name": "find", "input": {"x": 1}},
    ]
    assert result["role"] == "user"
    assert [block["type"] for block in result["content"]] == ["tool_result", "text"]


# ---- particulars ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("model", "effort", "expected"),
    [
        ("gpt-5.6-sol", "high", {"reasoning": {"effort": "high"}}),
        ("gpt-4.1", "high", {}),
    ],
)
def test_responses_get_the_level_of_reasoning(model: str, effort: str, expected: Any) -> None:
    body = asked(RESPONSES, model, members={"reasoning_effort": effort})
    assert {name: body[name] for name in body if name == "reasoning"} == expected


@pytest.mark.parametrize(
    ("model", "effort", "thinking", "level", "limit"),
    [
        ("claude-sonnet-4-6", "high", {"type": "adaptive"}, "high", 8192),
        ("claude-sonnet-4-6", "none", {"type": "disabled"}, None, 8192),
        ("claude-sonnet-4-6", "minimal", {"type": "adaptive"}, "low", 8192),
        ("claude-opus-4-5", "low", {"type": "enabled", "budget_tokens": 1024}, None, 8192),
        ("claude-opus-4-5", "xhigh", {"type": "enabled", "budget_tokens": 16_384}, None, 17_408),
        ("claude-3-haiku-20240307", "high", None, None, 4096),
    ],
)
def test_claude_thinks_by_level_or_by_budget(
    model: str, effort: str, thinking: Any, level: str | None, limit: int
) -> None:
    body = asked(ANTHROPIC, model, members={"reasoning_effort": effort, "temperature": 0})
    assert body.get("thinking") == thinking
    assert body.get("output_config", {}).get("effort") == level
    assert body["max_tokens"] == limit
    thinks = thinking is not None and thinking["type"] == "enabled"
    assert ("temperature" in body) is not thinks


@pytest.mark.parametrize(
    ("server", "model", "members", "named"),
    [
        (RESPONSES, "gpt", {"stop": ["."]}, "stop"),
        (RESPONSES, "gpt", {"seed": 1}, "seed"),
        (RESPONSES, "gpt", {"n": 2}, "n"),
        (RESPONSES, "gpt-5.6-sol", {"logprobs": True}, "logprobs"),
        (ANTHROPIC, "claude", {"seed": 1}, "seed"),
        (ANTHROPIC, "claude", {"seed": 0}, "seed"),
        (ANTHROPIC, "claude", {"n": 2}, "n"),
        (ANTHROPIC, "claude", {"logit_bias": {"1": 1}}, "logit_bias"),
        (ANTHROPIC, "claude", {"tool_choice": "required"}, "tool_choice"),
        (ANTHROPIC, "claude", {"response_format": {"type": "json_object"}}, "response_format"),
        (ANTHROPIC, "claude", {"extra_body": {"messages": []}}, "messages"),
        (RESPONSES, "gpt", {"extra_body": {"input": "x"}}, "input"),
    ],
)
def test_what_a_server_has_no_words_for_is_an_error_before_sending(
    server: Server, model: str, members: dict[str, Any], named: str
) -> None:
    port = ScriptedTransport(server.line(Said("x")))
    client = Client(f"{server.provider}:{model}", api_key="k", transport=port)
    messages = [{"role": "user", "content": "Hello"}]
    with pytest.raises(ConfigurationError, match=named):
        client.chat.completions.create(messages=messages, **members)
    assert not port.requests


@EACH
def test_values_that_ask_for_nothing_are_left_out(server: Server) -> None:
    members = {"n": 1, "logprobs": False, "seed": None, "parallel_tool_calls": True}
    body = asked(server, members={**members, "stream_options": {"include_usage": True}})
    assert body.keys() <= {"model", "input", "store", "messages", "max_tokens", "system"} | (
        {"parallel_tool_calls"}
    )


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ([{"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}], InputError),
        ([{"type": "image_url", "image_url": {"url": "data:image/png,xx"}}], InputError),
        ([{"type": "file", "file": {}}], InputError),
        (7, InputError),
    ],
)
@EACH
def test_a_content_that_cannot_be_said_is_an_input_error(
    server: Server, content: Any, error: type[StructgenError]
) -> None:
    with pytest.raises(error):
        asked(server, messages=[{"role": "user", "content": content}])


def test_a_text_file_is_a_text_for_claude_and_other_files_are_refused() -> None:
    def part(media_type: str, data: bytes) -> Any:
        text = base64.b64encode(data).decode()
        url = f"data:{media_type};base64,{text}"
        return {"type": "file", "file": {"filename": "a", "file_data": url}}

    message = {"role": "user", "content": [part("text/csv", b"a,b")]}
    (block,) = asked(ANTHROPIC, messages=[message])["messages"][0]["content"]
    assert block["source"] == {"type": "text", "media_type": "text/plain", "data": "a,b"}
    for media_type, data in (("application/zip", b"PK"), ("text/plain", b"\xff")):
        with pytest.raises(InputError):
            message = {"role": "user", "content": [part(media_type, data)]}
            asked(ANTHROPIC, messages=[message])


def test_the_newest_models_of_claude_are_never_sent_a_temperature() -> None:
    """Not sent while they reason, which they do by default; refused if they are told not to."""
    sampling = {"temperature": 0, "top_p": 1.0}
    for model in ("claude-sonnet-5-5", "claude-opus-4-8", "claude-of-next-year"):
        body = asked(ANTHROPIC, model, members=sampling)
        assert not sampling.keys() & body.keys()
        with pytest.raises(ConfigurationError, match="does not take"):
            asked(ANTHROPIC, model, members={"temperature": 0, "reasoning_effort": "none"})
    body = asked(ANTHROPIC, "claude-opus-4-6", members=sampling)
    assert sampling.items() <= body.items()


def test_thinking_and_a_forced_tool_exclude_one_another() -> None:
    thinks = {"reasoning_effort": "high"}
    with pytest.raises(ConfigurationError, match="must call a tool"):
        asked(ANTHROPIC, "claude-sonnet-4-6", mode="tool", schema=SCHEMA, members=thinks)
    body = asked(ANTHROPIC, "claude-sonnet-4-6", mode="strict", schema=SCHEMA, members=thinks)
    assert body["output_config"].keys() == {"format", "effort"}


def test_members_of_the_server_s_own_are_merged() -> None:
    thinking = {"type": "enabled", "budget_tokens": 2000}
    own = {"top_k": 5, "thinking": thinking, "output_config": {"effort": "low"}}
    body = asked(ANTHROPIC, mode="strict", schema=SCHEMA, extra_body=own)
    assert body["top_k"] == 5
    assert body["thinking"] == thinking
    assert body["output_config"].keys() == {"format", "effort"}
    summary = {"reasoning": {"summary": "auto"}}
    body = asked(RESPONSES, "gpt-5.6-sol", members={"reasoning_effort": "low"}, extra_body=summary)
    assert body["reasoning"] == {"effort": "low", "summary": "auto"}


def test_a_limit_above_that_of_the_model_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match="at most 64000"):
        asked(ANTHROPIC, "claude-sonnet-4-5", members={"max_tokens": 99_000})


# ---- the cache -----------------------------------------------------------------------


class City(BaseModel):
    name: str


def marked(request: Request) -> list[tuple[str, str]]:
    """The texts that are marked for the cache, with their roles."""
    body = json.loads(request.body)
    blocks = [("system", block) for block in body["system"]]
    for message in body["messages"]:
        blocks += [(message["role"], block) for block in message["content"]]
    return [(role, block["text"]) for role, block in blocks if "cache_control" in block]


def test_the_part_that_all_documents_share_is_cached_and_nothing_else() -> None:
    port = ScriptedTransport(ANTHROPIC.line(Said('{"name":"Rome"}')))
    with Client("anthropic:claude", api_key="k", transport=port) as client:
        client.extract(City, "Rome is old.")
        client.extract(City, "I live in Rome.")
        client.extract(City, "Rome", examples=[("Oslo is cold.", City(name="Oslo"))])
        client.chat.completions.create(messages=[{"role": "user", "content": "Hello"}])
    first, second, third, chat = port.requests
    assert [role for role, _ in marked(first)] == ["system"]
    assert marked(first) == marked(second)
    ((role, text),) = marked(third)
    assert role == "assistant"
    assert "Oslo" in text
    assert b"cache_control" not in chat.body


def test_a_row_may_leave_the_cache_alone() -> None:
    from dataclasses import replace

    row = replace(capabilities("anthropic", "claude"), caches_prefix=False)
    port = ScriptedTransport(ANTHROPIC.line(Said('{"name":"Rome"}')))
    with Client("anthropic:claude", api_key="k", transport=port, capabilities=(row,)) as client:
        client.extract(City, "Rome is old.")
    assert b"cache_control" not in port.requests[0].body


# ---- around the dialects -------------------------------------------------------------


@pytest.mark.parametrize(
    ("server", "mode", "own"),
    [
        (RESPONSES, "strict", {"text": {"format": {"type": "text"}}}),
        (RESPONSES, "tool", {"tools": []}),
        (RESPONSES, "tool", {"tool_choice": "auto"}),
        (ANTHROPIC, "strict", {"output_config": {"format": None}}),
        (ANTHROPIC, "strict", {"output_config": None}),
        (ANTHROPIC, "tool", {"tool_choice": {"type": "auto"}}),
        (GEMINI, "strict", {"generationConfig": {"responseJsonSchema": {}}}),
        (GEMINI, "tool", {"tools": []}),
    ],
)
def test_nothing_replaces_the_schema_of_a_target(server: Server, mode: Any, own: Any) -> None:
    with pytest.raises(ConfigurationError, match="holds the schema of the target"):
        asked(server, mode=mode, schema=SCHEMA, extra_body=own)
    asked(server, extra_body=own)


def test_batches_are_those_of_chat_completions(tmp_path: Path) -> None:
    with Client("anthropic:claude", api_key="k", transport=ScriptedTransport("x")) as client:
        job = Job(City, ["Rome"], client=client, output=tmp_path / "out.jsonl", batch=True)
        with pytest.raises(ConfigurationError, match="batches are made"):
            job.run()


def test_models_are_listed_in_the_version_of_the_api() -> None:
    body = {"data": [{"id": "claude-sonnet-5-5", "type": "model"}], "has_more": False}
    port = ScriptedTransport(Reply(200, {}, json.dumps(body).encode()))
    with Client("anthropic:claude", api_key="k", transport=port) as client:
        assert [model.id for model in client.models.list()] == ["claude-sonnet-5-5"]
    assert "anthropic-version" in port.requests[0].headers


def test_messages_of_the_caller_are_not_changed() -> None:
    blocks = [{"type": "thinking", "thinking": "Hm.", "signature": "x"}]
    messages: list[dict[str, Any]] = [
        {"role": "user", "content": "Where?"},
        {"role": "assistant", "content": None, "native": {"anthropic": blocks}},
        {"role": "assistant", "content": "Rome."},
    ]
    before = json.dumps(messages)
    (_, said) = asked(ANTHROPIC, messages=messages)["messages"]
    assert [block["type"] for block in said["content"]] == ["thinking", "text"]
    assert json.dumps(messages) == before


@pytest.mark.parametrize(
    ("provider", "given", "expected"),
    [
        ("anthropic", "https://api.anthropic.com", "https://api.anthropic.com/v1"),
        ("anthropic", "https://gateway.test/anthropic/", "https://gateway.test/anthropic/v1"),
        ("anthropic", "https://gateway.test/anthropic/v1", "https://gateway.test/anthropic/v1"),
        ("gemini-native", "https://gateway.test/google", "https://gateway.test/google/v1beta"),
        ("openai-responses", "https://gateway.test", "https://gateway.test/v1"),
        ("openai-responses", "https://gateway.test/ai", "https://gateway.test/ai"),
    ],
)
def test_an_address_is_what_the_vendor_s_sdk_takes(
    provider: str, given: str, expected: str
) -> None:
    """Anthropic's and Google's SDKs add the version to any address; OpenAI's adds nothing."""
    row = capabilities(provider, "m")
    assert endpoint(row, given, "k", {}).base_url == expected
