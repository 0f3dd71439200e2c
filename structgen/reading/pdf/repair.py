"""Mend a PDF that was cut off, so that the pages before the cut can be read."""

from __future__ import annotations

import re
from typing import Final

_ROOT: Final = re.compile(rb"/Root\s{1,4}(\d{1,10})\s{1,4}(\d{1,5})\s{1,4}R")
_CATALOG: Final = re.compile(
    rb"(\d{1,10})\s{1,4}(\d{1,5})\s{1,4}obj\b(?:(?!endobj).){0,4096}?/Type\s*/Catalog\b", re.DOTALL
)
"""The object that a reader begins with (ISO 32000-1, 7.7.2)."""


def with_trailer(data: bytes) -> bytes | None:
    """Give a PDF a new trailer, which names its catalog (ISO 32000-1, 7.5.5).

    A reader that finds no table of objects then looks for the objects themselves.

    Args:
        data: The file.

    Returns:
        The mended file; None if it holds no catalog.
    """
    found = [*_CATALOG.finditer(data), *_ROOT.finditer(data)]
    if not found:
        return None
    number, generation = found[-1][1].decode(), found[-1][2].decode()
    ends = "endstream\nendobj"  # of the object that was cut
    trailer = f"trailer\n<< /Root {number} {generation} R >>\nstartxref\n0\n%%EOF"
    return b"%b\n%b\n%b\n" % (data, ends.encode(), trailer.encode())
