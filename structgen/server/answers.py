"""Let the engine answer a request, in parts as they come: text, calls of tools, the end.

A tool is called in two answers under a grammar: its name, then its arguments. So a call always
names a tool of the request, and its arguments are valid under the tool's schema.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from structgen.local.engine import Engine
from structgen.options import UNSET, Options
from structgen.server.answer_form import AnswerForm, form_of_any_object, form_of_schema
from structgen.server.requests import ServedRequest, Tool
from structgen.values import Answer, Message, Usage

_CHOOSE: Final = "Which function is called next? One of:"
_OR_NONE: Final = "null: none of them, the answer is text"


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of the answer's text."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a tool."""

    name: str
    arguments: str = field(repr=False)
    """JSON text."""


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The end of an answer."""

    finish_reason: str
    """In Groq's words. It is `length` too if the answer is valid but was cut short to fit."""
    usage: Usage
    prompt_seconds: float
    completion_seconds: float
    shortened: tuple[str, ...]
    """JSON Pointers of the values that were ended early."""
    shortened_by: tuple[str, ...]
    """Why, in the words of `Answer.shortened_by`."""
    repeated: tuple[str, ...]
    """JSON Pointers of the items whose repetition ended their lists."""


Part: TypeAlias = "Text | Call | End"


async def answer_parts(engine: Engine, request: ServedRequest) -> AsyncGenerator[Part, None]:
    """Answer a request. Closing the iterator stops the decoding.

    Args:
        engine: The engine that answers.
        request: The request.

    Yields:
        The parts of the answer; the last one is an End.

    Raises:
        APIError: If the request is refused, or the model's answer is invalid.
        EngineError: If the engine fails.
    """
    used: list[Answer] = []
    tool = await _chosen(engine, request, used)
    if tool is not None:
        form: AnswerForm | None = await asyncio.to_thread(
            form_of_schema, tool.parameters, tool.name, "tools", strict=tool.strict
        )
        words = f"Call the function {tool.name}. {tool.description}\n"
    else:
        form, words = await asyncio.to_thread(_format, request), ""
    arguments = ""
    async with aclosing(
        _generate(engine, _with_instructions(request, form, words), request, form, used)
    ) as texts:
        async for text in texts:
            if tool is None:
                yield Text(text)
            arguments += text
    finish_reason = used[-1].finish_reason or "stop"
    if tool is not None and finish_reason == "stop":
        yield Call(tool.name, arguments)
        finish_reason = "tool_calls"
    yield _end(used, "length" if used[-1].shortened else finish_reason)


def _format(request: ServedRequest) -> AnswerForm | None:
    if request.format == "json_object":
        return form_of_any_object()
    return (
        None
        if request.schema is None
        else form_of_schema(request.schema, request.name, "response_format", strict=request.strict)
    )


async def _chosen(engine: Engine, request: ServedRequest, used: list[Answer]) -> Tool | None:
    """Choose the tool that is called; None for an answer of text. If there is a choice, ask the
    model.
    """
    if request.choice == "none":
        return None
    tools = {tool.name: tool for tool in request.tools}
    if isinstance(request.choice, tuple):
        return tools[request.choice[0]]
    names = [*tools, None] if request.choice == "auto" else [*tools]
    if len(names) == 1:
        return request.tools[0]
    schema = {
        "type": "object",
        "properties": {"function": {"enum": names}},
        "required": ["function"],
        "additionalProperties": False,
    }
    listed = [
        _CHOOSE,
        *(f"- {tool.name}: {tool.description}" for tool in request.tools),
        *([f"- {_OR_NONE}"] if None in names else []),
    ]
    form = form_of_schema(schema, "function", "tools", strict=True)
    text = "".join(
        [
            piece
            async for piece in _generate(
                engine, _with_instructions(request, form, "\n".join(listed)), request, form, used
            )
        ]
    )
    return tools.get(json.loads(text)["function"]) if used[-1].finish_reason == "stop" else None


async def _generate(
    engine: Engine,
    messages: list[Message],
    request: ServedRequest,
    form: AnswerForm | None,
    used: list[Answer],
) -> AsyncGenerator[str, None]:
    """Generate the text of one answer, and add the answer to `used`.

    The text comes in pieces if it is sent as it is written, else as a whole.
    """
    options = Options(
        temperature=request.temperature,
        top_p=request.top_p,
        seed=request.seed,
        stop=request.stop or UNSET,
        max_tokens=request.limit or UNSET,
    )
    as_written = form is None or form.as_written
    stream = engine.stream(messages, None if form is None else form.schema, options)
    try:
        while piece := await stream.aread():
            if as_written:
                yield piece
    finally:
        stream.close()
    answer = stream.answer
    assert answer is not None  # noqa: S101 - the stream was read to its end
    used.append(answer)
    if form is not None and answer.finish_reason == "stop":
        proved = await asyncio.to_thread(form.to_text, answer.text or "")
        if not as_written:
            yield proved


def _with_instructions(
    request: ServedRequest, form: AnswerForm | None, words: str
) -> list[Message]:
    """Add the form of the answer to the system message, as Groq shows its models the schema."""
    added = "\n".join(filter(None, (words, form.instructions if form else "")))
    if not added:
        return list(request.messages)
    first = request.messages[0]
    if first["role"] != "system":
        return [{"role": "system", "content": added}, *request.messages]
    return [{"role": "system", "content": f"{first['content']}\n\n{added}"}, *request.messages[1:]]


def _end(used: list[Answer], finish_reason: str) -> End:
    return End(
        finish_reason=finish_reason,
        usage=sum((answer.usage for answer in used), Usage()),
        prompt_seconds=sum(answer.seconds["prefill"] for answer in used),
        completion_seconds=sum(answer.seconds["decode"] for answer in used),
        shortened=used[-1].shortened,
        shortened_by=used[-1].shortened_by,
        repeated=used[-1].repeated,
    )
