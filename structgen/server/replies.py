"""Write answers and errors in Groq's words: bodies, and events of a stream.

Sources: the types of Groq's SDK 1.7, its error page, and recorded bodies and streams.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import singledispatch
from typing import Any, Final

from pydantic_core import to_json

from structgen.errors import (
    APIError,
    BadRequestError,
    ConfigurationError,
    EnginePromptTooLongError,
    GrammarError,
    InputError,
    ServerError,
    StructgenError,
)
from structgen.server.answers import Arguments, Call, End, Part, Text
from structgen.server.members import TYPE
from structgen.server.requests import ServedRequest
from structgen.values import CutText, Json
from structgen.wire.own_server import MEMBER

DONE: Final = b"data: [DONE]\n\n"
GROQ_TIER: Final = "on_demand"
"""The service tier of answers, in Groq's words."""
OPENAI_TIER: Final = "default"
"""The same in OpenAI's words, whose clients refuse other ones."""
_INTERNAL: Final = "internal_server_error"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyWriter:
    """Writes the bodies of one answer."""

    request_id: str
    request: ServedRequest
    fingerprint: str
    queued: float
    """Seconds that the request waited for its turn."""
    created: int
    """Seconds since 1970."""
    tier: str
    """The service tier."""

    def whole(self, parts: list[Part]) -> Json:
        """Write the body of an answer that is sent at once.

        Args:
            parts: All parts of the answer.
        """
        end = next(part for part in parts if isinstance(part, End))
        calls: list[dict[str, Any]] = []
        text = ""
        for part in parts:
            if isinstance(part, Text):
                text += part.text
            elif isinstance(part, Call):
                calls.append(self._call(part))
            elif isinstance(part, Arguments):
                calls[part.index]["function"]["arguments"] += part.text
        message: dict[str, Any] = {"role": "assistant", "content": None if calls else text}
        if calls:
            message["tool_calls"] = calls
        choice = {
            "index": 0,
            "message": message,
            "logprobs": _logprobs(end),
            "finish_reason": end.finish_reason,
        }
        body = self._body("chat.completion", choice)
        return {
            **body,
            "usage": self._usage(end),
            "usage_breakdown": None,
            **self._own(end),
            **self._x_groq(),
        }

    def first(self, part: Part) -> bytes:
        """Write the event that opens a stream.

        An empty `x_structgen` says that the last event may name values that were cut short, so that
        a client can wait for it before it uses the last item of a list.

        Args:
            part: The first part of the answer, which `events` writes.
        """
        more = {**self._x_groq(), "x_structgen": {}}
        content = None if isinstance(part, Call) else ""
        return self._event({"role": "assistant", "content": content}, **more)

    def events(self, part: Part) -> Iterator[bytes]:
        """Write the events of a part of the answer.

        Args:
            part: The part.
        """
        if isinstance(part, Text):
            yield self._event({"content": part.text}, **_cut(part.text))
        elif isinstance(part, Call):
            yield self._event({"tool_calls": [{"index": part.index, **self._call(part)}]})
        elif isinstance(part, Arguments):
            call = {"index": part.index, "function": {"arguments": part.text}}
            yield self._event({"tool_calls": [call]}, **_cut(part.text))
        else:
            if (logprobs := _logprobs(part)) is not None:
                yield self._event({}, logprobs=logprobs)
            usage = self._usage(part)
            own = {**self._own(part), "x_groq": {"id": self.request_id, "usage": usage}}
            yield self._event({}, part.finish_reason, **own)
            if self.request.usage:
                counted = {**self._body("chat.completion.chunk"), "usage": usage}
                yield _event({**counted, **self._own(part)})
            yield DONE

    def _event(
        self,
        delta: Json,
        finish_reason: str | None = None,
        logprobs: Json = None,
        **more: Any,
    ) -> bytes:
        choice = {
            "index": 0,
            "delta": delta,
            "logprobs": logprobs,
            "finish_reason": finish_reason,
        }
        return _event({**self._body("chat.completion.chunk", choice), **more})

    def _body(self, kind: str, *choices: Json) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-{self.request_id.removeprefix('req_')}",
            "object": kind,
            "created": self.created,
            "model": self.request.model,
            "choices": list(choices),
            "system_fingerprint": self.fingerprint,
            "service_tier": self.tier,
        }

    def _call(self, call: Call) -> dict[str, Any]:
        number = hashlib.sha256(f"{self.request_id}/{call.index}".encode()).hexdigest()[:9]
        return {
            "id": f"call_{number}",
            "type": "function",
            "function": {"name": call.name, "arguments": ""},
        }

    def _usage(self, end: End) -> Json:
        usage = end.usage
        return {
            "queue_time": round(self.queued, 6),
            "prompt_tokens": usage.prompt_tokens,
            "prompt_time": round(end.prompt_seconds, 6),
            "completion_tokens": usage.completion_tokens,
            "completion_time": round(end.completion_seconds, 6),
            "total_tokens": usage.total_tokens,
            "total_time": round(end.prompt_seconds + end.completion_seconds, 6),
            "prompt_tokens_details": {"cached_tokens": usage.cached_tokens},
        }

    def _x_groq(self) -> dict[str, Any]:
        return {"x_groq": {"id": self.request_id, "seed": self.request.seed}}

    @staticmethod
    def _own(end: End) -> dict[str, Any]:
        """What Groq has no member for: what the decoder ended, why, and what else it knows."""
        own: dict[str, Json] = {}
        if end.shortened:
            own["shortened"] = list(end.shortened)
            own["shortened_by"] = list(end.shortened_by)
        if end.repeated:
            own["repeated"] = list(end.repeated)
        if end.details is not None:
            own["engine"] = end.details.engine
            own["alternatives"] = end.details.alternatives
            own["pressure"] = end.details.pressure
        return {MEMBER: own} if own else {}


def reply_writer(
    request_id: str, request: ServedRequest, model: str, queued: float, tier: str
) -> ReplyWriter:
    """Make the writer of an answer.

    Args:
        request_id: The id of the request.
        request: The request.
        model: The model that answers.
        queued: Seconds that the request waited for its turn.
        tier: The service tier, in the words of the API that was asked.
    """
    fingerprint = f"fp_{hashlib.sha256(model.encode()).hexdigest()[:10]}"
    return ReplyWriter(
        request_id=request_id,
        request=request,
        fingerprint=fingerprint,
        queued=queued,
        created=int(time.time()),
        tier=tier,
    )


def _cut(text: str) -> dict[str, Any]:
    """What an event says of a piece of text from the first value on that was ended early."""
    return {"x_structgen": {"cut": True}} if isinstance(text, CutText) else {}


def _logprobs(end: End) -> Json:
    """The probabilities of an answer's tokens, as OpenAI writes them; None if there are none."""
    if end.logprobs is None:
        return None
    tokens = [
        {"token": token, "bytes": list(token.encode()), "logprob": logprob, "top_logprobs": []}
        for token, logprob in end.logprobs
    ]
    return {"content": tokens, "refusal": None}


# ---- errors --------------------------------------------------------------------------------------


@singledispatch
def as_api_error(error: Exception) -> APIError:
    """Turn an error into the one that the client is shown.

    A fault of the server itself shows nothing but that there was one.

    Args:
        error: The error.
    """
    return ServerError("Internal Server Error", status_code=500, type=_INTERNAL)


@as_api_error.register
def _(error: APIError) -> APIError:
    return error


@as_api_error.register(ConfigurationError)
@as_api_error.register(GrammarError)
@as_api_error.register(InputError)
def _(error: StructgenError) -> APIError:
    return BadRequestError(str(error), status_code=400, type=TYPE)


@as_api_error.register
def _(error: EnginePromptTooLongError) -> APIError:
    message = (
        "Please reduce the length of the messages or completion: "
        f"{error.tokens} tokens, of {error.limit} at most."
    )
    return BadRequestError(
        message, status_code=400, type=TYPE, param="messages", code="context_length_exceeded"
    )


def error_body(error: APIError) -> Json:
    """Write the body of an error.

    Args:
        error: The error.
    """
    shown: dict[str, Any] = {"message": error.message, "type": error.type}
    named = {
        "param": error.param,
        "code": error.code,
        "failed_generation": getattr(error, "failed_generation", None),
    }
    return {
        "error": {**shown, **{name: value for name, value in named.items() if value is not None}}
    }


def error_event(error: APIError) -> bytes:
    """Write an error after the first event of a stream. The connection ends after it, without
    [DONE].

    Args:
        error: The error.
    """
    body = error_body(error)
    body["error"]["status_code"] = error.status_code
    return b"event: error\n" + _event(body)


def _event(body: Json) -> bytes:
    return b"data: " + to_json(body) + b"\n\n"
