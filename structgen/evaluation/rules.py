"""How each field of a target is compared, as its schema says.

A schema may say it with the keywords of two evaluation suites: `evaluation_config` of extract-bench
(https://github.com/ContextualAI/extract-bench) and `x-aws-stickler-*` of stickler-eval. In
Pydantic, `Field(json_schema_extra={"evaluation_config": "string_fuzzy"})` puts one in.
`x-ordered: true` beside a list says that its order matters. If a schema says nothing, leaves are
compared by their types.

Keywords that ask a model for its opinion are compared by words here, and `notes_of` says so.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from structgen.errors import ConfigurationError
from structgen.evaluation.comparing import (
    Similarity,
    close,
    edit_similarity,
    indel_similarity,
    moment_of,
    normalise_text,
    number_of,
    same_leaf,
    sequence_ratio,
    word_f1,
)
from structgen.schema.json import json_type, pointer, resolve
from structgen.values import Json, JsonSchema

ORDERED: Final = "x-ordered"
CONFIG: Final = "evaluation_config"
STICKLER: Final = "x-aws-stickler-"
ANY_KEY: Final = "*"
"""Stands in a field's name for the index of a list and for a key that the schema does not name."""

_SAME_WORDS: Final = 0.8
_HOPS: Final = 50
_TYPES: Final = ("string", "integer", "number", "boolean", "null", "array", "object")
_SHARED: Final = -1
"""The index under which a place keeps that of the items that have none of their own."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How two leaves are compared: they are the same if they are at least `threshold` alike."""

    name: str
    """What people call it."""
    similarity: Similarity
    """How alike two leaves are, from 0 to 1."""
    threshold: float = 1.0
    """How alike is alike enough."""

    def same(self, found: Json, gold: Json) -> bool:
        """Whether two leaves, neither of which is null, are the same."""
        return self.similarity(found, gold) >= self.threshold


# ---- the comparisons that there are -------------------------------------------------------------


def typed(exact: bool, kind: str | None, numeric: bool) -> Comparison:
    """The comparison by type: what holds if the schema names none."""
    compare = partial(same_leaf, exact=exact, kind=kind, numeric=numeric)
    return Comparison(
        "exact" if exact else "typed", lambda found, gold: float(compare(found, gold))
    )


def _identical(found: Json, gold: Json, *, fold: bool = False) -> float:
    one, other = str(found), str(gold)
    return float(one.casefold() == other.casefold() if fold else one == other)


def _near(found: Json, gold: Json, *, absolute: float, relative: float, inside: bool) -> float:
    ours, theirs = number_of(found, inside=inside), number_of(gold, inside=inside)
    if ours is None or theirs is None:
        return 0.0
    return float(close(ours, theirs, absolute=absolute, relative=relative))


def _same_date(found: Json, gold: Json) -> float:
    for kind in ("date", "date-time"):
        ours, theirs = moment_of(str(found), kind), moment_of(str(gold), kind)
        if ours is not None and theirs is not None:
            return float(ours == theirs)
    return float(same_leaf(found, gold))


def _normalised(found: Json, gold: Json) -> float:
    return float(normalise_text(str(found)) == normalise_text(str(gold)))


def _tolerance(parameters: Mapping[str, Any], inside: bool = False) -> Similarity:
    absolute = float(parameters.get("tolerance", parameters.get("absolute_tolerance", 0.0)))
    relative = float(parameters.get("relative_tolerance", 0.0))
    return partial(_near, absolute=absolute, relative=relative, inside=inside)


def _case(parameters: Mapping[str, Any]) -> Similarity:
    return partial(_identical, fold=not parameters.get("case_sensitive", True))


def _fuzzy(parameters: Mapping[str, Any]) -> Similarity:
    return partial(sequence_ratio, fold=not parameters.get("case_sensitive", False))


_Row = tuple[Callable[[Mapping[str, Any]], Similarity], float]

_METRICS: Final[Mapping[str, _Row]] = {
    "string_exact": (_case, 1.0),
    "string_case_insensitive": (lambda _: partial(_identical, fold=True), 1.0),
    "string_fuzzy": (_fuzzy, 0.8),
    "string_semantic": (lambda _: word_f1, _SAME_WORDS),
    "string_llm": (lambda _: word_f1, _SAME_WORDS),
    "number_exact": (lambda _: _tolerance({}), 1.0),
    "number_tolerance": (lambda given: _tolerance({"tolerance": 1e-3, **given}), 1.0),
    "integer_exact": (lambda _: _tolerance({}), 1.0),
    "boolean_exact": (lambda _: lambda found, gold: float(found is gold), 1.0),
}
"""extract-bench's metrics of leaves: how each is made of its parameters, and its threshold."""

_COMPARATORS: Final[Mapping[str, _Row]] = {
    "ExactComparator": (_case, 1.0),
    "LevenshteinComparator": (lambda _: edit_similarity, 0.7),
    "FuzzyComparator": (lambda _: indel_similarity, 0.7),
    "NormalizedComparator": (lambda _: _normalised, 1.0),
    "NumericComparator": (lambda given: _tolerance(given, inside=True), 1.0),
    "DateComparator": (lambda _: _same_date, 1.0),
    "SemanticComparator": (lambda _: word_f1, _SAME_WORDS),
    "BERTComparator": (lambda _: word_f1, _SAME_WORDS),
    "LLMComparator": (lambda _: word_f1, _SAME_WORDS),
}
"""stickler's comparators of leaves, in the same form."""

_ASK_A_MODEL: Final = frozenset(
    {"string_semantic", "string_llm", "SemanticComparator", "BERTComparator", "LLMComparator"}
)
_OF_CONTAINERS: Final = frozenset({"array_llm", "StructuredModelComparator"})
"""What they compare is aligned and compared leaf by leaf here."""


# ---- places in a schema -------------------------------------------------------------------------


class Place:
    """A place in a target's schema: all subschemas that may speak of a value there.

    Places are made when they are first asked for, so a recursive schema has as many as its values.

    Args:
        root: The whole schema, to which references point.
        nodes: The subschemas of this place, not yet looked through.
        field: The name of the field: a JSON Pointer with `*` for indices and keys that vary.
    """

    def __init__(self, root: JsonSchema, nodes: list[Any], field: str = "") -> None:
        self.field = field
        self.root = root
        self.nodes = [one for node in nodes for one in _branches(root, node, 0)]
        self._inner: dict[str | int, Place] = {}
        self._comparisons: dict[str, Comparison] = {}

    def __repr__(self) -> str:
        return f"Place({self.field or '/'})"

    @property
    def skipped(self) -> bool:
        """Whether what is here is left out of every score."""
        return any(node.get(CONFIG) in ("skip", {"metrics": []}) for node in self.nodes)

    @property
    def ordered(self) -> bool:
        """Whether the order of items counts here: `x-ordered`, or a tuple's places."""
        return any(node.get(ORDERED) is True or "prefixItems" in node for node in self.nodes)

    @property
    def match_threshold(self) -> float:
        """The share of leaves that two items must have in common to be paired; 0 for any."""
        key = f"{STICKLER}match-threshold"
        return max((float(node[key]) for node in self.nodes if key in node), default=0.0)

    @property
    def types(self) -> frozenset[str]:
        """The JSON types that the schema names for values here."""
        return frozenset(kind for kind in _TYPES if any(_takes(node, kind) for node in self.nodes))

    @property
    def members(self) -> tuple[str, ...]:
        """The members that an object here always may have; none if it may be of several kinds."""
        objects = [node["properties"] for node in self.nodes if node.get("properties")]
        return tuple(objects[0]) if len(objects) == 1 else ()

    def member(self, key: str) -> Place:
        """The place of an object's member."""
        if key not in self._inner:
            named = [
                node["properties"][key] for node in self.nodes if key in node.get("properties", {})
            ]
            others = [one for node in self.nodes for one in _unnamed(node, key)]
            name = pointer([key]) if named or not others else f"/{ANY_KEY}"
            self._inner[key] = Place(self.root, named or others, self.field + name)
        return self._inner[key]

    def item(self, index: int) -> Place:
        """The place of a list's item."""
        if index not in self._inner:
            own = [
                node["prefixItems"][index]
                for node in self.nodes
                if index < len(node.get("prefixItems", ()))
            ]
            name = f"/{index}" if own else f"/{ANY_KEY}"
            if not own and _SHARED in self._inner:
                self._inner[index] = self._inner[_SHARED]
                return self._inner[index]
            shared = [node["items"] for node in self.nodes if "items" in node]
            self._inner[index] = Place(self.root, own or shared, self.field + name)
            if not own:
                self._inner[_SHARED] = self._inner[index]
        return self._inner[index]

    def comparison(self, gold: Json) -> Comparison:
        """How a leaf here is compared with the right one.

        Args:
            gold: The right leaf; of several kinds that the schema allows, its kind's rule holds.

        Raises:
            ConfigurationError: If a keyword names a comparison that is not known.
        """
        kind = json_type(gold)
        if kind not in self._comparisons:
            self._comparisons[kind] = self._comparison(kind)
        return self._comparisons[kind]

    def _comparison(self, kind: str) -> Comparison:
        fitting = [node for node in self.nodes if _takes(node, kind)]
        for node in (*fitting, *self.nodes):
            if (told := _told(node, self.field)) is not None:
                return told
        nodes = fitting or self.nodes
        is_closed = bool(nodes) and all("enum" in node or "const" in node for node in nodes)
        format_ = next((node["format"] for node in nodes if "format" in node), None)
        numeric = any(_takes(node, "number") for node in self.nodes if "type" in node)
        return typed(is_closed, format_, numeric)


def rules_of(schema: JsonSchema) -> Place:
    """The rules of a schema: the place of its root."""
    return Place(schema, [schema])


def notes_of(schema: Any) -> list[str]:
    """What a schema says about comparing that is not done as it says, one line each, for people."""
    found = sorted(set(_named_comparisons(schema)))
    notes = [
        f"{name} asks a model; words are compared here" for name in found if name in _ASK_A_MODEL
    ]
    return notes + [f"{name} is not used: every leaf counts once" for name in _weights(schema)]


def unwrapped(schema: Json) -> Json:
    """A schema out of the wrapper that extract-bench puts around some: `schema_definition`."""
    inner = schema.get("schema_definition") if isinstance(schema, dict) else None
    return inner if isinstance(inner, dict) else schema


# ---- reading schemas ----------------------------------------------------------------------------


def _branches(root: JsonSchema, node: Any, hops: int) -> Iterator[JsonSchema]:
    """A subschema, and those that it refers to or combines."""
    if not isinstance(node, dict) or hops > _HOPS:
        return
    yield node
    if "$ref" in node:
        yield from _branches(root, resolve(root, str(node["$ref"])), hops + 1)
    for key in ("anyOf", "oneOf", "allOf"):
        for inner in node.get(key, ()):
            yield from _branches(root, inner, hops + 1)


def _unnamed(node: JsonSchema, key: str) -> Iterator[Any]:
    for pattern, inner in node.get("patternProperties", {}).items():
        if re.search(pattern, key):
            yield inner
    if isinstance(node.get("additionalProperties"), dict):
        yield node["additionalProperties"]


def _takes(node: JsonSchema, kind: str) -> bool:
    """Whether a subschema names a JSON type, by `type` or by the options that it lists."""
    allowed = node.get("type", ())
    allowed = (allowed,) if isinstance(allowed, str) else allowed
    if not allowed and ("enum" in node or "const" in node):
        allowed = [json_type(value) for value in node.get("enum", [node.get("const")])]
    return kind in allowed or (kind == "integer" and "number" in allowed)


def _told(node: JsonSchema, field: str) -> Comparison | None:
    """The comparison that a subschema names, None if it names none for leaves."""
    config = node.get(CONFIG)
    if config is not None:
        return _of_config(config, field)
    name = node.get(f"{STICKLER}comparator")
    threshold = node.get(f"{STICKLER}threshold")
    if name is None and threshold is None:
        return None
    name = name or "LevenshteinComparator"
    if name in _OF_CONTAINERS or name == "auto":
        return None
    return _made(name, _COMPARATORS, node.get(f"{STICKLER}comparator-config"), threshold, field)


def _of_config(config: Any, field: str) -> Comparison | None:
    metrics = config.get("metrics", ()) if isinstance(config, dict) else [{"metric_id": config}]
    if not metrics:
        return None
    name, parameters = metrics[0].get("metric_id"), metrics[0].get("params") or {}
    if name in _OF_CONTAINERS:
        return None
    threshold = parameters.get("threshold", parameters.get("pass_threshold"))
    return _made(name, _METRICS, parameters, threshold, field)


def _made(
    name: Any, table: Mapping[str, _Row], parameters: Any, threshold: Any, field: str
) -> Comparison:
    if name not in table:
        raise ConfigurationError(
            f"The schema compares {field or '/'} by {name!r}, which is not known.",
            hint=f"Use one of: {', '.join(table)}.",
        )
    make, usual = table[name]
    return Comparison(
        name, make(parameters or {}), usual if threshold is None else float(threshold)
    )


def _named_comparisons(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for inner in node:
            yield from _named_comparisons(inner)
    if not isinstance(node, dict):
        return
    config = node.get(CONFIG)
    if isinstance(config, str):
        yield config
    elif isinstance(config, dict):
        yield from (str(metric.get("metric_id")) for metric in config.get("metrics", ()))
    if f"{STICKLER}comparator" in node:
        yield str(node[f"{STICKLER}comparator"])
    for inner in node.values():
        yield from _named_comparisons(inner)


def _weights(node: Any) -> list[str]:
    """The keywords of weights that a schema has."""
    if isinstance(node, list):
        return sorted({name for inner in node for name in _weights(inner)})
    if not isinstance(node, dict):
        return []
    own = {f"{STICKLER}weight"} & node.keys()
    return sorted(own.union(*(_weights(inner) for inner in node.values())))
