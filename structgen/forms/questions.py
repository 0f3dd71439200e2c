"""The next question to the user, and how a model words it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from structgen.forms.fields import Field
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
            path, subject = field.path, f"the {field.label}"
        yield NextQuestion(path, f"Please correct {subject}: {violation.wanted}.")
    for path in missing:
        yield NextQuestion(path, _question_for(fields[path]))


def _field_at(fields: Mapping[str, Field], path: str) -> Field | None:
    """Find the field that a path is at or in."""
    holders = (one for at, one in fields.items() if f"{path}/".startswith(f"{at}/"))
    return next(holders, None)


def _question_for(field: Field) -> str:
    label = field.label[:1].upper() + field.label[1:]
    description = str(field.schema.get("description", "")).rstrip(".")
    return f"{label} ({description})?" if description else f"{label}?"
