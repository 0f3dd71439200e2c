"""Odd but legal values, in every dialect: they end as any other, or in a typed error."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from structgen import Client
from structgen.errors import InputError, Truncated
from structgen.testing import ScriptedTransport, completion
from structgen.values import Reply
from tests.wire.dialects.parts import (
    ANTHROPIC,
    GEMINI,
    OLLAMA,
    RESPONSES,
    SERVERS,
    Said,
    Server,
    response,
)
from tests.wire.dialects.said import named
from tests.wire.parts import built, chat_request

EACH = pytest.mark.parametrize("server", SERVERS, ids=[server.provider for server in SERVERS])
NATIVE = pytest.mark.parametrize(
    "server", [RESPONSES, ANTHROPIC, GEMINI, OLLAMA], ids=lambda server: server.provider
)
HUGE = 10**400
"""An integer that JSON has, and no float."""
PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
CITY = '{"name":"Rome"}'
USER = {"role": "user", "content": "Hello"}


class City(BaseModel):
    name: str


# ---- numbers of replies --------------------------------------------------------------

TOKENS = [{"token": "x", "logprob": -0.1, "bytes": None}]
MEASURED: dict[str, dict[str, Any]] = {
    "vllm": {
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "x"},
                "finish_reason": "stop",
                "logprobs": {"content": TOKENS},
            }
        ],
        "usage": {"prompt_tokens": 1, "queue_time": 0.1, "completion_time": 0.2},
        "timings": {"prompt_ms": 1.5, "predicted_ms": 2},
    },
    "openai-responses": {
        "object": "response",
        "status": "completed",
        "created_at": 1,
        "output": [
            {
                "type": "message",
                "content": [{"type": "output_text", "text": "x", "logprobs": TOKENS}],
            }
        ],
        "usage": {"input_tokens": 1, "output_tokens": 1},
    },
    "anthropic": {
        "type": "message",
        "content": [{"type": "text", "text": "x"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 1, "cache_read_input_tokens": 1},
    },
    "gemini-native": {
        "candidates": [
            {
                "content": {"parts": [{"text": "x"}]},
                "finishReason": "STOP",
                "logprobsResult": {"chosenCandidates": [{"token": "x", "logProbability": -0.1}]},
            }
        ],
        "usageMetadata": {"promptTokenCount": 1, "thoughtsTokenCount": 1},
    },
    "ollama-native": {
        "message": {"role": "assistant", "content": "x"},
        "done": True,
        "load_duration": 1,
        "eval_duration": 1,
        "eval_count": 1,
        "logprobs": TOKENS,
    },
}
"""Answers with all numbers that are read."""


def with_one_huge(value: Any) -> Iterator[Any]:
    """The value, over and over, each time with another of its numbers replaced."""
    if value.__class__ in (int, float):
        yield HUGE
    places: list[tuple[Any, Any]] = []
    if isinstance(value, dict | list):
        places = list(value.items() if isinstance(value, dict) else enumerate(value))
    for place, item in places:
        for changed in with_one_huge(item):
            copy = value.copy()
            copy[place] = changed
            yield copy


@pytest.mark.parametrize("provider", MEASURED)
def test_a_number_that_no_float_can_hold_costs_no_answer(provider: str) -> None:
    bodies = list(with_one_huge(MEASURED[provider]))
    assert bodies
    for body in bodies:
        port = ScriptedTransport(Reply(200, {}, json.dumps(body).encode()))
        with Client(f"{provider}:m", api_key="k", transport=port, max_retries=0) as client:
            answer = client.chat.completions.create(messages=[USER])
        assert answer.choices[0].message.content == "x"


# ---- parameters ----------------------------------------------------------------------


@NATIVE
def test_both_names_of_the_token_limit_mean_the_same_at_0(server: Server) -> None:
    """0 goes to the server, which refuses it: without it the answer would have any length."""
    for name in ("max_tokens", "max_completion_tokens"):
        body = built(chat_request(members={name: 0}), server.provider)
        assert 0 in list(_numbers(body)), name
    both = {"max_tokens": 5, "max_completion_tokens": 0}
    assert 5 not in list(_numbers(built(chat_request(members=both), server.provider)))


def _numbers(value: Any) -> Iterator[int]:
    if value.__class__ is int:
        yield value
    if isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _numbers(item)


# ---- messages ------------------------------------------------------------------------


@EACH
def test_what_the_model_declined_is_part_of_the_conversation(server: Server) -> None:
    declined = {"role": "assistant", "content": None, "refusal": "I must decline."}
    body = built(chat_request(messages=[USER, declined, USER]), server.provider)
    assert "I must decline." in json.dumps(body)


@NATIVE
def test_an_image_in_an_answer_is_sent_or_refused_and_never_left_out(server: Server) -> None:
    part = {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
    said = {"role": "assistant", "content": [{"type": "text", "text": "Look:"}, part]}
    try:
        body = built(chat_request(messages=[USER, said, USER]), server.provider)
    except InputError as error:
        assert error.hint
    else:
        assert PNG in json.dumps(body)


def test_a_role_that_gemini_would_take_for_the_user_is_an_error() -> None:
    said = {"role": "model", "content": "Hello."}
    with pytest.raises(InputError, match="'model'") as caught:
        built(chat_request(messages=[USER, said, USER]), GEMINI.provider)
    assert "assistant" in str(caught.value.hint)


@pytest.mark.parametrize("content", ["", None, []])
def test_an_empty_answer_is_no_turn_for_anthropic(content: Any) -> None:
    """The server refuses messages without blocks, and an empty answer may be put back."""
    empty = {"role": "assistant", "content": content}
    body = built(chat_request(messages=[USER, empty, USER]), ANTHROPIC.provider)
    assert [turn["role"] for turn in body["messages"]] == ["user"]
    assert len(body["messages"][0]["content"]) == 2


# ---- endings -------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
def test_an_item_that_is_incomplete_makes_no_whole_answer(stream: bool) -> None:
    body = response(Said(CITY))
    body["output"][0]["status"] = "incomplete"
    event = {"type": "response.output_text.delta", "output_index": 0, "delta": CITY}
    events = [named(event), named({"type": "response.completed", "response": body})]
    reply = Reply(200, {}, json.dumps(body).encode())
    port = ScriptedTransport(events if stream else reply)
    with (
        Client("openai-responses:m", api_key="k", transport=port, max_reasks=0) as client,
        pytest.raises(Truncated),
    ):
        _ = list(client.stream(City, "Rome")) if stream else client.extract(City, "Rome")


@pytest.mark.parametrize(
    ("reason", "is_limit"),
    [("length", True), ("MAX_TOKENS", True), ("pause_turn", False), ("OTHER", False)],
)
def test_more_tokens_are_advised_only_against_a_limit_of_tokens(
    reason: str, is_limit: bool
) -> None:
    port = ScriptedTransport(Reply(200, {}, completion(CITY, finish_reason=reason)))
    with (
        Client("vllm:m", transport=port, max_reasks=0) as client,
        pytest.raises(Truncated) as caught,
    ):
        client.extract(City, "Rome")
    assert ("Raise max_tokens" in str(caught.value)) is is_limit
