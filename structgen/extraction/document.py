"""The document of a question: a text or messages, whichever way the user gave it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from structgen.values import Attachment, Document


def with_messages(document: Document) -> Document:
    """Give a document as a text or as messages.

    An image or a file, and a list of these and of texts, becomes one message of the user.

    Args:
        document: What the user wants to extract from. What is no document is given back as it is.
    """
    parts = [document] if isinstance(document, Attachment) else document
    if not isinstance(parts, list | tuple) or not any(map(_is_part, parts)):
        return document
    if not all(isinstance(one, str) or _is_part(one) for one in parts):
        return parts
    content = [{"type": "text", "text": one} if isinstance(one, str) else one for one in parts]
    return [{"role": "user", "content": content}]


def _is_part(value: Any) -> bool:
    return isinstance(value, Mapping) and "type" in value and "role" not in value
