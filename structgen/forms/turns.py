"""The question to the model about a turn, and the changes that its answer makes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from structgen.forms.fields import Fields
from structgen.forms.state import Entry, Quote, State, Step, Turn
from structgen.results import Extraction
from structgen.schema.json import same_json, to_text
from structgen.schema.verbatim import SourceText
from structgen.values import Json

INSTRUCTIONS: Final = (
    "A form is filled in over a conversation. The document is what the user says now. Give only "
    "what it states or corrects: null for every field that it says nothing about, even where the "
    "context does."
)
GREETING: Final[tuple[str, Json]] = ("Hello, can you help me?", {})
"""A turn that states nothing. Without this example, small models find something for every field."""
_TURNS_SHOWN: Final = 4
"""How many earlier turns to show. The values show what older ones stated."""


def context_of(state: State, asked: str | None) -> str | None:
    """Give the conversation before a turn and what the form holds, for the model to read."""
    lines = conversation(state)
    if state.entries:
        held = {path: entry.value for path, entry in state.entries.items()}
        lines.append(f"The form holds: {to_text(held)}")
    if asked:
        lines.append(f"Assistant: {asked}")
    return "\n".join(lines) or None


def conversation(state: State) -> list[str]:
    """Give the last turns, a line for each thing said."""
    lines = []
    for turn in state.turns[-_TURNS_SHOWN:]:
        if turn.asked:
            lines.append(f"Assistant: {turn.asked}")
        lines.append(f"User: {turn.text}")
    return lines


def step_of(answer: Extraction[Json], turn: Turn, state: State, fields: Fields[Any]) -> Step:
    """Tell what an answer about a turn changes."""
    source, number = SourceText(turn.text), len(state.turns)
    entries: dict[str, Entry] = {}
    refused: dict[str, Entry] = {}
    for path, stated in fields.stated_values(answer.value).items():
        held = state.entries.get(path)
        value = stated if held is None else fields.updated(path, held.value, stated)
        if held is not None and same_json(held.value, value):
            continue
        quotes = tuple(_quotes(path, stated, answer, source, number))
        if held is not None and held.locked:
            refused[path] = Entry(value, number, quotes)
            continue
        if held is not None and path in fields.keys:  # the list keeps its other items
            quotes = (*held.quotes, *quotes)
        entries[path] = Entry(value, number, quotes)
    return Step("fill", entries, refused, turn)


def _quotes(
    path: str, value: Json, answer: Extraction[Json], source: SourceText, turn: int
) -> Iterator[Quote]:
    """Find a value in what was said: at its evidence, else where its words come first."""
    below = f"{path}/"
    proved = [found for at, found in answer.evidence.items() if at == path or at.startswith(below)]
    if proved:
        yield from (Quote(turn, found.quote, found.start, found.end) for found in proved)
        return
    for scalar in _scalars(value):
        for start, end in source.spans(scalar, "words")[:1]:
            yield Quote(turn, source.text[start:end], start, end)


def _scalars(value: Json) -> Iterator[str | int | float]:
    """The texts and numbers in a value."""
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _scalars(inner)
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        yield value
