"""What is asked: the user, about the next field, and the model, about a turn."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from structgen.forms.fields import Field, Fields
from structgen.forms.state import State
from structgen.schema.json import to_text, unescape
from structgen.values import JsonSchema, Violation

WORDING: Final = (
    "Write one short, polite question to the user that asks for the field below, in the language "
    "that the user writes."
)
"""The instructions to a model that words a question."""
WORDED: Final[JsonSchema] = {
    "title": "Question",
    "type": "object",
    "properties": {
        "question": {
            "type": "string",
            "minLength": 1,
            "maxLength": 300,
            "description": "the question to the user",
        }
    },
    "required": ["question"],
    "additionalProperties": False,
}
"""The schema of its answer."""

INSTRUCTIONS: Final = (
    "A form is filled in over a conversation. The document is what the user says now. Give only "
    "what it states or corrects: null for every field that it says nothing about, even where the "
    "context does."
)
_TURNS_SHOWN: Final = 4
"""How many earlier turns to show. The values show what older ones stated."""
_SHOWN_OF_A_TURN: Final = 1000
"""How many characters to show of an earlier turn."""


@dataclass(frozen=True, slots=True)
class NextQuestion:
    """The next question to the user."""

    path: str
    """JSON Pointer of the field that the question is about."""
    text: str
    """The question."""

    def __str__(self) -> str:
        return self.text


def open_questions(
    fields: Mapping[str, Field], invalid: Sequence[Violation], missing: Sequence[str]
) -> Iterator[NextQuestion]:
    """Ask about every field that is invalid, then about every one that is missing."""
    for violation in invalid:
        field = _field_at(fields, violation.path)
        path, subject = violation.path, "the form"
        if field is not None:
            path, subject = field.path, f"the {_place(field, violation.path)}"
        yield NextQuestion(path, f"Please correct {subject}: {violation.wanted}.")
    for path in missing:
        yield NextQuestion(path, _question_for(fields[path]))


def _field_at(fields: Mapping[str, Field], path: str) -> Field | None:
    """Find the field that a path is at or in."""
    holders = (one for at, one in fields.items() if f"{path}/".startswith(f"{at}/"))
    return next(holders, None)


def _place(field: Field, path: str) -> str:
    """Name a place in a field in words, such as "size of item 2 of drinks"."""
    inner = [unescape(step) for step in path[len(field.path) :].split("/")[1:]]
    words = [f"item {int(step) + 1}" if step.isdecimal() else step for step in reversed(inner)]
    return " of ".join([*(word.replace("_", " ") for word in words), field.label])


def _question_for(field: Field) -> str:
    label = field.label[:1].upper() + field.label[1:]
    description = str(field.schema.get("description", "")).rstrip(".")
    return f"{label} ({description})?" if description else f"{label}?"


def context_of(state: State, asked: str | None, fields: Fields[Any]) -> str | None:
    """Give the conversation before a turn and what the form holds, for the model to read."""
    lines = conversation(state)
    if state.entries:
        held = fields.shown({path: entry.value for path, entry in state.entries.items()})
        lines.append(f"The form holds: {to_text(held)}")
    if asked:
        lines.append(f"Assistant: {_indented(asked)}")
    return "\n".join(lines) or None


def conversation(state: State) -> list[str]:
    """Give the last turns, a line for each thing said."""
    lines = []
    for turn in state.turns[-_TURNS_SHOWN:]:
        if turn.asked:
            lines.append(f"Assistant: {_beginning(turn.asked)}")
        lines.append(f"User: {_beginning(turn.text)}")
    return lines


def _beginning(text: str) -> str:
    is_short = len(text) <= _SHOWN_OF_A_TURN
    return _indented(text if is_short else f"{text[:_SHOWN_OF_A_TURN]} ...")


def _indented(text: str) -> str:
    """Indent further lines: a text must not pass for what somebody else said, or the form holds."""
    return "\n  ".join(text.splitlines())
