"""What the grammar engine refuses is left to the check, a keyword at a time."""

from __future__ import annotations

from typing import Any

import pytest

from structgen.errors import GrammarError
from structgen.local.grammar.grammar import Grammar, byte_tokenizer, compile_grammar
from structgen.local.grammar.left_out import MAX_DEPTH, depth_of
from structgen.schema.compiler import compile_schema


def closed(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def nested_list(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


def grammar_of(schema: dict[str, Any]) -> Grammar:
    return compile_grammar(compile_schema(schema, "llguidance").schema, byte_tokenizer())


def test_a_pattern_with_inner_anchors_costs_only_itself() -> None:
    pattern = r"^(x|((^\*|[0-9A-Za-z])\.)*y)$"
    schema = closed(name={"type": "string", "pattern": pattern}, count={"type": "integer"})
    grammar = grammar_of(schema)
    assert [note.keyword for note in grammar.notes] == ["pattern"]
    assert "/properties/name" in grammar.notes[0].detail
    assert grammar.classify('{"name": "anything", "count": 1}') == "whole"
    assert grammar.classify('{"name": "anything", "count": "1"}') == "no"


@pytest.mark.parametrize(
    ("schema", "keyword", "text"),
    [
        ({"enum": [f"value {i}" for i in range(50_000)]}, "enum", '"value 7"'),
        (closed(**{f"p{i}": {"type": "null"} for i in range(20_000)}), "properties", "{}"),
    ],
    ids=["enum", "properties"],
)
@pytest.mark.slow
def test_what_is_too_large_is_left_out_and_noted(
    schema: dict[str, Any], keyword: str, text: str
) -> None:
    grammar = grammar_of(schema)
    assert [note.keyword for note in grammar.notes] == [keyword]
    assert grammar.classify(text) == "whole"


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "maxLength": 5.0},
        {"type": "array", "items": {"type": "string"}, "minItems": 2.0},
        {"type": "string", "pattern": "(?i)ab"},
        {"type": "string", "pattern": r"(a)\1"},
    ],
)
def test_small_oddities_do_not_cost_the_grammar(schema: dict[str, Any]) -> None:
    assert grammar_of(schema).notes == ()


def chain(length: int, levels: int) -> dict[str, Any]:
    """Definitions of which each leads to the next, some lists deep."""

    def step(i: int) -> dict[str, Any]:
        node: dict[str, Any] = {"$ref": f"#/$defs/D{i + 1}"}
        for _ in range(levels):
            node = {"type": "array", "items": node}
        return closed(next=node)

    defs = {f"D{i}": step(i) for i in range(length)} | {f"D{length}": {"type": "integer"}}
    return {"$ref": "#/$defs/D0", "$defs": defs}


@pytest.mark.parametrize(("length", "levels"), [(1000, 0), (3000, 0), (100, 20)])
def test_a_long_chain_of_definitions_is_a_typed_error(length: int, levels: int) -> None:
    with pytest.raises(GrammarError, match="deep into one another"):
        grammar_of(chain(length, levels))


def test_depth_counts_references_and_ends_at_circles() -> None:
    assert depth_of(chain(100, 0)) < MAX_DEPTH
    assert grammar_of(chain(100, 0)).notes == ()
    circle = {"$ref": "#/$defs/A", "$defs": {"A": closed(below={"$ref": "#/$defs/A"})}}
    assert depth_of(circle) < 10


def test_many_enums_that_are_too_large_together_are_left_to_the_check() -> None:
    """Each of them is small enough for itself."""
    enums = {
        f"kind{one}": {"type": "string", "enum": [f"option {one} {other}" for other in range(300)]}
        for one in range(300)
    }
    grammar = grammar_of(closed(count={"type": "integer"}, **enums))
    assert {note.keyword for note in grammar.notes} == {"enum"}
    assert len(grammar.notes) == 300
    assert grammar.classify('{"count": "') == "no"
    assert grammar.classify('{"count": 1, "kind0": "any') == "part"


def test_a_constant_that_is_too_deep_is_left_to_the_check() -> None:
    schema = closed(a={"const": nested_list(150)}, b={"type": "null"})
    grammar = compile_grammar(schema, byte_tokenizer())
    assert [note.keyword for note in grammar.notes] == ["const"]
    assert grammar.classify('{"a": 1, "b": null}') == "whole"


def test_lists_of_lists_of_many_have_no_shortest_answer_but_a_grammar() -> None:
    schema: dict[str, Any] = {"type": "string"}
    for _ in range(6):
        schema = {"type": "array", "items": schema, "minItems": 50, "maxItems": 100}
    assert compile_grammar(schema, byte_tokenizer()).classify('[[[[[["') == "part"


@pytest.mark.parametrize("count", [1, 9])
def test_patterns_that_are_too_long_together_are_left_to_the_check(count: int) -> None:
    short, long = "^[a-c]+$", f"^{'a?' * 10_000}$"
    texts = {f"long{number}": {"type": "string", "pattern": long} for number in range(count)}
    schema = {
        "type": "object",
        "properties": {"short": {"type": "string", "pattern": short}, **texts},
        "required": ["short"],
        "additionalProperties": False,
    }
    grammar = compile_grammar(schema, byte_tokenizer())
    assert [note.keyword for note in grammar.notes] == ["pattern"] * count
    assert all("too long" in note.detail for note in grammar.notes)
    assert grammar.classify('{"short": "ab", "long0": "zz"}') == "whole"
    assert grammar.classify('{"short": "z') == "no"
