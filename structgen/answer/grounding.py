"""Values that must be copied from the document: whether they are, and from where.

Every value that the target's schema marks `x-verbatim` is looked up in the document, exactly. One
that is there gets its `Evidence`. One that differs from the document in white space alone takes the
document's own spelling, which is a repair. Any other is a violation. Properties, items, references
and unions (`allOf`, `anyOf`, `oneOf`) are searched; elsewhere `x-verbatim` means nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

from structgen.answer.labels import Labels
from structgen.answer.leaves import Leaf, Mention
from structgen.answer.placing import place_leaves
from structgen.errors import InvalidOutputError
from structgen.schema.compile.keywords import types_of
from structgen.schema.json import json_type, pointer, resolve, short
from structgen.schema.target import Target
from structgen.schema.validate.patterns import matches
from structgen.schema.verbatim import VERBATIM, SourceText
from structgen.values import Evidence, Json, JsonSchema, TextOrMessages, Violation

T = TypeVar("T")

_WANTED: Final = "a value copied from the document, word for word"
_Path: TypeAlias = "tuple[str | int, ...]"


@dataclass(frozen=True, slots=True)
class GroundedValue:
    """A value that must be copied from the document."""

    path: _Path
    """Where it is in the data."""
    at: str
    """Where the schema says so, as a JSON Pointer."""
    by: str
    """How it is looked up: by words or by characters."""
    value: str | int | float = field(repr=False)
    """The value."""
    key: bool = False
    """Whether it is the name of the member at `path`."""


@dataclass(frozen=True, slots=True)
class Grounding:
    """What came of looking up the grounded values of some data."""

    data: Json = field(repr=False)
    """The data, mended."""
    evidence: Mapping[str, Evidence] = field(repr=False)
    """Where each value stands in the document, by JSON Pointer."""
    repairs: tuple[str, ...]
    """What was mended."""
    violations: tuple[Violation, ...]
    """The values that are not in the document."""


def document_text(document: TextOrMessages) -> str:
    """The text that grounded values are copied from, and that evidence counts characters in.

    Args:
        document: A text, or the messages of a conversation.

    Returns:
        The text itself; for messages, the contents of the user's, joined with line breaks.
    """
    if isinstance(document, str):
        return document
    messages = [message for message in document if isinstance(message, Mapping)]
    contents = [message.get("content") for message in messages if message.get("role") == "user"]
    return "\n".join(text for content in contents for text in _texts(content))


def said_in(document: TextOrMessages) -> str | None:
    """All that is said in a document: of a conversation whoever says it, but not the system.

    Args:
        document: A text, or the messages of a conversation.

    Returns:
        The text; None if a part of a message is no text, such as an image.
    """
    if isinstance(document, str) or not isinstance(document, Sequence):
        return document if isinstance(document, str) else None
    messages = [message for message in document if isinstance(message, Mapping)]
    said = [m.get("content") for m in messages if m.get("role") not in ("system", "developer")]
    parts = [part for content in said if isinstance(content, list) for part in content]
    if not all(isinstance(part, dict) and isinstance(part.get("text"), str) for part in parts):
        return None
    return "\n".join(text for content in said for text in _texts(content))


def _texts(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    if isinstance(content, list):
        for part in content:
            if isinstance(part, dict) and isinstance(part.get("text"), str):
                yield part["text"]


def schema_is_grounded(schema: Json) -> bool:
    """Whether a schema marks any value as copied from the document."""
    if isinstance(schema, list):
        return any(map(schema_is_grounded, schema))
    return isinstance(schema, dict) and (
        isinstance(schema.get(VERBATIM), str) or any(map(schema_is_grounded, schema.values()))
    )


_GROUNDED: Final[WeakKeyDictionary[Target[Any], bool]] = WeakKeyDictionary()


def target_is_grounded(target: Target[Any]) -> bool:
    """Whether the schema of a target marks any value as copied from the document; remembered."""
    found = _GROUNDED.get(target)
    if found is None:
        found = _GROUNDED[target] = schema_is_grounded(target.schema)
    return found


def require_grounded(target: Target[Any], data: Json, document: str) -> Grounding:
    """Look up the grounded values, and raise if one is not in the document.

    Args:
        target: What the data is of.
        data: Plain data.
        document: The text to look in.

    Returns:
        What came of it.

    Raises:
        InvalidOutputError: If a value is not in the document.
    """
    found = ground(target, data, document)
    if found.violations:
        count = len(found.violations)
        values = f"{count} values are" if count > 1 else "1 value is"
        raise InvalidOutputError(
            f"{values} not in the document, from which the answer must copy.",
            violations=found.violations,
        )
    return found


def ground(target: Target[Any], data: Json, document: str) -> Grounding:
    """Look up the grounded values.

    Args:
        target: What the data is of.
        data: Plain data.
        document: The text to look in.

    Returns:
        What came of it.
    """
    text = SourceText(document)
    found: list[GroundedValue] = []
    repairs: list[str] = []
    violations: list[Violation] = []
    for one in _Walk(target, text).values(target.schema, data, (), ""):
        where = pointer(one.path)
        if text.holds(one.value, one.by):
            found.append(one)
        elif (own := _respaced(one, text)) is not None:
            found.append(replace(one, value=own))
            repairs.append(f"white space of {where} as in the document")
        else:
            rule = f"{one.at}/{VERBATIM}"
            violations.append(Violation(where, rule, short(one.value), _WANTED))
    mended = {one.path: one.value for one in found if not one.key} if repairs else {}
    return Grounding(_with(data, mended), _evidence(found, text), tuple(repairs), tuple(violations))


def _respaced(one: GroundedValue, text: SourceText) -> str | None:
    """The document's spelling of a value that differs from it in white space alone."""
    if one.key or not isinstance(one.value, str):
        return None
    return text.respaced(one.value, one.by)


def _with(data: Json, values: Mapping[_Path, Json]) -> Json:
    """The data with other values at some places."""
    if () in values:
        return values[()]
    data = deepcopy(data) if values else data
    for (*way, last), value in values.items():
        holder = data
        for step in way:
            holder = holder[step]
        holder[last] = value
    return data


def evidence_of(target: Target[T], value: T, document: str | None) -> Mapping[str, Evidence]:
    """Where the grounded values of a value stand in a document; {} without a document."""
    return {} if document is None else ground(target, target.dump(value), document).evidence


# ---- which values -------------------------------------------------------------------------------


class _Walk:
    """A walk over data along its schema."""

    def __init__(self, target: Target[Any], text: SourceText) -> None:
        self._target = target
        self._text = text

    def values(self, schema: Json, data: Json, path: _Path, at: str) -> Iterator[GroundedValue]:
        """The grounded values of `data`; `at` is where `schema` stands in the target's."""
        if not isinstance(schema, dict):
            return
        if (
            VERBATIM in schema
            and isinstance(data, str | int | float)
            and not isinstance(data, bool)
        ):
            yield GroundedValue(path, at, schema[VERBATIM], data)
        if "$ref" in schema:
            yield from self.values(
                resolve(self._target.schema, schema["$ref"]),
                data,
                path,
                schema["$ref"].removeprefix("#"),
            )
        for i, part in enumerate(schema.get("allOf", ())):
            yield from self.values(part, data, path, f"{at}/allOf/{i}")
        for keyword in ("anyOf", "oneOf"):
            yield from self._option(schema.get(keyword, ()), data, path, f"{at}/{keyword}")
        if isinstance(data, dict):
            for name, value in data.items():
                yield from self._member(schema, name, value, (*path, name), at)
        elif isinstance(data, list):
            head = schema.get("prefixItems", ())
            for i, item in enumerate(data):
                part, step = (
                    (head[i], f"prefixItems/{i}")
                    if i < len(head)
                    else (schema.get("items"), "items")
                )
                yield from self.values(part, item, (*path, i), f"{at}/{step}")

    def _member(
        self, schema: JsonSchema, name: str, value: Json, path: _Path, at: str
    ) -> Iterator[GroundedValue]:
        yield from (
            replace(one, key=True)
            for one in self.values(schema.get("propertyNames"), name, path, f"{at}/propertyNames")
        )
        parts = (
            [("properties", schema.get("properties", {}), name)]
            if name in schema.get("properties", {})
            else []
        )
        parts += [
            ("patternProperties", schema["patternProperties"], p)
            for p in schema.get("patternProperties", ())
            if matches(p, name)
        ]
        for keyword, table, key in parts:
            yield from self.values(table[key], value, path, at + pointer((keyword, key)))
        if not parts:
            yield from self.values(
                schema.get("additionalProperties"), value, path, f"{at}/additionalProperties"
            )

    def _option(
        self, options: Sequence[Json], data: Json, path: _Path, at: str
    ) -> Iterator[GroundedValue]:
        """The values of the first option that the data meets and whose values are in the text."""
        found = [
            list(self.values(options[i], data, path, f"{at}/{i}")) for i in self._met(options, data)
        ]
        held = (values for values in found if all(self._text.holds(v.value, v.by) for v in values))
        if found:
            yield from next(held, found[0])

    def _met(self, options: Sequence[Json], data: Json) -> list[int]:
        fitting = [i for i, option in enumerate(options) if self._may_be(option, data)]
        if len(fitting) < 2:
            return fitting
        validator = self._target.validator
        return [i for i in fitting if validator.evolve(schema=options[i]).is_valid(data)] or fitting

    def _may_be(self, option: Json, data: Json) -> bool:
        kinds = types_of(option) if isinstance(option, dict) else None
        kind = json_type(data)
        return kinds is None or kind in kinds or (kind == "integer" and "number" in kinds)


# ---- where they stand ---------------------------------------------------------------------------


def _evidence(values: Sequence[GroundedValue], text: SourceText) -> dict[str, Evidence]:
    """Where each value stands. If the document has it several times, its neighbours tell."""
    leaves: list[Leaf] = []
    for one in values:
        spans = [] if one.key else text.spans(one.value, one.by)
        if spans:
            leaves.append(Leaf(one.path, one.value, [Mention(*span) for span in spans]))
    place_leaves(leaves, text.text, Labels(text.text))
    evidence = {}
    for leaf in leaves:
        if leaf.place is not None:
            start, end = leaf.place
            evidence[pointer(leaf.path)] = Evidence(text.text[start:end], start, end)
    return evidence
