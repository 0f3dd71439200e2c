"""Grammars: what they hold, and what they leave to the check and say so."""

from __future__ import annotations

import json
import random
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llguidance import LLMatcher, LLTokenizer

from structgen.errors import GrammarError
from structgen.local.grammar.grammar import (
    Grammar,
    byte_tokenizer,
    compile_grammar,
    grammar_of_lark,
    lark_of_regex,
)

CLOSING = set(b"]}")


def closed(**properties: Any) -> Any:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def walk(held: Any, choose: Any) -> Any:
    """A sentence of a grammar, byte by byte: `choose` picks among those it allows, 256 being the
    end.
    """
    matcher, text = held.matcher(), bytearray()
    while len(text) < 20_000:
        mask = matcher.compute_bitmask()
        allowed = [code for code in range(257) if mask[code // 8] >> code % 8 & 1]
        assert allowed, f"a dead end after {bytes(text)!r}"
        code = choose(allowed)
        if code == 256:
            return text.decode()
        assert matcher.consume_token(code)
        text.append(code)
    raise AssertionError("it does not end")


def of(schema: Any) -> Any:
    """The grammar of a schema over bytes."""
    return compile_grammar(schema, byte_tokenizer())


# ---- form ----------------------------------------------------------------------------------------


def test_a_sentence_has_the_separators_models_are_trained_on_and_no_other_whitespace() -> None:
    held = of(closed(a={"type": "integer"}, b={"type": "array", "items": {"type": "integer"}}))
    assert held.classify('{"a": 1, "b": [1, 2]}') == "whole"
    for other in (
        '{"a":1,"b":[1,2]}',
        '{ "a": 1, "b": []}',
        '{"a":  1, "b": []}',
        '{"a": 1, "b": []}\n',
        '{"a": 1,\n"b": []}',
    ):
        assert held.classify(other) in ("no", "part"), other


def test_the_trap_of_flexible_whitespace() -> None:
    """The default of llguidance lets a model write blanks for ever."""
    text = "%llguidance {}\nstart: %json " + json.dumps(closed(a={"type": "integer"}))
    matcher = LLMatcher(byte_tokenizer(), LLMatcher.grammar_from_lark(text))
    assert matcher.try_consume_tokens(list(b'{"a":' + b" \n" * 500)) == 1005


def test_the_trap_of_open_objects() -> None:
    """A schema that does not close its objects lets a model invent keys; a closed one does not."""
    open_, shut = (
        {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]},
        closed(a={"type": "integer"}),
    )
    assert of(open_).classify('{"a": 1, "gender": "x"}') == "whole"
    assert of(shut).classify('{"a": 1, "gender": "x"}') == "no"


def test_reading_tells_a_whole_answer_from_its_beginning_and_from_anything_else() -> None:
    held = of(closed(name={"type": "string"}))
    assert held.classify('{"name": "Zoë 北京 🙂"}') == "whole"
    assert held.classify('{"name": "Zo') == "part"
    assert held.classify("") == "part"
    assert held.classify("Sure! Here is the record:") == "no"
    assert held.classify('{"name": "x"} and more') == "no"


@pytest.mark.parametrize("value", ["Zoë Ångström", "北京市", "🙂ok", 'a "quoted" \\ line\n'])
def test_values_outside_ascii_are_held(value: Any) -> None:
    held = of({"enum": [value]})
    assert held.classify(json.dumps(value, ensure_ascii=False)) == "whole"
    assert held.classify('"Zo"') == "no"


def test_a_regular_expression_is_a_grammar_too() -> None:
    assert lark_of_regex(r"\d{4}").startswith("%llguidance")
    with pytest.raises(GrammarError, match="look"):
        lark_of_regex(r"a(?=b)")


@pytest.mark.parametrize(
    ("form", "whole", "no"),
    [
        (
            "date",
            ["2024-02-29", "2000-02-29", "2023-02-28", "0001-12-31"],
            ["2023-02-29", "1900-02-29", "0000-01-01", "2023-04-31"],
        ),
        (
            "time",
            ["10:20:59Z", "23:59:60Z", "23:59:60.5z", "00:00:00+01:00"],
            ["10:20:60Z", "23:58:60Z", "23:59:60+01:00"],
        ),
        (
            "date-time",
            ["2024-02-29T10:20:59Z", "2016-12-31t23:59:60Z"],
            ["2023-02-29T10:20:59Z", "2024-01-01T10:20:60Z"],
        ),
    ],
)
def test_days_and_seconds_that_never_were_are_not_written(form: Any, whole: Any, no: Any) -> None:
    held = of(closed(a={"type": "string", "format": form}))
    assert {text: held.classify(json.dumps({"a": text})) for text in whole} == dict.fromkeys(
        whole, "whole"
    )
    assert {text: held.classify(json.dumps({"a": text})) for text in no} == dict.fromkeys(no, "no")


def test_the_trap_of_leap_years_and_seconds() -> None:
    """The engine itself takes them."""
    for form, text in (("date", "2023-02-29"), ("time", "10:20:60Z")):
        body = "%llguidance {}\nstart: %json " + json.dumps({"type": "string", "format": form})
        assert grammar_of_lark(body, byte_tokenizer()).classify(json.dumps(text)) == "whole"


def test_a_format_beside_a_pattern_stays_with_both() -> None:
    held = of({"type": "string", "format": "date", "pattern": "^20"})
    assert (
        held.classify('"2024-01-01"'),
        held.classify('"1999-01-01"'),
        held.classify('"20 may"'),
    ) == (
        "whole",
        "no",
        "no",
    )


def test_listed_values_that_look_like_schemas_are_values() -> None:
    value = {"format": "date"}
    assert of({"enum": [value]}).classify(json.dumps(value)) == "whole"


# ---- the ladder ----------------------------------------------------------------------------------


def test_a_schema_that_llguidance_takes_as_it_stands_has_nothing_left_to_the_check() -> None:
    assert not [
        note for note in of(closed(a={"type": "integer"})).notes if note.action == "checked"
    ]


@pytest.mark.parametrize(
    ("schema", "keyword"),
    [
        ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, "oneOf"),
        ({"type": "array", "items": {"type": "integer"}, "uniqueItems": True}, "uniqueItems"),
        ({"type": "string", "format": "url"}, "url"),
        ({"type": "integer", "not": {"const": 3}}, "not"),
    ],
)
def test_what_the_grammar_does_not_hold_is_noted_for_the_check(schema: Any, keyword: str) -> None:
    held = of(schema)
    checked = [note for note in held.notes if note.action == "checked"]
    assert checked
    assert any(keyword in str(note) for note in checked)


@pytest.mark.parametrize(
    "schema",
    [{"type": "nothing"}, {"$ref": "#/$defs/None"}],
)
def test_a_schema_that_no_rung_takes_is_an_error_before_any_decoding(schema: Any) -> None:
    with pytest.raises(GrammarError) as refused:
        of(schema)
    assert refused.value.hint
    assert "\n" not in refused.value.message


def test_a_grammar_is_made_once_for_each_schema_and_tokenizer() -> None:
    schema = closed(a={"type": "string"})
    assert of(schema) is of(dict(schema))
    assert of(schema) is not compile_grammar(schema, LLTokenizer("byte"))


def test_each_matcher_of_a_grammar_is_its_own() -> None:
    held = of(closed(a={"type": "string"}))
    one = held.matcher()
    assert one.consume_tokens(list(b'{"a": "'))
    assert held.matcher().validate_tokens(list(b'{"a')) == 3


def test_a_grammar_may_be_written_in_the_dialect_of_the_engine() -> None:
    assert (
        grammar_of_lark('%llguidance {}\nstart: "a" | "b"', byte_tokenizer()).classify("b")
        == "whole"
    )
    with pytest.raises(GrammarError):
        grammar_of_lark("%llguidance {}\nstart: nothing", byte_tokenizer())


# ---- what a schema may cost ----------------------------------------------------------------------


def nested(times: Any, schema: Any, around: Any) -> Any:
    for _ in range(times):
        schema = around(schema)
    return schema


LARGE = {
    "a list of thousands": {"enum": [f"value {number}" for number in range(5000)]},
    "thousands of fields": closed(
        **{f"k{number}": {"type": ["string", "null"]} for number in range(2000)}
    ),
    "fields that may be left out": {
        **closed(**{f"k{number}": {"type": "string"} for number in range(1000)}),
        "required": [],
    },
    "long lists of long lists": nested(
        4, {"type": "integer"}, lambda items: {"type": "array", "items": items, "maxItems": 1000}
    ),
    "many items": {"type": "array", "items": {"type": "integer"}, "minItems": 10**6},
    "a long text": {"type": "string", "minLength": 10**6, "maxLength": 10**9},
    "repeated repetitions": {
        "type": "string",
        "pattern": "^((((a{1,99}){1,99}){1,99}){1,99}){1,99}$",
    },
    "an automaton of 2 to the 200th": {"type": "string", "pattern": "^(a|b)*a(a|b){200}$"},
    "definitions used twice each": {
        "$ref": "#/$defs/d0",
        "$defs": {
            **{
                f"d{at}": closed(a={"$ref": f"#/$defs/d{at + 1}"}, b={"$ref": f"#/$defs/d{at + 1}"})
                for at in range(30)
            },
            "d30": {"type": "null"},
        },
    },
}


@pytest.mark.parametrize("kind", LARGE)
def test_a_large_schema_is_taken_and_its_first_token_too(kind: Any) -> None:
    matcher = of(LARGE[kind]).matcher()
    assert any(matcher.compute_bitmask())
    assert not matcher.is_error()


@pytest.mark.slow
@pytest.mark.parametrize("count", [6000, 60_000])
def test_fields_that_may_be_left_out_are_held_or_left_to_the_check_whole(count: int) -> None:
    """Of 6,000 the engine took the first byte and no second, so that every answer was refused."""
    names = [f"k{number}" for number in range(count)]
    held = of({**closed(**{name: {"type": "boolean"} for name in names}), "required": []})
    assert held.classify('{"k7": true, "k8": false}') == "whole"
    assert held.classify('{"k7": ') == "part"
    is_held = not held.notes
    assert held.classify('{"k7": 1}') == ("no" if is_held else "whole")
    assert is_held or held.notes[0].keyword == "properties"


def test_an_engine_that_gives_up_within_an_answer_is_a_typed_error() -> None:
    """What a text is cannot be told, so it is not called wrong."""

    class Exhausted:
        def deep_copy(self) -> Exhausted:
            return self

        def try_consume_tokens(self, tokens: list[int]) -> int:
            return len(tokens) // 2

        def is_error(self) -> bool:
            return True

        def get_error(self) -> str:
            return "Parser Error: Current row has 23999 items"

    held = Grammar("", (), Exhausted(), Exhausted)  # type: ignore[arg-type]
    with pytest.raises(GrammarError, match=r"gave up reading the answer: .*23999 items") as raised:
        held.classify('{"a": 1}')
    assert raised.value.hint


@pytest.mark.parametrize(
    "schema",
    [
        nested(100, {"type": "integer"}, lambda inner: closed(a=inner)),
        nested(5000, {"type": "integer"}, lambda inner: closed(a=inner)),
        {
            "allOf": [
                {"anyOf": [closed(a={}), {"properties": {f"b{at}": {"type": "string"}}}]}
                for at in range(12)
            ]
        },
    ],
    ids=["deep", "too deep to be written", "a product of unions"],
)
def test_a_schema_that_costs_too_much_is_an_error_that_says_why(schema: Any) -> None:
    with pytest.raises(GrammarError) as refused:
        of(schema)
    assert refused.value.hint


@pytest.mark.parametrize(
    ("schema", "keyword"),
    [
        ({"type": "string", "pattern": "a(?=b)"}, "pattern"),
        ({"type": "string", "maxLength": 10**20}, "maxLength"),
    ],
)
def test_one_keyword_that_the_engine_refuses_is_left_to_the_check(
    schema: Any, keyword: str
) -> None:
    held = of(closed(a=schema))
    assert [note.keyword for note in held.notes] == [keyword]
    assert held.classify('{"a": "x"}') == "whole"


def test_divisors_that_cost_too_much_are_left_to_the_check() -> None:
    assert not of({"type": "integer", "multipleOf": 60}).notes
    held = of(closed(multipleOf={"type": "integer", "multipleOf": 99_999_989}))
    assert [note.keyword for note in held.notes] == ["multipleOf"]
    assert held.classify('{"multipleOf": 12}') == "whole"


# ---- what its sentences are ----------------------------------------------------------------------

LEAVES = st.sampled_from(
    [
        {"type": "string"},
        {"type": "string", "maxLength": 5},
        {"type": "string", "minLength": 3},
        {"type": "string", "format": "date"},
        {"type": "string", "format": "date-time"},
        {"type": "string", "pattern": "^[A-Z]{2,}-\\d+$"},
        {"type": "integer"},
        {"type": "integer", "minimum": 3},
        {"type": "number"},
        {"type": "number", "minimum": 0, "maximum": 1},
        {"type": "number", "multipleOf": 0.5},
        {"type": "boolean"},
        {"enum": ["a", "Zoë", 1, None]},
        {"const": "x"},
    ]
)
SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.builds(lambda items: {"type": "array", "items": items}, inner),
        st.builds(
            lambda items, low: {
                "type": "array",
                "items": items,
                "minItems": low,
                "maxItems": low + 2,
            },
            inner,
            st.integers(0, 6),
        ),
        st.builds(lambda one, two: {"anyOf": [one, two, {"type": "null"}]}, inner, inner),
        st.dictionaries(
            st.sampled_from(["name", "größe", "a b", 'say "hi"']), inner, min_size=1
        ).map(lambda fields: closed(**fields)),
    ),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(schema=SCHEMAS, seed=st.integers(0, 2**32))
def test_every_sentence_of_a_grammar_is_valid_under_its_schema(schema: Any, seed: int) -> Any:
    """The grammar holds what it says: a random walk ends in JSON that jsonschema accepts."""
    draw = random.Random(seed)
    held = of(schema)
    assert not [note for note in held.notes if note.action == "checked"]

    def choose(allowed: Any) -> Any:
        ends = [code for code in allowed if code == 256 or code == ord('"') or code in CLOSING]
        return draw.choice(ends) if ends and draw.random() < 0.5 else draw.choice(allowed)

    text = walk(held, choose)
    assert held.classify(text) == "whole"
    jsonschema.Draft202012Validator(schema).validate(json.loads(text))
