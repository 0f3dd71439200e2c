"""Saved forms: JSON text with a version, the schema's hash, the revision and the steps."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from structgen.errors import FormChangedError, NotJsonError
from structgen.forms.state import Entry, State, Step, state_of
from structgen.schema.json_text import parse_json
from structgen.schema.target import Target

VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Saved:
    """What is written down. `schema`: `hash_of` its target."""

    structgen_form: int
    schema: str
    revision: int
    steps: tuple[Step, ...]


def hash_of(target: Target[Any]) -> str:
    """What tells one schema from another, whatever order its members are in: SHA-256, in hexadecimal."""
    return hashlib.sha256(json.dumps(target.schema, sort_keys=True).encode()).hexdigest()


def write(form: Saved) -> str:
    """A form as JSON text."""
    return json.dumps(asdict(form), separators=(",", ":"))


def read(text: str | bytes) -> Saved:
    """What `write` wrote. Raises FormChangedError for anything else, and for a version that this one does not know."""
    try:
        data = parse_json(text)
        if (
            isinstance(data, dict)
            and isinstance(data.get("structgen_form"), int)
            and data["structgen_form"] > VERSION
        ):
            raise FormChangedError(
                "The form was saved by a later version of structgen.",
                hint="Load it with that version.",
            )
        form: Saved = _reader().validate_python(data)
        sound = _is_sound(state_of(form.steps), form.steps)
    except (NotJsonError, ValidationError, LookupError):
        sound = False
    if not sound:
        raise FormChangedError(
            "This is no saved form, or a damaged one.", hint="Pass the text that `dumps` gave."
        )
    return form


def kept(steps: Sequence[Step], fits: Callable[[str, Entry], bool]) -> tuple[Step, ...]:
    """The steps with no more than what fits. They stay as many: turns are counted by them."""
    return tuple(
        replace(
            step,
            entries={
                path: entry
                for path, entry in step.entries.items()
                if entry is None or fits(path, entry)
            },
            refused={path: entry for path, entry in step.refused.items() if fits(path, entry)},
        )
        for step in steps
    )


@cache
def _reader() -> TypeAdapter[Saved]:
    return TypeAdapter(Saved)


def _is_sound(state: State, steps: Sequence[Step]) -> bool:
    """Do the quotes stand where they should?"""
    entries = [
        entry
        for step in steps
        for entry in (*step.entries.values(), *step.refused.values())
        if entry is not None
    ]
    return all(
        state.turns[q.turn].text[q.start : q.end] == q.quote
        for entry in entries
        for q in entry.quotes
    )
