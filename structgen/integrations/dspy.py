"""structgen as the model of DSPy programs: an engine of `dspy.LM`, and an adapter."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any, Final
from uuid import uuid4

from structgen.client.base import BaseClient
from structgen.errors import (
    APIError,
    AuthenticationError,
    BadRequestError,
    ConfigurationError,
    MissingPackage,
    NotFoundError,
    PromptTooLongError,
    RateLimitError,
    RequestTimeoutError,
    ServerError,
    StructgenError,
    TotalTimeoutError,
    TransportError,
    UsageError,
)
from structgen.flow.drive import aperform, perform
from structgen.flow.steps import Flow
from structgen.integrations.choices import Choice, choose_among, chosen
from structgen.integrations.given import client_of
from structgen.results import Extraction
from structgen.values import Message

try:
    import dspy
    from dspy import lm15
    from pydantic import ConfigDict, Field, create_model
except ImportError as error:
    raise MissingPackage("dspy", "dspy") from error

_TEXT: Final = "text"
"""The choice to answer in words."""
_OPTIONS: Final = ("temperature", "top_p", "max_tokens", "seed", "service_tier")
"""Settings of a request that are options of the same name."""
_HEEDED: Final = {*_OPTIONS, "stop", "response_format", "tool_choice", "cache"}
_ERRORS: Final = (
    (PromptTooLongError, lm15.ContextLengthError),
    (AuthenticationError, lm15.AuthError),
    (RateLimitError, lm15.RateLimitError),
    (NotFoundError, lm15.UnsupportedModelError),
    (BadRequestError, lm15.InvalidRequestError),
    (ServerError, lm15.ServerError),
    ((RequestTimeoutError, TotalTimeoutError), lm15.TimeoutError),
    (TransportError, lm15.TransportError),
    (ConfigurationError, lm15.ConfigurationError),
    (UsageError, lm15.InvalidRequestError),
    (StructgenError, lm15.ProviderError),
)
"""Errors by what DSPy knows them as; the first that fits."""


def dspy_lm(client: BaseClient | str = "local", **lm: Any) -> dspy.LM:
    """Make a language model of DSPy that asks through a structgen client.

    >>> dspy.configure(lm=dspy_lm("local"), adapter=StructgenAdapter())  # doctest: +SKIP

    Args:
        client: The client to ask through, or the name of a model, as for `structgen.Client`.
        **lm: The arguments of `dspy.LM`, such as `temperature`. Other than there, `cache` is False
            and `num_retries` 0 by default: the client tries again itself.

    Raises:
        ConfigurationError: If the client is neither, or there is no such model.
    """
    own = client_of(client)
    return dspy.LM(
        own.caller.backends[0].name,
        engine=StructgenEngine(own),
        async_engine=AsyncStructgenEngine(own),
        **{"cache": False, "num_retries": 0, **lm},
    )


class StructgenAdapter(dspy.JSONAdapter):  # type: ignore[misc]  # dspy may not be installed
    """An adapter of DSPy that asks for the output fields with their types, whichever they are.

    The answer is held to their schema and checked. `dspy.JSONAdapter` asks for any JSON object if
    a field is a dictionary, and leaves the fields' descriptions out of the schema.
    """

    def __call__(
        self, lm: Any, lm_kwargs: dict[str, Any], signature: Any, demos: Any, inputs: Any
    ) -> Any:
        """Ask about the outputs of a signature, as DSPy calls it.

        Args:
            lm: The language model.
            lm_kwargs: Settings of this call; the format of the answer is added.
            signature: What goes in and what comes out.
            demos: Worked examples.
            inputs: The values of the input fields.
        """
        lm_kwargs["response_format"] = self._format(lm, signature)
        return super(dspy.JSONAdapter, self).__call__(lm, lm_kwargs, signature, demos, inputs)

    async def acall(
        self, lm: Any, lm_kwargs: dict[str, Any], signature: Any, demos: Any, inputs: Any
    ) -> Any:
        """Do as `__call__` does.

        Args:
            lm: As there.
            lm_kwargs: As there.
            signature: As there.
            demos: As there.
            inputs: As there.
        """
        lm_kwargs["response_format"] = self._format(lm, signature)
        return await super(dspy.JSONAdapter, self).acall(lm, lm_kwargs, signature, demos, inputs)

    def _format(self, lm: Any, signature: Any) -> dict[str, Any]:
        """The format of the answer: the output fields, but calls that tools are there for."""
        calls_tools = self.use_native_function_calling and lm.supports_function_calling
        fields: dict[str, Any] = {
            name: (field.annotation, Field(description=_description(name, field)))
            for name, field in signature.output_fields.items()
            if not (calls_tools and field.annotation is dspy.ToolCalls)
        }
        outputs = create_model(signature.__name__, __config__=ConfigDict(extra="forbid"), **fields)
        schema = {"name": signature.__name__, "schema": outputs.model_json_schema()}
        return {"type": "json_schema", "json_schema": schema}


class _Engine:
    """The base of both engines: what they can do, and whom they ask."""

    supports_response_schema = True
    supports_function_calling = True
    supports_reasoning = False
    supported_params = (*_OPTIONS, "stop", "response_format", "tools", "tool_choice")

    def __init__(self, client: BaseClient) -> None:
        """Prepare the engine.

        Args:
            client: The client to ask through. It stays open.
        """
        self.client = client
        """The client that is asked."""


class StructgenEngine(_Engine):
    """An engine of `dspy.LM` over any structgen client; see `dspy_lm`."""

    def complete(self, request: lm15.Request) -> lm15.Response:
        """Ask the client for one answer, as DSPy calls it.

        Args:
            request: The conversation, the tools and the format of the answer.

        Raises:
            LM15Error: If no valid answer came, as the kind that DSPy knows it as.
        """
        choices, asked = _ask(self.client, request)
        try:
            return _response(request, perform(asked), choices)
        except StructgenError as error:
            raise _as_lm15(error) from error

    def stream(self, request: lm15.Request) -> Iterator[Any]:
        """Give the checked answer of `complete` as events, in one piece.

        Args:
            request: As for `complete`.
        """
        return iter(lm15.response_to_events(self.complete(request)))

    def close(self) -> None:
        """Do nothing: the client is its owner's."""


class AsyncStructgenEngine(_Engine):
    """The engine for `acall` and asynchronous modules; see `dspy_lm`."""

    async def complete(self, request: lm15.Request) -> lm15.Response:
        """Do as `StructgenEngine.complete` does.

        Args:
            request: As there.
        """
        choices, asked = _ask(self.client, request)
        try:
            return _response(request, await aperform(asked), choices)
        except StructgenError as error:
            raise _as_lm15(error) from error

    async def stream(self, request: lm15.Request) -> AsyncIterator[Any]:
        """Do as `StructgenEngine.stream` does.

        Args:
            request: As there.
        """
        for event in lm15.response_to_events(await self.complete(request)):
            yield event

    async def aclose(self) -> None:
        """Do nothing: the client is its owner's."""


def _ask(client: BaseClient, request: lm15.Request) -> tuple[list[Choice], Flow[Extraction[Any]]]:
    """The options that the model has, and the flow that asks it."""
    choices = list(_choices(request))
    said = [{"role": one.role, "content": _words(one.parts)} for one in request.messages]
    told = [request.system if isinstance(request.system, str) else _words(request.system or ())]
    told += [one["content"] for one in said if one["role"] == "developer"]
    turns: list[Message] = [
        {"role": "assistant" if one["role"] == "assistant" else "user", "content": one["content"]}
        for one in said
        if one["role"] != "developer"
    ]
    document: Any = turns[0]["content"] if len(turns) == 1 else turns
    call: Any = {"instructions": "\n\n".join(filter(None, told)) or None, **_options(request)}
    return choices, client.caller.extract(choose_among(choices), document, call)


def _choices(request: lm15.Request) -> Iterator[Choice]:
    """The possible answers: a call of a tool, a value of the format, or a text."""
    wanted = request.config.tool_choice or lm15.ToolChoice()
    for tool in request.tools if wanted.mode != "none" else ():
        if not wanted.allowed or tool.name in wanted.allowed:
            yield Choice(tool.name, tool.parameters, tool.description)
    if request.tools and wanted.mode == "required":
        return
    format_of_answer = request.config.response_format
    if format_of_answer is None:
        yield Choice(_TEXT, {"type": "string"}, "Answer in words.")
    else:
        yield Choice("", format_of_answer.get("schema", {"type": "object"}))


def _options(request: lm15.Request) -> dict[str, Any]:
    """The options that a request's settings are."""
    config = request.config
    asked = {
        name for name in config.__dataclass_fields__ if getattr(config, name) not in (None, ())
    }
    if unknown := sorted(asked - _HEEDED):
        raise lm15.UnsupportedFeatureError(
            f"structgen cannot heed {', '.join(unknown)}. Leave it out of dspy.LM and the call."
        )
    given = {name: getattr(config, name) for name in _OPTIONS if name in asked}
    return {**given, "stop": config.stop} if config.stop else given


def _words(parts: Sequence[Any]) -> str:
    """The text of a message's parts; calls of tools and their results become words."""
    return "\n".join(_said(part) for part in parts if part.type != "thinking")


def _said(part: Any) -> str:
    if part.type == "text":
        return str(part.text)
    if part.type == "tool_call":
        return f"{part.name} {json.dumps(part.input)}"
    if part.type == "tool_result":
        return f"The tool {part.name or part.id} returned: {_words(part.content)}"
    raise lm15.UnsupportedFeatureError(
        f"structgen cannot send a part of type {part.type} from DSPy. Give texts."
    )


def _response(
    request: lm15.Request, result: Extraction[Any], choices: Sequence[Choice]
) -> lm15.Response:
    choice, value = chosen(result.value, choices)
    if choice.name == _TEXT:
        part: Any = lm15.TextPart(str(value))
    elif choice.name:
        part = lm15.ToolCallPart(id=f"call_{uuid4().hex}", name=choice.name, input=value)
    else:
        part = lm15.TextPart(json.dumps(value, ensure_ascii=False))
    used = result.usage
    return lm15.Response(
        id=None,
        model=request.model,
        message=lm15.Message.assistant([part]),
        finish_reason="tool_call" if part.type == "tool_call" else "stop",
        usage=lm15.Usage(input_tokens=used.prompt_tokens, output_tokens=used.completion_tokens),
    )


def _as_lm15(error: StructgenError) -> Exception:
    """The error as DSPy's language models and adapters know it."""
    kind = next(known for ours, known in _ERRORS if isinstance(error, ours))
    status = error.status_code if isinstance(error, APIError) else None
    made: Exception = kind(str(error), provider="structgen", status=status)
    return made


def _description(name: str, field: Any) -> str | None:
    """The user's description of a field; DSPy's own placeholder says nothing."""
    said = (field.json_schema_extra or {}).get("desc")
    return None if said == f"${{{name}}}" else said
