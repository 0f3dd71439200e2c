"""The client for threads."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, overload

from typing_extensions import Self, TypeVar, Unpack

from structgen.chat.api import Chat
from structgen.chat.models import Models
from structgen.client.base import BaseClient
from structgen.client.raw import RawExtractions
from structgen.extraction.stream_handles import Streaming
from structgen.flow.drive import perform
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


class Client(BaseClient):
    """Typed records from documents. Blocks; for asyncio there is `AsyncClient`.

    Safe to share between threads. Close it, or use it as a context manager.

    >>> client = Client("groq:openai/gpt-oss-20b")     # doctest: +SKIP
    >>> client.extract(Person, "Ada is 36.")           # doctest: +SKIP
    Person(name='Ada', age=36)
    """

    @overload
    def extract(
        self, target: TypeForm[T], document: DocumentLike, **call: Unpack[CallArgs]
    ) -> T: ...
    @overload
    def extract(
        self, target: Target[T] | JsonSchema, document: DocumentLike, **call: Unpack[CallArgs]
    ) -> T: ...
    def extract(self, target: Any, document: DocumentLike, **call: Unpack[CallArgs]) -> Any:
        """Give the value of `target` that the document states.

        Args:
            target: A type that Pydantic knows, a Target, or a JSON Schema (dict).
            document: A text, or the messages of a conversation.
            **call: What else the prompt holds, and options of this call; see `CallArgs`.

        Raises:
            StructgenError: If no valid value came; its subclasses say why.
        """
        return self.extract_result(target, document, **call).value

    @overload
    def extract_result(
        self, target: TypeForm[T], document: DocumentLike, **call: Unpack[CallArgs]
    ) -> Extraction[T]: ...
    @overload
    def extract_result(
        self, target: Target[T] | JsonSchema, document: DocumentLike, **call: Unpack[CallArgs]
    ) -> Extraction[T]: ...
    def extract_result(
        self, target: Any, document: DocumentLike, **call: Unpack[CallArgs]
    ) -> Extraction[Any]:
        """Extract, and tell everything known about the value.

        The result says what held the value, which fields were absent, and what each attempt wrote.

        Args:
            target: As for `extract`.
            document: As for `extract`.
            **call: As for `extract`.
        """
        return perform(self.caller.extract(target, document, call))

    @overload
    def stream(
        self, target: TypeForm[T], document: DocumentLike, **call: Unpack[CallArgs]
    ) -> Streaming[Partial[T], T]: ...
    @overload
    def stream(
        self, target: Target[T] | JsonSchema, document: DocumentLike, **call: Unpack[CallArgs]
    ) -> Streaming[Partial[T], T]: ...
    def stream(
        self, target: Any, document: DocumentLike, **call: Unpack[CallArgs]
    ) -> Streaming[Partial[Any], Any]:
        """Iterate over partial values, one for each piece of the answer.

        The last one is done, and its value is what `extract` returns. A Partial of a later
        `attempt` begins anew. Iterating raises what `extract` raises, after the partials.

        Args:
            target: As for `extract`.
            document: As for `extract`.
            **call: As for `extract`.
        """
        return Streaming(self._partials(target, document, call))

    @overload
    def stream_items(
        self, target: TypeForm[list[T]], document: DocumentLike, **call: Unpack[CallArgs]
    ) -> Streaming[T, list[T]]: ...
    @overload
    def stream_items(
        self, target: TypeForm[T], document: DocumentLike, **call: Unpack[CallArgs]
    ) -> Streaming[T, list[T]]: ...
    @overload
    def stream_items(
        self, target: Target[T] | JsonSchema, document: DocumentLike, **call: Unpack[CallArgs]
    ) -> Streaming[Any, list[Any]]: ...
    def stream_items(
        self, target: Any, document: DocumentLike, **call: Unpack[CallArgs]
    ) -> Streaming[Any, list[Any]]:
        """Iterate over the items of a list, each validated as soon as it is complete.

        Args:
            target: A list type, or the type of its items.
            document: As for `extract`.
            **call: As for `extract`.

        Raises:
            InvalidOutputError: After the valid items, if others are not valid.
            Truncated: After the complete items, if the answer was cut.
        """
        return Streaming(self._items(target, document, call))

    @overload
    def extract_document(
        self, target: TypeForm[T], document: DocumentLike, **args: Unpack[DocumentArgs]
    ) -> DocumentExtraction[T]: ...
    @overload
    def extract_document(
        self, target: Target[T] | JsonSchema, document: DocumentLike, **args: Unpack[DocumentArgs]
    ) -> DocumentExtraction[T]: ...
    def extract_document(
        self, target: Any, document: DocumentLike, **args: Unpack[DocumentArgs]
    ) -> DocumentExtraction[Any]:
        """Extract from a long text: ask about each chunk, and merge what the chunks state.

        The result holds the outcome of each chunk and the conflicts between them. A chunk that
        fails does not stop the others.

        Args:
            target: As for `extract`.
            document: A text, a Document that `read` gave, or the path of a file.
            **args: How to cut and merge, and what `extract` takes; see `DocumentArgs`.

        Raises:
            StructgenError: If every chunk failed: the error of the first one.
            InvalidDocumentError: If what the chunks state makes no value of `target` together.
        """
        return perform(self._document(target, document, args))

    @overload
    def map(
        self, target: TypeForm[T], documents: Iterable[DocumentLike | Item], **args: Unpack[MapArgs]
    ) -> Iterator[Outcome[T]]: ...
    @overload
    def map(
        self,
        target: Target[T] | JsonSchema,
        documents: Iterable[DocumentLike | Item],
        **args: Unpack[MapArgs],
    ) -> Iterator[Outcome[T]]: ...
    def map(
        self, target: Any, documents: Iterable[DocumentLike | Item], **args: Unpack[MapArgs]
    ) -> Iterator[Outcome[Any]]:
        """Extract from many documents at a time, with one Outcome for each.

        A document that fails does not stop the others: its outcome has the error. Few documents
        are held in memory.

        Args:
            target: As for `extract`.
            documents: Texts or conversations, or Items with keys; or a table of pandas, polars or
                pyarrow with a column `text`. They are read in another thread, a little ahead.
            **args: Order, concurrency and limits, and what `extract` takes; see `MapArgs`.

        Raises:
            InputError: If `documents` is one text, or nothing to iterate.
            JobStoppedError: After the outcomes, if `limits` ended it early.
        """
        from structgen.pipeline.inputs.given import checked_inputs
        from structgen.pipeline.mapping import amap, map_threaded

        checked = checked_inputs(documents)
        return map_threaded(lambda: amap(self.caller, target, checked, **args))

    @cached_property
    def with_raw_response(self) -> RawExtractions:
        """`extract` and `extract_result`, which give the HTTP answer beside the result."""
        return RawExtractions(self.caller)

    @cached_property
    def models(self) -> Models:
        """The models that the server lists: `models.list()` and `models.retrieve(name)`."""
        link, _, options = self._link()
        return Models(link, options)

    @cached_property
    def chat(self) -> Chat:
        """Chat Completions as the Groq and OpenAI SDKs have it: `chat.completions.create(...)`."""
        return Chat(*self._link())

    def probe(self, **options: Unpack[OptionArgs]) -> Probe:
        """Ask the server which schema keywords it takes and which it enforces, in short questions.

        `Probe.save` keeps what was found, so that later calls heed it.

        Args:
            **options: Options of the questions, such as `timeout`.

        Raises:
            ConfigurationError: If this client's model is on no server.
            APIError: If the server answers with an error that is about something else.
        """
        return perform(self._probing(options))

    def close(self) -> None:
        """Close the connections, or unload the model if no other client uses it.

        The client cannot be used afterwards.
        """
        for backend in self._owned:
            backend.port.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
