"""One table: hello, stream, structured output, tools and errors, for every dialect, by the vendor's
own SDK and by our client, sync and async, against the same scripted server.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from structgen import AsyncClient, Client, errors
from structgen.testing import FaultyServer, Served
from structgen.values import Request
from tests.wire.dialects.parts import ANTHROPIC, CHAT, OLLAMA, RESPONSES, Said, Server
from tests.wire.dialects.sdks import GEMINI_SDK, OLLAMA_SDK, Heard, Sdk

anthropic = pytest.importorskip("anthropic")
openai = pytest.importorskip("openai")


class City(BaseModel):
    name: str
    people: int


ROME = '{"name":"Rome","people":2800000}'
HELLO = Said("Good morning.", reasoning="They greet me.")
CALLS = Said(calls=(("call_1", "find", '{"x":1}'),))
MESSAGES = [{"role": "user", "content": "Hello"}]
PARAMETERS = {"type": "object", "properties": {"x": {"type": "integer"}}}


TOKENS = (7, 5, 3, 2)


# ---- the vendors' SDKs ---------------------------------------------------------------


def an_openai(base_url: str) -> Any:
    return openai.OpenAI(
        base_url=base_url, api_key="secret", max_retries=0, _strict_response_validation=True
    )


def calls_of(found: Any) -> tuple[tuple[str, str, Any], ...]:
    """The calls of a message in the shape of Chat Completions, with their arguments parsed."""
    return tuple(
        (one.id, one.function.name, json.loads(one.function.arguments)) for one in found or ()
    )


def parsed(calls: dict[int, list[str]]) -> tuple[tuple[str, str, Any], ...]:
    return tuple((id_, name, json.loads(arguments)) for id_, name, arguments in calls.values())


def chat_sdk(base_url: str, said: Said) -> Heard:
    with an_openai(base_url) as client:
        answer = client.chat.completions.create(model="gpt", messages=MESSAGES)
    message = answer.choices[0].message
    reasoning = getattr(message, "reasoning", None) or ""
    return Heard(message.content or "", reasoning, calls_of(message.tool_calls))


def chat_sdk_stream(base_url: str, said: Said) -> Heard:
    text, calls = "", dict[int, list[str]]()
    with an_openai(base_url) as client:
        for chunk in client.chat.completions.create(model="gpt", messages=MESSAGES, stream=True):
            for choice in chunk.choices:
                text += choice.delta.content or ""
                for part in choice.delta.tool_calls or ():
                    call = calls.setdefault(part.index, [part.id, part.function.name, ""])
                    call[2] += part.function.arguments or ""
    return Heard(text, calls=parsed(calls))


def chat_status(base_url: str) -> int:
    with an_openai(base_url) as client, pytest.raises(openai.APIStatusError) as caught:
        client.chat.completions.create(model="gpt", messages=MESSAGES)
    return int(caught.value.status_code)


def heard_response(answer: Any) -> Heard:
    items = answer.output
    reasoning = [part.text for one in items if one.type == "reasoning" for part in one.summary]
    calls = [
        (one.call_id, one.name, json.loads(one.arguments))
        for one in items
        if one.type == "function_call"
    ]
    usage = answer.usage
    tokens = (
        usage.input_tokens,
        usage.output_tokens,
        usage.input_tokens_details.cached_tokens,
        usage.output_tokens_details.reasoning_tokens,
    )
    return Heard(answer.output_text, "".join(reasoning), tuple(calls), tokens)


def responses_sdk(base_url: str, said: Said) -> Heard:
    with an_openai(base_url) as client:
        return heard_response(client.responses.create(model="gpt", input="Hello", store=False))


def responses_sdk_stream(base_url: str, said: Said) -> Heard:
    with an_openai(base_url) as client, client.responses.stream(model="gpt", input="Hello") as one:
        text = "".join(event.delta for event in one if event.type == "response.output_text.delta")
        heard = heard_response(one.get_final_response())
    assert text == heard.text
    return heard


def responses_status(base_url: str) -> int:
    with an_openai(base_url) as client, pytest.raises(openai.APIStatusError) as caught:
        client.responses.create(model="gpt", input="Hello")
    return int(caught.value.status_code)


def an_anthropic(base_url: str) -> Any:
    return anthropic.Anthropic(
        base_url=base_url.removesuffix("/v1"),
        api_key="secret",
        max_retries=0,
        _strict_response_validation=True,
    )


def heard_message(message: Any) -> Heard:
    blocks = message.content
    usage = message.usage
    prompt = usage.input_tokens + usage.cache_creation_input_tokens + usage.cache_read_input_tokens
    details = usage.output_tokens_details
    return Heard(
        "".join(one.text for one in blocks if one.type == "text"),
        "".join(one.thinking for one in blocks if one.type == "thinking"),
        tuple((one.id, one.name, one.input) for one in blocks if one.type == "tool_use"),
        (prompt, usage.output_tokens, usage.cache_read_input_tokens, details.thinking_tokens),
    )


ASKED = {"model": "claude", "max_tokens": 99, "messages": MESSAGES}


def anthropic_sdk(base_url: str, said: Said) -> Heard:
    with an_anthropic(base_url) as client:
        return heard_message(client.messages.create(**ASKED))


def anthropic_sdk_stream(base_url: str, said: Said) -> Heard:
    with an_anthropic(base_url) as client, client.messages.stream(**ASKED) as stream:
        return heard_message(stream.get_final_message())


def anthropic_status(base_url: str) -> int:
    with an_anthropic(base_url) as client, pytest.raises(anthropic.APIStatusError) as caught:
        client.messages.create(**ASKED)
    return int(caught.value.status_code)


SDKS = (
    Sdk(CHAT, chat_sdk, chat_sdk_stream, chat_status),
    Sdk(RESPONSES, responses_sdk, responses_sdk_stream, responses_status),
    Sdk(ANTHROPIC, anthropic_sdk, anthropic_sdk_stream, anthropic_status),
    GEMINI_SDK,
    OLLAMA_SDK,
)
EACH = pytest.mark.parametrize("sdk", SDKS, ids=[sdk.server.provider for sdk in SDKS])


# ---- our client ----------------------------------------------------------------------


def heard_chat(answer: Any) -> Heard:
    message, usage = answer.choices[0].message, answer.usage
    details = usage.prompt_tokens_details, usage.completion_tokens_details
    tokens = (
        usage.prompt_tokens,
        usage.completion_tokens,
        (details[0] and details[0].cached_tokens) or 0,
        (details[1] and details[1].reasoning_tokens) or 0,
    )
    return Heard(
        message.content or "", message.reasoning or "", calls_of(message.tool_calls), tokens
    )


def heard_chunks(chunks: list[Any]) -> Heard:
    deltas = [choice.delta for chunk in chunks for choice in chunk.choices]
    calls: dict[int, list[str]] = {}
    for part in (part for delta in deltas for part in delta.tool_calls or ()):
        call = calls.setdefault(part.index, ["", "", ""])
        call[0] = call[0] or part.id
        call[1] = call[1] or part.function.name
        call[2] += part.function.arguments or ""
    return Heard(
        "".join(delta.content or "" for delta in deltas),
        "".join(delta.reasoning or "" for delta in deltas),
        parsed(calls),
    )


@pytest.fixture(params=[HELLO, CALLS], ids=["hello", "call"])
def said(request: pytest.FixtureRequest) -> Said:
    given: Said = request.param
    return given


PATHS = {
    "openai": ["chat/completions"],
    "openai-responses": ["responses"],
    "anthropic": ["messages"],
    "gemini-native": [
        "models/gemini:generateContent",
        "models/gemini:streamGenerateContent?alt=sse",
    ],
    # Its SDK puts "api" behind whichever address it gets.
    "ollama-native": ["chat", "api/chat"],
}
KEYS = {"anthropic": "x-api-key", "gemini-native": "x-goog-api-key"}
"""Headers that hold the key as it is; the others have it in `authorization`."""


def serving(server: Server, said: Said) -> Callable[[Request], Served]:
    """Answers as the dialect's server does, on the path of the dialect alone."""
    wanted = {f"/v1/{path}" for path in PATHS[server.provider]}

    def served(request: Request) -> Served:
        assert request.path in wanted
        in_path = ":streamGenerateContent" in request.path
        wants_stream = in_path or json.loads(request.body).get("stream") is True
        answer = server.line(said, in_stream=wants_stream)(request)
        return Served(pieces=answer) if wants_stream else Served(body=answer[0])

    return served


@pytest.fixture
def running(said: Said, sdk: Sdk) -> Iterator[FaultyServer]:
    with FaultyServer(serving(sdk.server, said)) as server:
        yield server


@EACH
def test_the_sdk_and_our_clients_hear_the_same(sdk: Sdk, said: Said, running: FaultyServer) -> None:
    url, model = running.base_url, sdk.server.model
    theirs, theirs_streamed = sdk.whole(url, said), sdk.stream(url, said)
    with Client(model, base_url=url, api_key="secret") as client:
        create = client.chat.completions.create
        whole = heard_chat(create(messages=MESSAGES))
        streamed = heard_chunks(list(create(messages=MESSAGES, stream=True)))

    async def awaited() -> tuple[Heard, Heard]:
        async with AsyncClient(model, base_url=url, api_key="secret") as client:
            create = client.chat.completions.create
            answer = heard_chat(await create(messages=MESSAGES))
            stream = await create(messages=MESSAGES, stream=True)
            return answer, heard_chunks([chunk async for chunk in stream])

    assert asyncio.run(awaited()) == (whole, streamed)
    calls = tuple((id_, name, json.loads(args)) for id_, name, args in said.calls)
    assert whole._replace(tokens=TOKENS) == Heard(
        said.text or "", said.reasoning or "", calls, TOKENS
    )
    assert streamed == whole._replace(tokens=streamed.tokens)
    for one in (theirs, theirs_streamed):
        assert (one.text, one.calls) == (whole.text, whole.calls)
        if sdk.server is not CHAT:
            assert one == whole


@EACH
@pytest.mark.parametrize(
    ("status", "wanted"),
    [(401, errors.AuthenticationError), (429, errors.RateLimitError), (500, errors.ServerError)],
)
def test_the_sdk_and_our_client_hear_the_same_error(
    sdk: Sdk, status: int, wanted: type[Exception]
) -> None:
    reply = sdk.server.error(status, "Something is wrong.")
    served = Served(status=status, headers=reply.headers, body=reply.body)
    with FaultyServer(served) as server:
        assert sdk.status(server.base_url) == status
        with (
            Client(
                sdk.server.model, base_url=server.base_url, api_key="k", max_retries=0
            ) as client,
            pytest.raises(wanted, match="Something is wrong"),
        ):
            client.extract(City, "Rome")


async def extracted(server: Server, options: dict[str, Any]) -> City:
    async with AsyncClient(server.model, **options) as client:
        return await client.extract(City, "Rome")


@EACH
def test_a_schema_is_held_on_every_wire(sdk: Sdk) -> None:
    """The same extraction, in every mode, whole and streamed, sync and async."""
    server = sdk.server
    for mode in server.modes:
        with FaultyServer(serving(server, Said(ROME))) as running:
            options: dict[str, Any] = {"base_url": running.base_url, "api_key": "secret"}
            options["mode"] = mode
            with Client(server.model, **options) as client:
                result = client.extract_result(City, "Rome")
                stream = client.stream(City, "Rome")
                last = list(stream)[-1].value

            rome = City(name="Rome", people=2_800_000)
            assert result.value == last == asyncio.run(extracted(server, options)) == rome
            assert result.usage.prompt_tokens == 7
            assert stream.result is not None
            if server is not CHAT:
                assert stream.result.usage == result.usage
            if server not in (CHAT, OLLAMA):  # Ollama counts no tokens of reasoning apart
                assert stream.result.usage.reasoning_tokens == 2
            key = KEYS.get(server.provider, "authorization")
            sent = {request.headers[key] for request in running.requests}
            assert sent == {"secret" if server.provider in KEYS else "Bearer secret"}


def test_structured_output_is_what_anthropic_s_sdk_asks_for() -> None:
    with FaultyServer(serving(ANTHROPIC, Said(ROME))) as running:
        with an_anthropic(running.base_url) as theirs:
            answer = theirs.messages.parse(**ASKED, output_format=City)
        with Client("anthropic:claude", base_url=running.base_url, api_key="k") as mine:
            assert mine.extract(City, "Rome") == answer.parsed_output
        first, second = [json.loads(request.body) for request in running.requests]
        formats = [body["output_config"]["format"] for body in (first, second)]
        assert [form["type"] for form in formats] == ["json_schema", "json_schema"]
        for name in ("properties", "required", "additionalProperties"):
            assert name in formats[0]["schema"]
            assert name in formats[1]["schema"]
        versions = {request.headers["anthropic-version"] for request in running.requests}
        assert len(versions) == 1, "the newest models are asked in the version of the newest SDK"


def test_structured_output_is_what_openai_s_sdk_asks_for() -> None:
    with FaultyServer(serving(RESPONSES, Said(ROME))) as running:
        with an_openai(running.base_url) as theirs:
            answer = theirs.responses.parse(model="gpt", input="Rome", text_format=City)
        with Client("openai-responses:gpt", base_url=running.base_url, api_key="k") as mine:
            assert mine.extract(City, "Rome") == answer.output_parsed
        first, second = [json.loads(request.body) for request in running.requests]
        formats = [body["text"]["format"] for body in (first, second)]
        assert formats[0].keys() == formats[1].keys()
        assert [form["strict"] for form in formats] == [True, True]
