"""A value that was cut short is an error unless the caller asked for it, on every backend."""

from __future__ import annotations

import pytest

import structgen
from structgen.errors import Truncated
from structgen.testing.scripted import ScriptedModel
from structgen.values import Answer, Usage

FRUITS = '["apple","pea",""]'


def cut(text: str = FRUITS, *shortened: str) -> Answer:
    return Answer(
        text=text,
        finish_reason="stop",
        shortened=shortened or ("/2", ""),
        usage=Usage(completion_tokens=9),
    )


def test_a_shortened_value_is_truncated_and_on_the_error() -> None:
    with pytest.raises(Truncated) as raised:
        structgen.Client(ScriptedModel(cut())).extract(list[str], "a text")
    assert raised.value.salvaged == ["apple", "pea", ""]
    assert raised.value.shortened == {"/2", ""}
    assert raised.value.partial == ["apple", "pea"]
    assert raised.value.attempts[0].text == FRUITS


def test_a_caller_who_asked_for_it_gets_the_value_and_what_was_cut_in_it() -> None:
    client = structgen.Client(ScriptedModel(cut()), on_shortened="keep")
    result = client.extract_result(list[str], "a text")
    assert (result.value, result.shortened) == (["apple", "pea", ""], {"/2", ""})
    assert result.to_dict("value", "shortened") == {
        "value": ["apple", "pea", ""],
        "shortened": ["", "/2"],
    }


def test_a_list_goes_on_behind_its_last_item_that_was_not_cut() -> None:
    model = ScriptedModel(cut(), '["pear","fig"]')
    client = structgen.Client(model, max_continuations=1)
    with pytest.raises(Truncated):
        structgen.Client(ScriptedModel(cut())).extract(list[str], "a text")
    assert client.extract(list[str], "a text") == ["apple", "pea", "pear", "fig"]


def test_every_part_cut_short_keeps_the_items_before_it() -> None:
    model = ScriptedModel(cut(), cut('["pear","f"]', "/1"))
    with pytest.raises(Truncated) as raised:
        structgen.Client(model, max_continuations=1).extract(list[str], "a text")
    assert raised.value.partial == ["apple", "pea", "pear"]
    assert raised.value.salvaged is None


def test_the_tokens_that_a_continuation_takes_are_not_those_of_the_fallback() -> None:
    asked: list[int] = []

    class Counting(ScriptedModel):
        def generate(self, messages, schema, options, document=None):  # type: ignore[no-untyped-def]
            asked.append(options.max_tokens)
            return super().generate(messages, schema, options, document)

    short = [Answer(text='{"a": "x', finish_reason="length", usage=Usage(completion_tokens=5))] * 2
    fallback = structgen.Client(Counting('"done"'))
    client = structgen.Client(
        Counting(*short), fallback=[fallback], max_tokens=5, max_continuations=1, max_reasks=0
    )
    assert client.extract(str, "a text") == "done"
    assert asked == [5, 10, 5]
