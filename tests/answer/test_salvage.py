"""Valid items beside rejected ones: the valid are kept, the others listed, none is dropped."""

from __future__ import annotations

import asyncio
import json
import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, Field, NonNegativeInt, field_validator

import structgen
from structgen.answer.salvage import drop_invalid_items
from structgen.errors import InvalidOutputError
from structgen.schema.compiler import compile_schema
from structgen.testing import ScriptedModel, ScriptedTransport
from structgen.values import Answer


class Line(BaseModel):
    sku: str
    count: int = Field(ge=0)

    @field_validator("sku")
    @classmethod
    def known(cls, sku: str) -> str:
        if sku == "unknown":
            raise ValueError("is not known")
        return sku


class Order(BaseModel):
    id: int
    lines: list[Line]


class Batch(BaseModel):
    orders: list[Order]


GOOD, OVER, STRANGE = (
    {"sku": "a", "count": 1},
    {"sku": "b", "count": -1},
    {"sku": "unknown", "count": 1},
)


def client(*script: Any, **options: Any) -> structgen.Client:
    return structgen.Client(
        "openai:gpt",
        api_key="k",
        transport=ScriptedTransport(*script),
        **{"max_reasks": 0, **options},
    )


def violations(compiled: Any, text: str) -> Any:
    with pytest.raises(InvalidOutputError) as error:
        compiled.read_json(text)
    return error.value.violations


@pytest.mark.parametrize("mode", ["strict", "best-effort", "json-object", "prompt"])
def test_the_error_carries_the_valid_items_and_the_others(mode: str) -> None:
    with pytest.raises(InvalidOutputError) as error:
        client(json.dumps({"value": [OVER, GOOD, STRANGE, GOOD]}), mode=mode).extract(
            list[Line], "a text"
        )
    assert error.value.salvaged == [Line.model_validate(GOOD), Line.model_validate(GOOD)]
    assert [(item.path, item.value) for item in error.value.rejected] == [
        ("/0", OVER),
        ("/2", STRANGE),
    ]
    assert [violation.path for violation in error.value.rejected[0].violations] == ["/0/count"]
    assert "unknown" not in repr(error.value.rejected[1].value.__class__), (
        "and no text of the document shows"
    )
    assert pickle.loads(pickle.dumps(error.value)).salvaged == error.value.salvaged


def test_kept_items_come_with_the_rejected_ones_after_the_questions_are_used_up() -> None:
    wrong, better = json.dumps({"value": [OVER, OVER]}), json.dumps({"value": [GOOD, OVER]})
    result = client(wrong, better, max_reasks=1, on_invalid_items="keep").extract_result(
        list[Line], "a text"
    )
    assert result.value == [Line.model_validate(GOOD)]
    assert [item.path for item in result.rejected] == ["/1"]
    assert len(result.attempts) == 2
    assert all(isinstance(attempt.error, InvalidOutputError) for attempt in result.attempts)


def test_an_answer_without_faults_has_no_rejected_items() -> None:
    result = client(json.dumps({"value": [GOOD]}), on_invalid_items="keep").extract_result(
        list[Line], "a text"
    )
    assert result.value == [Line.model_validate(GOOD)]
    assert result.rejected == ()


def test_lists_inside_records_lose_their_own_items_only() -> None:
    answer = {
        "orders": [
            {"id": 1, "lines": [GOOD, OVER]},
            {"id": "x", "lines": [OVER]},
            {"id": 3, "lines": [STRANGE]},
        ]
    }
    result = client(json.dumps(answer), on_invalid_items="keep").extract_result(Batch, "a text")
    assert result.value == Batch(
        orders=[Order(id=1, lines=[Line.model_validate(GOOD)]), Order(id=3, lines=[])]
    )
    assert sorted(item.path for item in result.rejected) == [
        "/orders/0/lines/1",
        "/orders/1",
        "/orders/2/lines/0",
    ]


@pytest.mark.parametrize(
    ("target", "answer"),
    [
        (Order, {"id": "x", "lines": [GOOD]}),
        (list[Line], {"value": [OVER]}),
        (list[Line], {"value": 3}),
        (tuple[int, int], {"value": {"item_1": 1, "item_2": "x"}}),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 2}, {"value": [1, "x"]}),
    ],
    ids=str,
)
def test_a_fault_that_no_item_can_be_blamed_for_is_raised_whatever_the_option(
    target: Any, answer: Any
) -> None:
    with pytest.raises(InvalidOutputError) as error:
        client(json.dumps(answer), on_invalid_items="keep").extract(target, "a text")
    assert error.value.salvaged is None
    assert error.value.rejected == ()


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(st.lists(st.sampled_from([GOOD, OVER, STRANGE, {"sku": "c"}, 3, None]), max_size=8))
def test_kept_and_rejected_items_are_together_what_was_answered(items: list[Any]) -> None:
    compiled = compile_schema(list[Line], "llguidance")
    text = json.dumps(items)
    if all(item is GOOD for item in items):
        assert compiled.decode_json(text) == [Line.model_validate(GOOD)] * len(items)
        return
    sifted = drop_invalid_items(text, compiled, violations(compiled, text))
    if GOOD not in items:
        assert sifted is None
        return
    assert sifted is not None
    assert sifted[0] == [Line.model_validate(GOOD)] * items.count(GOOD)
    assert {int(item.path[1:]): item.value for item in sifted[1]} == {
        i: item for i, item in enumerate(items) if item != GOOD
    }


@pytest.mark.parametrize("keep", [True, False])
def test_streamed_items_end_as_whole_answers_do(keep: bool) -> None:
    text = json.dumps({"value": [OVER, GOOD, STRANGE, GOOD]})
    options: dict[str, Any] = {"on_invalid_items": "keep"} if keep else {}
    got: list[Line] = []
    with client(text).stream_items(Line, "a text", **options) as items:
        if keep:
            got += items
            assert items.result is not None
            assert [item.path for item in items.result.rejected] == ["/0", "/2"]
            assert items.result.value == got
        else:
            with pytest.raises(InvalidOutputError) as error:
                got.extend(items)
            assert error.value.salvaged == got
            assert [item.path for item in error.value.rejected] == ["/0", "/2"]
    assert got == [Line.model_validate(GOOD), Line.model_validate(GOOD)]


def test_confidences_of_items_that_moved_are_not_told() -> None:
    tokens = (("[", 0.0), ("-1", -0.1), (",", 0.0), ("2", -0.2), ("]", 0.0))
    answer = Answer(text="[-1,2]", finish_reason="stop", logprobs=tokens, shortened=("/1",))
    asked = structgen.Client(ScriptedModel(answer), max_reasks=0, on_shortened="keep")
    result = asked.extract_result(list[NonNegativeInt], "a text", on_invalid_items="keep")
    assert (result.value, dict(result.confidence), result.shortened) == ([2], {}, frozenset({""}))
    assert dict(asked.extract_result(list[int], "a text").confidence).keys() == {"/0", "/1"}


def test_sync_equals_async() -> None:
    text = json.dumps({"value": [OVER, GOOD]})

    async def run() -> Any:
        async with structgen.AsyncClient(
            "openai:gpt", api_key="k", transport=ScriptedTransport(text)
        ) as asked:
            return await asked.extract_result(
                list[Line], "a text", max_reasks=0, on_invalid_items="keep"
            )

    one, two = (
        client(text).extract_result(list[Line], "a text", on_invalid_items="keep"),
        asyncio.run(run()),
    )
    assert (one.value, one.rejected) == (two.value, two.rejected)
