"""`client.chat.completions.create(...)`: Chat Completions as the Groq and OpenAI SDKs have it.

Only what the caller sets is sent. A parameter that the server refuses or would silently ignore is
an error before anything is sent.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, overload

from typing_extensions import Self, Unpack

from structgen.chat.completion import ChatCompletion, ChatCompletionChunk
from structgen.chat.params import Params
from structgen.errors import ConfigurationError
from structgen.flow.drive import aperform, aperform_stream, perform, perform_stream
from structgen.flow.steps import Flow
from structgen.options import UNSET, Options
from structgen.values import Answer, Message
from structgen.wire.dialect import ChatRequest, Delta
from structgen.wire.exchange import exchange, exchange_stream
from structgen.wire.link import Link
from structgen.wire.providers import capabilities

_CALL_SETTINGS = frozenset({"timeout", "total_timeout", "max_retries"})
"""Parameters that steer a call and are not sent."""
_ENVELOPE = frozenset({"extra_body", "extra_headers", "extra_query"})
"""Parameters that hold further members of the body, headers and parameters of the query."""
_NAMES = frozenset(Params.__annotations__)


@dataclass(frozen=True, slots=True)
class Defaults:
    """The settings that all chat calls of a client share."""

    link: Link
    """The way to the server."""
    model: str | None
    """The model of calls that name none."""
    options: Options
    """The client's options, below those of a call."""

    @classmethod
    def of(cls, link: Link, model: str | None, options: Options) -> Self:
        """Make the defaults of a client.

        A chat call tries again after an output that the server itself rejected: there is nothing
        above it that could recover what the model wrote.

        Args:
            link: The way to the server.
            model: The model of calls that name none.
            options: The client's options.
        """
        policy = replace(link.policy, rejected=True)
        return cls(replace(link, policy=policy), model, options)

    def prepare(
        self, messages: Sequence[Message], model: str | None, stream: bool, params: Params
    ) -> tuple[Link, ChatRequest, Options]:
        """Turn the arguments of a call into a request, the way to its server, and its options.

        Args:
            messages: The conversation.
            model: The model of this call; None for the client's.
            stream: Whether to stream the answer.
            params: The other arguments of `create`.

        Raises:
            ConfigurationError: If there is no such parameter, or no model is named.
        """
        if unknown := sorted(params.keys() - _NAMES):
            raise ConfigurationError(
                f"There is no parameter {unknown[0]!r}.",
                hint="Check its name. To send a parameter of the server's own, use `extra_body`.",
            )
        model = model or self.model
        if not model:
            raise ConfigurationError(
                "No model is named.", hint="Give `model` to this call or to the client."
            )
        apart = _CALL_SETTINGS | _ENVELOPE
        sent = {name: value for name, value in params.items() if name not in apart}
        chat_request = ChatRequest(
            model=model,
            messages=messages,
            options=self.options,
            members=sent,
            extra_body=params.get("extra_body") or {},
            headers=params.get("extra_headers") or {},
            query=params.get("extra_query") or {},
            stream=stream,
        )
        return self._link_for(model), chat_request, self._options_for(params)

    def _link_for(self, model: str) -> Link:
        if model == self.model:
            return self.link
        caps = capabilities(self.link.caps.provider, model, self.link.rows)
        return replace(self.link, caps=caps)

    def _options_for(self, params: Params) -> Options:
        changes: dict[str, Any] = {
            name: value for name, value in params.items() if name in _CALL_SETTINGS
        }
        return replace(self.options, **changes) if changes else self.options


def _complete(link: Link, chat_request: ChatRequest, options: Options) -> Flow[Answer]:
    """Ask for a whole answer."""
    return exchange(link, chat_request, options, _ends_at(options))


def _stream_chunks(link: Link, chat_request: ChatRequest, options: Options) -> Flow[None]:
    """Ask for a streamed answer, and emit its parsed events."""
    return exchange_stream(link, chat_request, options, _raw_event, _ends_at(options))


def _raw_event(delta: Delta) -> tuple[Any, ...]:
    return () if delta.raw is None else (delta.raw,)


def _ends_at(options: Options) -> float | None:
    if options.total_timeout is UNSET or options.total_timeout is None:
        return None
    return time.monotonic() + options.total_timeout


# ---- sync ----------------------------------------------------------------------------


class Stream(Iterator[ChatCompletionChunk]):
    """The chunks of a streamed answer, as they come.

    Leaving its `with` block stops the stream. Iterating raises TransportErrors and APIErrors; what
    is wrong with the request is raised by `create`.
    """

    def __init__(self, events: Generator[Any, None, None]) -> None:
        self._events = events
        self._first = next(events, None)  # so that `create` raises what is wrong with the request

    def __next__(self) -> ChatCompletionChunk:
        if self._first is not None:
            raw, self._first = self._first, None
        else:
            raw = next(self._events)
        return ChatCompletionChunk(raw)

    def close(self) -> None:
        """Stop the stream and close its connection. Iterating afterwards yields nothing."""
        self._events.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class Completions:
    """`client.chat.completions`: the endpoint that answers conversations."""

    def __init__(self, defaults: Defaults) -> None:
        self._defaults = defaults

    @overload
    def create(
        self,
        *,
        messages: Sequence[Message],
        model: str | None = None,
        stream: Literal[False] | None = None,
        **params: Unpack[Params],
    ) -> ChatCompletion: ...

    @overload
    def create(
        self,
        *,
        messages: Sequence[Message],
        model: str | None = None,
        stream: Literal[True],
        **params: Unpack[Params],
    ) -> Stream: ...

    @overload
    def create(
        self,
        *,
        messages: Sequence[Message],
        model: str | None = None,
        stream: bool | None = None,
        **params: Unpack[Params],
    ) -> ChatCompletion | Stream: ...

    def create(
        self,
        *,
        messages: Sequence[Message],
        model: str | None = None,
        stream: bool | None = None,
        **params: Unpack[Params],
    ) -> ChatCompletion | Stream:
        """Let a model answer a conversation.

        Args:
            messages: The conversation: plain dicts, or messages of earlier answers.
            model: The model's name; by default the client's.
            stream: Whether to return the answer in chunks, as it is written.
            **params: The other parameters, as `Params` lists them.

        Returns:
            A ChatCompletion, or with `stream=True` a Stream of its chunks.

        Raises:
            ConfigurationError: If the server does not take something; nothing has been sent.
            InputError: If the messages or parameters are not plain JSON data.
            TransportError: If no answer came, after all tries.
            APIError: If the server answered with an error, after all tries.
        """
        call = self._defaults.prepare(messages, model, bool(stream), params)
        if stream:
            return Stream(perform_stream(_stream_chunks(*call)))
        return ChatCompletion(perform(_complete(*call)).raw)


class Chat:
    """`client.chat`: the Chat Completions surface of a client."""

    def __init__(self, link: Link, model: str | None, options: Options) -> None:
        self.completions = Completions(Defaults.of(link, model, options))


# ---- async ---------------------------------------------------------------------------


class AsyncStream(AsyncIterator[ChatCompletionChunk]):
    """The chunks of a streamed answer, as `Stream`, for `async for` and `async with`."""

    def __init__(self, events: AsyncGenerator[Any, None], first: Any) -> None:
        self._events = events
        self._first = first

    async def __anext__(self) -> ChatCompletionChunk:
        if self._first is not None:
            raw, self._first = self._first, None
        else:
            raw = await self._events.__anext__()
        return ChatCompletionChunk(raw)

    async def close(self) -> None:
        """Stop the stream and close its connection. Iterating afterwards yields nothing."""
        await self._events.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()


class AsyncCompletions:
    """`client.chat.completions` of an AsyncClient, with awaitable calls."""

    def __init__(self, defaults: Defaults) -> None:
        self._defaults = defaults

    @overload
    async def create(
        self,
        *,
        messages: Sequence[Message],
        model: str | None = None,
        stream: Literal[False] | None = None,
        **params: Unpack[Params],
    ) -> ChatCompletion: ...

    @overload
    async def create(
        self,
        *,
        messages: Sequence[Message],
        model: str | None = None,
        stream: Literal[True],
        **params: Unpack[Params],
    ) -> AsyncStream: ...

    @overload
    async def create(
        self,
        *,
        messages: Sequence[Message],
        model: str | None = None,
        stream: bool | None = None,
        **params: Unpack[Params],
    ) -> ChatCompletion | AsyncStream: ...

    async def create(
        self,
        *,
        messages: Sequence[Message],
        model: str | None = None,
        stream: bool | None = None,
        **params: Unpack[Params],
    ) -> ChatCompletion | AsyncStream:
        """Let a model answer a conversation, as `Completions.create` does.

        Args:
            messages: The conversation: plain dicts, or messages of earlier answers.
            model: The model's name; by default the client's.
            stream: Whether to return the answer in chunks, as it is written.
            **params: The other parameters, as `Params` lists them.

        Returns:
            A ChatCompletion, or with `stream=True` an AsyncStream of its chunks.

        Raises:
            ConfigurationError: If the server does not take something; nothing has been sent.
            InputError: If the messages or parameters are not plain JSON data.
            TransportError: If no answer came, after all tries.
            APIError: If the server answered with an error, after all tries.
        """
        call = self._defaults.prepare(messages, model, bool(stream), params)
        if stream:
            events = aperform_stream(_stream_chunks(*call))
            return AsyncStream(events, await anext(events, None))
        return ChatCompletion((await aperform(_complete(*call))).raw)


class AsyncChat:
    """`client.chat` of an AsyncClient: the Chat Completions surface."""

    def __init__(self, link: Link, model: str | None, options: Options) -> None:
        self.completions = AsyncCompletions(Defaults.of(link, model, options))
