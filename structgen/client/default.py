"""`extract`, `extract_result` and `plan` without a client of one's own."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import TYPE_CHECKING, Any, overload

from typing_extensions import TypeVar, Unpack

from structgen.client.base import LOCAL, MODEL_ENV
from structgen.client.blocking import Client
from structgen.options import CallArgs
from structgen.results import Extraction
from structgen.values import DocumentLike, JsonSchema

if TYPE_CHECKING:
    from typing_extensions import TypeForm

    from structgen.extraction.planned import Plan
    from structgen.schema.target import Target

T = TypeVar("T", default=Any)


@lru_cache(maxsize=1)
def _client_of(model: str) -> Client:
    return Client(model)


def _default() -> Client:
    """Give the one client of this process for the default model."""
    return _client_of(os.environ.get(MODEL_ENV) or LOCAL)


@overload
def extract(target: TypeForm[T], document: DocumentLike, **call: Unpack[CallArgs]) -> T: ...
@overload
def extract(
    target: Target[T] | JsonSchema, document: DocumentLike, **call: Unpack[CallArgs]
) -> T: ...
def extract(target: Any, document: DocumentLike, **call: Unpack[CallArgs]) -> Any:
    """Call `Client.extract` of the default client.

    Its model is the one that $STRUCTGEN_MODEL names, else the embedded one.

    Args:
        target: A type that Pydantic knows, a Target, or a JSON Schema (dict).
        document: A text, or the messages of a conversation.
        **call: What else the prompt holds, and options of this call; see `CallArgs`.

    Raises:
        StructgenError: If no valid value came; its subclasses say why.
    """
    return _default().extract(target, document, **call)


@overload
def extract_result(
    target: TypeForm[T], document: DocumentLike, **call: Unpack[CallArgs]
) -> Extraction[T]: ...
@overload
def extract_result(
    target: Target[T] | JsonSchema, document: DocumentLike, **call: Unpack[CallArgs]
) -> Extraction[T]: ...
def extract_result(
    target: Any, document: DocumentLike, **call: Unpack[CallArgs]
) -> Extraction[Any]:
    """Call `Client.extract_result` of the default client.

    Args:
        target: As for `extract`.
        document: As for `extract`.
        **call: As for `extract`.
    """
    return _default().extract_result(target, document, **call)


def plan(
    target: Any, document: DocumentLike, *, stream: bool = False, **call: Unpack[CallArgs]
) -> Plan:
    """Call `Client.plan` of the default client.

    Args:
        target: As for `extract`.
        document: As for `extract`.
        stream: Whether to plan for `stream` instead of `extract`.
        **call: As for `extract`.
    """
    return _default().plan(target, document, stream=stream, **call)
