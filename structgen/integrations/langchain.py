"""A chat model and an extractor for LangChain, over any structgen client."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final
from uuid import uuid4

from typing_extensions import Unpack

from structgen.client.base import BaseClient
from structgen.errors import ConfigurationError, MissingPackage, OutputError
from structgen.flow.drive import aperform, perform
from structgen.flow.steps import Flow
from structgen.integrations.choices import Choice, choose_among, chosen
from structgen.integrations.given import client_of
from structgen.options import CallArgs
from structgen.prompt.instructions import instructions_of
from structgen.results import Extraction

try:
    from langchain_core.documents import Document
    from langchain_core.language_models import LanguageModelInput
    from langchain_core.language_models.chat_models import BaseChatModel
    from langchain_core.messages import AIMessage, BaseMessage, convert_to_openai_messages
    from langchain_core.messages.ai import UsageMetadata
    from langchain_core.messages.tool import tool_call
    from langchain_core.outputs import ChatGeneration, ChatResult
    from langchain_core.prompt_values import PromptValue
    from langchain_core.runnables import Runnable, RunnableLambda
    from langchain_core.tools import BaseTool
    from langchain_core.utils.function_calling import (
        convert_to_json_schema,
        convert_to_openai_tool,
    )
except ImportError as error:
    raise MissingPackage("langchain_core", "langchain") from error

_TEXT: Final = "text"
"""The choice to answer in words."""
_MUST_CALL: Final = ("any", "required", True)


class ChatStructgen(BaseChatModel):
    """A chat model of LangChain over any structgen client, a model in this process included.

    `with_structured_output` compiles the schema to what the backend can be held to and gives a
    checked value. Tools work with every backend: which one is called is part of the schema.

    >>> model = ChatStructgen("local").with_structured_output(Person)  # doctest: +SKIP

    Args:
        client: The client to ask through, or the name of a model, as for `structgen.Client`.
        **settings: The settings that every chat model of LangChain has, such as `callbacks`.
    """

    client: Any = None
    """The client that is asked."""

    def __init__(self, client: BaseClient | str = "local", **settings: Any) -> None:
        unknown = sorted(settings.keys() - type(self).model_fields.keys())
        if unknown:  # LangChain would drop it without a word
            raise ConfigurationError(
                f"ChatStructgen takes no `{unknown[0]}`.",
                hint="Give the client, or the name of a model, as `client`. Options such as "
                "`temperature` are those of the client.",
            )
        own = client_of(client)
        held: dict[str, Any] = {"client": own, **settings}
        super().__init__(**held)

    @property
    def _llm_type(self) -> str:
        return "structgen"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,
        **kwargs: Any,
    ) -> ChatResult:
        choices, asked = self._ask(messages, stop, kwargs)
        return _chat_result(perform(asked), choices)

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: Any = None,
        **kwargs: Any,
    ) -> ChatResult:
        choices, asked = self._ask(messages, stop, kwargs)
        return _chat_result(await aperform(asked), choices)

    def _ask(
        self, messages: list[BaseMessage], stop: list[str] | None, given: Mapping[str, Any]
    ) -> tuple[list[Choice], Flow[Extraction[Any]]]:
        """What the model may choose among, and the flow that asks it."""
        choices = list(_choices(given.get("tools", ()), given.get("tool_choice")))
        document, call = _call_of(messages, {"stop": stop} if stop else {})
        return choices, self.client.caller.extract(choose_among(choices), document, call)

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: Any = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Let the model call tools.

        Args:
            tools: The tools, in any form that LangChain takes.
            tool_choice: "any" or "required" for a call in any case, the name of the one tool to
                call, or None to let the model choose, which may also answer in words.
            **kwargs: Further arguments of each call.
        """
        return super().bind(tools=list(tools), tool_choice=tool_choice, **kwargs)

    def with_structured_output(
        self, schema: dict[str, Any] | type, *, include_raw: bool = False, **kwargs: Any
    ) -> Runnable[LanguageModelInput, Any]:
        """Give a runnable whose output is a checked value of a schema.

        Args:
            schema: A type that Pydantic knows, a JSON Schema, or a function of OpenAI's.
            include_raw: Whether to give the keys `raw`, `parsed` and `parsing_error`, and not to
                raise if no valid value came.
            **kwargs: `method` and `strict` are heeded by doing what is strongest; no others.

        Raises:
            ValueError: If there are other arguments.
        """
        unknown = kwargs.keys() - {"method", "strict"}
        if unknown:
            raise ValueError(f"with_structured_output has no argument {', '.join(sorted(unknown))}")
        target = convert_to_json_schema(schema) if isinstance(schema, dict) else schema
        if not include_raw:
            return extractor(target, self.client)

        def invoke(given: Any) -> dict[str, Any]:
            try:
                return _with_raw(perform(self.client.caller.extract(target, *_call_of(given))))
            except OutputError as error:
                return _without_value(error)

        async def ainvoke(given: Any) -> dict[str, Any]:
            try:
                asked = self.client.caller.extract(target, *_call_of(given))
                return _with_raw(await aperform(asked))
            except OutputError as error:
                return _without_value(error)

        return RunnableLambda(invoke, ainvoke, name="structgen")


def extractor(
    target: Any, client: BaseClient | str = "local", **call: Unpack[CallArgs]
) -> Runnable[Any, Any]:
    """Make a runnable that turns a text, a Document, a prompt or messages into a checked value.

    Args:
        target: A type that Pydantic knows, a Target, or a JSON Schema.
        client: The client to ask through, or the name of a model.
        **call: What else the question holds, and its options; see `CallArgs`.

    Raises:
        StructgenError: If no valid value came, when the runnable is invoked.
    """
    caller: Any = client_of(client).caller

    def invoke(given: Any) -> Any:
        return perform(caller.extract(target, *_call_of(given, call))).value

    async def ainvoke(given: Any) -> Any:
        return (await aperform(caller.extract(target, *_call_of(given, call)))).value

    return RunnableLambda(invoke, ainvoke, name="structgen")


def _choices(tools: Sequence[Any], tool_choice: Any) -> Iterator[Choice]:
    """What the model may answer: a call of a tool, or a text."""
    functions = [convert_to_openai_tool(tool)["function"] for tool in tools]
    names = [function["name"] for function in functions]
    for function in functions:
        if tool_choice not in names or function["name"] == tool_choice:
            parameters = function.get("parameters") or {"type": "object", "properties": {}}
            yield Choice(function["name"], parameters, function.get("description"))
    if tool_choice not in (*names, *_MUST_CALL):
        yield Choice(_TEXT, {"type": "string"}, "Answer in words.")


def _chat_result(result: Extraction[Any], choices: Sequence[Choice]) -> ChatResult:
    choice, value = chosen(result.value, choices)
    usage = _usage(result)
    if choice.name == _TEXT:
        message = AIMessage(content=str(value), usage_metadata=usage)
    else:
        call = tool_call(name=choice.name, args=value, id=f"call_{uuid4().hex}")
        message = AIMessage(content="", tool_calls=[call], usage_metadata=usage)
    return ChatResult(generations=[ChatGeneration(message=message)])


def _usage(result: Extraction[Any]) -> UsageMetadata:
    used = result.usage
    counts: Any = {
        "input_tokens": used.prompt_tokens,
        "output_tokens": used.completion_tokens,
        "total_tokens": used.total_tokens,
    }
    metadata: UsageMetadata = counts
    return metadata


def _with_raw(result: Extraction[Any]) -> dict[str, Any]:
    text = result.attempts[-1].text if result.attempts else ""
    raw = AIMessage(content=text or "", usage_metadata=_usage(result))
    return {"raw": raw, "parsed": result.value, "parsing_error": None}


def _without_value(error: OutputError) -> dict[str, Any]:
    text = error.attempts[-1].text if error.attempts else ""
    return {"raw": AIMessage(content=text or ""), "parsed": None, "parsing_error": error}


def _call_of(given: Any, call: Any = None) -> tuple[Any, dict[str, Any]]:
    """The document that an input is, and the other arguments of the call."""
    own = dict(call or {})
    if isinstance(given, str):
        return given, own
    if isinstance(given, Document):
        return given.page_content, own
    messages = given.to_messages() if isinstance(given, PromptValue) else given
    said = [_message(one) for one in convert_to_openai_messages(messages)]
    given_by_user = instructions_of(own.get("instructions"), own.pop("instruction_values", None))
    told = [given_by_user, *(one["content"] for one in said if one["role"] == "system")]
    own["instructions"] = "\n\n".join(filter(None, told)) or None
    rest = [one for one in said if one["role"] != "system"]
    if len(rest) == 1 and isinstance(rest[0]["content"], str):
        return rest[0]["content"], own
    return rest, own


def _message(message: dict[str, Any]) -> dict[str, Any]:
    """A message without what only models with tool calling know: their calls become words."""
    if message["role"] == "tool":
        return {"role": "user", "content": f"The tool returned: {message['content']}"}
    calls = [one["function"] for one in message.get("tool_calls", ())]
    said = [f"{one['name']} {json.dumps(one['arguments'])}" for one in calls]
    content = "\n".join([message["content"], *said]).strip() if said else message["content"]
    return {"role": message["role"], "content": content}
