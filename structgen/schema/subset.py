"""What each schema language accepts and keeps, as data: one row per language.

A row says nothing about how to get there; `builder.py` reads it. A new language is a new row,
and users may pass their own (`dataclasses.replace(SUBSETS["openai-strict"], name="mine",
...)`). Where a vendor does not say, the row takes the safe side: what is not listed is not
sent.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Final, Literal

from structgen.errors import ConfigurationError
from structgen.schema.verbatim import VERBATIM


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaLimits:
    """JobLimits on a compiled schema; None where the language publishes none.

    `properties`: in the whole schema; `object_properties`: of one object; `depth`: nested
    schemas, counted for the root and for each definition without following refs; `enum_values`:
    of all enums together; `enum_chars`: of one enum with over 250 values; `string_chars`: of
    property names, definition names and enum values together; `schema_chars`: of the compact
    schema text; `unions`: schemas that are a union, nullable ones included; `optional`:
    properties that may be left out.
    """

    properties: int | None = None
    object_properties: int | None = None
    depth: int | None = None
    enum_values: int | None = None
    enum_chars: int | None = None
    string_chars: int | None = None
    schema_chars: int | None = None
    unions: int | None = None
    optional: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SchemaSubset:
    """One schema language.

    `holds`: answers are held to the schema while they are written; where not, it only tells the
    model what is asked. `root`: whether the root must be a plain object. `closed`: objects are
    closed, and list every member they may have. `declared_only`: where the source leaves an
    object open, answers have its declared members alone. `all_required`: every property must be
    listed in `required`. `absent`: how an answer says that the text does not state an optional
    field: by `null`, by leaving it out (`omit`), or by `either`. `maps`: `additionalProperties`
    may be a schema. `any_of`: `tagged` where object variants must be told apart by one constant
    property or by disjoint keys (Groq). `defs`: `$defs` and `$ref` exist; `recursion`: a
    definition may refer to itself. `untyped`: `{}` is a schema. `tuples`: `prefixItems` with
    tails and optional positions (`any`), with an exact length (`fixed`), or `none`. `keywords`:
    the assertions kept, as `type.keyword`; all others are told in the description and checked
    afterwards. `one_string_rule`: only one of pattern, format and length holds for a string.
    `patterns`: `search` finds a pattern anywhere in a string; `full` always matches whole
    strings; `basic` does too, and has no classes such as `\\d`; `none`. No language takes
    lookaround or backreferences. `formats`: the names it holds. `plain_enums`: enum values are
    scalars only. `const`: the keyword is known. `annotations`: those it takes.
    """

    name: str
    holds: bool = True
    root: Literal["object", "any"] = "object"
    closed: bool = True
    declared_only: bool = False
    all_required: bool = False
    absent: Literal["null", "omit", "either"] = "null"
    maps: bool = False
    any_of: Literal["any", "tagged"] = "any"
    defs: bool = True
    recursion: bool = True
    untyped: bool = False
    tuples: Literal["any", "fixed", "none"] = "none"
    keywords: frozenset[str] = frozenset()
    one_string_rule: bool = False
    patterns: Literal["search", "full", "basic", "none"] = "none"
    formats: frozenset[str] = frozenset()
    plain_enums: bool = True
    const: bool = True
    annotations: frozenset[str] = frozenset({"title", "description"})
    limits: SchemaLimits = SchemaLimits()


def _keywords(type_: str, *names: str) -> frozenset[str]:
    return frozenset(f"{type_}.{name}" for name in names)


_LENGTH: Final = _keywords("string", "minLength", "maxLength")
_PATTERN: Final = _keywords("string", "pattern")
_VERBATIM: Final = frozenset(f"{type_}.{VERBATIM}" for type_ in ("string", "integer", "number"))
_RANGE: Final = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")
_BOUNDS: Final = _keywords("integer", *_RANGE) | _keywords("number", *_RANGE)
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
)
# xgrammar and the servers on it. vLLM falls back on another engine for what xgrammar cannot hold: the rows keep what all hold.
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

_ROWS: Final = (
    # Groq, strict: true. It publishes neither limits nor which keywords it enforces: OpenAI's limits, and no keyword counted on.
    SchemaSubset(
        name="groq-strict",
        all_required=True,
        any_of="tagged",
        limits=SchemaLimits(
            properties=5000, depth=10, enum_values=1000, enum_chars=15_000, string_chars=120_000
        ),
    ),
    SchemaSubset(
        name="openai-strict",
        all_required=True,
        keywords=_LENGTH | _PATTERN | _BOUNDS | _STEPS | _ITEMS,
        patterns="search",
        formats=_OPENAI_FORMATS,
        limits=SchemaLimits(
            properties=5000, depth=10, enum_values=1000, enum_chars=15_000, string_chars=120_000
        ),
    ),
    # Azure still documents the first, narrower rules.
    SchemaSubset(
        name="azure-openai",
        all_required=True,
        limits=SchemaLimits(
            properties=100, depth=5, enum_values=500, enum_chars=7500, string_chars=15_000
        ),
    ),
    SchemaSubset(
        name="anthropic",
        absent="omit",
        recursion=False,
        limits=SchemaLimits(unions=16, optional=24),
    ),
    SchemaSubset(
        name="gemini",
        absent="omit",
        maps=True,
        recursion=False,  # it takes a cycle, but only through an optional property
        tuples="fixed",
        keywords=_ITEMS
        | _keywords("integer", "minimum", "maximum")
        | _keywords("number", "minimum", "maximum"),
        formats=frozenset({"date-time", "date", "time"}),
        const=False,
    ),
    SchemaSubset(
        name="cerebras",
        all_required=True,
        recursion=False,
        limits=SchemaLimits(object_properties=500, depth=10, enum_values=500, schema_chars=5000),
    ),
    replace(
        _XGRAMMAR, name="vllm", limits=SchemaLimits(depth=15)
    ),  # 64 levels of JSON text; four may make one level of schema
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
        maps=False,  # it has them, but leaves their keys without bounds, and lets a key come twice
        untyped=True,
        tuples="any",
        keywords=_LENGTH | _PATTERN | _BOUNDS | _STEPS | _ITEMS | _MEMBERS | _VERBATIM,
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
    replace(_FREE, name="json-object"),
)

SUBSETS: Final[Mapping[str, SchemaSubset]] = MappingProxyType({row.name: row for row in _ROWS})
"""The rows by name."""


def subset_of(subset: str | SchemaSubset) -> SchemaSubset:
    """The row of that name, or the row itself. ConfigurationError names those there are."""
    if isinstance(subset, SchemaSubset):
        return subset
    row = SUBSETS.get(subset)
    if row is None:
        raise ConfigurationError(
            f"There is no schema language {subset!r}.", hint=f"Known: {', '.join(SUBSETS)}."
        )
    return row
