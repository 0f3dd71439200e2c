"""Images: documents without a text, for models that see."""

from __future__ import annotations

import io
from typing import Any, Final

from structgen.extras import load
from structgen.reading.builder import DocumentBuilder
from structgen.reading.document import Document
from structgen.reading.images.opened import check_pixels, in_colours, open_image
from structgen.reading.layout import PageImage
from structgen.reading.options import ReadSettings

_SENT_AS_THEY_ARE: Final = {
    "PNG": "image/png",
    "JPEG": "image/jpeg",
    "GIF": "image/gif",
    "WEBP": "image/webp",
}
"""The kinds that models on servers take, by Pillow's name; others become PNG."""
_PNG_BYTES: Final = 1_000_000
"""From this size on, an image is also tried as JPEG, which photographs take less room in."""
_JPEG_QUALITY: Final = 90
_ORIENTATION: Final = 0x0112
"""The EXIF tag that says how a photograph is turned; models may not look at it."""


def read_image(data: bytes, settings: ReadSettings) -> Document:
    """Read an image as a document without a text; each image of a TIFF is a page.

    Args:
        data: The file.
        settings: Which pages to read.

    Raises:
        DocumentError: If it is damaged, or has too many pixels.
    """
    builder = DocumentBuilder()
    with open_image(data, settings.name or "The image") as opened:
        count = getattr(opened, "n_frames", 1) if opened.format == "TIFF" else 1
        for number in range(1, count + 1):
            if settings.wants_page(number):
                if number > 1:
                    opened.seek(number - 1)
                seen = _page_image(opened, data, settings)
                with builder.page(number, seen.width, seen.height, seen):
                    pass
    return builder.build(name=settings.name, media_type=settings.media_type or "image/png")


def _page_image(opened: Any, data: bytes, settings: ReadSettings) -> PageImage:
    check_pixels(opened, settings.name or "The image")
    width, height = opened.size
    kind = _SENT_AS_THEY_ARE.get(opened.format)
    is_upright = opened.getexif().get(_ORIENTATION, 1) == 1
    if kind is not None and is_upright:
        return PageImage(data, kind, width, height)
    turned = load("PIL.ImageOps", "files").exif_transpose(opened)
    return encoded(turned)


def encoded(image: Any) -> PageImage:
    """Give an image of Pillow as PNG, or as JPEG if it is large and that is smaller.

    Args:
        image: A `PIL.Image.Image`.
    """
    plain = in_colours(image)
    png = _saved(plain, "PNG")
    if len(png) > _PNG_BYTES:
        jpeg = _saved(plain, "JPEG", quality=_JPEG_QUALITY)
        if len(jpeg) < len(png):
            return PageImage(jpeg, "image/jpeg", *plain.size)
    return PageImage(png, "image/png", *plain.size)


def _saved(image: Any, kind: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()
