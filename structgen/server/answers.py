"""Let the engine answer a request, in parts as they come: text, calls of tools, the end.

A tool is called in two answers under a grammar: its name, then its arguments. So a call always
names a tool of the request, and its arguments are valid under the tool's schema.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Final, TypeAlias

from structgen.local.engine import Engine
from structgen.options import UNSET, Options
from structgen.server.answer_form import AnswerForm, form_of_any_object, form_of_schema
from structgen.server.bounded_work import run_bounded
from structgen.server.instructions import with_instructions
from structgen.server.requests import ServedRequest, Tool
from structgen.values import Alternatives, Answer, JsonSchema, Usage

MAX_CALLS: Final = 8
"""Calls of tools in one answer."""

_CHOOSE: Final = "Which function is called next? One of:"
_OR_TEXT: Final = "null: none of them, the answer is text"
_OR_END: Final = "null: no further one"


@dataclass(frozen=True, slots=True)
class Text:
    """A piece of the answer's text."""

    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Call:
    """The beginning of a call of a tool."""

    index: int
    """Its number among the calls of the answer, from 0."""
    name: str
    """The name of the tool."""


@dataclass(frozen=True, slots=True)
class Arguments:
    """A piece of the arguments of a call, as JSON text."""

    index: int
    """The number of the call."""
    text: str = field(repr=False)


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
    logprobs: tuple[tuple[str, float], ...] | None = field(repr=False)
    """The tokens of the text and the natural logarithms of their probabilities; None if they were
    not asked for, or the text is not sent as the model wrote it."""
    details: Details | None = field(default=None, repr=False)
    """What else is known of the answer; None if the request does not ask for it."""


@dataclass(frozen=True, slots=True)
class Details:
    """What the engine knows of an answer that it held to a schema."""

    engine: str
    """The name of the engine."""
    alternatives: Alternatives
    """The options of each value that was decided, by JSON Pointer into the answer."""
    pressure: Mapping[str, float]
    """How hard the grammar pressed on each value, by JSON Pointer into the answer."""


Part: TypeAlias = "Text | Call | Arguments | End"


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
    answering = _Answering(engine, request)
    tool = await answering.choose([])
    parts = answering.text() if tool is None else answering.calls(tool)
    async with aclosing(parts):
        async for part in parts:
            yield part
    yield answering.end("stop" if tool is None else "tool_calls")


class _Answering:
    """One request that is being answered, in one or several answers of the engine."""

    def __init__(self, engine: Engine, request: ServedRequest) -> None:
        self._engine, self._request = engine, request
        self._answers: list[Answer] = []
        self._last: Answer | None = None
        """The last answer that is handed on, not one that chose a tool."""
        self._has_logprobs = False
        self._has_details = False

    async def text(self) -> AsyncGenerator[Part, None]:
        """Answer with text."""
        request, form = self._request, None
        if request.format == "json_object":
            form = await self._prepared(form_of_any_object())
        elif request.schema is not None:
            form = await self._form(
                request.schema, request.name, "response_format", strict=request.strict
            )
        async with aclosing(self._generate(form)) as pieces:
            async for piece in pieces:
                yield Text(piece)
        self._last = self._answers[-1]
        self._has_logprobs = request.logprobs and (form is None or form.as_written)
        self._has_details = request.details and form is not None and form.as_written

    async def calls(self, tool: Tool | None) -> AsyncGenerator[Part, None]:
        """Call a tool, and then others if the request wants several calls.

        A call that is the same as an earlier one ends them: the model goes round in circles.
        """
        made: list[str] = []
        while tool is not None:
            form = await self._form(tool.parameters, tool.name, "tools", strict=tool.strict)
            words = f"Call the function {tool.name}. {tool.description}"
            arguments = ""
            async with aclosing(self._generate(form, words, *_told(made))) as pieces:
                async for piece in pieces:
                    if not arguments:
                        yield Call(len(made), tool.name)
                    arguments += piece
                    yield Arguments(len(made), piece)
            self._last = self._answers[-1]
            call = json.dumps({"call": tool.name, "arguments": arguments}, ensure_ascii=False)
            tool = await self._further(call, made)

    async def _further(self, call: str, made: list[str]) -> Tool | None:
        """Choose the tool to call after a call; None for no further one."""
        is_last = call in made or len(made) + 1 == MAX_CALLS or self._was_cut()
        made.append(call)
        if is_last or not self._request.several_calls or self._left() == 0:
            return None
        return await self.choose(made)

    async def choose(self, made: list[str]) -> Tool | None:
        """Choose the tool to call; None for none. If there is a choice, ask the model.

        Args:
            made: The calls that were made, as JSON texts.
        """
        request = self._request
        if request.choice == "none":
            return None
        tools = {tool.name: tool for tool in request.tools}
        if isinstance(request.choice, tuple):
            return None if made else tools[request.choice[0]]
        may_end = request.choice == "auto" or bool(made)
        names = [*tools, None] if may_end else [*tools]
        if len(names) == 1:
            return request.tools[0]
        schema = {
            "type": "object",
            "properties": {"function": {"enum": names}},
            "required": ["function"],
            "additionalProperties": False,
        }
        or_none = _OR_END if made else _OR_TEXT
        listed = [f"- {tool.name}: {tool.description}" for tool in request.tools]
        lines = [_CHOOSE, *listed, *([f"- {or_none}"] if may_end else [])]
        form = await self._form(schema, "function", "tools", strict=True)
        form = replace(form, instructions="")
        pieces = self._generate(form, "\n".join(lines), *_told(made))
        text = "".join([piece async for piece in pieces])
        if self._answers[-1].finish_reason != "stop":
            return None
        return tools.get(json.loads(text)["function"])

    def end(self, finish_reason: str) -> End:
        """Make the end of the answer.

        Args:
            finish_reason: Groq's word for an answer that was not cut.
        """
        answers, last = self._answers, self._last
        assert last is not None  # noqa: S101 - `text` or `calls` was read to its end
        if last.finish_reason != "stop":
            finish_reason = last.finish_reason or finish_reason
        return End(
            finish_reason="length" if last.shortened else finish_reason,
            usage=sum((answer.usage for answer in answers), Usage()),
            prompt_seconds=sum(answer.seconds["prefill"] for answer in answers),
            completion_seconds=sum(answer.seconds["decode"] for answer in answers),
            shortened=last.shortened,
            shortened_by=last.shortened_by,
            repeated=last.repeated,
            logprobs=last.logprobs if self._has_logprobs else None,
            details=self._details(last) if self._has_details else None,
        )

    def _details(self, answer: Answer) -> Details:
        return Details(self._engine.name, answer.alternatives, answer.pressure)

    def _was_cut(self) -> bool:
        last = self._answers[-1]
        return last.finish_reason != "stop" or bool(last.shortened)

    def _left(self) -> int | None:
        """Tokens that further answers may have; None for as many as fit."""
        if self._request.limit is None:
            return None
        used = sum(answer.usage.completion_tokens for answer in self._answers)
        return max(0, self._request.limit - used)

    async def _form(self, schema: JsonSchema, name: str, param: str, *, strict: bool) -> AnswerForm:
        model = self._engine.model
        call = partial(form_of_schema, schema, name, param, strict=strict, model=model)
        return await self._prepared(await run_bounded(call, "The schema"))

    async def _prepared(self, form: AnswerForm) -> AnswerForm:
        """Compile the grammar of a form here, where that is bounded in time."""
        await run_bounded(partial(self._engine.prepare, form.schema), "The schema")
        return form

    async def _generate(self, form: AnswerForm | None, *words: str) -> AsyncGenerator[str, None]:
        """Generate the text of one answer.

        The text comes in pieces if it is sent as it is written, else as a whole.
        """
        request = self._request
        left = self._left()
        options = Options(
            temperature=request.temperature,
            top_p=request.top_p,
            seed=request.seed,
            stop=request.stop or UNSET if form is None else UNSET,
            max_tokens=UNSET if left is None else max(1, left),
            logprobs=request.logprobs,
        )
        as_written = form is None or form.as_written
        messages = with_instructions(
            request.messages, *words, *([] if form is None else [form.instructions])
        )
        schema, document = (None, None) if form is None else (form.schema, form.document(request))
        stream = self._engine.stream(messages, schema, options, document)
        try:
            while piece := await stream.aread():
                if as_written:
                    yield piece
        finally:
            stream.close()
        answer = stream.answer
        assert answer is not None  # noqa: S101 - the stream was read to its end
        self._answers.append(answer)
        if form is not None and answer.finish_reason == "stop":
            prove = partial(form.to_text, answer.text or "")
            proved = await run_bounded(prove, "The answer")
            if not as_written:
                yield proved


def _told(made: list[str]) -> list[str]:
    """How the model is told of the calls that were made."""
    return ["\n".join(("Called already:", *made))] if made else []
