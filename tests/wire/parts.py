"""What the tests of the wire share: a way to a server, and flows driven both ways."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

from structgen.chat.api import AsyncChat, Chat
from structgen.errors import StructgenError
from structgen.flow.drive import aperform, perform
from structgen.flow.ports import HttpPort
from structgen.flow.steps import Flow
from structgen.options import Options
from structgen.values import Answer, Request
from structgen.wire.dialect import Capabilities, ChatRequest, Delta
from structgen.wire.exchange import exchange, exchange_stream
from structgen.wire.http.client import HttpTransport
from structgen.wire.link import Link
from structgen.wire.providers import capabilities
from structgen.wire.retry import Policy

DOCUMENT = "The heron stood in the reeds at dawn, and nobody saw it leave."
"""A text that must not stand in any message, repr or log."""

SCHEMA = (
    b'{"type":"object","properties":{"city":{"type":"string"}},'
    b'"required":["city"],"additionalProperties":false}'
)

FAST = Policy(initial=0.001, max_wait=0.002)
"""Retries that do not keep a test waiting."""


def link(port: HttpPort | str, provider: str = "vllm", model: str = "m", **members: Any) -> Link:
    """The way to a server: a port, or a base URL."""
    if isinstance(port, str):
        port = HttpTransport(port)
    return Link(port=port, caps=capabilities(provider, model), **{"policy": FAST, **members})


def chat_request(text: str = DOCUMENT, **members: Any) -> ChatRequest:
    return ChatRequest(**{"model": "m", "messages": [{"role": "user", "content": text}], **members})


def options(**members: Any) -> Options:
    return Options(**{"timeout": 5.0, "max_retries": 2, **members})


def chat(port: HttpPort | str, provider: str = "vllm", **members: Any) -> Chat:
    return Chat(link(port, provider), "m", options(**members))


def achat(port: HttpPort | str, provider: str = "vllm", **members: Any) -> AsyncChat:
    return AsyncChat(link(port, provider), "m", options(**members))


def streamed(way: Link, question: ChatRequest, opts: Options) -> Flow[list[Delta]]:
    """All deltas of a streamed answer."""
    found: list[Delta] = []

    def take(delta: Delta) -> tuple[()]:
        found.append(delta)
        return ()

    yield from exchange_stream(way, question, opts, take)
    return found


def text_of(deltas: list[Delta]) -> str:
    return "".join(delta.text or "" for delta in deltas)


def outcome(run: Callable[[], Any]) -> Any:
    """The result, or the typed error as something that can be compared."""
    try:
        return run()
    except StructgenError as error:
        return type(error), error.message


def both(make: Callable[[], Flow[Any]]) -> Any:
    """What a flow comes to, driven on a thread; checked to be the same on an event loop."""
    sync, on_loop = outcome(lambda: perform(make())), outcome(lambda: asyncio.run(aperform(make())))
    assert sync == on_loop or repr(sync) == repr(on_loop)  # a server's NaN does not equal itself
    return sync


def answered(way: Link, question: ChatRequest | None = None, opts: Options | None = None) -> Answer:
    return perform(exchange(way, question or chat_request(), opts or options()))


def body(request: Request) -> Any:
    return json.loads(request.body)


def built(question: ChatRequest, provider: str | Capabilities = "vllm", model: str = "m") -> Any:
    """The request's members as this provider would get them."""
    caps = capabilities(provider, model) if isinstance(provider, str) else provider
    return body(caps.dialect.build(question, caps))
