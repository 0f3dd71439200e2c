"""Faults of the engine in 0.1.0, a row each: what is right now, and the tests that hold it."""

from __future__ import annotations

import json
from typing import Any, Literal

import pytest
from pydantic import BaseModel, EmailStr

import structgen
from structgen import Client, InputError, Truncated
from structgen.errors import EngineError, InvalidOutputError
from structgen.local.decode.ending import find_ending
from structgen.local.decode.open_values import OpenValues
from structgen.local.decode.session import _finished
from structgen.local.engine import Engine
from structgen.local.grammar.grammar import byte_tokenizer, compile_grammar
from structgen.schema.compiler import compile_schema
from tests.fault_rows import ROOT, missing_tests, row, rows_without_a_test
from tests.local.decode.test_ending import WORDS
from tests.local.decode.test_shortest_answers import written

ROWS = {
    "0: options in any script are reached": row(
        "local/decode/test_ending.py::test_options_of_every_script_are_reached",
        "local/decode/test_ending.py::test_patterns_and_keys_of_every_script_are_reached",
        "local/test_engine_faults.py::test_every_option_of_a_language_is_written",
    ),
    "0b: the way to end is the shortest, and what it makes up is no value": row(
        "local/decode/test_shortest_answers.py::"
        "test_no_answer_is_shorter_than_the_one_that_is_found",
        "local/decode/test_shortest_answers.py::"
        "test_an_answer_is_whole_in_any_budget_from_the_shortest_on",
        "local/test_engine_faults.py::test_what_only_ends_an_answer_is_never_a_value",
    ),
    "0c: a model file that is cut while it is used": row(
        "local/test_engine_faults.py::test_the_docs_say_that_a_model_file_must_stay"
    ),
    "1: an engine after a fork": row(
        "local/test_fork.py::test_a_model_that_was_loaded_before_a_fork_answers_after_it"
    ),
    "2: a value that was cut short is told": row(
        "extraction/test_shortened.py::test_a_shortened_value_is_truncated_and_on_the_error",
        "extraction/test_shortened.py::test_no_way_to_ask_gives_a_value_that_was_cut",
        "cli/test_cli.py::test_a_value_that_was_cut_is_an_error_unless_it_is_kept_and_told",
    ),
    "3: an empty message is no document": row(
        "local/test_engine_faults.py::test_an_empty_message_is_refused_as_an_empty_text_is"
    ),
    "4: random answers; what the engine refuses costs a keyword": row(
        "local/test_real_schemas.py::"
        "test_an_answer_of_random_tokens_is_valid_or_told_before_the_first_one",
        "local/test_engine_faults.py::test_a_keyword_that_the_engine_refuses_costs_only_itself",
        "local/grammar/test_left_out.py::test_a_pattern_with_inner_anchors_costs_only_itself",
        "local/test_engine_faults.py::test_a_definition_that_needs_itself_has_no_value",
    ),
    "5: a long prompt is told of": row(
        "local/decode/test_prefill.py::test_a_slow_prompt_is_told_of_at_once_and_each_ten_seconds",
    ),
    "6: only measured": row(untested="a measurement, and no fault"),
    "7: an exception within the decoder is typed": row(
        "local/test_engine_faults.py::test_an_unexpected_exception_in_the_decoder_is_typed"
    ),
    "8: a second engine needs the check": row(
        "local/grammar/test_xgrammar.py::test_random_answers_under_xgrammar_are_valid_or_told",
        "local/grammar/test_xgrammar.py::test_every_grammar_says_that_the_check_alone_proves_it",
    ),
}


@pytest.mark.parametrize("label", ROWS)
def test_the_tests_of_each_row_are_there(label: str) -> None:
    assert not missing_tests(ROWS[label])


def test_every_row_of_the_page_has_a_line() -> None:
    assert not rows_without_a_test("engine.md", ROWS)


# ---- row 0 ---------------------------------------------------------------------------------------

LANGUAGES = {
    "Chinese": ["北京", "上海"],
    "Japanese": ["東京", "大阪"],
    "Korean": ["서울", "부산"],
    "Russian": ["Россия", "рф"],
    "Greek": ["Αθήνα", "Ρόδος"],
    "Arabic": ["القاهرة", "دبي"],
    "Hindi": ["दिल्ली", "मुंबई"],
    "emoji": ["😀", "😃"],
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_option_of_a_language_is_written(language: str) -> None:
    names = LANGUAGES[language]
    options = {"enum": names}
    either = {"anyOf": [options, {"type": "null"}]}
    listed = {"type": "array", "items": options}
    mapped = {
        "type": "object",
        "additionalProperties": {"type": "integer"},
        "propertyNames": options,
    }
    for target in (options, either, listed, mapped):
        compiled = compile_schema(target, "llguidance")
        grammar = compile_grammar(compiled.schema, WORDS)
        found: set[Any] = set()
        for seed in range(60):
            done = written(grammar, 200, seed)
            assert done.finish_reason == "stop"
            try:
                value = compiled.decode_json(done.text)
            except InvalidOutputError as error:  # of a map, a key may come twice
                assert "repeated key" in str(error)
                continue
            found |= set(value) if isinstance(value, list | dict) else {value}
        assert found >= set(names), (language, target)


# ---- row 0b --------------------------------------------------------------------------------------


class Person(BaseModel):
    name: str
    email: EmailStr
    kind: Literal["customer", "supplier"]
    paid: bool


def test_what_only_ends_an_answer_is_never_a_value(engine: Engine) -> None:
    """In each budget the answer is what the model wrote, or Truncated."""
    compiled = compile_schema(Person, "llguidance")
    grammar = compile_grammar(compiled.schema, byte_tokenizer())
    end = find_ending(grammar.matcher(), byte_tokenizer(), 999, OpenValues(), grammar.shortest)
    invented = json.loads(bytes(end or b""))
    client = Client(engine)
    text = "Maria Lopez, maria.lopez@example.org, a customer, has paid."
    for budget in (4, 12, 16, 20, 24, 28, 32, 64):
        try:
            found = client.extract(Person, text, max_tokens=budget)
        except Truncated:
            continue
        assert found.email != invented["email"]
        assert found.name


# ---- rows 0c to 7 --------------------------------------------------------------------------------


def test_the_docs_say_that_a_model_file_must_stay() -> None:
    page = " ".join((ROOT / "docs" / "local.md").read_text(encoding="utf-8").split())
    assert "do not cut or replace it while a process uses it" in page


@pytest.mark.parametrize("content", ["", " \n"])
def test_an_empty_message_is_refused_as_an_empty_text_is(engine: Engine, content: str) -> None:
    client = Client(engine)
    for document in (content, [{"role": "user", "content": content}]):
        with pytest.raises(InputError):
            client.extract(Person, document)


@pytest.mark.parametrize(
    "pattern",
    ["^(a|(b^c)*)$", "a(?=b)", "(?<!x)y", r"^(\w+) \1$"],
)
def test_a_keyword_that_the_engine_refuses_costs_only_itself(pattern: str) -> None:
    schema = {
        "type": "object",
        "properties": {
            "code": {"type": "string", "pattern": pattern},
            "count": {"type": "integer", "maximum": 9},
        },
        "required": ["code", "count"],
        "additionalProperties": False,
    }
    compiled = compile_schema(schema, "llguidance")
    grammar = compile_grammar(compiled.schema, byte_tokenizer())
    assert grammar.classify('{"code": "') == "part"
    assert grammar.classify('{"code": "ab", "count": 10') == "no"


def test_a_definition_that_needs_itself_has_no_value() -> None:
    schema = {
        "$defs": {"A": {"type": "object", "properties": {"a": {"$ref": "#/$defs/A"}}}},
        "$ref": "#/$defs/A",
    }
    compile_grammar(compile_schema(schema, "llguidance").schema, byte_tokenizer())
    schema["$defs"]["A"]["required"] = ["a"]  # type: ignore[index]
    with pytest.raises(structgen.StructgenError):
        compile_grammar(compile_schema(schema, "llguidance").schema, byte_tokenizer())


def test_an_unexpected_exception_in_the_decoder_is_typed() -> None:
    class Failing:
        def result(self) -> Any:
            raise ZeroDivisionError

    with pytest.raises(EngineError, match="unexpected ZeroDivisionError") as raised:
        _finished(Failing())  # type: ignore[arg-type]
    assert isinstance(raised.value.__cause__, ZeroDivisionError)
