"""A model of pydantic-ai that asks through a structgen client."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from structgen.client.base import BaseClient
from structgen.errors import APIError, MissingPackage, OutputError, StructgenError
from structgen.flow.drive import aperform
from structgen.integrations.choices import Choice, choose_among, chosen
from structgen.integrations.given import client_of
from structgen.prompt.attachments import file, image
from structgen.results import Extraction
from structgen.values import Attachment, Message

try:
    from pydantic_ai.exceptions import (
        ModelAPIError,
        ModelHTTPError,
        UnexpectedModelBehavior,
        UserError,
    )
    from pydantic_ai.messages import (
        BinaryContent,
        ImageUrl,
        ModelMessage,
        ModelRequest,
        ModelResponse,
        ModelResponsePart,
        RetryPromptPart,
        SystemPromptPart,
        TextContent,
        TextPart,
        ToolCallPart,
        ToolReturnPart,
        UserContent,
        UserPromptPart,
    )
    from pydantic_ai.models import (
        CompletedStreamedResponse,
        Model,
        ModelRequestParameters,
        StreamedResponse,
    )
    from pydantic_ai.profiles import ModelProfile
    from pydantic_ai.settings import ModelSettings
    from pydantic_ai.usage import RequestUsage
except ImportError as error:
    raise MissingPackage("pydantic_ai", "pydantic-ai") from error

_SETTINGS: Final = {
    "temperature": "temperature",
    "top_p": "top_p",
    "seed": "seed",
    "max_tokens": "max_tokens",
    "timeout": "timeout",
    "stop_sequences": "stop",
    "service_tier": "service_tier",
}
"""Settings of pydantic-ai by the options that they are."""
_TEXT: Final = "text"
"""The choice to answer in words."""


class StructgenModel(Model[Any]):
    """A model of pydantic-ai over any structgen client, a model in this process included.

    An output type is compiled to what the backend can be held to, and the answer is checked before
    pydantic-ai reads it. The default output mode is `native`; `ToolOutput`, `NativeOutput` and
    `PromptedOutput` are held alike. Function tools work with every backend: which tool is called
    is part of the schema that the answer is held to.

    >>> agent = Agent(StructgenModel("local"), output_type=Person)  # doctest: +SKIP

    Args:
        client: The client to ask through, or the name of a model, as for `structgen.Client`.
        settings: Settings of every request, as pydantic-ai has them.
    """

    def __init__(
        self, client: BaseClient | str = "local", *, settings: ModelSettings | None = None
    ) -> None:
        self.client: BaseClient = client_of(client)
        """The client that is asked."""
        profile = ModelProfile(
            supports_json_schema_output=True,
            supports_json_object_output=True,
            default_structured_output_mode="native",
        )
        super().__init__(settings=settings, profile=profile)

    @property
    def model_name(self) -> str:
        """The name of the backend, such as "groq:openai/gpt-oss-20b"."""
        return self.client.caller.backends[0].name

    @property
    def system(self) -> str:
        """The name of this library, as telemetry shows it."""
        return "structgen"

    async def request(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
    ) -> ModelResponse:
        """Ask the client for one answer, as pydantic-ai calls it.

        Args:
            messages: The conversation.
            model_settings: Settings of this request.
            model_request_parameters: The tools, and what the output may be.

        Raises:
            ModelHTTPError: If the server answered with an error.
            ModelAPIError: If no answer came.
            UnexpectedModelBehavior: If no valid answer came.
            UserError: If a message holds what structgen cannot send.
        """
        settings, params = self.prepare_request(model_settings, model_request_parameters)
        choices = list(_choices(params))
        instructions = [part.content for part in params.instruction_parts or ()]
        call = {
            "instructions": "\n\n".join([*instructions, *_system_texts(messages)]) or None,
            **_options(settings),
        }
        asked = self.client.caller.extract(choose_among(choices), _document(messages), call)  # type: ignore[arg-type]
        try:
            result = await aperform(asked)
        except StructgenError as error:
            raise _as_pydantic_ai(error, self.model_name) from error
        return ModelResponse(
            parts=[_part(*chosen(result.value, choices))],
            usage=_usage(result),
            model_name=self.model_name,
            provider_name=self.system,
        )

    @asynccontextmanager
    async def request_stream(
        self,
        messages: list[ModelMessage],
        model_settings: ModelSettings | None,
        model_request_parameters: ModelRequestParameters,
        run_context: Any = None,
    ) -> AsyncGenerator[StreamedResponse]:
        """Give the checked answer of `request` as a stream, in one piece.

        Args:
            messages: As for `request`.
            model_settings: As for `request`.
            model_request_parameters: As for `request`.
            run_context: What pydantic-ai knows of the run.
        """
        response = await self.request(messages, model_settings, model_request_parameters)
        yield CompletedStreamedResponse(
            response, model_request_parameters=model_request_parameters, replay_events=True
        )


def _choices(params: ModelRequestParameters) -> Iterator[Choice]:
    """What the model may answer: an output, a call of a tool, or a text."""
    for tool in (*params.declared_function_tools, *params.output_tools):
        yield Choice(tool.name, tool.parameters_json_schema, tool.description)
    wanted = params.output_object
    if wanted is not None:
        yield Choice("", wanted.json_schema, wanted.description)
    elif params.allow_text_output:
        yield Choice(_TEXT, {"type": "string"}, "Answer in words.")


def _part(choice: Choice, value: Any) -> ModelResponsePart:
    if choice.name == _TEXT:
        return TextPart(str(value))
    if not choice.name:
        return TextPart(json.dumps(value, ensure_ascii=False))
    return ToolCallPart(choice.name, value)


def _options(settings: ModelSettings | None) -> dict[str, Any]:
    given: Mapping[str, Any] = settings or {}
    return {_SETTINGS[name]: value for name, value in given.items() if name in _SETTINGS}


def _usage(result: Extraction[Any]) -> RequestUsage:
    used = result.usage
    return RequestUsage(
        input_tokens=used.prompt_tokens,
        output_tokens=used.completion_tokens,
        cache_read_tokens=used.cached_tokens,
    )


def _as_pydantic_ai(error: StructgenError, model: str) -> Exception:
    """The error as pydantic-ai's agents and fallback models know it."""
    if isinstance(error, APIError) and error.status_code is not None:
        return ModelHTTPError(error.status_code, model, error.body)
    if isinstance(error, OutputError):
        return UnexpectedModelBehavior(str(error))
    return ModelAPIError(model, str(error))


# ---- messages


def _system_texts(messages: Sequence[ModelMessage]) -> list[str]:
    parts = [part for one in messages if isinstance(one, ModelRequest) for part in one.parts]
    return [part.content for part in parts if isinstance(part, SystemPromptPart)]


def _document(messages: Sequence[ModelMessage]) -> Any:
    """The conversation; its text alone if the user said just one."""
    found = [message for one in messages for message in _messages_of(one)]
    if len(found) == 1 and isinstance(found[0]["content"], str):
        return found[0]["content"]
    return found


def _messages_of(message: ModelMessage) -> Iterator[Message]:
    for part in message.parts:
        if isinstance(part, SystemPromptPart):
            continue
        if isinstance(part, UserPromptPart):
            yield {"role": "user", "content": _content(part.content)}
        elif isinstance(part, ToolReturnPart):
            said = f"The tool {part.tool_name} returned: {part.model_response_str()}"
            yield {"role": "user", "content": said}
        elif isinstance(part, RetryPromptPart):
            yield {"role": "user", "content": part.model_response()}
        elif isinstance(part, TextPart):
            yield {"role": "assistant", "content": part.content}
        elif isinstance(part, ToolCallPart):
            said = f"{part.tool_name} {part.args_as_json_str()}"
            yield {"role": "assistant", "content": said}


def _content(content: str | Sequence[UserContent]) -> Any:
    if isinstance(content, str):
        return content
    parts = [_user_part(one) for one in content]
    if all(isinstance(one, str) for one in parts):
        return "\n\n".join(map(str, parts))
    return [{"type": "text", "text": one} if isinstance(one, str) else one for one in parts]


def _user_part(part: UserContent) -> str | Attachment:
    if isinstance(part, str):
        return part
    if isinstance(part, TextContent):
        return part.content
    if isinstance(part, ImageUrl):
        return image(part.url)
    if isinstance(part, BinaryContent):
        attach = image if part.is_image else file
        return attach(part.data, media_type=part.media_type)
    raise UserError(
        f"structgen cannot send a part of type {type(part).__name__}. "
        "Give texts, images, or the bytes of files."
    )
