"""`client.chat.completions.create(...)`: Chat Completions as the Groq and OpenAI SDKs have it.

Only what the caller sets is sent. A parameter that the server refuses or would silently ignore is
an error before anything is sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Literal, overload

from typing_extensions import Unpack

from structgen.chat.completion import ChatCompletion
from structgen.chat.defaults import Defaults, complete, stream_chunks
from structgen.chat.params import Params
from structgen.chat.raw import AsyncRawCompletions, RawCompletions
from structgen.chat.streams import AsyncStream, Stream
from structgen.flow.drive import aperform, aperform_stream, perform, perform_stream
from structgen.options import Options
from structgen.values import Message
from structgen.wire.link import Link

# ---- sync ----------------------------------------------------------------------------


class Completions:
    """`client.chat.completions`: the endpoint that answers conversations."""

    def __init__(self, defaults: Defaults) -> None:
        self._defaults = defaults

    @cached_property
    def with_raw_response(self) -> RawCompletions:
        """The same calls, which give the HTTP answer beside the result."""
        return RawCompletions(self._defaults)

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
            return Stream(perform_stream(stream_chunks(*call)))
        return ChatCompletion(perform(complete(*call)).raw)


class Chat:
    """`client.chat`: the Chat Completions surface of a client."""

    def __init__(self, link: Link, model: str | None, options: Options) -> None:
        self.completions = Completions(Defaults.of(link, model, options))


# ---- async ---------------------------------------------------------------------------


class AsyncCompletions:
    """`client.chat.completions` of an AsyncClient, with awaitable calls."""

    def __init__(self, defaults: Defaults) -> None:
        self._defaults = defaults

    @cached_property
    def with_raw_response(self) -> AsyncRawCompletions:
        """The same calls, which give the HTTP answer beside the result."""
        return AsyncRawCompletions(self._defaults)

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
            events = aperform_stream(stream_chunks(*call))
            return AsyncStream(events, await anext(events, None))
        return ChatCompletion((await aperform(complete(*call))).raw)


class AsyncChat:
    """`client.chat` of an AsyncClient: the Chat Completions surface."""

    def __init__(self, link: Link, model: str | None, options: Options) -> None:
        self.completions = AsyncCompletions(Defaults.of(link, model, options))
