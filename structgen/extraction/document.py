"""The document of a question: a text or messages, whichever way the user gave it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, Final

from structgen.prompt.attachments import image, sniff_media_type
from structgen.values import Attachment, Document

_HEAD: Final = 64
"""Bytes of a file that are read to tell what it is."""


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


def image_in(path: str | os.PathLike[str]) -> Attachment | None:
    """Read an image file; None for any other file, and for one that cannot be read.

    Args:
        path: The file, whose first bytes tell what it is.
    """
    try:
        with open(path, "rb") as opened:
            media_type = sniff_media_type(opened.read(_HEAD))
    except (OSError, ValueError):
        return None
    return image(path) if media_type and media_type.startswith("image/") else None
