"""Images and files of a request, checked against what a model takes, before anything is sent.

The rows are from the vendors' documentation, as of autumn 2026. If a source says nothing,
everything is sent.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any, Final

from structgen.errors import InputError
from structgen.prompt.attachments import CountAttachment, size_in_pixels, usual_tokens
from structgen.values import IMAGE_PARTS, Message, attachments_in, url_of_attachment
from structgen.wire.dialect import IMAGE_TYPES, AttachmentLimits, Capabilities
from structgen.wire.models.known import facts_of

_TEXT_ALONE: Final = AttachmentLimits(images=0, files=False)
_GROQ_BYTES: Final = 20_000_000
_SIDES: Final = ((1, 8000), (21, 2000))
"""The longest side of an image that Anthropic takes, by how many there are."""

LIMITS: Final[Sequence[tuple[str, str, AttachmentLimits]]] = (
    # https://console.groq.com/docs/vision
    ("groq", "qwen/qwen3.6*", AttachmentLimits(images=5, bytes=_GROQ_BYTES, files=False)),
    ("groq", "qwen/qwen3.8*", AttachmentLimits(images=3, bytes=_GROQ_BYTES, files=False)),
    ("groq", "openai/gpt-oss*", _TEXT_ALONE),
    # https://platform.openai.com/docs/models
    ("openai", "gpt-3.5*", _TEXT_ALONE),
    ("openai", "o1-mini*", _TEXT_ALONE),
    ("openai", "o3-mini*", _TEXT_ALONE),
    # https://platform.openai.com/docs/guides/images-vision
    ("openai", "*", AttachmentLimits()),
    # https://platform.claude.com/docs/en/build-with-claude/vision
    ("anthropic", "claude-3*", AttachmentLimits(images=100, bytes=32_000_000, sides=_SIDES)),
    ("anthropic", "claude-haiku-4*", AttachmentLimits(images=100, bytes=32_000_000, sides=_SIDES)),
    ("anthropic", "*", AttachmentLimits(images=600, bytes=32_000_000, sides=_SIDES)),
    # https://ai.google.dev/gemini-api/docs/image-understanding
    (
        "gemini",
        "*",
        AttachmentLimits(media_types=IMAGE_TYPES - {"image/gif"} | {"image/heic", "image/heif"}),
    ),
    # https://docs.ollama.com/api/openai-compatibility
    ("ollama", "*", AttachmentLimits(files=False, urls=False)),
)
"""Provider, a glob pattern of its models, and what they take. The first one that fits is used."""


def limits_of(caps: Capabilities, model: str) -> AttachmentLimits | None:
    """Find what a model takes of images and files; None if it is not known.

    Args:
        caps: The row of the model, whose own limits come first.
        model: The model's name.
    """
    if caps.attachments is not None:
        return caps.attachments
    name = model.lower()
    fitting = (
        limits
        for provider, pattern, limits in LIMITS
        if provider == caps.owner and fnmatchcase(name, pattern)
    )
    return next(fitting, None)


def counter_of(caps: Capabilities, model: str) -> CountAttachment:
    """Give what counts the tokens of an image as a model does; a usual number if that is not known.

    Args:
        caps: The row of the model.
        model: The model's name.
    """
    rule = facts_of(caps.owner, model).image_tokens
    if rule is None:
        return usual_tokens

    def count(part: Mapping[str, Any]) -> int:
        if part.get("type") not in IMAGE_PARTS:
            return usual_tokens(part)
        if isinstance(rule, int):
            return rule
        size = size_in_pixels(part)
        if size is None or 0 in size:
            return usual_tokens(part)
        held = part.get("image_url")
        detail = held.get("detail") if isinstance(held, Mapping) else None
        return rule.tokens(*size, detail)

    return count


def check_attachments(messages: Sequence[Message], caps: Capabilities, model: str) -> None:
    """Raise if a model does not take the images and files in messages.

    Args:
        messages: The messages to send.
        caps: The row of the model.
        model: The model's name.

    Raises:
        InputError: If it reads none, or they are too many, too large, or of another kind.
    """
    parts = attachments_in(messages)
    limits = limits_of(caps, model) if parts else None
    if limits is None:
        return
    name = f"{caps.provider}:{model}"
    images = [part for part in parts if part["type"] in IMAGE_PARTS]
    if limits.images == 0 and images:
        raise InputError(
            f"{name} reads text alone, and the messages hold an image.",
            hint="Choose a model that reads images. If this one does, pass a row of your own as "
            "`capabilities`.",
        )
    if len(parts) > len(images) and not limits.files:
        raise InputError(
            f"{name} reads no files, and the messages hold one.",
            hint="Give its pages as images, or its text.",
        )
    if limits.images is not None and len(images) > limits.images:
        raise InputError(
            f"{name} reads at most {limits.images} images in a request; "
            f"the messages hold {len(images)}.",
            hint="Ask about fewer at once: `page_numbers` chooses pages of a document.",
        )
    sides = (side for count, side in limits.sides if len(images) >= count)
    side = min(sides, default=None)
    for part in images:
        _check_image(part, limits, name)
        if side is not None:
            _check_side(part, side, name, len(images))
    size = sum(len(url_of_attachment(part)) for part in parts)
    if limits.bytes is not None and size > limits.bytes:
        raise InputError(
            f"The images and files have {size:,} bytes as base64; {name} takes at most "
            f"{limits.bytes:,} in a request.",
            hint="Make the images smaller, or give fewer.",
        )


def _check_image(part: Mapping[str, Any], limits: AttachmentLimits, name: str) -> None:
    url = url_of_attachment(part)
    if not url.startswith("data:"):
        if not limits.urls:
            raise InputError(
                f"{name} does not fetch images from URLs.",
                hint="Pass the image itself: structgen.image(path).",
            )
        return
    media_type = url[5:].partition(";")[0]
    if media_type not in limits.media_types:
        taken = ", ".join(sorted(one.partition("/")[2] for one in limits.media_types))
        raise InputError(
            f"{name} does not read images of type {media_type}.",
            hint=f"Convert it first; it reads {taken}.",
        )


def _check_side(part: Mapping[str, Any], side: int, name: str, count: int) -> None:
    width, height = size_in_pixels(part) or (0, 0)
    if max(width, height) > side:
        among = f" if there are {count} of them" if count > 1 else ""
        raise InputError(
            f"{name} reads images of at most {side:,} pixels a side{among}; one has {width} x "
            f"{height}.",
            hint="Make it smaller; read pages of a document with a lower `dpi`.",
        )
