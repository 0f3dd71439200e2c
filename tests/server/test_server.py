"""Who may ask, what is refused and how, clients that leave, queues that are full, and the end."""

from __future__ import annotations

import io
import json
import logging
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from structgen.cli import main as cli
from structgen.cli.exits import USAGE
from structgen.local.engine import Engine
from structgen.server.rate_limiter import RateLimiter, duration
from tests.server.conftest import MANY, Running, asking, running

NUMBERS = ", ".join(map(str, range(1, 15)))
LONG = {
    "messages": [{"role": "user", "content": f"Write all numbers from 1 to 10000: {NUMBERS},"}],
    "max_tokens": 1500,
    "temperature": 0,
}
"""The model goes on counting, without any doubt: a story may end at any time."""


def wait_until(holds: Callable[[], bool]) -> None:
    ends = time.monotonic() + 600
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.02)


def turns(engine: Engine) -> int:
    """Answers that the engine is computing now."""
    batcher = getattr(engine._loaded, "_batcher", None)  # which is made with the first question
    return len(batcher._turns) if batcher else 0


def strict(schema: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "it", "strict": True, "schema": schema, **more},
        }
    }


OPEN = {"type": "object", "properties": {"a": {"type": "string"}}, "required": ["a"]}
LOOSE = {
    "type": "object",
    "properties": {"a": {"type": "string"}, "b": {"type": "string"}},
    "required": ["a"],
}
TOOL = {"type": "function", "function": {"name": "look", "parameters": OPEN}}

REFUSED: list[tuple[dict[str, Any], int, str | None, str]] = [
    ({"model": "gpt-0"}, 404, "model_not_found", "`gpt-0` does not exist"),
    ({"model": 3}, 400, None, "'model' : value must be a string"),
    ({"messages": []}, 400, None, "'messages' : number of items"),
    (
        {"messages": [{"role": "owl", "content": "x"}]},
        400,
        None,
        "'messages.0' : discriminator property 'role'",
    ),
    ({"messages": [{"role": "user"}]}, 400, None, "property 'content' is missing"),
    (
        {
            "messages": [
                {"role": "user", "content": [{"type": "image_url", "image_url": {"url": "x"}}]}
            ]
        },
        400,
        None,
        "type 'text'",
    ),
    ({"temperature": 2.5}, 400, None, "'temperature' : number must be between 0 and 2"),
    ({"top_p": "all"}, 400, None, "'top_p' : value must be a number"),
    ({"seed": 1.5}, 400, None, "'seed' : value must be an integer"),
    ({"n": 2}, 400, None, "'n' :"),
    ({"max_tokens": 0}, 400, None, "'max_tokens' :"),
    ({"stop": ["a", "b", "c", "d", "e"]}, 400, None, "at most 4"),
    ({"stop": ""}, 400, None, "none of them empty"),
    ({"stream_options": {"include_usage": True}}, 400, None, "only allowed with `stream: true`"),
    ({"top_logprobs": 2}, 400, None, "`top_logprobs` is not supported"),
    ({"frequency_penalty": 1}, 400, None, "`frequency_penalty` is not supported"),
    ({"colour": "red"}, 400, None, "property 'colour' is unsupported"),
    ({"response_format": {"type": "xml"}}, 400, None, "'response_format.type'"),
    ({"response_format": {"type": "json_object"}}, 400, None, "must contain the word 'json'"),
    ({"response_format": {"type": "json_schema"}}, 400, None, "property 'json_schema' is missing"),
    (strict(OPEN), 400, None, "`additionalProperties:false` must be set on every object"),
    (
        strict({**LOOSE, "additionalProperties": False}),
        400,
        None,
        "must be listed in `required`: b",
    ),
    (
        strict({"type": "owl"}, strict=False),
        400,
        None,
        "invalid JSON schema for response_format: 'it'",
    ),
    (
        {**strict({"type": "array", "items": {"type": "null"}}), "stop": "x"},
        400,
        None,
        "`stop` is not supported",
    ),
    (
        {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "hear"}}},
        400,
        None,
        "'tool_choice'",
    ),
    ({"tools": [{"type": "browser_search"}]}, 400, None, "only tools of type 'function'"),
    (
        {"messages": [{"role": "user", "content": "long " * 2100}]},
        400,
        "context_length_exceeded",
        "reduce the length",
    ),
]


@pytest.mark.parametrize(
    ("body", "status", "code", "said"), REFUSED, ids=lambda value: str(value)[:40]
)
def test_what_is_wrong_is_told_in_groqs_words(
    body: dict[str, Any], status: int, code: str | None, said: str, served: Running
) -> None:
    reply = served.chat(**body)
    error = reply.json()["error"]
    assert (reply.status_code, error["type"], error.get("code")) == (
        status,
        "invalid_request_error",
        code,
    )
    assert said in error["message"]
    assert reply.headers["x-request-id"].startswith("req_")


def test_other_paths_methods_and_bodies_are_refused(served: Running, small_engine: Engine) -> None:
    assert served.http.get("/v1/nothing").json()["error"]["code"] == "unknown_url"
    wrong_method = served.http.get("/v1/chat/completions")
    assert wrong_method.status_code == 405
    assert wrong_method.headers["allow"] == "POST"
    assert "Ask this URL with POST" in wrong_method.json()["error"]["message"]
    for body in (b"", b"{", b"[]", b"\xff", b'{"model": NaN}', b"[" * 100_000, b'{"a": "\\ud800"}'):
        reply = served.http.post("/v1/chat/completions", content=body)
        assert (reply.status_code, reply.json()["error"]["code"]) == (400, "invalid_json")
    with running(small_engine, max_body=1000) as narrow:
        reply = narrow.chat(user="x" * 1000)
        assert (reply.status_code, reply.json()["error"]["code"]) == (413, "request_too_large")


def test_only_holders_of_a_key_are_answered(small_engine: Engine) -> None:
    with running(small_engine, keys=("sk-one", "schlüssel")) as guarded:
        for header in (
            {},
            {"authorization": "Bearer sk-on"},
            {"authorization": "Basic sk-one"},
            {"authorization": "Bearer"},
        ):
            for path in ("/v1/models", "/metrics"):
                reply = guarded.http.get(path, headers=header)
                assert (reply.status_code, reply.json()["error"]["code"]) == (
                    401,
                    "invalid_api_key",
                )
        for key in ("sk-one", "schlüssel"):
            assert (
                guarded.http.get(
                    "/openai/v1/models", headers={b"authorization": f"Bearer {key}".encode()}
                ).status_code
                == 200
            )
        assert guarded.http.get("/health").json() == {"status": "ok", "model": "smollm2-135m"}
        assert "sk-one" not in repr(guarded.server)


def test_without_a_key_only_loopback_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("STRUCTGEN_API_KEY", raising=False)
    err = io.StringIO()
    assert cli.run(["serve", "--host", "0.0.0.0"], io.StringIO(), io.StringIO(), err) == USAGE
    assert "--api-key" in err.getvalue()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert cli.run(["serve", "--port", port], io.StringIO(), io.StringIO(), err) == USAGE
    assert cli.run(["serve", "--queue", "-1"], io.StringIO(), io.StringIO(), err) == USAGE


def test_limits_are_told_and_kept() -> None:
    now = 0.0
    limits = RateLimiter(2, 600, clock=lambda: now)
    limits.admit("m", 100)
    limits.settle(-40)
    told = limits.headers()
    assert told["x-ratelimit-remaining-requests"] == "1"
    assert told["x-ratelimit-reset-requests"] == "12h0m0s"
    assert (told["x-ratelimit-limit-tokens"], told["x-ratelimit-remaining-tokens"]) == (
        "600",
        "540",
    )
    assert told["x-ratelimit-reset-tokens"] == "6s"
    now = 6.0
    assert limits.headers()["x-ratelimit-remaining-tokens"] == "600"


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (0, "0s"),
        (7.66, "7.66s"),
        (179.56, "2m59.56s"),
        (60, "1m0s"),
        (3600, "1h0m0s"),
        (59.9999, "1m0s"),
        (10, "10s"),
    ],
)
def test_durations_are_written_as_go_writes_them(seconds: float, said: str) -> None:
    assert duration(seconds) == said


def test_who_asks_too_often_is_told_when_to_come_back(small_engine: Engine) -> None:
    with running(small_engine, rate_limiter=RateLimiter(1, MANY)) as slow:
        assert slow.chat().headers["x-ratelimit-remaining-requests"] == "0"
        reply = slow.chat()
    assert (reply.status_code, reply.json()["error"]["code"]) == (429, "rate_limit_exceeded")
    assert (
        "requests per day (RPD): Limit 1, Used 1, Requested 1. Please try again in "
        in reply.json()["error"]["message"]
    )
    assert int(reply.headers["retry-after"]) > 80_000


def test_what_the_grammar_cannot_hold_is_checked_before_it_counts_as_an_answer(
    served: Running,
) -> None:
    """Nothing holds `not` while decoding: what breaks it is Groq's error, and after the first event
    an event of a failure.
    """
    broken = strict(
        {
            "type": "object",
            "properties": {"a": {"const": 1}},
            "required": ["a"],
            "additionalProperties": False,
            "not": {"required": ["a"]},
        },
        strict=False,
    )
    reply = served.chat(max_tokens=24, **broken)
    assert (reply.status_code, reply.json()["error"]["code"]) == (400, "json_validate_failed")
    assert json.loads(reply.json()["error"]["failed_generation"]) == {"a": 1}
    text = served.chat(max_tokens=24, stream=True, **broken).text
    assert text.count("event: error") == 1
    assert "json_validate_failed" in text
    assert "[DONE]" not in text


def test_an_answer_for_which_there_is_no_room_says_so(served: Running) -> None:
    record = {
        "type": "object",
        "properties": {"a": {"const": "b" * 500}},
        "required": ["a"],
        "additionalProperties": False,
    }
    choice = served.chat(**strict(record)).json()["choices"][0]
    assert choice["finish_reason"] == "length"
    assert served.chat(max_tokens=2).json()["choices"][0]["finish_reason"] == "length"


def test_a_stream_says_what_the_whole_answer_says(served: Running) -> None:
    served.chat()  # so that both read all of the prompt from memory
    whole = served.chat(temperature=0, max_tokens=6).json()
    events = [
        line[6:]
        for line in served.chat(temperature=0, max_tokens=6, stream=True).text.splitlines()
        if line
    ]
    assert events.pop() == "[DONE]"
    chunks = [json.loads(event) for event in events]
    assert (
        "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)
        == whole["choices"][0]["message"]["content"]
    )
    assert chunks[-1]["choices"][0]["finish_reason"] == whole["choices"][0]["finish_reason"]
    assert chunks[-1]["x_groq"]["usage"]["total_tokens"] == whole["usage"]["total_tokens"]
    assert len({chunk["id"] for chunk in chunks}) == 1
    again = served.chat(seed=whole["x_groq"]["seed"], temperature=1).json()
    assert again["x_groq"]["seed"] == whole["x_groq"]["seed"]


def test_a_schema_with_open_objects_and_optional_members_is_streamed_as_it_is_written(
    served: Running,
) -> None:
    """What Pydantic makes by default.

    The answer has declared members alone, which the schema allows.
    """
    text = served.chat(stream=True, max_tokens=24, **strict(LOOSE, strict=False)).text
    chunks = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
    pieces = [chunk["choices"][0]["delta"].get("content", "") for chunk in chunks]
    assert len(list(filter(None, pieces))) > 2
    assert {"a"} <= json.loads("".join(pieces)).keys() <= {"a", "b"}


@pytest.mark.slow
def test_a_tool_is_called_as_its_schema_has_it(served: Running) -> None:
    other = {
        "type": "function",
        "function": {"name": "count", "parameters": {"type": "object", "properties": {}}},
    }
    body = served.chat(tools=[TOOL, other], tool_choice="required", max_tokens=24).json()
    reply = body["choices"][0]
    call = reply["message"]["tool_calls"][0]["function"]
    cut_short = "x_structgen" in body
    assert reply["finish_reason"] == ("length" if cut_short else "tool_calls")
    assert call["name"] in ("look", "count")
    assert isinstance(json.loads(call["arguments"]), dict)
    turn = {
        "role": "assistant",
        "content": None,
        "tool_calls": [{"id": "1", "type": "function", "function": call}],
    }
    told = [
        {"role": "user", "content": "x"},
        turn,
        {"role": "tool", "tool_call_id": "1", "content": "an owl"},
    ]
    answer = served.chat(messages=told, tools=[TOOL], tool_choice="none").json()["choices"][0]
    assert answer["message"]["content"] is not None
    assert "tool_calls" not in answer["message"]
    assert served.chat(tools=[TOOL]).json()["choices"][0]["finish_reason"] in (
        "tool_calls",
        "length",
        "stop",
    )


# ---- clients that leave, queues, the end ---------------------------------------------------------


@pytest.mark.parametrize("stream", [True, False])
def test_an_answer_nobody_waits_for_is_ended(stream: bool, small_engine: Engine) -> None:
    with running(small_engine) as it:
        body = {"model": "local", **LONG, "stream": stream}
        with asking(it.address, "/v1/chat/completions", body) as leaving:
            wait_until(lambda: turns(small_engine) == 1)
            if stream:
                assert leaving.recv(1)
        wait_until(lambda: it.server.places.running == 0 and turns(small_engine) == 0)
        wait_until(lambda: "structgen_cancelled_total 1" in it.http.get("/metrics").text)


def test_a_client_that_leaves_in_the_middle_of_its_request_is_no_failure(
    small_engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    with running(small_engine) as it:
        with socket.create_connection(("127.0.0.1", int(it.address.rpartition(":")[2]))) as leaving:
            leaving.sendall(
                b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n"
                b'{"model"'
            )
        wait_until(
            lambda: 'path="/v1/chat/completions",status="499"} 1' in it.http.get("/metrics").text
        )
    assert not caplog.records


def test_a_full_queue_sends_clients_away_until_there_is_room(small_engine: Engine) -> None:
    with running(small_engine, parallel=1, queue=1) as it:
        waited: list[httpx.Response] = []
        with it.http.stream(
            "POST", "/v1/chat/completions", json={"model": "local", **LONG, "stream": True}
        ) as first:
            lines = first.iter_lines()
            next(lines)
            second = threading.Thread(target=lambda: waited.append(it.chat()))
            second.start()
            wait_until(lambda: it.server.places.waiting == 1)
            third = it.chat()
        assert (third.status_code, third.json()["error"]["code"]) == (503, "over_capacity")
        assert int(third.headers["retry-after"]) >= 1
        second.join()
        assert waited[0].status_code == 200
        assert waited[0].json()["usage"]["queue_time"] > 0


def test_logs_and_bodies_of_failures_hold_no_text(
    small_engine: Engine, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: Any) -> Any:
        raise RuntimeError("the text of a document")

    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr("structgen.server.app.answer_parts", fail)
    with running(small_engine) as it:
        reply = it.chat()
    assert reply.status_code == 500
    assert reply.json() == {
        "error": {"message": "Internal Server Error", "type": "internal_server_error"}
    }
    told = [record.getMessage() for record in caplog.records if record.name == "structgen.server"]
    assert len(told) == 1
    assert reply.headers["x-request-id"] in told[0]
    assert "RuntimeError" in told[0]
    assert not [record for record in caplog.records if "text of a document" in record.getMessage()]


@pytest.mark.slow
def test_a_server_told_to_stop_finishes_what_it_began() -> None:
    environ = {**os.environ, "STRUCTGEN_API_KEY": "sk-secret"}
    command = [
        sys.executable,
        "-m",
        "structgen",
        "serve",
        "--port",
        "0",
        "--max-tokens",
        "30",
    ]
    with subprocess.Popen(command, env=environ, stderr=subprocess.PIPE, text=True) as child:
        assert child.stderr is not None
        address = child.stderr.readline().split()[-1]
        body = {"model": "openai/gpt-oss-20b", **LONG, "stream": True}
        with httpx.Client(
            base_url=address, timeout=600, headers={"authorization": "Bearer sk-secret"}
        ) as http:
            with http.stream("POST", "/chat/completions", json=body) as reply:
                lines = reply.iter_lines()
                next(lines)
                child.send_signal(signal.SIGTERM)
                wait_until(lambda: is_refused(address))
                assert [line for line in lines if line][-1] == "data: [DONE]"
        said = child.stderr.read()
    assert child.returncode == 0
    assert said == ""


def is_refused(address: str) -> bool:
    try:
        httpx.get(f"{address}/models", timeout=60)
    except httpx.ConnectError:
        return True
    except httpx.TransportError:
        return False
    return False


# ---- anything at all -----------------------------------------------------------------------------

JUNK: list[Any] = [
    None,
    True,
    -1,
    0,
    3,
    1e400,
    2**70,
    0.5,
    "",
    "x",
    "é😀\u0000",
    [],
    {},
    [[]],
    {"type": "text"},
    ["a"] * 5,
    [{}],
    "{}",
]
NAMES = [
    "model",
    "messages",
    "temperature",
    "top_p",
    "seed",
    "stop",
    "stream",
    "stream_options",
    "n",
    "tools",
    "tool_choice",
]
NAMES += [
    "response_format",
    "max_tokens",
    "max_completion_tokens",
    "logprobs",
    "user",
    "service_tier",
    "reasoning_effort",
    "new",
    "",
]
SCHEMAS: list[Any] = [
    {"type": "array", "items": {"enum": [1, "b", None]}, "maxItems": 2},
    {"type": "integer", "minimum": 3, "maximum": 9},
    {
        "anyOf": [{"type": "null"}, {"$ref": "#/$defs/t"}],
        "$defs": {"t": {"type": "string", "maxLength": 3}},
    },
    {
        "type": "array",
        "prefixItems": [{"type": "boolean"}, {"pattern": "^[a-c]{2}$", "type": "string"}],
        "minItems": 2,
        "items": False,
    },
    {"enum": ["a", 2, {"c": [None]}]},
]


def a_request(chance: random.Random) -> tuple[bytes, Any]:
    """The bytes of a request, and the schema that its answer has to be valid under, if there is
    one.
    """
    body: dict[str, Any] = {
        "model": "local",
        "messages": [{"role": "user", "content": "Hello"}],
        "max_tokens": chance.choice((1, 2)),
    }
    schema = None
    kind = chance.random()
    if kind < 0.03:
        body["stream"] = chance.random() < 0.5
    elif kind < 0.06:
        schema = chance.choice(SCHEMAS)
        body.update(
            response_format={"type": "json_schema", "json_schema": {"name": "a", "schema": schema}},
            max_tokens=24,
        )
        body["stream"] = chance.random() < 0.5
    elif kind < 0.90:
        for _ in range(chance.randint(1, 4)):
            body[chance.choice(NAMES)] = chance.choice(JUNK)
        body["n"] = chance.choice([0, 2, "1"])  # so that it is refused, whatever else is in it
    text = json.dumps(body).encode()
    if kind >= 0.90:
        at = chance.randrange(len(text))
        text = chance.choice(
            [
                text[:at],
                text[at:],
                chance.randbytes(at),
                b'{"a":' * at,
                text[:at] + b"\x00" + text[at:],
            ]
        )
    return text, schema


def is_whole_stream(text: str) -> bool:
    return text.endswith("data: [DONE]\n\n") and "event: error" not in text


def content_of(text: str) -> str:
    if text.startswith("{"):
        return str(json.loads(text)["choices"][0]["message"]["content"])
    chunks = [json.loads(line[6:]) for line in text.splitlines() if line.startswith("data: {")]
    return "".join(chunk["choices"][0]["delta"].get("content", "") for chunk in chunks)


@pytest.mark.slow
def test_a_thousand_requests_of_any_kind_leave_the_server_healthy(served: Running) -> None:
    from jsonschema import Draft202012Validator

    chance, statuses, held = random.Random(8), set[int](), 0
    requests = [a_request(chance) for _ in range(1000)]
    with ThreadPoolExecutor(4) as threads:
        replies = list(
            threads.map(
                lambda request: served.http.post("/openai/v1/chat/completions", content=request[0]),
                requests,
            )
        )
    for reply, (_, schema) in zip(replies, requests, strict=True):
        statuses.add(reply.status_code)
        if reply.status_code != 200:
            assert isinstance(reply.json()["error"]["message"], str)
            continue
        if "event-stream" in reply.headers["content-type"]:
            assert is_whole_stream(reply.text)
        if schema is not None:
            Draft202012Validator(schema).validate(json.loads(content_of(reply.text)))
            held += 1
    assert statuses <= {200, 400, 404}
    assert held > 15
    assert served.http.get("/health").status_code == 200
    assert (served.server.places.running, served.server.places.waiting) == (0, 0)
    assert served.chat().status_code == 200
