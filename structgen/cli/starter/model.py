"""Write a Pydantic model of guessed types as Python source."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator, Mapping
from typing import Final

from pydantic import BaseModel

from structgen.cli.starter.shapes import Shape
from structgen.schema.compile.names import unused_name

_PLAIN: Final = {"bool": "bool", "int": "int", "float": "float", "date": "dt.date", "text": "str"}
_TYPES: Final = frozenset({"bool", "int", "float", "str", "list", "dict", "dt", "Any", "Literal"})
_TAKEN: Final = frozenset(dir(BaseModel)) | _TYPES
"""Names that a field cannot have: members of the base class, and types that fields name."""
_DOCSTRING: Final = "A record. Say here, and in a description of each field, what it is."
_HEAD: Final = '"""The records to extract. Change the fields to what you want."""'
_FUTURE: Final = "from __future__ import annotations"


def source_of(shape: Shape, name: str = "Record") -> str:
    """Write the source of a file with one model, and a class for each object inside.

    Args:
        shape: The type of the records, which are objects.
        name: The name of the model.
    """
    # A field hides a class of its own name, so no class has the name of any field.
    writer = _Writer({_identifier(member) for member in _members_in(shape)})
    writer.write_class(name, shape.members, _DOCSTRING)
    typing = sorted(writer.needs & {"Any", "Literal"})
    standard = ["import datetime as dt"] if "dt" in writer.needs else []
    standard += [f"from typing import {', '.join(typing)}"] if typing else []
    pydantic = ", ".join(["BaseModel", *sorted(writer.needs & {"Field"})])
    imports = [_FUTURE, "\n".join(standard), f"from pydantic import {pydantic}"]
    top = "\n\n".join([_HEAD, *filter(None, imports)])
    return "\n\n\n".join([top, *writer.classes]) + "\n"


def _members_in(shape: Shape) -> Iterator[str]:
    """The names of all members, at any depth."""
    for member, inner in shape.members.items():
        yield member
        yield from _members_in(inner)
    if shape.item is not None:
        yield from _members_in(shape.item)


class _Writer:
    """Writes classes, those inside before those that hold them."""

    def __init__(self, taken: set[str]) -> None:
        self.classes: list[str] = []
        self.needs: set[str] = set()
        """Names that the classes import."""
        self._names = {"BaseModel", "Field", *_TYPES, *taken}

    def write_class(self, name: str, members: Mapping[str, Shape], docstring: str = "") -> str:
        """Write a class, and give its name, which no other class has."""
        name = unused_name(name, self._names)
        self._names.add(name)
        taken: set[str] = set()
        lines = [f'    """{docstring}"""', ""] if docstring else []
        for member, shape in members.items():
            attribute = unused_name(_identifier(member), taken | _TAKEN)
            taken.add(attribute)
            lines.append(self._field(attribute, member, shape))
        self.classes.append("\n".join([f"class {name}(BaseModel):", *(lines or ["    pass"])]))
        return name

    def _field(self, attribute: str, member: str, shape: Shape) -> str:
        kind = self._annotation(member, shape)
        default = " = None" if shape.nullable else ""
        if attribute != member:
            start = "default=None, " if shape.nullable else ""
            self.needs.add("Field")
            default = f" = Field({start}alias={member!r})"
        return f"    {attribute}: {kind}{default}"

    def _annotation(self, member: str, shape: Shape) -> str:
        options = [self._one(member, kind, shape) for kind in shape.kinds] or ["str"]
        if shape.nullable or not shape.kinds:
            options.append("None")
        return " | ".join(options)

    def _one(self, member: str, kind: str, shape: Shape) -> str:
        if kind == "enum":
            self.needs.add("Literal")
            return f"Literal[{', '.join(map(repr, shape.options))}]"
        if kind == "list":
            item = self._annotation(member.removesuffix("s"), shape.item or Shape(("text",)))
            return f"list[{item}]"
        if kind == "object" and not shape.members:
            self.needs.add("Any")
            return "dict[str, Any]"
        if kind == "object":
            return self.write_class(_class_name(member), shape.members)
        if kind == "date":
            self.needs.add("dt")
        return _PLAIN[kind]


def _identifier(name: str) -> str:
    """A name of a column as a name in Python."""
    plain = re.sub(r"\W+", "_", name, flags=re.ASCII).strip("_").lower() or "field"
    if name.isidentifier() and name.isascii() and not name.startswith("_"):
        plain = name
    if plain[0].isdigit() or plain.startswith("model_"):
        return f"field_{plain}"
    return f"{plain}_" if keyword.iskeyword(plain) else plain


def _class_name(member: str) -> str:
    words = re.findall(r"[A-Za-z0-9]+", member)
    name = "".join(word[:1].upper() + word[1:] for word in words) or "Part"
    return f"Part{name}" if name[0].isdigit() or keyword.iskeyword(name) else name
