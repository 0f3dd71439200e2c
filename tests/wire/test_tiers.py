"""The service tier: an option of calls, in each provider's words, refused where there is none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from structgen import Client
from structgen.errors import ConfigurationError, RateLimitError
from structgen.testing import ScriptedTransport
from structgen.testing.faulty import error_body
from structgen.values import Reply
from tests.wire.dialects import gemini_server

WHOLE = Reply(200, {}, gemini_server.whole("7"))


@pytest.mark.parametrize(
    ("model", "tier", "member", "line"),
    [
        ("groq:openai/gpt-oss-20b", "flex", "service_tier", '{"value":7}'),
        ("openai:gpt-6-luna", "priority", "service_tier", '{"value":7}'),
        ("together:m", "flex", "service_tier", '{"value":7}'),
        ("gemini-native:gemini-3.8-flash", "flex", "serviceTier", WHOLE),
    ],
)
def test_a_tier_is_sent_in_the_words_of_the_provider(
    model: str, tier: Any, member: str, line: Any
) -> None:
    script = ScriptedTransport(line)
    client = Client(model, api_key="k", transport=script, service_tier=tier)
    assert client.extract(int, "seven") == 7
    assert json.loads(script.requests[0].body)[member] == tier


@pytest.mark.parametrize(
    ("model", "tier", "hint"),
    [
        ("groq:openai/gpt-oss-20b", "priority", "on_demand"),
        ("openai:gpt-6-luna", "on_demand", "priority"),
        ("vllm:m", "flex", "Leave `service_tier` out"),
        ("ollama-native:m", "flex", "Leave `service_tier` out"),
    ],
)
def test_a_tier_that_there_is_not_is_refused_before_sending(
    model: str, tier: Any, hint: str
) -> None:
    script = ScriptedTransport("7")
    client = Client(model, api_key="k", transport=script)
    messages = [{"role": "user", "content": "hi"}]
    for call in (
        lambda: client.extract(int, "seven", service_tier=tier),
        lambda: client.plan(int, "seven", service_tier=tier),
        lambda: client.chat.completions.create(messages=messages, service_tier=tier),
    ):
        with pytest.raises(ConfigurationError, match=hint):
            call()
    assert not script.requests


def test_a_word_that_is_no_tier_anywhere_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="service_tier"):
        Client("groq:openai/gpt-oss-20b", api_key="k", service_tier="batch")  # type: ignore[arg-type]


def test_a_full_flex_tier_is_tried_again() -> None:
    full = Reply(498, {}, error_body("capacity exceeded", code="capacity_exceeded"))
    script = ScriptedTransport(full, '{"value":7}')
    client = Client("groq:openai/gpt-oss-20b", api_key="k", transport=script, service_tier="flex")
    assert client.extract(int, "seven", max_retries=1) == 7
    script = ScriptedTransport(full)
    with pytest.raises(RateLimitError, match="498"):
        Client("groq:openai/gpt-oss-20b", api_key="k", transport=script).extract(
            int, "seven", service_tier="flex", max_retries=0
        )
