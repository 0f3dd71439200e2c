"""Grammars with grounded parts, walked at random: what they let be written stands in the source,
and what stands there is let.
"""

from __future__ import annotations

import json
import random
from functools import cache
from typing import Annotated, Any

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from llguidance import LLMatcher, LLTokenizer
from pydantic import BaseModel, Field

from structgen import Verbatim, compile_schema
from structgen.answer.grounding import ground
from structgen.errors import GrammarError
from structgen.local.grammar.lark import to_lark
from structgen.local.grammar.terminals import parser_limits
from structgen.schema.verbatim import SourceText, chunks
from tests.laws.grounded import TEXTS, grounded_schemas

END = 261
AN_ESCAPE_IN_A_UNION: dict[str, Any] = {
    "type": "object",
    "properties": {
        "x": {
            "anyOf": [
                {"type": "string", "x-verbatim": "words"},
                {"type": "string", "pattern": "^[A-Za-z]", "x-verbatim": "characters"},
            ]
        }
    },
    "required": ["x"],
    "additionalProperties": False,
}
CLOSING = frozenset(b'"}]nul,: ')


@cache
def _bytes() -> LLTokenizer:
    return LLTokenizer("byte")


def matcher(text: str) -> LLMatcher:
    built = LLMatcher(
        _bytes(), LLMatcher.grammar_from_lark(text), log_level=0, limits=parser_limits()
    )
    assert not built.is_error(), built.get_error()
    return built


def allowed(at: LLMatcher) -> list[int]:
    mask = at.compute_bitmask()
    assert not at.is_error(), "a dead end"
    return [code for code in range(END + 1) if mask[code >> 3] >> (code & 7) & 1]


def walk(grammar: str, chance: random.Random, most: int = 400) -> str | None:
    """An answer drawn from the masks, byte by byte, with a liking for what closes; None where it
    grew too long.
    """
    at, written = matcher(grammar), bytearray()
    for _ in range(most):
        choices = allowed(at)
        closing = [code for code in choices if code in CLOSING or code == END]
        code = chance.choice(closing if closing and chance.random() < 0.5 else choices)
        if code == END:
            return written.decode()
        assert at.try_consume_tokens([code]) == 1
        written.append(code)
    return None


def accepts(grammar: str, text: str) -> bool:
    at, codes = matcher(grammar), list(text.encode())
    return at.try_consume_tokens(codes) == len(codes) and at.is_accepting()


@settings(deadline=None, max_examples=80)
@given(TEXTS, grounded_schemas(), st.integers(0, 10_000))
@example("\x1f", AN_ESCAPE_IN_A_UNION, 0)
def test_law_9_what_is_written_stands_in_the_source_at_its_span(
    text: str, schema: dict[str, Any], seed: int
) -> None:
    compiled = compile_schema(schema, "llguidance")
    try:
        grammar = to_lark(compiled.schema, text)
    except GrammarError:
        assume(False)
    chance = random.Random(seed)
    for _ in range(3):
        if (answer := walk(grammar, chance)) is None:
            continue
        if "other_members" in compiled.schema["properties"]:
            continue  # undeclared members come as free text, which the check alone holds
        data, _ = compiled.restored(json.loads(answer))
        found = ground(compiled.target, data, text)
        # A note says that the check alone holds a pattern for a value with an escape in JSON, so
        # that the wrong option of a union may have let it be written; the check refuses it.
        is_noted = any(note.keyword == "pattern" for note in compiled.notes)
        refused = [one for one in found.violations if not (is_noted and "\\" in one.found)]
        assert (refused, found.repairs, found.data) == ([], (), data)
        for evidence in found.evidence.values():
            assert text[evidence.start : evidence.end] == evidence.quote


@settings(deadline=None, max_examples=150)
@given(TEXTS, st.sampled_from(["words", "characters"]), st.data())
@example("x\\n", "words", None)
@example('a "b" c', "words", None)
def test_all_that_stands_in_the_source_can_be_written_and_nothing_else(
    text: str, by: str, data: Any
) -> None:
    schema = {
        "type": "object",
        "properties": {"a": {"type": "string", "x-verbatim": by}},
        "required": ["a"],
    }
    grammar = to_lark({**schema, "additionalProperties": False}, text)
    parts = chunks(text, by)
    start = data.draw(st.integers(0, len(parts))) if data else 0
    end = data.draw(st.integers(start, len(parts))) if data else len(parts)
    inside = "".join(parts[start:end])
    other = (
        data.draw(
            st.one_of(st.text(max_size=3), st.sampled_from([text[1:], text[:-1], inside + "x"]))
        )
        if data
        else text[1:]
    )
    for value in (inside, other):
        stands = value == "" or bool(SourceText(text).spans(value, by))
        assert accepts(grammar, json.dumps({"a": value}, ensure_ascii=False)) == stands, value


# ---- single constructs ---------------------------------------------------------------------------

TEXT = (
    'Ada "the first" Lovelace bought 12 red pens at 1,250.00,\r\n'
    "O’Brien's on 2024-01-02. C:\\new 東京は cafe\u0301 -3 \U0001f600"
)


def offers(kind: Any, text: str = TEXT) -> Any:
    """A test whether a value of that type can be written."""
    compiled = compile_schema(kind, "llguidance")
    grammar = to_lark(compiled.schema, text)
    return lambda value: accepts(grammar, json.dumps(value, ensure_ascii=False))


def test_words_are_not_divided_and_white_space_does_not_surround() -> None:
    can = offers(Annotated[str, Verbatim()])
    assert all(
        map(
            can,
            [
                "Ada",
                'Ada "the first"',
                "1,250.00,\r\nO’Brien",
                "C:\\new",
                "new",
                "東",
                "cafe\u0301",
                "\U0001f600",
                "O’Brien's",
                "",
            ],
        )
    )
    assert not any(
        map(
            can,
            [
                "Ad",
                " Ada",
                "Ada ",
                "ada",
                "cafe",
                "\u0301",
                "250.0",
                "O'Brien",
                "\r\nO’Brien",
                "Ada first",
            ],
        )
    )


def test_by_characters_all_but_half_a_letter_is_open() -> None:
    can = offers(Annotated[str, Verbatim("characters")])
    assert all(map(can, ["ovel", "Ada ", "caf", "e\u0301", "\r\nO", ":\\n"]))
    assert not any(map(can, ["cafe", "\nO", "\u0301"]))


def test_what_else_the_type_says_is_held_with_it() -> None:
    short = offers(Annotated[str, Verbatim(), Field(min_length=3, max_length=4)])
    assert (short("Ada"), short("12"), short("bought"), short("")) == (True, False, False, False)
    capital = offers(Annotated[str, Verbatim(), Field(pattern="^[A-Z][a-z]+$")])
    assert (capital("Lovelace"), capital("pens"), capital("Ada red")) == (True, False, False)


def test_a_number_is_one_of_the_numerals() -> None:
    whole, real = (
        offers(Annotated[int, Verbatim(), Field(gt=2)]),
        offers(Annotated[float, Verbatim()]),
    )
    assert (whole(12), whole(1250), whole(13), whole(2), whole(-3)) == (
        True,
        True,
        False,
        False,
        False,
    )
    assert (real(1250.0), real(-3), real(1250.5)) == (True, True, False)


def test_dates_and_listed_values_stand_in_the_source() -> None:
    import datetime
    from typing import Literal

    day, color = (
        offers(Annotated[datetime.date, Verbatim()]),
        offers(Annotated[Literal["red", "blue", "re"], Verbatim()] | None),
    )
    assert (day("2024-01-02"), day("2024-01-03"), day("Ada")) == (True, False, False)
    assert (color("red"), color("blue"), color("re"), color(None)) == (True, False, False, True)


class Part(BaseModel):
    name: Annotated[str, Verbatim()]
    parts: list[Part] = []
    day: Annotated[Annotated[str, Field(pattern="^[0-9]{4}$")], Verbatim()] | None = None
    size: Annotated[int, Verbatim()] | Annotated[str, Verbatim()] | None = None
    note: str = ""


def test_lists_unions_optional_fields_and_recursion_lead_to_grounded_values() -> None:
    can = offers(Part)
    part = {"name": "Ada", "parts": None, "day": None, "size": None, "note": None}
    assert can(part)
    assert can(
        {
            **part,
            "parts": [{**part, "parts": [part, part]}, {**part, "size": 12}],
            "day": "2024",
            "size": "red",
            "note": "free",
        }
    )
    assert not can({**part, "parts": [{**part, "name": "Eve"}]})
    assert not can({**part, "size": "blue"})


def test_what_the_source_has_nothing_for_is_left_out_where_it_may_be() -> None:
    class Event(BaseModel):
        count: Annotated[int, Verbatim()]

    events, none = offers(list[Event], "no numbers here"), offers(Event | None, "no numbers here")
    assert (events({"value": []}) or events([]), none({"value": None}) or none(None)) == (
        True,
        True,
    )
    with pytest.raises(GrammarError, match="holds nothing"):
        to_lark(compile_schema(Event, "llguidance").schema, "no numbers here")


def test_without_a_source_the_schema_is_embedded_as_it_is() -> None:
    text = to_lark(compile_schema(Annotated[str, Verbatim()], "llguidance").schema)
    assert "%json" in text
    assert "x-verbatim" not in text


def test_a_long_source_is_taken() -> None:
    text = " ".join(f"word{number}" for number in range(50_000))
    grammar = to_lark({"type": "string", "x-verbatim": "words"}, text)
    assert accepts(grammar, '"word49998 word49999"')
    assert not accepts(grammar, '"word49999 word49998"')


def test_a_source_that_is_too_long_is_an_error_that_says_how_long() -> None:
    with pytest.raises(GrammarError, match="2000001 characters"):
        to_lark({"type": "string", "x-verbatim": "words"}, "x" * 2_000_001)
