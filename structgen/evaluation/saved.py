"""The form of an evaluation in a file, which is checked before anything is made of it."""

from __future__ import annotations

from typing import Annotated, Final, Literal

from pydantic import Field, TypeAdapter
from typing_extensions import NotRequired, TypedDict

VERSION: Final = 1

Whole = Annotated[int, Field(ge=0)]
FiveCounts = Annotated[list[Whole], Field(min_length=5, max_length=5)]
"""Counts in the order of `scoring.KINDS`."""


class SavedRecord(TypedDict):
    """A `RecordScore`, as `RecordScore.to_dict` writes it."""

    key: str
    error: str | None
    counts: dict[str, FiveCounts]
    strict: FiveCounts
    relaxed: FiveCounts
    judged: list[tuple[Annotated[float, Field(ge=0, le=1)], bool]]
    pressed: NotRequired[list[tuple[str, Annotated[float, Field(ge=0, le=1)], bool]]]
    accepted: NotRequired[bool | None]
    kept: NotRequired[tuple[Whole, Whole] | None]
    tokens: Whole
    cost: float | None
    seconds: float
    copied: NotRequired[Whole]


class SavedRun(TypedDict):
    """An `Evaluation`, as `Evaluation.save` writes it, without the figures that follow from it."""

    version: Literal[1]
    target: str
    schema: str
    gold: str
    model: str
    notes: list[str]
    seed: int
    records: Annotated[list[SavedRecord], Field(min_length=1)]


SAVED_RUN: Final = TypeAdapter(SavedRun)
