"""Extractions that give the HTTP answer beside what was read out of it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, overload

from typing_extensions import TypeVar, Unpack

from structgen.extraction.backend import Backend
from structgen.extraction.caller import Caller
from structgen.flow.drive import aperform, perform
from structgen.options import CallArgs
from structgen.results import Extraction
from structgen.values import DocumentLike, JsonSchema
from structgen.wire.link import Link
from structgen.wire.raw import RawResponse, RecordingPort, ReplyLog

if TYPE_CHECKING:
    from typing_extensions import TypeForm

    from structgen.schema.target import Target

T = TypeVar("T", default=Any)


class RawExtractions:
    """`with_raw_response` of a Client: extractions with their HTTP answer."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    @overload
    def extract(
        self, target: TypeForm[T], document: DocumentLike, **call: Unpack[CallArgs]
    ) -> RawResponse[T]: ...
    @overload
    def extract(
        self, target: Target[T] | JsonSchema, document: DocumentLike, **call: Unpack[CallArgs]
    ) -> RawResponse[T]: ...
    def extract(
        self, target: Any, document: DocumentLike, **call: Unpack[CallArgs]
    ) -> RawResponse[Any]:
        """Do what `Client.extract` does, and give the last HTTP answer too.

        Args:
            target: As for `extract`.
            document: As for `extract`.
            **call: As for `extract`.

        Raises:
            StructgenError: If no valid value came; its subclasses say why.
            ConfigurationError: If a model in this process answered, without HTTP.
        """
        caller, log = _recorded(self._caller)
        result = perform(caller.extract(target, document, _uncached(call)))
        return log.response(result.value)

    @overload
    def extract_result(
        self, target: TypeForm[T], document: DocumentLike, **call: Unpack[CallArgs]
    ) -> RawResponse[Extraction[T]]: ...
    @overload
    def extract_result(
        self, target: Target[T] | JsonSchema, document: DocumentLike, **call: Unpack[CallArgs]
    ) -> RawResponse[Extraction[T]]: ...
    def extract_result(
        self, target: Any, document: DocumentLike, **call: Unpack[CallArgs]
    ) -> RawResponse[Extraction[Any]]:
        """Do what `Client.extract_result` does, and give the last HTTP answer too.

        Args:
            target: As for `extract`.
            document: As for `extract`.
            **call: As for `extract`.

        Raises:
            StructgenError: If no valid value came; its subclasses say why.
            ConfigurationError: If a model in this process answered, without HTTP.
        """
        caller, log = _recorded(self._caller)
        result = perform(caller.extract(target, document, _uncached(call)))
        return log.response(result)


class AsyncRawExtractions:
    """`with_raw_response` of an AsyncClient: extractions with their HTTP answer."""

    def __init__(self, caller: Caller) -> None:
        self._caller = caller

    @overload
    async def extract(
        self, target: TypeForm[T], document: DocumentLike, **call: Unpack[CallArgs]
    ) -> RawResponse[T]: ...
    @overload
    async def extract(
        self, target: Target[T] | JsonSchema, document: DocumentLike, **call: Unpack[CallArgs]
    ) -> RawResponse[T]: ...
    async def extract(
        self, target: Any, document: DocumentLike, **call: Unpack[CallArgs]
    ) -> RawResponse[Any]:
        """Do what `AsyncClient.extract` does, and give the last HTTP answer too.

        Args:
            target: As for `extract`.
            document: As for `extract`.
            **call: As for `extract`.

        Raises:
            StructgenError: If no valid value came; its subclasses say why.
            ConfigurationError: If a model in this process answered, without HTTP.
        """
        caller, log = _recorded(self._caller)
        result = await aperform(caller.extract(target, document, _uncached(call)))
        return log.response(result.value)

    @overload
    async def extract_result(
        self, target: TypeForm[T], document: DocumentLike, **call: Unpack[CallArgs]
    ) -> RawResponse[Extraction[T]]: ...
    @overload
    async def extract_result(
        self, target: Target[T] | JsonSchema, document: DocumentLike, **call: Unpack[CallArgs]
    ) -> RawResponse[Extraction[T]]: ...
    async def extract_result(
        self, target: Any, document: DocumentLike, **call: Unpack[CallArgs]
    ) -> RawResponse[Extraction[Any]]:
        """Do what `AsyncClient.extract_result` does, and give the last HTTP answer too.

        Args:
            target: As for `extract`.
            document: As for `extract`.
            **call: As for `extract`.

        Raises:
            StructgenError: If no valid value came; its subclasses say why.
            ConfigurationError: If a model in this process answered, without HTTP.
        """
        caller, log = _recorded(self._caller)
        result = await aperform(caller.extract(target, document, _uncached(call)))
        return log.response(result)


def _uncached(call: CallArgs) -> CallArgs:
    """The arguments of a call that gets an HTTP answer: a cache has none."""
    return {**call, "cache": None}


def _recorded(caller: Caller) -> tuple[Caller, ReplyLog]:
    """The same caller over ports that keep the HTTP answers, and where they are."""
    log = ReplyLog()

    def recorded(backend: Backend) -> Backend:
        if not isinstance(backend.via, Link):
            return backend
        return replace(backend, via=replace(backend.via, port=RecordingPort(backend.via.port, log)))

    cascade = caller.cascade and caller.cascade.mapped(recorded)
    backends = tuple(map(recorded, caller.backends))
    return replace(caller, backends=backends, cascade=cascade), log
