"""Fold the oldest steps of a form into one, so that long conversations stay small.

What they lead to stays: the values, their quotes, and the conflicts with locked fields. Earlier
values and the turns that nothing quotes any more go, and the rest cannot be undone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from structgen.forms.state import Entry, Quote, Step, Turn, state_of

KEPT_STEPS: Final = 100
"""How many steps a form keeps one by one. It folds the others when it has twice as many."""
_AROUND_A_QUOTE: Final = 100
"""The number of characters to keep before and after the quotes of a folded turn."""


def folded(steps: Sequence[Step]) -> tuple[Step, ...]:
    """Fold the oldest steps if there are too many.

    Args:
        steps: All steps of a form.

    Returns:
        The steps of a form that holds the same.
    """
    if len(steps) <= 2 * KEPT_STEPS:
        return tuple(steps)
    old, recent = steps[:-KEPT_STEPS], steps[-KEPT_STEPS:]
    state = state_of(old)
    against = {path: one.other for path, one in state.conflicts.items() if one.held.locked}
    kept = [*state.entries.values(), *against.values()]
    kept += [entry for step in recent for entry in entries_of(step)]
    places = _Places(state.turns, kept)
    first = Step(
        "fold",
        {path: places.move(entry) for path, entry in state.entries.items()},
        {path: places.move(entry) for path, entry in against.items()},
        earlier=places.turns,
    )
    return (first, *(_moved(step, places) for step in recent))


def entries_of(step: Step) -> list[Entry]:
    """Give the values that a step put into fields, or refused."""
    held = [entry for entry in step.entries.values() if entry is not None]
    return [*held, *step.refused.values()]


class _Places:
    """Where the turns of folded steps are afterwards: those that an entry comes from, shortened."""

    def __init__(self, turns: Sequence[Turn], entries: Sequence[Entry]) -> None:
        quotes: dict[int, list[Quote]] = {}
        for entry in entries:
            if entry.turn is not None:
                quotes.setdefault(entry.turn, [])
            for quote in entry.quotes:
                quotes.setdefault(quote.turn, []).append(quote)
        numbers = sorted(number for number in quotes if number < len(turns))
        kept = {number: _part_to_keep(quotes[number]) for number in numbers}
        self._starts = {number: start for number, (start, _) in kept.items()}
        self._numbers = {number: at for at, number in enumerate(numbers)}
        self._shift = len(turns) - len(numbers)
        self.turns = tuple(
            Turn(turns[number].text[start:end]) for number, (start, end) in kept.items()
        )

    def _number(self, turn: int) -> int:
        return self._numbers.get(turn, turn - self._shift)

    def move(self, entry: Entry) -> Entry:
        """Give an entry with its turn and quotes where they are afterwards."""
        turn = None if entry.turn is None else self._number(entry.turn)
        return replace(entry, turn=turn, quotes=tuple(map(self._move_quote, entry.quotes)))

    def _move_quote(self, quote: Quote) -> Quote:
        start = self._starts.get(quote.turn, 0)
        number = self._number(quote.turn)
        return Quote(number, quote.quote, quote.start - start, quote.end - start)


def _part_to_keep(quotes: Sequence[Quote]) -> tuple[int, int]:
    """The start and end of what is kept of a turn: its quotes, with a little around them."""
    start = min((quote.start for quote in quotes), default=0)
    end = max((quote.end for quote in quotes), default=0)
    return max(0, start - _AROUND_A_QUOTE), end + _AROUND_A_QUOTE


def _moved(step: Step, places: _Places) -> Step:
    entries = {
        path: None if entry is None else places.move(entry) for path, entry in step.entries.items()
    }
    refused = {path: places.move(entry) for path, entry in step.refused.items()}
    return replace(step, entries=entries, refused=refused)
