"""The record of a form, without a model: what its fields hold, and how to change them directly."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Generic

from pydantic_core import PydanticSerializationError, to_jsonable_python
from typing_extensions import TypeVar

from structgen.errors import FormIncompleteError, InputError, InvalidOutputError, NotJsonError
from structgen.forms.fields import Field, Fields
from structgen.forms.folding import folded
from structgen.forms.state import Conflict, Entry, State, Step, Turn, state_of
from structgen.schema.check import part_violations, validate
from structgen.schema.json_text import parse_json
from structgen.schema.target import Target, target_of
from structgen.values import Json, Violation, kind_of_value

T = TypeVar("T", default=Any)


class FormRecord(Generic[T]):
    """A record of `target` that is being filled in. Its state is the list of steps taken so far."""

    def __init__(self, target: Any, keys: Mapping[str, Sequence[str]]) -> None:
        self.target: Target[T] = target_of(target)
        self._fields: Fields[T] = Fields(self.target, keys)
        self._steps: tuple[Step, ...] = ()
        self._revision = 0

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.target.name}, revision {self._revision})"

    # ---- what it holds -----------------------------------------------------------------------

    @property
    def revision(self) -> int:
        """The number of changes so far, undone ones included."""
        return self._revision

    @property
    def fields(self) -> Mapping[str, Field]:
        """Every field by its path, in the target's order."""
        return self._fields.by_path

    @property
    def state(self) -> State:
        """Entries, conflicts, history and turns."""
        return state_of(self._steps)

    @property
    def entries(self) -> Mapping[str, Entry]:
        """The values of the fields, and where they come from, by path."""
        return self.state.entries

    @property
    def turns(self) -> Sequence[Turn]:
        """Everything that the user said so far."""
        return self.state.turns

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        """The fields about which two statements contradict each other."""
        return tuple(self.state.conflicts.values())

    @property
    def data(self) -> Json:
        """The record as far as it is known, as plain data.

        A field that nobody stated holds null or an empty list, if the target takes that.
        """
        values = {path: entry.value for path, entry in self.entries.items()}
        return self._fields.complete_record(values)

    @property
    def missing(self) -> tuple[str, ...]:
        """The fields that the target needs and nobody stated."""
        return self._fields.missing(self.data)

    @property
    def invalid(self) -> tuple[Violation, ...]:
        """The faults of the fields, and, once nothing is missing, of the whole record."""
        data = self.data
        return part_violations(self.target, data, self._fields.missing(data))

    def history(self, path: str) -> tuple[Entry, ...]:
        """List the earlier values of a field, oldest first.

        Raises:
            InputError: If there is no such field.
        """
        return tuple(self.state.history.get(self._fields.field_at(path).path, ()))

    def complete(self) -> T:
        """Give the finished value, checked by all validators of the target.

        Raises:
            FormIncompleteError: If a field is missing or invalid.
        """
        try:
            return validate(self.target, self.data)
        except InvalidOutputError as error:
            missing, invalid = self.missing, self.invalid
            if not missing and not invalid:
                invalid = tuple(error.violations)
            counts = {"missing": len(missing), "invalid": len(invalid)}
            faults = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
            raise FormIncompleteError(
                f"The form is not a complete {self.target.name} yet: {faults}.",
                missing=missing,
                invalid=invalid,
                hint="See `missing` and `invalid`; `next_question` asks for the first of them.",
            ) from None

    # ---- what is set -------------------------------------------------------------------------

    def set(self, path: str, value: Any) -> None:
        """Put a value into a field and lock it; at a record's path, into the record's fields.

        Args:
            path: JSON Pointer of a field, of a record, or "" for the whole form.
            value: Plain data, or what Pydantic writes as such. `invalid` tells if it is invalid.

        Raises:
            InputError: If there is no such path, or JSON cannot carry the value, or not so deep.
        """
        found = self._fields.values_by_field(path, _to_json(value))
        _check_depth(self._fields.record_of(found))
        self._add(Step("set", {at: Entry(inner, locked=True) for at, inner in found.items()}))

    def clear(self, path: str) -> None:
        """Empty and unlock a field, or all fields of a record.

        Raises:
            InputError: If there is no such path.
        """
        self._add(Step("clear", dict.fromkeys(self._filled_at(path))))

    def lock(self, path: str) -> None:
        """Keep what a field, or a record's fields, hold: what the user says changes nothing.

        Raises:
            InputError: If there is no such path.
        """
        entries = self.entries
        kept = {at: replace(entries[at], locked=True) for at in self._filled_at(path)}
        self._add(Step("lock", kept))

    def unlock(self, path: str) -> None:
        """Let what the user says change a field, or a record's fields, again.

        Raises:
            InputError: If there is no such path.
        """
        entries = self.entries
        kept = {at: replace(entries[at], locked=False) for at in self._filled_at(path)}
        self._add(Step("unlock", kept))

    def undo(self) -> bool:
        """Take back the last step and what was said in it. The revision grows all the same.

        Returns:
            Whether there was a step to take back. Folded steps, more than a hundred ago, stay.
        """
        if not self._steps or self._steps[-1].kind == "fold":
            return False
        self._steps, self._revision = self._steps[:-1], self._revision + 1
        return True

    def _filled_at(self, path: str) -> list[str]:
        """The fields at and below a path that hold something."""
        below = f"{path}/"
        paths = [at for at in self.fields if at == path or at.startswith(below)]
        if not paths:
            self._fields.field_at(path)  # raises InputError
        entries = self.entries
        return [at for at in paths if at in entries]

    def _add(self, step: Step) -> Step:
        self._steps, self._revision = folded((*self._steps, step)), self._revision + 1
        return step


def _to_json(value: Any) -> Json:
    """Give a value as plain JSON data. Raises InputError if JSON cannot carry it."""
    try:
        # A computed field is no field of a form: `round_trip` leaves it out.
        data = to_jsonable_python(value, by_alias=True, round_trip=True)
        json.dumps(data, allow_nan=False, ensure_ascii=False).encode()
    except (PydanticSerializationError, TypeError, ValueError, RecursionError):
        raise InputError(
            f"JSON cannot carry this value: {kind_of_value(value)}.",
            hint="Give valid texts, finite numbers, booleans, lists and objects of them.",
        ) from None
    return data


def _check_depth(record: Json) -> None:
    """Raise InputError if a record is nested deeper than the check of an answer reads."""
    try:
        parse_json(json.dumps(record))
    except NotJsonError:
        raise InputError(
            "The value is nested too deeply.", hint="Nest it less than 200 deep."
        ) from None
