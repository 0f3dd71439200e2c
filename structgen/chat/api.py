"""`client.chat.completions.create(...)`: Chat Completions as the Groq and OpenAI SDKs have it, over any backend's dialect.

Only what the caller sets is sent. A parameter this server refuses or would silently ignore is an error before sending.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, AsyncIterator, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypedDict, overload

from typing_extensions import Self, Unpack

from structgen.chat.completion import ChatCompletion, ChatCompletionChunk
from structgen.errors import ConfigurationError
from structgen.flow.drive import aperform, aperform_stream, perform, perform_stream
from structgen.flow.steps import Flow
from structgen.options import UNSET, Options
from structgen.values import Answer, Message
from structgen.wire.dialect import Ask
from structgen.wire.exchange import Link, exchange, hear
from structgen.wire.providers import capabilities


class Params(TypedDict, total=False):
    """The parameters of a call besides `messages`, `model` and `stream`; None is sent as null, what is left out is not sent.

    `timeout` (seconds for one try), `total_timeout` (seconds for the call, waits included) and `max_retries` steer the call and are not
    sent. `extra_body` adds members to the request, `extra_headers` and `extra_query` to its headers and query.
    """

    temperature: float | None
    top_p: float | None
    max_completion_tokens: int | None
    max_tokens: int | None
    stop: str | Sequence[str] | None
    seed: int | None
    n: int | None
    response_format: Mapping[str, Any] | None
    tools: Sequence[Mapping[str, Any]] | None
    tool_choice: str | Mapping[str, Any] | None
    parallel_tool_calls: bool | None
    disable_tool_validation: bool | None
    functions: Sequence[Mapping[str, Any]] | None
    function_call: str | Mapping[str, Any] | None
    reasoning_effort: str | None
    reasoning_format: str | None
    include_reasoning: bool | None
    service_tier: str | None
    user: str | None
    stream_options: Mapping[str, Any] | None
    frequency_penalty: float | None
    presence_penalty: float | None
    logit_bias: Mapping[str, int] | None
    logprobs: bool | None
    top_logprobs: int | None
    metadata: Mapping[str, str] | None
    store: bool | None
    citation_options: str | None
    documents: Sequence[Mapping[str, Any]] | None
    search_settings: Mapping[str, Any] | None
    include_domains: Sequence[str] | None
    exclude_domains: Sequence[str] | None
    compound_custom: Mapping[str, Any] | None
    modalities: Sequence[str] | None
    prediction: Mapping[str, Any] | None
    verbosity: str | None
    web_search_options: Mapping[str, Any] | None
    prompt_cache_key: str | None
    prompt_cache_options: Mapping[str, Any] | None
    prompt_cache_retention: str | None
    audio: Mapping[str, Any] | None
    moderation: Mapping[str, Any] | None
    safety_identifier: str | None
    extra_body: Mapping[str, Any] | None
    extra_headers: Mapping[str, str] | None
    extra_query: Mapping[str, Any] | None
    timeout: float | None
    total_timeout: float | None
    max_retries: int


_STEERING = (
    "timeout",
    "total_timeout",
    "max_retries",
    "extra_body",
    "extra_headers",
    "extra_query",
)
_NAMES = frozenset(Params.__annotations__)


@dataclass(frozen=True, slots=True)
class Defaults:
    """What the calls of a client share: the way to the server, its default model, its options.

    An output that the server itself rejected is asked for again here, like any failure that may pass: nobody below recovers from
    it.
    """

    link: Link
    model: str | None
    options: Options

    @classmethod
    def of(cls, link: Link, model: str | None, options: Options) -> Self:
        return cls(replace(link, policy=replace(link.policy, rejected=True)), model, options)

    def ask(
        self, messages: Sequence[Message], model: str | None, stream: bool, params: Params
    ) -> tuple[Link, Ask, Options]:
        """A call's question and options. Raises ConfigurationError for an unknown parameter or a missing model."""
        if unknown := sorted(params.keys() - _NAMES):
            raise ConfigurationError(
                f"There is no parameter {unknown[0]!r}.", hint="Send it through `extra_body`."
            )
        model = model or self.model
        if not model:
            raise ConfigurationError(
                "No model is named.", hint="Give `model`, here or to the client."
            )
        given: dict[str, Any] = dict(params)
        steering = {name: given.pop(name) for name in _STEERING if name in given}
        question = Ask(
            model=model,
            messages=messages,
            options=self.options,
            members={**given, **(steering.get("extra_body") or {})},
            headers=steering.get("extra_headers") or {},
            query=steering.get("extra_query") or {},
            stream=stream,
        )
        caps = (
            self.link.caps
            if model == self.model
            else capabilities(self.link.caps.provider, model, self.link.rows)
        )
        link = self.link if caps is self.link.caps else replace(self.link, caps=caps)
        return link, question, self._options(steering)

    def _options(self, steering: Mapping[str, Any]) -> Options:
        changes = {
            name: steering[name]
            for name in ("timeout", "total_timeout", "max_retries")
            if name in steering
        }
        return replace(self.options, **changes) if changes else self.options


def whole(link: Link, question: Ask, options: Options) -> Flow[Answer]:
    """A whole answer."""
    return exchange(link, question, options, _ends_at(options))


def chunks(link: Link, question: Ask, options: Options) -> Flow[None]:
    """Emits the parsed events of a streamed answer."""
    return hear(
        link,
        question,
        options,
        lambda delta: () if delta.raw is None else (delta.raw,),
        _ends_at(options),
    )


def _ends_at(options: Options) -> float | None:
    return (
        None
        if options.total_timeout is UNSET or options.total_timeout is None
        else time.monotonic() + options.total_timeout
    )


# ---- sync -----------------------------------------------------------------------------------------------------------------


class Stream(Iterator[ChatCompletionChunk]):
    """The chunks of a streamed answer, as they come; a context manager that ends it. Raises TransportErrors and APIErrors."""

    def __init__(self, events: Generator[Any, None, None]) -> None:
        self._events = events
        self._first = next(
            events, None
        )  # so that what is wrong with the request is raised by `create`

    def __next__(self) -> ChatCompletionChunk:
        if self._first is not None:
            raw, self._first = self._first, None
        else:
            raw = next(self._events)
        return ChatCompletionChunk(raw)

    def close(self) -> None:
        """End the answer; its connection is closed."""
        self._events.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class Completions:
    """`client.chat.completions`."""

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
        """Let a model answer a conversation: a ChatCompletion, or with `stream=True` a Stream of its chunks.

        Raises ConfigurationError before anything is sent; TransportErrors and APIErrors.
        """
        question = self._defaults.ask(messages, model, bool(stream), params)
        if stream:
            return Stream(perform_stream(chunks(*question)))
        return ChatCompletion(perform(whole(*question)).raw)


class Chat:
    """`client.chat`."""

    def __init__(self, link: Link, model: str | None, options: Options) -> None:
        self.completions = Completions(Defaults.of(link, model, options))


# ---- async ----------------------------------------------------------------------------------------------------------------


class AsyncStream(AsyncIterator[ChatCompletionChunk]):
    """As `Stream`, for `async for` and `async with`."""

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
        """End the answer; its connection is closed."""
        await self._events.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()


class AsyncCompletions:
    """`client.chat.completions` of an AsyncClient."""

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
        """As `Completions.create`: awaited, it gives a ChatCompletion, or with `stream=True` an AsyncStream of its chunks."""
        question = self._defaults.ask(messages, model, bool(stream), params)
        if stream:
            events = aperform_stream(chunks(*question))
            return AsyncStream(events, await anext(events, None))
        return ChatCompletion((await aperform(whole(*question))).raw)


class AsyncChat:
    """`client.chat` of an AsyncClient."""

    def __init__(self, link: Link, model: str | None, options: Options) -> None:
        self.completions = AsyncCompletions(Defaults.of(link, model, options))
