"""The way to the end of an answer: from wherever a walk through a grammar stops, one is found,
short, and the matcher stays put.
"""

from __future__ import annotations

import json
import random
import re
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from llguidance import LLTokenizer, TokenizerWrapper

from structgen.local.decode.ending import find_ending
from structgen.local.decode.open_values import OpenValues
from structgen.local.grammar.grammar import byte_tokenizer, compile_grammar
from structgen.local.grammar.samples import pattern_sample
from structgen.local.grammar.shortest import shortest_values
from tests.local.grammar.test_grammar import SCHEMAS, closed

PLENTY = 3000
ITEMS = {"type": "array", "minItems": 1}
NESTED = {**ITEMS, "items": {"$ref": "#/$defs/N"}}
EXPRESSION = {"$ref": "#/$defs/E"}


class Words:
    """A vocabulary of the bytes and some longer tokens: as a model's, one may end a value and begin
    another.
    """

    longer = (
        b"null",
        b'": ',
        b'": "',
        b'", "',
        b', "',
        b'"}',
        b"}]",
        b"[]",
        b'[{"',
        b"]}",
        b" the",
        b"name",
        b"00",
        b"12",
        b"-0",
    )
    tokens = (*(bytes([byte]) for byte in range(256)), *longer, b"<end>")
    eos_token_id = len(tokens) - 1
    bos_token_id = None
    special_token_ids = (eos_token_id,)
    _longest_first = re.compile(
        b"|".join(map(re.escape, sorted(longer, key=len, reverse=True))) + b"|.", re.DOTALL
    )

    def __call__(self, text: str) -> Any:
        return [
            self.tokens.index(piece)
            for piece in self._longest_first.findall(
                text if isinstance(text, bytes) else text.encode()
            )
        ]


WORDS = LLTokenizer(TokenizerWrapper(Words()))


class Walk:
    """A partial answer: the matcher, the text, and what is open in it."""

    def __init__(self, schema: Any, engine: LLTokenizer = WORDS) -> None:
        self.held, self.engine = compile_grammar(schema, engine), engine
        self.matcher, self.text, self.outline = self.held.matcher(), b"", OpenValues()

    def go(self, tokens: Any) -> None:
        assert self.matcher.consume_tokens(tokens)
        for token in tokens:
            self.text += Words.tokens[token]
            self.outline.feed(Words.tokens[token], 0)

    def choices(self) -> Any:
        mask = self.matcher.compute_bitmask()
        return [
            token for token in range(len(Words.tokens) - 1) if mask[token // 8] >> token % 8 & 1
        ]

    def find_ending(self, limit: int = PLENTY) -> Any:
        return find_ending(self.matcher, self.engine, limit, self.outline, self.held.shortest)

    def closed(self, limit: int = PLENTY) -> Any:
        found = self.find_ending(limit)
        assert found is not None, self.text
        assert len(found) <= limit
        return self.text + b"".join(Words.tokens[token] for token in found)


@settings(max_examples=150, deadline=None)
@given(schema=SCHEMAS, seed=st.integers(0, 2**32), steps=st.integers(0, 60))
def test_every_partial_answer_can_be_closed(schema: Any, seed: int, steps: int) -> None:
    walk, draw = Walk(schema), random.Random(seed)
    for _ in range(steps):
        choices = walk.choices()
        if not choices:
            break
        walk.go([draw.choice(choices)])
    before = walk.matcher.compute_bitmask()
    found = walk.find_ending()
    assert found is not None, walk.text
    assert walk.matcher.compute_bitmask() == before
    assert (found == []) == walk.matcher.is_accepting()
    assert walk.find_ending(len(found)) == found
    walk.go(found)
    assert walk.matcher.is_accepting()
    jsonschema.Draft202012Validator(schema).validate(json.loads(walk.text, parse_float=finite))


@pytest.mark.parametrize("words", [["é", "日"], ["Ωx", "яx"], ["\x1f", "\x80"], ["😀", "日本"]])
def test_words_without_a_common_beginning_are_found_in_any_script(words: list[str]) -> None:
    assert json.loads(Walk(closed(a={"enum": words})).closed())["a"] in words


def finite(text: str) -> float:
    """A number as the judge can divide it: a grammar may write one that no float holds."""
    return max(-1e308, min(1e308, float(text)))


def test_a_record_of_which_nothing_is_known_is_closed_with_nulls_and_empty_values() -> None:
    optional = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    schema = closed(
        a=optional,
        b={"type": "array", "items": {"type": "string"}},
        c={"type": "string"},
        d={"type": "number"},
    )
    assert Walk(schema).closed() == b'{"a": null, "b": [], "c": "", "d": 0}'


@pytest.mark.parametrize(
    ("begun", "end"),
    [
        (b'{"a": "some te', b'xt"}'[2:]),
        (b'{"a": "x\\', b'n"}'),
        (b'{"a": "x\xe5', None),
        (b'{"a"', b': ""}'),
        (b'{"a": ""', b"}"),
        (b"", b'{"a": ""}'),
    ],
)
def test_an_answer_is_closed_from_where_it_stands(begun: Any, end: Any) -> None:
    walk = Walk(closed(a={"type": "string"}), byte_tokenizer())
    walk.go(list(begun))
    text = walk.closed()
    json.loads(text)
    assert end is None or text == begun + end


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "pattern": r"\d{3}\.\d{3}"},
        {"type": "string", "pattern": r"^v.*[A-Z]{4}-\d$"},
        {"type": "string", "pattern": "^(foo|bar|quux)$"},
        {"type": "string", "pattern": "^[^a-z]{3,}$", "minLength": 5},
        {"type": "string", "pattern": "zz", "minLength": 20},
        {"type": "string", "minLength": 30, "maxLength": 31},
        {"type": "string", "format": "date-time"},
        {"type": "string", "format": "email"},
        {"type": "string", "format": "uri"},
        {"type": "string", "format": "uuid"},
        {"type": "string", "format": "ipv6"},
        {"type": "integer", "minimum": 1530, "maximum": 1540},
        {"type": "integer", "multipleOf": 37, "minimum": 1},
        {"type": "number", "minimum": 0.25, "maximum": 0.26},
        {"enum": [7, 93, "Zoë Ångström", {"a": [1, 2]}]},
        {"type": "array", "items": {"type": "integer"}, "minItems": 12},
        {"type": "array", "items": closed(day={"type": "string", "format": "date"}), "minItems": 6},
        {**closed(), "patternProperties": {"^k[0-9]$": {"type": "boolean"}}, "minProperties": 1},
        {"$ref": "#/$defs/N", "$defs": {"N": {"anyOf": [NESTED, {"const": 5}]}}},
        {
            "$ref": "#/$defs/E",
            "$defs": {
                "E": {
                    "anyOf": [
                        closed(op={"const": "add"}, left=EXPRESSION, right=EXPRESSION),
                        closed(op={"const": "leaf"}, value={"type": "integer"}),
                    ]
                }
            },
        },
    ],
    ids=str,
)  # fmt: skip
def test_what_a_value_has_to_be_is_found(schema: Any) -> None:
    text = Walk(schema).closed()
    jsonschema.Draft202012Validator(schema).validate(json.loads(text))
    assert len(text) <= 150


def test_a_pattern_that_may_stand_anywhere_is_found_from_within_a_string() -> None:
    walk = Walk({"type": "string", "pattern": r"\d\d:\d\d"})
    walk.go(list(b'"at about 10'))
    assert len(walk.closed()) <= len(b'"at about 10') + 8


def test_a_limit_that_is_too_small_finds_nothing() -> None:
    walk = Walk(closed(a={"type": "string", "minLength": 50}))
    found = walk.find_ending()
    assert found is not None
    assert walk.find_ending(len(found) - 1) is None


def test_where_no_answer_ends_nothing_is_found_in_bounded_time() -> None:
    """A grammar that only goes deeper."""
    schema = {
        "$ref": "#/$defs/N",
        "$defs": {
            "N": {"anyOf": [closed(a={"$ref": "#/$defs/N"}), closed(b={"$ref": "#/$defs/N"})]}
        },
    }
    assert Walk(schema).find_ending() is None


@pytest.mark.parametrize(
    ("pattern", "sample"),
    [
        ("^a{3}$", "aaa"),
        (r"\d+-\w", "0-a"),
        ("foo|ba?", "b"),
        (r"^[^a0A]", "1"),
        ("\\x01?é", "é"),
        ('"', '"'),
        ("(?<!", None),
    ],
)
def test_a_sample_is_a_short_match(pattern: str, sample: str | None) -> None:
    assert pattern_sample(pattern) == sample


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        ({"enum": ["banana", "kiwi", "fig"]}, '"fig"'),
        ({"enum": [None, "fig"]}, "null"),
        ({"type": "string", "minLength": 3}, '"aaa"'),
        ({"type": "string", "format": "email"}, '"a@b.co"'),
        ({"type": "integer", "minimum": 1530, "multipleOf": 7}, "1533"),
        ({"type": "number", "exclusiveMinimum": 2}, "3"),
        ({"type": "integer", "maximum": -12}, "-12"),
        ({"type": "array", "minItems": 2, "items": {"const": "x"}}, '["x", "x"]'),
        (closed(a={"type": "boolean"}, b={"type": "null"}), '{"a": true, "b": null}'),
        ({"anyOf": [closed(kind={"const": "long"}, a={"type": "string"}), {"const": 5}]}, "5"),
        ({**closed(), "patternProperties": {"^k[0-9]$": {}}, "minProperties": 1}, None),
    ],
    ids=str,
)
def test_the_shortest_value_of_a_schema_is_proposed(schema: Any, text: str | None) -> None:
    proposals = shortest_values(schema)
    assert text is None or proposals[0].decode() == text or text.encode() in proposals
    written = Walk(schema).closed().decode()
    assert text is None or len(written) == len(text)


ALPHABETS = (
    "北京上海東日本",
    "서울부산대구",
    "РФсияка",
    "ΑΘήνα",
    "ירושלים",
    "القاهرة",
    "दिल्ली",
    "ไทย",
    "é😀🎉",
    "az",
)
TEXTS = st.sampled_from(ALPHABETS).flatmap(lambda letters: st.text(letters, min_size=1, max_size=6))


@settings(max_examples=100, deadline=None)
@given(options=st.lists(TEXTS, min_size=1, max_size=6, unique=True), data=st.data())
def test_options_of_every_script_are_reached(options: list[str], data: st.DataObject) -> None:
    walk = Walk(closed(place={"enum": options}), byte_tokenizer())
    shortest = min(len(option.encode()) for option in options)
    assert len(walk.closed()) == len('{"place": ""}') + shortest
    chosen = data.draw(st.sampled_from(options)).encode()
    begun = b'{"place": "' + chosen[: data.draw(st.integers(0, len(chosen)))]
    walk.go(list(begun)[len(walk.text) :])
    assert json.loads(walk.closed())["place"] in options


@settings(max_examples=60, deadline=None)
@given(text=TEXTS, more=TEXTS)
def test_patterns_and_keys_of_every_script_are_reached(text: str, more: str) -> None:
    schema = {
        **closed(place={"type": "string", "pattern": f"^({text}|{more})+$"}),
        "patternProperties": {f"^{more}$": {"type": "boolean"}},
        "minProperties": 2,
    }
    jsonschema.Draft202012Validator(schema).validate(json.loads(Walk(schema).closed()))
