"""`client.chat.completions.create`: the SDKs' surface, its answers, its streams, its errors."""

from __future__ import annotations

import asyncio
import copy
import json
import pickle
from typing import Any

import pytest

from structgen import Client, errors
from structgen.chat.completion import ChatCompletion, ChatCompletionChunk, ToolCall
from structgen.flow.ports import HttpPort
from structgen.testing import (
    FaultyServer,
    Recorder,
    Replayer,
    ScriptedModel,
    ScriptedTransport,
    completion,
)
from structgen.values import Reply
from structgen.wire.telemetry import CallRecord
from tests.wire.parts import DOCUMENT, achat, body, chat, chat_request, link, options, streamed

HELLO = [{"role": "user", "content": "hi"}]


def whole(**members: Any) -> ChatCompletion:
    return chat(
        ScriptedTransport(Reply(200, {}, completion("Paris", **members)))
    ).completions.create(messages=HELLO)


def test_an_answer_has_the_sdks_attribute_paths() -> None:
    answer = whole(
        tool_calls=[{"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    )
    assert answer.choices[0].message.content == "Paris"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage is not None
    assert answer.usage.total_tokens == 12
    calls = answer.choices[0].message.tool_calls
    assert calls is not None
    assert isinstance(calls[0], ToolCall)
    assert calls[0].function.name == "f"


def test_what_a_server_left_out_is_none_and_what_it_added_is_there() -> None:
    answer = whole(mood="sunny", deep={"a": 1})
    assert answer.system_fingerprint is None
    assert answer.choices[0].message.reasoning is None
    message: Any = answer.choices[0].message
    assert (message.mood, message.deep) == ("sunny", {"a": 1})
    assert message.model_extra == {"mood": "sunny", "deep": {"a": 1}}
    with pytest.raises(AttributeError):
        message.nothing_like_it  # noqa: B018


def test_an_answer_is_data() -> None:
    answer = whole()
    assert (
        answer.to_dict()
        == json.loads(answer.to_json())
        == answer.model_dump()
        == json.loads(answer.model_dump_json())
    )
    assert answer == pickle.loads(pickle.dumps(answer)) == copy.deepcopy(answer)
    assert answer != answer.choices[0]
    assert "choices" in dir(answer)
    with pytest.raises(AttributeError):
        answer.id = "other"
    answer.to_dict()["choices"].clear()
    assert answer.choices


def test_an_answer_is_printed_whole_and_shown_without_its_text() -> None:
    answer = whole()
    assert "Paris" in str(answer)
    assert "Paris" not in repr(answer) + repr(answer.choices)


def test_a_stream_gives_chunks_as_they_come() -> None:
    with chat(ScriptedTransport("Bonjour")).completions.create(
        messages=HELLO, stream=True
    ) as stream:
        chunks = list(stream)
    assert all(isinstance(chunk, ChatCompletionChunk) for chunk in chunks)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == "Bonjour"
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].choices[0].finish_reason == "stop"


def test_async_answers_are_the_same() -> None:
    async def main() -> tuple[Any, Any]:
        surface = achat(ScriptedTransport("Bonjour"))
        stream = await surface.completions.create(messages=HELLO, stream=True)
        async with stream:
            chunks = [chunk async for chunk in stream]
        return await surface.completions.create(messages=HELLO), chunks

    surface = chat(ScriptedTransport("Bonjour"))
    assert asyncio.run(main()) == (
        surface.completions.create(messages=HELLO),
        list(surface.completions.create(messages=HELLO, stream=True)),
    )


def test_what_is_wrong_with_a_request_is_raised_by_create_also_for_a_stream() -> None:
    refused = Reply(401, {}, b'{"error":{"message":"Invalid API Key","code":"invalid_api_key"}}')
    with pytest.raises(errors.AuthenticationError):
        chat(ScriptedTransport(refused)).completions.create(messages=HELLO, stream=True)
    with pytest.raises(errors.AuthenticationError):
        stream = achat(ScriptedTransport(refused)).completions.create(messages=HELLO, stream=True)
        asyncio.run(stream)


def test_what_came_before_a_fault_is_given_first() -> None:
    with FaultyServer("stream-error-event") as server:
        stream = chat(server.base_url).completions.create(messages=HELLO, stream=True)
        seen = []
        with pytest.raises(errors.OutputRejectedError) as caught:
            for chunk in stream:
                seen.append(chunk.choices[0].delta.content or "")
    assert "".join(seen) == "Par"
    assert caught.value.failed_generation == "{}"
    assert len(server.requests) == 1


def test_parameters_are_sent_as_given_and_none_is_null() -> None:
    port = ScriptedTransport("x")
    chat(port, "groq").completions.create(
        messages=HELLO,
        model="openai/gpt-oss-20b",
        temperature=0.5,
        stop=None,
        reasoning_effort="low",
        extra_body={"new_thing": 1},
        extra_headers={"X-Trace": "7"},
        extra_query={"a": "b"},
    )
    given = {"temperature": 0.5, "stop": None, "reasoning_effort": "low", "new_thing": 1}
    assert body(port.requests[0]) == {"messages": HELLO, "model": "openai/gpt-oss-20b", **given}
    assert port.requests[0].headers["x-trace"] == "7"
    assert port.requests[0].path.endswith("?a=b")


def test_extra_body_means_the_same_for_a_client_a_chat_call_and_an_extraction() -> None:
    """Merged member by member: the call's extra_body, its parameters, the client's, in this order.

    A member is replaced whole, and None is sent as null.
    """
    port = ScriptedTransport('{"city": "Paris"}')
    of_client = {"service_tier": "flex", "user": {"id": 1}, "top_k": 5}
    of_call = {"user": {"name": "x"}, "top_k": None}
    expected = {"service_tier": "flex", **of_call}
    with Client(
        "vllm:m", base_url="http://any.invalid/v1", transport=port, extra_body=of_client
    ) as client:
        client.chat.completions.create(messages=HELLO, extra_body=of_call, user="of the call")
        client.chat.completions.create(messages=HELLO, user="of the call")
        client.extract(dict[str, str], "Paris", extra_body=of_call)
        client.extract(dict[str, str], "Paris")
    bodies = [body(request) for request in port.requests]
    found = [{name: sent[name] for name in of_client} for sent in bodies]
    assert found == [expected, {**of_client, "user": "of the call"}, expected, of_client]


def test_the_model_of_a_call_brings_its_own_row() -> None:
    """Another model of the same provider may take what this one does not."""
    port = ScriptedTransport("x")
    way = chat(port, "openrouter")
    way.completions.create(messages=HELLO, model="other/model", max_completion_tokens=5)
    assert body(port.requests[0])["max_tokens"] == 5


def test_an_unknown_parameter_and_a_missing_model_are_errors() -> None:
    surface = chat(ScriptedTransport("x"))
    with pytest.raises(errors.ConfigurationError, match="temprature"):
        surface.completions.create(messages=HELLO, temprature=1)  # type: ignore[call-overload]
    from structgen.chat.api import Chat

    with pytest.raises(errors.ConfigurationError, match="model"):
        Chat(link(ScriptedTransport("x")), None, options()).completions.create(messages=HELLO)


def test_a_call_can_set_its_own_time_and_tries() -> None:
    with FaultyServer("wait-an-hour") as server:
        surface = chat(server.base_url)
        with pytest.raises(errors.TotalTimeoutError) as caught:
            surface.completions.create(messages=HELLO, total_timeout=60.0)
        assert caught.value.wait is not None
        assert caught.value.wait >= 3600
        with pytest.raises(errors.RateLimitError) as late:
            surface.completions.create(messages=HELLO, max_retries=0)
        assert late.value.retry_after == 3600
    with FaultyServer("silent") as server, pytest.raises(errors.RequestTimeoutError):
        chat(server.base_url).completions.create(messages=HELLO, timeout=0.1, max_retries=0)


def test_a_message_that_was_answered_can_be_sent_back() -> None:
    port = ScriptedTransport("Paris")
    surface = chat(port)
    answer = surface.completions.create(messages=HELLO)
    back: Any = answer.choices[0].message
    surface.completions.create(messages=[*HELLO, back])
    assert body(port.requests[1])["messages"][1] == {"role": "assistant", "content": "Paris"}


@pytest.mark.parametrize(
    "fault",
    ["unauthorised", "broken", "rejected-output", "no-json", "stream-malformed", "reset", "silent"],
)
@pytest.mark.parametrize("stream", [False, True])
def test_no_error_shows_the_document_or_the_key(fault: str, stream: bool) -> None:
    import traceback

    from structgen.chat.api import Chat
    from structgen.wire.http.client import HttpTransport

    with FaultyServer(fault) as server:
        port = HttpTransport(server.base_url, {"authorization": "Bearer gsk_0123456789"})
        surface = Chat(link(port), "m", options(timeout=0.3, max_retries=0))
        with pytest.raises(errors.StructgenError) as caught:
            answer: Any = surface.completions.create(
                messages=[{"role": "user", "content": DOCUMENT}], stream=stream
            )
            list(answer)
        port.close()
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value.attempts)
    assert DOCUMENT not in shown
    assert "gsk_0123456789" not in shown


# ---- hooks ---------------------------------------------------------------------------


def test_every_try_is_told_to_the_hooks() -> None:
    from structgen.flow.drive import perform
    from structgen.wire.exchange import exchange

    records: list[CallRecord] = []
    with FaultyServer("busy", "answer", "stream") as server:
        way = link(server.base_url, hooks=(records.append,))
        perform(exchange(way, chat_request(), options()))
        perform(streamed(way, chat_request(stream=True), options()))
    failed, answered, flowed = records
    assert (failed.attempt, failed.status_code, type(failed.error), failed.final) == (
        1,
        503,
        errors.ServerError,
        False,
    )
    assert (
        answered.attempt,
        answered.status_code,
        answered.error,
        answered.final,
        answered.finish_reason,
    ) == (
        2,
        200,
        None,
        True,
        "stop",
    )
    assert (answered.usage.prompt_tokens, answered.answered_by, answered.id) == (
        7,
        "scripted",
        "chatcmpl-1",
    )
    assert answered.waited > 0
    assert answered.sent > 0
    assert answered.received > 0
    assert (flowed.stream, flowed.finish_reason) == (True, "stop")
    assert flowed.first is not None
    assert 0 < flowed.first <= flowed.seconds
    assert DOCUMENT not in repr(records)
    assert flowed.server in server.base_url


def test_tries_become_spans_by_the_semantic_conventions() -> None:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
    from opentelemetry.trace import SpanKind, StatusCode

    from structgen.flow.drive import perform
    from structgen.wire.exchange import exchange
    from structgen.wire.telemetry import otel_hook

    spans = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    with FaultyServer("busy", "answer") as server:
        perform(
            exchange(
                link(server.base_url, "groq", hooks=(otel_hook(provider),)),
                chat_request(),
                options(),
            )
        )
    failed, answered = spans.get_finished_spans()
    assert (answered.name, answered.kind) == ("chat m", SpanKind.CLIENT)
    assert answered.attributes is not None
    assert answered.attributes["gen_ai.operation.name"] == "chat"
    assert answered.attributes["gen_ai.provider.name"] == "groq"
    assert answered.attributes["gen_ai.request.model"] == "m"
    assert answered.attributes["gen_ai.usage.input_tokens"] == 7
    assert answered.attributes["gen_ai.response.finish_reasons"] == ("stop",)
    assert answered.attributes["server.address"] == "127.0.0.1"
    assert answered.attributes["http.request.resend_count"] == 1
    assert answered.start_time is not None
    assert answered.end_time is not None
    assert answered.start_time <= answered.end_time
    assert failed.status.status_code is StatusCode.ERROR
    assert failed.attributes is not None
    assert failed.attributes["error.type"] == "ServerError"


# ---- record and replay ---------------------------------------------------------------


def test_what_was_recorded_is_given_again(tmp_path: Any) -> None:
    file = tmp_path / "calls.jsonl"
    with FaultyServer("answer", "stream", "unauthorised") as server:
        from structgen.wire.http.client import HttpTransport

        recorder = Recorder(
            HttpTransport(server.base_url, {"authorization": "Bearer gsk_secret"}), file
        )
        first = chat(recorder).completions.create(messages=HELLO)
        chunks = list(chat(recorder).completions.create(messages=HELLO, stream=True))
        with pytest.raises(errors.AuthenticationError):
            chat(recorder).completions.create(messages=[{"role": "user", "content": "hi"}])
    assert "gsk_secret" not in file.read_text()
    replayed = Replayer(file)
    assert list(chat(replayed).completions.create(messages=HELLO, stream=True)) == chunks
    assert chat(replayed).completions.create(messages=HELLO) == first
    with pytest.raises(errors.AuthenticationError):
        chat(replayed).completions.create(messages=[{"role": "user", "content": "hi"}])
    with pytest.raises(errors.ConfigurationError, match="recording"):
        chat(replayed).completions.create(messages=HELLO)


def test_async_calls_are_recorded_too(tmp_path: Any) -> None:
    async def main(port: HttpPort) -> tuple[Any, Any]:
        surface = achat(port)
        stream = await surface.completions.create(messages=HELLO, stream=True)
        return await surface.completions.create(messages=HELLO), [chunk async for chunk in stream]

    file = tmp_path / "calls.jsonl"
    recorded = asyncio.run(main(Recorder(ScriptedTransport("Paris", "Paris"), file)))
    assert asyncio.run(main(Replayer(file))) == recorded


def test_a_scripted_model_answers_in_order_and_keeps_what_it_was_asked() -> None:
    model = ScriptedModel("one", errors.EngineError("no"), "two")
    assert model.generate(HELLO, None, options()).text == "one"
    with pytest.raises(errors.EngineError):
        model.generate(HELLO, None, options())
    assert [asyncio.run(model.agenerate(HELLO, None, options())).text for _ in range(2)] == [
        "two",
        "two",
    ]
    assert model.asked == [HELLO] * 4
