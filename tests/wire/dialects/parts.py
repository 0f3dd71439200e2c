"""Scripted servers, one for each dialect. A new dialect adds a row to SERVERS, and no test.

Each server says the same things in its own terms: a text, calls of tools, a refusal, reasoning, and
why the answer ends. What it writes is what the vendors document; `test_sdks.py` lets the vendors'
own clients read it.
"""

from __future__ import annotations

from typing import Any

from structgen.testing import completion
from structgen.testing.faulty import error_body
from structgen.values import Reply
from tests.wire.dialects.gemini_server import GEMINI as GEMINI
from tests.wire.dialects.ollama_server import OLLAMA as OLLAMA
from tests.wire.dialects.said import Said as Said
from tests.wire.dialects.said import Server as Server
from tests.wire.dialects.said import as_object, data, encoded, named, pieces

# ---- Chat Completions ----------------------------------------------------------------


def _chat_call(call: tuple[str, str, str]) -> dict[str, Any]:
    id_, name, arguments = call
    return {"id": id_, "type": "function", "function": {"name": name, "arguments": arguments}}


def chat_whole(said: Said) -> bytes:
    members: dict[str, Any] = {"refusal": said.refusal}
    if said.reasoning:
        members["reasoning"] = said.reasoning
    if said.calls:
        members["tool_calls"] = [_chat_call(call) for call in said.calls]
    return completion(said.text, finish_reason=said.end, **members)


def chat_events(said: Said) -> list[bytes]:
    def event(delta: dict[str, Any], end: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": end}
        head = {"id": "chatcmpl-1", "created": 1, "model": "scripted"}
        return data({**head, "object": "chat.completion.chunk", "choices": [choice]})

    found = [event({"role": "assistant", "content": ""})]
    found += (event({"reasoning": piece}) for piece in pieces(said.reasoning or None, said.size))
    found += (event({"content": piece}) for piece in pieces(said.text, said.size))
    found += (event({"refusal": piece}) for piece in pieces(said.refusal, said.size))
    for index, call in enumerate(said.calls):
        begun = {"index": index, **_chat_call((*call[:2], ""))}
        found.append(event({"tool_calls": [begun]}))
        for piece in pieces(call[2], said.size):
            part = {"index": index, "function": {"arguments": piece}}
            found.append(event({"tool_calls": [part]}))
    return [*found, event({}, said.end), b"data: [DONE]\n\n"]


def _chat_texts(body: Any) -> list[tuple[str, str]]:
    return [(one["role"], one["content"]) for one in body["messages"]]


CHAT = Server(
    model="openai:gpt",
    modes=("strict", "best-effort", "tool", "json-object", "prompt"),
    whole=chat_whole,
    events=chat_events,
    ends=2,
    error=lambda status, message: Reply(status, {}, error_body(message)),
    event_error=lambda message: data({"error": {"message": message, "code": 503}}),
    forced=lambda body: (
        body.get("tool_choice", {}).get("function", {}).get("name")
        if isinstance(body.get("tool_choice"), dict)
        else None
    ),
    schema=lambda body: body["response_format"]["json_schema"]["schema"],
    texts=_chat_texts,
)


# ---- OpenAI's Responses --------------------------------------------------------------

_RESPONSE_ENDS = {
    "stop": ("completed", None),
    "tool_calls": ("completed", None),
    "length": ("incomplete", "max_output_tokens"),
    "content_filter": ("incomplete", "content_filter"),
}


def response(said: Said, output: list[Any] | None = None) -> dict[str, Any]:
    """The object `response` of an answer that has ended."""
    status, reason = _RESPONSE_ENDS.get(said.end, (said.end, None))
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1,
        "model": "scripted",
        "status": status,
        "error": None,
        "incomplete_details": {"reason": reason} if reason else None,
        "instructions": None,
        "metadata": {},
        "output": response_output(said) if output is None else output,
        "parallel_tool_calls": True,
        "temperature": 1.0,
        "tool_choice": "auto",
        "tools": [],
        "top_p": 1.0,
        "usage": {
            "input_tokens": 7,
            "input_tokens_details": {"cached_tokens": 3, "cache_write_tokens": 0},
            "output_tokens": 5,
            "output_tokens_details": {"reasoning_tokens": 2},
            "total_tokens": 12,
        },
    }


def response_output(said: Said) -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = []
    if said.reasoning:
        summary = [{"type": "summary_text", "text": said.reasoning}]
        items.append({"id": "rs_1", "type": "reasoning", "summary": summary, "status": "completed"})
    content: list[dict[str, Any]] = []
    if said.text is not None:
        content.append({"type": "output_text", "text": said.text, "annotations": []})
    if said.refusal is not None:
        content.append({"type": "refusal", "refusal": said.refusal})
    if content:
        message = {"id": "msg_1", "type": "message", "role": "assistant", "status": "completed"}
        items.append({**message, "content": content})
    for id_, name, arguments in said.calls:
        call = {"id": f"fc_{id_}", "type": "function_call", "status": "completed"}
        items.append({**call, "call_id": id_, "name": name, "arguments": arguments})
    return items


def response_events(said: Said) -> list[bytes]:
    found: list[dict[str, Any]] = []

    def event(kind: str, **members: Any) -> None:
        found.append({"type": f"response.{kind}", "sequence_number": len(found), **members})

    begun = {**response(said, []), "status": "in_progress", "usage": None}
    event("created", response={**begun, "incomplete_details": None})
    for index, item in enumerate(response_output(said)):
        at = {"output_index": index, "item_id": item["id"]}
        event("output_item.added", output_index=index, item=_begun(item))
        if item["type"] == "reasoning":
            part = {"type": "summary_text", "text": ""}
            event("reasoning_summary_part.added", **at, summary_index=0, part=part)
            for piece in pieces(item["summary"][0]["text"], said.size):
                event("reasoning_summary_text.delta", **at, summary_index=0, delta=piece)
        elif item["type"] == "message":
            for number, part in enumerate(item["content"]):
                _part_events(event, {**at, "content_index": number}, part, said.size)
        else:
            for piece in pieces(item["arguments"], said.size):
                event("function_call_arguments.delta", **at, delta=piece)
            whole = {"arguments": item["arguments"], "name": item["name"]}
            event("function_call_arguments.done", **at, **whole)
        event("output_item.done", output_index=index, item=item)
    ended = response(said)
    event("incomplete" if ended["status"] == "incomplete" else "completed", response=ended)
    return [named(one) for one in found]


def _begun(item: dict[str, Any]) -> dict[str, Any]:
    empty: dict[str, dict[str, Any]] = {
        "message": {"content": []},
        "function_call": {"arguments": ""},
        "reasoning": {"summary": []},
    }
    return {**item, "status": "in_progress", **empty[item["type"]]}


def _part_events(event: Any, at: dict[str, Any], part: dict[str, Any], size: int) -> None:
    is_text = part["type"] == "output_text"
    kind, member = ("output_text", "text") if is_text else ("refusal", "refusal")
    more: dict[str, Any] = {"logprobs": []} if is_text else {}
    event("content_part.added", **at, part={**part, member: ""})
    for piece in pieces(part[member], size):
        event(f"{kind}.delta", **at, **more, delta=piece)
    event(f"{kind}.done", **at, **more, **{member: part[member]})
    event("content_part.done", **at, part=part)


def _response_forced(body: Any) -> str | None:
    choice = body.get("tool_choice")
    return choice["name"] if isinstance(choice, dict) else None


def _response_texts(body: Any) -> list[tuple[str, str]]:
    return [(one["role"], one["content"]) for one in body["input"]]


def _overloaded(message: str) -> bytes:
    code = {"code": "server_error", "message": message, "param": None, "sequence_number": 9}
    return named({"type": "error", **code})


RESPONSES = Server(
    model="openai-responses:gpt",
    modes=("strict", "best-effort", "tool", "json-object", "prompt"),
    whole=lambda said: encoded(response(said)),
    events=response_events,
    ends=1,
    error=lambda status, message: Reply(status, {}, error_body(message)),
    event_error=_overloaded,
    forced=_response_forced,
    schema=lambda body: body["text"]["format"]["schema"],
    texts=_response_texts,
)


# ---- Anthropic's Messages ------------------------------------------------------------

_STOP_REASONS = {
    "stop": "end_turn",
    "tool_calls": "tool_use",
    "length": "max_tokens",
    "content_filter": "refusal",
}


def message(said: Said, content: list[Any] | None = None) -> dict[str, Any]:
    """The object `message` of an answer that has ended."""
    declines = said.refusal is not None
    details = {"type": "refusal", "category": None, "explanation": said.refusal}
    return {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "scripted",
        "content": message_content(said) if content is None else content,
        "stop_reason": "refusal" if declines else _STOP_REASONS.get(said.end, said.end),
        "stop_details": details if declines else None,
        "stop_sequence": None,
        "usage": {
            "input_tokens": 3,
            "cache_creation_input_tokens": 1,
            "cache_read_input_tokens": 3,
            "output_tokens": 5,
            "output_tokens_details": {"thinking_tokens": 2},
        },
    }


def message_content(said: Said) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    if said.reasoning:
        thought = {"type": "thinking", "thinking": said.reasoning, "signature": "c2ln"}
        blocks.append(thought)
    if said.text is not None:
        blocks.append({"type": "text", "text": said.text, "citations": None})
    for id_, name, arguments in said.calls:
        call = {"type": "tool_use", "id": id_, "name": name}
        blocks.append({**call, "input": as_object(arguments)})
    return blocks


def message_events(said: Said) -> list[bytes]:
    ended = message(said)
    begun = {**message(said, []), "stop_reason": None, "stop_details": None}
    begun["usage"] = {**begun["usage"], "output_tokens": 1}
    found: list[dict[str, Any]] = [{"type": "message_start", "message": begun}, {"type": "ping"}]
    texts = [call[2] for call in said.calls]
    for index, block in enumerate(message_content(said)):
        empty, deltas = _block_deltas(block, texts, said.size)
        found.append({"type": "content_block_start", "index": index, "content_block": empty})
        found += (
            {"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas
        )
        found.append({"type": "content_block_stop", "index": index})
    names = ("stop_reason", "stop_details", "stop_sequence")
    delta = {name: ended[name] for name in names}
    found.append({"type": "message_delta", "delta": delta, "usage": ended["usage"]})
    return [named(one) for one in (*found, {"type": "message_stop"})]


def _block_deltas(
    block: dict[str, Any], texts: list[str], size: int
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A block as it begins, and what is added to it."""
    if block["type"] == "text":
        found = [{"type": "text_delta", "text": piece} for piece in pieces(block["text"], size)]
        return {**block, "text": ""}, found
    if block["type"] == "thinking":
        thought = pieces(block["thinking"], size)
        deltas = [{"type": "thinking_delta", "thinking": piece} for piece in thought]
        signed = {"type": "signature_delta", "signature": block["signature"]}
        return {**block, "thinking": "", "signature": ""}, [*deltas, signed]
    parts = ["", *pieces(texts.pop(0), size)]
    return {**block, "input": {}}, [
        {"type": "input_json_delta", "partial_json": part} for part in parts
    ]


def _message_texts(body: Any) -> list[tuple[str, str]]:
    system = [("system", block["text"]) for block in body.get("system", ())]
    turns = [
        (one["role"], block["text"])
        for one in body["messages"]
        for block in one["content"]
        if block["type"] == "text"
    ]
    return system + turns


def _message_error(status: int, text: str) -> Reply:
    kinds = {400: "invalid_request_error", 401: "authentication_error", 429: "rate_limit_error"}
    error = {"type": kinds.get(status, "api_error"), "message": text}
    body = {"type": "error", "error": error, "request_id": "req_1"}
    return Reply(status, {"request-id": "req_1"}, encoded(body))


def _message_event_error(text: str) -> bytes:
    return named({"type": "error", "error": {"type": "overloaded_error", "message": text}})


ANTHROPIC = Server(
    model="anthropic:claude",
    modes=("strict", "tool", "prompt"),
    whole=lambda said: encoded(message(said)),
    events=message_events,
    ends=2,
    error=_message_error,
    event_error=_message_event_error,
    forced=lambda body: (body.get("tool_choice") or {}).get("name"),
    schema=lambda body: body["output_config"]["format"]["schema"],
    texts=_message_texts,
    omits_absent=True,
)


SERVERS = (CHAT, RESPONSES, ANTHROPIC, GEMINI, OLLAMA)
