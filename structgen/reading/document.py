"""A text that knows where each of its characters comes from."""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Final, SupportsIndex, overload

from structgen.errors import InputError
from structgen.reading.layout import (
    Cell,
    CellSpan,
    Heading,
    Layout,
    Location,
    Page,
    PageImage,
    Words,
)
from structgen.values import Json

_NOTHING_KNOWN: Final = Layout()
_VERSION: Final = 1
"""The version of what `to_dict` gives."""


class Document(str):
    """A text that knows where each of its characters is: page, box, heading, cell of a table.

    It is a `str`, so it goes wherever a text goes, and equals its text. It cannot change. A slice
    (`document[10:20]`) is a Document, too, and shares what is known; what other methods of `str`
    give is a plain text.
    """

    __slots__ = ("layout", "media_type", "name", "notes", "offset")

    layout: Layout
    """Where the characters are of the text that it was read as, and that it may be a slice of."""
    offset: int
    """The offset of its first character in the text that `layout` is about."""
    name: str | None
    """The name of the file; None if it has none."""
    media_type: str
    """The kind of the file, such as "application/pdf"."""
    notes: tuple[str, ...]
    """What could not be read, such as pages that are scans, as sentences for people."""

    def __new__(
        cls,
        text: str = "",
        *,
        layout: Layout = _NOTHING_KNOWN,
        offset: int = 0,
        name: str | None = None,
        media_type: str = "text/plain",
        notes: Sequence[str] = (),
    ) -> Document:
        """Make a document of a text.

        Args:
            text: The text.
            layout: Where its characters are. By default nothing is known about it.
            offset: The offset of the text in the text that the layout is about.
            name: The name of the file.
            media_type: The kind of the file.
            notes: What could not be read of it.
        """
        self = super().__new__(cls, text)
        members = {
            "layout": layout,
            "offset": offset,
            "name": name,
            "media_type": media_type,
            "notes": tuple(notes),
        }
        for member, value in members.items():
            object.__setattr__(self, member, value)
        return self

    def __setattr__(self, name: str, value: Any) -> None:
        raise AttributeError(f"A Document cannot change: `{name}` cannot be set.")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"A Document cannot change: `{name}` cannot be deleted.")

    def __repr__(self) -> str:
        pages = f", {len(self.pages)} pages" if self.pages else ""
        return f"<Document {self.name or self.media_type}: {len(self)} characters{pages}>"

    def __reduce_ex__(self, protocol: SupportsIndex) -> tuple[Any, ...]:
        members = {
            "layout": self.layout,
            "offset": self.offset,
            "name": self.name,
            "media_type": self.media_type,
            "notes": self.notes,
        }
        return _made, (self.text, members)

    def __copy__(self) -> Document:
        return self

    def __deepcopy__(self, memo: Any) -> Document:
        return self

    @overload
    def __getitem__(self, key: SupportsIndex) -> str: ...
    @overload
    def __getitem__(self, key: slice) -> Document: ...
    def __getitem__(self, key: SupportsIndex | slice) -> str:
        text = super().__getitem__(key)
        if not isinstance(key, slice):
            return text
        start, _, step = key.indices(len(self))
        if step != 1:
            return Document(text, name=self.name, media_type=self.media_type, notes=self.notes)
        return Document(
            text,
            layout=self.layout,
            offset=self.offset + start,
            name=self.name,
            media_type=self.media_type,
            notes=self.notes,
        )

    @property
    def text(self) -> str:
        """The text alone, as a plain `str`."""
        return str(self)

    @property
    def pages(self) -> tuple[Page, ...]:
        """The pages of the text, in its order. Empty if the format has none."""
        end = self.offset + len(self)
        is_whole = self.offset == 0 and all(page.end <= end for page in self.layout.pages)
        if is_whole:
            return self.layout.pages
        return tuple(
            replace(
                page,
                start=max(page.start - self.offset, 0),
                end=min(page.end - self.offset, len(self)),
            )
            for page in self.layout.pages
            if page.start < end and page.end > self.offset
        )

    @property
    def headings(self) -> tuple[Heading, ...]:
        """The headings that begin in the text, in its order."""
        return tuple(
            one._replace(start=one.start - self.offset)
            for one in self.layout.headings
            if self.offset <= one.start < self.offset + len(self)
        )

    @property
    def images(self) -> tuple[PageImage, ...]:
        """What its pages look like, if they were read as images."""
        return tuple(page.image for page in self.pages if page.image is not None)

    def locate(self, start: int, end: int | None = None) -> Location:
        """Say where a part of the text is.

        Args:
            start: The offset of its first character.
            end: The offset after its last character; by default it is one character long.

        Returns:
            Its boxes, its pages, the headings that it is under, and its cells. What the format
            does not have is empty.

        Raises:
            InputError: If the part is not inside the text.
        """
        end = min(start + 1, len(self)) if end is None else end
        if not 0 <= start <= end <= len(self):
            raise InputError(
                f"There is no part from {start} to {end} in a text of {len(self)} characters.",
                hint="Give 0 <= start <= end <= len(document).",
            )
        return self.layout.locate(self.offset + start, self.offset + end)

    def to_dict(self, *, images: bool = False) -> dict[str, Json]:
        """Give the document with all that is known about it, as plain JSON data.

        Args:
            images: Whether to include the images of pages, as base64.
        """
        layout = self.layout
        return {
            "version": _VERSION,
            "text": self.text,
            "offset": self.offset,
            "name": self.name,
            "media_type": self.media_type,
            "notes": list(self.notes),
            "pages": [_page_to_dict(page, images) for page in layout.pages],
            "words": layout.words.to_dict(),
            "headings": [list(one) for one in layout.headings],
            "cells": [[one.start, one.end, *one.cell] for one in layout.cells],
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Json]) -> Document:
        """Make a document of what `to_dict` gave.

        Args:
            data: The plain JSON data.

        Raises:
            InputError: If it is not what `to_dict` gives.
        """
        if data.get("version") != _VERSION:
            raise InputError(
                "This is no document that this version of structgen saved.",
                hint="Read the file again with `structgen.read`.",
            )
        try:
            layout = Layout(
                pages=tuple(_page_from_dict(one) for one in data["pages"]),
                words=Words(data["words"]),
                headings=tuple(Heading(*one) for one in data["headings"]),
                cells=tuple(CellSpan(one[0], one[1], Cell(*one[2:])) for one in data["cells"]),
            )
            return cls(
                data["text"],
                layout=layout,
                offset=data["offset"],
                name=data["name"],
                media_type=data["media_type"],
                notes=data["notes"],
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(
                f"The saved document is damaged ({type(error).__name__}).",
                hint="Read the file again with `structgen.read`.",
            ) from None


def _made(text: str, members: Mapping[str, Any]) -> Document:
    """Make a document of a pickle."""
    return Document(text, **members)


def _page_to_dict(page: Page, with_image: bool) -> dict[str, Json]:
    names = ("number", "width", "height", "start", "end")
    plain: dict[str, Json] = {name: getattr(page, name) for name in names}
    if with_image and page.image is not None:
        data = b64encode(page.image.data).decode()
        plain["image"] = [data, *page.image[1:]]
    return plain


def _page_from_dict(data: Mapping[str, Json]) -> Page:
    image = data.get("image")
    read = None if image is None else PageImage(b64decode(image[0]), *image[1:])
    numbers = {name: value for name, value in data.items() if name != "image"}
    return Page(**numbers, image=read)
