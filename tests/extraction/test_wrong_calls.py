"""A call that cannot be right is a usage error that says what to change; nothing is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

import structgen
from structgen.errors import ConfigurationError, InputError
from structgen.pipeline import JobLimits
from structgen.providers import Price, RateLimits
from structgen.schema.verbatim import Verbatim
from structgen.testing import ScriptedModel, ScriptedTransport


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
        ({"total_timeout": "1"}, "`total_timeout` is '1', but must be a number of seconds above 0"),
        ({"timeout": "10"}, "`timeout` is '10', but must be a number of seconds above 0, or None."),
        ({"timeout": 0}, "`timeout` is 0, but must be a number of seconds above 0"),
        ({"timeout": float("nan")}, "`timeout` is nan"),
        ({"max_reasks": "1"}, "`max_reasks` is '1'"),
        ({"max_retries": -1}, "`max_retries` is -1"),
        ({"max_retries": True}, "`max_retries` is True"),
        ({"temperature": None}, "`temperature` is None"),
        ({"temperature": -0.1}, "`temperature` is -0.1, but must be a number. The least is 0."),
        ({"top_p": 1.5}, "`top_p` is 1.5, but must be a number from 0 to 1."),
        ({"samples": "3"}, "`samples` is '3'"),
        ({"samples": 0}, "`samples` is 0, but must be a whole number, at least 1."),
        ({"max_tokens": 0}, "`max_tokens` is 0"),
        ({"max_tokens": 10.0}, "`max_tokens` is 10.0"),
        ({"seed": "a"}, "`seed` is 'a', but must be a whole number."),
        ({"extra_body": ["a"]}, "`extra_body` is ['a'], but must be a mapping"),
        ({"extra_body": {1: 2}}, "`extra_body` is {1: 2}"),
        ({"stop": 5}, "`stop` is 5, but must be a text, or a list of texts."),
        ({"stop": [""]}, "`stop` is ['']"),
        ({"logprobs": 1}, "`logprobs` is 1, but must be True or False."),
        ({"mode": "fast"}, "`mode` is 'fast', but must be 'decoder', 'decisions'"),
        ({"accept": 1.0}, "`accept` is 1.0, but must be a number from 0.5 to 0.999."),
        ({"cost_budget": "5"}, "`cost_budget` is '5'"),
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
        (["text"], "The document is a list of texts"),
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


SECRET = "sk-secret"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"model": Person}, "`model` is "),
        ({"model": 5}, "`model` is 5, but must be the name of a model, or an engine."),
        ({"base_url": 8000}, "`base_url` is 8000, but must be a text, or None."),
        (
            {"api_key": [SECRET]},
            "`api_key` is list, but must be a text, or a function that gives one.",
        ),
        ({"fallback": ["local"]}, "`fallback` is ['local'], but must be a list of clients"),
        ({"fallback": structgen.Client}, "`fallback` is "),
        ({"hooks": print}, "`hooks` is <built-in function print>, but must be a list of functions"),
        ({"hooks": [5]}, "`hooks` is [5]"),
        ({"rate_limits": {}}, "`rate_limits` is {}, but must be a structgen.providers.RateLimits"),
        ({"prices": {}}, "`prices` is {}, but must be a list of structgen.providers.Price"),
        ({"capabilities": "x"}, "`capabilities` is 'x'"),
        ({"http_client": object()}, "`http_client` is <object"),
        ({"http2": "yes"}, "`http2` is 'yes', but must be True or False."),
        ({"max_connections": 0}, "`max_connections` is 0"),
        ({"transport": print}, "`transport` is <built-in function print>"),
        ({"temperature": "hot"}, "`temperature` is 'hot'"),
    ],
)
def test_an_argument_of_a_client_of_another_kind_is_told(
    arguments: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigurationError) as raised:
        structgen.Client(**{"model": "vllm:m", "base_url": "http://127.0.0.1:9/v1", **arguments})
    assert str(raised.value).startswith(said)
    assert SECRET not in str(raised.value)


@pytest.mark.parametrize(
    ("make", "arguments"),
    [
        (JobLimits, {"max_cost": "5"}),
        (JobLimits, {"max_failure_share": 1.5}),
        (JobLimits, {"window": 0}),
        (JobLimits, {"first": -1}),
        (RateLimits, {"requests_per_minute": "500"}),
        (RateLimits, {"tokens_per_day": 0}),
        (Price, {"provider": "x", "input": "1", "output": 1}),
        (Verbatim, {"by": "letters"}),
    ],
)
def test_what_is_given_to_a_client_or_a_job_is_checked_where_it_is_made(
    make: Any, arguments: dict[str, Any]
) -> None:
    with pytest.raises(ConfigurationError, match="but must be"):
        make(**arguments)


@pytest.mark.parametrize(
    "arguments",
    [
        {"concurrency": "5"},
        {"concurrency": 0},
        {"journal": 5},
        {"limits": {"max_cost": 5}},
        {"ordered": "yes"},
        {"retry_failed": None},
    ],
)
def test_an_argument_of_map_of_another_kind_is_told(arguments: dict[str, Any]) -> None:
    model = ScriptedModel("1")
    with pytest.raises(ConfigurationError, match="but must be"):
        list(structgen.Client(model).map(int, ["text"], **arguments))
    assert model.asked == []


@pytest.mark.parametrize(
    "arguments",
    [
        {"client": "local"},
        {"concurrency": 2.5},
        {"batch": "submit"},
        {"limits": 5},
        {"log": "print"},
        {"on_progress": 5},
        {"retry_failed": 1},
    ],
)
def test_an_argument_of_a_job_of_another_kind_is_told(
    arguments: dict[str, Any], tmp_path: Path
) -> None:
    given = {"client": structgen.Client(ScriptedModel("1")), "output": tmp_path / "o.jsonl"}
    with pytest.raises(ConfigurationError, match="but must be"):
        structgen.Job(int, ["text"], **{**given, **arguments})


HALF = "Ada \ud800"
"""A text with half of a surrogate pair, as `errors="surrogateescape"` makes them."""


@pytest.mark.parametrize(
    "call",
    [
        {"document": HALF},
        {"instructions": HALF},
        {"instructions": "Of {name}.", "instruction_values": {"name": HALF}},
        {"context": HALF},
        {"examples": [(HALF, {"name": "Ada"})]},
    ],
    ids=["document", "instructions", "value", "context", "example"],
)
def test_half_of_a_surrogate_pair_is_the_business_of_who_sends_it(
    call: dict[str, Any], tmp_path: Path
) -> None:
    """A plan, an estimate and the key of a cache are made all the same."""
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    given = {"document": "Ada", **call}
    client = structgen.Client(ScriptedModel('{"name": "Ada"}'), cache=tmp_path / "cache.db")
    assert client.plan(schema, **given).tokens
    assert client.extract(schema, **given) == {"name": "Ada"}
    assert client.extract_result(schema, **given).cached
    server = structgen.Client("groq:gpt", api_key="k", transport=ScriptedTransport())
    with pytest.raises(InputError, match="Cannot write the request"):
        server.extract(schema, **given)
