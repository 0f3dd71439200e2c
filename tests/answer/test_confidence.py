"""Token probabilities become confidences at the right places, whatever form the answer had."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

import structgen
from structgen.answer.confidence import confidence
from structgen.answer.origins import Origins
from structgen.answer.scanner import Scanner
from structgen.errors import ConfigurationError
from structgen.schema.compiler import compile_schema
from structgen.schema.json import pointer_of, same_json, unescape
from structgen.schema.target import target_of
from structgen.testing import ScriptedModel, ScriptedTransport
from structgen.values import Answer, Json
from tests.laws.leaves import Typed
from tests.laws.strategies import types

MISSING = object()


class Line(BaseModel):
    sku: str
    paid: bool


class Order(BaseModel):
    id: int
    lines: list[Line]
    counts: dict[str, int] = {}
    flags: dict[str, bool] = {}
    place: tuple[float, float] | None = None
    note: str | None = None


ORDER = Order(
    id=36,
    lines=[Line(sku="a", paid=True)],
    counts={"a/b": 3},
    flags={"new": False},
    place=(1.5, 2.5),
    note='say "hi" \U0001f600',
)


def at(value: Json, path: str) -> Any:
    """What stands at a JSON Pointer, MISSING where nothing does."""
    for step in map(unescape, path.split("/")[1:]):
        if isinstance(value, list):
            value = value[int(step)]
        elif isinstance(value, dict) and step in value:
            value = value[step]
        else:
            return MISSING
    return value


@pytest.mark.parametrize("language", ["groq-strict", "llguidance"])
def test_every_scalar_of_the_value_has_the_product_of_the_tokens_it_was_written_with(
    language: str,
) -> None:
    compiled = compile_schema(Order, language)
    text = json.dumps(compiled.encode(ORDER), ensure_ascii=False)
    found = confidence(text, [(letter, -0.1) for letter in text], compiled)
    assert found.keys() == {
        "/id",
        "/lines/0/sku",
        "/lines/0/paid",
        "/counts/a~1b",
        "/flags/new",
        "/place/0",
        "/place/1",
        "/note",
    }
    assert found["/id"] == pytest.approx(math.exp(-0.2))
    assert found["/lines/0/sku"] == pytest.approx(math.exp(-0.2)), (
        "a string's closing quote is part of it"
    )
    assert found["/flags/new"] == pytest.approx(math.exp(-0.5))


def test_a_token_that_spans_a_value_and_what_follows_counts_and_others_do_not() -> None:
    compiled = compile_schema(Line, "llguidance")
    tokens = [
        ('{"sku":"', -9.0),
        ("a", -0.1),
        ('","', -0.2),
        ('paid":', -9.0),
        ("tr", -0.3),
        ("ue}", -0.4),
    ]
    found = confidence('{"sku":"a","paid":true}', [("<think>", -9.0), *tokens], compiled)
    assert found == pytest.approx({"/sku": math.exp(-0.3), "/paid": math.exp(-0.7)})


def test_a_character_of_several_tokens_counts_all_of_them() -> None:
    tokens = [
        ('{"sku":"', 0.0),
        ("", -0.1),
        ("", -0.2),
        ("\U0001f600", -0.3),
        ('","paid":true}', 0.0),
    ]
    found = confidence(
        '{"sku":"\U0001f600","paid":true}', tokens, compile_schema(Line, "llguidance")
    )
    assert found["/sku"] == pytest.approx(math.exp(-0.6))


def test_tokens_of_another_text_give_no_confidence() -> None:
    assert (
        confidence(
            '{"sku":"a","paid":true}',
            [('{"sku":"a","paid":true,}', -0.1)],
            compile_schema(Line, "llguidance"),
        )
        == {}
    )


def test_a_field_that_is_left_out_has_the_probability_of_its_null() -> None:
    compiled = compile_schema(Order, "groq-strict")
    text = json.dumps(compiled.encode(Order(id=1, lines=[])))
    assert confidence(text, [(text, -0.5)], compiled)["/note"] == pytest.approx(math.exp(-0.5))


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
@given(typed=types(), data=st.data())
def test_what_an_answer_holds_is_found_where_it_went(typed: Typed, data: st.DataObject) -> None:
    target = target_of(typed.type)
    value = data.draw(typed.values)
    for language in ("groq-strict", "llguidance", "json-object"):
        compiled = compile_schema(target, language)
        answer = compiled.encode(value)
        text = json.dumps(answer)
        restored, absent = compiled.restored(json.loads(text))
        origins = Origins(compiled, json.loads(text))
        scanner = Scanner()
        spans = [*scanner.feed(text.encode()), *scanner.finish()[1]]
        for span in spans:
            place = origins.place(pointer_of(span.path)) if span.what == "scalar" else None
            if place is None or place in absent:
                continue
            there = at(restored, place)
            assert there is not MISSING
            if not isinstance(span.value, str):  # a string may be the JSON text of what is there
                assert isinstance(there, dict | list) or same_json(there, span.value), (
                    language,
                    place,
                )


# ---- over the wire and in this process ----------------------------------------------------------


def envelope(text: str, logprobs: Any) -> bytes:
    choice = {
        "index": 0,
        "message": {"role": "assistant", "content": text},
        "finish_reason": "stop",
        "logprobs": logprobs,
    }
    return json.dumps({"id": "1", "model": "m", "choices": [choice]}).encode()


def test_probabilities_are_asked_for_and_read_with_their_bytes() -> None:
    smile = "\U0001f600".encode()
    content = [
        {"token": '{"sku":"', "logprob": 0.0, "bytes": list(b'{"sku":"')},
        {"token": "\\xf0\\x9f", "logprob": -0.1, "bytes": list(smile[:2])},
        {"token": "\\x98\\x80", "logprob": -0.2, "bytes": list(smile[2:])},
        {"token": '","paid":true}', "logprob": 0.0, "bytes": None},
    ]
    port = ScriptedTransport([envelope('{"sku":"\U0001f600","paid":true}', {"content": content})])
    client = structgen.Client("openai:gpt", api_key="k", transport=port)
    result = client.extract_result(Line, "a text", logprobs=True)
    assert json.loads(port.requests[0].body)["logprobs"] is True
    assert result.confidence["/sku"] == pytest.approx(math.exp(-0.3))
    assert "logprobs" not in (client.plan(Line, "a text").body or {})


@pytest.mark.parametrize(
    "logprobs",
    [None, [], {"content": None}, {"content": [3]}, {"content": [{"token": "x", "logprob": "y"}]}],
)
def test_strange_probabilities_are_none(logprobs: Any) -> None:
    port = ScriptedTransport([envelope('{"sku":"a","paid":true}', logprobs)])
    result = structgen.Client("openai:gpt", api_key="k", transport=port).extract_result(
        Line, "a text", logprobs=True
    )
    assert result.value.sku == "a"
    assert result.confidence == {}


def test_a_backend_without_probabilities_says_what_to_use_instead() -> None:
    groq = structgen.Client(
        "groq:openai/gpt-oss-20b", api_key="k", transport=ScriptedTransport("{}")
    )
    with pytest.raises(ConfigurationError, match="samples"):
        groq.extract(Line, "a text", logprobs=True)
    with pytest.raises(ConfigurationError, match="samples"):
        groq.plan(Line, "a text", logprobs=True)
    with pytest.raises(ConfigurationError, match="streamed"):
        list(
            structgen.Client("openai:gpt", api_key="k", transport=ScriptedTransport("{}")).stream(
                Line, "a text", logprobs=True
            )
        )


def test_a_real_server_gives_a_confidence_for_every_field(llama_server: Any) -> None:
    with structgen.Client(
        "llamacpp:smollm2", base_url=llama_server.base_url, api_key=llama_server.api_key
    ) as client:
        result = client.extract_result(
            Line, "Article A-7 was paid.", logprobs=True, temperature=0, max_tokens=60
        )
    assert result.confidence.keys() == {"/sku", "/paid"}
    assert all(0 < share <= 1 for share in result.confidence.values())


def test_what_a_budget_cut_short_is_named_in_terms_of_the_value() -> None:
    answer = Answer(
        text='{"id":1,"lines":[{"sku":"abc","paid":true}]}',
        finish_reason="stop",
        shortened=("/lines/0/sku", "/lines", "/else"),
    )
    result = structgen.Client(ScriptedModel(answer), on_shortened="keep").extract_result(
        Order, "a text"
    )
    assert result.shortened == {"/lines/0/sku", "/lines", "/else"}, (
        "and what has no place there, in the answer's own terms"
    )
