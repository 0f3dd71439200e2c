"""Messages of an extraction: what to do, which fields, worked examples, and last the document, as data.

What stays the same between calls comes first and the document last, so that prompt caches (a hosted API's or a local engine's)
serve everything before it. Fields are a bullet list made from the compiled schema, not raw JSON Schema: small models follow the
list and copy the schema, and large ones lose points when descriptions reach the grammar but not the prompt.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from structgen.errors import InputError
from structgen.values import Json, JsonSchema, Message

_TASK = "Extract the record from the document. Answer with one JSON {shape} and nothing else."
_CONTEXT = "Context, to read the document with. Nothing is extracted from it."
_SHAPES = {"object": "object", "array": "array"}
_MAX_ENUM = 60


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

    `schema` is the compiled one, as JSON text; `examples` are (text, answer in the compiled schema's terms); a `document` that is a
    list of messages is a conversation, and stays as it is behind the system message. `context` is shown before the document, as
    data that helps to read it. `show_schema` adds the JSON Schema itself, for modes in which nothing else conveys it. Raises
    InputError for an empty document.
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
    """The fields of a schema, given as JSON text, as a bullet list; "" where it has none."""
    document: JsonSchema = json.loads(schema)
    return "\n".join(_fields(document, document, 0, frozenset()))


def reask(answer: str, faults: Sequence[str]) -> tuple[Message, ...]:
    """What follows an invalid answer: the answer, and where it is wrong."""
    listed = "\n".join(f"- {fault}" for fault in faults)
    return (
        {"role": "assistant", "content": answer},
        {
            "role": "user",
            "content": f"That answer is not valid:\n{listed}\nAnswer again with the whole corrected JSON and nothing else.",
        },
    )


def delimited(text: str, name: str = "document") -> str:
    """The text between tags that do not occur in it, so that nothing in it can end it early."""
    tag, number = name, 1
    while f"<{tag}>" in text or f"</{tag}>" in text:
        number += 1
        tag = f"{name}-{number}"
    return f"<{tag}>\n{text}\n</{tag}>"


def estimate_tokens(messages: Sequence[Message]) -> int:
    """A rough length in tokens: 4 bytes of UTF-8 a token, and 4 tokens a message."""
    return sum(
        4 + len(json.dumps(message.get("content"), ensure_ascii=False).encode()) // 4
        for message in messages
    )


def _conversation(document: str | Sequence[Message], context: str | None) -> tuple[Message, ...]:
    before = f"{_CONTEXT}\n{delimited(context, 'context')}" if context and context.strip() else ""
    if not isinstance(document, str):
        if not document:
            raise InputError(
                "The conversation has no messages.", hint="Pass a text, or at least one message."
            )
        return ({"role": "user", "content": before}, *document) if before else tuple(document)
    if not document.strip():
        raise InputError("The text is empty.", hint="Pass the text to extract from.")
    return (
        {
            "role": "user",
            "content": f"{before}\n\n{delimited(document)}" if before else delimited(document),
        },
    )


@lru_cache(maxsize=256)
def _system(text: bytes, instructions: str | None, show_schema: bool) -> str:
    """The system message. The same for every document, so it is made once."""
    schema: JsonSchema = json.loads(text)
    parts = [_TASK.format(shape=_SHAPES.get(str(schema.get("type")), "value"))]
    if instructions:
        parts.append(instructions.strip())
    if listed := fields_of(text):
        parts.append(f"Fields:\n{listed}")
    if summary := schema.get("description"):
        # Behind the fields: before them, the smallest models take it for the value of the first one.
        parts.append(" ".join(summary.split()))
    if show_schema:
        parts.append(f"JSON Schema of the answer:\n{text.decode()}")
    return "\n\n".join(parts)


def _fields(root: JsonSchema, node: Any, depth: int, seen: frozenset[str]) -> Iterator[str]:
    """Bullets of a node's fields, each one's inner fields indented below it. A type that is open already is named only."""
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
    """The node behind its references; None where it is one that is being described already, or none at all."""
    while isinstance(node, dict) and isinstance(ref := node.get("$ref"), str):
        if ref in seen:
            return None, seen
        seen = seen | {ref}
        node = _lookup(root, ref)
    return (node if isinstance(node, dict) else None), seen


def _lookup(root: JsonSchema, ref: str) -> Any:
    node: Any = root
    for part in ref.removeprefix("#").split("/")[1:]:
        node = (
            node.get(part.replace("~1", "/").replace("~0", "~")) if isinstance(node, dict) else None
        )
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
