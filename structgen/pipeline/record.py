"""One input, one outcome, and what stands at either end of a job.

A source is any iterable of `Item`; where it can be iterated again it gives the same items again (`sources.open_source(name, ...)`
opens one by its name). A sink takes outcomes in the order of the inputs (`sinks.open_sink(name)`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Generic, Protocol, TypeVar

from structgen import errors
from structgen.errors import StructgenError
from structgen.results import MEMBERS, Extraction
from structgen.schema.check import validate
from structgen.schema.target import Target
from structgen.values import Document, Json, Usage, Violation

T = TypeVar("T")

COLUMNS: Final = (
    "key",
    "value",
    "error",
    "meta",
    "absent",
    "shortened",
    "evidence",
    "confidence",
    "guarantee",
)
"""The members of a row, always all of them."""

_MEMBERS: Final = tuple(name for name in COLUMNS if name in MEMBERS)


@dataclass(frozen=True, slots=True)
class Item:
    """One input. `key`: its name, stable between runs and unique among the inputs (an id column, or source and position);
    `meta`: what else goes from the source to the output, as plain JSON data; `error`: why it could not be read, which is then its
    outcome."""

    key: str
    document: Document = field(repr=False)
    meta: Mapping[str, Json] = field(default_factory=dict, repr=False)
    error: StructgenError | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome(Generic[T]):
    """What came of one input: a value, or the error that says why there is none.

    `result`: everything known about the value, where it was made in this process; `stored`: its plain form, where it comes from a
    journal. `tries`: questions that were asked; `cost`: US dollars, None where no price is known; `seconds`: spent on it.
    """

    key: str
    target: Target[T] = field(repr=False)
    meta: Mapping[str, Json] = field(default_factory=dict, repr=False)
    error: StructgenError | None = None
    result: Extraction[T] | None = field(default=None, repr=False)
    stored: Mapping[str, Json] | None = field(default=None, repr=False)
    tries: int = 0
    usage: Usage = Usage()
    cost: float | None = None
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        """Is there a value?"""
        return self.error is None

    @property
    def value(self) -> T:
        """The value. Raises the error where there is none."""
        if self.error is not None:
            raise self.error
        if self.result is not None:
            return self.result.value
        return validate(self.target, self.record()["value"])

    def record(self) -> Mapping[str, Json]:
        """What came out, as plain JSON data: the part of a row that does not depend on which input it was."""
        return self.stored if self.stored is not None else plain(self.result, self.error)

    def row(self) -> dict[str, Json]:
        """The outcome as plain JSON data, with the members of `COLUMNS`: the same whenever and however often it was asked for.

        `error` is None, or an object of `type`, `message` and `hint`.
        """
        record = self.record()
        row = {name: record.get(name) for name in COLUMNS} | {
            "key": self.key,
            "meta": dict(self.meta),
        }
        if error := row["error"]:
            row["error"] = {name: error[name] for name in ("type", "message", "hint")}
        return row


class Sink(Protocol):
    """Where outcomes go. Nothing is to be seen of them before `close`, and nothing at all after `abort`."""

    def write(self, rows: Sequence[Outcome[Any]]) -> None: ...

    def close(self) -> None: ...

    def abort(self) -> None: ...


def plain(result: Extraction[Any] | None, error: StructgenError | None) -> dict[str, Json]:
    """A result or an error as plain JSON data."""
    if result is None:
        return {"error": error_data(error) if error else None}
    return result.to_dict(*_MEMBERS)


# ---- errors, there and back ------------------------------------------------------------------

_KEPT: Final = (
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
"""Attributes of errors that are plain."""


def error_data(error: StructgenError) -> dict[str, Json]:
    """An error as plain JSON data from which `error_of` makes it again, without its attempts."""
    attributes = {name: vars(error)[name] for name in _KEPT if vars(error).get(name) is not None}
    violations = [asdict(violation) for violation in getattr(error, "violations", ())]
    return {
        **error.to_dict(),
        **({"violations": violations} if violations else {}),
        "attributes": attributes,
    }


def error_of(data: Mapping[str, Json]) -> StructgenError:
    """The error that `error_data` described."""
    kind = getattr(errors, data["type"], StructgenError)
    error: StructgenError = kind.__new__(kind)
    StructgenError.__init__(error, data["message"], hint=data["hint"])
    vars(error).update(data["attributes"])
    if violations := data.get("violations"):
        vars(error)["violations"] = tuple(Violation(**violation) for violation in violations)
    return error
