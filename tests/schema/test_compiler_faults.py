"""Faults of the compiler in 0.1.0, a row each: what is right now, and the tests that hold it."""

from __future__ import annotations

import datetime as dt
import enum
import json
from typing import Any, Literal

import pytest
from jsonschema import Draft202012Validator
from pydantic import BaseModel

from structgen.errors import InvalidOutputError, SchemaError
from structgen.local.grammar.grammar import byte_tokenizer, compile_grammar
from structgen.schema import SUBSETS
from structgen.schema.compiler import compile_schema
from structgen.schema.json import same_json
from tests.fault_rows import missing_tests, row, rows_without_a_test
from tests.schema.test_whole_suite import NO_VOCABULARY, Group, groups

ROWS = {
    "1: a year is no date and time, and words of the user's own in a schema are held": row(
        "schema/test_held.py::test_a_number_in_text_is_no_date_and_time",
        "schema/test_held.py::test_what_the_schema_refuses_is_refused",
        "schema/test_held.py::test_words_of_the_users_own_in_a_schema_are_held",
        "laws/test_refused.py::test_what_the_schema_refuses_the_check_refuses",
    ),
    "2: a type that does not validate is held to its fields": row(
        "schema/test_held.py::test_a_type_that_does_not_validate_is_held_to_its_fields",
        "schema/test_held.py::test_a_type_that_does_not_validate_has_values_of_its_fields_types",
        untested="SQLModel itself, which is no dependency; a class with its `__init__` "
        "stands for it",
    ),
    "3: no entry of a map is lost": row(
        "schema/test_held.py::test_no_entry_of_a_map_is_lost",
        "schema/test_held.py::test_keys_are_held_to_their_form",
    ),
    "4: Gemini gets no maps, no enums of numbers and no empty objects": row(
        "schema/test_rows.py::test_gemini_gets_neither_maps_nor_lists_of_numbers_nor_empty_objects",
        "schema/test_rows.py::test_a_report_comes_back",
    ),
    "5: Anthropic gets no enum beside a list of types": row(
        "schema/test_rows.py::test_anthropic_gets_no_enum_beside_a_list_of_types",
        "schema/test_compiler_faults.py::"
        "test_anthropic_gets_one_type_beside_listed_values_wherever_null_is",
    ),
    "6: llama.cpp gets no more repetitions than its parser takes": row(
        "schema/test_rows.py::test_llama_cpp_gets_no_more_repetitions_than_its_parser_takes",
    ),
    "7: counts may be floats, and keywords of the wrong shape are named": row(
        "schema/test_bounded.py::test_counts_that_are_written_as_floats_are_counts",
        "schema/test_bounded.py::test_a_keyword_of_the_wrong_shape_is_named",
        "schema/test_bounded.py::test_any_value_of_a_keyword_compiles_or_is_a_typed_error",
        "schema/test_whole_suite.py::test_every_language_compiles_or_says_why_not",
    ),
    "8: a long chain of definitions is a typed error, and costs a server little": row(
        "local/grammar/test_left_out.py::test_a_long_chain_of_definitions_is_a_typed_error",
        "schema/test_compiler.py::test_a_long_chain_of_definitions_is_no_deep_stack",
        "prompt/test_listing.py::test_the_list_is_linear_in_the_schema",
        "server/test_bounded_work.py::"
        "test_a_schema_that_takes_too_long_is_refused_and_others_are_answered",
    ),
    "9: many violations take little time": row(
        "schema/test_held.py::test_many_violations_take_little_time",
    ),
    "10: a pattern in Python's language ends": row(
        "schema/test_bounded.py::test_a_catastrophic_pattern_of_python_ends",
        "schema/test_bounded.py::test_a_pattern_in_pythons_language_means_what_it_means_there",
    ),
    "10b: large and deep schemas and values take bounded time": row(
        "schema/test_deep_unions.py::test_a_value_that_would_take_minutes_is_a_typed_error",
        "schema/test_many.py::"
        "test_encoding_an_overlapping_union_of_a_json_schema_does_not_double_by_level",
        "schema/test_many.py::test_five_thousand_different_objects_are_compared_in_linear_time",
        "schema/test_many.py::test_hundreds_of_options",
        "schema/test_many.py::test_two_hundred_tagged_models",
        "schema/test_many.py::test_many_properties_and_members_that_nothing_declares",
        "schema/test_many.py::test_a_long_chain_of_references",
        "schema/test_many.py::test_an_audit_of_many_fields_in_all_languages",
    ),
    "11: what the engine refuses costs a keyword, and an odd pattern only itself": row(
        "local/grammar/test_left_out.py::test_a_pattern_with_inner_anchors_costs_only_itself",
        "local/grammar/test_left_out.py::test_what_is_too_large_is_left_out_and_noted",
        "local/grammar/test_left_out.py::test_small_oddities_do_not_cost_the_grammar",
        "schema/test_bounded.py::test_a_pattern_beyond_ecma_262_does_not_cost_the_schema",
    ),
    "12: a value without a form is refused, and never written in another": row(
        "schema/test_compiler_faults.py::"
        "test_a_valid_instance_is_written_as_the_compiled_schema_has_it_or_refused",
        "schema/test_codec.py::test_a_value_that_a_narrowed_note_excludes_is_an_error_when_encoded",
        untested="that every valid instance has a form: a note says what no type asks for",
    ),
    "13: equal values are written in the one way that a decoder writes": row(
        "schema/test_rows.py::test_equal_json_among_listed_values_is_one_value",
        "schema/test_compiler_faults.py::test_equal_values_are_written_as_a_decoder_writes_them",
        untested="a raw DEL in an example, which the grammar engine takes only as an escape",
    ),
    "13b: members of allOf come in the order of its parts": row(
        "schema/test_rows.py::test_members_of_all_of_come_in_the_order_of_its_parts",
    ),
    "14: an option that has to be an instance already is passed over": row(
        "schema/test_no_json_form.py::"
        "test_an_option_that_has_to_be_an_instance_already_is_passed_over",
        untested="pydantic-extra-types itself, which is no dependency; a class with its core "
        "schema stands for it",
    ),
    "15: a type without a JSON form is told with its field and a way out that works": row(
        "schema/test_no_json_form.py::test_the_error_names_the_field",
        "schema/test_no_json_form.py::test_the_way_out_is_no_dead_end",
        "schema/test_no_json_form.py::test_the_way_out_works",
    ),
    "16: dates are told in words, before and after": row(
        "schema/test_rows.py::test_dates_are_told_in_words",
        "schema/test_compiler_faults.py::test_a_violation_tells_the_form_of_a_date_in_words",
    ),
    "17: other members are asked for only if the schema does, and taken plainly": row(
        "schema/test_rows.py::test_other_members_are_asked_for_only_if_the_schema_does",
        "schema/test_compiler_faults.py::test_further_members_may_be_none",
    ),
    "18: tags say what they are of, maps that a key comes once, boxes are lists": row(
        "schema/test_rows.py::test_tags_of_untitled_options_say_what_only_they_have",
        "schema/test_rows.py::test_tags_of_lists_and_maps_say_what_they_hold",
        "schema/test_rows.py::test_a_key_that_comes_twice_with_one_value_is_one_entry",
        "schema/test_rows.py::test_a_homogeneous_tuple_is_an_array_of_that_length",
    ),
}


@pytest.mark.parametrize("label", ROWS)
def test_the_tests_of_each_row_are_there(label: str) -> None:
    assert not missing_tests(ROWS[label])


def test_every_row_of_the_page_has_a_line() -> None:
    assert not rows_without_a_test("compiler.md", ROWS)


# ---- row 5 ---------------------------------------------------------------------------------------


class Mood(enum.Enum):
    GOOD = "good"
    NONE = None


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 5


class Day(BaseModel):
    word: Literal["a", "b"] | None
    mixed: Literal["a", 1, None]
    mood: Mood
    level: Level | None
    later: Literal["a", "b"] | None = None


LISTED: dict[str, Any] = {
    "type": "object",
    "properties": {
        "word": {"type": ["string", "null"], "enum": ["a", "b", None]},
        "mixed": {"enum": ["a", 1, None]},
    },
    "required": ["word"],
}


def parts(node: Any) -> list[dict[str, Any]]:
    """All objects within a schema."""
    if isinstance(node, list):
        return [part for item in node for part in parts(item)]
    if not isinstance(node, dict):
        return []
    return [node, *(part for item in node.values() for part in parts(item))]


@pytest.mark.parametrize("source", [Day, LISTED], ids=["type", "schema"])
def test_anthropic_gets_one_type_beside_listed_values_wherever_null_is(source: Any) -> None:
    listing = [
        part
        for part in parts(compile_schema(source, "anthropic").schema)
        if part.keys() & {"enum", "const"}
    ]
    assert listing
    assert all(isinstance(part["type"], str) for part in listing)


# ---- row 12 --------------------------------------------------------------------------------------

INSTANCES = [
    (group, [test["data"] for test in group.tests if test["valid"]])
    for group in groups("draft2020-12")
    if group.name != NO_VOCABULARY and group.file != "format.json"  # whose formats are held here
]


def without_nulls(value: Any) -> Any:
    """Null says there that the text does not state a member."""
    if isinstance(value, list):
        return list(map(without_nulls, value))
    if not isinstance(value, dict):
        return value
    return {name: without_nulls(item) for name, item in value.items() if item is not None}


@pytest.mark.parametrize("subset", ["openai-strict", "groq-tool", "gemini", "best-effort"])
def test_a_valid_instance_is_written_as_the_compiled_schema_has_it_or_refused(subset: str) -> None:
    written = 0
    for group, values in INSTANCES:
        try:
            compiled = compile_schema(group.schema, subset)
        except SchemaError:
            continue
        held = Draft202012Validator(compiled.schema)
        for value in values:
            try:
                answer = compiled.encode(value)
            except SchemaError:
                continue
            where: tuple[Group, Any, Any] = (group, value, answer)
            assert held.is_valid(answer), where
            back = compiled.decode(answer)
            if any(note.keyword == "required" for note in compiled.notes):
                back, value = without_nulls(back), without_nulls(value)
            assert same_json(back, value), where
            written += 1
    assert written > 500


# ---- row 13 --------------------------------------------------------------------------------------


def record(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": [*properties]}


NUMBER = {"type": "integer"}
EQUAL: list[tuple[Any, Any]] = [
    (NUMBER, 60000.0),
    ({"type": ["integer", "null"]}, 5.0),
    ({"enum": [1, "a"]}, 1.0),
    ({"enum": [1.0, 2.5]}, 1),
    ({"enum": [1.0]}, 1.0),
    ({"const": 1}, 1.0),
    ({"enum": [{"a": 1, "b": [2]}]}, {"b": [2.0], "a": 1}),
    ({"type": "array", "prefixItems": [NUMBER], "items": {"type": "string"}}, [1.0, "a"]),
    ({"type": "array", "items": {"anyOf": [NUMBER, record(n=NUMBER)]}}, [1.0, {"n": 2.0}]),
    ({"type": "object", "additionalProperties": NUMBER}, {"a": 3.0}),
    ({"$defs": {"N": NUMBER}, "type": "array", "items": {"$ref": "#/$defs/N"}}, [1.0]),
    (record(a={"type": "string"}, b=NUMBER), {"b": 2.0, "a": "x"}),
    (record(a=record(x=NUMBER, y=NUMBER)), {"a": {"y": 1, "x": 2.0}}),
    ({"type": "string"}, "a\u2028"),
    ({"type": "number"}, 3.0),
]


@pytest.mark.parametrize(("schema", "value"), EQUAL)
def test_equal_values_are_written_as_a_decoder_writes_them(schema: Any, value: Any) -> None:
    for subset in SUBSETS:
        compiled = compile_schema(schema, subset)
        answer = compiled.encode(value)
        assert Draft202012Validator(compiled.schema).is_valid(answer), (subset, answer)
        assert same_json(compiled.decode(answer), value), (subset, answer)
    compiled = compile_schema(schema, "llguidance")
    text = json.dumps(compiled.encode(value), ensure_ascii=False)
    assert compile_grammar(compiled.schema, byte_tokenizer()).classify(text) == "whole", text


# ---- rows 16 and 17 ------------------------------------------------------------------------------


class Dated(BaseModel):
    at: dt.datetime
    time: dt.time
    lasts: dt.timedelta


@pytest.mark.parametrize("subset", ["groq-strict", "openai-strict", "llguidance", "json-object"])
def test_a_violation_tells_the_form_of_a_date_in_words(subset: str) -> None:
    wrong = {"at": "2020", "time": "noon", "lasts": "P1M"}
    with pytest.raises(InvalidOutputError) as caught:
        compile_schema(Dated, subset).decode(wrong)
    told = [violation.wanted for violation in caught.value.violations]
    assert [one.partition(", such as")[0] for one in told] == ["ISO 8601"] * 3
    assert not any("\\d" in one or "[0-9]" in one for one in told)


class Open(BaseModel, extra="allow"):
    name: str


def test_further_members_may_be_none() -> None:
    compiled = compile_schema(Open, "openai-strict")
    others = compiled.schema["properties"]["other_members"]
    assert "empty if there are none" in others["description"]
    assert compiled.decode({"name": "a", "other_members": []}) == Open(name="a")
