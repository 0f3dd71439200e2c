"""How one answer compares with its gold: what is saved of it, and what a page shows of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, field
from typing import Any, Final

from structgen.evaluation.saved import SavedRecord
from structgen.evaluation.scoring import Counts, Leaf, counts_by_field
from structgen.values import Json, TextOrMessages

_ANSWERED: Final = frozenset({"right", "wrong", "invented"})
"""What becomes of leaves that an answer states."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What a page shows of a record; it is not saved with an evaluation."""

    document: TextOrMessages | None = field(repr=False)
    """The text or the messages; None if they are not at hand."""
    value: Json = field(default=None, repr=False)
    """The answer as plain JSON data; None if it failed."""
    gold: Json = field(default=None, repr=False)
    """The right value; None if there is no gold."""
    leaves: Sequence[Leaf] = field(default=(), repr=False)
    """What became of each leaf."""
    evidence: Mapping[str, Mapping[str, Json]] = field(default_factory=dict, repr=False)
    """Where values of the answer stand in the text, by JSON Pointer."""
    confidence: Mapping[str, float] = field(default_factory=dict, repr=False)
    """The confidence of values, by JSON Pointer."""
    pressure: Mapping[str, float] = field(default_factory=dict, repr=False)
    """How hard the schema pressed on values, by JSON Pointer."""
    error: str | None = None
    """Why there is no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordScore:
    """How one answer compares with its gold."""

    key: str
    """The record's name."""
    error: str | None = None
    """The type of the error if there is no answer."""
    counts: Mapping[str, Counts] = field(default_factory=dict)
    """What became of the leaves, by field."""
    strict: Counts = Counts()
    """Spans with the right bounds and label."""
    relaxed: Counts = Counts()
    """Spans that overlap one with the right label."""
    judged: tuple[tuple[float, bool], ...] = ()
    """The confidence of each answered leaf that has one, and whether it is right."""
    pressed: tuple[tuple[str, float, bool], ...] = ()
    """The field of each answered leaf on which the schema pressed, the pressure, and whether the
    leaf is right."""
    accepted: bool | None = None
    """Whether it keeps the promise of `accept`; None if none was asked for."""
    kept: tuple[int, int] | None = None
    """How many stated values the promise accepts, and how many of these are right."""
    copied: int = 0
    """Values that may be copied from a worked example: they are not in the document."""
    tokens: int = 0
    """Tokens of prompts and answers, as the backend counted them."""
    cost: float | None = None
    """US dollars; None if no price is known."""
    seconds: float = 0.0
    """Seconds from the question to the outcome; of an earlier run if it came from the journal."""
    shown: Shown | None = field(default=None, repr=False, compare=False)
    """What a page shows of it."""

    @property
    def valid(self) -> bool:
        """Whether there is a value of the target."""
        return self.error is None

    @property
    def total(self) -> Counts:
        """What became of the leaves of all fields."""
        return sum(self.counts.values(), Counts())

    def to_dict(self) -> dict[str, Json]:
        """Give the score as plain JSON data; counts are lists in the order of `scoring.KINDS`."""
        return {
            "key": self.key,
            "error": self.error,
            "counts": {name: list(astuple(counts)) for name, counts in self.counts.items()},
            "strict": list(astuple(self.strict)),
            "relaxed": list(astuple(self.relaxed)),
            "judged": [list(pair) for pair in self.judged],
            "pressed": [list(one) for one in self.pressed],
            "accepted": self.accepted,
            "kept": None if self.kept is None else list(self.kept),
            "copied": self.copied,
            "tokens": self.tokens,
            "cost": self.cost,
            "seconds": round(self.seconds, 3),
        }

    @classmethod
    def from_dict(cls, data: SavedRecord) -> RecordScore:
        """Read the score that `to_dict` wrote.

        Args:
            data: The plain data, which was checked.
        """
        return cls(
            key=data["key"],
            error=data["error"],
            counts={name: Counts(*numbers) for name, numbers in data["counts"].items()},
            strict=Counts(*data["strict"]),
            relaxed=Counts(*data["relaxed"]),
            judged=tuple(data["judged"]),
            pressed=tuple(data.get("pressed", ())),
            accepted=data.get("accepted"),
            kept=data.get("kept"),
            copied=data.get("copied", 0),
            tokens=data["tokens"],
            cost=data["cost"],
            seconds=data["seconds"],
        )


def score_of_leaves(
    leaves: Sequence[Leaf], confidence: Mapping[str, float], pressure: Mapping[str, float]
) -> dict[str, Any]:
    """Make the arguments of a `RecordScore` that follow from leaves: counts, and what is judged.

    Args:
        leaves: What became of each leaf.
        confidence: The confidence of the answer's values, by JSON Pointer.
        pressure: How hard the schema pressed on them, by JSON Pointer.
    """
    judged = tuple(
        (confidence[leaf.path], leaf.kind == "right")
        for leaf in leaves
        if leaf.path is not None and leaf.path in confidence
    )
    pressed = tuple(
        (leaf.field, pressure[leaf.path], leaf.kind == "right")
        for leaf in leaves
        if leaf.path is not None and leaf.path in pressure and leaf.kind in _ANSWERED
    )
    return {"counts": counts_by_field(leaves), "judged": judged, "pressed": pressed}


def kept_of(leaves: Sequence[Leaf], answer: Mapping[str, Any]) -> tuple[int, int] | None:
    """Count the stated values that a promise accepts, and those of them that are right.

    Args:
        leaves: What became of each leaf.
        answer: The answer as a plain row.

    Returns:
        None if no promise was asked for.
    """
    if answer.get("accepted") is None:
        return None
    doubtful = frozenset(answer.get("to_review") or ())
    kept = [leaf for leaf in leaves if leaf.path is not None and leaf.path not in doubtful]
    return len(kept), sum(leaf.kind == "right" for leaf in kept)
