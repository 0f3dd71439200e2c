"""Office files as what they are: zip archives of XML parts that are related to each other.

ECMA-376 part 2 (Open Packaging Conventions). Files in the strict form of the standard have other
namespaces; they are read as those of the transitional form, which most programs write.
"""

from __future__ import annotations

import io
import posixpath
import re
import zipfile
from collections.abc import Iterator, Mapping
from typing import IO, Any, Final, NamedTuple

from structgen.extras import load
from structgen.reading.opening.faults import check_archive, check_size
from structgen.reading.options import ReadSettings

_STRICT: Final = re.compile(rb"http://purl\.oclc\.org/ooxml/(\w+)/(\w+)")
_TRANSITIONAL: Final = rb"http://schemas.openxmlformats.org/\1/2006/\2"
_MOST_XML: Final = 128 * 2**20
"""Bytes of a part that is read whole; its tree takes ten times as much."""


class Relation(NamedTuple):
    """A reference of a part of a package."""

    identity: str
    """Its name in the XML of the part."""
    kind: str
    """The last word of its type, such as "header"."""
    part: str
    """The name of the part."""


class Package:
    """An Office file."""

    def __init__(self, data: bytes, settings: ReadSettings) -> None:
        """Open a file.

        Args:
            data: The file.
            settings: Its name, and its size at most.

        Raises:
            DocumentError: If it would unpack to too much.
            zipfile.BadZipFile: If it is no archive.
        """
        self._name = settings.name or "The file"
        check_archive(data, settings.max_bytes, self._name)
        self._archive = zipfile.ZipFile(io.BytesIO(data))
        self._names = {name.lower(): name for name in self._archive.namelist()}
        mains = [one.part for one in self.relations("") if one.kind == "officeDocument"]
        self.main = mains[0]
        """The name of the part that holds the document."""

    def relations(self, part: str) -> Iterator[Relation]:
        """Give the parts that a part refers to, if they are in the file.

        Args:
            part: Its name; empty for the package itself.
        """
        folder, _, name = part.rpartition("/")
        rels = self.tree(posixpath.join(folder, "_rels", f"{name}.rels"))
        for one in () if rels is None else rels:
            target = str(one.get("Target", ""))
            whole = target[1:] if target.startswith("/") else posixpath.join(folder, target)
            whole = posixpath.normpath(whole)
            if one.get("TargetMode") != "External" and whole.lower() in self._names:
                kind = str(one.get("Type", "")).rpartition("/")[2]
                yield Relation(str(one.get("Id")), kind, whole)

    def links(self, part: str) -> dict[str, str]:
        """Give the addresses outside the file that a part links to, by what its XML calls them."""
        folder, _, name = part.rpartition("/")
        rels = self.tree(posixpath.join(folder, "_rels", f"{name}.rels"))
        return {
            str(one.get("Id")): str(one.get("Target", ""))
            for one in (() if rels is None else rels)
            if one.get("TargetMode") == "External"
        }

    def related(self, part: str, *kinds: str) -> list[str]:
        """Give the names of the parts of some kinds that a part refers to."""
        return [one.part for one in self.relations(part) if one.kind in kinds]

    def transitional(self, kinds: Mapping[bytes, bytes]) -> bytes:
        """Give the file in the form that other libraries read.

        Args:
            kinds: Content types to replace, such as that of a template by that of a document.

        Raises:
            DocumentError: If a part of it is too large.
        """
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as written:
            for member in self._archive.infolist():
                data = self._archive.read(member)
                if member.filename.endswith((".xml", ".rels")):
                    check_size(len(data), _MOST_XML, self._name)
                    data = _STRICT.sub(_TRANSITIONAL, data)
                if member.filename == "[Content_Types].xml":
                    for kind, other in kinds.items():
                        data = data.replace(kind, other)
                written.writestr(member.filename, data)
        return file.getvalue()

    def open(self, part: str) -> IO[bytes]:
        """Open a part that is too large to be read whole."""
        return self._archive.open(self._names[part.lower()])

    def tree(self, part: str) -> Any:
        """Give a part as the root of its tree; None if the file has no such part.

        Raises:
            DocumentError: If it is too large.
        """
        found = self._names.get(part.lower())
        if found is None:
            return None
        check_size(self._archive.getinfo(found).file_size, _MOST_XML, self._name)
        lxml = load("lxml.etree", "files")
        data = _STRICT.sub(_TRANSITIONAL, self._archive.read(found))
        parser = lxml.XMLParser(resolve_entities=False, no_network=True, huge_tree=True)
        return lxml.fromstring(data, parser)
