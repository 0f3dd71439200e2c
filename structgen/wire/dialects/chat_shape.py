"""Answers in the shape of Chat Completions, whatever the dialect they came in.

`client.chat` and the readers of answers know one shape. A dialect reads its own, and writes an
`Answer` or a `Delta` with these functions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pydantic_core import to_json

from structgen.values import Answer, Usage
from structgen.wire.dialect import Delta

_NO_USAGE: Final = Usage()
_MAX_COUNT: Final = 1 << 53
"""No count of tokens is as large as this; JSON numbers from here on are not exact."""


def count(counts: Any, name: str) -> int:
    """Read a count of tokens; 0 if it is missing or not a count.

    Args:
        counts: The object that has it.
        name: Its name.
    """
    value: Any = counts.get(name) if isinstance(counts, dict) else None
    if value.__class__ is not int or not 0 < value < _MAX_COUNT:
        return 0
    found: int = value
    return found


def arguments_as_text(arguments: Any) -> str:
    """Write the arguments of a call as JSON text, if the server gives them as an object.

    Args:
        arguments: What the server gives; a text stays as it is.
    """
    if isinstance(arguments, str):
        return arguments
    # A number that JSON does not have stays visible, and the check of the answer refuses it.
    return to_json(arguments, inf_nan_mode="constants").decode()


def tool_call(id_: str | None, name: str | None, arguments: str) -> dict[str, Any]:
    """Make a call of a tool.

    Args:
        id_: The server's name for the call.
        name: The function.
        arguments: Its arguments, as JSON text.
    """
    function = {"name": name, "arguments": arguments}
    return {"id": id_, "type": "function", "function": function}


def usage_as_chat(usage: Usage) -> dict[str, Any]:
    """Write token counts as Chat Completions does.

    Args:
        usage: The counts.
    """
    return {
        "prompt_tokens": usage.prompt_tokens,
        "completion_tokens": usage.completion_tokens,
        "total_tokens": usage.total_tokens,
        "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning_tokens},
    }


def answer_in_chat_shape(
    raw: Mapping[str, Any],
    *,
    text: str | None,
    finish_reason: str | None,
    refusal: str | None = None,
    reasoning: str | None = None,
    tool_calls: Sequence[dict[str, Any]] = (),
    usage: Usage = _NO_USAGE,
    native: Mapping[str, Any] | None = None,
    logprobs: tuple[tuple[str, float], ...] = (),
) -> Answer:
    """Make an answer whose `raw` is a `chat.completion`.

    Args:
        raw: The parsed body, of which `id`, `model` and `created` are taken.
        text: What the model wrote; None if it wrote no text.
        finish_reason: Why it ended, in the words of Chat Completions, or the server's own word.
        refusal: What it said when it declined.
        reasoning: Its reasoning.
        tool_calls: Its calls of tools.
        usage: The token counts.
        native: The dialect's name, with what the server wrote in its own terms.
        logprobs: The tokens of the text with their log-probabilities.
    """
    message: dict[str, Any] = {"role": "assistant", "content": text}
    optional = {"refusal": refusal, "reasoning": reasoning, "native": native}
    message.update({name: value for name, value in optional.items() if value})
    if tool_calls:
        message["tool_calls"] = list(tool_calls)
    choice = {"index": 0, "message": message, "finish_reason": finish_reason}
    model, id_ = _string(raw.get("model")), _string(raw.get("id"))
    return Answer(
        text=text,
        finish_reason=finish_reason,
        refusal=refusal,
        reasoning=reasoning,
        tool_calls=tuple(tool_calls),
        usage=usage,
        model=model,
        id=id_,
        logprobs=logprobs,
        raw={
            "id": id_ or "",
            "object": "chat.completion",
            "created": _seconds(raw),
            "model": model or "",
            "choices": [choice],
            "usage": usage_as_chat(usage),
        },
    )


def delta_in_chat_shape(
    raw: Mapping[str, Any],
    *,
    text: str | None = None,
    reasoning: str | None = None,
    refusal: str | None = None,
    tool_calls: Sequence[dict[str, Any]] = (),
    finish_reason: str | None = None,
    usage: Usage | None = None,
    native: Mapping[str, Any] | None = None,
    done: bool = False,
) -> Delta:
    """Make a delta whose `raw` is a `chat.completion.chunk`.

    Args:
        raw: The object of the event that may have `id`, `model` and `created`.
        text: New text of the message.
        reasoning: New text of the reasoning.
        refusal: New text of a refusal.
        tool_calls: New parts of tool calls, each with its `index`.
        finish_reason: Why the answer has ended; None if it has not.
        usage: The token counts, if the event has them.
        native: The dialect's name, with what the server wrote in its own terms.
        done: Whether nothing of the answer can follow.
    """
    delta: dict[str, Any] = {"content": text} if text else {}
    if reasoning or refusal or native:
        parts = {"reasoning": reasoning, "refusal": refusal, "native": native}
        delta.update({name: value for name, value in parts.items() if value})
    if tool_calls:
        delta["tool_calls"] = list(tool_calls)
    choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
    chunk: dict[str, Any] = {
        "id": (_string(raw.get("id")) or "") if raw else "",
        "object": "chat.completion.chunk",
        "created": _seconds(raw) if raw else 0,
        "model": (_string(raw.get("model")) or "") if raw else "",
        "choices": [choice] if delta or finish_reason else [],
    }
    if usage is not None:
        chunk["usage"] = usage_as_chat(usage)
    return Delta(text, reasoning, refusal, tool_calls, finish_reason, usage, chunk, done)


def text_delta(text: str | None) -> Delta:
    """Make the delta of an event that only adds text, as nearly all events of a stream do.

    It is what `delta_in_chat_shape({}, text=text)` makes, in less time.

    Args:
        text: New text of the message.
    """
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": None}
    chunk = {
        "id": "",
        "object": "chat.completion.chunk",
        "created": 0,
        "model": "",
        "choices": [choice] if text else [],
    }
    return Delta(text, None, None, (), None, None, chunk)


def delta_of_answer(answer: Answer) -> Delta:
    """Make the one delta of a server that does not stream, and so sends the whole answer.

    Args:
        answer: The answer, whose `raw` is a `chat.completion`.
    """
    calls = [{"index": index, **call} for index, call in enumerate(answer.tool_calls)]
    message = answer.raw["choices"][0]["message"]
    return delta_in_chat_shape(
        answer.raw,
        text=answer.text,
        reasoning=answer.reasoning,
        refusal=answer.refusal,
        tool_calls=calls,
        finish_reason=answer.finish_reason,
        usage=answer.usage,
        native=message.get("native"),
        done=True,
    )


def _string(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _seconds(raw: Mapping[str, Any]) -> int:
    created: Any = raw.get("created", raw.get("created_at"))
    is_number = created.__class__ in (int, float) and 0 < created < _MAX_COUNT
    return int(created) if is_number else 0
