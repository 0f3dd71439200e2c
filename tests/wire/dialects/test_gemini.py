"""Gemini's native dialect: what is sent, what is read, and Google's own SDK as the other side."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from pydantic import BaseModel

from structgen import AsyncClient, Client, image
from structgen.errors import (
    APIPromptTooLongError,
    AuthenticationError,
    ConfigurationError,
    InputError,
    ModelRetiredError,
    NotFoundError,
    OutputRejectedError,
    RateLimitError,
    Refused,
    ServerError,
    StreamBrokenError,
    Truncated,
)
from structgen.testing import FaultyServer, ScriptedTransport, Served
from structgen.values import Mode, Reply, Usage
from structgen.wire.providers import capabilities
from tests.wire.dialects import gemini_server as gemini

MODEL = "gemini-3.8-flash"
PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 16


class Person(BaseModel):
    name: str
    age: int


ADA = '{"name":"Ada","age":36}'


def client(transport: Any, model: str = MODEL, **options: Any) -> Client:
    options = {"api_key": "k", "max_retries": 0, "max_reasks": 0, **options}
    return Client(f"gemini-native:{model}", transport=transport, **options)


def replying(body: bytes, status: int = 200) -> ScriptedTransport:
    return ScriptedTransport(Reply(status, {}, body))


def sent(transport: ScriptedTransport) -> Any:
    return json.loads(transport.requests[-1].body)


# ---- requests


def test_a_question_in_gemini_s_own_terms() -> None:
    script = replying(gemini.whole(ADA))
    mine = client(script)
    found = mine.extract(Person, "Ada is 36.", temperature=0, max_tokens=99, seed=1, stop="END")
    assert found == Person(name="Ada", age=36)
    request, body = script.requests[0], sent(script)
    assert request.path == f"models/{MODEL}:generateContent"
    assert [one["role"] for one in body["contents"]] == ["user"]
    assert "Ada is 36." in body["contents"][0]["parts"][0]["text"]
    assert "name" in body["systemInstruction"]["parts"][0]["text"]
    config = body["generationConfig"]
    schema = config.pop("responseJsonSchema")
    assert list(schema["properties"]) == ["name", "age"]
    assert config == {
        "temperature": 0,
        "maxOutputTokens": 99,
        "seed": 1,
        "stopSequences": ["END"],
        "responseMimeType": "application/json",
    }


@pytest.mark.parametrize("mode", ["json-object", "prompt"])
def test_a_mode_without_a_schema(mode: Mode) -> None:
    script = replying(gemini.whole(ADA))
    client(script).extract(Person, "Ada is 36.", mode=mode)
    config = sent(script).get("generationConfig", {})
    wanted = {"responseMimeType": "application/json"} if mode == "json-object" else {}
    assert config == wanted


def test_a_schema_as_a_function_that_must_be_called() -> None:
    called = gemini.response([gemini.call("Person", {"name": "Ada", "age": 36})])
    script = replying(json.dumps(called).encode())
    assert client(script).extract(Person, "Ada is 36.", mode="tool").age == 36
    body = sent(script)
    (function,) = body["tools"][0]["functionDeclarations"]
    assert function["parametersJsonSchema"]["required"] == ["name", "age"]
    wanted = {"mode": "ANY", "allowedFunctionNames": [function["name"]]}
    assert body["toolConfig"] == {"functionCallingConfig": wanted}


@pytest.mark.parametrize(
    ("model", "effort", "wanted"),
    [
        (MODEL, "low", {"thinkingLevel": "low", "includeThoughts": True}),
        (MODEL, "minimal", {"thinkingLevel": "low", "includeThoughts": True}),
        ("gemini-2.5-flash-lite", "medium", {"thinkingBudget": 8192, "includeThoughts": True}),
        ("gemini-2.5-flash-lite", "none", {"thinkingBudget": 0, "includeThoughts": False}),
    ],
)
def test_a_level_of_reasoning_is_a_level_or_a_budget(
    model: str, effort: Any, wanted: dict[str, Any]
) -> None:
    script = replying(gemini.whole(ADA))
    client(script, model).extract(Person, "Ada is 36.", reasoning_effort=effort)
    assert sent(script)["generationConfig"]["thinkingConfig"] == wanted


def test_images_and_files_are_parts() -> None:
    script = replying(gemini.whole(ADA))
    client(script).extract(Person, [image(PNG), image("https://example.com/a.png"), "Who?"])
    parts = [part for turn in sent(script)["contents"] for part in turn["parts"]]
    assert [part["inlineData"]["mimeType"] for part in parts if "inlineData" in part] == [
        "image/png"
    ]
    located = [part["fileData"] for part in parts if "fileData" in part]
    assert located == [{"fileUri": "https://example.com/a.png", "mimeType": "image/png"}]


def test_what_only_gemini_has_goes_into_the_body() -> None:
    script = replying(gemini.whole(ADA))
    extra = {"generationConfig": {"topK": 5}, "safetySettings": [], "cachedContent": "c/1"}
    client(script).extract(Person, "Ada is 36.", extra_body=extra)
    body = sent(script)
    assert body["generationConfig"]["topK"] == 5
    assert body["generationConfig"]["responseMimeType"] == "application/json"
    assert (body["safetySettings"], body["cachedContent"]) == ([], "c/1")


@pytest.mark.parametrize(
    "members",
    [
        {"n": 2},
        {"logprobs": True},
        {"logit_bias": {"1": 5}},
        {"stop": list("abcdef")},
        {"store": True},
    ],
)
def test_what_gemini_has_no_words_for_is_refused_before_sending(members: dict[str, Any]) -> None:
    script = replying(gemini.whole("hi"))
    with pytest.raises(ConfigurationError):
        client(script).chat.completions.create(
            messages=[{"role": "user", "content": "hi"}], **members
        )
    assert not script.requests


def test_a_conversation_with_a_tool_keeps_signatures() -> None:
    signed = gemini.call("look", {"place": "pond"}, thoughtSignature="c2ln")
    script = replying(json.dumps(gemini.response([signed])).encode())
    mine = client(script)
    schema = {"type": "object", "properties": {"place": {"type": "string"}}}
    tools = [{"type": "function", "function": {"name": "look", "parameters": schema}}]
    question = {"role": "user", "content": "Where is the heron?"}
    first = mine.chat.completions.create(
        messages=[{"role": "system", "content": "Be brief."}, question], tools=tools
    )
    message: Any = first.choices[0].message
    (call,) = message.tool_calls
    assert first.choices[0].finish_reason == "tool_calls"
    assert json.loads(call.function.arguments) == {"place": "pond"}
    mine.chat.completions.create(
        messages=[
            question,
            message,
            {"role": "tool", "tool_call_id": call.id, "content": '{"bird":"heron"}'},
            {"role": "tool", "tool_call_id": call.id, "content": "a pond"},
        ],
        tools=tools,
    )
    user, model, results = sent(script)["contents"]
    assert user["parts"] == [{"text": "Where is the heron?"}]
    assert model == {"role": "model", "parts": [signed]}
    assert results["role"] == "user"
    assert [part["functionResponse"]["response"] for part in results["parts"]] == [
        {"bird": "heron"},
        {"result": "a pond"},
    ]
    assert {part["functionResponse"]["name"] for part in results["parts"]} == {"look"}


def test_arguments_that_are_no_object_are_an_error_before_sending() -> None:
    script = replying(gemini.whole("hi"))
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "[1]"}}
    with pytest.raises(InputError, match="not a JSON object"):
        client(script).chat.completions.create(
            messages=[{"role": "assistant", "content": None, "tool_calls": [call]}]
        )


# ---- replies


def test_reasoning_and_counts_are_in_the_result() -> None:
    result = client(replying(gemini.whole(ADA, thought="Thirty-six."))).extract_result(
        Person, "Ada is 36."
    )
    assert result.reasoning == "Thirty-six."
    assert result.usage == Usage(
        prompt_tokens=7, completion_tokens=5, cached_tokens=3, reasoning_tokens=2
    )


@pytest.mark.parametrize(
    ("finish_reason", "wanted"),
    [
        ("MAX_TOKENS", Truncated),
        ("SAFETY", Refused),
        ("RECITATION", Refused),
        ("PROHIBITED_CONTENT", Refused),
        ("SPII", Refused),
        ("MODEL_ARMOR", Refused),
        ("MALFORMED_FUNCTION_CALL", OutputRejectedError),
        ("OTHER", Truncated),
        ("A_WORD_OF_TOMORROW", Truncated),
        ("FINISH_REASON_UNSPECIFIED", Truncated),
    ],
)
def test_an_answer_that_did_not_end_cleanly_is_no_value(
    finish_reason: str, wanted: type[Exception]
) -> None:
    with pytest.raises(wanted):
        client(replying(gemini.whole(ADA, finish_reason))).extract(Person, "Ada is 36.")
    pieces = gemini.stream(ADA, finish_reason)
    with pytest.raises(wanted):
        list(client(ScriptedTransport(pieces)).stream(Person, "Ada is 36."))


def test_a_malformed_call_is_asked_for_again() -> None:
    malformed = gemini.response([], "MALFORMED_FUNCTION_CALL")
    called = gemini.response([gemini.call("Person", {"name": "Ada", "age": 36})])
    replies = [Reply(200, {}, json.dumps(one).encode()) for one in (malformed, called)]
    script = ScriptedTransport(*replies)
    result = client(script, max_reasks=1).extract_result(Person, "Ada is 36.", mode="tool")
    assert result.value.age == 36
    assert [type(attempt.error) for attempt in result.attempts][:1] == [OutputRejectedError]


def test_a_prompt_that_is_blocked_is_refused() -> None:
    with pytest.raises(Refused) as caught:
        client(replying(gemini.blocked())).extract(Person, "Ada is 36.")
    assert caught.value.refusal == "The prompt was blocked: PROHIBITED_CONTENT."
    pieces = [b"data: " + gemini.blocked() + b"\n\n"]
    with pytest.raises(Refused):
        list(client(ScriptedTransport(pieces)).stream(Person, "Ada is 36."))


def test_an_answer_without_a_candidate_is_a_server_error() -> None:
    with pytest.raises(ServerError, match="no candidate"):
        client(replying(b"{}")).extract(Person, "Ada is 36.")


def test_two_calls_in_a_stream_are_two() -> None:
    parts = [gemini.call("Person", {"name": name, "age": 1}) for name in ("Ada", "Bo")]
    for pieces in (
        [gemini.event(gemini.response(parts))],
        [
            gemini.event(gemini.response([part], end))
            for part, end in zip(parts, (None, "STOP"), strict=True)
        ],
    ):
        stream = client(ScriptedTransport(pieces)).stream(Person, "Ada, Bo", mode="tool")
        with pytest.raises(Exception, match="2 calls"):
            list(stream)


# ---- errors


@pytest.mark.parametrize(
    ("status", "body", "wanted"),
    [
        (
            400,
            gemini.error(400, "INVALID_ARGUMENT", "API key not valid.", gemini.BAD_KEY),
            AuthenticationError,
        ),
        (403, gemini.error(403, "PERMISSION_DENIED", "No."), AuthenticationError),
        (404, gemini.error(404, "NOT_FOUND", "models/x is not found."), NotFoundError),
        (429, gemini.error(429, "RESOURCE_EXHAUSTED", "Quota.", gemini.RETRY), RateLimitError),
        (503, gemini.error(503, "UNAVAILABLE", "The model is overloaded."), ServerError),
        (200, gemini.error(503, "UNAVAILABLE", "Overloaded.", in_list=True), ServerError),
        (
            400,
            gemini.error(
                400,
                "INVALID_ARGUMENT",
                "The input token count (1200000) exceeds the maximum number of tokens allowed "
                "(1048576).",
            ),
            APIPromptTooLongError,
        ),
    ],
)
def test_errors_are_typed(status: int, body: bytes, wanted: type[Exception]) -> None:
    with pytest.raises(wanted) as caught:
        client(replying(body, status)).extract(Person, "Ada is 36.")
    if isinstance(caught.value, RateLimitError):
        assert caught.value.retry_after == pytest.approx(34.07)
        assert caught.value.type == "RESOURCE_EXHAUSTED"
    if isinstance(caught.value, APIPromptTooLongError):
        assert (caught.value.tokens, caught.value.limit) == (1_200_000, 1_048_576)


def test_a_model_that_ended_is_told_of_by_its_path() -> None:
    body = gemini.error(404, "NOT_FOUND", "models/gemini-3-pro-preview is not found.")
    with pytest.raises(ModelRetiredError, match=r"use gemini-3\.1-pro-preview"):
        client(replying(body, 404), "gemini-3-pro-preview").extract(Person, "Ada is 36.")


def test_an_error_in_the_middle_of_a_stream_is_typed() -> None:
    body = gemini.error(500, "INTERNAL", "An internal error has occurred.")
    for last in (b"data: " + json.dumps(json.loads(body)).encode() + b"\n\n", body):
        pieces = [*gemini.stream(ADA, None)[:2], last]
        with pytest.raises(ServerError, match="internal error"):
            list(client(ScriptedTransport(pieces)).stream(Person, "Ada is 36."))


def test_no_error_quotes_the_document() -> None:
    document = "The heron stood in the reeds at dawn, and nobody saw it leave."
    body = gemini.error(400, "INVALID_ARGUMENT", f"Cannot read: {document}")
    with pytest.raises(Exception, match="Cannot read") as caught:
        client(replying(body, 400)).extract(Person, document)
    assert "heron stood" not in str(caught.value)


# ---- over a socket, with Google's SDK as the other side


@pytest.fixture
def server() -> Iterator[FaultyServer]:
    def served(request: Any) -> Served:
        if "broken" in request.path:
            return Served(status=503, body=gemini.error(503, "UNAVAILABLE", "Overloaded."))
        if "streamGenerateContent" in request.path:
            return Served(pieces=gemini.stream(ADA, thought="Hm."))
        return Served(body=gemini.whole(ADA, thought="Hm."))

    with FaultyServer(served) as running:
        yield running


def test_sync_and_async_over_a_socket(server: FaultyServer) -> None:
    base_url = server.base_url.replace("/v1", "")
    with Client(f"gemini-native:{MODEL}", api_key="secret", base_url=base_url) as mine:
        assert mine.extract(Person, "Ada is 36.").age == 36
        stream = mine.stream(Person, "Ada is 36.")
        assert list(stream)[-1].value.name == "Ada"
        assert stream.result is not None
        assert stream.result.reasoning == "Hm."

    async def awaited() -> Person:
        async with AsyncClient(f"gemini-native:{MODEL}", api_key="k", base_url=base_url) as one:
            async for _ in one.stream(Person, "Ada is 36."):
                pass
            return await one.extract(Person, "Ada is 36.")

    assert asyncio.run(awaited()).age == 36
    first = server.requests[0]
    assert first.path == f"/v1beta/models/{MODEL}:generateContent"
    assert first.headers["x-goog-api-key"] == "secret"
    assert server.requests[1].path.endswith(":streamGenerateContent?alt=sse")


def test_vertex_has_another_address_and_tokens_that_expire(server: FaultyServer) -> None:
    row = replace(capabilities("gemini-native", MODEL), model="*", key_header="authorization")
    place = "v1/projects/p/locations/l/publishers/google"
    with Client(
        f"gemini-native:{MODEL}",
        base_url=server.base_url.replace("v1", place),
        api_key=lambda: "expires",
        capabilities=(row,),
    ) as mine:
        assert mine.extract(Person, "Ada is 36.").age == 36
    request = server.requests[-1]
    assert request.path == f"/{place}/models/{MODEL}:generateContent"
    assert request.headers["authorization"] == "Bearer expires"


def test_google_s_sdk_reads_the_same_server_and_sends_the_same(server: FaultyServer) -> None:
    genai = pytest.importorskip("google.genai")
    types = genai.types
    base_url = server.base_url.replace("/v1", "")
    theirs = genai.Client(api_key="secret", http_options=types.HttpOptions(base_url=base_url))
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    config = types.GenerateContentConfig(
        system_instruction="Extract.",
        temperature=0,
        max_output_tokens=99,
        seed=1,
        stop_sequences=["END"],
        response_mime_type="application/json",
        response_json_schema=schema,
        thinking_config=types.ThinkingConfig(thinking_level="low", include_thoughts=True),
    )
    asked = {"model": MODEL, "contents": "Ada is 36.", "config": config}
    answer = theirs.models.generate_content(**asked)
    assert answer.text == ADA
    assert answer.usage_metadata.thoughts_token_count == 2
    pieces = list(theirs.models.generate_content_stream(**asked))
    assert "".join(piece.text or "" for piece in pieces) == ADA
    with pytest.raises(genai.errors.ServerError, match="Overloaded"):
        theirs.models.generate_content(**{**asked, "model": "broken"})

    theirs.close()
    form = {"type": "json_schema", "json_schema": {"name": "p", "schema": schema}}
    messages = [
        {"role": "system", "content": "Extract."},
        {"role": "user", "content": "Ada is 36."},
    ]
    with Client(f"gemini-native:{MODEL}", api_key="secret", base_url=base_url) as mine:
        mine.chat.completions.create(
            messages=messages,
            temperature=0,
            max_tokens=99,
            seed=1,
            stop=["END"],
            response_format=form,
            reasoning_effort="low",
        )
    ours, sdk = json.loads(server.requests[-1].body), json.loads(server.requests[0].body)
    sdk["systemInstruction"].pop("role", None)
    level = sdk["generationConfig"]["thinkingConfig"]
    level["thinkingLevel"] = level.pop("thinkingLevel", level.pop("thinking_level", "")).lower()
    if "includeThoughts" not in level:
        level["includeThoughts"] = level.pop("include_thoughts")
    assert ours == sdk


def test_a_row_of_ones_own_may_ask_for_probabilities() -> None:
    row = replace(capabilities("gemini-native", "m"), model="*", unsupported=frozenset())
    answer = gemini.response([{"text": ADA}])
    chosen = [{"token": ADA[:4], "logProbability": -0.1}, {"token": ADA[4:], "logProbability": 0}]
    answer["candidates"][0]["logprobsResult"] = {"chosenCandidates": chosen}
    script = replying(json.dumps(answer).encode())
    result = client(script, capabilities=(row,)).extract_result(Person, "Ada", logprobs=True)
    assert sent(script)["generationConfig"]["responseLogprobs"] is True
    assert result.confidence


@pytest.mark.parametrize("reason", [["STOP"], {"a": 1}, 7, None, True])
def test_a_finish_reason_that_is_no_word_is_none(reason: Any) -> None:
    answer = gemini.response([{"text": ADA}])
    answer["candidates"][0]["finishReason"] = reason
    found = client(replying(json.dumps(answer).encode())).extract(Person, "Ada is 36.")
    assert found.age == 36
    with pytest.raises(StreamBrokenError):
        list(client(ScriptedTransport([gemini.event(answer)])).stream(Person, "Ada is 36."))


def test_an_error_with_numbers_that_json_lacks_is_typed() -> None:
    body = gemini.error(503, "UNAVAILABLE", "Overloaded.", {"@type": "x", "load": float("nan")})
    with pytest.raises(ServerError, match="Overloaded"):
        client(replying(body, 503)).extract(Person, "Ada is 36.")
