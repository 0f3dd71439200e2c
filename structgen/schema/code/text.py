"""Names, literals and comments of TypeScript, and the definitions of a schema in order."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from structgen.schema.compile.keywords import TYPE_OF_KEYWORD
from structgen.schema.compile.names import unused_name
from structgen.schema.json import escape, resolve
from structgen.schema.target import Target
from structgen.values import Json, JsonSchema

_IDENTIFIER: Final = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*", re.ASCII)
_TAKEN: Final = frozenset(
    {"Array", "Boolean", "Date", "Number", "Object", "Record", "RegExp", "String", "Symbol"}
)
"""Names that a definition cannot have: global objects. All begin with a capital."""

_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")

_BY_NAME: Final = frozenset({"properties", "patternProperties", "dependentSchemas"})
"""Keywords that hold schemas by names."""
_DATA: Final = frozenset({"const", "enum", "default", "examples", "discriminator"})
"""Keywords that hold no schemas."""
_KINDS: Final = ("string", "number", "boolean", "array", "object", "null")


def literal(value: Json) -> str:
    """Write JSON data as an expression of JavaScript, in ASCII."""
    return json.dumps(value, ensure_ascii=True)


def key(name: str) -> str:
    """Write the name of a member, quoted if it is no identifier."""
    if name == "__proto__":  # in quotes, it would set the prototype
        return '["__proto__"]'
    return name if _IDENTIFIER.fullmatch(name) else literal(name)


def comment(schema: Json, indent: str = "") -> str:
    """Write the description of a schema as a comment, with a line break after it; "" if none."""
    text = schema.get("description") if isinstance(schema, dict) else None
    if not isinstance(text, str) or not text.strip():
        return ""
    safe = " ".join(_CONTROL.sub(" ", text).split()).replace("*/", "*\\/")
    return f"{indent}/** {safe.encode('utf-8', 'replace').decode()} */\n"


def kinds_of(schema: JsonSchema) -> tuple[str, ...]:
    """Give the JSON types that a schema's own keywords are about; () if they are about all alike.

    Args:
        schema: The schema, whose references and unions do not count.
    """
    given = schema.get("type")
    if given is not None:
        return (given,) if isinstance(given, str) else tuple(given)
    return () if TYPE_OF_KEYWORD.keys().isdisjoint(schema) else _KINDS


@dataclass(frozen=True, slots=True)
class Definition:
    """A part of a schema that has a name."""

    name: str
    """Its name in the code."""
    schema: Json
    """The schema."""
    is_cyclic: bool
    """Whether it leads back to itself."""


class Definitions:
    """The root of a target and what it refers to, by reference, those first that others need."""

    def __init__(self, target: Target[object]) -> None:
        self.root = target.schema
        refs = ["#", *(f"#/$defs/{escape(name)}" for name in self.root.get("$defs", {}))]
        names = _names([target.name, *self.root.get("$defs", {})])
        self.names: Mapping[str, str] = dict(zip(refs, names, strict=True))
        """The name of what each reference leads to."""
        self._needs = {ref: [*dict.fromkeys(_refs_in(self._own(ref)))] for ref in refs}
        reached = _reached("#", self._needs)
        self.cyclic = {ref for ref in reached if ref in _after(ref, self._needs)}
        """References that lead back to themselves."""
        self._order = [ref for ref in _in_order("#", self._needs) if ref in reached]

    def __iter__(self) -> Iterator[Definition]:
        for ref in self._order:
            yield Definition(self.names[ref], self._own(ref), ref in self.cyclic)

    def name_of(self, ref: str) -> str:
        """The name of the definition that a reference leads to."""
        return self.names[ref]

    def schema_of(self, ref: str) -> Json:
        """The schema that a reference leads to."""
        return self._own(ref)

    def _own(self, ref: str) -> Json:
        found = resolve(self.root, ref) if ref != "#" else self.root
        if ref == "#" and isinstance(found, dict):
            return {name: value for name, value in found.items() if name != "$defs"}
        return found


def _names(wanted: Sequence[str]) -> list[str]:
    """An identifier for each name, in which each is the only one."""
    found: list[str] = []
    for one in wanted:
        words = re.findall(r"[A-Za-z0-9]+", one)
        name = "".join(word[0].upper() + word[1:] for word in words) or "Value"
        name = f"T{name}" if name[0].isdigit() or name in _TAKEN else name
        found.append(unused_name(name, found))
    return found


def _refs_in(node: Json) -> Iterator[str]:
    if isinstance(node, list):
        for one in node:
            yield from _refs_in(one)
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for name, one in node.items():
            if name in _BY_NAME and isinstance(one, dict):  # a member may be called `enum`
                yield from _refs_in(list(one.values()))
            elif name not in _DATA:
                yield from _refs_in(one)


def _reached(start: str, needs: Mapping[str, Sequence[str]]) -> set[str]:
    return {start} | _after(start, needs)


def _after(start: str, needs: Mapping[str, Sequence[str]]) -> set[str]:
    """Everything that something needs, at any distance."""
    todo, found = list(needs.get(start, ())), set[str]()
    while todo:
        one = todo.pop()
        if one not in found:
            found.add(one)
            todo += needs.get(one, ())
    return found


def _in_order(start: str, needs: Mapping[str, Sequence[str]]) -> list[str]:
    """The definitions in order, those first that others need, as far as cycles let it."""
    order: list[str] = []
    seen: set[str] = set()
    todo = [(start, iter(needs.get(start, ())))]
    seen.add(start)
    while todo:
        ref, rest = todo[-1]
        following = next((one for one in rest if one not in seen), None)
        if following is None:
            order.append(ref)
            todo.pop()
        else:
            seen.add(following)
            todo.append((following, iter(needs.get(following, ()))))
    return order
