"""How much a model is told to reason, and what it thought: the same for every provider's form."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel

from structgen import Client
from structgen.errors import ConfigurationError, Truncated
from structgen.options import Options
from structgen.testing.scripted import ScriptedTransport, completion
from structgen.values import Reply, Request
from structgen.wire.models.reasoning import Reasoning, with_reasoning
from tests.wire.parts import SCHEMA, built, chat_request

GPT_OSS = ("groq", "openai/gpt-oss-20b")
EFFORTS = ("none", "minimal", "low", "medium", "high", "xhigh")


class City(BaseModel):
    city: str


def sent(provider: str, model: str, **options: Any) -> dict[str, Any]:
    told: dict[str, Any] = built(chat_request(options=Options(**options)), provider, model)
    return told


@pytest.mark.parametrize(
    ("provider", "model", "asked", "told"),
    [
        (*GPT_OSS, "high", {"reasoning_effort": "high"}),
        (*GPT_OSS, "none", {"reasoning_effort": "low"}),
        (*GPT_OSS, "minimal", {"reasoning_effort": "low"}),
        (*GPT_OSS, "xhigh", {"reasoning_effort": "high"}),
        (*GPT_OSS, "default", {}),
        ("groq", "qwen/qwen3.6-27b", "high", {"reasoning_effort": "default"}),
        ("groq", "qwen/qwen3.6-27b", "none", {"reasoning_effort": "none"}),
        ("groq", "llama-3.1-8b-instant", "low", {}),
        ("openai", "gpt-5-mini", "minimal", {"reasoning_effort": "minimal"}),
        ("openai", "gpt-5.1", "minimal", {"reasoning_effort": "low"}),
        ("openai", "gpt-4.1", "high", {}),
        ("openrouter", "x/y", "low", {"reasoning": {"effort": "low"}}),
        ("mistral", "mistral-large", "low", {}),
        ("openai", "gpt-5.6-luna", "max", {"reasoning_effort": "xhigh"}),
        ("vllm", "any", "xhigh", {"reasoning_effort": "xhigh"}),
    ],
)
def test_each_model_gets_the_nearest_level_that_it_takes(
    provider: str, model: str, asked: str, told: dict[str, Any]
) -> None:
    members = sent(provider, model, reasoning_effort=asked)
    found = {name: members[name] for name in ("reasoning_effort", "reasoning") if name in members}
    assert found == told


@pytest.mark.parametrize("levels", [("low", "high"), ("none",), ("none", "default"), ()])
@pytest.mark.parametrize("asked", EFFORTS)
def test_no_level_is_sent_that_the_row_does_not_have(levels: tuple[str, ...], asked: str) -> None:
    facts = Reasoning(levels=levels)
    level = facts.nearest(asked)
    assert level is None or level in levels
    # Reasoning is never switched off for somebody who asked for it.
    assert level != "none" or asked == "none"


def test_a_temperature_is_not_sent_to_a_model_that_refuses_it_while_it_reasons() -> None:
    assert "temperature" not in sent("openai", "gpt-5", temperature=0.0, top_p=0.5)
    assert "top_p" not in sent("openai", "gpt-5", temperature=0.0, top_p=0.5)
    reasons = sent("openai", "gpt-6-luna", temperature=0.0, reasoning_effort="low")
    assert "temperature" not in reasons
    silent = sent("openai", "gpt-6-luna", temperature=0.0, reasoning_effort="none")
    assert silent["temperature"] == 0.0
    assert sent("openai", "gpt-5.1", temperature=0.0)["temperature"] == 0.0
    assert sent(*GPT_OSS, temperature=0.0, reasoning_effort="high")["temperature"] == 0.0


def test_what_the_user_gave_at_the_place_of_the_level_stays() -> None:
    facts = Reasoning(levels=("low",), member=("reasoning", "effort"))
    given = {"reasoning_effort": "low", "reasoning": {"effort": "high", "exclude": True}}
    assert with_reasoning(given, facts) == {"reasoning": {"effort": "high", "exclude": True}}


def test_reasoning_models_of_openai_get_developer_messages_and_the_new_name_of_the_limit() -> None:
    messages = [{"role": "system", "content": "a"}, {"role": "user", "content": "b"}]
    request = chat_request(messages=messages, options=Options(max_tokens=9))
    told = built(request, "openai", "o3-mini")
    assert [one["role"] for one in told["messages"]] == ["developer", "user"]
    assert (told["max_completion_tokens"], told.get("max_tokens")) == (9, None)
    assert built(request, "openai", "gpt-4.1")["messages"] == messages


@pytest.mark.parametrize("provider", ["vllm", "ollama", "mistral", "deepseek", "generic"])
def test_servers_that_know_no_developer_get_system_messages(provider: str) -> None:
    messages = [{"role": "developer", "content": "a"}, {"role": "user", "content": "b"}]
    told = built(chat_request(messages=messages), provider)
    assert [one["role"] for one in told["messages"]] == ["system", "user"]


def test_groq_keeps_the_developer_role_as_its_page_has_it() -> None:
    messages = [{"role": "developer", "content": "a"}]
    assert built(chat_request(messages=messages), *GPT_OSS)["messages"] == messages


# ---- Groq's own members --------------------------------------------------------------------------


def test_forms_of_reasoning_that_groq_refuses_together_are_not_sent() -> None:
    both = {"reasoning_format": "parsed", "include_reasoning": False}
    with pytest.raises(ConfigurationError, match="both given"):
        built(chat_request(members=both), "groq", "qwen/qwen3.8-27b")
    raw = {"reasoning_format": "raw"}
    for more in ({"response_format": {"type": "json_object"}}, {"tools": [{"type": "function"}]}):
        asked = chat_request("JSON", members={**raw, **more})
        with pytest.raises(ConfigurationError, match="raw reasoning"):
            built(asked, "groq", "qwen/qwen3.8-27b")
    with pytest.raises(ConfigurationError, match="raw reasoning"):
        built(chat_request(members=raw, schema=SCHEMA, mode="strict"), *GPT_OSS)
    assert built(chat_request(members=raw), "groq", "qwen/qwen3.8-27b")["reasoning_format"] == "raw"


@pytest.mark.parametrize("member", [{"include_reasoning": False}, {"reasoning_format": "hidden"}])
def test_the_form_of_reasoning_is_sent_as_it_is(member: dict[str, Any]) -> None:
    told = built(chat_request(members=member), "groq", "qwen/qwen3.8-27b")
    assert told.items() >= member.items()


# ---- what the model thought ----------------------------------------------------------------------

USAGE = {
    "prompt_tokens": 5,
    "completion_tokens": 9,
    "completion_tokens_details": {"reasoning_tokens": 7},
}
MISTRAL = [
    {"type": "thinking", "thinking": [{"type": "text", "text": "It is "}, {"text": "Rome."}]},
    {"type": "text", "text": '{"city": "Rome"}'},
]


def reply(message: dict[str, Any]) -> Reply:
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", **message}}
    return Reply(200, {}, json.dumps({"choices": [choice], "usage": USAGE}).encode())


@pytest.mark.parametrize(
    "message",
    [
        {"content": '{"city": "Rome"}', "reasoning": "It is Rome."},
        {"content": '{"city": "Rome"}', "reasoning_content": "It is Rome."},
        {"content": '<think>It is Rome.</think>\n{"city": "Rome"}'},
        {"content": 'It is Rome.\n</think>\n\n{"city": "Rome"}'},
        {"content": MISTRAL},
    ],
    ids=["reasoning", "reasoning_content", "tags", "closing tag alone", "parts"],
)
def test_what_the_model_thought_is_in_the_result(message: dict[str, Any]) -> None:
    client = Client("vllm:m", transport=ScriptedTransport(reply(message)))
    result = client.extract_result(City, "x")
    assert result.value == City(city="Rome")
    assert result.reasoning == "It is Rome."
    assert result.usage.reasoning_tokens == 7
    assert result.to_dict("reasoning") == {"reasoning": "It is Rome."}


def test_an_answer_without_thoughts_has_none() -> None:
    client = Client("vllm:m", transport=ScriptedTransport('{"city": "<think>"}'))
    assert client.extract_result(City, "x").reasoning is None


def event(**delta: Any) -> bytes:
    return b"data: " + json.dumps({"choices": [{"delta": delta}]}).encode() + b"\n\n"


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_a_stream_shows_no_thoughts_as_partials_and_keeps_them_in_the_result(name: str) -> None:
    end = b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
    lines = [
        event(**{name: 'Is it {"city": "Oslo"}? '}),
        event(**{name: "No."}),
        event(content='{"city": '),
        event(content='"Rome"}'),
        end,
    ]
    client = Client("vllm:m", transport=ScriptedTransport(lines))
    with client.stream(City, "x") as stream:
        shown = [getattr(partial.value, "city", None) for partial in stream]
    assert "Oslo" not in str(shown)
    assert stream.result is not None
    assert stream.result.value == City(city="Rome")
    assert stream.result.reasoning == 'Is it {"city": "Oslo"}? No.'


def test_an_answer_that_ends_within_its_thoughts_is_truncated() -> None:
    cut = {"choices": [{"finish_reason": "length", "message": {"content": "", "reasoning": "Hm"}}]}
    client = Client("vllm:m", transport=ScriptedTransport(Reply(200, {}, json.dumps(cut).encode())))
    with pytest.raises(Truncated):
        client.extract(City, "x")


@pytest.mark.parametrize("name", ["reasoning", "reasoning_content"])
def test_chat_has_the_thoughts_under_one_name(name: str) -> None:
    messages = [{"role": "user", "content": "x"}]
    whole = Client("vllm:m", transport=ScriptedTransport(reply({"content": "a", name: "Hm."})))
    message = whole.chat.completions.create(messages=messages).choices[0].message
    assert (message.content, message.reasoning) == ("a", "Hm.")
    end = b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
    lines = [event(**{name: "H"}), event(**{name: "m."}), event(content="a"), end]
    streamed = Client("vllm:m", transport=ScriptedTransport(lines))
    chunks = list(streamed.chat.completions.create(messages=messages, stream=True))
    assert "".join(chunk.choices[0].delta.reasoning or "" for chunk in chunks) == "Hm."


# ---- extract and chat ----------------------------------------------------------------------------


def answer(request: Request) -> Reply:
    return Reply(200, {}, completion('{"city": "Rome"}'))


def test_the_effort_is_an_option_of_clients_and_calls_and_of_chat() -> None:
    transport = ScriptedTransport(answer)
    client = Client("groq:openai/gpt-oss-20b", api_key="k", transport=transport)
    client.extract(City, "x", reasoning_effort="low")
    client.chat.completions.create(
        messages=[{"role": "user", "content": "x"}], reasoning_effort="minimal"
    )
    told = [json.loads(request.body).get("reasoning_effort") for request in transport.requests]
    assert told == ["low", "low"]
    plan = client.plan(City, "x", reasoning_effort="high")
    assert plan.body is not None
    assert plan.body["reasoning_effort"] == "high"
    wrong: Any = "much"
    with pytest.raises(ConfigurationError, match="reasoning_effort"):
        client.extract(City, "x", reasoning_effort=wrong)
