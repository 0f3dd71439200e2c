"""Client and AsyncClient: defaults, one backend, and the flows driven over it."""

from __future__ import annotations

import os
from collections.abc import AsyncIterable, AsyncIterator, Iterable, Iterator, Sequence
from contextlib import aclosing
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any, Final, overload

from typing_extensions import Self, TypeVar, Unpack

from structgen.chat.api import AsyncChat, Chat
from structgen.errors import ConfigurationError
from structgen.extraction.backends import engine_backend, http_backend, is_local, local_backend
from structgen.extraction.caller import Caller
from structgen.extraction.stream_handles import AsyncStreaming, Streaming
from structgen.flow.drive import aperform, perform
from structgen.options import CallArgs, OptionArgs, Options, options_of
from structgen.results import Extraction, Plan
from structgen.values import Document, JsonSchema
from structgen.wire.link import Link

if TYPE_CHECKING:
    from typing_extensions import TypeForm

    from structgen.answer.partial import Partial
    from structgen.documents.extract import DocumentArgs, DocumentExtraction
    from structgen.extraction.backend import Backend
    from structgen.flow.ports import EnginePort, HttpPort
    from structgen.flow.steps import Flow
    from structgen.forms.session import Form, FormArgs
    from structgen.pipeline.mapping import MapArgs
    from structgen.pipeline.record import Item, Outcome
    from structgen.schema.target import Target
    from structgen.wire.dialect import Capabilities
    from structgen.wire.prices import Price
    from structgen.wire.rate_limits import RateLimits
    from structgen.wire.telemetry import Hook

T = TypeVar("T", default=Any)

DEFAULTS: Final = Options(max_retries=2, max_reasks=1)


class _BaseClient:
    """What both clients share: which backend, which defaults, and the flow of a call."""

    def __init__(
        self,
        model: str | EnginePort | None = None,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        capabilities: Sequence[Capabilities] = (),
        prices: Sequence[Price] = (),
        rate_limits: RateLimits | None = None,
        hooks: Sequence[Hook] = (),
        http_client: Any = None,
        http2: bool = False,
        max_connections: int = 512,
        transport: HttpPort | None = None,
        fallback: Sequence[_BaseClient] = (),
        **options: Unpack[OptionArgs],
    ) -> None:
        """`model`: "provider:model" ("groq:openai/gpt-oss-20b"), "local", "local:NAME", a .gguf file, any name with `base_url`, or
        an engine of your own.

        Without one, $STRUCTGEN_MODEL, else "local". `api_key` and `base_url` default to the provider's environment variables.
        `capabilities` and `prices`: rows of your own, before the built-in ones. `rate_limits`: what the key may use; the server's
        headers are heeded in any case. `hooks`: given a CallRecord after each try. `http_client`: your own httpx client, with
        its proxies and certificates. `http2`, `max_connections`: of the client's own connections. `transport`: performs the HTTP
        steps instead of them (`structgen.testing`). `fallback`: clients to ask, in order, where this one's backend fails; each
        keeps its own connections. The options are the defaults of every call.

        Raises ConfigurationError; a local model is loaded on the first call.
        """
        spec = model or os.environ.get("STRUCTGEN_MODEL") or "local"
        if not isinstance(spec, str):
            own = engine_backend(spec)
        elif base_url is None and is_local(spec):
            own = local_backend(spec)
        else:
            own = http_backend(
                spec,
                base_url=base_url,
                api_key=api_key,
                rows=capabilities,
                prices=prices,
                rate_limits=rate_limits,
                hooks=hooks,
                http_client=http_client,
                http2=http2,
                max_connections=max_connections,
                port=transport,
            )
        backends = (own, *(backend for client in fallback for backend in client.caller.backends))
        self.caller: Final[Caller] = Caller(backends, options_of(options).over(DEFAULTS))

    @property
    def _own(self) -> Backend:
        """The backend whose connections or model this client owns; those of `fallback` belong to their clients."""
        return self.caller.backends[0]

    def _link(self) -> tuple[Link, str | None, Options]:
        """What the chat surface needs. Raises ConfigurationError for a model in this process."""
        backend = self._own
        if not isinstance(backend.via, Link):
            raise ConfigurationError(
                f"{backend.name} is no server: it has no chat.",
                hint="Use `extract`, or a client of a server.",
            )
        return backend.via, backend.model or None, self.caller.options

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._own.name!r})"

    def plan(
        self, target: Any, document: Document, *, stream: bool = False, **call: Unpack[CallArgs]
    ) -> Plan:
        """What `extract`, or `stream`, would ask first, without asking it."""
        from structgen.extraction.extract import plan

        return plan(self._own, self.caller.question(target, document, call, stream=stream))

    def _partials(self, target: Any, document: Document, call: CallArgs) -> Flow[Extraction[Any]]:
        from structgen.extraction.stream import stream

        return stream(
            self.caller.backends, self.caller.question(target, document, call, stream=True)
        )

    def _items(
        self, target: Any, document: Document, call: CallArgs
    ) -> Flow[Extraction[list[Any]]]:
        from structgen.extraction.stream import items_target, stream_items

        question = self.caller.question(items_target(target), document, call, stream=True)
        return stream_items(self.caller.backends, question)

    def _document_flow(
        self, target: Any, document: str, args: DocumentArgs
    ) -> Flow[DocumentExtraction[Any]]:
        from structgen.documents.extract import Slicing, extract_document

        slicing: Any = {name: args[name] for name in args if name in Slicing.__annotations__}  # type: ignore[literal-required]
        call: Any = {name: args[name] for name in args if name not in slicing}  # type: ignore[literal-required]
        return extract_document(
            self.caller.backends, self.caller.question(target, document, call), slicing
        )

    @overload
    def form(self, target: TypeForm[T], **form: Unpack[FormArgs]) -> Form[T]: ...
    @overload
    def form(self, target: Target[T] | JsonSchema, **form: Unpack[FormArgs]) -> Form[T]: ...
    def form(self, target: Any, **form: Unpack[FormArgs]) -> Form[Any]:
        """An empty form of `target`, which this client's model fills in. `form`: see `Form`. Raises TargetError, SchemaError."""
        from structgen.forms.session import Form

        return Form(target, client=self, **form)


class Client(_BaseClient):
    """Typed records from texts, blocking. Safe to share between threads; close it, or use it as a context manager.

    >>> client = Client("groq:openai/gpt-oss-20b")     # doctest: +SKIP
    >>> client.extract(Person, "Ada is 36.")           # doctest: +SKIP
    Person(name='Ada', age=36)
    """

    @overload
    def extract(self, target: TypeForm[T], document: Document, **call: Unpack[CallArgs]) -> T: ...
    @overload
    def extract(
        self, target: Target[T] | JsonSchema, document: Document, **call: Unpack[CallArgs]
    ) -> T: ...
    def extract(self, target: Any, document: Document, **call: Unpack[CallArgs]) -> Any:
        """The value of `target` that the document states.

        `target`: a type Pydantic knows, a Target, or a JSON Schema (dict). `document`: a text, or the messages of a conversation.
        `call`: see `CallArgs` and `Options`. Raises a StructgenError for anything else than a valid value.
        """
        return self.extract_result(target, document, **call).value

    @overload
    def extract_result(
        self, target: TypeForm[T], document: Document, **call: Unpack[CallArgs]
    ) -> Extraction[T]: ...
    @overload
    def extract_result(
        self, target: Target[T] | JsonSchema, document: Document, **call: Unpack[CallArgs]
    ) -> Extraction[T]: ...
    def extract_result(
        self, target: Any, document: Document, **call: Unpack[CallArgs]
    ) -> Extraction[Any]:
        """As `extract`, with everything known about the value: what held it, which fields were absent, every attempt."""
        return perform(self.caller.extract(target, document, call))

    @overload
    def stream(
        self, target: TypeForm[T], document: Document, **call: Unpack[CallArgs]
    ) -> Streaming[Partial[T], T]: ...
    @overload
    def stream(
        self, target: Target[T] | JsonSchema, document: Document, **call: Unpack[CallArgs]
    ) -> Streaming[Partial[T], T]: ...
    def stream(
        self, target: Any, document: Document, **call: Unpack[CallArgs]
    ) -> Streaming[Partial[Any], Any]:
        """Partials of the value, one for each piece of the answer; the last one is done, and its value what `extract` returns.

        Raises what `extract` raises, behind the partials; a Partial of a later `attempt` begins anew.
        """
        return Streaming(self._partials(target, document, call))

    @overload
    def stream_items(
        self, target: TypeForm[list[T]], document: Document, **call: Unpack[CallArgs]
    ) -> Streaming[T, list[T]]: ...
    @overload
    def stream_items(
        self, target: TypeForm[T], document: Document, **call: Unpack[CallArgs]
    ) -> Streaming[T, list[T]]: ...
    @overload
    def stream_items(
        self, target: Target[T] | JsonSchema, document: Document, **call: Unpack[CallArgs]
    ) -> Streaming[Any, list[Any]]: ...
    def stream_items(
        self, target: Any, document: Document, **call: Unpack[CallArgs]
    ) -> Streaming[Any, list[Any]]:
        """The items of a list, each when it closes, validated. `target`: a list type, or the type of its items.

        Items that are not valid are left out and raised at the end, as InvalidOutputError; Truncated comes behind the items that were
        whole.
        """
        return Streaming(self._items(target, document, call))

    @overload
    def extract_document(
        self, target: TypeForm[T], document: str, **args: Unpack[DocumentArgs]
    ) -> DocumentExtraction[T]: ...
    @overload
    def extract_document(
        self, target: Target[T] | JsonSchema, document: str, **args: Unpack[DocumentArgs]
    ) -> DocumentExtraction[T]: ...
    def extract_document(
        self, target: Any, document: str, **args: Unpack[DocumentArgs]
    ) -> DocumentExtraction[Any]:
        """The value that a long text states: asked for chunk by chunk, and merged.

        Each chunk's outcome is in the result, and so are the conflicts between them; a chunk that fails stops no other. `args`: see
        `Slicing` and `CallArgs`. Raises the first chunk's error where all failed, and InvalidDocumentError where the chunks' parts make
        no value of `target` together.
        """
        return perform(self._document_flow(target, document, args))

    @overload
    def map(
        self, target: TypeForm[T], documents: Iterable[Document | Item], **args: Unpack[MapArgs]
    ) -> Iterator[Outcome[T]]: ...
    @overload
    def map(
        self,
        target: Target[T] | JsonSchema,
        documents: Iterable[Document | Item],
        **args: Unpack[MapArgs],
    ) -> Iterator[Outcome[T]]: ...
    def map(
        self, target: Any, documents: Iterable[Document | Item], **args: Unpack[MapArgs]
    ) -> Iterator[Outcome[Any]]:
        """One Outcome for each input, in order or as they come; many are asked about at a time, few are held in memory.

        `documents`: texts or conversations, or Items with keys; read in another thread, a little ahead. One that fails stops no other: its outcome
        has the error. `args`: see `MapArgs` and `CallArgs`. Raises JobStoppedError behind the outcomes where `limits` ended it early.
        """
        from structgen.pipeline.mapping import amap, map_threaded

        return map_threaded(lambda: amap(self.caller, target, documents, **args))

    @cached_property
    def chat(self) -> Chat:
        """`client.chat.completions.create(...)`: Chat Completions as the Groq and OpenAI SDKs have it."""
        return Chat(*self._link())

    def close(self) -> None:
        """Close the connections; unload the model, where no other client uses it. The client cannot be used afterwards."""
        self._own.port.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


class AsyncClient(_BaseClient):
    """The same as `Client`, for asyncio. An in-process engine runs in a worker thread and never blocks the event loop."""

    @overload
    async def extract(
        self, target: TypeForm[T], document: Document, **call: Unpack[CallArgs]
    ) -> T: ...
    @overload
    async def extract(
        self, target: Target[T] | JsonSchema, document: Document, **call: Unpack[CallArgs]
    ) -> T: ...
    async def extract(self, target: Any, document: Document, **call: Unpack[CallArgs]) -> Any:
        """As `Client.extract`."""
        return (await self.extract_result(target, document, **call)).value

    @overload
    async def extract_result(
        self, target: TypeForm[T], document: Document, **call: Unpack[CallArgs]
    ) -> Extraction[T]: ...
    @overload
    async def extract_result(
        self, target: Target[T] | JsonSchema, document: Document, **call: Unpack[CallArgs]
    ) -> Extraction[T]: ...
    async def extract_result(
        self, target: Any, document: Document, **call: Unpack[CallArgs]
    ) -> Extraction[Any]:
        """As `Client.extract_result`."""
        return await aperform(self.caller.extract(target, document, call))

    @overload
    def stream(
        self, target: TypeForm[T], document: Document, **call: Unpack[CallArgs]
    ) -> AsyncStreaming[Partial[T], T]: ...
    @overload
    def stream(
        self, target: Target[T] | JsonSchema, document: Document, **call: Unpack[CallArgs]
    ) -> AsyncStreaming[Partial[T], T]: ...
    def stream(
        self, target: Any, document: Document, **call: Unpack[CallArgs]
    ) -> AsyncStreaming[Partial[Any], Any]:
        """As `Client.stream`, for `async for`."""
        return AsyncStreaming(self._partials(target, document, call))

    @overload
    def stream_items(
        self, target: TypeForm[list[T]], document: Document, **call: Unpack[CallArgs]
    ) -> AsyncStreaming[T, list[T]]: ...
    @overload
    def stream_items(
        self, target: TypeForm[T], document: Document, **call: Unpack[CallArgs]
    ) -> AsyncStreaming[T, list[T]]: ...
    @overload
    def stream_items(
        self, target: Target[T] | JsonSchema, document: Document, **call: Unpack[CallArgs]
    ) -> AsyncStreaming[Any, list[Any]]: ...
    def stream_items(
        self, target: Any, document: Document, **call: Unpack[CallArgs]
    ) -> AsyncStreaming[Any, list[Any]]:
        """As `Client.stream_items`, for `async for`."""
        return AsyncStreaming(self._items(target, document, call))

    @overload
    async def extract_document(
        self, target: TypeForm[T], document: str, **args: Unpack[DocumentArgs]
    ) -> DocumentExtraction[T]: ...
    @overload
    async def extract_document(
        self, target: Target[T] | JsonSchema, document: str, **args: Unpack[DocumentArgs]
    ) -> DocumentExtraction[T]: ...
    async def extract_document(
        self, target: Any, document: str, **args: Unpack[DocumentArgs]
    ) -> DocumentExtraction[Any]:
        """As `Client.extract_document`."""
        return await aperform(self._document_flow(target, document, args))

    @overload
    def map(
        self,
        target: TypeForm[T],
        documents: Iterable[Document | Item] | AsyncIterable[Document | Item],
        **args: Unpack[MapArgs],
    ) -> AsyncIterator[Outcome[T]]: ...
    @overload
    def map(
        self,
        target: Target[T] | JsonSchema,
        documents: Iterable[Document | Item] | AsyncIterable[Document | Item],
        **args: Unpack[MapArgs],
    ) -> AsyncIterator[Outcome[T]]: ...
    async def map(
        self, target: Any, documents: Any, **args: Unpack[MapArgs]
    ) -> AsyncIterator[Outcome[Any]]:
        """As `Client.map`, for `async for`; the documents may come from an asynchronous iterable, too."""
        from structgen.pipeline.mapping import amap

        async with aclosing(amap(self.caller, target, documents, **args)) as outcomes:
            async for some in outcomes:
                for outcome in some:
                    yield outcome

    @cached_property
    def chat(self) -> AsyncChat:
        """As `Client.chat`."""
        return AsyncChat(*self._link())

    async def close(self) -> None:
        """As `Client.close`."""
        await self._own.port.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()


# ---- without a client of one's own ----------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _client_for(model: str) -> Client:
    return Client(model)


def _default() -> Client:
    """One client for the process, for the model that $STRUCTGEN_MODEL names; "local" where it names none."""
    return _client_for(os.environ.get("STRUCTGEN_MODEL") or "local")


@overload
def extract(target: TypeForm[T], document: Document, **call: Unpack[CallArgs]) -> T: ...
@overload
def extract(target: Target[T] | JsonSchema, document: Document, **call: Unpack[CallArgs]) -> T: ...
def extract(target: Any, document: Document, **call: Unpack[CallArgs]) -> Any:
    """`Client.extract` on the default client: the model that $STRUCTGEN_MODEL names, else the embedded one."""
    return _default().extract(target, document, **call)


@overload
def extract_result(
    target: TypeForm[T], document: Document, **call: Unpack[CallArgs]
) -> Extraction[T]: ...
@overload
def extract_result(
    target: Target[T] | JsonSchema, document: Document, **call: Unpack[CallArgs]
) -> Extraction[T]: ...
def extract_result(target: Any, document: Document, **call: Unpack[CallArgs]) -> Extraction[Any]:
    """`Client.extract_result` on the default client."""
    return _default().extract_result(target, document, **call)


def plan(
    target: Any, document: Document, *, stream: bool = False, **call: Unpack[CallArgs]
) -> Plan:
    """`Client.plan` on the default client."""
    return _default().plan(target, document, stream=stream, **call)
