"""TypeScript and zod of a target: what is written, and that nothing in it escapes its place.

Generated code was checked with TypeScript 7 and zod 4.6, as docs/typescript.md tells.
"""

from __future__ import annotations

import io
import re
from enum import Enum
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, Field

from structgen.cli import exits
from structgen.cli import main as cli
from structgen.errors import SchemaError
from structgen.schema import to_typescript, to_zod
from tests.laws.json_schemas import json_schemas
from tests.laws.leaves import Typed
from tests.laws.strategies import types


class Mood(Enum):
    GOOD = "good"
    BAD = "bad"


class Card(BaseModel):
    kind: Literal["card"]
    last4: str = Field(pattern=r"^\d{4}$")


class Cash(BaseModel):
    model_config = ConfigDict(extra="forbid")
    kind: Literal["cash"]


class Item(BaseModel):
    """A line of the order."""

    name: str = Field(description="As the customer says it. */ alert(1)", min_length=1)
    count: int = Field(ge=1, le=99)
    note: str | None = None
    parts: list[Item] = []


class Order(BaseModel):
    items: list[Item] = Field(max_length=3)
    pay: Card | Cash = Field(discriminator="kind")
    size: tuple[float, str]
    tags: dict[str, int]
    mood: Mood = Mood.GOOD
    other: int | str | None = Field(default=None, alias='class of "it"')
    unique: set[int] = set()


def test_types_say_what_the_json_looks_like() -> None:
    assert (
        to_typescript(Order)
        == r"""
/** A line of the order. */
export type Item = {
  /** As the customer says it. *\/ alert(1) */
  name: string;
  count: number;
  note?: string | null;
  parts?: Array<Item>;
};

export type Card = {
  kind: "card";
  last4: string;
};

export type Cash = {
  kind: "cash";
};

export type Mood = "good" | "bad";

export type Order = {
  items: Array<Item>;
  pay: Card | Cash;
  size: [number, string];
  tags: { [member: string]: number };
  mood?: Mood;
  "class of \"it\""?: number | string | null;
  unique?: Array<number>;
};
""".removeprefix("\n")
    )


@pytest.mark.parametrize(
    "line",
    [
        "export const Item: z.ZodType<Item> = z.looseObject({",
        "  name: z.string().min(1),",
        "  count: z.int().gte(1).lte(99),",
        "  note: z.string().nullable().optional(),",
        "  parts: z.array(z.lazy(() => Item)).optional(),",
        r'  last4: z.string().regex(new RegExp("^\\d{4}$")),',
        "export const Cash = z.strictObject({",
        '  kind: z.literal("cash"),',
        "  items: z.array(z.lazy(() => Item)).max(3),",
        '  pay: z.discriminatedUnion("kind", [Card, Cash]),',
        "  size: z.tuple([z.number(), z.string()]),",
        "  tags: z.record(z.string(), z.int()),",
        'export const Mood = z.enum(["good", "bad"]);',
        r'  "class of \"it\"": z.union([z.int(), z.string()]).nullable().optional(),',
        "export type Order = z.infer<typeof Order>;",
    ],
)
def test_zod_checks_what_the_schema_says(line: str) -> None:
    assert line in to_zod(Order).splitlines()


@pytest.mark.parametrize(
    ("schema", "typescript", "zod"),
    [
        (True, "unknown", "z.unknown()"),
        ({"not": {"type": "string"}}, "unknown", "!z.string().safeParse(value).success"),
        ({"const": {"a": [1]}}, "{ a: [1] }", "z.custom<{ a: [1] }>((value) => same("),
        ({"const": None}, "null", "z.literal(null)"),
        ({"enum": ["a", 1]}, '"a" | 1', 'z.literal(["a", 1])'),
        ({"type": ["string", "null"]}, "string | null", "z.string().nullable()"),
        ({"minLength": 2}, "unknown", "z.string().min(2)"),
        (
            {"type": "array", "prefixItems": [{"type": "null"}], "minItems": 0},
            "[(null)?, ...Array<unknown>]",
            "z.tuple([z.null().optional()], z.unknown())",
        ),
        (
            {"type": "object", "required": ["__proto__"]},
            '["__proto__"]: unknown;',
            '["__proto__"]: z.unknown().refine((value) => value !== undefined),',
        ),
        (
            {"type": "object", "properties": {"a": {}}, "additionalProperties": {"type": "null"}},
            "[member: string]: unknown;",
            ".catchall(z.null())",
        ),
        (
            {"allOf": [{"type": "string"}, {"maxLength": 3}]},
            "string",
            "z.intersection(z.string(), ",
        ),
        (
            {"oneOf": [{"type": "integer"}, {"type": "number"}]},
            "number",
            ".filter((one) => one.safeParse(value).success).length === 1)",
        ),
    ],
)
def test_keywords_of_json_schemas(schema: Any, typescript: str, zod: str) -> None:
    assert typescript in to_typescript(schema)
    assert zod in to_zod(schema)


def test_what_zod_cannot_hold_is_named() -> None:
    schema = {
        "type": "object",
        "properties": {
            "a": {"type": "string", "pattern": "(?i)x\n"},
            "b": {"type": "string", "format": "made-up"},
            "c": {"contains": {"type": "null"}},
        },
    }
    code = to_zod(schema)
    named = re.findall(r"^// Not checked here: (.*)$", code, re.MULTILINE)
    assert named == ["contains", 'format "made-up"', r'pattern "(?i)x\n"']
    assert "a: z.string().optional()" in code


def test_a_member_called_as_a_keyword_still_leads_to_its_type() -> None:
    schema = {
        "type": "object",
        "properties": {"enum": {"$ref": "#/$defs/Part"}, "const": {"$ref": "#"}},
        "$defs": {"Part": {"type": "string"}},
    }
    assert to_zod(schema).index("export const Part") < to_zod(schema).index("enum: Part")
    assert "const?: Output;" in to_typescript(schema)


_STRING = re.compile(r'"(?:[^"\\\n]|\\["\\/bfnrtu])*"')
_COMMENT = re.compile(r"/\*\*(?:(?!\*/)[^\n])*\*/|^//[^\n]*$", re.MULTILINE)
_PAIRS = {")": "(", "]": "[", "}": "{"}


def assert_well_formed(code: str) -> None:
    """Without its comments and strings it is plain ASCII whose brackets close in order."""
    bare = _STRING.sub("0", _COMMENT.sub("", code))
    assert bare.isascii()
    assert not set(bare) & set("\"'`\\\x00")
    open_ones: list[str] = []
    for one in bare:
        if one in "([{":
            open_ones.append(one)
        elif one in _PAIRS:
            assert open_ones.pop() == _PAIRS[one]
    assert not open_ones


@given(types() | json_schemas())
def test_code_is_written_for_every_target(source: Any) -> None:
    kind = source.type if isinstance(source, Typed) else source
    for code in (to_typescript(kind), to_zod(kind)):
        assert_well_formed(code)
        names = re.findall(r"^export type (\w+) =", code, re.MULTILINE)
        assert len(set(names)) == len(names)
        assert to_zod(kind) == to_zod(kind)


@given(st.text(min_size=1), st.text())
def test_texts_stay_in_their_place(name: str, about: str) -> None:
    schema = {
        "title": name,
        "description": about,
        "type": "object",
        "properties": {name: {"const": about, "description": f"{about}*/{name}"}},
        "required": [name],
    }
    try:
        codes = to_typescript(schema), to_zod(schema)
    except SchemaError:  # characters that no JSON has
        return
    for code in codes:
        assert_well_formed(code)


def test_the_command_prints_either() -> None:
    def compiled(*words: str) -> tuple[int, str]:
        out = io.StringIO()
        target = "structgen.schemas.invoice:Invoice"
        code = cli.run(["compile", target, *words], io.StringIO(), out, io.StringIO())
        return code, out.getvalue()

    code, types_written = compiled("--to", "typescript")
    assert code == exits.OK
    assert "export type Invoice = {" in types_written
    assert "export const Invoice = " in compiled("--to", "zod")[1]
    assert compiled()[0] == exits.USAGE
    assert compiled("--to", "zod", "--for", "groq-strict")[0] == exits.USAGE
