"""Both ends of a merge: the statements of parts, and the value that they make."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

from structgen.documents.gaps import Gap
from structgen.documents.paths import Kept
from structgen.values import Alternatives, Evidence, Json


@dataclass(frozen=True, slots=True)
class Part:
    """The statements of one part of a document."""

    data: Json = field(repr=False)
    """The value, as plain JSON data."""
    evidence: Mapping[str, Evidence] = field(default_factory=dict, repr=False)
    """By JSON Pointer into `data`, in offsets of the whole document."""
    start: int = 0
    """The offset of the part's first character in the document."""
    end: int = 0
    """The offset after its last character."""
    gap: Gap | None = None
    """The gap that it fills, in the last part before it that has its text; None if it fills none.
    Its data has the list of the gap and nothing else."""
    confidence: Mapping[str, float] = field(default_factory=dict, repr=False)
    """By JSON Pointer into `data`, from 0 to 1."""
    alternatives: Alternatives = field(default_factory=dict, repr=False)
    """By JSON Pointer into `data`: the options that a value was decided among."""
    pressure: Mapping[str, float] = field(default_factory=dict, repr=False)
    """By JSON Pointer into `data`, from 0 to 1."""
    answered_by: Mapping[str, str] = field(default_factory=dict, repr=False)
    """By JSON Pointer into `data`: the model of a cascade that gave a value."""
    absent: frozenset[str] = frozenset()
    """JSON Pointers of the fields that this part does not state."""
    shortened: frozenset[str] = frozenset()
    """JSON Pointers of the values that a token limit cut short."""
    copied: frozenset[str] = frozenset()
    """JSON Pointers of the values that may be copied from a worked example."""

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
class Merged:
    """The value that the parts make together. All paths are JSON Pointers into `data`."""

    data: Json = field(repr=False)
    """The merged value, as plain JSON data."""
    conflicts: tuple[Conflict, ...] = ()
    """The places for which parts state different values."""
    evidence: Mapping[str, Evidence] = field(default_factory=dict, repr=False)
    """The evidence of the values that were taken."""
    confidence: Mapping[str, float] = field(default_factory=dict, repr=False)
    """The confidence of the values that were taken, as far as their parts have one."""
    alternatives: Alternatives = field(default_factory=dict, repr=False)
    """The options that the taken values were decided among."""
    pressure: Mapping[str, float] = field(default_factory=dict, repr=False)
    """The pressure of the grammar on the taken values."""
    answered_by: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The models of a cascade that gave the taken values."""
    absent: frozenset[str] = frozenset()
    """The fields that no part states."""
    shortened: frozenset[str] = frozenset()
    """The values that are cut short in any of the parts they come from."""
    copied: frozenset[str] = frozenset()
    """The taken values that may be copied from a worked example."""


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
