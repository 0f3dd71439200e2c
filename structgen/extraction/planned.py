"""The plan of a call: the values that `plan` gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from structgen.options import Options
from structgen.results import folded_notes
from structgen.values import Json, JsonSchema, Message, Mode, Note


@dataclass(frozen=True, slots=True)
class PlannedPart:
    """A part of a wide record, which would be asked about in a question of its own."""

    fields: tuple[str, ...]
    """JSON Pointers of its fields; a record that is asked about whole is one."""
    size: int
    """How many fields that hold no others it has; those of a list's items count once."""
    tokens: int
    """An estimate of the length of its prompt, in tokens."""
    mode: Mode
    """How the answer would be held to the schema."""
    schema: JsonSchema = field(repr=False)
    """Its schema, compiled for this backend."""

    def to_dict(self) -> dict[str, Json]:
        """Give the part as plain JSON data."""
        return {**asdict(self), "fields": list(self.fields)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The first question of a call. Nothing was sent.

    If the record is split, `schema`, `messages`, `body` and `tokens` are those of the first part.
    """

    backend: str
    """The backend's name."""
    mode: Mode
    """How the answer would be held to the schema."""
    schema: JsonSchema
    """The schema, compiled for this backend."""
    notes: tuple[Note, ...]
    """Its differences from the source."""
    messages: tuple[Message, ...] = field(repr=False)
    """The messages, as the model would see them."""
    options: Options
    """The options of client and call together."""
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    """Members of the request body; None for an engine in this process."""
    tokens: int = 0
    """An estimate of the prompt's length, in tokens."""
    stream: bool = False
    """Whether the answer would be read as it comes."""
    parts: tuple[PlannedPart, ...] = ()
    """The parts that would be asked about one by one; none if the record is asked about whole."""

    def to_dict(self) -> dict[str, Json]:
        """Give the plan as plain JSON data, without options that are not set."""
        names = ("backend", "mode", "schema", "tokens", "stream", "body")
        return {
            **{name: getattr(self, name) for name in names},
            "notes": [str(note) for note in folded_notes(self.notes)],
            "messages": list(self.messages),
            "parts": [part.to_dict() for part in self.parts],
            "options": {
                name: _name_of(value) if callable(value) else value
                for name, value in self.options.to_dict().items()
            },
        }


def _name_of(function: object) -> str:
    return str(getattr(function, "__qualname__", type(function).__qualname__))
