"""Bodies and events as JSON objects, for every dialect whose servers answer in JSON."""

from __future__ import annotations

import codecs
import json
from collections.abc import Mapping
from typing import Any, Final, TypeGuard

from pydantic_core import from_json

from structgen.errors import APIError, ServerError, StreamBrokenError
from structgen.values import Reply, Request
from structgen.wire.dialect import Capabilities
from structgen.wire.error_bodies import parse_error
from structgen.wire.sse import Event

_Utf8Decoder: Final = codecs.getincrementaldecoder("utf-8")
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"
_NOTHING: Final = (b"", b"null", b"[DONE]", b'"[DONE]"')
"""Events that say nothing of an answer: they keep the connection alive, or end it."""


def body_object(
    reply: Reply, caps: Capabilities, request: Request | None, api: str
) -> dict[str, Any]:
    """Read the body of a reply that should be an answer.

    Args:
        reply: The whole reply.
        caps: The row of the server that sent it.
        request: The request it replies to; its texts are kept out of errors.
        api: What the server should be, such as "a server of the Messages API", for errors.

    Raises:
        APIError: If the reply is an error, whatever its status.
        ServerError: If the status is 200 but the body is not a JSON object.
    """
    if not 200 <= reply.status < 300:
        raise parse_error(reply, caps, request)
    try:
        raw = from_json(reply.body.removeprefix(_BYTE_ORDER_MARK))
    except ValueError:
        raise not_an_answer(caps, "the body is not JSON", api) from None
    if not isinstance(raw, dict):
        raise not_an_answer(caps, "the body is not a JSON object", api)
    if is_error(raw):
        raise parse_error(reply, caps, request)
    return raw


def event_object(
    event: Event, caps: Capabilities, request: Request | None
) -> dict[str, Any] | None:
    """Read an event of a stream; None if it says nothing.

    Args:
        event: The event.
        caps: The row of the server that sent it.
        request: The request it belongs to; its texts are kept out of errors.

    Raises:
        APIError: If the event holds an error.
        StreamBrokenError: If the event is not a JSON object.
    """
    data, is_named_error = event.data, event.name == "error"
    # Nearly every event is an object: then there is no need to look further.
    if data[:1] != b"{" and data.strip() in _NOTHING and not is_named_error:
        return None
    try:
        raw = from_json(data)
    except ValueError:
        raw = None
    if raw.__class__ is dict and not is_named_error and not is_error(raw):
        return raw
    if is_named_error or isinstance(raw, dict | list):
        raise error_in(data, caps, request)
    raise StreamBrokenError(
        "An event of the stream is not a JSON object.",
        sent=True,
        hint="The stream was cut or changed on its way. Ask again.",
    )


def is_error(raw: Mapping[str, Any]) -> bool:
    """Whether an object is an error instead of an answer or a part of one.

    Args:
        raw: The parsed object.
    """
    return bool(raw.get("error")) or raw.get("object") == "error" or raw.get("type") == "error"


def error_in(
    data: bytes | Mapping[str, Any], caps: Capabilities, request: Request | None
) -> APIError:
    """Make the typed error of an error that came inside of a 200.

    Args:
        data: The error, parsed or as JSON text.
        caps: The row of the server that sent it.
        request: The request it belongs to; its texts are kept out of the error.
    """
    body = data if isinstance(data, bytes) else json_text(data).encode(errors="replace")
    return parse_error(Reply(200, {}, body), caps, request)


def json_text(value: Any) -> str:
    """Write parsed JSON as text again, with what a server may have written beyond JSON, as NaN.

    Args:
        value: The parsed value.
    """
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def not_an_answer(caps: Capabilities, why: str, api: str) -> ServerError:
    """Make the error for a 200 that holds no answer.

    Args:
        caps: The row of the server.
        why: What is wrong with it.
        api: What the server should be, such as "a server of the Messages API".
    """
    return ServerError(
        f"{caps.provider} answered 200, but {why}.",
        status_code=200,
        hint=f"Check that `base_url` is the address of {api}.",
    )


# ---- members -------------------------------------------------------------------------


def string(value: Any) -> str | None:
    """The value if it is a text, else None."""
    return value if isinstance(value, str) else None


def number(value: Any) -> float | None:
    """The value as a number; None if it is none, or an integer that no float can hold."""
    if not isinstance(value, int | float):
        return None
    try:
        return float(value)
    except OverflowError:
        return None


def objects(value: Any) -> list[dict[str, Any]]:
    """The objects in a list; none if the value is not a list."""
    if not isinstance(value, list):
        return []
    return [item for item in value if isinstance(item, dict)]


def texts(value: Any, kind: str, member: str = "text") -> str:
    """The texts of the objects of one type in a list, joined.

    Args:
        value: The list.
        kind: The `type` of the objects.
        member: The member that holds the text.
    """
    found = (item.get(member) for item in objects(value) if item.get("type") == kind)
    return "".join(text for text in found if isinstance(text, str))


def read_logprobs(tokens: Any) -> tuple[tuple[str, float], ...]:
    """Read the tokens of an answer with their log-probabilities; none if one is malformed.

    A character that takes several tokens is given with the last of them, as their `bytes` say.

    Args:
        tokens: A list of objects with `token`, `logprob` and perhaps `bytes`, as OpenAI has them.
    """
    if not isinstance(tokens, list):
        return ()
    decoder = _Utf8Decoder("replace")
    read: list[tuple[str, float]] = []
    for token in tokens:
        if not isinstance(token, dict):
            return ()
        text, logprob = token.get("token"), number(token.get("logprob"))
        if not isinstance(text, str) or logprob is None:
            return ()
        raw = token.get("bytes")
        read.append((decoder.decode(bytes(raw)) if _is_bytes(raw) else text, logprob))
    return tuple(read)


def _is_bytes(value: Any) -> TypeGuard[list[int]]:
    return isinstance(value, list) and all(
        isinstance(byte, int) and 0 <= byte < 256 for byte in value
    )
