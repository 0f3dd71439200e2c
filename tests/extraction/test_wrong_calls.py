"""A call that cannot be right is a usage error that says what to change; nothing is asked."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel

import structgen
from structgen.errors import ConfigurationError, InputError
from structgen.testing import ScriptedModel


def test_an_unknown_option_is_met_with_the_nearest_one() -> None:
    with pytest.raises(ConfigurationError, match=r"Unknown option: max_token\. Did you mean max_t"):
        structgen.Client(ScriptedModel("1"), max_token=5)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"on_shortened": "kep"}, "`on_shortened` is 'kep', but must be 'raise' or 'keep'."),
        ({"on_invalid_items": True}, "`on_invalid_items` is True, but must be 'raise' or 'keep'."),
        ({"temperature": "hot"}, "`temperature` is 'hot', but must be a number."),
        ({"max_tokens": "5"}, "`max_tokens` is '5', but must be a whole number, at least 1."),
        ({"max_reasks": -1}, "`max_reasks` is -1, but must be a whole number, at least 0."),
        ({"total_timeout": "5"}, "`total_timeout` is '5', but must be a number of seconds"),
        ({"token_budget": "a"}, "`token_budget` is 'a', but must be a whole number, at least 0."),
    ],
)
def test_an_option_of_another_kind_is_told_before_anything_is_asked(
    option: dict[str, Any], said: str
) -> None:
    model = ScriptedModel("1")
    with pytest.raises(ConfigurationError) as raised:
        structgen.Client(model).extract(int, "text", **option)
    assert str(raised.value).startswith(said)
    assert model.asked == []


@pytest.mark.parametrize(
    ("document", "said"),
    [
        (None, "The document is of type NoneType, not a text or messages."),
        (5, "The document is of type int"),
        (b"text", "The document is of type bytes"),
        ({"a": 1}, "The document is of type dict"),
        (["text"], "A message of the conversation has no `role`."),
        ([{"content": "text"}], "A message of the conversation has no `role`."),
        ([], "The conversation has no messages."),
    ],
)
def test_what_is_no_document_is_told_before_anything_is_asked(document: Any, said: str) -> None:
    model = ScriptedModel("1")
    with pytest.raises(InputError) as raised:
        structgen.Client(model).extract(int, document)
    assert str(raised.value).startswith(said)
    assert model.asked == []


class Person(BaseModel):
    name: str
    age: int | None = None


@pytest.mark.parametrize(
    ("examples", "said"),
    [
        (5, "`examples` is not a list of examples. Write examples=[(text, value), ...]"),
        ([("Ada",)], "Example 1 is not a text with a value."),
        ([("Ada", Person(name="Ada")), "Bo"], "Example 2 is not a text with a value."),
        ([{"text": "Ada"}], "Example 1 is not a text with a value."),
        ([("Ada", {"nam": "Ada"})], "Example 1: the value is not a valid Person: /name"),
        ([("Ada", Person)], "Example 1: the value is not a valid Person: "),
    ],
)
def test_an_example_that_is_none_is_told_by_its_number(examples: Any, said: str) -> None:
    with pytest.raises(InputError) as raised:
        structgen.Client(ScriptedModel("{}")).plan(Person, "text", examples=examples)
    assert str(raised.value).startswith(said)


@pytest.mark.parametrize("name", ["instructions", "context"])
def test_what_the_prompt_holds_is_text(name: str) -> None:
    call: Any = {name: 5}
    with pytest.raises(InputError, match=rf"`{name}` is not a text\. Pass a str"):
        structgen.Client(ScriptedModel("1")).plan(int, "text", **call)
