"""How the model is told of the form of its answer: in the system message, by its own layout."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import partial
from typing import Final

from structgen.prompt.layouts import LAYOUTS, layout_for
from structgen.prompt.messages import placeholder
from structgen.prompt.template import fill, placeholders_of
from structgen.values import Message

_OF_SCHEMAS: Final = frozenset({"fields", "names", "description"})
"""The placeholders that tell of a schema alone. The others tell of an extraction."""
_BETWEEN: Final = "\n\n"
_DOCUMENT: Final = re.compile(r"<(document(?:-\d+)?)>\n(.*)\n</\1>", re.DOTALL)
"""A document as structgen's own client puts it into a message."""


def describe_schema(schema: bytes, model: str) -> str:
    """Describe a schema as the prompt layout of a model does, without what is said of extraction.

    Args:
        schema: The compiled schema, as JSON text.
        model: The name of the model.

    Returns:
        Paragraphs; "" if the layout of the model tells nothing of the schema.

    Raises:
        SchemaError: If the list of fields is too long.
    """
    paragraphs = LAYOUTS[layout_for(model)].split(_BETWEEN)
    kept = [one for one in paragraphs if (names := placeholders_of(one)) and names <= _OF_SCHEMAS]
    return fill(_BETWEEN.join(kept), partial(placeholder, schema, None))


def with_instructions(messages: Sequence[Message], *texts: str) -> list[Message]:
    """Add instructions to the system message.

    Args:
        messages: The messages of the client.
        *texts: The instructions. A paragraph that the system message has already is left out:
            structgen's own client says itself what a schema means.
    """
    first = messages[0]
    known = str(first["content"]) if first["role"] == "system" else ""
    paragraphs = [one for text in texts for one in text.split(_BETWEEN) if one]
    added = [one for one in paragraphs if one not in known]
    if not added:
        return list(messages)
    content = _BETWEEN.join([known, *added] if known else added)
    others = messages[1:] if first["role"] == "system" else messages
    return [{"role": "system", "content": content}, *others]


def document_in(messages: Sequence[Message]) -> str:
    """Find the document that a conversation asks about.

    Args:
        messages: The messages of the client.

    Returns:
        What stands between `<document>` tags in the last message of the user; without tags, the
        contents of all messages of the user, joined with line breaks.
    """
    said = [_text_of(message) for message in messages if message["role"] == "user"]
    tagged = _DOCUMENT.search(said[-1]) if said else None
    return tagged[2] if tagged else "\n".join(said)


def _text_of(message: Message) -> str:
    """The text of a message, without its images."""
    content = message["content"]
    if isinstance(content, str):
        return content
    return "".join(part.get("text", "") for part in content)
