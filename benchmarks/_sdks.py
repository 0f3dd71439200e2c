"""The vendors' SDKs, as their users call them: a table, with several for a dialect or none.

Those that are not installed are left out.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from importlib import import_module
from importlib.util import find_spec
from typing import Any, Final, NamedTuple

from benchmarks._dialects import FLASH, SYSTEM, Json
from benchmarks._report import Report


class Sdk(NamedTuple):
    """One SDK for one dialect."""

    name: str
    """The name in figures."""
    dialect: str
    """The dialect's name."""
    module: str
    """The module to import."""
    connect: Callable[[Any, str], Any]
    """Make a client of the module, given the server's address with the payload."""
    create: Callable[[Any, Json], Any]
    """Ask with the body of a request, and give the text of the answer."""
    stream: Callable[[Any, Json], Iterator[str | None]]
    """Ask with the body of a request, and give the texts of the stream."""
    parse: Callable[[Any, Json], Any] | None = None
    """Ask with the body of a request without a schema, and give a Report; None if it cannot."""
    connect_async: Callable[[Any, str], Any] | None = None
    """Make an async client of the module."""
    create_async: Callable[[Any, Json], Awaitable[Any]] | None = None
    """Ask with it, and give the answer."""

    def client(self, server: str) -> Any:
        """Make a client.

        Args:
            server: The address with the payload.
        """
        return self.connect(import_module(self.module), server)

    def async_client(self, server: str) -> Any:
        """Make an async client.

        Args:
            server: The address with the payload.
        """
        assert self.connect_async is not None
        return self.connect_async(import_module(self.module), server)


# ---- OpenAI and Groq -----------------------------------------------------------------


def _chat_create(client: Any, body: Json) -> Any:
    return client.chat.completions.create(**body).choices[0].message.content


def _chat_stream(client: Any, body: Json) -> Iterator[str | None]:
    for chunk in client.chat.completions.create(**body):
        yield chunk.choices[0].delta.content


def _chat_parse(client: Any, body: Json) -> Any:
    answer = client.chat.completions.parse(
        model=body["model"], messages=body["messages"], response_format=Report
    )
    return answer.choices[0].message.parsed


def _responses_create(client: Any, body: Json) -> Any:
    return client.responses.create(**body).output_text


def _responses_stream(client: Any, body: Json) -> Iterator[str | None]:
    for event in client.responses.create(**body):
        if event.type == "response.output_text.delta":
            yield event.delta


def _responses_parse(client: Any, body: Json) -> Any:
    answer = client.responses.parse(
        model=body["model"], input=body["input"], store=False, text_format=Report
    )
    return answer.output_parsed


def _openai(module: Any, server: str) -> Any:
    return module.OpenAI(api_key="k", base_url=f"{server}/v1", max_retries=0)


def _openai_async(module: Any, server: str) -> Any:
    return module.AsyncOpenAI(api_key="k", base_url=f"{server}/v1", max_retries=0)


# ---- Anthropic -----------------------------------------------------------------------


def _anthropic_stream(client: Any, body: Json) -> Iterator[str | None]:
    for event in client.messages.create(**body):
        if event.type == "content_block_delta":
            yield event.delta.text


def _anthropic_parse(client: Any, body: Json) -> Any:
    rest = {name: value for name, value in body.items() if name != "stream"}
    return client.messages.parse(**rest, output_format=Report).parsed_output


# ---- Google and Ollama ---------------------------------------------------------------


def _genai(module: Any, server: str) -> Any:
    options = module.types.HttpOptions(base_url=server, api_version="v1beta")
    return module.Client(api_key="k", http_options=options)


def _genai_arguments(body: Json, **config: Any) -> Json:
    config["system_instruction"] = SYSTEM
    if held := body.get("generationConfig"):
        config["response_mime_type"] = held["responseMimeType"]
        config["response_json_schema"] = held["responseJsonSchema"]
    return {"model": FLASH, "contents": body["contents"], "config": config}


def _genai_stream(client: Any, body: Json) -> Iterator[str | None]:
    for chunk in client.models.generate_content_stream(**_genai_arguments(body)):
        yield chunk.text


def _genai_parse(client: Any, body: Json) -> Any:
    held = {"response_mime_type": "application/json", "response_schema": Report}
    return client.models.generate_content(**_genai_arguments(body, **held)).parsed


def _ollama_stream(client: Any, body: Json) -> Iterator[str | None]:
    for part in client.chat(**body):
        yield part.message.content


def _ollama_parse(client: Any, body: Json) -> Any:
    answer = client.chat(**body, format=Report.model_json_schema())
    return Report.model_validate_json(answer.message.content)


# ---- the table -----------------------------------------------------------------------

SDKS: Final = (
    Sdk(
        name="groq",
        dialect="chat",
        module="groq",
        connect=lambda module, server: module.Groq(api_key="k", base_url=server),
        create=_chat_create,
        stream=_chat_stream,
    ),
    Sdk(
        name="openai",
        dialect="chat",
        module="openai",
        connect=_openai,
        create=_chat_create,
        stream=_chat_stream,
        parse=_chat_parse,
        connect_async=_openai_async,
        create_async=lambda client, body: client.chat.completions.create(**body),
    ),
    Sdk(
        name="openai",
        dialect="responses",
        module="openai",
        connect=_openai,
        create=_responses_create,
        stream=_responses_stream,
        parse=_responses_parse,
        connect_async=_openai_async,
        create_async=lambda client, body: client.responses.create(**body),
    ),
    Sdk(
        name="anthropic",
        dialect="anthropic",
        module="anthropic",
        connect=lambda module, server: module.Anthropic(api_key="k", base_url=server),
        create=lambda client, body: client.messages.create(**body).content[0].text,
        stream=_anthropic_stream,
        parse=_anthropic_parse,
        connect_async=lambda module, server: module.AsyncAnthropic(
            api_key="k", base_url=server, max_retries=0
        ),
        create_async=lambda client, body: client.messages.create(**body),
    ),
    Sdk(
        name="google-genai",
        dialect="gemini-native",
        module="google.genai",
        connect=_genai,
        create=lambda client, body: client.models.generate_content(**_genai_arguments(body)).text,
        stream=_genai_stream,
        parse=_genai_parse,
        connect_async=_genai,
        create_async=lambda client, body: client.aio.models.generate_content(
            **_genai_arguments(body)
        ),
    ),
    Sdk(
        name="ollama",
        dialect="ollama-native",
        module="ollama",
        connect=lambda module, server: module.Client(host=server),
        create=lambda client, body: client.chat(**body).message.content,
        stream=_ollama_stream,
        parse=_ollama_parse,
        connect_async=lambda module, server: module.AsyncClient(host=server),
        create_async=lambda client, body: client.chat(**body),
    ),
)
"""Each SDK, once for each dialect that it speaks."""


def sdks_of(dialect: str) -> list[Sdk]:
    """The SDKs of a dialect that are installed.

    Args:
        dialect: Its name.
    """
    return [sdk for sdk in SDKS if sdk.dialect == dialect and _is_installed(sdk.module)]


def _is_installed(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # of a package around it
        return False
