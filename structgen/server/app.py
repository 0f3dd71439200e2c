"""The server as an ASGI application: who may asked, what is asked, a turn at the engine, the
answer on its way to the client.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import logging
import secrets
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from structgen.errors import APIError, AuthenticationError, NotFoundError
from structgen.local.engine import Engine
from structgen.prompt.attachments import estimate_tokens
from structgen.server.answers import End, Part, answer_parts
from structgen.server.body import read_body
from structgen.server.decision_bodies import DecisionRequest, parse_decisions, parse_system_one
from structgen.server.decisions import decide_questions
from structgen.server.members import TYPE
from structgen.server.metrics import Metrics
from structgen.server.models import ModelNames, describe_model
from structgen.server.places import Places
from structgen.server.rate_limiter import RateLimiter
from structgen.server.replies import (
    GROQ_TIER,
    OPENAI_TIER,
    ReplyWriter,
    as_api_error,
    error_body,
    error_event,
    reply_writer,
)
from structgen.server.requests import ServedRequest, parse_request

MAX_BODY: Final = 4 << 20
"""Bytes of a request: far more text than any context holds."""

_GROQ_PREFIX: Final = "/openai/v1"
_PREFIXES: Final = ("/v1", _GROQ_PREFIX)
_LEFT: Final = 499
"""The status of a request whose client has left, as nginx logs it."""
_log: Final = logging.getLogger("structgen.server")


@dataclass(kw_only=True)
class Server:
    """What a server needs."""

    engine: Engine
    """What answers."""
    places: Places
    """The turns at the engine."""
    names: Sequence[str] | None = None
    """Names of models that clients may ask for, all answered by the engine; None for Groq's."""
    any_model: bool = False
    """Whether every other name is answered too."""
    keys: Sequence[str] = field(default=(), repr=False)
    """Any of them lets a client in; without any, everyone is."""
    rate_limiter: RateLimiter
    """What bounds requests per day and tokens per minute."""
    max_tokens: int | None = None
    """Tokens of an answer, whatever is asked for."""
    max_body: int = MAX_BODY
    """Bytes of a request, unpacked."""
    metrics: Metrics = field(default_factory=Metrics)
    """What is counted."""
    models: ModelNames = field(init=False)
    """The names that are answered."""

    def __post_init__(self) -> None:
        own = (self.engine.model, "local")
        self.models = ModelNames(own, self.names, any_name=self.any_model)


def app(server: Server) -> Starlette:
    """Make the ASGI application of a server.

    Args:
        server: The server.
    """

    def route(
        path: str,
        endpoint: Callable[[Server, Request, str], Awaitable[Response]],
        *,
        method: str = "GET",
    ) -> Route:
        return Route(path, _answering(server, path, endpoint), methods=[method])

    routes = [
        Route("/health", lambda _: JSONResponse({"status": "ok", "model": server.engine.model})),
        route("/metrics", _metrics),
        *(route(f"{prefix}/models", _models) for prefix in _PREFIXES),
        *(route(f"{prefix}/models/{{name:path}}", _model) for prefix in _PREFIXES),
        *(route(f"{prefix}/chat/completions", _complete, method="POST") for prefix in _PREFIXES),
        route("/v1/decisions", partial(_decide, parse_decisions), method="POST"),
        route("/v1/systemone", partial(_decide, parse_system_one), method="POST"),
    ]
    return Starlette(
        routes=routes,
        exception_handlers={HTTPException: _no_route},
        lifespan=lambda _: _threads(server),
    )


@asynccontextmanager
async def _threads(server: Server) -> AsyncIterator[None]:
    """Give the event loop a thread for each answer under way, and four for other work."""
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(server.places.parallel + 4))
    yield


def _answering(
    server: Server, path: str, endpoint: Callable[[Server, Request, str], Awaitable[Response]]
) -> Callable[[Request], Awaitable[Response]]:
    """Wrap an endpoint: it checks the key, and turns errors into bodies."""

    async def answer(request: Request) -> Response:
        request_id = f"req_{secrets.token_hex(13)}"
        try:
            _let_in(server, request)
            response = await endpoint(server, request, request_id)
        except ClientDisconnect:
            response = Response(status_code=_LEFT)
        except Exception as error:
            response = _failed(error, request_id)
        response.headers["x-request-id"] = request_id
        server.metrics.add("requests", path=path, status=response.status_code)
        return response

    return answer


def _let_in(server: Server, request: Request) -> None:
    if server.keys and not _is_key(server.keys, request.headers.get("authorization", "")):
        raise AuthenticationError(
            "Invalid API Key", status_code=401, type=TYPE, code="invalid_api_key"
        )


def _is_key(keys: Sequence[str], header: str) -> bool:
    """Compare keys by digests, in constant time, so that not even a length shows."""
    kind, _, given = header.partition(" ")
    digest = hashlib.sha256(given.strip().encode("latin-1")).digest()
    found = [hmac.compare_digest(digest, hashlib.sha256(key.encode()).digest()) for key in keys]
    return any(found) and kind.lower() == "bearer"


def _failed(error: Exception, request_id: str) -> Response:
    shown = _client_error(error, request_id)
    response = JSONResponse(error_body(shown), shown.status_code or 500)
    if shown.retry_after is not None:
        response.headers["retry-after"] = f"{shown.retry_after:g}"
    return response


def _client_error(error: Exception, request_id: str) -> APIError:
    """Turn an error into the one that the client is shown.

    Of an unexpected error the log has its type and place, but no message: it may quote a document.
    """
    shown = as_api_error(error)
    if shown is not error and shown.status_code == 500:
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        where = f"{place.tb_frame.f_code.co_filename}:{place.tb_lineno}" if place else "?"
        _log.error("%s: %s at %s", request_id, type(error).__name__, where)
    return shown


async def _no_route(request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    headers = error.headers if isinstance(error, HTTPException) else None
    allowed = (headers or {}).get("Allow")
    asked = f"{request.method} {request.url.path}"
    message = f"Unknown request URL: {asked}. Please check the URL for typos."
    if allowed:
        message = f"Unknown request URL: {asked}. Ask this URL with {allowed}."
    return JSONResponse(
        error_body(NotFoundError(message, status_code=status, type=TYPE, code="unknown_url")),
        status,
        headers,
    )


# ---- models and metrics --------------------------------------------------------------------------


async def _metrics(server: Server, request: Request, request_id: str) -> Response:
    text = server.metrics.text(running=server.places.running, waiting=server.places.waiting)
    return PlainTextResponse(text, media_type="text/plain; version=0.0.4")


async def _models(server: Server, request: Request, request_id: str) -> Response:
    listed = [_described(server, name) for name in server.models.listed]
    return JSONResponse({"object": "list", "data": listed})


async def _model(server: Server, request: Request, request_id: str) -> Response:
    return JSONResponse(_described(server, server.models.check(request.path_params["name"])))


def _described(server: Server, name: str) -> dict[str, Any]:
    return describe_model(
        name,
        answered_by=server.engine.model,
        context=server.engine.context,
        max_tokens=server.max_tokens,
    )


# ---- chat completions ----------------------------------------------------------------------------


async def _complete(server: Server, request: Request, request_id: str) -> Response:
    body = await read_body(request, server.max_body)
    asked = parse_request(body, sees=server.engine.sees)
    server.models.check(asked.model)
    expected = estimate_tokens(asked.messages)
    server.rate_limiter.admit(asked.model, expected)
    asked = replace(asked, limit=min(filter(None, (asked.limit, server.max_tokens)), default=None))
    is_groq = request.url.path.startswith(_GROQ_PREFIX)
    tier = GROQ_TIER if is_groq else OPENAI_TIER
    return await _unless_gone(request, _answer(server, asked, request_id, expected, tier))


async def _answer(
    server: Server, asked: ServedRequest, request_id: str, expected: int, tier: str
) -> Response:
    """Answer at once, or open a stream.

    The first part is awaited, so that a refused request is an error and not a stream.
    """
    async with AsyncExitStack() as stack:
        queued = await stack.enter_async_context(server.places.place())
        server.metrics.add("queue_seconds", queued)
        parts = await stack.enter_async_context(aclosing(_counted(server, asked, expected)))
        body = reply_writer(request_id, asked, server.engine.model, queued, tier)
        if not asked.stream:
            whole = body.whole([part async for part in parts])
            return JSONResponse(whole, headers=server.rate_limiter.headers())
        first = await anext(parts)
        return _Stream(
            _events(body, first, parts, request_id), server.rate_limiter.headers(), stack.pop_all()
        )
    raise AssertionError  # the stack swallows nothing


async def _counted(
    server: Server, asked: ServedRequest, expected: int
) -> AsyncGenerator[Part, None]:
    """Count the tokens of an answer while its parts pass. The limits know `expected` already."""
    try:
        async with aclosing(answer_parts(server.engine, asked)) as parts:
            async for part in parts:
                if isinstance(part, End):
                    _count(server, part, expected)
                yield part
    except (asyncio.CancelledError, GeneratorExit):
        server.metrics.add("cancelled")
        raise


def _count(server: Server, end: End, expected: int) -> None:
    server.rate_limiter.settle(end.usage.total_tokens - expected)
    server.metrics.add("prompt_tokens", end.usage.prompt_tokens)
    server.metrics.add("cached_tokens", end.usage.cached_tokens)
    server.metrics.add("completion_tokens", end.usage.completion_tokens)
    server.metrics.add("prompt_seconds", end.prompt_seconds)
    server.metrics.add("completion_seconds", end.completion_seconds)


async def _events(
    body: ReplyWriter, first: Part, rest: AsyncIterator[Part], request_id: str
) -> AsyncIterator[bytes]:
    yield body.first(first)
    try:
        for event in body.events(first):
            yield event
        async for part in rest:
            for event in body.events(part):
                yield event
    except Exception as error:
        yield error_event(_client_error(error, request_id))


class _Stream(StreamingResponse):
    """A stream of events. It gives the turn back once they are sent or the client has left."""

    def __init__(
        self, events: AsyncIterator[bytes], headers: dict[str, str], held: AsyncExitStack
    ) -> None:
        super().__init__(
            events, media_type="text/event-stream", headers={**headers, "cache-control": "no-cache"}
        )
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._held:
            await super().__call__(scope, receive, send)


# ---- decisions -----------------------------------------------------------------------------------


async def _decide(
    parse: Callable[[bytes], DecisionRequest], server: Server, request: Request, request_id: str
) -> Response:
    asked = parse(await read_body(request, server.max_body))
    server.models.check(asked.model)
    expected = estimate_tokens([{"role": "user", "content": asked.text}])
    server.rate_limiter.admit(asked.model, expected)
    return await _unless_gone(request, _decided(server, asked, expected))


async def _decided(server: Server, asked: DecisionRequest, expected: int) -> Response:
    async with server.places.place() as queued:
        server.metrics.add("queue_seconds", queued)
        answers, usage = await decide_questions(server.engine, asked.text, asked.questions)
    server.rate_limiter.settle(usage.total_tokens - expected)
    server.metrics.add("prompt_tokens", usage.prompt_tokens)
    server.metrics.add("cached_tokens", usage.cached_tokens)
    server.metrics.add("completion_tokens", usage.completion_tokens)
    body = {"model": asked.model, **asked.write(answers, usage)}
    return JSONResponse(body, headers=server.rate_limiter.headers())


async def _unless_gone(request: Request, answer: Coroutine[Any, Any, Response]) -> Response:
    """Wait for the answer, and stop it if the client leaves."""
    task, gone = asyncio.create_task(answer), asyncio.create_task(_gone(request))
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else Response(status_code=_LEFT)
    finally:
        task.cancel()
        gone.cancel()
        await asyncio.wait({task, gone})


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
