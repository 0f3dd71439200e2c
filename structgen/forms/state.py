"""The state of a form: the steps that led to it, and what follows from them.

To undo a step is to remove it; to save a form is to write its steps down.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from structgen.forms.fields import contradicts
from structgen.values import Json


def whole_characters(text: str) -> str:
    """Replace halves of characters, which programs leave that cut texts in UTF-16.

    No server takes them, and no file can hold them.
    """
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@dataclass(frozen=True, slots=True)
class Quote:
    """Where the user said something: `form.turns[turn].text[start:end] == quote`."""

    turn: int
    """Index into the form's turns."""
    quote: str = field(repr=False)
    """The user's words."""
    start: int
    """Offset of the first character in the turn's text."""
    end: int
    """Offset after the last character."""


@dataclass(frozen=True, slots=True)
class Entry:
    """The value of a field, and where it comes from."""

    value: Json = field(repr=False)
    """Plain JSON data."""
    turn: int | None = None
    """Index of the turn that stated it; None if it was set directly."""
    quotes: tuple[Quote, ...] = ()
    """Where the user said it; empty if its words are found nowhere."""
    locked: bool = False
    """Whether what the user says leaves it unchanged."""
    supported: bool | None = None
    """Whether the turn, or the question that it answers, has what the value says; None if that
    cannot be told: of a yes or no, of a label that was chosen, of a value that was set."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One thing that the user said."""

    text: str = field(repr=False)
    """The user's words."""
    asked: str | None = field(default=None, repr=False)
    """The question, or remark, that the user answers."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happened to a form."""

    kind: Literal["fill", "set", "clear", "lock", "unlock", "fold"]
    """Which method of the form made it; "fold" for older steps that were put together as one."""
    entries: Mapping[str, Entry | None]
    """The new values of fields, by path; None for a field that was cleared."""
    refused: Mapping[str, Entry] = field(default_factory=dict)
    """The statements that contradict locked fields, by path."""
    turn: Turn | None = None
    """The turn that the step came from; None if it came from no turn."""
    unsupported: tuple[str, ...] = ()
    """The fields whose stated values were left out: they have to be in the user's words, and are
    not."""
    earlier: tuple[Turn, ...] = ()
    """The turns that a folded step keeps, shortened to what the form still quotes."""


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two statements about one field that contradict each other.

    The form holds the later one of two that were said, and always what is locked. The user agrees
    to a correction by going on: it is a conflict until the next turn. A conflict with a locked
    field stays until the field is set, locked, unlocked or cleared.
    """

    path: str
    """JSON Pointer of the field."""
    held: Entry
    """The statement that the form holds."""
    other: Entry
    """The statement that contradicts it."""


@dataclass(frozen=True, slots=True)
class State:
    """The state that a form's steps lead to."""

    entries: Mapping[str, Entry]
    """The values of the fields, by path."""
    conflicts: Mapping[str, Conflict]
    """The open contradictions, by path."""
    history: Mapping[str, Sequence[Entry]]
    """The earlier values of each field, oldest first, by path."""
    turns: Sequence[Turn]
    """Everything that the user said so far."""


def state_of(steps: Sequence[Step]) -> State:
    """Follow the steps from an empty form.

    A turn settles the conflicts between what was said before it, so only the last one is compared
    with what the form held: the values of a long conversation would be compared again and again.
    """
    last = next((step for step in reversed(steps) if step.turn is not None), None)
    entries: dict[str, Entry] = {}
    conflicts: dict[str, Conflict] = {}
    history: dict[str, list[Entry]] = {}
    turns: list[Turn] = []
    for step in steps:
        turns.extend(step.earlier)
        if step.turn is not None:
            turns.append(step.turn)
            conflicts = {path: one for path, one in conflicts.items() if one.held.locked}
        for path, entry in step.entries.items():
            before = entries.pop(path, None)
            if before is not None and step.kind not in ("lock", "unlock"):
                history.setdefault(path, []).append(before)
            if entry is not None:
                entries[path] = entry
            earlier = conflicts.pop(path, None)
            if step is last and before is not None and entry is not None:
                others = (before,) if earlier is None else (before, earlier.other)
                opposed = (one for one in others if contradicts(one.value, entry.value))
                if (other := next(opposed, None)) is not None:
                    conflicts[path] = Conflict(path, entry, other)
        for path, entry in step.refused.items():
            if path in entries:
                conflicts[path] = Conflict(path, entries[path], entry)
    return State(entries, conflicts, history, turns)
