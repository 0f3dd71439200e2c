"""A list ends before an item that it has already, whatever the model would rather write."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import numpy
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from structgen.local.decode.decoder import decode
from structgen.local.decode.request import Decoded, DecodeRequest
from structgen.local.decode.sampling import Sampler, Sampling
from structgen.local.grammar.grammar import compile_grammar
from structgen.local.runtimes.base import Vocabulary
from structgen.schema.inside import DUPLICATES
from structgen.schema.json import inner_values
from tests.local.decode.test_ending import WORDS, Words

VOCABULARY = Vocabulary(pieces=Words.tokens, ends=frozenset({Words.eos_token_id}), engine=WORDS)
NAME = {"type": "string", "enum": ["Ada", "Bob", "Bobby", 'C"', "D, "]}
PERSON = {
    "type": "object",
    "properties": {"name": NAME, "tags": {"type": "array", "items": NAME}},
    "required": ["name", "tags"],
    "additionalProperties": False,
}


def list_of(item: Any, **other: Any) -> dict[str, Any]:
    return {"type": "array", "items": item, **other}


def answer_to(
    schema: dict[str, Any], seed: int, budget: int = 300, **wishes: float
) -> tuple[Decoded, list[str]]:
    """What a model writes that has no opinion but wishes for some characters."""
    random = numpy.random.default_rng(seed)
    wish = numpy.zeros(len(Words.tokens))
    for character, strength in {",": 0.6, "]": -0.6, **wishes}.items():
        wish[[character.encode() in piece for piece in Words.tokens]] = strength
    heard: list[str] = []
    request = DecodeRequest(
        prompt=[0],
        budget=budget,
        sampler=Sampler(Sampling()),
        watch=heard.append,
        grammar=compile_grammar(schema, WORDS),
    )
    decoding = decode(request, VOCABULARY)
    next(decoding)
    try:
        while True:
            scores = random.random(len(Words.tokens)) + wish
            decoding.send(scores.astype(numpy.float32)[None])
    except StopIteration as done:
        decoded: Decoded = done.value
        return decoded, heard


def lists_in(value: Any) -> list[list[Any]]:
    found = [value] if isinstance(value, list) else []
    return [*found, *(one for inner in inner_values(value) for one in lists_in(inner))]


@pytest.mark.parametrize(
    "schema",
    [list_of(NAME), list_of(PERSON), list_of({"anyOf": [PERSON, NAME, {"type": "null"}]})],
    ids=["strings", "records", "both"],
)
@settings(max_examples=40)
@given(seed=st.integers(0, 1 << 30), budget=st.sampled_from([60, 120, 400]))
@example(seed=109825920, budget=60)  # the item comes again with the last token
def test_no_list_has_an_item_twice_and_no_text_is_taken_back(
    schema: dict[str, Any], seed: int, budget: int
) -> None:
    decoded, heard = answer_to(schema, seed, budget)
    assert "".join(heard) == decoded.text == "".join(text for text, _ in decoded.logprobs)
    assert decoded.tokens <= budget
    value = json.loads(decoded.text)
    jsonschema.validate(value, schema)
    for items in lists_in(value):
        facts = [json.dumps(item) for item in items if isinstance(item, (str, dict))]
        cut = decoded.shortened_by  # what was cut may have become equal to an earlier item
        assert len(set(facts)) == len(facts) or cut


@given(seed=st.integers(0, 1 << 30))
@settings(max_examples=20)
def test_a_repeated_item_ends_its_list_cleanly(seed: int) -> None:
    decoded, _ = answer_to(list_of(NAME), seed, budget=1000)
    items = json.loads(decoded.text)
    assert len(items) <= len(NAME["enum"])
    assert not decoded.shortened
    assert len(decoded.repeated) <= 1


def test_lists_that_ask_for_equal_items_have_them() -> None:
    wanted = {"prefixItems": [NAME, NAME], "items": NAME, "type": "array", "minItems": 40}
    for schema in (
        list_of(NAME, **{DUPLICATES: True}),
        list_of(NAME, minItems=40, maxItems=40),
        wanted,
    ):
        decoded, heard = answer_to(schema, 1)
        items = json.loads(decoded.text)
        assert len(set(items)) < len(items)
        assert "".join(heard) == decoded.text
        assert not decoded.repeated


def test_a_list_of_at_least_some_items_ends_at_the_first_repeat_after_them() -> None:
    decoded, _ = answer_to(list_of(NAME, minItems=12), 1, budget=1000)
    assert len(json.loads(decoded.text)) == 12
    assert len(decoded.repeated) == 1


def test_equal_numbers_are_no_repeats() -> None:
    schema = list_of({"type": "integer", "enum": [1, 2]})
    decoded, _ = answer_to(schema, 3, budget=60)
    assert len(json.loads(decoded.text)) > 2
    assert not decoded.repeated


def test_equal_cells_of_a_row_are_no_repeats() -> None:
    table = list_of(list_of(NAME, maxItems=6), maxItems=4)
    texts = [answer_to(table, seed, budget=1000)[0].text for seed in range(20)]
    rows = [row for text in texts for row in json.loads(text)]
    assert any(len(set(row)) < len(row) for row in rows)


def test_equal_records_of_a_list_in_a_list_are_repeats() -> None:
    named = {"type": "object", "properties": {"name": NAME}, "required": ["name"]}
    some = list_of(list_of({**named, "additionalProperties": False}), maxItems=2)
    for seed in range(20):
        decoded, _ = answer_to(some, seed, budget=1000)
        for inner in json.loads(decoded.text):
            names = [record["name"] for record in inner]
            assert len(set(names)) == len(names)
