"""Records of calls: one for each try, which the client's hooks are called with when the try ends.

A hook runs on the caller's thread or event loop. One that raises is logged, and changes nothing.
What else is worth telling goes to the loggers `structgen.*`: retries, waits, steps down, fallbacks;
never a text and never a key.
`otel_hook` makes a hook that writes OpenTelemetry spans, by the semantic conventions for generative
AI (extra `otel`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, TypeVar
from urllib.parse import urlsplit

from structgen.errors import StructgenError
from structgen.extras import load
from structgen.values import Mode, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class CallRecord:
    """One try of one request. It holds no text of a prompt or an answer, and no key."""

    provider: str
    """The provider's name."""
    server: str
    """The host and port of the base URL."""
    model: str
    """The model that was asked."""
    mode: Mode
    """The output mode: how the schema was enforced."""
    stream: bool
    """Whether the answer was streamed."""
    attempt: int
    """The number of this try, from 1."""
    waited: float
    """Seconds that were waited before this try."""
    seconds: float
    """Seconds that the try took."""
    ended: float
    """When it ended, in seconds since the epoch."""
    sent: int
    """The size of the request's body, in bytes."""
    received: int
    """The size of the answer's body, in bytes."""
    first: float | None = None
    """Seconds to the first piece of a streamed answer; None if there was none."""
    status_code: int | None = None
    """The HTTP status; None if no answer came."""
    error: StructgenError | None = None
    """Why the try failed; None if it was answered."""
    final: bool = True
    """Whether there is no further try."""
    usage: Usage = Usage()
    """The tokens, as the server counted them."""
    finish_reason: str | None = None
    """Why the answer ended."""
    answered_by: str | None = None
    """The model that answered, as the server named it."""
    id: str | None = None
    """The answer's id."""
    request_id: str | None = None
    """The server's id of the request, from the header `x-request-id`."""


T = TypeVar("T")

LOG: Final = logging.getLogger("structgen.wire")
"""Where retries and waits are logged (INFO), and every try (DEBUG)."""
logging.getLogger("structgen").addHandler(logging.NullHandler())  # a library prints nothing itself

Hook: TypeAlias = Callable[[CallRecord], None]
"""A function that is called with the record of every try."""

_NANOSECONDS = 1e9
"""Called after each try with what is known of it, on the caller's thread or event loop."""


def call_hook(hook: Callable[[T], object], told: T) -> None:
    """Call a function of the user's. If it raises, log that and go on.

    Args:
        hook: The function.
        told: What it is called with.
    """
    try:
        hook(told)
    except Exception as error:
        name = getattr(hook, "__qualname__", type(hook).__name__)
        at = error.__traceback__
        while at is not None and at.tb_next is not None:
            at = at.tb_next
        where = f"{at.tb_frame.f_code.co_filename}:{at.tb_lineno}" if at else "an unknown place"
        LOG.warning("The hook %s raised %s at %s", name, type(error).__name__, where)


def log_wait(backend: str, tries: int, error: StructgenError, seconds: float) -> None:
    """Log that a try failed and when the next one follows."""
    status = getattr(error, "status_code", None)
    kind = type(error).__name__ + (f" {status}" if status else "")
    LOG.info("%s: try %d failed (%s), again in %.2f s", backend, tries, kind, seconds)


def log_try(record: CallRecord) -> None:
    """Log how a try ended, at level DEBUG.

    Args:
        record: The record of the try.
    """
    status = f" {record.status_code}" if record.status_code else ""
    ended = type(record.error).__name__ if record.error else "answered"
    LOG.debug(
        "%s:%s: try %d %s%s in %.3f s, %d + %d tokens, request %s",
        record.provider,
        record.model,
        record.attempt,
        ended,
        status,
        record.seconds,
        record.usage.prompt_tokens,
        record.usage.completion_tokens,
        record.request_id or "without id",
    )


def otel_hook(tracer_provider: Any = None) -> Hook:
    """Make a hook that writes a client span for every try.

    Args:
        tracer_provider: OpenTelemetry's tracer provider; by default the global one.

    Raises:
        MissingPackage: If opentelemetry-api is not installed.
    """
    load("opentelemetry.trace", "otel")
    from opentelemetry import trace
    from opentelemetry.trace import SpanKind, StatusCode

    tracer = trace.get_tracer("structgen", tracer_provider=tracer_provider)

    def hook(record: CallRecord) -> None:
        ended = int(record.ended * _NANOSECONDS)
        known = {name: value for name, value in attributes(record).items() if value is not None}
        span = tracer.start_span(
            f"chat {record.model}",
            kind=SpanKind.CLIENT,
            attributes=known,
            start_time=ended - int(record.seconds * _NANOSECONDS),
        )
        if record.error is not None:
            span.set_status(StatusCode.ERROR, record.error.message)
        span.end(end_time=ended)

    return hook


def attributes(record: CallRecord) -> dict[str, Any]:
    """Name the facts of a record as OpenTelemetry's conventions for generative AI clients do.

    Args:
        record: The record of a try.

    Returns:
        The attributes of a span; None for what is not known.
    """
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
