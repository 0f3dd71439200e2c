"""The rules of each schema language, as data: one row per language.

A row says nothing about how to get there; `compile/` reads it. A new language is a new
row, and users may pass their own (`dataclasses.replace(SUBSETS["openai-strict"],
name="mine", ...)`). If a vendor does not say, the row takes the safe side: what is not
listed is not sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, Literal

from structgen.errors import ConfigurationError
from structgen.schema.inside import DUPLICATES
from structgen.schema.verbatim import VERBATIM


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaLimits:
    """Limits on a compiled schema; None if the language publishes none."""

    properties: int | None = None
    """Properties of all objects together."""
    object_properties: int | None = None
    """Properties of one object."""
    depth: int | None = None
    """Nested schemas, counted for the root and for each definition, without following
    references.
    """
    enum_values: int | None = None
    """Values of all enums together."""
    enum_chars: int | None = None
    """Characters in the values of one enum with more than 250 values."""
    string_chars: int | None = None
    """Characters in property names, definition names and enum values together."""
    schema_chars: int | None = None
    """Characters in the compact text of the schema."""
    unions: int | None = None
    """Schemas that are a union, nullable ones included."""
    optional: int | None = None
    """Properties that may be left out."""
    item_bound: int | None = None
    """The largest `minItems` or `maxItems`; a larger one is left to the check."""
    length_bound: int | None = None
    """The largest `minLength` or `maxLength`; a larger one is left to the check."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaSubset:
    """One schema language: a subset of JSON Schema."""

    name: str
    """The name to pass to `compile_schema`; it is also in notes and error messages."""
    holds: bool = True
    """Whether answers are held to the schema while they are written; else it only asks
    for its form."""
    root: Literal["object", "any"] = "object"
    """Whether the root must be a plain object."""
    closed: bool = True
    """Whether objects are closed, and list every member that they may have."""
    declared_only: bool = True
    """Whether answers have only the declared members, unless the source asks for
    others; else the root has a member for what no object declares."""
    all_required: bool = False
    """Whether `required` must list every property."""
    absent: Literal["null", "omit", "either"] = "null"
    """How an answer says that the document does not state an optional field: by null,
    by leaving it out, or either."""
    maps: bool = False
    """Whether `additionalProperties` may be a schema."""
    any_of: Literal["any", "tagged"] = "any"
    """`tagged`: object options must differ in one constant property, or have disjoint
    keys (Groq).
    """
    defs: bool = True
    """Whether the language has `$defs` and `$ref`."""
    recursion: bool = True
    """Whether a definition may refer to itself."""
    untyped: bool = False
    """Whether `{}` is a schema."""
    tuples: Literal["any", "fixed", "none"] = "none"
    """`prefixItems`: with tails and optional positions (`any`), with an exact length
    (`fixed`), or not at all."""
    keywords: frozenset[str] = frozenset()
    """The assertions that it enforces, as `type.keyword`; all others are told in the
    description and checked afterwards."""
    taken: frozenset[str] = frozenset()
    """Assertions that it takes, as `type.keyword`, but may not enforce: they are sent,
    and checked afterwards."""
    one_string_rule: bool = False
    """Whether only one of pattern, format and length holds for a string."""
    patterns: Literal["search", "full", "basic", "none"] = "none"
    """`search`: a pattern may match anywhere in a string; `full`: it must match the
    whole string; `basic`: so too, and it has no classes such as `\\d`. No language
    takes look-around or back-references."""
    formats: frozenset[str] = frozenset()
    """The formats that it enforces."""
    plain_enums: bool = True
    """Whether enum values must be scalars."""
    text_enums: bool = False
    """Whether enum values must be strings; others are written as JSON text."""
    mixed_enums: bool = True
    """Whether the values of one enum may be of several types, null included."""
    empty_objects: bool = True
    """Whether an object may have no property."""
    null_objects: bool = True
    """Whether an object may be null instead."""
    const: bool = True
    """Whether it has the keyword `const`."""
    annotations: frozenset[str] = frozenset({"title", "description"})
    """The annotations that it takes."""
    unwritten: frozenset[str] = frozenset()
    """Keywords that are taken out of every finished schema, because the server answers
    400 to them; what they say is checked."""
    limits: SchemaLimits = SchemaLimits()


def _keywords(type_: str, *names: str) -> frozenset[str]:
    return frozenset(f"{type_}.{name}" for name in names)


_LENGTH: Final = _keywords("string", "minLength", "maxLength")
_PATTERN: Final = _keywords("string", "pattern")
_VERBATIM: Final = frozenset(f"{type_}.{VERBATIM}" for type_ in ("string", "integer", "number"))
_RANGE: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_BOUNDS: Final = _keywords("integer", *_RANGE) | _keywords("number", *_RANGE)
_INCLUSIVE_BOUNDS: Final = _keywords("integer", *_RANGE[:2]) | _keywords("number", *_RANGE[:2])
_STEPS: Final = _keywords("integer", "multipleOf") | _keywords("number", "multipleOf")
_ITEMS: Final = _keywords("array", "minItems", "maxItems")
_MEMBERS: Final = _keywords("object", "patternProperties", "minProperties", "maxProperties")
_OPENAI_FORMATS: Final = frozenset(
    {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}
)
_GRAMMAR_FORMATS: Final = _OPENAI_FORMATS | {"uri"}
_ALL_ANNOTATIONS: Final = frozenset({"title", "description", "examples"})
_ALL_KEYWORDS: Final = (
    _LENGTH | _PATTERN | _BOUNDS | _STEPS | _ITEMS | _keywords("array", "uniqueItems") | _MEMBERS
)
_FREE: Final = SchemaSubset(
    name="best-effort",
    holds=False,
    root="object",
    closed=False,
    absent="either",
    maps=True,
    untyped=True,
    tuples="any",
    keywords=_ALL_KEYWORDS,
    patterns="search",
    formats=_GRAMMAR_FORMATS,
    plain_enums=False,
    annotations=_ALL_ANNOTATIONS,
)
_LLAMA_KEYWORDS: Final = _LENGTH | _PATTERN | _ITEMS | _keywords("integer", *_RANGE)
_LLAMA_FORMATS: Final = frozenset({"date", "time", "date-time", "uuid"})

_LLAMA: Final = SchemaSubset(
    name="llama.cpp-server",
    root="any",
    maps=True,
    untyped=True,
    tuples="fixed",
    keywords=_LLAMA_KEYWORDS,
    one_string_rule=True,
    patterns="basic",
    formats=_LLAMA_FORMATS,
    annotations=_ALL_ANNOTATIONS,
    # From about 2,000 repetitions on the server answers 400, "failed to parse grammar".
    limits=SchemaLimits(item_bound=1000, length_bound=65_536),
)
# xgrammar, and the servers built on it. vLLM uses another engine for what xgrammar cannot enforce,
# so the rows have only what every engine enforces.
_XGRAMMAR: Final = SchemaSubset(
    name="sglang",
    root="any",
    maps=True,
    untyped=True,
    tuples="fixed",
    keywords=_LENGTH | _PATTERN | _BOUNDS | _ITEMS,
    one_string_rule=True,
    patterns="full",
    formats=_OPENAI_FORMATS - {"date"},  # xgrammar takes 30 February
    annotations=_ALL_ANNOTATIONS,
)

_OPENAI_LIMITS: Final = SchemaLimits(
    properties=5000, depth=10, enum_values=1000, enum_chars=15_000, string_chars=120_000
)
_ROWS: Final = (
    # Groq with `strict: true`. It publishes no limits, so it has OpenAI's. Since August 2026 it
    # takes patterns, lengths and bounds (groq/openbench, pull request 365); nobody says that it
    # enforces them. `minItems` answered 400 (beeai-framework, issue 1215).
    SchemaSubset(
        name="groq-strict",
        all_required=True,
        any_of="tagged",
        taken=_LENGTH | _PATTERN | _BOUNDS,
        patterns="full",
        limits=_OPENAI_LIMITS,
    ),
    # OpenAI's guide to Structured Outputs, "Supported schemas".
    SchemaSubset(
        name="openai-strict",
        all_required=True,
        keywords=_LENGTH | _PATTERN | _BOUNDS | _STEPS | _ITEMS,
        patterns="search",
        formats=_OPENAI_FORMATS,
        limits=_OPENAI_LIMITS,
    ),
    # Azure still documents OpenAI's first, narrower rules.
    SchemaSubset(
        name="azure-openai",
        all_required=True,
        limits=SchemaLimits(
            properties=100, depth=5, enum_values=500, enum_chars=7500, string_chars=15_000
        ),
    ),
    # An enum beside a list of types answers 400, "Enum value 'low' does not match declared type"
    # (litellm, issue 37881).
    SchemaSubset(
        name="anthropic",
        absent="omit",
        recursion=False,
        mixed_enums=False,
        limits=SchemaLimits(unions=16, optional=24),
    ),
    # Maps come back as `{}` on Vertex, without an error (python-genai, issue 2889; pydantic-ai,
    # issue 1430), and google-genai's own converter refuses them outside of Enterprise. Enums of
    # integers answer 400 (pydantic-ai, issue 1553; agno, issue 9833), and so do objects without
    # properties, "should be non-empty for OBJECT type" (browser-use, issue 3786).
    SchemaSubset(
        name="gemini",
        absent="omit",
        recursion=False,  # it has cycles, but only through an optional property
        tuples="fixed",
        keywords=_ITEMS | _INCLUSIVE_BOUNDS,
        formats=frozenset({"date-time", "date", "time"}),
        text_enums=True,
        mixed_enums=False,
        empty_objects=False,
        const=False,
    ),
    # inference-docs.cerebras.ai, "Structured outputs".
    SchemaSubset(
        name="cerebras",
        all_required=True,
        recursion=False,
        limits=SchemaLimits(object_properties=500, depth=10, enum_values=500, schema_chars=5000),
    ),
    # 64 levels of JSON text, of which four may make one level of schema.
    replace(_XGRAMMAR, name="vllm", limits=SchemaLimits(depth=15)),
    _XGRAMMAR,
    _LLAMA,
    replace(_LLAMA, name="ollama"),
    SchemaSubset(
        name="tgi",
        recursion=False,
        tuples="fixed",
        keywords=_LENGTH | _PATTERN | _ITEMS,
        one_string_rule=True,
        patterns="full",
        formats=frozenset({"date-time", "date", "time", "uuid"}),
    ),
    SchemaSubset(
        name="llguidance",
        root="any",
        maps=False,  # it has them, but their keys have no bounds and may repeat
        untyped=True,
        tuples="any",
        keywords=_LENGTH
        | _PATTERN
        | _BOUNDS
        | _STEPS
        | _ITEMS
        | _MEMBERS
        | _VERBATIM
        | _keywords("array", DUPLICATES),
        patterns="search",
        formats=_GRAMMAR_FORMATS,
        plain_enums=False,
        annotations=_ALL_ANNOTATIONS,
    ),
    replace(_XGRAMMAR, name="xgrammar"),
    SchemaSubset(
        name="outlines-core",
        root="any",
        recursion=False,
        maps=True,
        tuples="fixed",
        keywords=_LENGTH | _PATTERN | _ITEMS,
        one_string_rule=True,
        patterns="full",
        formats=frozenset({"date-time", "date", "time", "uuid"}),
        annotations=_ALL_ANNOTATIONS,
    ),
    _FREE,
    # Groq's arguments of tools: an optional object gets null from the model, and null is refused
    # with "expected object, but got null"; `propertyNames` is refused too.
    replace(_FREE, name="groq-tool", null_objects=False),
    replace(_FREE, name="json-object"),
)

SUBSETS: Final[Mapping[str, SchemaSubset]] = MappingProxyType({row.name: row for row in _ROWS})
"""The schema languages, by name."""


def subset_of(subset: str | SchemaSubset) -> SchemaSubset:
    """The schema language of that name.

    Args:
        subset: A name in `SUBSETS`, or a row, which is returned.

    Raises:
        ConfigurationError: If there is no such name.
    """
    if isinstance(subset, SchemaSubset):
        return subset
    row = SUBSETS.get(subset)
    if row is None:
        raise ConfigurationError(
            f"Unknown schema language {subset!r}.", hint=f"Use one of {', '.join(SUBSETS)}."
        )
    return row
