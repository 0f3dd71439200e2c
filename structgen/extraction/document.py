"""The document of a question: a text or messages, whichever way the user gave it."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from structgen.errors import InputError
from structgen.prompt.attachments import image
from structgen.reading.document import Document
from structgen.values import Attachment, DocumentLike, Message, TextOrMessages


def with_messages(document: DocumentLike) -> TextOrMessages:
    """Give a document as a text or as messages.

    A path is read. An image or a file, a Document with images of its pages, and a list of these and
    of texts become one message of the user.

    Args:
        document: What the user wants to extract from. What is no document is given back as it is.

    Raises:
        InputError: If a file cannot be read, or a list holds nothing but texts.
        MissingPackage: If the package that reads it is not installed.
    """
    given = _read(document) if isinstance(document, os.PathLike) else document
    parts: Sequence[Any] = given if isinstance(given, list | tuple) else [given]
    if not any(map(_is_seen, parts)):
        if given is parts and parts and all(isinstance(one, str) for one in parts):
            raise InputError(
                "The document is a list of texts, and could be one document or several.",
                hint="Join the texts to ask about all of them at once, or give the list to `map` "
                "to ask about each.",
            )
        return given
    if not all(isinstance(one, str) or _is_seen(one) for one in parts):
        return parts
    content = [part for one in parts for part in _parts_of(one)]
    return [{"role": "user", "content": content}]


def _read(path: os.PathLike[str]) -> Document:
    from structgen.reading.files import read  # a call about a text needs no readers

    return read(path)


def _is_seen(value: Any) -> bool:
    """Whether a value goes into a message as it is, or holds images that do."""
    if isinstance(value, Document):
        return bool(value.images)
    is_part = isinstance(value, Mapping) and "type" in value and "role" not in value
    return is_part or isinstance(value, Attachment | os.PathLike)


def _parts_of(value: Any) -> Iterator[Message]:
    """The parts of a message that show a text, the pages of a document, or an attachment."""
    given = _read(value) if isinstance(value, os.PathLike) else value
    if not isinstance(given, str):
        yield given
        return
    if given.strip():
        yield {"type": "text", "text": str(given)}
    if isinstance(given, Document):
        for seen in given.images:
            yield image(seen.data, media_type=seen.media_type)
