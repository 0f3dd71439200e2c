"""What the dialects make of replies: endings, refusals, reasoning, counts, and errors."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pydantic import BaseModel

from structgen import Client, errors
from structgen.flow.drive import perform
from structgen.testing import ScriptedTransport
from structgen.values import Answer, Reply, Request, Usage
from structgen.wire.exchange import exchange
from structgen.wire.rate_limits import Pacer
from tests.wire.dialects.parts import ANTHROPIC, RESPONSES, message, response
from tests.wire.dialects.said import Said, Server, data, encoded, named
from tests.wire.parts import answered, chat_request, link, options, streamed, text_of

USAGE = Usage(prompt_tokens=7, completion_tokens=5, cached_tokens=3, reasoning_tokens=2)


def answer_of(server: Server, body: Any) -> Answer:
    return answered(
        link(ScriptedTransport(Reply(200, {}, encoded(body))), server.provider),
        opts=options(max_retries=0),
    )


def deltas_of(server: Server, events: list[bytes]) -> Any:
    way = link(ScriptedTransport(events), server.provider)
    return perform(streamed(way, chat_request(stream=True), options(max_retries=0)))


class City(BaseModel):
    name: str


def extracting(server: Server, body: Any) -> City:
    reply = Reply(200, {}, encoded(body))
    with Client(
        server.model, api_key="k", transport=ScriptedTransport(reply), max_reasks=0, max_retries=0
    ) as client:
        return client.extract(City, "Rome")


# ---- endings -------------------------------------------------------------------------

ROME = '{"name":"Rome"}'


@pytest.mark.parametrize(
    ("reason", "expected", "wanted"),
    [
        ("end_turn", "stop", None),
        ("stop_sequence", "stop", None),
        ("tool_use", "tool_calls", None),
        ("max_tokens", "length", errors.Truncated),
        ("model_context_window_exceeded", "length", errors.Truncated),
        ("pause_turn", "pause_turn", errors.Truncated),
        ("refusal", "content_filter", errors.Refused),
        ("a_word_of_next_year", "a_word_of_next_year", errors.Truncated),
    ],
)
def test_stop_reasons_of_claude(reason: str, expected: str, wanted: type[Exception] | None) -> None:
    body = {**message(Said(ROME)), "stop_reason": reason}
    assert answer_of(ANTHROPIC, body).finish_reason == expected
    if wanted is None:
        assert extracting(ANTHROPIC, body) == City(name="Rome")
        return
    with pytest.raises(wanted):
        extracting(ANTHROPIC, body)


@pytest.mark.parametrize(
    ("status", "reason", "expected", "wanted"),
    [
        ("completed", None, "stop", None),
        ("incomplete", "max_output_tokens", "length", errors.Truncated),
        ("incomplete", "content_filter", "content_filter", errors.Refused),
        ("incomplete", "a_new_reason", "a_new_reason", errors.Truncated),
        ("incomplete", None, "incomplete", errors.Truncated),
        ("cancelled", None, "cancelled", errors.Truncated),
        ("in_progress", None, "in_progress", errors.Truncated),
        ("queued", None, "queued", errors.Truncated),
    ],
)
def test_statuses_of_responses(
    status: str, reason: str | None, expected: str, wanted: type[Exception] | None
) -> None:
    details = {"reason": reason} if reason else None
    body = {**response(Said(ROME)), "status": status, "incomplete_details": details}
    assert answer_of(RESPONSES, body).finish_reason == expected
    if wanted is None:
        assert extracting(RESPONSES, body) == City(name="Rome")
        return
    with pytest.raises(wanted):
        extracting(RESPONSES, body)


def test_a_response_that_failed_is_an_error_although_it_came_with_200() -> None:
    error = {"code": "rate_limit_exceeded", "message": "Too fast."}
    body = {**response(Said(None)), "status": "failed", "error": error}
    with pytest.raises(errors.RateLimitError, match="Too fast"):
        answer_of(RESPONSES, body)
    with pytest.raises(errors.ServerError):
        answer_of(RESPONSES, {**body, "error": None})
    event = {"type": "response.failed", "response": body, "sequence_number": 1}
    with pytest.raises(errors.RateLimitError, match="Too fast"):
        deltas_of(RESPONSES, [named(event)])


def test_an_end_without_a_status_has_that_of_its_event() -> None:
    ended = {name: value for name, value in response(Said(ROME)).items() if name != "status"}
    event = {"type": "response.incomplete", "response": ended}
    (delta,) = deltas_of(RESPONSES, [named(event)])
    assert delta.finish_reason == "incomplete"


# ---- reasoning and refusals ----------------------------------------------------------


def test_summaries_of_reasoning_are_joined_alike_whole_and_streamed() -> None:
    summary = [{"type": "summary_text", "text": "One."}, {"type": "summary_text", "text": "Two."}]
    item = {"id": "rs_1", "type": "reasoning", "summary": summary}
    body = response(Said(ROME), [item])
    assert answer_of(RESPONSES, body).reasoning == "One.\n\nTwo."
    events: list[bytes] = []
    for index, part in enumerate(summary):
        at = {"summary_index": index, "output_index": 0, "item_id": "rs_1"}
        begun = {"type": "response.reasoning_summary_part.added", **at, "part": part}
        grown = {"type": "response.reasoning_summary_text.delta", **at, "delta": part["text"]}
        events += named(begun), named(grown)
    deltas = deltas_of(
        RESPONSES, [*events, named({"type": "response.completed", "response": body})]
    )
    assert "".join(delta.reasoning or "" for delta in deltas) == "One.\n\nTwo."


@pytest.mark.parametrize("server", [RESPONSES, ANTHROPIC], ids=["responses", "anthropic"])
def test_a_refusal_says_why(server: Server) -> None:
    said = Said(None, refusal="That would be harmful.")
    for stream in (False, True):
        port = ScriptedTransport(server.line(said, in_stream=stream))
        with Client(server.model, api_key="k", transport=port, max_retries=0) as client:
            with pytest.raises(errors.Refused) as caught:
                if stream:
                    list(client.stream(City, "Rome"))
                else:
                    client.extract(City, "Rome")
            assert caught.value.refusal == "That would be harmful."


@pytest.mark.parametrize("server", [RESPONSES, ANTHROPIC], ids=["responses", "anthropic"])
def test_counts_come_whole_and_in_streams(server: Server) -> None:
    said = Said("Paris", reasoning="So.")
    assert answer_of(server, json.loads(server.whole(said))).usage == USAGE
    usage = Usage()
    for delta in deltas_of(server, server.events(said)):
        usage = usage.largest(delta.usage or Usage())
    assert usage == USAGE


# ---- what must go back as it came ----------------------------------------------------


def test_thinking_and_encrypted_reasoning_go_back_as_they_came() -> None:
    said = Said("I look.", reasoning="Hm.", calls=(("call_1", "find", '{"x":1}'),))
    for server, member in ((ANTHROPIC, "messages"), (RESPONSES, "input")):
        port = ScriptedTransport(server.line(said))
        with Client(server.model, api_key="k", transport=port) as client:
            create = client.chat.completions.create
            asked: list[Any] = [{"role": "user", "content": "Where?"}]
            first: Any = create(messages=asked).choices[0].message
            result = {"role": "tool", "tool_call_id": "call_1", "content": "Rome"}
            create(messages=[*asked, first, result])
        sent = json.loads(port.requests[1].body)[member]
        whole = json.loads(server.whole(said))
        if server is ANTHROPIC:
            assert sent[1] == {"role": "assistant", "content": whole["content"]}
            assert sent[1]["content"][0]["signature"] == "c2ln"
        else:
            assert sent[1:4] == whole["output"]
        plain: dict[str, Any] = {**first.to_dict(), "native": {"another": []}}
        with Client(server.model, api_key="k", transport=port) as client:
            client.chat.completions.create(messages=[*asked, plain, result])
        assert "Hm." not in port.requests[2].body.decode()
        elsewhere = ScriptedTransport("Rome.")
        with Client("groq:openai/gpt-oss-20b", api_key="k", transport=elsewhere) as client:
            client.chat.completions.create(messages=[*asked, first, result])
        sent = json.loads(elsewhere.requests[0].body)["messages"][1]
        assert sent.keys() == {"role", "content", "reasoning", "tool_calls"}


# ---- errors --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind", "wanted", "tries"),
    [
        (400, "invalid_request_error", errors.BadRequestError, 1),
        (401, "authentication_error", errors.AuthenticationError, 1),
        (402, "billing_error", errors.BadRequestError, 1),
        (403, "permission_error", errors.AuthenticationError, 1),
        (404, "not_found_error", errors.NotFoundError, 1),
        (413, "request_too_large", errors.BadRequestError, 1),
        (429, "rate_limit_error", errors.RateLimitError, 3),
        (500, "api_error", errors.ServerError, 3),
        (504, "timeout_error", errors.ServerError, 3),
        (529, "overloaded_error", errors.ServerError, 3),
    ],
)
def test_errors_of_anthropic(
    status: int, kind: str, wanted: type[errors.APIError], tries: int
) -> None:
    """As a body with its status, and as an event of a stream, they are the same error."""
    body = {
        "type": "error",
        "error": {"type": kind, "message": "Something is wrong."},
        "request_id": "req_011CSHoEeqs5C35K2UUqR7Fy",
    }
    port = ScriptedTransport(Reply(status, {}, encoded(body)))
    with pytest.raises(wanted) as caught:
        answered(link(port, "anthropic"))
    error = caught.value
    assert (error.status_code, error.type) == (status, kind)
    assert error.request_id == "req_011CSHoEeqs5C35K2UUqR7Fy"
    assert len(port.requests) == tries
    with pytest.raises(wanted) as in_stream:
        deltas_of(ANTHROPIC, [named(body)])
    assert in_stream.value.status_code == status


def test_a_prompt_that_is_too_long_for_claude_is_told_with_its_length() -> None:
    text = "prompt is too long: 208310 tokens > 200000 maximum"
    with pytest.raises(errors.APIPromptTooLongError) as caught:
        answered(link(ScriptedTransport(ANTHROPIC.error(400, text)), "anthropic"))
    assert (caught.value.tokens, caught.value.limit) == (208_310, 200_000)


def test_a_wait_that_anthropic_asks_for_and_its_limits_are_heeded() -> None:
    headers = {
        "retry-after": "0.01",
        "anthropic-ratelimit-requests-limit": "60",
        "anthropic-ratelimit-requests-remaining": "7",
        "anthropic-ratelimit-tokens-limit": "450000",
        "anthropic-ratelimit-tokens-remaining": "449000",
    }
    pacer = Pacer()
    pacer.learn(headers, 0.0)
    waits = [pacer.reserve(1, 0.0) for _ in range(9)]
    assert waits[:7] == [0.0] * 7
    assert waits[7] == pytest.approx(1.0)
    refused = Reply(429, headers, ANTHROPIC.error(429, "Slow down.").body)
    port = ScriptedTransport(refused, ANTHROPIC.line(Said("Paris")))
    answer = perform(exchange(link(port, "anthropic"), chat_request(), options()))
    assert answer.text == "Paris"


@pytest.mark.parametrize(
    ("server", "body"),
    [
        (RESPONSES, {"id": "chatcmpl-1", "object": "chat.completion", "choices": []}),
        (ANTHROPIC, {"id": "chatcmpl-1", "object": "chat.completion", "choices": []}),
        (RESPONSES, []),
        (ANTHROPIC, {}),
    ],
)
def test_a_server_of_another_api_is_told_from_an_empty_answer(server: Server, body: Any) -> None:
    with pytest.raises(errors.ServerError, match="answered 200, but") as caught:
        answer_of(server, body)
    assert "base_url" in str(caught.value)


def test_events_of_next_year_are_passed_over() -> None:
    for server in (RESPONSES, ANTHROPIC):
        new = {"type": "response.thing.delta", "delta": {"x": [1]}}
        block = {"type": "content_block_delta", "index": 0, "delta": {"type": "new", "text": "x"}}
        first, *rest = server.events(Said("Paris"))
        events = [first, named(new), named(block), data({"no": "type"}), b": ping\n\n", *rest]
        assert text_of(deltas_of(server, events)) == "Paris"


def test_no_error_quotes_the_document() -> None:
    document = "The heron stood in the reeds at dawn."

    def echoing(request: Request) -> Reply:
        return ANTHROPIC.error(400, f"messages.0.content: {document} is not allowed")

    with Client("anthropic:claude", api_key="k", transport=ScriptedTransport(echoing)) as client:
        with pytest.raises(errors.BadRequestError) as caught:
            client.extract(City, document)
    assert "heron stood" not in str(caught.value)


# ---- streams that the vendors document -----------------------------------------------

WEB_SEARCH = b"""event: message_start
data: {"type":"message_start","message":{"id":"msg_01G","type":"message","role":"assistant","model":"claude-opus-5-5","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":2679,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":3}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"I'll check"}}

event: ping
data: {"type": "ping"}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"server_tool_use","id":"srvtoolu_014","name":"web_search","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{\\"query\\""}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":":\\"weather\\"}"}}

event: content_block_stop
data: {"type":"content_block_stop","index":1}

event: content_block_start
data: {"type":"content_block_start","index":2,"content_block":{"type":"web_search_tool_result","tool_use_id":"srvtoolu_014","content":[{"type":"web_search_result","title":"Weather","url":"https://x.test","encrypted_content":"Ev0","page_age":null}]}}

event: content_block_stop
data: {"type":"content_block_stop","index":2}

event: content_block_start
data: {"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"toolu_01T","name":"get_weather","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"{\\"city\\": \\"Oslo\\"}"}}

event: content_block_stop
data: {"type":"content_block_stop","index":3}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":10682,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":510,"server_tool_use":{"web_search_requests":1}}}

event: message_stop
data: {"type":"message_stop"}

"""  # noqa: E501
"""After platform.claude.com/docs/en/build-with-claude/streaming."""


@pytest.mark.parametrize("size", [1, 7, 100_000])
def test_what_the_server_s_own_tools_are_given_is_no_call_of_the_caller_s(size: int) -> None:
    stream = [WEB_SEARCH[at : at + size] for at in range(0, len(WEB_SEARCH), size)]
    deltas = deltas_of(ANTHROPIC, stream)
    assert text_of(deltas) == "I'll check"
    parts = [part for delta in deltas for part in delta.tool_calls]
    names = [part["function"].get("name") for part in parts]
    assert [name for name in names if name] == ["get_weather"]
    arguments = "".join(part["function"]["arguments"] for part in parts)
    assert json.loads(arguments) == {"city": "Oslo"}
    assert [delta.finish_reason for delta in deltas if delta.finish_reason] == ["tool_calls"]
    usage = Usage()
    for delta in deltas:
        usage = usage.largest(delta.usage or Usage())
    assert (usage.prompt_tokens, usage.completion_tokens) == (10_682, 510)


def test_probabilities_of_tokens_come_from_responses() -> None:
    body = response(Said('{"name":"Rome"}'))
    tokens = [('{"name":"', -0.01), ("Rome", -0.5), ('"}', 0.0)]
    body["output"][0]["content"][0]["logprobs"] = [
        {"token": text, "bytes": list(text.encode()), "logprob": logprob, "top_logprobs": []}
        for text, logprob in tokens
    ]
    port = ScriptedTransport(Reply(200, {}, encoded(body)))
    with Client("openai-responses:gpt", api_key="k", transport=port) as client:
        result = client.extract_result(City, "Rome", logprobs=True)
    sent = json.loads(port.requests[0].body)
    assert sent["include"] == ["message.output_text.logprobs"]
    assert result.confidence["/name"] == pytest.approx(0.6065, abs=1e-3)
