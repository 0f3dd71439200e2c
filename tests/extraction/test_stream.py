"""`stream` and `stream_items`: what comes while an answer is written, and how it ends."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import date
from typing import Annotated, Any

import pytest
from pydantic import AfterValidator, AliasChoices, BaseModel, Field, model_validator
from typing_extensions import TypedDict

from structgen import Client
from structgen.answer.draft import Draft
from structgen.answer.partial import ABSENT, GrowingText, Partial, View
from structgen.errors import (
    InvalidOutputError,
    NotJsonError,
    OutputRejectedError,
    Refused,
    StreamBrokenError,
    StructgenError,
    Truncated,
)
from structgen.extraction.listen import _Preamble
from structgen.schema.compiler import compile_schema
from structgen.testing.faulty import error_body
from structgen.testing.scripted import ScriptedModel, ScriptedTransport, events
from tests.extraction.parts import ADA, Address, Person, both, client

# ---- partials -----------------------------------------------------------------------------------


def test_the_last_partial_is_done_and_is_what_extract_returns() -> None:
    partials, result, error = both((ADA,), "stream", Person)
    assert error is None
    assert [partial.done for partial in partials] == [False] * (len(partials) - 1) + [True]
    assert partials[-1].value == result.value == client(ADA).extract(Person, "x")
    assert partials[-1].result is result
    assert partials[-1].state("/addresses/1/city") == "done"


def test_the_first_partial_comes_with_the_first_byte_of_the_answer() -> None:
    partials, _, _ = both((events(ADA, size=1),), "stream", Person)
    assert partials[0].state() == "growing"
    assert partials[0].state("name") == "absent"
    assert len(partials) == len(ADA) + 1


def states(text: str, path: str) -> str:
    """The state of a part after each byte, without repetitions: a letter each."""
    draft: Draft[Person] = Draft(compile_schema(Person, "vllm"))
    found = []
    for at in range(len(text)):
        draft.feed(text[at : at + 1].encode())
        found.append(Partial(draft).state(path)[0])
    return "".join(letter for at, letter in enumerate(found) if at == 0 or found[at - 1] != letter)


def test_every_part_is_absent_then_growing_then_done() -> None:
    for path in (
        "name",
        "age",
        "addresses",
        "/addresses/0",
        "/addresses/0/city",
        "/addresses/0/since",
        "/addresses/1",
    ):
        assert states(ADA, path) == "agd", path
    assert states(ADA, "") == "g"  # done is said of a whole answer by the check alone
    assert states(ADA, "/addresses/7/city") == states(ADA, "/name/x") == "a"


def test_a_field_that_the_text_does_not_state_is_absent_until_its_record_is_done() -> None:
    draft: Draft[Person] = Draft(compile_schema(Person, "groq-strict"))
    draft.feed(ADA[: ADA.index("}]}")].encode())
    partial = Partial(draft)
    assert partial.state("/addresses/1/since") == "absent"
    draft.feed(b"}]")
    assert Partial(draft).value.addresses[1] == Address(city="Paris", since=None)


def test_a_view_reads_like_the_value_and_says_by_type_what_is_done() -> None:
    draft: Draft[Person] = Draft(compile_schema(Person, "vllm"))
    draft.feed(ADA[: ADA.index("ris")].encode())
    value = Partial(draft).value
    assert isinstance(value, View)
    assert (type(value.name), value.name, value.age) == (str, 'Ada "L" Byron', 36)
    assert isinstance(value.addresses, View)
    assert len(value.addresses) == 2
    assert value.addresses[0] == Address(city="London", since=date(1815, 12, 10))
    assert (type(value.addresses[-1].city), value.addresses[-1].city) == (GrowingText, "Pa")
    assert value.addresses[-1].since is value.addresses[9].city is ABSENT
    assert not ABSENT
    assert next(iter(value.addresses)) is value.addresses[0]
    with pytest.raises(AttributeError, match="no field 'nmae'"):
        value.nmae  # noqa: B018


def test_a_repr_shows_no_text_of_the_answer() -> None:
    draft: Draft[Person] = Draft(compile_schema(Person, "vllm"))
    draft.feed(ADA[:60].encode())
    partial = Partial(draft)
    assert not any("Ada" in repr(shown) for shown in (partial, partial.value, draft, draft.scanner))


def test_an_invalid_part_is_never_shown_as_done() -> None:
    draft: Draft[Person] = Draft(compile_schema(Person, "vllm"))
    draft.feed(ADA.replace("36", "-1").encode())
    assert Partial(draft).state("age") == "growing"
    assert Partial(draft).state("name") == "done"


class Movie(TypedDict):
    title: str
    cast: dict[str, int]


def test_typed_dicts_and_maps_are_read_by_key() -> None:
    draft: Draft[Movie] = Draft(compile_schema(Movie, "vllm"))
    draft.feed(b'{"title": "Alien", "cast": {"Weaver": 1, "Hurt"')
    value = Partial(draft).value
    assert value["title"] == "Alien"
    assert (list(value["cast"]), value["cast"]["Weaver"], value["cast"]["Hurt"]) == (
        ["Weaver"],
        1,
        ABSENT,
    )


def test_a_json_schema_gives_plain_data() -> None:
    schema = {
        "type": "object",
        "properties": {
            "a": {"type": "string"},
            "b": {"type": "array", "items": {"type": "integer"}},
        },
    }
    partials, result, _ = both(
        ('{"a": "x", "b": [1, 22]}',), "stream", {**schema, "additionalProperties": False}
    )
    assert [list(partial.value["b"]) for partial in partials if partial.state("b") == "growing"][
        -1
    ][0] == 1
    assert result.value == {"a": "x", "b": [1, 22]}


def test_each_value_is_validated_once_when_it_closes_and_once_with_the_whole_answer() -> None:
    """However many chunks there are, and however deep a value stands."""
    seen: Counter[str] = Counter()

    def note(kind: str) -> Callable[[Any], Any]:
        def validate(value: Any) -> Any:
            seen[kind] += 1
            return value

        return validate

    class Leaf(BaseModel):
        word: Annotated[str, AfterValidator(note("word"))]

        @model_validator(mode="after")
        def noted(self) -> Leaf:
            seen["leaf"] += 1
            return self

    class Branch(BaseModel):
        leaves: Annotated[list[Leaf], AfterValidator(note("leaves"))]

    class Tree(BaseModel):
        branches: list[Branch]

    text = json.dumps({"branches": [{"leaves": [{"word": "abcdef"}] * 3}] * 2})
    for partial in client(events(text, size=2)).stream(Tree, "x"):
        partial.state("/branches/0/leaves/1/word")
    assert seen == {"word": 12, "leaf": 12, "leaves": 4}


# ---- how a stream ends --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "error", "finish_reason"),
    [
        (events(ADA, finish_reason="length"), Truncated, "length"),
        (events(ADA[:40], finish_reason="length"), Truncated, "length"),
        (events(ADA[:40], finish_reason=None, done=False), StreamBrokenError, None),
        (events(ADA, finish_reason="content_filter"), Refused, "content_filter"),
        (events(ADA.replace("36", "-36")), InvalidOutputError, "stop"),
        (events(ADA[:-9]), NotJsonError, "stop"),
        (events(ADA + ADA), NotJsonError, "stop"),
        (events(ADA.replace('"age"', '"name"')), NotJsonError, "stop"),
        (events("I am sorry."), NotJsonError, "stop"),
        (events(""), NotJsonError, "stop"),
        (
            [
                *events(ADA[:40], finish_reason=None, done=False),
                b"event: error\ndata: " + error_body("x", code="json_validate_failed") + b"\n\n",
            ],
            OutputRejectedError,
            None,
        ),
    ],
)
def test_a_bad_answer_ends_in_the_error_of_extract_with_what_had_come(
    line: list[bytes], error: type[StructgenError], finish_reason: str | None
) -> None:
    partials, result, raised = both((line,), "stream", Person, max_reasks=0, mode="strict")
    assert type(raised) is error
    assert result is None
    assert not any(partial.done for partial in partials)
    text = "".join(
        json.loads(piece[6:])["choices"][0]["delta"].get("content", "")
        for piece in line
        if piece.startswith(b"data: {")
    )
    assert (raised.attempts[-1].text or "", raised.attempts[-1].finish_reason) == (
        text,
        finish_reason,
    )
    if error is Truncated:
        assert isinstance(raised, Truncated)
        assert raised.partial["name"] == 'Ada "L" Byron'


def test_a_refusal_in_the_stream_is_one() -> None:
    refusal = events("", finish_reason=None, done=False)
    refusal.append(events("No.")[1].replace(b'"content"', b'"refusal"'))
    _, _, raised = both(([*refusal, *events("")[1:]],), "stream", Person, max_reasks=0)
    assert isinstance(raised, Refused)
    assert raised.refusal == "No."


def test_an_invalid_answer_is_asked_again_and_the_partials_begin_anew() -> None:
    partials, result, _ = both((ADA.replace("36", "-36"), ADA), "stream", Person, max_reasks=1)
    attempts = [partial.attempt for partial in partials]
    assert attempts == sorted(attempts)
    assert set(attempts) == {1, 2}
    assert partials[attempts.index(2)].state("name") == "absent"
    assert [type(attempt.error) for attempt in result.attempts] == [InvalidOutputError, type(None)]


def test_what_stands_around_the_answer_is_not_part_of_it() -> None:
    for before, behind in [
        ("Here it is:\n```json\n", "\n```\nDone."),
        ('<think>{"name": 1}</think>\n', ""),
        ("<thinking>[</thinking>", ""),
    ]:
        partials, result, _ = both((before + ADA + behind,), "stream", Person, mode="json-object")
        assert partials[0].state() == "growing"
        assert result.value.age == 36
        assert result.guarantee.repairs


@pytest.mark.parametrize("size", [1, 3, 200])
def test_reasoning_of_any_length_is_passed_over_however_it_is_cut(size: int) -> None:
    """And what is held back of it stays short."""
    lead = _Preamble()
    text = f"\n<thinking>{'{a < b} ' * 500}</thinking> Here: ```json\n"
    for at in range(0, len(text), size):
        assert lead.rest_of(text[at : at + size]) == ""
        assert len(lead._pending) <= len("</reflection>")
    assert lead.rest_of('{"a": 1}') == '{"a": 1}'


def test_trailing_commas_are_mended_at_the_end_as_by_extract() -> None:
    partials, result, _ = both((ADA.replace("}]}", "},]}"),), "stream", Person, mode="prompt")
    assert result.value.age == 36
    assert result.guarantee.repairs == ("trailing commas",)
    assert partials[-2].state("name") == "done"


def test_a_tool_call_streams_its_arguments() -> None:
    pieces = [events("x")[0]]
    for at in range(0, len(ADA), 5):
        call = [
            {
                "index": 0,
                "function": {
                    "arguments": ADA[at : at + 5],
                    **({"name": "Person"} if at == 0 else {}),
                },
            }
        ]
        pieces.append(
            b"data: "
            + json.dumps({"choices": [{"index": 0, "delta": {"tool_calls": call}}]}).encode()
            + b"\n\n"
        )
    partials, result, _ = both(
        ([*pieces, *events("", finish_reason="tool_calls")[1:]],), "stream", Person, mode="tool"
    )
    assert len(partials) > 10
    assert result.value.age == 36


# ---- what will happen ---------------------------------------------------------------------------


def test_the_plan_says_that_groq_streams_in_json_object_mode() -> None:
    """It cannot stream an answer that it holds to a schema."""
    groq = Client("groq:openai/gpt-oss-20b", api_key="k", transport=ScriptedTransport(ADA))
    assert (groq.plan(Person, "x").mode, groq.plan(Person, "x").stream) == ("strict", False)
    planned = groq.plan(Person, "x", stream=True)
    assert planned.body is not None
    assert (planned.mode, planned.stream, planned.body["response_format"]) == (
        "json-object",
        True,
        {"type": "json_object"},
    )
    assert planned.body["stream"] is True
    result = list(groq.stream(Person, "x"))[-1].result
    assert result is not None
    assert "json-object" in result.guarantee.engine


def test_a_mode_that_cannot_stream_gives_one_partial() -> None:
    groq = Client(
        "groq:openai/gpt-oss-20b", api_key="k", transport=ScriptedTransport(ADA), mode="strict"
    )
    assert groq.plan(Person, "x", stream=True).stream is False
    partials = list(groq.stream(Person, "x"))
    assert [partial.done for partial in partials] == [True]
    assert partials[0].value == client(ADA).extract(Person, "x")


def test_an_engine_that_does_not_stream_gives_one_partial() -> None:
    model = Client(ScriptedModel(ADA))
    assert model.plan(Person, "x", stream=True).stream is False
    assert [partial.value.age for partial in model.stream(Person, "x")] == [36]


# ---- early stop ---------------------------------------------------------------------------------


def test_an_answer_that_cannot_become_valid_is_stopped_and_asked_again() -> None:
    wrong = '{"name": "Ada", "age": {"years": 36}, "addresses": []}'
    partials, result, _ = both(
        (events(wrong, size=1), ADA), "stream", Person, mode="json-object", max_reasks=1
    )
    assert result.attempts[0].text == wrong[: wrong.index("{", 1) + 1]
    assert str(result.attempts[0].error.violations[0]).startswith("/age:")
    assert partials[-1].value.age == 36


@pytest.mark.parametrize(
    "answer",
    [
        '{"age": 36, "name": "Ada"}',
        '{"addresses": [{"since": null, "city": "x"}], "name": "Ada", "age": 3.6e1}',
        '{"\\u006eame": "\\u0041da", "age": 36, "more": {"x": [1]}}',
        '{ "name" : "Ada" ,\n\t"age":36.0}',
    ],
)
def test_a_valid_answer_is_never_stopped(answer: str) -> None:
    """In any order, with escapes, unasked members, and numbers in another notation."""
    assert (
        list(client(answer, max_reasks=0).stream(Person, "x", mode="json-object"))[-1].value.age
        == 36
    )


class Aliased(BaseModel):
    name: str = Field(alias="theName")
    number: int = Field(validation_alias=AliasChoices("no", "num"), default=0)


class Holder(BaseModel):
    held: Aliased
    note: str = ""


def test_a_part_with_an_alias_keeps_its_state_when_the_answer_is_done() -> None:
    text = '{"held": {"theName": "Ada", "no": 3}, "note": "long enough to come later"}'
    client = Client("openai:gpt-6.1-sol", api_key="k", transport=ScriptedTransport(text))
    paths = ["/held/theName", "/held/name", "/held/no", "/held/number"]
    seen = [[partial.state(path) for path in paths] for partial in client.stream(Holder, "Ada")]
    assert seen[0] == ["absent"] * 4
    assert seen[-2] == seen[-1] == ["done"] * 4


@pytest.mark.parametrize(
    ("target", "text", "data"),
    [
        (Aliased, '{"theName": "Ada"}', {"theName": "Ada"}),
        (list[int], "[1, 2]", [1, 2]),
        (int, "42", 42),
        (bool, "true", True),
    ],
)
def test_the_last_partial_has_the_data_of_an_answer_that_came_in_one_piece(
    target: Any, text: str, data: Any
) -> None:
    (partial,) = Client(ScriptedModel(text)).stream(target, "Ada")
    assert partial.done
    assert partial.data == data
