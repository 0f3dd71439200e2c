"""The shortest value of each part of a schema, as JSON text: what an ending writes where the model
has no room left.

The texts are proposals. They are made from the keywords one at a time, so a combination may refuse
one; the grammar decides.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from fractions import Fraction
from itertools import islice
from typing import Any, Final

from structgen.local.grammar.samples import pattern_sample
from structgen.schema.json import inner_values, resolve
from structgen.values import Json, JsonSchema

_MOST: Final = 200
"""Proposals of a schema, records counted apart. All may be tried where an ending needs a value."""
_LONGEST: Final = 100_000
"""Characters of a proposal: no answer has as many, and lists of lists multiply."""
_ROUNDS: Final = 8
"""How often definitions that use one another are looked at until their shortest values are known:
once for each level that the value has."""
_FORMATS: Final[Mapping[str, str]] = {
    "date": "2000-01-01",
    "time": "00:00:00Z",
    "date-time": "2000-01-01T00:00:00Z",
    "duration": "P0D",
    "email": "a@b.co",
    "hostname": "a",
    "ipv4": "1.1.1.1",
    "ipv6": "::",
    "uri": "a:",
    "uri-reference": "a",
    "iri": "a:",
    "uuid": "00000000-0000-0000-0000-000000000000",
    "json-pointer": "",
    "regex": "",
}
"""A short text of each format."""
_EMPTY: Final[Mapping[str, str]] = {"null": "null", "boolean": "true", "object": "{}"}


def shortest_values(schema: JsonSchema) -> tuple[bytes, ...]:
    """Propose the shortest value of each part of a schema.

    Args:
        schema: A compiled schema.

    Returns:
        JSON texts in the spacing of the grammar, the shortest first, records last.
    """
    shortest = _Shortest(schema)
    found = {text for part in _parts(schema) for text in shortest.proposals(part)}
    found |= {text for part in _parts(schema) for text in _keys(part)}
    ordered = sorted(found, key=lambda text: (_cost(text), text))
    records = [text for text in ordered if text.startswith("{")]
    others = [text for text in ordered if not text.startswith("{")]
    return tuple(text.encode() for text in (*others[:_MOST], *records[:_MOST]))


def _cost(text: str) -> int:
    """The length of a text, with null as short as a digit, since it is one token."""
    return len(text.encode()) - 3 * text.count("null")


def _parts(node: Json) -> Iterator[JsonSchema]:
    """A schema and the schemas in it. What is no schema does no harm as one."""
    if isinstance(node, dict):
        yield node
    for part in inner_values(node):
        yield from _parts(part)


class _Shortest:
    """The shortest values of one schema's parts."""

    def __init__(self, root: JsonSchema) -> None:
        self._root = root
        self._known: dict[str, str | None] = {}
        references = {str(part["$ref"]) for part in _parts(root) if "$ref" in part}
        for _ in range(_ROUNDS):
            before = dict(self._known)
            for reference in references:
                self._known[reference] = self._best(_resolved(root, reference))
            if self._known == before:
                break

    def _best(self, node: Any) -> str | None:
        return min(self.proposals(node), key=_cost, default=None)

    def proposals(self, node: Any) -> Iterable[str]:
        """Texts that a value of this schema may have; none if that is not known yet."""
        if not isinstance(node, dict):
            return ("null",) if node is True else ()
        if "const" in node or "enum" in node:
            options = [node["const"]] if "const" in node else node["enum"]
            return (to_spaced(option) for option in options) if isinstance(options, list) else ()
        if isinstance(reference := node.get("$ref"), str):
            known = self._known.get(reference)
            return () if known is None else (known,)
        branches = [*_list(node, "anyOf"), *_list(node, "oneOf")]
        if branches:
            return filter(None, map(self._best, branches))
        if isinstance(node.get("allOf"), list) and len(node["allOf"]) == 1:
            return self.proposals({**node["allOf"][0], **_without(node, "allOf")})
        return self._by_type(node)

    def _by_type(self, node: JsonSchema) -> Iterator[str]:
        kinds = node.get("type", ())
        for kind in (kinds,) if isinstance(kinds, str) else kinds:
            if kind == "string":
                yield from _strings(node)
            elif kind in ("integer", "number"):
                yield from islice(_numbers(node, whole=kind == "integer"), 1)
            elif kind == "array":
                yield from self._array(node)
            elif kind == "object" and node.get("required"):
                yield from self._object(node)
            elif kind in _EMPTY:
                yield _EMPTY[kind]

    def _array(self, node: JsonSchema) -> Iterator[str]:
        least = node.get("minItems", 0)
        if not isinstance(least, int | float) or least > _MOST:
            return
        first = _list(node, "prefixItems")[: int(least)]
        more = int(least) - len(first)
        rest = [self._best(node.get("items", True))] * more if more else []
        items = [*map(self._best, first), *rest]
        if None not in items and sum(len(item or "") for item in items) <= _LONGEST:
            yield f"[{', '.join(item for item in items if item is not None)}]"

    def _object(self, node: JsonSchema) -> Iterator[str]:
        properties, required = node.get("properties", {}), node["required"]
        if not isinstance(properties, dict) or not isinstance(required, list):
            return
        names = [name for name in properties if name in required]
        values = [self._best(properties[name]) for name in names]
        is_whole = None not in values and len(names) == len(set(required))
        if is_whole and sum(len(value or "") for value in values) <= _LONGEST:
            members = (
                f"{to_spaced(name)}: {text}" for name, text in zip(names, values, strict=True)
            )
            yield f"{{{', '.join(members)}}}"


def _keys(node: JsonSchema) -> Iterator[str]:
    """Names that patterns allow, as JSON."""
    patterns = node.get("patternProperties")
    for pattern in patterns if isinstance(patterns, dict) else ():
        if (sample := pattern_sample(pattern)) is not None:
            yield to_spaced(sample)


def _resolved(root: JsonSchema, reference: str) -> Any:
    try:
        return resolve(root, reference)
    except (LookupError, ValueError, TypeError):
        return None


def _list(node: JsonSchema, keyword: str) -> list[Any]:
    found = node.get(keyword)
    return found if isinstance(found, list) else []


def _without(node: JsonSchema, keyword: str) -> JsonSchema:
    return {key: value for key, value in node.items() if key != keyword}


def _strings(node: JsonSchema) -> Iterator[str]:
    least = node.get("minLength", 0)
    text = _FORMATS.get(str(node.get("format")))
    if text is not None:
        yield to_spaced(text)  # a pattern beside it only excludes days that never were (`dates`)
    elif isinstance(pattern := node.get("pattern"), str):
        sample = pattern_sample(pattern)
        if sample is not None:
            yield to_spaced(sample)
    elif isinstance(least, int | float) and least <= _MOST:
        yield to_spaced("a" * int(least))


def _numbers(node: JsonSchema, *, whole: bool) -> Iterator[str]:
    """Numbers within the bounds that are multiples of the divisor, 0 first."""
    least, most = _finite(node.get("minimum")), _finite(node.get("maximum"))
    above, below = _finite(node.get("exclusiveMinimum")), _finite(node.get("exclusiveMaximum"))
    step = _finite(node.get("multipleOf")) or Fraction(1)
    ends = [bound for bound in (least, most, above, below) if bound is not None]
    multiples = [math.ceil(end / step) * step for end in ends]
    beside = [end + way for end in (*ends, *multiples) for way in (0, step, -step)]
    for number in (Fraction(0), Fraction(1), Fraction(-1), step, *multiples, *beside):
        if (
            (least is None or number >= least)
            and (most is None or number <= most)
            and (above is None or number > above)
            and (below is None or number < below)
            and (not whole or number.denominator == 1)
            and ("multipleOf" not in node or (number / step).denominator == 1)
        ):
            yield str(number) if number.denominator == 1 else repr(float(number))


def _finite(bound: Any) -> Fraction | None:
    is_number = isinstance(bound, int | float) and not isinstance(bound, bool)
    return Fraction(str(bound)) if is_number and math.isfinite(bound) else None


def to_spaced(value: Json) -> str:
    """JSON text in the spacing of the grammar: a space after each comma and colon."""
    return json.dumps(value, ensure_ascii=False)
