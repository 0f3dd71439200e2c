"""Typed questions to a server, for targets of which every value is closed: the mode `decisions`.

Each field is one question, and its options are answered by probabilities. No text is written, so
that nothing can be malformed or cut.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from structgen.errors import SchemaError
from structgen.extraction.backend import Backend
from structgen.options import UNSET, Options
from structgen.schema.closed_fields import ClosedField, closed_fields
from structgen.schema.compiler import Compiled, compile_schema
from structgen.schema.target import Target
from structgen.values import Answer, Json, Message, TextOrMessages
from structgen.wire.dialect import ChatRequest
from structgen.wire.dialects.decisions import DECISIONS, QUESTIONS, DecisionForm
from structgen.wire.link import Link

LANGUAGE: Final = "llguidance"
"""The schema language of the mode: it has all options of all values."""
_WHOLE: Final = "value"
"""The name of the question about a record that is one value."""
_MOST_TOLD: Final = 10
"""Options that `alternatives` has of each value."""


def fault_of_decisions(target: Target[Any], document: TextOrMessages, options: Options) -> str:
    """Tell why a record cannot be asked for by typed questions.

    Args:
        target: What to extract.
        document: What to extract it from.
        options: The options of the call.

    Returns:
        Why, as a clause; "" if it can be.
    """
    given = {
        "a vote on samples": options.samples not in (UNSET, 1),
        "a prompt of your own": options.prompt is not UNSET,
        "thoughts": options.reasoning not in (UNSET, "off"),
    }
    if wanted := [name for name, is_given in given.items() if is_given]:
        return f"it has no place for {wanted[0]}"
    if not isinstance(document, str):
        return "the document is not one text"
    try:
        fields = closed_fields(compile_schema(target, LANGUAGE))
    except SchemaError:
        fields = ()
    return "" if fields else f"not all values of {target.name} have few known options"


def messages_of(document: str, instructions: str | None, context: str | None) -> list[Message]:
    """Write what is asked about: the text, and instructions, which go to every question.

    Args:
        document: The text.
        instructions: What else the model should know.
        context: A text that helps to read the document.
    """
    texts = [text for text in (context, document) if text and text.strip()]
    messages: list[Message] = [{"role": "user", "content": text} for text in texts]
    if instructions and instructions.strip():
        messages.insert(0, {"role": "system", "content": instructions})
    return messages


def decision_request(
    backend: Backend, compiled: Compiled[Any], messages: Sequence[Message], options: Options
) -> tuple[Link, ChatRequest]:
    """The request of the questions about a record, and the way it goes.

    Args:
        backend: Who is asked; its row has the form of the questions.
        compiled: The target, in the language of the mode.
        messages: What `messages_of` gives.
        options: The options of the call.
    """
    link = backend.via
    assert isinstance(link, Link)  # noqa: S101 - only servers have this mode
    form: DecisionForm = link.caps.decisions or "decisions"
    caps = replace(link.caps, dialect=DECISIONS[form], path=form)
    told = " ".join(str(one["content"]) for one in messages if one["role"] == "system")
    questions = [_asked(one, told) for one in closed_fields(compiled) if len(one.options) > 1]
    request = ChatRequest(
        model=backend.model,
        messages=[one for one in messages if one["role"] == "user"],
        options=options,
        mode="decisions",
        members={QUESTIONS: questions},
    )
    return replace(link, caps=caps), request


def _asked(field: ClosedField, told: str) -> dict[str, Json]:
    unstated = field.labels[field.options.index(None)] if None in field.options else None
    return {
        "name": _name(field),
        "instructions": " ".join(filter(None, (_question(field), told))),
        "labels": list(field.labels),
        "unstated": unstated,
        "is_truth": field.is_truth,
    }


def _name(field: ClosedField) -> str:
    return field.pointer or _WHOLE


def _question(field: ClosedField) -> str:
    """A question about a field, from its name and its description."""
    what = " of ".join(key.replace("_", " ") for key in reversed(field.keys))
    about = " ".join(field.description.split())
    if not what:
        return about or "Which of these is right for the text?"
    if field.is_truth:
        return f"By the text, this is true: {what}. {about}".strip()
    return f"Which {what} does the text state? {about}".strip()


def decided_answer(answer: Answer, compiled: Compiled[Any]) -> Answer:
    """The likeliest record as the text of an answer, with the options of each value.

    Args:
        answer: The answer to the questions: the probabilities of the labels, by field.
        compiled: The target, in the language of the mode.
    """
    shares: Mapping[str, Mapping[str, float]] = json.loads(answer.text or "{}")
    data: Json = None
    alternatives: dict[str, tuple[tuple[Json, float], ...]] = {}
    for field in closed_fields(compiled):
        best = field.options[0]
        if len(field.options) > 1:
            own = shares[_name(field)]
            pairs = [
                (option, own[label])
                for option, label in zip(field.options, field.labels, strict=True)
            ]
            ranked = sorted(pairs, key=lambda pair: -pair[1])
            best = ranked[0][0]
            alternatives[field.pointer] = tuple(ranked[:_MOST_TOLD])
        data = _with_value(data, field.keys, best)
    text = json.dumps(data, ensure_ascii=False)
    return replace(answer, text=text, alternatives=alternatives)


def _with_value(data: Json, keys: Sequence[str], value: Json) -> Json:
    """The data with a value at its place."""
    if not keys:
        return value
    members = data if isinstance(data, dict) else {}
    members[keys[0]] = _with_value(members.get(keys[0]), keys[1:], value)
    return members
