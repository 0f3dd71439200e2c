"""What is known of each try: one frozen record, given to the client's hooks when the try ends.

A hook is any callable that takes a CallRecord; it runs on the caller's thread or event loop, and what it raises is raised.
`otel_hook` makes one that writes OpenTelemetry spans by the semantic conventions for generative AI (extra `otel`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeAlias
from urllib.parse import urlsplit

from structgen.errors import StructgenError
from structgen.extras import load
from structgen.values import Mode, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """One try of one question. It holds no text of a prompt or an answer, and no key.

    `attempt` counts from 1; `waited`: seconds slept before this try; `seconds`: what it took; `ended`: epoch seconds; `first`:
    seconds to the first piece of a streamed answer; `sent`, `received`: bytes of the bodies; `server`: the base URL's host and
    port; `error`: why it failed, None for an answer; `final`: no further try follows.
    """

    provider: str
    server: str
    model: str
    mode: Mode
    stream: bool
    attempt: int
    waited: float
    seconds: float
    ended: float
    sent: int
    received: int
    first: float | None = None
    status_code: int | None = None
    error: StructgenError | None = None
    final: bool = True
    usage: Usage = Usage()
    finish_reason: str | None = None
    answered_by: str | None = None
    id: str | None = None
    request_id: str | None = None


Hook: TypeAlias = Callable[[CallRecord], None]
"""Called after each try with what is known of it, on the caller's thread or event loop."""


def otel_hook(tracer_provider: Any = None) -> Hook:
    """A hook that writes a client span for every try. `tracer_provider`: OpenTelemetry's, the global one by default.

    Raises MissingPackage if opentelemetry-api is not installed.
    """
    load("opentelemetry.trace", "otel")
    from opentelemetry import trace
    from opentelemetry.trace import SpanKind, StatusCode

    tracer = trace.get_tracer("structgen", tracer_provider=tracer_provider)

    def hook(record: CallRecord) -> None:
        ended = int(record.ended * 1e9)
        span = tracer.start_span(
            f"chat {record.model}",
            kind=SpanKind.CLIENT,
            attributes={
                name: value for name, value in attributes(record).items() if value is not None
            },
            start_time=ended - int(record.seconds * 1e9),
        )
        if record.error is not None:
            span.set_status(StatusCode.ERROR, record.error.message)
        span.end(end_time=ended)

    return hook


def attributes(record: CallRecord) -> dict[str, Any]:
    """The record in the terms of OpenTelemetry's semantic conventions for generative AI clients."""
    address = urlsplit(f"//{record.server}")
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.provider.name": record.provider,
        "gen_ai.request.model": record.model,
        "gen_ai.output.type": "text" if record.mode == "prompt" else "json",
        "gen_ai.response.model": record.answered_by,
        "gen_ai.response.id": record.id,
        "gen_ai.response.finish_reasons": [record.finish_reason] if record.finish_reason else None,
        "gen_ai.usage.input_tokens": record.usage.prompt_tokens or None,
        "gen_ai.usage.output_tokens": record.usage.completion_tokens or None,
        "gen_ai.response.time_to_first_chunk": record.first,
        "server.address": address.hostname,
        "server.port": address.port,
        "http.response.status_code": record.status_code,
        "http.request.resend_count": record.attempt - 1 or None,
        "error.type": type(record.error).__name__ if record.error else None,
    }
