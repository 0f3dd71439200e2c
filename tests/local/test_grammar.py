"""Grammars: what they hold, what they leave to the check and say so, and that no sentence of them outgrows its budget by much."""

from __future__ import annotations

import json
import random

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llguidance import LLMatcher

from structgen.errors import GrammarError
from structgen.local import grammar as module
from structgen.local.grammar import grammar, lark_of_regex

CLOSING = set(b"]}")


def closed(**properties):
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def walk(held, choose, limit=20_000):
    """A sentence of a grammar, byte by byte: `choose` picks among those it allows, 256 being the end. None: not ended in time."""
    matcher, text = held._matcher.deep_copy(), bytearray()
    while len(text) < limit:
        mask = matcher.compute_bitmask()
        allowed = [code for code in range(257) if mask[code // 8] >> code % 8 & 1]
        assert allowed, f"a dead end after {bytes(text)!r}"
        code = choose(allowed)
        if code == 256:
            return text.decode()
        assert matcher.consume_token(code)
        text.append(code)
    return None


def longest(allowed):
    """A model that never stops of its own accord: letters, digits and decimals while it may, the end last."""
    last = [*b"a9.", *sorted(set(range(256)) - set(b'a9."n]}')), *b'"n]}', 256]
    return min(allowed, key=last.index)


# ---- form -----------------------------------------------------------------------------------------------------------------


def test_a_sentence_has_the_separators_models_are_trained_on_and_no_other_whitespace():
    held = grammar(closed(a={"type": "integer"}, b={"type": "array", "items": {"type": "integer"}}), 100)
    assert held.reads('{"a": 1, "b": [1, 2]}') == "whole"
    for other in ('{"a":1,"b":[1,2]}', '{ "a": 1, "b": []}', '{"a":  1, "b": []}', '{"a": 1, "b": []}\n', '{"a": 1,\n"b": []}'):
        assert held.reads(other) in ("no", "part"), other


def test_the_trap_of_flexible_whitespace():
    """The default of llguidance lets a model write blanks for ever."""
    text = "%llguidance {}\nstart: %json " + json.dumps(closed(a={"type": "integer"}))
    matcher = LLMatcher(module._tokenizer(), LLMatcher.grammar_from_lark(text))
    assert matcher.try_consume_tokens(list(b'{"a":' + b" \n" * 500)) == 1005


def test_the_trap_of_open_objects():
    """A schema that does not close its objects lets a model invent keys; a closed one does not."""
    open_, shut = {"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}, closed(a={"type": "integer"})
    assert grammar(open_, 100).reads('{"a": 1, "gender": "x"}') == "whole"
    assert grammar(shut, 100).reads('{"a": 1, "gender": "x"}') == "no"


def test_reading_tells_a_whole_answer_from_its_beginning_and_from_anything_else():
    held = grammar(closed(name={"type": "string"}), 100)
    assert held.reads('{"name": "Zoë 北京 🙂"}') == "whole"
    assert held.reads('{"name": "Zo') == "part"
    assert held.reads("") == "part"
    assert held.reads("Sure! Here is the record:") == "no"
    assert held.reads('{"name": "x"} and more') == "no"


@pytest.mark.parametrize("value", ["Zoë Ångström", "北京市", "🙂ok", 'a "quoted" \\ line\n'])
def test_values_outside_ascii_are_held(value):
    held = grammar({"enum": [value]}, 100)
    assert held.reads(json.dumps(value, ensure_ascii=False)) == "whole"
    assert held.reads('"Zo"') == "no"


def test_a_regular_expression_is_a_grammar_too():
    assert lark_of_regex(r"\d{4}").startswith("%llguidance")
    with pytest.raises(GrammarError, match="look"):
        lark_of_regex(r"a(?=b)")


# ---- the ladder -----------------------------------------------------------------------------------------------------------


def test_a_schema_that_llguidance_takes_as_it_stands_has_nothing_left_to_the_check():
    assert not [note for note in grammar(closed(a={"type": "integer"}), 100).notes if note.action == "checked"]


@pytest.mark.parametrize(
    ("schema", "keyword"),
    [
        ({"oneOf": [{"type": "integer"}, {"type": "number"}]}, "oneOf"),
        ({"type": "array", "items": {"type": "integer"}, "uniqueItems": True}, "uniqueItems"),
        ({"type": "string", "format": "url"}, "url"),
        ({"type": "integer", "not": {"const": 3}}, "not"),
    ],
)
def test_what_the_grammar_does_not_hold_is_noted_for_the_check(schema, keyword):
    held = grammar(schema, 100)
    checked = [note for note in held.notes if note.action == "checked"]
    assert checked
    assert any(keyword in str(note) for note in checked)


@pytest.mark.parametrize("schema", [{"type": "string", "pattern": "a(?=b)"}, {"type": "nothing"}, {"$ref": "#/$defs/None"}])
def test_a_schema_that_no_rung_takes_is_an_error_before_any_decoding(schema):
    with pytest.raises(GrammarError) as refused:
        grammar(schema, 100)
    assert refused.value.hint
    assert "\n" not in refused.value.message


def test_a_grammar_is_made_once_for_each_schema_and_budget():
    schema = closed(a={"type": "string"})
    assert grammar(schema, 100) is grammar(dict(schema), 100)
    assert grammar(schema, 100) is not grammar(schema, 2000)


# ---- bounds ---------------------------------------------------------------------------------------------------------------

RUNAWAYS = {
    "string": closed(a={"type": "string"}),
    "two strings": closed(a={"type": "string"}, b={"type": ["string", "null"]}),
    "integer": closed(a={"type": "integer"}),
    "positive integer": closed(a={"type": "integer", "exclusiveMinimum": 0}),
    "number": closed(a={"type": "number"}),
    "list of strings": closed(a={"type": "array", "items": {"type": "string"}}),
    "list of numbers": {"type": "array", "items": {"type": "number"}},
    "list of lists": closed(a={"type": "array", "items": {"type": "array", "items": {"type": "integer"}}}),
    "list of records": closed(a={"type": "array", "items": closed(b={"type": "string"}, c={"type": "string"})}),
    "union": closed(a={"anyOf": [{"type": "string"}, closed(b={"type": "string"}), {"type": "null"}]}),
    "pattern": closed(a={"type": "string", "pattern": r"^-?\d+(\.\d+)?$"}),
    "time": closed(a={"type": "string", "format": "date-time"}),
    "address": closed(a={"type": "string", "format": "email"}),
    "pair": closed(
        a={"type": "array", "prefixItems": [{"type": "string"}, {"type": "string"}], "items": False, "minItems": 2, "maxItems": 2}
    ),
    "reference": {**closed(a={"$ref": "#/$defs/A"}, b={"$ref": "#/$defs/A"}), "$defs": {"A": closed(c={"type": "string"})}},
    "own bound too wide": closed(a={"type": "string", "maxLength": 100_000}, b={"type": "array", "items": {}, "maxItems": 10_000}),
}


@pytest.mark.parametrize("kind", sorted(set(RUNAWAYS) - {"own bound too wide"}))
def test_a_model_that_never_stops_is_stopped_near_its_budget(kind):
    """At two characters a token, as the rule assumes."""
    tokens = 500
    text = walk(grammar(RUNAWAYS[kind], tokens), longest)
    assert text is not None
    json.loads(text)
    assert len(text) <= 2 * tokens * 1.1


@pytest.mark.parametrize("kind", RUNAWAYS)
def test_the_trap_of_unbounded_schemas(kind):
    """Without bounds the same model writes on."""
    text = module._lark(RUNAWAYS[kind], {})
    unbounded = module.Grammar(text, (), LLMatcher(module._tokenizer(), LLMatcher.grammar_from_lark(text)))
    assert walk(unbounded, longest, limit=3000) is None


@pytest.mark.parametrize("kind", RUNAWAYS)
def test_every_bound_that_was_set_is_noted(kind):
    notes = grammar(RUNAWAYS[kind], 500).notes
    assert notes
    assert {note.action for note in notes} == {"narrowed"}


def test_a_schemas_own_bounds_stay_where_they_are_tighter():
    schema = closed(a={"type": "string", "maxLength": 10}, b={"type": "array", "items": {"type": "boolean"}, "maxItems": 2})
    held = grammar(schema, 2000)
    assert not held.notes
    assert held.reads(json.dumps({"a": "a" * 10, "b": [True, False]})) == "whole"
    assert held.reads(json.dumps({"a": "a" * 11, "b": []})) == "no"


def test_a_larger_budget_leaves_more_room():
    schema = closed(a={"type": "string"}, b={"type": "array", "items": {"type": "string"}})
    lengths = [len(walk(grammar(schema, tokens), longest)) for tokens in (200, 800, 3200)]
    assert lengths == sorted(set(lengths))
    assert grammar(schema, 800).reads(json.dumps({"a": "x" * 300, "b": ["word"] * 20})) == "whole"


def test_what_a_string_has_to_be_is_never_cut_by_its_bound():
    schema = closed(a={"type": "string", "pattern": "^a{300}$"}, b={"type": "string", "minLength": 400})
    held = grammar(schema, 10)
    assert held.reads(json.dumps({"a": "a" * 300, "b": "b" * 400})) == "whole"


def test_numbers_keep_the_values_that_texts_state():
    held = grammar({"type": "array", "items": {"type": "number"}}, 500)
    assert held.reads("[0, -1.5, 3.141592653, 999999999999999, 0.000000001]") == "whole"
    assert grammar({"type": "integer", "minimum": 10**17}, 500).reads(str(10**18)) == "whole"


def test_a_recursive_schema_is_bounded_but_for_its_depth():
    node = closed(name={"type": "string"}, next={"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]})
    held = grammar({"$ref": "#/$defs/Node", "$defs": {"Node": node}}, 300)
    assert held.reads('{"name": "a", "next": {"name": "b", "next": null}}') == "whole"
    assert held.reads(json.dumps({"name": "a" * 5000, "next": None})) == "no"


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
            lambda items, low: {"type": "array", "items": items, "minItems": low, "maxItems": low + 2}, inner, st.integers(0, 6)
        ),
        st.builds(lambda one, two: {"anyOf": [one, two, {"type": "null"}]}, inner, inner),
        st.dictionaries(st.sampled_from(["name", "größe", "a b", 'say "hi"']), inner, min_size=1).map(
            lambda fields: closed(**fields)
        ),
    ),
    max_leaves=6,
)


@settings(max_examples=60, deadline=None)
@given(schema=SCHEMAS, tokens=st.integers(1, 3000), seed=st.integers(0, 2**32))
def test_every_sentence_of_a_grammar_is_valid_under_its_schema(schema, tokens, seed):
    """Bounds only ever narrow, and the grammar holds what it says: a random walk ends in JSON that jsonschema accepts."""
    draw = random.Random(seed)
    held = grammar(schema, tokens)
    assert not [note for note in held.notes if note.action == "checked"]

    def choose(allowed):
        ends = [code for code in allowed if code == 256 or code == ord('"') or code in CLOSING]
        return draw.choice(ends) if ends and draw.random() < 0.5 else draw.choice(allowed)

    text = walk(held, choose)
    assert text is not None
    assert held.reads(text) == "whole"
    jsonschema.Draft202012Validator(schema).validate(json.loads(text))
