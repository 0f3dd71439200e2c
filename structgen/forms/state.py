"""The state of a form: the steps that led to it. What its fields hold, and what contradicts what, follows from them.

To undo a step is to take it away; to save a form is to write its steps down.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from structgen.forms.fields import contradicts
from structgen.values import Json


@dataclass(frozen=True, slots=True)
class Quote:
    """Where the user said something: `form.turns[turn].text[start:end] == quote`, in characters."""

    turn: int
    quote: str = field(repr=False)
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Entry:
    """What a field holds: plain JSON data; the `turn` that stated it, None where it was set directly; where in the turns its words
    stand, as far as they stand there; and whether what is said leaves it as it is."""

    value: Json = field(repr=False)
    turn: int | None = None
    quotes: tuple[Quote, ...] = ()
    locked: bool = False


@dataclass(frozen=True, slots=True)
class Turn:
    """What the user said, and what was `asked`, or said to them, before it."""

    text: str = field(repr=False)
    asked: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened to a form.

    `entries`: by field, what it holds now, None where nothing; `refused`: by locked field, what was said against it; `turn`: what
    was said, where something was.
    """

    kind: Literal["fill", "set", "clear", "lock", "unlock"]
    entries: Mapping[str, Entry | None]
    refused: Mapping[str, Entry] = field(default_factory=dict)
    turn: Turn | None = None


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two statements about one field that contradict each other: what the form holds, and the other one. It holds the later one of
    two that were said, and what is locked in any case. Setting, locking, unlocking or clearing the field settles it."""

    path: str
    held: Entry
    other: Entry


@dataclass(frozen=True, slots=True)
class State:
    """What a form's steps lead to. `history`: by field, all that it held before, oldest first."""

    entries: Mapping[str, Entry]
    conflicts: Mapping[str, Conflict]
    history: Mapping[str, Sequence[Entry]]
    turns: Sequence[Turn]


def state_of(steps: Iterable[Step]) -> State:
    """Where the steps lead."""
    entries: dict[str, Entry] = {}
    conflicts: dict[str, Conflict] = {}
    history: dict[str, list[Entry]] = {}
    turns: list[Turn] = []
    for step in steps:
        if step.turn is not None:
            turns.append(step.turn)
        for path, entry in step.entries.items():
            before = entries.pop(path, None)
            if before is not None and step.kind not in ("lock", "unlock"):
                history.setdefault(path, []).append(before)
            if entry is not None:
                entries[path] = entry
            known = conflicts.pop(path, None)
            if step.kind == "fill" and before is not None and entry is not None:
                others = (before, *([known.other] if known else []))
                opposed = next(
                    (other for other in others if contradicts(other.value, entry.value)), None
                )
                if opposed is not None:
                    conflicts[path] = Conflict(path, entry, opposed)
        conflicts |= {
            path: Conflict(path, entries[path], entry)
            for path, entry in step.refused.items()
            if path in entries
        }
    return State(entries, conflicts, history, turns)
