"""Which documents of a job are split into chunks, and what came of each chunk."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Final

from structgen.documents.chunked import Piece
from structgen.documents.options import Chunked, ChunkingArgs
from structgen.documents.result import ChunkOutcome
from structgen.pipeline.record import Outcome
from structgen.results import Escalation, Extraction, Guarantee
from structgen.values import Evidence, Json, Note, Removed


@dataclass(frozen=True, slots=True)
class Splitting:
    """Which documents are split into chunks, and how."""

    chunked: Chunked | None = "auto"
    """When a document is split."""
    chunking: ChunkingArgs = field(default_factory=lambda: ChunkingArgs())
    """How it is split, and how what its chunks state is merged."""


BY_DEFAULT: Final = Splitting()
"""Documents that are too long are split, as `extract_document` splits them by default."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A piece of a document, and what came of the question about it."""

    piece: Piece
    """The piece."""
    outcome: Outcome[Json]
    """What came of it, in this run or in an earlier one."""
    fresh: bool
    """Whether it was asked about in this run."""

    @property
    def of_chunk(self) -> ChunkOutcome:
        """The outcome as a merge takes it: the same, whether it comes from a journal or not."""
        (chunk, turn, gap), error = self.piece, self.outcome.error
        if error is not None:
            return ChunkOutcome(chunk, turn, error=error, gap=gap)
        result = self.outcome.result
        if not isinstance(result, Extraction):
            result = result_of(self.outcome)
        return ChunkOutcome(chunk, turn, result, gap=gap)


CHUNK: Final = "chunk"
"""The member of a chunk's body in the journal that has what a row does not show."""


def chunk_data(outcome: Outcome[Any]) -> dict[str, Json]:
    """Give what else the journal keeps of a chunk, so that it can be merged in a later run."""
    result = outcome.result
    guarantee = {} if result is None else asdict(result.guarantee)
    return {"guarantee": guarantee}


def result_of(outcome: Outcome[Json]) -> Extraction[Json]:
    """Make the result of a chunk again from what the journal kept."""
    record = outcome.record()
    alternatives = {
        path: tuple((value, chance) for value, chance in options)
        for path, options in (record.get("alternatives") or {}).items()
    }
    return Extraction(
        value=record["value"],
        guarantee=_guarantee(record.get(CHUNK) or {}, record),
        target=outcome.target,
        absent=frozenset(record.get("absent") or ()),
        shortened=frozenset(record.get("shortened") or ()),
        removed=tuple(Removed(**one) for one in record.get("removed") or ()),
        copied=frozenset(record.get("copied") or ()),
        evidence={
            path: Evidence(**found) for path, found in (record.get("evidence") or {}).items()
        },
        confidence=record.get("confidence") or {},
        confidence_by=record.get("confidence_by"),
        alternatives=alternatives,
        pressure=record.get("pressure") or {},
        answered_by=record.get("answered_by") or {},
        escalations=tuple(Escalation(**one) for one in record.get("escalations") or ()),
        usage=outcome.usage,
        cost=outcome.cost,
    )


def _guarantee(kept: dict[str, Any], record: Any) -> Guarantee:
    data = kept.get("guarantee")
    if not data:
        return Guarantee(by="check", engine=str(record.get("guarantee") or ""))
    checked = tuple(Note(**one) for one in data["checked"])
    return Guarantee(
        by=data["by"],
        engine=data["engine"],
        checked=checked,
        repairs=tuple(data["repairs"]),
        samples=data["samples"],
    )
