"""Both ends of a merge: the statements of parts, and the value that they make."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from structgen.documents.gaps import Gap
from structgen.documents.paths import Kept
from structgen.values import Alternatives, Evidence, Json


@dataclass(frozen=True, slots=True)
class _Known:
    """A value, and what is known of its places. All paths are JSON Pointers into `data`."""

    data: Json = field(repr=False)
    """The value, as plain JSON data."""
    evidence: Mapping[str, Evidence] = field(default_factory=dict, repr=False)
    """The places that state the values, in offsets of the whole document."""
    confidence: Mapping[str, float] = field(default_factory=dict, repr=False)
    """The confidence of the values, from 0 to 1, as far as there is one."""
    alternatives: Alternatives = field(default_factory=dict, repr=False)
    """The options that values were decided among."""
    pressure: Mapping[str, float] = field(default_factory=dict, repr=False)
    """The pressure of the grammar on the values, from 0 to 1."""
    answered_by: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The models of a cascade that gave the values."""
    absent: frozenset[str] = frozenset()
    """The fields that are not stated."""
    shortened: frozenset[str] = frozenset()
    """The values that a token limit cut short."""
    copied: frozenset[str] = frozenset()
    """The values that may be copied from a worked example."""


@dataclass(frozen=True, slots=True)
class Part(_Known):
    """The statements of one part of a document."""

    start: int = 0
    """The offset of the part's first character in the document."""
    end: int = 0
    """The offset after its last character."""
    gap: Gap | None = None
    """The gap that it fills, in the last part before it that has its text; None if it fills none.
    Its data has the list of the gap and nothing else."""

    def has_text_of(self, other: Part) -> bool:
        """Whether it was asked about all of the text of another part."""
        return self.start <= other.start and other.end <= self.end


@dataclass(frozen=True, slots=True)
class Conflict:
    """Parts that state different values for one place."""

    path: str
    """JSON Pointer into the merged value."""
    values: tuple[tuple[Json, tuple[int, ...]], ...] = field(repr=False)
    """Each value with the numbers of the parts that state it; the first one was taken."""


@dataclass(frozen=True, slots=True)
class Merged(_Known):
    """The value that the parts make together, and what is known of the values that were taken."""

    conflicts: tuple[Conflict, ...] = ()
    """The places for which parts state different values."""


def without_items(merged: Merged, data: Json, dropped: Collection[str]) -> Merged:
    """Give what was merged without some items of lists.

    Args:
        merged: What was merged.
        data: Its data without these items.
        dropped: The JSON Pointers of the items.
    """
    kept = Kept(dropped)
    moved = ((kept.path(one.path), one) for one in merged.conflicts)
    return Merged(
        data,
        conflicts=tuple(replace(one, path=path) for path, one in moved if path is not None),
        evidence=kept.known(merged.evidence),
        confidence=kept.known(merged.confidence),
        alternatives=kept.known(merged.alternatives),
        pressure=kept.known(merged.pressure),
        answered_by=kept.known(merged.answered_by),
        absent=kept.paths(merged.absent),
        shortened=kept.paths(merged.shortened),
        copied=kept.paths(merged.copied),
    )
