"""Images and files in messages: made from paths, bytes and URLs, and counted in tokens."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final, Literal, TypeAlias

from structgen.errors import InputError
from structgen.reading.images.pixels import pixel_size
from structgen.reading.opening.opened import check_is_file, url_in_path
from structgen.reading.opening.remote import is_remote
from structgen.reading.opening.secrets import redact
from structgen.reading.opening.sniffing import sniff_media_type
from structgen.values import (
    BYTES_PER_TOKEN,
    Attachment,
    Message,
    attachments_in,
    kind_of_value,
    url_of_attachment,
)

Detail: TypeAlias = Literal["auto", "low", "high"]
"""How closely a model looks at an image, in OpenAI's words; most other providers ignore it."""

TOKENS_OF_ATTACHMENT: Final = 2048
"""What an image is taken to cost, in tokens, whatever its size in bytes: what Groq counts
(console.groq.com/docs/vision). A file is counted alike, since its pages are not known."""

_BEGINNING: Final = 4096
"""Characters of base64 in which the size of an image is looked for first; a multiple of 4."""
_TOKENS_OF_MESSAGE: Final = 4


def image(
    source: str | os.PathLike[str] | bytes,
    *,
    media_type: str | None = None,
    detail: Detail | None = None,
) -> Attachment:
    """Make an image that can be extracted from, or put into a message.

    Args:
        source: The path of an image file, its bytes, or the URL of an image (http, https or data).
        media_type: Its media type, such as "image/png". By default the first bytes tell it.
        detail: How closely the model looks at it: "auto", "low" or "high".

    Raises:
        InputError: If the file cannot be read, or is not known to be an image.
    """
    url = source if isinstance(source, str) and _is_url(source) else None
    if url is None:
        data, name = _read(source)
        found = media_type or sniff_media_type(data)
        if found is None or not found.startswith("image/"):
            raise InputError(
                f"{name} is not an image of a known kind.",
                hint="Give a PNG, JPEG, GIF or WebP image, or name its `media_type`. "
                "For a PDF use structgen.file.",
            )
        url = _data_url(data, found)
    held = {"url": url} if detail is None else {"url": url, "detail": detail}
    return Attachment(type="image_url", image_url=held)


def file(
    source: str | os.PathLike[str] | bytes,
    *,
    name: str | None = None,
    media_type: str | None = None,
) -> Attachment:
    """Make a file, such as a PDF, that can be extracted from, or put into a message.

    Args:
        source: The path of the file, or its bytes.
        name: The name that the model is told; by default that of the path.
        media_type: Its media type. By default the first bytes tell it, or else the name's ending.

    Raises:
        InputError: If the file cannot be read, or nothing tells its media type.
    """
    from mimetypes import guess_type  # it reads the tables of the system

    data, where = _read(source)
    shown = name or ("document" if isinstance(source, bytes) else Path(source).name)
    found = media_type or sniff_media_type(data) or guess_type(shown)[0]
    if found is None:
        raise InputError(
            f"{where} is a file of an unknown kind.",
            hint='Name its `media_type`, such as "application/pdf".',
        )
    held = {"filename": shown, "file_data": _data_url(data, found)}
    return Attachment(type="file", file=held)


def _is_url(text: str) -> bool:
    return text.lower().startswith(("http://", "https://", "data:"))


def _read(source: Any) -> tuple[bytes, str]:
    """The bytes of a source, and what an error calls it."""
    if isinstance(source, bytes | bytearray | memoryview):
        return bytes(source), "The data"
    if not isinstance(source, str | os.PathLike):
        raise InputError(
            f"An image or file cannot be made of {kind_of_value(source)}.",
            hint="Give a path, bytes, or the URL of an image.",
        )
    url = url_in_path(source)
    if url is not None and is_remote(url):
        raise InputError(
            f"Cannot make a file of the URL {redact(url)}.",
            hint="Download it and pass its path or bytes. `structgen.read` reads the text of a "
            "URL, and `structgen.image` takes the URL of an image as it is.",
        )
    try:
        check_is_file(Path(source))
        return Path(source).read_bytes(), str(source)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(
            f"Cannot read {source}: {reason}.", hint="Name a readable file."
        ) from error


def _data_url(data: bytes, media_type: str) -> str:
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def size_in_pixels(part: Mapping[str, Any]) -> tuple[int, int] | None:
    """Tell the width and height of an image in a message; None if it does not hold its data.

    Args:
        part: The part of a message that holds it.
    """
    head, _, body = url_of_attachment(part).partition(",")
    if not head.startswith("data:") or not head.endswith(";base64"):
        return None
    try:
        # The size is nearly always near the beginning, and base64 of 4 characters stands alone.
        for beginning in (body[:_BEGINNING], body):
            size = pixel_size(base64.b64decode(beginning))
            if size is not None:
                return size
    except ValueError:
        return None
    return None


# ---- tokens --------------------------------------------------------------------------------------


CountAttachment: TypeAlias = Callable[[Mapping[str, Any]], int]
"""Tells how many tokens a part of a message with an image or a file counts as."""


def usual_tokens(part: Mapping[str, Any]) -> int:
    """Count an image or a file of which nothing is known.

    Args:
        part: The part of a message that holds it.
    """
    return TOKENS_OF_ATTACHMENT


def estimate_tokens(
    messages: Sequence[Message], of_attachment: CountAttachment = usual_tokens
) -> int:
    """Estimate the length of messages in tokens: 4 bytes of UTF-8 a token, 4 tokens a message.

    Args:
        messages: The messages, in the form of Chat Completions.
        of_attachment: Counts each image and each file.

    Returns:
        A rough count. Real tokenizers differ by a third either way.
    """
    contents = [json.dumps(message.get("content"), ensure_ascii=False) for message in messages]
    of_texts = sum(_TOKENS_OF_MESSAGE + bytes_of(text) // BYTES_PER_TOKEN for text in contents)
    return of_texts + _difference(messages, of_attachment)


def bytes_of(text: str) -> int:
    """Count the bytes of a text in UTF-8. Half of a surrogate pair counts as three.

    Such a text cannot be sent; the call says so, and an estimate need not.

    Args:
        text: The text.
    """
    return len(text.encode("utf-8", "surrogatepass"))


def estimate_tokens_of_body(
    body: bytes, messages: Sequence[Message], of_attachment: CountAttachment = usual_tokens
) -> int:
    """Estimate the length of a request in tokens, images and files as `estimate_tokens` does.

    Args:
        body: The request's body, as a dialect wrote it.
        messages: The messages that are in it.
        of_attachment: Counts each image and each file.
    """
    return max(0, len(body) // BYTES_PER_TOKEN + _difference(messages, of_attachment))


def _difference(messages: Sequence[Message], of_attachment: CountAttachment) -> int:
    """What the attachments of messages count for, less what their data would count for as text."""
    return sum(
        of_attachment(part) - len(url_of_attachment(part)) // BYTES_PER_TOKEN
        for part in attachments_in(messages)
    )
