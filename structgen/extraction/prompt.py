"""The messages of an extraction: the task, the fields, worked examples, and last the document.

What stays the same between calls comes first and the document last, so that prompt caches (of a
hosted API or a local engine) serve everything before it. Fields are shown as a bullet list made
from the compiled schema, not as raw JSON Schema: small models follow the list and would copy the
schema, and large ones lose points if descriptions reach the grammar but not the prompt.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from structgen.errors import InputError
from structgen.schema.json import unescape
from structgen.values import Json, JsonSchema, Message

_TASK = "Extract the record from the document. Answer with one JSON {shape} and nothing else."
_CONTEXT = "Context, to read the document with. Nothing is extracted from it."
_SHAPES = {"object": "object", "array": "array"}
_MAX_ENUM = 60  # listed values of one field: more would push the document out of a small context


def messages_for(
    schema: bytes,
    document: str | Sequence[Message],
    *,
    instructions: str | None = None,
    examples: Sequence[tuple[str, Json]] = (),
    context: str | None = None,
    show_schema: bool = False,
) -> tuple[Message, ...]:
    """The messages of one extraction.

    Args:
        schema: The compiled schema, as JSON text.
        document: What to extract from. The messages of a conversation follow the system message as
            they are.
        instructions: What else the model should know.
        examples: (document, answer in the terms of the compiled schema) pairs.
        context: A text that helps to read the document; it is shown right before it.
        show_schema: Whether to add the JSON Schema itself, for modes in which nothing else conveys
            it.

    Returns:
        The messages, in the form of Chat Completions.

    Raises:
        InputError: If the document is empty.
    """
    system: Message = {"role": "system", "content": _system(schema, instructions, show_schema)}
    shown: list[Message] = []
    for text, answer in examples:
        shown.append({"role": "user", "content": delimited(text)})
        shown.append(
            {
                "role": "assistant",
                "content": json.dumps(answer, ensure_ascii=False, separators=(",", ":")),
            }
        )
    return (system, *shown, *_conversation(document, context))


def fields_of(schema: bytes) -> str:
    """The fields of a schema as a bullet list.

    Args:
        schema: The schema, as JSON text.

    Returns:
        One line for each field, its inner fields indented; "" if the schema has none.
    """
    root: JsonSchema = json.loads(schema)
    return "\n".join(_fields(root, root, 0, frozenset()))


def reask(answer: str, faults: Sequence[str]) -> tuple[Message, ...]:
    """The messages that ask for an answer again.

    Args:
        answer: The answer that is not valid.
        faults: What is wrong with it, one line each.

    Returns:
        The answer, and the request to correct it.
    """
    listed = "\n".join(f"- {fault}" for fault in faults)
    asked = "Answer again with the whole corrected JSON and nothing else."
    return (
        {"role": "assistant", "content": answer},
        {"role": "user", "content": f"That answer is not valid:\n{listed}\n{asked}"},
    )


def delimited(text: str, name: str = "document") -> str:
    """Put a text between tags that do not occur in it, so that nothing in it can end it early.

    Args:
        text: The text.
        name: The tag; a number is added if the text has it.

    Returns:
        The text between the tags.
    """
    tag, number = name, 1
    while f"<{tag}>" in text or f"</{tag}>" in text:
        number += 1
        tag = f"{name}-{number}"
    return f"<{tag}>\n{text}\n</{tag}>"


def estimate_tokens(messages: Sequence[Message]) -> int:
    """Estimate the length of messages in tokens: 4 bytes of UTF-8 a token, 4 tokens a message.

    Args:
        messages: The messages, in the form of Chat Completions.

    Returns:
        A rough count. Real tokenizers differ by a third either way.
    """
    return sum(
        4 + len(json.dumps(message.get("content"), ensure_ascii=False).encode()) // 4
        for message in messages
    )


def _check_messages(document: Any) -> None:
    hint = 'Pass the text as a str, or messages such as {"role": "user", "content": "..."}.'
    if not isinstance(document, Sequence) or isinstance(document, bytes | bytearray):
        kind = type(document).__name__
        raise InputError(f"The document is of type {kind}, not a text or messages.", hint=hint)
    if not document:
        raise InputError(
            "The conversation has no messages.", hint="Pass at least one message, or a text."
        )
    if not all(isinstance(message, Mapping) and "role" in message for message in document):
        raise InputError("A message of the conversation has no `role`.", hint=hint)


def _conversation(document: str | Sequence[Message], context: str | None) -> tuple[Message, ...]:
    before = f"{_CONTEXT}\n{delimited(context, 'context')}" if context and context.strip() else ""
    if not isinstance(document, str):
        _check_messages(document)
        return ({"role": "user", "content": before}, *document) if before else tuple(document)
    if not document.strip():
        raise InputError("The document is empty.", hint="Pass the text to extract from.")
    shown = f"{before}\n\n{delimited(document)}" if before else delimited(document)
    return ({"role": "user", "content": shown},)


@lru_cache(maxsize=256)
def _system(text: bytes, instructions: str | None, show_schema: bool) -> str:
    """The system message. It is the same for every document, so it is made once."""
    schema: JsonSchema = json.loads(text)
    parts = [_TASK.format(shape=_SHAPES.get(str(schema.get("type")), "value"))]
    if instructions:
        parts.append(instructions.strip())
    if listed := fields_of(text):
        parts.append(f"Fields:\n{listed}")
    if summary := schema.get("description"):
        # After the fields: before them, the smallest models take it for the value of the first one.
        parts.append(" ".join(summary.split()))
    if show_schema:
        parts.append(f"JSON Schema of the answer:\n{text.decode()}")
    return "\n\n".join(parts)


def _fields(root: JsonSchema, node: Any, depth: int, seen: frozenset[str]) -> Iterator[str]:
    """The bullets of a node's fields, inner fields indented. A type inside itself is only named."""
    node, seen = _resolved(root, node, seen)
    if node is None:
        return
    for name, child in node.get("properties", {}).items():
        yield f"{'  ' * depth}- {_label(root, name, child)}"
        yield from _fields(root, child, depth + 1, seen)
    for branch in node.get("anyOf", ()):
        yield from _fields(root, branch, depth, seen)
    if isinstance(node.get("items"), dict):
        yield from _fields(root, node["items"], depth, seen)


def _resolved(
    root: JsonSchema, node: Any, seen: frozenset[str]
) -> tuple[dict[str, Any] | None, frozenset[str]]:
    """The node that references lead to, and the references seen.

    None if the node is being described already, or is no schema.
    """
    while isinstance(node, dict) and isinstance(ref := node.get("$ref"), str):
        if ref in seen:
            return None, seen
        seen = seen | {ref}
        node = _lookup(root, ref)
    return (node if isinstance(node, dict) else None), seen


def _lookup(root: JsonSchema, ref: str) -> Any:
    node: Any = root
    for step in ref.removeprefix("#").split("/")[1:]:
        node = node.get(unescape(step)) if isinstance(node, dict) else None
    return node


def _label(root: JsonSchema, name: str, node: Any) -> str:
    description = node.get("description") if isinstance(node, dict) else None
    label = f"{name} ({_kind(root, node, frozenset())})"
    return f"{label}: {' '.join(description.split())}" if description else label


def _kind(root: JsonSchema, node: Any, seen: frozenset[str]) -> str:
    """A type in words: "string or null", "list of object", "one of: red, green"."""
    node, seen = _resolved(root, node, seen)
    if not node:
        return "value"
    if "const" in node:
        return json.dumps(node["const"], ensure_ascii=False)
    if "enum" in node:
        values = [json.dumps(value, ensure_ascii=False) for value in node["enum"]]
        more = f", and {len(values) - _MAX_ENUM} more" if len(values) > _MAX_ENUM else ""
        return f"one of: {', '.join(values[:_MAX_ENUM])}{more}"
    if "anyOf" in node:
        return " or ".join(dict.fromkeys(_kind(root, branch, seen) for branch in node["anyOf"]))
    kinds = node.get("type", "value")
    if kinds == "array":
        return f"list of {_kind(root, node.get('items'), seen)}"
    text = " or ".join(kinds) if isinstance(kinds, list) else str(kinds)
    return f"{text}, {node['format']}" if "format" in node else text
