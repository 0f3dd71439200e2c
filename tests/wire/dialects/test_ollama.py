"""Ollama's native dialect: what is sent, what is read, and Ollama's own SDK as the other side."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from structgen import AsyncClient, Client, file, image
from structgen.errors import (
    APIPromptTooLongError,
    BadRequestError,
    ConfigurationError,
    InputError,
    InvalidOutputError,
    NotFoundError,
    ServerError,
    StreamBrokenError,
    Truncated,
)
from structgen.testing import FaultyServer, ScriptedTransport, Served
from structgen.values import Reply, Usage
from structgen.wire.ndjson import LineDecoder
from tests.wire.dialects import ollama_server as ollama

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 16


class Person(BaseModel):
    name: str
    age: int


ADA = '{"name":"Ada","age":36}'


def client(transport: Any, **options: Any) -> Client:
    options = {"max_retries": 0, "max_reasks": 0, **options}
    return Client("ollama-native:qwen3:8b", transport=transport, **options)


def replying(body: bytes, status: int = 200) -> ScriptedTransport:
    return ScriptedTransport(Reply(status, {}, body))


def sent(transport: ScriptedTransport) -> Any:
    return json.loads(transport.requests[-1].body)


# ---- requests


def test_a_question_in_ollama_s_own_terms() -> None:
    script = replying(ollama.whole(ADA))
    found = client(script).extract(
        Person, "Ada is 36.", temperature=0, max_tokens=99, seed=1, stop="END", top_p=0.5
    )
    assert found == Person(name="Ada", age=36)
    body = sent(script)
    assert script.requests[0].path == "chat"
    assert body.pop("format")["required"] == ["name", "age"]
    system, user = body.pop("messages")
    assert (system["role"], user["role"]) == ("system", "user")
    assert "Ada is 36." in user["content"]
    options = {"temperature": 0, "top_p": 0.5, "seed": 1, "num_predict": 99, "stop": ["END"]}
    assert body == {
        "model": "qwen3:8b",
        "stream": False,
        "truncate": False,
        "shift": False,
        "options": options,
    }


def test_json_mode_has_a_word_and_the_prompt_alone_has_none() -> None:
    script = replying(ollama.whole(ADA))
    client(script).extract(Person, "Ada is 36.", mode="json-object")
    assert sent(script)["format"] == "json"
    client(script).extract(Person, "Ada is 36.", mode="prompt")
    assert "format" not in sent(script)


@pytest.mark.parametrize(("effort", "think"), [("none", False), ("low", "low"), ("xhigh", "high")])
def test_a_level_of_reasoning_is_told_as_think(effort: Any, think: Any) -> None:
    script = replying(ollama.whole(ADA))
    client(script).extract(Person, "Ada is 36.", reasoning_effort=effort)
    assert sent(script)["think"] == think


def test_a_model_that_always_thinks_is_not_told_not_to() -> None:
    script = replying(ollama.whole(ADA))
    mine = Client("ollama-native:gpt-oss:20b", transport=script)
    mine.extract(Person, "Ada is 36.", reasoning_effort="none")
    assert sent(script)["think"] == "low"


def test_options_of_the_runner_go_beside_ours() -> None:
    script = replying(ollama.whole(ADA))
    extra = {"options": {"num_ctx": 16_384}, "keep_alive": "1h", "truncate": True}
    client(script).extract(Person, "Ada is 36.", temperature=0, extra_body=extra)
    body = sent(script)
    assert body["options"] == {"temperature": 0, "num_ctx": 16_384}
    assert (body["keep_alive"], body["truncate"]) == ("1h", True)


def test_images_are_base64_beside_the_text_and_files_are_refused() -> None:
    script = replying(ollama.whole(ADA))
    client(script).extract(Person, ["Who?", image(PNG)])
    assert [one.get("images") for one in sent(script)["messages"]][-1] == ["iVBORw0KGgo" + "A" * 21]
    for document in (image("https://example.com/a.png"), file(b"%PDF-1.7", name="a.pdf")):
        with pytest.raises(InputError):
            client(script).extract(Person, document)
    assert len(script.requests) == 1


@pytest.mark.parametrize("members", [{"n": 2}, {"tool_choice": "required"}, {"user": "u"}])
def test_what_ollama_has_no_words_for_is_refused_before_sending(members: dict[str, Any]) -> None:
    script = replying(ollama.whole("hi"))
    with pytest.raises(ConfigurationError):
        client(script).chat.completions.create(
            messages=[{"role": "user", "content": "hi"}], **members
        )
    assert not script.requests


def test_a_conversation_with_a_tool() -> None:
    called = ollama.answer("", tool_calls=[ollama.call("look", {"place": "pond"})])
    script = replying(json.dumps(called).encode())
    tools = [{"type": "function", "function": {"name": "look", "description": "Looks."}}]
    question = {"role": "user", "content": "Where is the heron?"}
    mine = client(script).chat.completions
    first = mine.create(messages=[question], tools=tools)
    message: Any = first.choices[0].message
    assert first.choices[0].finish_reason == "tool_calls"
    result = {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "a pond"}
    mine.create(messages=[question, message, result], tools=tools, tool_choice="none")
    body = sent(script)
    assert body["messages"][1]["tool_calls"] == [ollama.call("look", {"place": "pond"})]
    assert body["messages"][2] == {"role": "tool", "content": "a pond", "tool_name": "look"}
    assert "tools" not in body


# ---- replies


def test_reasoning_counts_and_times_are_in_the_result() -> None:
    result = client(replying(ollama.whole(ADA, thinking="Hm."))).extract_result(Person, "Ada")
    assert result.reasoning == "Hm."
    assert result.usage == Usage(prompt_tokens=7, completion_tokens=5)


@pytest.mark.parametrize("done_reason", ["length", "load", "unload", "a word of tomorrow"])
def test_an_answer_that_did_not_end_cleanly_is_no_value(done_reason: str) -> None:
    with pytest.raises(Truncated):
        client(replying(ollama.whole(ADA, done_reason))).extract(Person, "Ada")
    with pytest.raises(Truncated):
        list(client(ScriptedTransport(ollama.stream(ADA, done_reason))).stream(Person, "Ada"))


def test_a_stream_that_ends_without_its_last_line_is_broken() -> None:
    with pytest.raises(StreamBrokenError):
        list(client(ScriptedTransport(ollama.stream(ADA, None))).stream(Person, "Ada"))


def test_a_whole_answer_that_is_not_done_is_a_server_error() -> None:
    with pytest.raises(ServerError, match="no whole message"):
        client(replying(ollama.stream(ADA)[0])).extract(Person, "Ada")


def test_two_calls_in_a_stream_are_two() -> None:
    calls = [ollama.call(name, {"x": 1}) for name in ("look", "see")]
    apart = [
        {**ollama.answer("", tool_calls=[call]), "created_at": f"t{at}", "done": False}
        for at, call in enumerate(calls)
    ]
    together = [{**ollama.answer("", tool_calls=calls), "done": False}]
    for lines in (apart, together):
        pieces = [*map(ollama.line, lines), ollama.line(ollama.answer(""))]
        with pytest.raises(InvalidOutputError, match="2 calls"):
            list(client(ScriptedTransport(pieces)).stream(Person, "Ada", mode="prompt"))


# ---- errors


@pytest.mark.parametrize(
    ("status", "body", "wanted"),
    [
        (404, ollama.error("model 'qwen3:8b' not found"), NotFoundError),
        (400, ollama.error("invalid format"), BadRequestError),
        (400, ollama.error(ollama.TOO_LONG), APIPromptTooLongError),
        (500, ollama.error("llama runner process has terminated"), ServerError),
        (200, ollama.error("unexpected EOF"), ServerError),
    ],
)
def test_errors_are_typed(status: int, body: bytes, wanted: type[Exception]) -> None:
    with pytest.raises(wanted) as caught:
        client(replying(body, status)).extract(Person, "Ada")
    if isinstance(caught.value, APIPromptTooLongError):
        assert (caught.value.tokens, caught.value.limit) == (8889, 4096)


def test_an_error_in_the_middle_of_a_stream_is_typed() -> None:
    for end in (b"\n", b""):
        pieces = [*ollama.stream(ADA, None)[:2], ollama.error("the runner has stopped") + end]
        with pytest.raises(ServerError, match="the runner has stopped"):
            list(client(ScriptedTransport(pieces)).stream(Person, "Ada"))


@given(st.data())
def test_a_stream_gives_the_same_lines_wherever_it_is_cut(data: st.DataObject) -> None:
    text = b"\xef\xbb\xbf" + b"".join(ollama.stream("Österreich 🏔", thinking="日本")) + b"\r\n"
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=6)))
    decoder = LineDecoder()
    events = []
    for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True):
        events += decoder.feed(text[start:end])
    events += decoder.close()
    whole = LineDecoder()
    assert events == [*whole.feed(text), *whole.close()]
    said = [json.loads(event.data)["message"].get("content", "") for event in events]
    assert "".join(said) == "Österreich 🏔"


# ---- over a socket, with Ollama's SDK as the other side


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    def served(request: Any) -> Served:
        body = json.loads(request.body)
        if body["model"] == "broken":
            return Served(status=404, body=ollama.error("model 'broken' not found"))
        if body["stream"]:
            return Served(pieces=ollama.stream(ADA, thinking="Hm."))
        return Served(body=ollama.whole(ADA, thinking="Hm."))

    with FaultyServer(served) as running:
        yield running


def address(server: FaultyServer) -> str:
    return server.base_url.removesuffix("/v1")


def test_sync_and_async_over_a_socket(
    server: FaultyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OLLAMA_HOST", address(server).removeprefix("http://"))
    with Client("ollama-native:qwen3:8b") as mine:
        assert mine.extract(Person, "Ada is 36.").age == 36
        stream = mine.stream(Person, "Ada is 36.")
        assert list(stream)[-1].value.name == "Ada"
        assert stream.result is not None
        assert stream.result.reasoning == "Hm."

    async def awaited() -> Person:
        async with AsyncClient("ollama-native:qwen3:8b") as one:
            async for _ in one.stream(Person, "Ada is 36."):
                pass
            return await one.extract(Person, "Ada is 36.")

    assert asyncio.run(awaited()).age == 36
    assert {request.path for request in server.requests} == {"/api/chat"}


def test_ollama_s_sdk_reads_the_same_server_and_sends_the_same(server: FaultyServer) -> None:
    sdk = pytest.importorskip("ollama")
    theirs = sdk.Client(host=address(server))
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    messages = [
        {"role": "system", "content": "Extract."},
        {"role": "user", "content": "Ada is 36."},
    ]
    asked = {
        "model": "qwen3:8b",
        "messages": messages,
        "format": schema,
        "options": {"temperature": 0.0, "num_predict": 99, "seed": 1, "stop": ["END"]},
        "think": "low",
        "keep_alive": "1h",
    }
    answer = theirs.chat(**asked)
    assert (answer.message.content, answer.message.thinking) == (ADA, "Hm.")
    assert (answer.prompt_eval_count, answer.eval_count) == (7, 5)
    pieces = theirs.chat(**asked, stream=True)
    assert "".join(piece.message.content or "" for piece in pieces) == ADA
    with pytest.raises(sdk.ResponseError, match="not found"):
        theirs.chat(model="broken", messages=messages)
    theirs.close()

    form = {"type": "json_schema", "json_schema": {"name": "p", "schema": schema}}
    with Client("ollama-native:qwen3:8b", base_url=address(server)) as mine:
        mine.chat.completions.create(
            messages=messages,
            temperature=0,
            max_tokens=99,
            seed=1,
            stop="END",
            reasoning_effort="low",
            response_format=form,
            extra_body={"keep_alive": "1h"},
        )
    ours = json.loads(server.requests[-1].body)
    assert (ours.pop("truncate"), ours.pop("shift")) == (False, False)
    sent_by_sdk = json.loads(server.requests[0].body)
    assert ours == {name: value for name, value in sent_by_sdk.items() if value != []}
