"""The images in messages, as pixels for a model in this process."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from structgen.errors import InputError
from structgen.extras import load
from structgen.reading.images.opened import check_pixels, in_colours, open_image
from structgen.reading.opening.sniffing import sniff_media_type
from structgen.values import IMAGE_PARTS, Message, attachments_in, url_of_attachment

_IMAGE: Final = "An image in the messages"
"""The name of an image in errors."""


@dataclass(frozen=True, slots=True)
class Picture:
    """An image, as pixels."""

    width: int
    height: int
    pixels: bytes = field(repr=False)
    """Red, green and blue of each pixel, row by row from the top left corner."""


def check_pictures(messages: Sequence[Message], model: str, *, able: bool) -> None:
    """Raise if a model in this process cannot be shown what messages hold beside texts.

    Args:
        messages: The messages.
        model: The model's name.
        able: Whether the model has a projector, so that it reads images.

    Raises:
        InputError: If it has none and there is an image, or if there is something else.
    """
    for part in attachments_in(messages):
        kind = part.get("type")
        if kind not in IMAGE_PARTS:
            raise InputError(
                f"{model} runs in this process and reads no files, but the messages hold one.",
                hint='Give its text, or its pages: structgen.read(path, pages="images").',
            )
        if not able:
            raise InputError(
                f"{model} cannot see: it has no projector, and the messages hold an image.",
                hint="If it is a model that sees, put the projector that was published with it "
                '(mmproj-*.gguf) beside it, or name it: Client("local:model.gguf", '
                'mmproj="mmproj.gguf"). Otherwise use a model that reads images.',
            )
        if not url_of_attachment(part).startswith("data:"):
            raise InputError(
                f"{model} runs in this process and does not fetch images from URLs.",
                hint="Pass the image itself: structgen.image(path).",
            )


def picture_of(part: Mapping[str, Any]) -> Picture:
    """Decode an image, turned upright, on white if it is transparent.

    Args:
        part: The part of a message that holds it.

    Raises:
        InputError: If it is damaged, too large, or no image.
        MissingPackage: If Pillow is not installed.
    """
    data = _data_of(url_of_attachment(part))
    found = sniff_media_type(data)
    if found is None or not found.startswith("image/"):
        raise InputError(
            f"{_IMAGE} is not an image of a known kind.",
            hint="Give a PNG, JPEG, GIF or WebP image.",
        )
    turning = load("PIL.ImageOps", "files")
    try:
        opened = open_image(data, _IMAGE)
        check_pixels(opened, _IMAGE)
        plain = in_colours(turning.exif_transpose(opened))
    except InputError:
        raise
    except Exception as error:  # each kind of image has a decoder of its own
        raise InputError(
            f"{_IMAGE} ({found}) is damaged.",
            hint="Save it again, as PNG or JPEG.",
        ) from error
    return Picture(plain.width, plain.height, plain.tobytes())


def _data_of(url: str) -> bytes:
    head, _, body = url.partition(",")
    try:
        return base64.b64decode(body, validate=True) if head.endswith(";base64") else b""
    except (binascii.Error, ValueError):
        return b""
