"""How providers count the tokens of an image by its size."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Final, TypeAlias

_SQUARE: Final = 2048
_SHORT_SIDE: Final = 768
_TILE: Final = 512
"""Pixels in OpenAI's rule of tiles."""


@dataclass(frozen=True, slots=True)
class Tiles:
    """OpenAI's rule of tiles: so many tokens for the image, and so many for each square of 512
    pixels, once it fits 2,048 pixels and its short side 768.

    Source: platform.openai.com/docs/guides/images-vision.
    """

    base: int
    """Tokens of the image, and all of them if it is looked at with `detail="low"`."""
    tile: int
    """Tokens of each square."""

    def tokens(self, width: int, height: int, detail: str | None = None) -> int:
        """Count the tokens of an image.

        Args:
            width: Its width in pixels.
            height: Its height in pixels.
            detail: How closely the model looks at it.
        """
        if detail == "low":
            return self.base
        scale = min(1, _SQUARE / max(width, height))
        scale = min(scale, _SHORT_SIDE / min(width, height))
        tiles = math.ceil(width * scale / _TILE) * math.ceil(height * scale / _TILE)
        return self.base + self.tile * tiles


@dataclass(frozen=True, slots=True)
class Patches:
    """The rule of patches: a token for each small square, once the image is small enough.

    Source of OpenAI's: platform.openai.com/docs/guides/images-vision. Claude's numbers are those
    that open-source clients count with; its provider's page was not at hand.
    """

    side: int
    """Pixels of a side of a patch."""
    most: int
    """Patches that an image has at most; a larger image is made smaller."""
    longest: int | None = None
    """Pixels that the long side has at most."""
    factor: float = 1.0
    """Tokens of a patch."""

    def tokens(self, width: int, height: int, detail: str | None = None) -> int:
        """Count the tokens of an image.

        Args:
            width: Its width in pixels.
            height: Its height in pixels.
            detail: How closely the model looks at it, which changes nothing here.
        """
        scale = min(1.0, self.longest / max(width, height)) if self.longest else 1.0
        across, down = width * scale / self.side, height * scale / self.side
        if math.ceil(across) * math.ceil(down) > self.most:
            shrunk = math.sqrt(self.most / (across * down))
            across, down = across * shrunk, down * shrunk
            # And a little more, so that whole patches fill one of the sides.
            whole = min(max(math.floor(one), 1) / one for one in (across, down))
            across, down = across * whole, down * whole
        patches = math.ceil(round(across, 6)) * math.ceil(round(down, 6))
        return math.ceil(min(patches, self.most) * self.factor)


ImageTokens: TypeAlias = int | Tiles | Patches
"""How a model counts an image: always alike, or by its size."""
