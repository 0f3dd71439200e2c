"""One input, one outcome, and the sink that outcomes are written to.

A source is any iterable of `Item`s; if it is iterated again, it gives the same items again
(`open_source` opens one by its name). A sink takes outcomes in the order of the inputs
(`open_sink` opens one).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from hashlib import blake2b
from typing import Any, Final, Generic, Protocol, TypeVar

from structgen import errors
from structgen.documents.result import DocumentExtraction
from structgen.errors import Attempt, StructgenError
from structgen.results import MEMBERS, Extraction
from structgen.schema.check import validate
from structgen.schema.target import Target
from structgen.values import Json, TextOrMessages, Usage, Violation, shorten

T = TypeVar("T")

COLUMNS: Final = (
    "key",
    "value",
    "error",
    "meta",
    "absent",
    "shortened",
    "removed",
    "copied",
    "evidence",
    "leaf_evidence",
    "confidence",
    "record_confidence",
    "confidence_by",
    "raw_confidence",
    "alternatives",
    "pressure",
    "accepted",
    "to_review",
    "answered_by",
    "escalations",
    "guarantee",
    "reviewed",
    "conflicts",
    "failed_chunks",
    "gaps",
)
"""The members of a row. A row always has all of them."""

_SHOWN: Final = ("type", "message", "hint", "violations", "text")
"""The members of an error that a row shows, as far as the error has them."""
_VIOLATIONS: Final = 10
"""Violations of an error that are kept."""
_TEXT: Final = 2_000
"""Characters that are kept of the answer that an error is about."""

_RESULT_COLUMNS: Final = tuple(name for name in COLUMNS if name in MEMBERS)


@dataclass(frozen=True, slots=True)
class Item:
    """One input."""

    key: str
    """Its name, unique and the same in every run: an id, or source and position."""
    document: TextOrMessages = field(repr=False)
    """A text, or the messages of a conversation."""
    meta: Mapping[str, Json] = field(default_factory=dict, repr=False)
    """Further data to copy from the source to the output, as plain JSON data."""
    error: StructgenError | None = None
    """Why it could not be read, if so. It becomes the outcome; nothing is asked."""

    @property
    def document_hash(self) -> str:
        """Tells which document it has; see `document_hash`."""
        return document_hash(self.document)


def hash_of(run: str, document: TextOrMessages) -> bytes:
    """Give 16 bytes that tell documents apart.

    Args:
        run: What else is to make a difference.
        document: The document.
    """
    text = document if isinstance(document, str) else "\0" + json.dumps(document, sort_keys=True)
    return blake2b(f"{run}\n{text}".encode("utf-8", "surrogatepass"), digest_size=16).digest()


def document_hash(document: TextOrMessages) -> str:
    """Give 32 characters that tell documents apart, whatever is asked about them.

    Args:
        document: The document. That of an input that could not be read is empty.

    Returns:
        The characters; "" for an empty document.
    """
    return hash_of("", document).hex() if document else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(Generic[T]):
    """The outcome of one input: a value, or the error that says why there is none."""

    key: str
    """The key of the input."""
    target: Target[T] = field(repr=False)
    """The target of the job."""
    meta: Mapping[str, Json] = field(default_factory=dict, repr=False)
    """The `meta` of the input."""
    document_hash: str = field(default="", repr=False)
    """Tells which document it is about; "" if that is not known."""
    error: StructgenError | None = None
    """Why there is no value; None if there is one."""
    result: Extraction[T] | DocumentExtraction[T] | None = field(default=None, repr=False)
    """Everything known about the value, if it was extracted in this run; of a document in chunks
    also what came of each of them."""
    stored: Mapping[str, Json] | None = field(default=None, repr=False)
    """The outcome as plain JSON data, if it has a journal."""
    tries: int = 0
    """How many questions were asked."""
    usage: Usage = Usage()
    """The tokens of all questions."""
    cost: float | None = None
    """US dollars; None if no price is known."""
    seconds: float = 0.0
    """The time spent on it, waits included."""
    chunks: int = 0
    """Questions about chunks that it was made from; 0 if it was asked about as a whole."""
    failed_chunks: int = 0
    """Those of them that failed. The value lacks what their chunks state."""

    @property
    def ok(self) -> bool:
        """Whether there is a value."""
        return self.error is None

    @property
    def value(self) -> T:
        """The value. Raises the error if there is none."""
        if self.error is not None:
            raise self.error
        if self.result is not None:
            return self.result.value
        return validate(self.target, self.record()["value"])

    @property
    def accepted(self) -> bool | None:
        """Whether the record keeps the promise of `accept`; None without a promise or a value."""
        if isinstance(self.result, Extraction):
            return self.result.accepted
        return None if self.stored is None else self.stored.get("accepted")

    @property
    def reviewed(self) -> str | None:
        """What a reviewer decided about the record, or why that does not go for it any more; None
        if nobody has reviewed it."""
        return None if self.stored is None else self.stored.get("reviewed")

    @property
    def was_held_back(self) -> bool:
        """Whether the limits of a job kept a model of its cascade from being asked."""
        escalations = self.record().get("escalations") or ()
        return any(one.get("held_back") for one in escalations)

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """Every try that was made in this run, with its raw text."""
        ended = self.error if self.result is None else self.result
        return ended.attempts if ended is not None else ()

    def record(self) -> Mapping[str, Json]:
        """Give what came out, as plain JSON data: the part of a row that equal inputs share."""
        if self.stored is not None:
            return self.stored
        return record_of(self.result, self.error)

    def row(self) -> dict[str, Json]:
        """Give the outcome as plain JSON data, with the members `COLUMNS`.

        It is the same whenever and however often it was asked for. `error` is None, or an object
        with `type`, `message` and `hint`; of an invalid answer also with `violations`, the
        first ones (`path`, `schema_path`, `found` and `wanted`), and `text`, how the answer begins.
        """
        record = self.record()
        row: dict[str, Json] = {name: record.get(name) for name in COLUMNS}
        row |= {"key": self.key, "meta": dict(self.meta)}
        if error := row["error"]:
            row["error"] = {name: error[name] for name in _SHOWN if name in error}
        return row


class Sink(Protocol):
    """Where a job writes its outcomes. None is visible before `close`, and none after `abort`."""

    def write(self, rows: Sequence[Outcome[Any]]) -> None:
        """Take the next outcomes, in the order of the inputs."""

    def close(self) -> None:
        """Make everything that was written visible."""

    def abort(self) -> None:
        """Discard everything that was written. Called after any method failed."""


def record_of(
    result: Extraction[Any] | DocumentExtraction[Any] | None, error: StructgenError | None
) -> dict[str, Json]:
    """Give a result, else an error, as plain JSON data."""
    if isinstance(result, DocumentExtraction):
        failed = [
            {"start": one.chunk.start, "end": one.chunk.end, "error": _shown(one.error)}
            for one in result.failures
        ]
        of_chunks = result.to_dict("conflicts", "gaps")
        return {**result.to_dict(*_RESULT_COLUMNS), **of_chunks, "failed_chunks": failed}
    if result is not None:
        return result.to_dict(*_RESULT_COLUMNS)
    return {"error": error_to_data(error) if error else None}


def _shown(error: StructgenError | None) -> Json:
    """The part of an error that says what happened to one chunk."""
    return None if error is None else {**error.to_dict()}


# ---- errors, there and back ------------------------------------------------------------------

_KEPT_ATTRIBUTES: Final = (
    "sent",
    "status_code",
    "code",
    "type",
    "param",
    "request_id",
    "retry_after",
    "wait",
    "tokens",
    "limit",
    "actual",
    "path",
)
"""The attributes of errors that are plain data."""


def error_to_data(error: StructgenError) -> dict[str, Json]:
    """Give an error as plain JSON data, without its attempts; `error_from_data` makes it again.

    It has the first violations and the beginning of the last answer, if there are any.
    """
    held = vars(error)
    attributes = {name: held[name] for name in _KEPT_ATTRIBUTES if held.get(name) is not None}
    violations = [asdict(one) for one in getattr(error, "violations", ())[:_VIOLATIONS]]
    text = error.attempts[-1].text if error.attempts else None
    return {
        **error.to_dict(),
        **({"violations": violations} if violations else {}),
        **({"text": shorten(text, _TEXT)} if text else {}),
        "attributes": attributes,
    }


def error_from_data(data: Mapping[str, Json]) -> StructgenError:
    """Make the error that `error_to_data` described, by this version of structgen or another."""
    kind = getattr(errors, str(data.get("type")), None)
    if not (isinstance(kind, type) and issubclass(kind, StructgenError)):
        kind = StructgenError
    error: StructgenError = kind.__new__(kind)
    StructgenError.__init__(error, str(data.get("message")), hint=data.get("hint"))
    attributes = data.get("attributes") or {}
    vars(error).update({name: attributes[name] for name in _KEPT_ATTRIBUTES if name in attributes})
    if violations := data.get("violations"):
        vars(error)["violations"] = tuple(_violation(one) for one in violations)
    return error


def _violation(data: Mapping[str, Json]) -> Violation:
    return Violation(*(str(data.get(one.name, "")) for one in fields(Violation)))
