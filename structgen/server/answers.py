"""What is asked + the engine -> the answer, in parts as they come: text, calls of tools, the end.

A tool is called in two held answers: which one, then its arguments. So a call always names a tool of the request, and its arguments
are valid under the tool's schema.
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
from structgen.server.held import Held, any_object, held_to
from structgen.server.requests import Ask, Tool
from structgen.values import Answer, Message, Usage

_CHOOSE: Final = "Which function is called next? One of:"
_OR_NONE: Final = "null: none of them, the answer is text"


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of the answer's text."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """A call of a tool; `arguments` is JSON text."""

    name: str
    arguments: str = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """The end of the answer: `finish`, as Groq names it; seconds; `shortened`: JSON Pointers of values that were ended to fit."""

    finish_reason: str
    usage: Usage
    prompt_seconds: float
    completion_seconds: float
    shortened: tuple[str, ...]
    shortened_by: tuple[str, ...]


Part: TypeAlias = "Text | Call | End"


async def answered(engine: Engine, ask: Ask) -> AsyncGenerator[Part, None]:
    """The parts of the answer, the last one an End. Closing the iterator ends the decoding.

    Raises APIErrors for what the request or the model has wrong, and the engine's errors.
    """
    used: list[Answer] = []
    tool = await _chosen(engine, ask, used)
    if tool is not None:
        held: Held | None = await asyncio.to_thread(
            held_to, tool.parameters, tool.name, "tools", strict=tool.strict
        )
        words = f"Call the function {tool.name}. {tool.description}\n"
    else:
        held, words = await asyncio.to_thread(_format, ask), ""
    arguments = ""
    async with aclosing(_written(engine, _told(ask, held, words), ask, held, used)) as texts:
        async for text in texts:
            if tool is None:
                yield Text(text)
            arguments += text
    called = tool is not None and used[-1].finish_reason == "stop"
    if tool is not None and called:
        yield Call(tool.name, arguments)
    yield _end(used, _finish_reason(used[-1], called=called))


def _format(ask: Ask) -> Held | None:
    if ask.format == "json_object":
        return any_object()
    return (
        None
        if ask.schema is None
        else held_to(ask.schema, ask.name, "response_format", strict=ask.strict)
    )


async def _chosen(engine: Engine, ask: Ask, used: list[Answer]) -> Tool | None:
    """The tool that is called; None for an answer of text. The model is asked where there is a choice."""
    if ask.choice == "none":
        return None
    tools = {tool.name: tool for tool in ask.tools}
    if isinstance(ask.choice, tuple):
        return tools[ask.choice[0]]
    names = [*tools, None] if ask.choice == "auto" else [*tools]
    if len(names) == 1:
        return ask.tools[0]
    schema = {
        "type": "object",
        "properties": {"function": {"enum": names}},
        "required": ["function"],
        "additionalProperties": False,
    }
    listed = [
        _CHOOSE,
        *(f"- {tool.name}: {tool.description}" for tool in ask.tools),
        *([f"- {_OR_NONE}"] if None in names else []),
    ]
    held = held_to(schema, "function", "tools", strict=True)
    text = "".join(
        [
            piece
            async for piece in _written(
                engine, _told(ask, held, "\n".join(listed)), ask, held, used
            )
        ]
    )
    return tools.get(json.loads(text)["function"]) if used[-1].finish_reason == "stop" else None


async def _written(
    engine: Engine, messages: list[Message], ask: Ask, held: Held | None, used: list[Answer]
) -> AsyncGenerator[str, None]:
    """The text of one answer of the engine, which is put to `used`: as it comes where it is sent as it is written, else whole."""
    options = Options(
        temperature=ask.temperature,
        top_p=ask.top_p,
        seed=ask.seed,
        stop=ask.stop or UNSET,
        max_tokens=ask.limit or UNSET,
    )
    as_written = held is None or held.as_written
    stream = engine.stream(messages, None if held is None else held.schema, options)
    try:
        while piece := await stream.aread():
            if as_written:
                yield piece
    finally:
        stream.close()
    answer = stream.answer
    assert answer is not None  # noqa: S101 - the stream was read to its end
    used.append(answer)
    if held is not None and answer.finish_reason == "stop":
        proved = await asyncio.to_thread(held.prove, answer.text or "")
        if not as_written:
            yield proved


def _told(ask: Ask, held: Held | None, words: str) -> list[Message]:
    """The messages, and in the system message what the answer is held to, as Groq's models are shown the schema."""
    added = "\n".join(filter(None, (words, held.told if held else "")))
    if not added:
        return list(ask.messages)
    first = ask.messages[0]
    if first["role"] != "system":
        return [{"role": "system", "content": added}, *ask.messages]
    return [{"role": "system", "content": f"{first['content']}\n\n{added}"}, *ask.messages[1:]]


def _finish_reason(answer: Answer, *, called: bool) -> str:
    """Why the answer ended. One whose values were cut short never looks complete."""
    if answer.shortened:
        return "length"
    return "tool_calls" if called else answer.finish_reason or "stop"


def _end(used: list[Answer], finish_reason: str) -> End:
    return End(
        finish_reason=finish_reason,
        usage=sum((answer.usage for answer in used), Usage()),
        prompt_seconds=sum(answer.seconds["prefill"] for answer in used),
        completion_seconds=sum(answer.seconds["decode"] for answer in used),
        shortened=used[-1].shortened,
        shortened_by=used[-1].shortened_by,
    )
