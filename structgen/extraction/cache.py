"""The cache of a client: results of earlier calls, for calls that ask the same.

A result is kept before its confidence is calibrated and judged, since a calibration may change. Its
value is checked again when it is found, so that what the target refuses by now is asked for anew.
A call that asks for a fresh draw, with a `temperature` above 0 and no `seed`, passes the cache by.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import from_json, to_json

from structgen.errors import Attempt, InvalidOutputError, StructgenError
from structgen.extraction.backend import Backend
from structgen.extraction.cache_file import CacheFile
from structgen.extraction.fingerprint import asked_of_all, digest_of
from structgen.extraction.question import Question
from structgen.flow.steps import Flow
from structgen.options import UNSET, Options
from structgen.results import Extraction
from structgen.schema.check import validate
from structgen.values import Json, Usage

T = TypeVar("T")

_LOG: Final = logging.getLogger("structgen.cache")
_NOT_KEPT: Final = frozenset({"value", "target", "attempts", "usage", "cost", "seconds", "cached"})
"""The members of a result that are written in another way, or are about its first call alone."""


def through_cache(
    backends: Sequence[Backend], question: Question[T], extracting: Flow[Extraction[T]]
) -> Flow[Extraction[T]]:
    """The result that the cache has, else the one that a flow gives, which is then kept.

    Args:
        backends: Who would be asked, in order.
        question: What is asked.
        extracting: Asks. It is not begun if the cache has the result.

    Raises:
        StructgenError: What `extracting` raises; it is not kept.
        ConfigurationError: If the file is no cache.
    """
    file = _cache_of(question.options)
    key = None if file is None else _key(backends, question)
    if file is None or key is None:
        return (yield from extracting)
    known = file.find(key)
    found = None if known is None else _result(known, question)
    if found is not None:
        extracting.close()
        return found
    result = yield from extracting
    body = _body(result)
    if body is not None:
        file.keep(key, body)
    return result


def _cache_of(options: Options) -> CacheFile | None:
    """The cache of a call; None if it has none, or asks for a fresh draw."""
    path, temperature = options.cache, options.temperature
    if path is UNSET or path is None:
        return None
    is_draw = temperature is not UNSET and temperature > 0 and options.seed is UNSET
    return None if is_draw else _open(os.path.abspath(path))


@lru_cache(maxsize=64)
def _open(path: str) -> CacheFile:
    """The file at an absolute path, looked at once."""
    return CacheFile(Path(path))


def _key(backends: Sequence[Backend], question: Question[Any]) -> bytes | None:
    """The hash of everything that is asked; None if it cannot be asked, which the call will say."""
    try:
        asked = asked_of_all(backends, question)
    except StructgenError:
        return None
    return digest_of([question.target.schema, question.document, *asked])


# ---- a result as text, and back -----------------------------------------------------------------


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[Extraction[Json]]:
    return TypeAdapter(Extraction[Json])


def _body(result: Extraction[Any]) -> bytes | None:
    """A result as JSON; None if its value has no form that reads back as itself."""
    try:
        kept = _adapter().dump_python(result, mode="json", exclude=set(_NOT_KEPT))
        answered = [one.to_dict() for one in result.attempts if one.error is None]
        return to_json({**kept, "value": result.target.dump(result.value), "answered": answered})
    except (StructgenError, ValueError) as error:
        _LOG.warning("A result cannot be kept in the cache: %s", error)
        return None


def _result(body: bytes, question: Question[T]) -> Extraction[T] | None:
    """The result that was kept; None if the target refuses its value by now."""
    try:
        data = from_json(body)
        attempts = tuple(_attempt(one) for one in data.pop("answered"))
        value = validate(question.target, data["value"])
        known: Any = _adapter().validate_python({**data, "target": question.target})
    except (InvalidOutputError, ValidationError, ValueError, LookupError, TypeError) as error:
        _LOG.info("A result of the cache is not valid by now (%s)", type(error).__name__)
        return None
    result: Extraction[T] = replace(known, value=value, attempts=attempts, cost=0.0, cached=True)
    return result


def _attempt(data: Any) -> Attempt:
    """The question that was answered, which costs nothing now."""
    return Attempt(
        backend=data["backend"],
        mode=data["mode"],
        text=data["text"],
        finish_reason=data["finish_reason"],
        usage=Usage(),
        cost=0.0,
    )
