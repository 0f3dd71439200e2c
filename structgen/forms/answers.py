"""What an answer about a turn says, and the step that it makes of a form."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final

from structgen.answer.held import HeldTexts
from structgen.errors import InvalidOutputError, NotJsonError
from structgen.forms.fields import Fields
from structgen.forms.revisions import EVERYTHING, is_revision, revised
from structgen.forms.state import Entry, Quote, State, Step, Turn
from structgen.results import Extraction
from structgen.schema.json import same_json
from structgen.schema.json_text import parse_json
from structgen.schema.verbatim import VERBATIM, SourceText
from structgen.values import Evidence, Json, JsonSchema

_EMPTY: Final[tuple[Json, ...]] = ("", [], {})


@dataclass(frozen=True, slots=True)
class Statements:
    """What an answer says about the fields that it was asked about."""

    values: Mapping[str, Json]
    """What it has for fields, by path, null included."""
    cleared: frozenset[str] = frozenset()
    """The fields to empty."""
    evidence: Mapping[str, Evidence] = field(default_factory=dict)
    """Where grounded values are in the turn, by JSON Pointer."""
    unsupported: tuple[str, ...] = ()
    """The fields whose values have to be the user's words, and are not."""


def read_answer(
    answer: Extraction[Json],
    fields: Fields[Any],
    asked: Collection[str],
    held: Collection[str],
) -> Statements:
    """Read a valid answer.

    Args:
        answer: The answer.
        fields: The form's fields.
        asked: The paths of the fields that were asked about.
        held: Those of them that the form fills already.
    """
    written = answer.attempts[-1].text if answer.attempts else None
    data = fields.off_wire(_json_of(written), asked, revise=bool(held))
    nulls = _meant_nulls(data, fields, asked, held)
    return Statements(
        fields.values_in(answer.value),
        nulls | _named_to_clear(answer.value, fields, held),
        answer.evidence,
    )


def read_invalid(
    error: InvalidOutputError,
    fields: Fields[Any],
    asked: Collection[str],
    held: Collection[str],
) -> Statements | None:
    """Read what is left of an invalid answer: one bad value takes no other with it.

    A value of a wrong kind is kept as it was written, as one that was set directly would be; the
    form lists it as invalid. A value that has to be in the user's words and is not is left out.

    Args:
        error: What is wrong with the answer.
        fields: The form's fields.
        asked: The paths of the fields that were asked about.
        held: Those of them that the form fills already.

    Returns:
        What it says; None if it is no JSON object.
    """
    written = error.attempts[-1].text if error.attempts else None
    data = fields.off_wire(_json_of(written), asked, revise=bool(held))
    if not isinstance(data, dict):
        return None
    invented = [fault.path for fault in error.violations if fault.keyword == VERBATIM]
    values = {path: value for path, value in fields.values_in(data).items() if path in asked}
    unsupported = tuple(path for path in values if _holds_any(path, invented))
    return Statements(
        {path: value for path, value in values.items() if path not in unsupported},
        _meant_nulls(data, fields, asked, held) | _named_to_clear(data, fields, held),
        unsupported=unsupported,
    )


def _holds_any(path: str, places: Sequence[str]) -> bool:
    return any(f"{place}/".startswith(f"{path}/") for place in places)


def _json_of(text: str | None) -> Json:
    with suppress(NotJsonError):
        return parse_json(text or "")
    return None


def _meant_nulls(
    data: Json, fields: Fields[Any], asked: Collection[str], held: Collection[str]
) -> frozenset[str]:
    """The fields that a null empties.

    A model that has to write every field writes null for each that was not spoken of. If an answer
    leaves such fields out, and has null for nothing but fields that hold something, its nulls are
    meant.
    """
    written = fields.values_in(data)
    nulls = frozenset(path for path, value in written.items() if value is None)
    left_out = any(fields.leaves_out(data, path) for path in asked)
    return nulls if left_out and nulls.issubset(held) else frozenset()


def _named_to_clear(data: Json, fields: Fields[Any], held: Collection[str]) -> frozenset[str]:
    named = data.get(fields.clearing_member) if isinstance(data, dict) else None
    names = [name for name in named if isinstance(name, str)] if isinstance(named, list) else []
    if EVERYTHING in names:
        return frozenset(held)
    return frozenset(path for path in held if fields.on_wire(path) in names)


@dataclass(frozen=True, slots=True)
class _Change:
    """What a turn makes of a field."""

    value: Json
    """The new value; None for an empty field."""
    stated: Json = None
    """The part of it that this turn states."""
    adds: bool = False
    """Whether it adds to the value that was there."""


def step_of(said: Statements, turn: Turn, state: State, fields: Fields[Any]) -> Step:
    """Tell what the statements of a turn change.

    Args:
        said: What was said.
        turn: The turn.
        state: What the form holds.
        fields: The form's fields.
    """
    source, number = SourceText(turn.text), len(state.turns)
    entries: dict[str, Entry | None] = {}
    refused: dict[str, Entry] = {}
    for path, known in fields.by_path.items():
        held = state.entries.get(path)
        change = _change(path, said, held, fields)
        if change is None or (held is not None and same_json(held.value, change.value)):
            continue
        quotes = tuple(_quotes(path, change.stated, said.evidence, source, number))
        if change.adds and held is not None:
            quotes = (*held.quotes, *quotes)
        supported = is_supported(change.stated, known.schema, turn)
        entry = Entry(change.value, number, quotes, supported=supported)
        if held is not None and held.locked:
            refused[path] = entry
        else:
            entries[path] = None if change.value is None else entry
    return Step("fill", entries, refused, turn, said.unsupported)


def _change(path: str, said: Statements, held: Entry | None, fields: Fields[Any]) -> _Change | None:
    """Tell what a turn makes of a field; None if nothing."""
    stated = said.values.get(path)
    if fields.is_list(path) and isinstance(stated, dict) and (held or is_revision(stated)):
        return _list_change(path, stated, held, fields)
    if held is None:
        return None if stated is None or stated in _EMPTY else _Change(stated, stated)
    if stated == [] and fields.is_list(path):
        return _Change(None)
    if stated is None or stated in _EMPTY:
        return _Change(None) if path in said.cleared else None
    value = fields.updated(path, held.value, stated)
    return _Change(value, stated, adds=path in fields.keys)


def _list_change(
    path: str, change: dict[str, Json], held: Entry | None, fields: Fields[Any]
) -> _Change | None:
    items = held.value if held is not None and isinstance(held.value, list) else []
    keys = fields.keys.get(path, ())
    left, added = revised(items, change, keys)
    value = fields.updated(path, left, added) if keys else [*left, *added]
    if held is None and not value:
        return None
    return _Change(value or None, added, adds=True)


def _quotes(
    path: str, stated: Json, evidence: Mapping[str, Evidence], source: SourceText, turn: int
) -> Iterator[Quote]:
    """Find a value in what was said: at its evidence, else where its words come first."""
    below = f"{path}/"
    proved = [found for at, found in evidence.items() if at == path or at.startswith(below)]
    if proved:
        yield from (Quote(turn, found.quote, found.start, found.end) for found in proved)
        return
    for scalar in scalars(stated):
        if isinstance(scalar, bool):
            continue
        for start, end in source.spans(scalar, "words")[:1]:
            yield Quote(turn, source.text[start:end], start, end)


# ---- support in what was said ------------------------------------------------------------------


def is_supported(stated: Json, schema: JsonSchema, turn: Turn) -> bool | None:
    """Whether what was said, or the question that it answers, has what a value says in some form.

    Args:
        stated: The value.
        schema: The schema of its field.
        turn: The turn that is said to state it.

    Returns:
        None if that cannot be told: of booleans, and of labels that the words do not have.
    """
    said = HeldTexts("\n".join(filter(None, (turn.asked, turn.text))))
    found = [None if isinstance(one, bool) else said.holds(str(one)) for one in scalars(stated)]
    if False in found:
        return None if _has_labels(schema) else False
    return None if None in found or not found else True


def scalars(value: Json) -> Iterator[str | int | float | bool]:
    """The texts, numbers and booleans in a value."""
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from scalars(inner)
    elif isinstance(value, str | int | float):
        yield value


def _has_labels(schema: JsonSchema) -> bool:
    """Whether a field's values are chosen from a list, so that the user may say it otherwise."""
    options = (schema, schema.get("items"), *schema.get("anyOf", ()))
    return any(isinstance(one, dict) and ("enum" in one or "const" in one) for one in options)
