"""The client for asyncio."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator, Iterable
from contextlib import aclosing
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

from typing_extensions import Self, TypeVar, Unpack

from structgen.chat.api import AsyncChat
from structgen.chat.models import AsyncModels
from structgen.client.base import BaseClient
from structgen.client.raw import AsyncRawExtractions
from structgen.extraction.stream_handles import AsyncStreaming
from structgen.flow.drive import aperform
from structgen.options import CallArgs, OptionArgs
from structgen.results import Extraction
from structgen.values import DocumentLike, JsonSchema

if TYPE_CHECKING:
    from typing_extensions import TypeForm

    from structgen.answer.partial import Partial
    from structgen.documents.options import DocumentArgs
    from structgen.documents.result import DocumentExtraction
    from structgen.extraction.probe import Probe
    from structgen.pipeline.mapping import MapArgs
    from structgen.pipeline.record import Item, Outcome
    from structgen.schema.target import Target

T = TypeVar("T", default=Any)


class AsyncClient(BaseClient):
    """`Client` for asyncio.

    A model in this process runs in a worker thread and does not block the event loop.
    """

    @overload
    async def extract(
        self, target: TypeForm[T], document: DocumentLike, **call: Unpack[CallArgs]
    ) -> T: ...
    @overload
    async def extract(
        self, target: Target[T] | JsonSchema, document: DocumentLike, **call: Unpack[CallArgs]
    ) -> T: ...
    async def extract(self, target: Any, document: DocumentLike, **call: Unpack[CallArgs]) -> Any:
        """Do as `Client.extract` does."""
        return (await self.extract_result(target, document, **call)).value

    @overload
    async def extract_result(
        self, target: TypeForm[T], document: DocumentLike, **call: Unpack[CallArgs]
    ) -> Extraction[T]: ...
    @overload
    async def extract_result(
        self, target: Target[T] | JsonSchema, document: DocumentLike, **call: Unpack[CallArgs]
    ) -> Extraction[T]: ...
    async def extract_result(
        self, target: Any, document: DocumentLike, **call: Unpack[CallArgs]
    ) -> Extraction[Any]:
        """Do as `Client.extract_result` does."""
        return await aperform(self.caller.extract(target, document, call))

    @overload
    def stream(
        self, target: TypeForm[T], document: DocumentLike, **call: Unpack[CallArgs]
    ) -> AsyncStreaming[Partial[T], T]: ...
    @overload
    def stream(
        self, target: Target[T] | JsonSchema, document: DocumentLike, **call: Unpack[CallArgs]
    ) -> AsyncStreaming[Partial[T], T]: ...
    def stream(
        self, target: Any, document: DocumentLike, **call: Unpack[CallArgs]
    ) -> AsyncStreaming[Partial[Any], Any]:
        """Do as `Client.stream` does, for `async for`."""
        return AsyncStreaming(self._partials(target, document, call))

    @overload
    def stream_items(
        self, target: TypeForm[list[T]], document: DocumentLike, **call: Unpack[CallArgs]
    ) -> AsyncStreaming[T, list[T]]: ...
    @overload
    def stream_items(
        self, target: TypeForm[T], document: DocumentLike, **call: Unpack[CallArgs]
    ) -> AsyncStreaming[T, list[T]]: ...
    @overload
    def stream_items(
        self, target: Target[T] | JsonSchema, document: DocumentLike, **call: Unpack[CallArgs]
    ) -> AsyncStreaming[Any, list[Any]]: ...
    def stream_items(
        self, target: Any, document: DocumentLike, **call: Unpack[CallArgs]
    ) -> AsyncStreaming[Any, list[Any]]:
        """Do as `Client.stream_items` does, for `async for`."""
        return AsyncStreaming(self._items(target, document, call))

    @overload
    async def extract_document(
        self, target: TypeForm[T], document: DocumentLike, **args: Unpack[DocumentArgs]
    ) -> DocumentExtraction[T]: ...
    @overload
    async def extract_document(
        self, target: Target[T] | JsonSchema, document: DocumentLike, **args: Unpack[DocumentArgs]
    ) -> DocumentExtraction[T]: ...
    async def extract_document(
        self, target: Any, document: DocumentLike, **args: Unpack[DocumentArgs]
    ) -> DocumentExtraction[Any]:
        """Do as `Client.extract_document` does."""
        return await aperform(self._document(target, document, args))

    @overload
    def map(
        self,
        target: TypeForm[T],
        documents: Iterable[DocumentLike | Item] | AsyncIterable[DocumentLike | Item],
        **args: Unpack[MapArgs],
    ) -> AsyncIterator[Outcome[T]]: ...
    @overload
    def map(
        self,
        target: Target[T] | JsonSchema,
        documents: Iterable[DocumentLike | Item] | AsyncIterable[DocumentLike | Item],
        **args: Unpack[MapArgs],
    ) -> AsyncIterator[Outcome[T]]: ...
    async def map(
        self, target: Any, documents: Any, **args: Unpack[MapArgs]
    ) -> AsyncIterator[Outcome[Any]]:
        """Do as `Client.map` does, for `async for`.

        The documents may come from an asynchronous iterable, too.
        """
        from structgen.pipeline.mapping import amap

        async with aclosing(amap(self.caller, target, documents, **args)) as outcomes:
            async for some in outcomes:
                for outcome in some:
                    yield outcome

    @cached_property
    def with_raw_response(self) -> AsyncRawExtractions:
        """`extract` and `extract_result`, which give the HTTP answer beside the result."""
        return AsyncRawExtractions(self.caller)

    @cached_property
    def models(self) -> AsyncModels:
        """The models that the server lists, as of `Client.models`."""
        link, _, options = self._link()
        return AsyncModels(link, options)

    @cached_property
    def chat(self) -> AsyncChat:
        """Chat Completions, as of `Client.chat`."""
        return AsyncChat(*self._link())

    async def probe(self, **options: Unpack[OptionArgs]) -> Probe:
        """Do as `Client.probe` does."""
        return await aperform(self._probing(options))

    async def close(self) -> None:
        """Do as `Client.close` does."""
        for backend in self._owned:
            await backend.port.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.close()
