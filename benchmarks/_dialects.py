"""The wire formats that the benchmarks ask in: what a server says, and how plain code reads it.

A `Dialect` is a row of `DIALECTS`. The loopback server answers in its shapes, and the plain
httpx and aiohttp variants ask and read with it. The shapes are those of the documentation of each
API, as in tests/wire/dialects, with the members that a real server sends beside the answer.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

Json = dict[str, Any]

SYSTEM: Final = "Extract the record."
GPT: Final = "gpt-6.1-sol"
CLAUDE: Final = "claude-sonnet-4-6"
FLASH: Final = "gemini-3.5-flash-lite"
CHARACTERS: Final = 4
"""The length of the text that one event of a stream adds."""


@dataclass(frozen=True, kw_only=True)
class Dialect:
    """One wire format, from both ends."""

    name: str
    """The name in arguments and figures."""
    spec: str
    """The provider and model that structgen is asked for."""
    base_path: str
    """The path after the server's address and the payload."""
    path: str
    """The path of a call after that."""
    stream_path: str = ""
    """The path of a streamed call; empty if it is the same."""
    request: Callable[[str, Mapping[str, Any] | None], Json]
    """Write the body of a request, given the text and perhaps the schema of the answer."""
    whole: Callable[[str], Json]
    """Write the body of a whole answer."""
    text: Callable[[Json], str]
    """Take the text out of the body of a whole answer."""
    events: Callable[[str], Iterator[Json | str]]
    """Write the events of a streamed answer. A text is sent as it is."""
    piece: Callable[[Json], str | None]
    """Take the new text out of an event."""
    frame: Callable[[Json | str], str]
    """Write an event as the lines of a stream."""
    stream_type: str = "text/event-stream"
    """The content type of a stream."""
    flag: bool = True
    """Whether `stream` in the body asks for a stream, and not the path."""

    def url(self, server: str, *, stream: bool = False) -> str:
        """Write the address of a call.

        Args:
            server: The address with the payload, such as `http://127.0.0.1:4000/small`.
            stream: Whether the answer is streamed.
        """
        path = (self.stream_path or self.path) if stream else self.path
        return f"{server}{self.base_path}/{path}"

    def body(
        self, text: str, schema: Mapping[str, Any] | None = None, *, stream: bool = False
    ) -> Json:
        """Write the body of a call.

        Args:
            text: What the model is asked about.
            schema: The schema of the answer, if it is sent.
            stream: Whether the answer is streamed.
        """
        asked = self.request(text, schema)
        return {**asked, "stream": stream} if self.flag else asked

    def pieces(self, lines: Iterator[str]) -> Iterator[str]:
        """Read the lines of a stream as plain code does, and give the new texts.

        Args:
            lines: The lines, as `httpx.Response.iter_lines` gives them.
        """
        start = "data: {" if self.stream_type == "text/event-stream" else "{"
        skipped = len(start) - 1
        for line in lines:
            if line.startswith(start):
                yield self.piece(json.loads(line[skipped:])) or ""

    def replies_with(self, path: str) -> bool:
        """Whether a request's path, in lower case, is a call of this dialect."""
        ends = {self.path.lower(), self.stream_path.lower() or self.path.lower()}
        return path.removesuffix("?alt=sse").endswith(tuple(end.split("?")[0] for end in ends))


def _cut(text: str) -> Iterator[str]:
    return (text[at : at + CHARACTERS] for at in range(0, len(text), CHARACTERS))


def _data(event: Json | str) -> str:
    line = event if isinstance(event, str) else json.dumps(event)
    return f"data: {line}\n\n"


def _data_crlf(event: Json | str) -> str:
    """An event as Gemini frames it."""
    return f"data: {json.dumps(event)}\r\n\r\n"


def _named(event: Json | str) -> str:
    """An event with its type as its name."""
    kind = event["type"] if isinstance(event, dict) else ""
    return f"event: {kind}\ndata: {json.dumps(event)}\n\n"


def _line(event: Json | str) -> str:
    return json.dumps(event, separators=(",", ":")) + "\n"


# ---- Chat Completions ----------------------------------------------------------------


def _chat_request(text: str, schema: Mapping[str, Any] | None) -> Json:
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": text}]
    body: Json = {"model": "m", "messages": messages}
    if schema is not None:
        held = {"name": "Report", "strict": True, "schema": schema}
        body["response_format"] = {"type": "json_schema", "json_schema": held}
    return body


_CHAT_USAGE: Final = {"prompt_tokens": 100, "completion_tokens": 84, "total_tokens": 184}
_CHAT_HEAD: Final = {"id": "chatcmpl-1", "created": 1, "model": "m"}


def _chat_whole(text: str) -> Json:
    message = {"role": "assistant", "content": text}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    head = {**_CHAT_HEAD, "object": "chat.completion"}
    return {**head, "choices": [choice], "usage": _CHAT_USAGE}


def _chat_events(text: str) -> Iterator[Json | str]:
    def event(delta: Json, finish_reason: str | None = None) -> Json:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return {**_CHAT_HEAD, "object": "chat.completion.chunk", "choices": [choice]}

    yield event({"role": "assistant", "content": ""})
    for piece in _cut(text):
        yield event({"content": piece})
    yield event({}, "stop")
    yield "[DONE]"


def _chat_text(body: Json) -> str:
    return str(body["choices"][0]["message"]["content"])


def _chat_piece(event: Json) -> str | None:
    found: str | None = event["choices"][0]["delta"].get("content")
    return found


# ---- OpenAI's Responses --------------------------------------------------------------

_RESPONSES_USAGE: Final = {
    "input_tokens": 100,
    "input_tokens_details": {"cached_tokens": 0},
    "output_tokens": 84,
    "output_tokens_details": {"reasoning_tokens": 0},
    "total_tokens": 184,
}
_ITEM: Final = "msg_0123456789abcdef"


def _responses_request(text: str, schema: Mapping[str, Any] | None) -> Json:
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": text}]
    body: Json = {"model": GPT, "input": messages, "store": False}
    if schema is not None:
        held = {"type": "json_schema", "name": "Report", "strict": True, "schema": schema}
        body["text"] = {"format": held}
    return body


def _response(status: str, output: list[Json], usage: Json | None) -> Json:
    return {
        "id": "resp_0123456789abcdef",
        "object": "response",
        "created_at": 1,
        "status": status,
        "error": None,
        "incomplete_details": None,
        "instructions": None,
        "max_output_tokens": None,
        "model": GPT,
        "output": output,
        "parallel_tool_calls": True,
        "previous_response_id": None,
        "reasoning": {"effort": None, "summary": None},
        "store": False,
        "temperature": 1.0,
        "text": {"format": {"type": "text"}},
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "truncation": "disabled",
        "usage": usage,
        "user": None,
        "metadata": {},
    }


def _responses_item(status: str, content: list[Json]) -> Json:
    item = {"id": _ITEM, "type": "message", "status": status, "role": "assistant"}
    return {**item, "content": content}


def _responses_part(text: str) -> Json:
    return {"type": "output_text", "annotations": [], "logprobs": [], "text": text}


def _responses_whole(text: str) -> Json:
    item = _responses_item("completed", [_responses_part(text)])
    return _response("completed", [item], _RESPONSES_USAGE)


def _responses_events(text: str) -> Iterator[Json | str]:
    at = {"item_id": _ITEM, "output_index": 0, "content_index": 0}
    begun, item = _response("in_progress", [], None), _responses_item("in_progress", [])
    done = _responses_item("completed", [_responses_part(text)])
    delta = "response.output_text.delta"
    events: list[Json] = [
        {"type": "response.created", "response": begun},
        {"type": "response.in_progress", "response": begun},
        {"type": "response.output_item.added", "output_index": 0, "item": item},
        {"type": "response.content_part.added", **at, "part": _responses_part("")},
        *({"type": delta, **at, "delta": piece, "logprobs": []} for piece in _cut(text)),
        {"type": "response.output_text.done", **at, "text": text, "logprobs": []},
        {"type": "response.content_part.done", **at, "part": _responses_part(text)},
        {"type": "response.output_item.done", "output_index": 0, "item": done},
        {"type": "response.completed", "response": _responses_whole(text)},
    ]
    for number, event in enumerate(events):
        yield {**event, "sequence_number": number}


def _responses_text(body: Json) -> str:
    return str(body["output"][0]["content"][0]["text"])


def _responses_piece(event: Json) -> str | None:
    is_text = event["type"] == "response.output_text.delta"
    return event["delta"] if is_text else None


# ---- Anthropic's Messages ------------------------------------------------------------


def _anthropic_request(text: str, schema: Mapping[str, Any] | None) -> Json:
    body: Json = {
        "model": CLAUDE,
        "max_tokens": 8192,
        "system": SYSTEM,
        "messages": [{"role": "user", "content": text}],
    }
    if schema is not None:
        body["output_config"] = {"format": {"type": "json_schema", "schema": schema}}
    return body


def _anthropic_message(content: list[Json], stop_reason: str | None, written: int) -> Json:
    return {
        "id": "msg_0123456789abcdef",
        "type": "message",
        "role": "assistant",
        "model": CLAUDE,
        "content": content,
        "stop_reason": stop_reason,
        "stop_sequence": None,
        "usage": {
            "input_tokens": 100,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "output_tokens": written,
            "service_tier": "standard",
        },
    }


def _anthropic_whole(text: str) -> Json:
    return _anthropic_message([{"type": "text", "text": text}], "end_turn", 84)


def _anthropic_events(text: str) -> Iterator[Json | str]:
    block = {"type": "text", "text": ""}
    yield {"type": "message_start", "message": _anthropic_message([], None, 1)}
    yield {"type": "content_block_start", "index": 0, "content_block": block}
    yield {"type": "ping"}
    for piece in _cut(text):
        delta = {"type": "text_delta", "text": piece}
        yield {"type": "content_block_delta", "index": 0, "delta": delta}
    yield {"type": "content_block_stop", "index": 0}
    ended = {"stop_reason": "end_turn", "stop_sequence": None}
    yield {"type": "message_delta", "delta": ended, "usage": {"output_tokens": 84}}
    yield {"type": "message_stop"}


def _anthropic_text(body: Json) -> str:
    return str(body["content"][0]["text"])


def _anthropic_piece(event: Json) -> str | None:
    is_text = event["type"] == "content_block_delta"
    return event["delta"].get("text") if is_text else None


# ---- Gemini --------------------------------------------------------------------------


def _gemini_request(text: str, schema: Mapping[str, Any] | None) -> Json:
    body: Json = {
        "systemInstruction": {"parts": [{"text": SYSTEM}]},
        "contents": [{"role": "user", "parts": [{"text": text}]}],
    }
    if schema is not None:
        held = {"responseMimeType": "application/json", "responseJsonSchema": schema}
        body["generationConfig"] = held
    return body


def _gemini_reply(text: str, finish_reason: str | None) -> Json:
    candidate: Json = {"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}
    if finish_reason:
        candidate["finishReason"] = finish_reason
    prompt = [{"modality": "TEXT", "tokenCount": 100}]
    usage = {"promptTokenCount": 100, "candidatesTokenCount": 84, "totalTokenCount": 184}
    return {
        "candidates": [candidate],
        "usageMetadata": {**usage, "promptTokensDetails": prompt},
        "modelVersion": FLASH,
        "responseId": "0123456789abcdef",
    }


def _gemini_events(text: str) -> Iterator[Json | str]:
    pieces = list(_cut(text))
    for piece in pieces[:-1]:
        yield _gemini_reply(piece, None)
    yield _gemini_reply(pieces[-1], "STOP")


def _gemini_text(body: Json) -> str:
    return str(body["candidates"][0]["content"]["parts"][0]["text"])


# ---- Ollama --------------------------------------------------------------------------


def _ollama_request(text: str, schema: Mapping[str, Any] | None) -> Json:
    messages = [{"role": "system", "content": SYSTEM}, {"role": "user", "content": text}]
    body: Json = {"model": "m", "messages": messages}
    return body if schema is None else {**body, "format": schema}


def _ollama_reply(text: str, *, done: bool) -> Json:
    reply: Json = {
        "model": "m",
        "created_at": "2026-11-21T18:00:00.123456789Z",
        "message": {"role": "assistant", "content": text},
        "done": done,
    }
    if done:
        reply |= {
            "done_reason": "stop",
            "total_duration": 2_000_000_000,
            "load_duration": 1_000_000,
            "prompt_eval_count": 100,
            "prompt_eval_duration": 300_000_000,
            "eval_count": 84,
            "eval_duration": 1_600_000_000,
        }
    return reply


def _ollama_events(text: str) -> Iterator[Json | str]:
    for piece in _cut(text):
        yield _ollama_reply(piece, done=False)
    yield _ollama_reply("", done=True)


def _ollama_text(body: Json) -> str:
    return str(body["message"]["content"])


# ---- the table -----------------------------------------------------------------------

DIALECTS: Final = {
    dialect.name: dialect
    for dialect in (
        Dialect(
            name="chat",
            spec="vllm:m",
            base_path="/v1",
            path="chat/completions",
            request=_chat_request,
            whole=_chat_whole,
            text=_chat_text,
            events=_chat_events,
            piece=_chat_piece,
            frame=_data,
        ),
        Dialect(
            name="responses",
            spec=f"openai-responses:{GPT}",
            base_path="/v1",
            path="responses",
            request=_responses_request,
            whole=_responses_whole,
            text=_responses_text,
            events=_responses_events,
            piece=_responses_piece,
            frame=_named,
        ),
        Dialect(
            name="anthropic",
            spec=f"anthropic:{CLAUDE}",
            base_path="/v1",
            path="messages",
            request=_anthropic_request,
            whole=_anthropic_whole,
            text=_anthropic_text,
            events=_anthropic_events,
            piece=_anthropic_piece,
            frame=_named,
        ),
        Dialect(
            name="gemini-native",
            spec=f"gemini-native:{FLASH}",
            base_path="/v1beta",
            path=f"models/{FLASH}:generateContent",
            stream_path=f"models/{FLASH}:streamGenerateContent?alt=sse",
            request=_gemini_request,
            whole=lambda text: _gemini_reply(text, "STOP"),
            text=_gemini_text,
            events=_gemini_events,
            piece=_gemini_text,
            frame=_data_crlf,
            flag=False,
        ),
        Dialect(
            name="ollama-native",
            spec="ollama-native:m",
            base_path="/api",
            path="chat",
            request=_ollama_request,
            whole=lambda text: _ollama_reply(text, done=True),
            text=_ollama_text,
            events=_ollama_events,
            piece=_ollama_text,
            frame=_line,
            stream_type="application/x-ndjson",
        ),
    )
}
"""By name. Every benchmark of calls asks each of them in turn."""


def chosen(names: list[str] | None) -> list[Dialect]:
    """The dialects of some names; all of them if there are none.

    Args:
        names: Arguments of the command line.
    """
    return [DIALECTS[name] for name in names or DIALECTS]


def dialect_of(path: str) -> Dialect:
    """The dialect that a request's path is a call of.

    Args:
        path: The path, in lower case.
    """
    return next(one for one in DIALECTS.values() if one.replies_with(path))
