"""The result of `extract_document`: a value, where it comes from, and each chunk's outcome."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Generic, TypeVar

from structgen.documents.chunk import Chunk
from structgen.documents.gaps import Gap
from structgen.documents.merged import Conflict
from structgen.errors import Attempt, StructgenError
from structgen.extraction.attempts import cost_of
from structgen.results import (
    ConfidenceBy,
    Dumps,
    Escalation,
    Extraction,
    Guarantee,
    LeafEvidence,
    folded_notes,
    plain_alternatives,
)
from structgen.values import (
    Alternatives,
    Evidence,
    Json,
    Note,
    Rejected,
    Removed,
    Usage,
)

T = TypeVar("T")
Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class ChunkOutcome:
    """The outcome of one question about one chunk: a result or an error."""

    chunk: Chunk
    """The piece of the document that was asked about."""
    turn: int
    """Which of the passes it belongs to, from 0."""
    result: Extraction[Json] | None = field(default=None, repr=False)
    """The chunk's value, as plain data, with all that is known about it; None if it failed."""
    error: StructgenError | None = None
    """Why there is no result; None if there is one."""
    gap: Gap | None = None
    """The rows that it is about, if an earlier answer had no items of them."""

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """Every try, with its raw text."""
        ended = self.error if self.result is None else self.result
        return ended.attempts if ended is not None else ()

    def to_dict(self) -> dict[str, Json]:
        """The outcome as plain JSON data, without the chunk's text."""
        return {
            "start": self.chunk.start,
            "end": self.chunk.end,
            "turn": self.turn,
            "value": self.result.value if self.result else None,
            "error": self.error.to_dict() if self.error else None,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentExtraction(Generic[T]):
    """A value from a long document, and everything known about it.

    It has the members of an `Extraction`. Paths are JSON Pointers into the value.
    """

    value: T
    """The merged value, valid for the target."""
    target: Dumps = field(repr=False)
    """The target; it writes the value as plain data."""
    chunks: tuple[ChunkOutcome, ...]
    """The outcome of every question, in the order of the document."""
    guarantee: Guarantee
    """The weakest guarantee of any chunk."""
    conflicts: tuple[Conflict, ...] = ()
    """The places for which chunks state different values. Their numbers index `stated`."""
    refused: tuple[Rejected, ...] = ()
    """Items that validators of the type refused, by path in the value that the chunks made."""
    gaps: tuple[Gap, ...] = ()
    """Rows of tables that a list has no items of, even after they were asked about again. Paths
    and indices are those of the chunk's answer."""
    absent: frozenset[str] = frozenset()
    """The fields that no chunk with a result states."""
    shortened: frozenset[str] = frozenset()
    """The values that a token limit cut short in a chunk they come from."""
    copied: frozenset[str] = frozenset()
    """The values that are in a worked example and not in the chunk they come from."""
    evidence: Mapping[str, Evidence] = field(default_factory=dict, repr=False)
    """Quote and span per field, in offsets of the whole document."""
    leaf_evidence: Mapping[str, LeafEvidence] = field(default_factory=dict, repr=False)
    """Where the whole document states each leaf, if asked for (`evidence="all"`)."""
    to_review: frozenset[str] = frozenset()
    """The values that the document does not support (`require_evidence="flag"`)."""
    confidence: Mapping[str, float] = field(default_factory=dict, repr=False)
    """0 to 1 per field: that of the chunk whose value was taken, if it has one."""
    confidence_by: ConfidenceBy | None = None
    """What the confidence was made from; None if there is none, or chunks differ in it."""
    alternatives: Alternatives = field(default_factory=dict, repr=False)
    """The options that each taken value was decided among, the likeliest first."""
    pressure: Mapping[str, float] = field(default_factory=dict, repr=False)
    """0 to 1 per field: how hard the grammar pressed on the value that was taken."""
    answered_by: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The model that gave each taken value, if the client has a cascade."""

    @property
    def stated(self) -> tuple[ChunkOutcome, ...]:
        """The outcomes that have a result: those that were merged."""
        return tuple(outcome for outcome in self.chunks if outcome.result is not None)

    @property
    def failures(self) -> tuple[ChunkOutcome, ...]:
        """The outcomes that have none. The value lacks what their chunks state."""
        return tuple(outcome for outcome in self.chunks if outcome.error is not None)

    @property
    def reasoning(self) -> str | None:
        """What the model thought about the chunks, in their order; None if it shows nothing."""
        results = [outcome.result for outcome in self.stated]
        thoughts = [one.reasoning for one in results if one is not None and one.reasoning]
        return "\n\n".join(thoughts) or None

    @property
    def notes(self) -> tuple[Note, ...]:
        """Differences between the compiled schema and the target's, for any of the chunks."""
        return distinct(note for result in self._results for note in result.notes)

    @property
    def rejected(self) -> tuple[Rejected, ...]:
        """Items left out as invalid (`on_invalid_items="keep"`).

        Paths are those in their chunk's answer; of `refused` ones, which come last, in the value.
        """
        of_chunks = (item for result in self._results for item in result.rejected)
        return (*of_chunks, *self.refused)

    @property
    def removed(self) -> tuple[Removed, ...]:
        """What a rule took out of the chunks' values, by path in its chunk's answer."""
        return tuple(item for result in self._results for item in result.removed)

    @property
    def escalations(self) -> tuple[Escalation, ...]:
        """The further models of a cascade that were asked, by path in their chunk's value."""
        return tuple(one for result in self._results for one in result.escalations)

    @property
    def attempts(self) -> tuple[Attempt, ...]:
        """Every try about every chunk, with its raw text."""
        return tuple(attempt for outcome in self.chunks for attempt in outcome.attempts)

    @property
    def tuned(self) -> str | None:
        """Says what the call took from the file of `structgen tune`, as `Extraction.tuned` does."""
        return next((result.tuned for result in self._results), None)

    @property
    def usage(self) -> Usage:
        """The tokens of all attempts."""
        return sum((attempt.usage for attempt in self.attempts), Usage())

    @property
    def cost(self) -> float | None:
        """US dollars for all attempts; None if a price is not known."""
        return cost_of(self.attempts)

    @property
    def seconds(self) -> Mapping[str, float]:
        """Seconds by what they went to, summed over the chunks; chunks may run at the same time."""
        total: dict[str, float] = {}
        for result in self._results:
            for part, seconds in result.seconds.items():
                total[part] = total.get(part, 0.0) + seconds
        return total

    @property
    def cached(self) -> bool:
        """Whether every result came from a cache, so that nothing was asked."""
        return bool(self._results) and all(result.cached for result in self._results)

    @property
    def _results(self) -> Sequence[Extraction[Json]]:
        return [outcome.result for outcome in self.chunks if outcome.result is not None]

    def to_dict(self, *members: str) -> dict[str, Json]:
        """Give the result as plain JSON data.

        Args:
            *members: The members to give: those of `Extraction.to_dict`, `conflicts` and `chunks`;
                all of them if none is named.

        Raises:
            KeyError: If a result has no such member.
        """
        return {name: _PLAIN[name](self) for name in members or _PLAIN}


_PLAIN: Final[Mapping[str, Callable[[DocumentExtraction[Any]], Json]]] = {
    "value": lambda result: result.target.dump(result.value),
    "guarantee": lambda result: str(result.guarantee),
    "held_by": lambda result: result.guarantee.by,
    "absent": lambda result: sorted(result.absent),
    "shortened": lambda result: sorted(result.shortened),
    "rejected": lambda result: [asdict(item) for item in result.rejected],
    "removed": lambda result: [asdict(item) for item in result.removed],
    "copied": lambda result: sorted(result.copied),
    "evidence": lambda result: {path: asdict(found) for path, found in result.evidence.items()},
    "leaf_evidence": lambda result: {
        path: asdict(found) for path, found in result.leaf_evidence.items()
    },
    "confidence": lambda result: dict(result.confidence),
    "record_confidence": lambda result: None,
    "confidence_by": lambda result: result.confidence_by,
    "raw_confidence": lambda result: {},
    "accepted": lambda result: None,
    "to_review": lambda result: sorted(result.to_review),
    "alternatives": lambda result: plain_alternatives(result.alternatives),
    "pressure": lambda result: dict(result.pressure),
    "answered_by": lambda result: dict(result.answered_by),
    "escalations": lambda result: [asdict(one) for one in result.escalations],
    "reasoning": lambda result: result.reasoning,
    "notes": lambda result: [str(note) for note in folded_notes(result.notes)],
    "conflicts": lambda result: [_conflict_data(one, result.stated) for one in result.conflicts],
    "gaps": lambda result: [one._asdict() for one in result.gaps],
    "chunks": lambda result: [outcome.to_dict() for outcome in result.chunks],
    "tuned": lambda result: result.tuned,
    "usage": lambda result: asdict(result.usage),
    "cost": lambda result: result.cost,
    "attempts": lambda result: [attempt.to_dict() for attempt in result.attempts],
    "cached": lambda result: result.cached,
    "seconds": lambda result: {part: round(spent, 4) for part, spent in result.seconds.items()},
}


def _conflict_data(conflict: Conflict, stated: Sequence[ChunkOutcome]) -> dict[str, Json]:
    values = [
        {
            "value": value,
            "stated": list(parts),
            "chunks": [[stated[part].chunk.start, stated[part].chunk.end] for part in parts],
        }
        for value, parts in conflict.values
    ]
    return {"path": conflict.path, "values": values}


# ---- the guarantee of several results --------------------------------------------------------

_WEAKEST_FIRST: Final = ("check", "server", "decoder")


def weakest(guarantees: Sequence[Guarantee]) -> Guarantee:
    """Give one guarantee that holds for all of these, of which there is at least one.

    It was held by what holds least, voted on by the fewest answers, and lists every promise that
    only the check held, and every repair, of any of them.
    """
    least = min(guarantees, key=lambda one: _WEAKEST_FIRST.index(one.by))
    return Guarantee(
        by=least.by,
        engine=least.engine,
        checked=distinct(note for one in guarantees for note in one.checked),
        repairs=distinct(repair for one in guarantees for repair in one.repairs),
        samples=min(one.samples for one in guarantees),
    )


def distinct(values: Iterable[Value]) -> tuple[Value, ...]:
    """Give each value once, in the order of the first ones."""
    return tuple(dict.fromkeys(values))
