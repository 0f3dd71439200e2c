"""The messages of an extraction: the task, the fields, worked examples, and last the document.

What stays the same between calls comes first and the document last, so that prompt caches (of a
hosted API or a local engine) serve everything before it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache, partial
from typing import Any, Final

from structgen.errors import ConfigurationError, InputError
from structgen.options import UNSET, PromptWriter, Unset
from structgen.prompt.inline import delimited, one_line, without_null_phrase
from structgen.prompt.layouts import template_of
from structgen.prompt.listing import NAMES_ALONE, fields_of
from structgen.prompt.template import PLACEHOLDERS, fill, placeholders_of
from structgen.prompt.thinking import TOLD
from structgen.prompt.views import has_optional, takes_null
from structgen.values import (
    FixedMessage,
    Json,
    JsonSchema,
    Message,
    PromptParts,
    TextOrMessages,
)

_TASK: Final = "Extract the record from the document. Answer with one JSON {} and nothing else."
_NULL: Final = "Use null for every field that the document does not state."
_ABSENT: Final = "Leave out every field that the document does not state."
_COPY: Final = "Copy values as they stand."
_CONTEXT: Final = "Context, to read the document with. Nothing is extracted from it."
_HEAD: Final = "{task} {nulls}\n\n{instructions}"
"""The beginning of the layouts that can show the fields after the document."""
_HEAD_OF_PARTS: Final = "{task}\n\n{instructions}"
_PART: Final = "Give one part of the record: the fields below and no others."
_SCHEMA: Final = "JSON Schema of the answer:\n{schema}"


def messages_for(
    schema: bytes,
    document: TextOrMessages,
    *,
    instructions: str | None = None,
    examples: Sequence[tuple[str, Json]] = (),
    examples_vary: bool = False,
    context: str | None = None,
    show_schema: bool = False,
    prompt: str | PromptWriter | Unset = UNSET,
    model: str = "",
    reasoning: str = "off",
    fields_last: bool = False,
) -> tuple[Message, ...]:
    """The messages of one extraction.

    Args:
        schema: The compiled schema, as JSON text.
        document: What to extract from. The messages of a conversation follow the system message as
            they are.
        instructions: What else the model should know.
        examples: (document, answer in the terms of the compiled schema) pairs.
        examples_vary: Whether other documents are shown other examples.
        context: A text that helps to read the document; it is shown right before it.
        show_schema: Whether to add the JSON Schema itself, for modes in which nothing else conveys
            it.
        prompt: A layout, a template, or a function that writes the messages; UNSET for the layout
            that suits the model.
        model: The name of the model.
        reasoning: Which thoughts to ask for before the answer: a key of `TOLD`, or "off".
        fields_last: Whether to show after the document what is about this schema alone, so that
            questions about several parts of a record begin alike, for prompt caches. Templates of
            the user's own stay as they are.

    Returns:
        The messages, in the form of Chat Completions. Those that are the same for every document
        are FixedMessages; a function's are not, since they may hold the document anywhere.

    Raises:
        InputError: If the document is empty.
        SchemaError: If the list of fields is too long.
        ConfigurationError: If there is no such prompt, or the function gives no messages.
    """
    conversation = _conversation(document, context)
    if callable(prompt):
        given = (document, instructions, examples, context)
        return _written(prompt, _parts(schema, *given))
    template = template_of(prompt, model)
    if show_schema and "schema" not in placeholders_of(template):
        template = f"{template}\n\n{_SCHEMA}"
    if told := TOLD.get(reasoning):
        template = f"{template}\n\n{told}"
    if fields_last and template.startswith(_HEAD):
        of_part = f"{_PART} {{nulls}}{template.removeprefix(_HEAD)}"
        conversation = _with_last(conversation, _system(schema, None, of_part))
        template = _HEAD_OF_PARTS
    system = FixedMessage(role="system", content=_system(schema, instructions, template))
    turns = _example_turns(examples)
    shown = turns if examples_vary else map(FixedMessage, turns)
    return (system, *shown, *conversation)


def _example_turns(examples: Sequence[tuple[str, Json]]) -> list[Message]:
    """Worked examples as turns, in the spacing that models write and decoders force."""
    shown: list[Message] = []
    for text, answer in examples:
        shown.append({"role": "user", "content": delimited(text)})
        shown.append({"role": "assistant", "content": json.dumps(answer, ensure_ascii=False)})
    return shown


@lru_cache(maxsize=256)
def _system(schema: bytes, instructions: str | None, template: str) -> str:
    """The system message. It is the same for every document, so it is made once."""
    return fill(template, partial(placeholder, schema, instructions))


# ---- placeholders -------------------------------------------------------------------------------


def placeholder(schema: bytes, instructions: str | None, name: str) -> str:
    """Give the text of a placeholder.

    Args:
        schema: The compiled schema, as JSON text.
        instructions: What else the model should know.
        name: The placeholder.

    Raises:
        SchemaError: If the list of fields is too long.
    """
    return instructions or "" if name == "instructions" else _TEXTS[name](schema)


def _task(schema: bytes) -> str:
    kind = json.loads(schema).get("type")
    return _TASK.format(kind if kind in ("object", "array") else "value")


def _nulls(schema: bytes) -> str:
    root: JsonSchema = json.loads(schema)
    if takes_null(root):
        return f"{_NULL} {_COPY}"
    return f"{_ABSENT} {_COPY}" if has_optional(root) else _COPY


def _description(schema: bytes) -> str:
    text = json.loads(schema).get("description")
    return one_line(without_null_phrase(text)) if isinstance(text, str) else ""


def _about(schema: bytes) -> str:
    """The description of the target; if it has none, the names of its outer fields."""
    lines = fields_of(schema, NAMES_ALONE).splitlines() if not _description(schema) else []
    names = [line[2:].partition(":")[0] for line in lines if line.startswith("- ")]
    text = _description(schema) or ", ".join(names) or "The record"
    return text if text.endswith((".", "!", "?")) else f"{text}."


_TEXTS: Final[Mapping[str, Callable[[bytes], str]]] = {
    "task": _task,
    "nulls": _nulls,
    "description": _description,
    "about": _about,
    "fields": fields_of,
    "names": partial(fields_of, detail=NAMES_ALONE),
    "schema": bytes.decode,
}
"""How the text of a placeholder is made from the schema."""


# ---- a function of the user ---------------------------------------------------------------------


def _parts(
    schema: bytes,
    document: TextOrMessages,
    instructions: str | None,
    examples: Sequence[tuple[str, Json]],
    context: str | None,
) -> PromptParts:
    return PromptParts(
        schema=json.loads(schema),
        document=document,
        instructions=instructions,
        examples=tuple(examples),
        context=context,
        placeholders={name: placeholder(schema, instructions, name) for name in PLACEHOLDERS},
    )


def _written(prompt: PromptWriter, parts: PromptParts) -> tuple[Message, ...]:
    """What a function of the user writes."""
    messages = prompt(parts)
    is_list = isinstance(messages, Sequence) and not isinstance(messages, str | bytes)
    if not is_list or not messages or not all(map(_is_message, messages)):
        raise ConfigurationError(
            "The function given as `prompt` returned no list of messages.",
            hint='Return messages such as [{"role": "user", "content": "..."}].',
        )
    return tuple(messages)


def _is_message(value: Any) -> bool:
    return isinstance(value, Mapping) and "role" in value


# ---- other messages -----------------------------------------------------------------------------


def reask(answer: str, faults: Sequence[str]) -> tuple[Message, ...]:
    """The messages that ask for an answer again.

    Args:
        answer: The answer that is not valid.
        faults: What is wrong with it, one line each.

    Returns:
        The answer, and the request to correct it.
    """
    listed = "\n".join(f"- {one_line(fault)}" for fault in faults)
    asked = "Answer again with the whole corrected JSON and nothing else."
    return (
        {"role": "assistant", "content": answer},
        {"role": "user", "content": f"That answer is not valid:\n{listed}\n{asked}"},
    )


def _is_blank(content: Any) -> bool:
    return content is None or (isinstance(content, str) and not content.strip())


def _checked_messages(document: Any) -> tuple[Message, ...]:
    hint = 'Pass the text as a str, or messages such as {"role": "user", "content": "..."}.'
    if not isinstance(document, Sequence) or isinstance(document, bytes | bytearray):
        kind = type(document).__name__
        raise InputError(f"The document is of type {kind}, not a text or messages.", hint=hint)
    if not document:
        raise InputError(
            "The conversation has no messages.", hint="Pass at least one message, or a text."
        )
    if not all(map(_is_message, document)):
        raise InputError("A message of the conversation has no `role`.", hint=hint)
    said = [one for one in document if one["role"] == "user"] or document
    if all(_is_blank(message.get("content")) for message in said):
        raise InputError(
            "The messages of the conversation are empty.", hint="Pass the text to extract from."
        )
    return tuple(document)


def _with_last(messages: tuple[Message, ...], text: str) -> tuple[Message, ...]:
    """Messages that end with a text, in the last message if that is the user's."""
    last = messages[-1]
    content = last.get("content")
    if last["role"] != "user" or not isinstance(content, str | list):
        return (*messages, {"role": "user", "content": text})
    if isinstance(content, str):
        return (*messages[:-1], {**last, "content": f"{content}\n\n{text}"})
    return (*messages[:-1], {**last, "content": [*content, {"type": "text", "text": text}]})


def _conversation(document: TextOrMessages, context: str | None) -> tuple[Message, ...]:
    before = f"{_CONTEXT}\n{delimited(context, 'context')}" if context and context.strip() else ""
    if not isinstance(document, str):
        messages = _checked_messages(document)
        return ({"role": "user", "content": before}, *messages) if before else messages
    if not document.strip():
        raise InputError("The document is empty.", hint="Pass the text to extract from.")
    shown = f"{before}\n\n{delimited(document)}" if before else delimited(document)
    return ({"role": "user", "content": shown},)
