"""Saved forms: JSON text with a version, the schema's hash, the revision and the steps."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any, Final

from pydantic import TypeAdapter

from structgen.errors import FormChangedError, InputError, NotJsonError
from structgen.forms.fields import Fields
from structgen.forms.folding import entries_of
from structgen.forms.state import Entry, State, Step, state_of
from structgen.schema.json import digest
from structgen.schema.json_text import scan
from structgen.schema.target import Target
from structgen.schema.wire_names import without_wire_names
from structgen.values import kind_of_value

VERSION: Final = 2
"""The version of the format. A form of a later version is refused; one of version 1 has no digest
and is read."""


@dataclass(frozen=True, slots=True)
class SavedForm:
    """The parts of a form that are saved."""

    structgen_form: int
    """The version of the format, under a name that tells what the text is."""
    schema: str
    """The digest of the target's schema."""
    revision: int
    """The revision at which it was saved."""
    steps: tuple[Step, ...]
    """Everything that happened to the form."""
    digest: str | None = None
    """The SHA-256 of the steps as they are written; it tells if somebody edited them."""


def save_form(target: Target[Any], revision: int, steps: tuple[Step, ...]) -> str:
    """Write a form as JSON text."""
    form = SavedForm(VERSION, schema_digest(target), revision, steps)
    data = asdict(form)
    return json.dumps({**data, "digest": _digest(data)}, separators=(",", ":"))


def schema_digest(target: Target[Any]) -> str:
    """Hash the schema of a target; names on the wire make no difference to a form."""
    return digest(without_wire_names(target.schema))


def _digest(data: Mapping[str, Any]) -> str:
    told = {name: data[name] for name in ("schema", "revision", "steps")}
    return digest(told)


def load_form(text: str | bytes) -> SavedForm:
    """Read what `save_form` wrote.

    Raises:
        InputError: If it is no text at all.
        FormChangedError: If the text is something else or damaged, or its version is later.
    """
    if not isinstance(text, (str, bytes)):
        raise InputError(
            f"A saved form is a text, not {kind_of_value(text)}.",
            hint="Pass the text that `dumps` gave.",
        )
    try:
        data = scan(text, dict)  # `parse_json` takes values as deep as theirs, with nothing around
        _check_version(data)
        form: SavedForm = _adapter().validate_python(data)
        sound = _quotes_match(state_of(form.steps), form.steps)
    except (NotJsonError, ValueError, LookupError, RecursionError):
        sound = False
    if not sound:
        raise FormChangedError(
            "The text is not a saved form, or is damaged.", hint="Pass the text that `dumps` gave."
        )
    if form.structgen_form > 1 and form.digest != _digest(data):
        raise FormChangedError(
            "The saved form was edited after `dumps` wrote it.",
            hint="Load the text as `dumps` gave it, then change values with `set`.",
        )
    return form


def _check_version(data: Any) -> None:
    version = data.get("structgen_form") if isinstance(data, dict) else None
    if isinstance(version, int) and version > VERSION:
        raise FormChangedError(
            "The form was saved by a later version of structgen.",
            hint="Update structgen, then load the form again.",
        )


@cache
def _adapter() -> TypeAdapter[SavedForm]:
    return TypeAdapter(SavedForm)


def _quotes_match(state: State, steps: Sequence[Step]) -> bool:
    """Whether every quote is in its turn where it says."""
    entries = [entry for step in steps for entry in entries_of(step)]
    return all(
        state.turns[q.turn].text[q.start : q.end] == q.quote
        for entry in entries
        for q in entry.quotes
    )


def check_renamed(names: Mapping[str, str], fields: Fields[Any]) -> None:
    """Check the paths of renamed fields: a mistyped one would lose what the field held.

    Args:
        names: The new path of a field or record, by its old path.
        fields: The fields of the form as they are now.

    Raises:
        InputError: If an old path is no JSON Pointer, or a new one is no field or record.
    """
    if not isinstance(names, Mapping):
        raise InputError(
            f"`renamed` is {kind_of_value(names)}.",
            hint='Give the new paths by the old ones, such as renamed={"/name": "/guest"}.',
        )
    for old, new in names.items():
        if not isinstance(old, str) or (old and not old.startswith("/")):
            raise InputError(
                f"{old!r} in `renamed` is no path of a field.",
                hint="Write it as a JSON Pointer, such as /name or /address/town.",
            )
        fields.check_place(new)


def move_renamed(steps: Sequence[Step], names: Mapping[str, str]) -> tuple[Step, ...]:
    """Move the entries of renamed fields.

    Args:
        steps: The steps.
        names: The new path of a field or record, by its old path.

    Raises:
        InputError: If two fields that hold something come to one path, which holds one value.
    """

    def new(path: str) -> str:
        holders = [old for old in names if f"{path}/".startswith(f"{old}/")]
        old = max(holders, key=len, default="")
        return names[old] + path[len(old) :] if holders else path

    came: dict[str, str] = {}
    for path in sorted({path for step in steps for path in (*step.entries, *step.refused)}):
        other = came.setdefault(new(path), path)
        if other != path:
            raise InputError(
                f"With `renamed`, the form has {other} and {path} at one path, {new(path)}.",
                hint="Leave one of them out of `renamed`: its value is then listed in `dropped`.",
            )
    return tuple(
        replace(
            step,
            entries={new(path): entry for path, entry in step.entries.items()},
            refused={new(path): entry for path, entry in step.refused.items()},
        )
        for step in steps
    )


def keep_fitting(steps: Sequence[Step], fits: Callable[[str, Entry], bool]) -> tuple[Step, ...]:
    """Remove the entries that do not fit. No step goes: turns are counted by them."""
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
