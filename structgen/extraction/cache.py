"""The cache of a client: results of earlier calls, for calls that ask the same.

A result is kept before its confidence is calibrated and judged, since a calibration may change. Its
value is checked again when it is found. If the target refuses it now, the model is asked again.
A call that asks for a fresh draw, with a `temperature` above 0 and no `seed`, passes the cache by.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from hashlib import sha256
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, from_json, to_json, to_jsonable_python

from structgen.errors import Attempt, InvalidOutputError, StructgenError
from structgen.extraction.backend import Backend
from structgen.extraction.cache_file import CacheFile
from structgen.extraction.fingerprint import asked_of_all
from structgen.extraction.question import Question
from structgen.flow.steps import Flow
from structgen.options import UNSET, Options
from structgen.reading.document import Document
from structgen.reading.layout import Box
from structgen.results import Extraction, LeafEvidence, answering
from structgen.schema.check import validate
from structgen.schema.target import Target
from structgen.values import Json, Usage
from structgen.wire.link import Link

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
        extracting: Asks. It does not start if the cache has the result.

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
    body = _body(result, question.target)
    if body is not None:
        file.keep(key, body)
    return result


def _cache_of(options: Options) -> CacheFile | None:
    """The cache of a call; None if it has none, or asks for a fresh draw."""
    path, temperature, seed = options.cache, options.temperature, options.seed
    if path is UNSET or path is None:
        return None
    if options.extra_body is not UNSET:
        temperature = options.extra_body.get("temperature", temperature)
        seed = options.extra_body.get("seed", seed)
    is_draw = isinstance(temperature, int | float) and temperature > 0 and seed is UNSET
    return None if is_draw else _open(os.path.abspath(os.path.expanduser(path)))


@lru_cache(maxsize=64)
def _open(path: str) -> CacheFile:
    """The file at an absolute path, looked at once."""
    return CacheFile(Path(path))


def _key(backends: Sequence[Backend], question: Question[Any]) -> bytes | None:
    """The hash of everything that the result depends on.

    It is None if the question cannot be asked, which the call will say, or if the context of the
    validators cannot be told from another one.
    """
    document = question.document
    layout = document.layout.digest if isinstance(document, Document) else ""
    offset = document.offset if isinstance(document, Document) else 0
    try:
        places = [_place_of(backend) for backend in backends]
        asked = asked_of_all(backends, question)
    except (StructgenError, OSError):
        return None
    try:
        context = json.dumps(question.target.context, default=_told)
    except (PydanticSerializationError, TypeError, ValueError) as error:
        _LOG.warning("`validation_context` is no plain data, so the cache is not used: %s", error)
        return None
    schema = question.target.schema
    hung_on = [_version(), places, schema, document, layout, offset, asked, context]
    # The order of members matters: a model writes the fields in the order of the schema.
    return sha256(json.dumps(hung_on, default=repr).encode()).digest()


@lru_cache(maxsize=1)
def _version() -> str:
    """The version that is installed: another one may read an answer in another way."""
    try:
        return version("structgen")
    except PackageNotFoundError:
        return ""


def _told(value: Any) -> Json:
    """A part of a context that JSON has no form of; raise if it cannot be told from another."""
    if isinstance(value, set | frozenset):
        return sorted(json.dumps(one, default=_told) for one in value)
    return to_jsonable_python(value)


def _place_of(backend: Backend) -> list[Any]:
    """The server or the files that tell a model from another one of its name."""
    via = backend.via
    if isinstance(via, Link):
        return [via.address]
    files = map(os.stat, getattr(via, "own_files", ()))
    return [via.name, *((file.st_size, file.st_mtime_ns) for file in files)]


# ---- a result as text, and back -----------------------------------------------------------------


@lru_cache(maxsize=1)
def _adapter() -> TypeAdapter[Extraction[Json]]:
    return TypeAdapter(Extraction[Json])


def _body(result: Extraction[Any], target: Target[Any]) -> bytes | None:
    """A result as JSON; None if its value has no form that reads back as itself."""
    try:
        kept = _adapter().dump_python(result, mode="json", exclude=set(_NOT_KEPT))
        answered = [one.to_dict() for one in answering(result.attempts)]
        value = target.dump(result.value, set_only=True)
        return to_json({**kept, "value": value, "answered": answered})
    except (StructgenError, ValueError) as error:
        _LOG.warning("A result cannot be kept in the cache: %s", error)
        return None


def _result(body: bytes, question: Question[T]) -> Extraction[T] | None:
    """The result that was kept; None if the target refuses its value now."""
    try:
        data = from_json(body)
        attempts = tuple(_attempt(one) for one in data.pop("answered"))
        value = validate(question.target, data["value"])
        known: Extraction[Any] = _adapter().validate_python({**data, "target": question.target})
    except (InvalidOutputError, ValidationError, ValueError, LookupError, TypeError) as error:
        _LOG.info("A result of the cache is no longer valid (%s)", type(error).__name__)
        return None
    return replace(
        known,
        value=value,
        leaf_evidence=_with_boxes(known.leaf_evidence),
        attempts=attempts,
        cost=0.0,
        cached=True,
    )


def _with_boxes(evidence: Mapping[str, LeafEvidence]) -> dict[str, LeafEvidence]:
    """Evidence whose boxes are such again: JSON has them as lists of numbers."""
    return {
        path: replace(one, boxes=tuple(Box(*box) for box in one.boxes))
        for path, one in evidence.items()
    }


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
