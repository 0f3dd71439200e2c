"""Values that must stand in the source text: whether they do, and where.

Every value that the target's schema marks `x-verbatim` is looked up in the source, exactly. One that stands there gets its
`Evidence`; one that differs from the source in nothing but white space takes the source's own spelling, which is a repair; any
other is a violation. Looked into are properties, items, references and unions (`allOf`, `anyOf`, `oneOf`); under other keywords
`x-verbatim` says nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias, TypeVar
from weakref import WeakKeyDictionary

from structgen.errors import InvalidOutputError
from structgen.schema.compile.normalise import types_of
from structgen.schema.json import json_type, pointer, resolve, short
from structgen.schema.target import Target
from structgen.schema.validate.patterns import matches
from structgen.schema.verbatim import VERBATIM, SourceText, Span
from structgen.values import Document, Evidence, Json, JsonSchema, Violation

T = TypeVar("T")

_WANTED: Final = "what stands in the document, copied word for word"
_Path: TypeAlias = "tuple[str | int, ...]"


@dataclass(frozen=True, slots=True)
class Place:
    """A grounded value: where in the data, what the schema says there, and the value. `key`: it is the name of that member."""

    path: _Path
    at: str
    by: str
    value: str | int | float = field(repr=False)
    key: bool = False


@dataclass(frozen=True, slots=True)
class Grounding:
    """What came of looking: the data, `evidence` per JSON Pointer, what was mended, and what does not stand in the source."""

    data: Json = field(repr=False)
    evidence: Mapping[str, Evidence] = field(repr=False)
    repairs: tuple[str, ...]
    violations: tuple[Violation, ...]


def source_of(document: Document) -> str:
    """The text that values must stand in: a document itself; of messages, the texts of the user's, a line break between them."""
    if isinstance(document, str):
        return document
    contents = [message.get("content") for message in document if message.get("role") == "user"]
    return "\n".join(text for content in contents for text in _texts(content))


def _texts(content: Any) -> Iterator[str]:
    if isinstance(content, str):
        yield content
    for part in content if isinstance(content, list) else ():
        if isinstance(part, dict) and isinstance(part.get("text"), str):
            yield part["text"]


def is_grounded(schema: Json) -> bool:
    """Does a schema hold a place for a grounded value?"""
    if isinstance(schema, list):
        return any(map(is_grounded, schema))
    return isinstance(schema, dict) and (
        isinstance(schema.get(VERBATIM), str) or any(map(is_grounded, schema.values()))
    )


_GROUNDED: Final[WeakKeyDictionary[Target[Any], bool]] = WeakKeyDictionary()


def has_grounded(target: Target[Any]) -> bool:
    """As `is_grounded`, of a target, looked through once."""
    found = _GROUNDED.get(target)
    if found is None:
        found = _GROUNDED[target] = is_grounded(target.schema)
    return found


def grounded(target: Target[Any], data: Json, source: str) -> Grounding:
    """As `ground`. Raises InvalidOutputError for what does not stand in the source."""
    found = ground(target, data, source)
    if found.violations:
        count = f"{len(found.violations)} values" if len(found.violations) > 1 else "1 value"
        raise InvalidOutputError(
            f"Not in the text, where they have to stand: {count} of the answer.",
            violations=found.violations,
            hint="`violations` names each place.",
        )
    return found


def ground(target: Target[Any], data: Json, source: str) -> Grounding:
    """Look up the grounded values of `data`, which is plain JSON data of `target`, in `source`."""
    text = SourceText(source)
    found: list[Place] = []
    repairs: list[str] = []
    violations: list[Violation] = []
    for place in _Walk(target, text).places(target.schema, data, (), ""):
        if text.holds(place.value, place.by):
            found.append(place)
        elif (
            not place.key
            and isinstance(place.value, str)
            and (own := text.respaced(place.value, place.by)) is not None
        ):
            found.append(replace(place, value=own))
            repairs.append(f"white space of {pointer(place.path)} as in the document")
        else:
            violations.append(
                Violation(
                    pointer(place.path), f"{place.at}/{VERBATIM}", short(place.value), _WANTED
                )
            )
    changed = {place.path: place.value for place in found if not place.key} if repairs else {}
    return Grounding(
        _with(data, changed), _evidence(found, text), tuple(repairs), tuple(violations)
    )


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


def evidence_of(target: Target[T], value: T, source: str | None) -> Mapping[str, Evidence]:
    """Where the grounded values of a value stand; nothing without a source."""
    return {} if source is None else ground(target, target.dump(value), source).evidence


# ---- which values ---------------------------------------------------------------------------------------------------------


class _Walk:
    """A walk over data by its schema."""

    def __init__(self, target: Target[Any], text: SourceText) -> None:
        self._target = target
        self._text = text

    def places(self, schema: Json, data: Json, path: _Path, at: str) -> Iterator[Place]:
        """The grounded values of `data`. `at`: where `schema` stands in the target's."""
        if not isinstance(schema, dict):
            return
        if (
            VERBATIM in schema
            and isinstance(data, str | int | float)
            and not isinstance(data, bool)
        ):
            yield Place(path, at, schema[VERBATIM], data)
        if "$ref" in schema:
            yield from self.places(
                resolve(self._target.schema, schema["$ref"]),
                data,
                path,
                schema["$ref"].removeprefix("#"),
            )
        for i, part in enumerate(schema.get("allOf", ())):
            yield from self.places(part, data, path, f"{at}/allOf/{i}")
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
                yield from self.places(part, item, (*path, i), f"{at}/{step}")

    def _member(
        self, schema: JsonSchema, name: str, value: Json, path: _Path, at: str
    ) -> Iterator[Place]:
        yield from (
            replace(place, key=True)
            for place in self.places(schema.get("propertyNames"), name, path, f"{at}/propertyNames")
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
            yield from self.places(table[key], value, path, at + pointer((keyword, key)))
        if not parts:
            yield from self.places(
                schema.get("additionalProperties"), value, path, f"{at}/additionalProperties"
            )

    def _option(self, options: Sequence[Json], data: Json, path: _Path, at: str) -> Iterator[Place]:
        """Of the options that the data meets, the first whose grounded values stand in the source."""
        found = [
            list(self.places(options[i], data, path, f"{at}/{i}")) for i in self._met(options, data)
        ]
        if found:
            yield from next(
                (
                    places
                    for places in found
                    if all(self._text.holds(p.value, p.by) for p in places)
                ),
                found[0],
            )

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


# ---- where they stand -----------------------------------------------------------------------------------------------------


def _evidence(places: Sequence[Place], text: SourceText) -> dict[str, Evidence]:
    """Where each value stands. Of several places: in a list, each item's first value is looked for behind that of the item before;
    the others stand nearest to the first of their record."""
    first: dict[_Path, Span] = {}
    behind: dict[_Path, int] = {}
    evidence = {}
    for place in places:
        spans = [] if place.key else text.spans(place.value, place.by)
        if not spans:
            continue
        record = _record(place.path)
        if record in first:
            start, end = min(spans, key=lambda span: _distance(first[record], span))
        else:
            series = record[:-1]
            least = behind.get(series, first.get(_record(series), (0, 0))[0])
            start, end = next((span for span in spans if span[0] >= least), spans[0])
            first[record], behind[series] = (start, end), end
        evidence[pointer(place.path)] = Evidence(text.text[start:end], start, end)
    return evidence


def _record(path: _Path) -> _Path:
    """The innermost list item that a place lies in, () for none."""
    while path and not isinstance(path[-1], int):
        path = path[:-1]
    return path


def _distance(one: Span, other: Span) -> tuple[int, bool]:
    """How far apart two spans are; of two as far, the later one is nearer."""
    return max(other[0] - one[1], one[0] - other[1], 0), other[0] < one[0]
