"""Files as people have them, read as a `Document`: its text, and where each part of it is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from structgen.lazy import face

if TYPE_CHECKING:
    from structgen.reading.builder import DocumentBuilder as DocumentBuilder
    from structgen.reading.document import Document as Document
    from structgen.reading.files import read as read
    from structgen.reading.layout import Box as Box
    from structgen.reading.layout import Cell as Cell
    from structgen.reading.layout import Heading as Heading
    from structgen.reading.layout import Location as Location
    from structgen.reading.layout import Page as Page
    from structgen.reading.layout import PageImage as PageImage
    from structgen.reading.options import ReadArgs as ReadArgs
    from structgen.reading.options import Reader as Reader
    from structgen.reading.options import ReadSettings as ReadSettings
    from structgen.reading.registry import register_reader as register_reader
    from structgen.reading.registry import suffixes as suffixes
else:
    __getattr__, __dir__, __all__ = face(
        __name__,
        {
            "structgen.reading.builder": "DocumentBuilder",
            "structgen.reading.document": "Document",
            "structgen.reading.layout": "Box Cell Heading Location Page PageImage",
            "structgen.reading.options": "ReadArgs Reader ReadSettings",
            "structgen.reading.files": "read",
            "structgen.reading.registry": "register_reader suffixes",
        },
    )
