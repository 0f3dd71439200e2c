"""Chat calls that give the HTTP answer beside what was read out of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, overload

from typing_extensions import Unpack

from structgen.chat.completion import ChatCompletion
from structgen.chat.defaults import Defaults, complete, stream_chunks
from structgen.chat.params import Params
from structgen.chat.streams import AsyncStream, Stream
from structgen.flow.drive import aperform, aperform_stream, perform, perform_stream
from structgen.values import Message
from structgen.wire.raw import RawResponse


class RawCompletions:
    """`client.chat.completions.with_raw_response`."""

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
    ) -> RawResponse[ChatCompletion]: ...

    @overload
    def create(
        self,
        *,
        messages: Sequence[Message],
        model: str | None = None,
        stream: Literal[True],
        **params: Unpack[Params],
    ) -> RawResponse[Stream]: ...

    def create(
        self,
        *,
        messages: Sequence[Message],
        model: str | None = None,
        stream: bool | None = None,
        **params: Unpack[Params],
    ) -> RawResponse[Any]:
        """Do what `Completions.create` does, and give its HTTP answer too.

        Args:
            messages: The conversation.
            model: The model's name; by default the client's.
            stream: Whether to return the answer in chunks, as it is written.
            **params: The other parameters, as `Params` lists them.

        Returns:
            Status, headers and request id, with the result as `result` and `parse()`.
        """
        defaults, log = self._defaults.recorded()
        call = defaults.prepare(messages, model, bool(stream), params)
        if stream:
            return log.response(Stream(perform_stream(stream_chunks(*call))))
        return log.response(ChatCompletion(perform(complete(*call)).raw))


class AsyncRawCompletions:
    """`client.chat.completions.with_raw_response` of an AsyncClient."""

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
    ) -> RawResponse[ChatCompletion]: ...

    @overload
    async def create(
        self,
        *,
        messages: Sequence[Message],
        model: str | None = None,
        stream: Literal[True],
        **params: Unpack[Params],
    ) -> RawResponse[AsyncStream]: ...

    async def create(
        self,
        *,
        messages: Sequence[Message],
        model: str | None = None,
        stream: bool | None = None,
        **params: Unpack[Params],
    ) -> RawResponse[Any]:
        """Do what `AsyncCompletions.create` does, and give its HTTP answer too.

        Args:
            messages: The conversation.
            model: The model's name; by default the client's.
            stream: Whether to return the answer in chunks, as it is written.
            **params: The other parameters, as `Params` lists them.

        Returns:
            Status, headers and request id, with the result as `result` and `parse()`.
        """
        defaults, log = self._defaults.recorded()
        call = defaults.prepare(messages, model, bool(stream), params)
        if stream:
            events = aperform_stream(stream_chunks(*call))
            return log.response(AsyncStream(events, await anext(events, None)))
        return log.response(ChatCompletion((await aperform(complete(*call))).raw))
