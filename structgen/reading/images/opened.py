"""Open an image with Pillow, and give its pixels as people see them."""

from __future__ import annotations

import io
import warnings
from typing import Any, Final

from structgen.errors import DocumentError
from structgen.extras import load

MOST_PIXELS: Final = 40_000_000
"""The size of one image: A2 at 300 dots per inch. A larger one may be meant to fill the memory."""
_HINT: Final = f"At most {MOST_PIXELS:,} are read: make it smaller."
_WHITES: Final = {"I;16": (65_535,), "I": (255, 65_535), "F": (1, 255, 65_535)}
"""The usual values of white in Pillow's modes of wide numbers."""


def open_image(data: bytes, name: str) -> Any:
    """Open an image. Its pixels are not decoded yet.

    Args:
        data: The file.
        name: What to call it in errors.

    Returns:
        A `PIL.Image.Image`.

    Raises:
        DocumentError: If it has so many pixels that Pillow refuses it.
        MissingPackage: If Pillow is not installed.
        Exception: If it is damaged: what Pillow raises.
    """
    pillow = load("PIL.Image", "files")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about large images, which `check_pixels` refuses
            return pillow.open(io.BytesIO(data))
    except pillow.DecompressionBombError:
        raise _too_large(f"{name} has more than {2 * pillow.MAX_IMAGE_PIXELS:,} pixels.") from None


def check_pixels(image: Any, name: str) -> None:
    """Raise if an image has too many pixels.

    Args:
        image: A `PIL.Image.Image`.
        name: What to call it in errors.

    Raises:
        DocumentError: If it has more than `MOST_PIXELS`.
    """
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise _too_large(f"{name} has {width} x {height} pixels.")


def _too_large(said: str) -> DocumentError:
    return DocumentError(said, hint=_HINT, reason="too-large")


def in_colours(image: Any) -> Any:
    """Give an image in red, green and blue of 8 bits, on white if it is transparent.

    Args:
        image: A `PIL.Image.Image` of any mode.
    """
    if image.mode[0] in "IF":  # Pillow cuts their values off at 255 instead of scaling them
        return _scaled(image).convert("RGB")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        white = load("PIL.Image", "files").new("RGBA", layer.size, "white")
        image = load("PIL.Image", "files").alpha_composite(white, layer)
    return image.convert("RGB")


def _scaled(image: Any) -> Any:
    """Shades of grey in 8 bits, of wide numbers: from 0 to the usual white that holds them all."""
    grey = image.convert("I").convert("F") if image.mode.startswith("I") else image
    darkest, brightest = grey.getextrema()
    black = min(darkest, 0)
    white = next((one for one in _WHITES[image.mode[:4]] if brightest <= one), brightest)
    factor = 255 / (white - black)
    return grey.point(lambda value: value * factor - black * factor).convert("L")
