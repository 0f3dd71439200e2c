"""A text that the document does not hold is taken back as soon as it has closed."""

from __future__ import annotations

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from structgen.answer.taking_back import TakingBack
from structgen.answer.unstated import Rules
from structgen.local.decode.request import DecodeRequest
from structgen.schema.compiler import compile_schema
from structgen.schema.target import target_of
from tests.local.decode.fake_runtime import VOCABULARY, FakeRuntime, written

DOCUMENT = "Ada the name 12 e"
TEXT = {"type": ["string", "null"], "maxLength": 3}
RECORD = {
    "type": "object",
    "properties": {
        "note": {"type": "string", "maxLength": 3},
        "town": TEXT,
        "towns": {"type": "array", "items": {"type": "string", "maxLength": 3}, "maxItems": 3},
        "cells": {"type": "array", "items": TEXT, "minItems": 2, "maxItems": 2},
        "last": {"type": "string", "maxLength": 3},
    },
    "required": ["note", "town", "towns", "cells", "last"],
    "additionalProperties": False,
}
RECORDS = {"type": "array", "items": RECORD, "maxItems": 2}
SCHEMAS = [RECORD, RECORDS]
BUDGETS = st.sampled_from([20, 60, 400])


def rules_of(schema: Any) -> TakingBack:
    target = target_of(schema)
    return TakingBack(compile_schema(target, "llguidance"), Rules(target, DOCUMENT))


def answer_to(schema: Any, prompt: int, budget: int, **how: Any) -> Any:
    return written(schema, prompt=[prompt], budget=budget, rules=rules_of(schema), **how)


@pytest.mark.parametrize("schema", SCHEMAS, ids=["record", "list"])
@settings(max_examples=40)
@given(prompt=st.integers(0, 200), budget=BUDGETS)
def test_nothing_stays_that_the_rules_would_take_out(
    schema: dict[str, Any], prompt: int, budget: int
) -> None:
    heard: list[str] = []
    decoded = answer_to(schema, prompt, budget, watch=heard.append).written
    assert decoded.tokens <= budget
    assert "".join(heard) == decoded.text == "".join(text for text, _ in decoded.logprobs)
    if decoded.finish_reason == "length":
        return
    value = json.loads(decoded.text)
    jsonschema.validate(value, schema)
    ruled = Rules(target_of(schema), DOCUMENT).apply(value)
    # What was ended early because no token was left is for the rules, as are items that stay.
    assert not ruled.removed or decoded.shortened or len(decoded.text) > budget
    assert len({one.path for one in decoded.removed}) == len(decoded.removed)


@settings(max_examples=30)
@given(prompt=st.integers(0, 200))
def test_what_follows_is_written_after_null_and_not_after_what_was_taken_back(prompt: int) -> None:
    runtime = FakeRuntime()
    decoded = answer_to(RECORD, prompt, 400, runtime=runtime).written
    held = runtime.held[0]
    text = b"".join(VOCABULARY.pieces[token] for token in held[1:])
    assert held[0] == prompt
    assert decoded.text.encode().startswith(text)


@settings(max_examples=30)
@given(prompt=st.integers(0, 200), budget=BUDGETS)
def test_a_model_that_cannot_forget_in_part_writes_the_same(prompt: int, budget: int) -> None:
    plain = answer_to(RECORDS, prompt, budget).written
    again = answer_to(RECORDS, prompt, budget, runtime=FakeRuntime(forgets=False)).written
    small = answer_to(RECORDS, prompt, budget, runtime=FakeRuntime(batch=3)).written
    assert (again.text, again.removed) == (plain.text, plain.removed)
    assert (small.text, small.removed) == (plain.text, plain.removed)


def test_it_happens_and_is_told() -> None:
    found = [answer_to(RECORD, prompt, 400).written for prompt in range(30)]
    removed = [one for decoded in found for one in decoded.removed]
    assert {one.path for one in removed} >= {"/town", "/towns/0", "/cells/0"}
    assert {one.reason for one in removed} <= {"ungrounded", "null"}
    for decoded in found:
        value = json.loads(decoded.text)
        for one in decoded.removed:
            if one.path == "/town":
                assert value["town"] is None
    drawn = answer_to(RECORD, 1, 400, temperature=1.0, seed=7).written
    assert drawn.text == answer_to(RECORD, 1, 400, temperature=1.0, seed=7).written.text


def test_a_request_without_rules_takes_nothing_back() -> None:
    assert DecodeRequest.__dataclass_fields__["rules"].default is None
    texts = [written(RECORD, prompt=[prompt]).written for prompt in range(10)]
    assert not any(decoded.removed for decoded in texts)
    assert any(json.loads(decoded.text)["town"] for decoded in texts)
